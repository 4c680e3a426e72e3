"""One HTML file that opens without a network: libraries in place of links, and a seal that lets nothing out."""

from __future__ import annotations

import functools
import html.parser
import json
import re
import warnings
from collections.abc import Iterable, Mapping
from importlib import resources
from urllib.parse import urlsplit

import folium
from branca.element import Element, Figure

from ecozones.errors import EcozonesWarning, InputError

_LINK = re.compile(
    r"""<script src="(?P<js>[^"]+)"></script>|<link rel="stylesheet" href="(?P<css>[^"]+)"\s*/?>""",
)
# what a bare folium map brings along but only some content uses: stem of the file, and what shows that it is used
_ON_DEMAND: Mapping[str, re.Pattern[str]] = {
    "jquery": re.compile(r"\$\(|jQuery"),
    "bootstrap": re.compile(r"data-bs-|class=\"[^\"]*\b(btn|container|row|col|card|modal|dropdown)\b"),
    "leaflet.awesome-markers": re.compile(r"AwesomeMarkers"),
    "fontawesome-free": re.compile(r"AwesomeMarkers|\bfa[srb]? fa-|\bfa-(solid|regular|brands)\b"),
}
_LOADING = {"src", "href", "data", "poster", "srcset", "xlink:href", "action", "formaction", "background"}
_REMOTE = re.compile(r"^\s*(https?:)?//", re.IGNORECASE)
_OWN = {"ecozones.js", "ecozones.css"}


class OfflineAssetError(InputError):
    """A page would load something from the network that the library does not carry with it."""


