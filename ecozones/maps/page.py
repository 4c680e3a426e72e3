"""The page: one element of a Folium map that gathers layers and writes them when the map is saved."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import folium
import numpy as np
import pyproj
import shapely
from branca.element import Element, MacroElement

from ecozones.errors import InputError
from ecozones.maps import payload
from ecozones.maps.basemaps import Picture, Tiles
from ecozones.maps.layers import Blobs, Layer, Sight, write
from ecozones.maps.offline import OfflineFigure
from ecozones.maps.payload import Geometries
from ecozones.maps.styles import Text, both, page_words, say
from ecozones.vocab import ControlLine, Language

_MARK = "<!-- ecozones: data -->"
_MOST_BYTES = 50_000_000
_INSET_VERTICES = 400


@dataclasses.dataclass
class Heading:
    """What stands around the map."""

    title: Text | None = None
    subtitle: str = ""
    conclusion: Text | None = None
    data_date: str = ""
    map_number: str = ""
    rules_on: str = ""
    crs: list[str] = dataclasses.field(default_factory=list)
    sides: dict[str, Text] | None = None
    # None: nobody looked for conflicts; else how many were found
    conflicts: int | None = None


class Page(MacroElement):
    """Layers, base maps and furniture of one map."""

    def __init__(self, language: Language) -> None:
        super().__init__()
        self._name = "EcozonesPage"
        self.language = language
        self.layers: list[Layer] = []
        self.bases: list[Tiles | Picture] = []
        self.heading = Heading()
        self.sight = Sight()
        self.outline: Layer | None = None
        self.lines: dict[str, ControlLine] = {}
        self._placed: dict[int, Geometries] = {}
        self._written: tuple[object, str] | None = None

    def render(self, **kwargs: object) -> None:  # noqa: ARG002 - branca's signature
        """Put the page's parts into the figure."""
        figure = self.get_root()
        if not isinstance(figure, OfflineFigure):
            message = "the map was moved out of its offline figure; pass it through ecozones.maps.adopt again"
            raise InputError(message)
        figure.language = {"zh": "zh"}.get(self.language, self.language)
        figure.title = None
        figure.hosts |= {base.host for base in self.bases if isinstance(base, Tiles)}
        figure.header.add_child(Element('<link rel="stylesheet" href="ecozones.css"/>'), name="ecozones_css")
        figure.header.add_child(Element('<script src="ecozones.js"></script>'), name="ecozones_js")
        figure.html.add_child(Element(_MARK), name="ecozones_data")
        others = self._others()
        names = ", ".join(layer.get_name() for layer in others)
        start = f"() => ecozones.start({self._parent.get_name()}, [{names}])"
        start = f'document.addEventListener("DOMContentLoaded", {start});'
        figure.script.add_child(Element(start), name=self.get_name())
        figure.inserts[_MARK] = self._write([str(layer.layer_name) for layer in others])

    def _others(self) -> list[folium.map.Layer]:
        """Layers that someone else put on the map; they join the legend."""
        found = self._parent._children.values()  # noqa: SLF001 - branca has no other way to ask
        return [layer for layer in found if isinstance(layer, folium.map.Layer) and layer.control]

    def _write(self, foreign: list[str]) -> str:
        state = (
            tuple(self.layers),
            tuple(self.bases),
            dataclasses.astuple(self.sight),
            repr(self.heading),
            tuple(foreign),
        )
        if self._written is None or self._written[0] != state:
            self._written = (state, self._compose(foreign))
        return self._written[1]

    def _place(self, layer: Layer) -> Geometries:
        if id(layer) not in self._placed:
            self._placed[id(layer)] = payload.to_mercator(layer.frame, what=layer.label["en"])
        return self._placed[id(layer)]

    def _compose(self, foreign: list[str]) -> str:
        placed = [self._place(layer) for layer in self.layers]
        in_focus = [shapes for shapes, layer in zip(placed, self.layers, strict=True) if layer.focus]
        focus = np.concatenate(in_focus) if in_focus else np.zeros(0, dtype=object)
        focus = focus[~(shapely.is_missing(focus) | shapely.is_empty(focus))]
        blobs, specs, notes = Blobs(), [], []
        pictures = [base for base in self.bases if isinstance(base, Picture)]
        specs += [picture.spec(blobs.add("base", picture.png)) for picture in pictures]
        keys = _unique([layer.key for layer in self.layers])
        for layer, key, shapes in zip(self.layers, keys, placed, strict=True):
            spec, said = write(layer, key, shapes, focus, self.sight, blobs)
            specs.append(spec)
            notes += said
        document = {
            "words": {key: dict(text) for key, text in page_words().items()},
            "meta": self._meta(placed, notes) | {"foreign": foreign},
            "layers": specs,
            "tiles": [base.spec() for base in self.bases if isinstance(base, Tiles)],
        }
        parts = [f'<script type="text/plain" id="{name}">{text}</script>' for name, text in blobs.texts.items()]
        # `<` never stands as itself in the data: a name cannot end the element that holds it, nor begin another
        written = json.dumps(document, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
        parts.append(f'<script type="application/json" id="ecozones-data">{written}</script>')
        page = "\n".join(parts)
        if len(page) > _MOST_BYTES:
            message = (
                f"the map would be {len(page) / 1e6:.0f} MB, which no office mail or browser takes; use detail='auto', "
                "or draw fewer layers"
            )
            raise InputError(message)
        return page

    def _meta(self, placed: Sequence[Geometries], notes: list[Text]) -> dict[str, Any]:
        heading = self.heading
        foot = [say("reference")]
        foot.append(say("data_date", heading.data_date) if heading.data_date else say("data_date_unknown"))
        if heading.rules_on:
            foot.append(say("on", heading.rules_on))
        if heading.map_number:
            foot.append(say("map_number", heading.map_number))
        if heading.crs:
            names = list(dict.fromkeys(heading.crs))
            foot.append(say("crs", {"zh": "、".join(names), "en": ", ".join(names)}))
        foot.append(say(f"method_{self.sight.method}"))
        foot += notes
        for base in self.bases:
            foot += base.notes
        foot.append(both("Leaflet"))
        meta: dict[str, Any] = {
            "language": self.language,
            "title": heading.title or both(""),
            "subtitle": heading.subtitle,
            "conclusion": heading.conclusion or both(""),
            "datum": "CGCS2000",
            "foot": foot,
            "legend_notes": [say("no_conflict")] if heading.conflicts == 0 else [],
            "sides": heading.sides,
            "bounds": self._bounds(placed),
            "inset": self._inset(),
            "years": self._years(),
        }
        return meta

    def _bounds(self, placed: Sequence[Geometries]) -> list[list[float]] | None:
        shapes = [part for part in placed if len(part) and not shapely.is_empty(part).all()]
        boxes = [shapely.total_bounds(part) for part in shapes]
        boxes += [np.array(base.bounds) for base in self.bases if isinstance(base, Picture)]
        if not boxes:
            return None
        stacked = np.array(boxes)
        corners = payload.to_degrees(np.array([stacked[:, :2].min(axis=0), stacked[:, 2:].max(axis=0)]))
        return [[float(lat), float(lon)] for lon, lat in corners]

    def _years(self) -> dict[str, int] | None:
        years = [year for layer in self.layers if layer.years is not None for year in layer.years]
        return {"from": int(min(years)), "to": int(max(years))} if years else None

    def _inset(self) -> dict[str, Any] | None:
        """Give the outline of the territory, coarse enough for a stamp."""
        if self.outline is None:
            return None
        shapes = self._place(self.outline)
        west, south, east, north = (float(value) for value in shapely.total_bounds(shapes))
        tolerance = max(east - west, north - south) / _INSET_VERTICES
        parts = shapely.get_parts(shapely.simplify(shapes, tolerance))
        rings = shapely.get_rings(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON])
        large = [ring for ring in rings if shapely.length(ring) > 4 * tolerance]
        return {
            "bounds": [west, south, east, north],
            "rings": [[[round(x), round(y)] for x, y in shapely.get_coordinates(ring)[:-1]] for ring in large],
        }


def page_of(m: folium.Map) -> Page | None:
    """
    Find the page on a map.

    Parameters
    ----------
    m
        A map.

    Returns
    -------
    Page or None
        None where nothing of ours is on the map yet.
    """
    children = m._children.values()  # noqa: SLF001 - branca has no other way to ask
    return next((child for child in children if isinstance(child, Page)), None)


def crs_name(crs: pyproj.CRS) -> str:
    """
    Name a CRS as a map states it.

    Parameters
    ----------
    crs
        A CRS.

    Returns
    -------
    str
        Its name and code.
    """
    code = crs.to_epsg()
    return f"{crs.name} (EPSG:{code})" if code else str(crs.name)


def _unique(keys: Sequence[str]) -> list[str]:
    seen: dict[str, int] = {}
    made = []
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
        made.append(key if seen[key] == 1 else f"{key}-{seen[key]}")
    return made
