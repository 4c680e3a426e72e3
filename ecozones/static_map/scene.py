"""What is drawn: the lines, the sites and the ground taken, as layers with their looks."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import shapely

from ecozones.errors import SchemaError
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan
from ecozones.review import SiteReview
from ecozones.static_map.sheet import bounds_of
from ecozones.vocab import ControlLine, Language, Style, control_lines, verdict_words

# fills of the sub-zones of a line, the strictest first; and how many entries a line without a choice of them has
_FADES, _ONE_ZONE = (1.5, 1.0, 0.65, 0.45), 2
HATCH = {"conflict": ("#E60000", "////"), "unknown": ("#555555", "xxxx"), "fault": ("#E60000", "////")}
_SITE = Style(edge="#0033CC", fill="#0033CC", opacity=0.0, dash="2 1.5")
WORDS: Mapping[str, Mapping[str, str]] = {
    "site": {"zh": "审查地块", "en": "site"},
    "ground": {"zh": "图斑", "en": "ground shown"},
    "conflict": {"zh": "压占，须按结论办理", "en": "ground taken"},
    "fault": {"zh": "问题所在位置", "en": "where something is wrong"},
    "unknown": {"zh": "无法判定", "en": "undetermined"},
    "note": {"zh": "仅供参考，不作为审批依据", "en": "for reference only"},
    "north": {"zh": "北", "en": "N"},
    "no_conflict": {"zh": "图内无压占", "en": "no ground taken here"},
}


@dataclasses.dataclass(frozen=True)
class Layer:
    """One layer of a map: shapes, what they are called in the legend, and how they are drawn."""

    shapes: gpd.GeoSeries
    label: str
    style: Style
    hatch: str = ""
    width: float = 1.1


@dataclasses.dataclass(frozen=True)
class Scene:
    """
    A review and the plan behind it, brought to one CRS once, however many maps are drawn of it.

    Parameters
    ----------
    crs
        That of the findings, which is the plan's.
    sites, findings
        Tables of the review.
    lines
        The lines of the plan; empty without one.
    known
        What is known of the lines.
    """

    crs: pyproj.CRS
    sites: gpd.GeoDataFrame
    findings: gpd.GeoDataFrame
    lines: Mapping[str, gpd.GeoDataFrame]
    known: Mapping[str, ControlLine]


def set_scene(review: SiteReview, plan: ZoningPlan | None) -> Scene:
    """
    Bring what the maps of a review show to one CRS; the plan's own vertices stay as they are.

    Parameters
    ----------
    review
        The review.
    plan
        The plan behind; left out: only what was found is drawn.

    Returns
    -------
    Scene
        Ready for :func:`site_layers`.
    """
    crs = pyproj.CRS(review.findings.crs if review.findings.crs is not None else review.verdicts.crs)
    lines = {} if plan is None else plan.lines
    return Scene(
        crs,
        placed(review.verdicts, crs, "sites"),
        review.findings,
        {line: placed(frame, crs, line) for line, frame in lines.items()},
        dict(control_lines()) | ({} if plan is None else dict(plan.control_lines)),
    )


def site_layers(
    scene: Scene, site_id: str | None, language: Language
) -> tuple[list[Layer], tuple[float, float, float, float]]:
    """
    Lay out the map of one site, or of all: the lines, what was found, and the site on top.

    Parameters
    ----------
    scene
        The review and its plan.
    site_id
        The site; None for all of them.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    layers : list of Layer
        The lowest first.
    focus : tuple
        Bounds of the site.

    Raises
    ------
    SchemaError
        The review has no such site.
    """
    sites, found = scene.sites, scene.findings
    if site_id is not None:
        sites = sites[sites["site_id"] == site_id]
        found = found[found["site_id"] == site_id]
        if not len(sites):
            message = f"the review has no site {site_id!r}"
            raise SchemaError(message)
    focus = bounds_of([sites.geometry])
    layers = _line_layers(scene.lines, scene.known, focus, language)
    routes = list(verdict_words())
    serious = set(routes[routes.index("allowed") + 1 :]) - {"undetermined"}
    decides = found[found["role"] != "notice"]
    # lying inside is what a line with a complement asks for: only a verdict beyond ordinary conditions is hatched there
    wished = decides["line"].map(lambda line: line in scene.known and bool(scene.known[line].complement)).astype(bool)
    plain = wished & decides["verdict"].isin(routes[: routes.index("conditional") + 1])
    taken = decides[(decides["feature_ids"] != "") & decides["verdict"].isin(serious) & ~plain]
    unknown = decides[decides["verdict"] == "undetermined"]
    for key, rows in (("unknown", unknown), ("conflict", taken)):
        if len(rows):
            layers.append(_hatched(key, rows.geometry, language))
    layers.append(Layer(sites.geometry, WORDS["site"][language], _SITE, width=2.2))
    return layers, focus


def ground_layers(
    frame: gpd.GeoDataFrame, plan: ZoningPlan | None, language: Language
) -> tuple[list[Layer], tuple[float, float, float, float], pyproj.CRS]:
    """
    Lay out a map of ground that something is wrong with.

    Parameters
    ----------
    frame
        The ground.
    plan
        The plan behind it; left out: nothing is.
    language
        ``"zh"`` or ``"en"``.

    Returns
    -------
    layers : list of Layer
        The lowest first.
    focus : tuple
        Bounds of the ground.
    crs : CRS
        That of the frame.
    """
    crs = pyproj.CRS(frame.crs)
    focus = bounds_of([frame.geometry])
    lines = {} if plan is None else {line: placed(layer, crs, line) for line, layer in plan.lines.items()}
    known = dict(control_lines()) | ({} if plan is None else dict(plan.control_lines))
    layers = _line_layers(lines, known, focus, language)
    return [*layers, _hatched("fault", frame.geometry, language)], focus, crs


def _hatched(key: str, shapes: gpd.GeoSeries, language: Language) -> Layer:
    colour, hatch = HATCH[key]
    return Layer(shapes, WORDS[key][language], Style(edge=colour, fill=colour, opacity=0.0), hatch, 0.9)


def _line_layers(
    lines: Mapping[str, gpd.GeoDataFrame],
    known: Mapping[str, ControlLine],
    focus: tuple[float, float, float, float],
    language: Language,
) -> list[Layer]:
    """Lay out the lines near the focus, a layer for each of their sub-zones."""
    layers = []
    for line, frame in lines.items():
        near = frame.iloc[_near(frame, focus)]
        style, name = known[line].style, known[line].label(language)
        zones = near["subzone"].astype(object).where(near["subzone"].notna(), None)
        order = [*(zone.id for zone in known[line].subzones), None]
        met = sorted(set(zones), key=lambda zone: order.index(zone) if zone in order else len(order))
        for zone in met:
            fade = 1.0 if len(order) <= _ONE_ZONE else _FADES[min(order.index(zone) if zone in order else 9, 3)]
            label = name if zone is None or len(order) <= _ONE_ZONE else known[line].subzone_label(zone, language)
            look = dataclasses.replace(style, opacity=min(style.opacity * fade, 1.0))
            layers.append(Layer(near.geometry[(zones == zone) if zone else zones.isna()], label, look))
    return layers


def placed(frame: gpd.GeoDataFrame, crs: pyproj.CRS, what: str) -> gpd.GeoDataFrame:
    """Bring a frame to a CRS, unless it is there."""
    return frame if frame.crs is crs or frame.crs == crs else bring_to(frame, crs, what=what)[0]


def _near(frame: gpd.GeoDataFrame, focus: tuple[float, float, float, float]) -> Any:  # noqa: ANN401 - positions, as the index gives them
    reach = 4 * max(focus[2] - focus[0], focus[3] - focus[1], 1_000.0)
    box = shapely.box(focus[0] - reach, focus[1] - reach, focus[2] + reach, focus[3] + reach)
    return np.sort(frame.sindex.query(box))
