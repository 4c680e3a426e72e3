"""The style table for QGIS: one ``.qml`` file for each layer of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from ecozones.maps.layers import column
from ecozones.maps.styles import Paint, Palette, line_paints
from ecozones.plan import ZoningPlan
from ecozones.vocab import Language

# QGIS draws in millimetres on paper, the page in pixels of the screen
_MM_PER_PIXEL = 25.4 / 96


def write_qml(
    plan: ZoningPlan, folder: str | Path, *, language: Language = "zh", palette: Palette = "default"
) -> list[Path]:
    """
    Write the styles of a plan's lines for QGIS, as they are drawn by :func:`ecozones.explore`.

    Parameters
    ----------
    plan
        The plan; each of its lines gets a file named after its id.
    folder
        Where to write; it is made if it does not exist.
    language
        Language of the legend.
    palette
        ``"cvd"`` for readers who see fewer hues.

    Returns
    -------
    list
        Files written, in the order of the plan. A layer with the column ``subzone`` takes them by "load style".

    Raises
    ------
    InputError
        The palette is not known.

    Examples
    --------
    >>> import tempfile
    >>> from ecozones.testing import chessboard_plan
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in write_qml(chessboard_plan(farmland=None, urban=None), folder)]
    ['ecological_red_line.qml']
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for line_id, frame in plan.lines.items():
        line = plan.control_lines[line_id]
        found = dict.fromkeys(column(frame, "subzone", str))
        order = [zone.id for zone in line.subzones if zone.id in found]
        subzones = [*order, *(value for value in found if value not in order)] or [None]
        path = target / f"{line_id}.qml"
        document = _document(subzones, line_paints(line, subzones, palette), language)
        ET.ElementTree(document).write(path, encoding="utf-8", xml_declaration=True)
        written.append(path)
    return written


def _document(values: Sequence[str | None], paints: Sequence[Paint], language: Language) -> ET.Element:
    root = ET.Element("qgis", version="3.22", styleCategories="Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr="subzone", symbollevels="0")
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for number, (value, paint) in enumerate(zip(values, paints, strict=True)):
        name = str(number)
        ET.SubElement(
            categories, "category", symbol=name, value=value or "", label=paint.label[language], render="true"
        )
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=name, alpha="1", clip_to_extent="1")
        layer = ET.SubElement(
            symbol, "layer", attrib={"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"}
        )
        options = ET.SubElement(layer, "Option", type="Map")
        for key, text in _options(paint).items():
            ET.SubElement(options, "Option", name=key, type="QString", value=text)
    return root


def _options(paint: Paint) -> dict[str, str]:
    told = {
        "style": "solid" if paint.opacity > 0 else "no",
        "color": _color(paint.fill, paint.opacity),
        "outline_color": _color(paint.edge, 1),
        "outline_style": "solid",
        "outline_width": f"{paint.width * _MM_PER_PIXEL:.3f}",
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }
    if paint.dash:
        told["outline_style"] = "dash" if max(paint.dash) > max(paint.width * 2, 4) else "dot"
    return told


def _color(color: str, opacity: float) -> str:
    return ",".join(str(value) for value in [*bytes.fromhex(color[1:]), round(255 * opacity)])