@functools.cache
def _manifest() -> Mapping[str, Mapping[str, str]]:
    text = resources.files("ecozones").joinpath("data/assets/manifest.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@functools.cache
def asset(name: str) -> str:
    """
    Give the text of a vendored file.

    Parameters
    ----------
    name
        File name in ``ecozones/data/assets``.

    Returns
    -------
    str
        Fit to stand inside a page.
    """
    return resources.files("ecozones").joinpath("data/assets", name).read_text(encoding="utf-8")


class OfflineFigure(Figure):
    """A branca figure that renders to one self-contained page."""

    def __init__(self, *, lean: bool = True, language: str = "zh") -> None:
        super().__init__()
        self.lean = lean
        self.language = language
        self.hosts: set[str] = set()
        # text that must not pass through a template engine, by the mark that stands in for it
        self.inserts: dict[str, str] = {}

    def render(self, **kwargs: object) -> str:
        """
        Render the page.

        Returns
        -------
        str
            HTML that loads nothing, except tiles of a base map that was asked for.

        Raises
        ------
        OfflineAssetError
            The page refers to something that is not carried along.
        """
        page: str = super().render(**kwargs)
        bare = _LINK.sub("", page)
        refuse_remote(bare)
        left_out = {stem for stem, used in _ON_DEMAND.items() if self.lean and not used.search(bare)}
        page = _LINK.sub(functools.partial(_inline, left_out=left_out), page)
        tag = {"zh": "zh-CN"}.get(self.language, self.language)
        page = page.replace("<html>", f'<html lang="{tag}">', 1).replace("<head>", f"<head>\n{self._seal()}", 1)
        for mark, text in self.inserts.items():
            page = page.replace(mark, text, 1)
        return page

    def _seal(self) -> str:
        sources = " ".join(["data:", "blob:", *sorted(self.hosts)])
        return (
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; script-src 'unsafe-inline'; "
            f"style-src 'unsafe-inline'; img-src {sources}; font-src data:; frame-src data: blob:\">"
        )


def _inline(match: re.Match[str], *, left_out: set[str]) -> str:
    url = match["js"] or match["css"]
    name = url if url in _OWN else _known(url)["file"]
    if not name or name.rsplit(".", 1)[0] in left_out:
        return ""
    kind = "script" if match["js"] else "style"
    return f"<{kind}>{asset(name)}</{kind}>"


def _known(url: str) -> Mapping[str, str]:
    if url not in _manifest():
        message = (
            f"the page needs {url}, which the library does not carry, so it would not work offline; "
            "leave out the plugin that asks for it, or add it to tools/assets.lock.json"
        )
        raise OfflineAssetError(message)
    return _manifest()[url]


class _Loads(html.parser.HTMLParser):
    """Collect what a page would load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            followed = tag in {"a", "area"} and name == "href"
            if name in _LOADING and value and _REMOTE.match(value) and not followed:
                self.found.append(value)


def refuse_remote(page: str) -> None:
    """
    Refuse a page that would load anything from the network; links that a reader follows are free.

    Parameters
    ----------
    page
        HTML.

    Raises
    ------
    OfflineAssetError
        Something would be loaded; all of it is named.
    """
    loads = _Loads()
    loads.feed(page)
    loads.close()
    if loads.found:
        message = (
            f"the page would load {', '.join(dict.fromkeys(loads.found))}; put it into the page itself, as a data URI"
        )
        raise OfflineAssetError(message)


def adopt(m: Element, *, online: bool = False, lean: bool = True, language: str = "zh") -> Element:
    """
    Make a Folium map, such as ``GeoDataFrame.explore`` gives, a single file that opens without a network.

    Parameters
    ----------
    m
        A map, or anything of Folium or branca that holds one; it is changed and given back.
    online
        Keep base maps and pictures that come from the network. Left out: they are removed, and a warning names them.
    lean
        Leave out libraries that nothing on the page uses.
    language
        Language of the page, ``"zh"`` or ``"en"``.

    Returns
    -------
    Element
        The same map; ``save``, ``_repr_html_`` and ``get_root().render()`` are self-contained from now on.

    Warns
    -----
    EcozonesWarning
        Layers from the network were removed.

    Examples
    --------
    >>> import folium
    >>> page = adopt(folium.Map(tiles=None)).get_root().render()
    >>> "https://cdn" in page
    False
    """
    old = m.get_root()
    figure = old if isinstance(old, OfflineFigure) else _moved(old, lean=lean, language=language)
    remote = list(_remote_layers(figure))
    if online:
        figure.hosts |= {_host(url) for _, url in remote}
    elif remote:
        for layer, _ in remote:
            _forget(layer)
        named = ", ".join(sorted({_host(url) for _, url in remote}))
        message = f"layers from {named} were removed, as the map is to open offline; adopt(..., online=True) keeps them"
        warnings.warn(message, EcozonesWarning, stacklevel=2)
    return m


def _forget(layer: Element) -> None:
    """Drop a layer from what holds it; tile layers are filed under the name of their provider."""
    siblings = layer._parent._children  # noqa: SLF001 - branca has no other way to ask
    for name in [name for name, child in siblings.items() if child is layer]:
        del siblings[name]


def _moved(old: Element, *, lean: bool, language: str) -> OfflineFigure:
    """Hang everything below one figure under an offline one."""
    figure = OfflineFigure(lean=lean, language=language)
    if isinstance(old, Figure):
        figure.width, figure.height, figure.ratio, figure.title = old.width, old.height, old.ratio, old.title
        for ours, theirs in (
            (figure, old),
            (figure.header, old.header),
            (figure.html, old.html),
            (figure.script, old.script),
        ):
            for name, child in list(theirs._children.items()):  # noqa: SLF001
                ours.add_child(child, name=name)
    else:
        figure.add_child(old)
    return figure


def _remote_layers(element: Element) -> Iterable[tuple[Element, str]]:
    for child in list(element._children.values()):  # noqa: SLF001
        url = _layer_url(child)
        if url:
            yield child, url
        else:
            yield from _remote_layers(child)


def _layer_url(element: Element) -> str:
    if isinstance(element, folium.TileLayer):
        url = element.tiles
    elif isinstance(
        element, (folium.WmsTileLayer, folium.raster_layers.ImageOverlay, folium.raster_layers.VideoOverlay)
    ):
        url = getattr(element, "url", "") or getattr(element, "video_url", "")
    else:
        return ""
    return url if isinstance(url, str) and _REMOTE.match(url) else ""


def _host(url: str) -> str:
    """Give scheme and host of a tile address for the seal; a placeholder for sub-domains becomes a wildcard."""
    parts = urlsplit(url if url.startswith("http") else f"https:{url}")
    host = re.sub(r"^[^.]*\{[^}]*\}[^.]*\.", "*.", parts.netloc)
    return f"{parts.scheme}://{host}"
