"""Layers of what is wrong with a plan: conflicts between its lines, and faults of its data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import geopandas as gpd
import numpy as np

from ecozones.maps.layers import Codes, Field, Layer, column, pair_field, text_field
from ecozones.maps.styles import Paint, Palette, Text, known, plain, say, verdict_paint
from ecozones.vocab import ControlLine, control_lines

_CONFLICTS = frozenset({"line_a", "line_b", "feature_a", "feature_b", "severity", "artefact"})
_QUALITY = frozenset({"finding_id", "rule_id", "severity", "message_zh", "message_en"})
# mildest first, so that the gravest is drawn on top; the paint of a verdict that asks for as much
_SEVERITIES: Mapping[str, str] = {
    "notice": "allowed",
    "warning": "conditional",
    "undetermined": "undetermined",
    "error": "prohibited",
}


def shows_faults(frame: gpd.GeoDataFrame) -> bool:
    """
    Tell by its columns whether a frame lists conflicts or faults.

    Parameters
    ----------
    frame
        Any frame.

    Returns
    -------
    bool
        True for what ``find_conflicts`` and ``check_quality`` give.

    Examples
    --------
    >>> shows_faults(gpd.GeoDataFrame({"line_a": []}, geometry=[]))
    False
    """
    return set(frame.columns) >= _CONFLICTS or set(frame.columns) >= _QUALITY


def fault_layers(frame: gpd.GeoDataFrame, palette: Palette) -> tuple[list[Layer], int]:
    """
    Give conflicts or faults as layers, hatched by gravity; what is noise of drawing is there, switched off.

    Parameters
    ----------
    frame
        What ``find_conflicts`` or ``check_quality`` gave.
    palette
        ``"cvd"`` for readers who see fewer hues.

    Returns
    -------
    layers : list of Layer
        From bottom to top.
    count : int
        How many conflicts or faults are drawn or have no place to be drawn; artefacts and accepted ones are not
        counted, and neither are checks that had nothing to go by.
    """
    mild = frame["artefact" if "artefact" in frame else "accepted"].astype(bool).to_numpy()
    made = frame["severity"].astype(str).isin(_SEVERITIES).to_numpy()
    placed = (frame.geometry.notna() & ~frame.geometry.is_empty).to_numpy()
    layers = []
    if (mild & placed & made).any():
        label = say("artefacts" if "artefact" in frame else "accepted")
        rows = frame[mild & placed & made]
        codes = np.zeros(len(rows), dtype=np.uint8)
        layers.append(_layer("artefacts", rows, label, [plain("sliver", label)], codes, shown=False))
    rows = frame[~mild & placed & made]
    if len(rows):
        severities = rows["severity"].astype(str)
        order = [severity for severity in _SEVERITIES if severity in set(severities)]
        rows = rows.iloc[np.argsort(severities.map(order.index), kind="stable")]
        codes = rows["severity"].astype(str).map(order.index).to_numpy(dtype=np.uint8)
        paints = [verdict_paint(_SEVERITIES[name], known("severities", name), palette) for name in order]
        layers.append(_layer("conflicts", rows, say("conflicts" if "artefact" in frame else "faults"), paints, codes))
    return layers, int((~mild & made).sum())


def _layer(
    key: str, frame: gpd.GeoDataFrame, label: Text, paints: Sequence[Paint], codes: Codes, *, shown: bool = True
) -> Layer:
    rows = frame.reset_index(drop=True)
    fields = _conflict_fields(rows) if "artefact" in rows else _quality_fields(rows)
    ids = column(rows, "rule_id" if "artefact" in rows else "finding_id", str)
    names = column(rows, "feature_a" if "artefact" in rows else "feature_ids", str)
    return Layer(
        key, "findings", label, rows, paints, codes, ids=ids, names=names, fields=fields, exact=True, shown=shown
    )


def _conflict_fields(frame: gpd.GeoDataFrame) -> list[Field]:
    lines = control_lines()
    return [
        Field(known("fields", "severity"), _severities(frame), strong=True),
        Field(known("fields", "line_a"), _claims(frame, "a", lines)),
        Field(known("fields", "line_b"), _claims(frame, "b", lines)),
        Field(known("fields", "area"), column(frame, "area_m2", float), kind="area"),
        Field(known("fields", "width"), column(frame, "width_m", lambda value: f"{value:,.2f} m")),
        pair_field(frame, "note"),
        text_field(frame, "citation"),
        text_field(frame, "rule_id"),
        Field(known("fields", "status"), column(frame, "status", lambda status: known("statuses", status))),
        text_field(frame, "artefact_because"),
    ]


def _quality_fields(frame: gpd.GeoDataFrame) -> list[Field]:
    said = [{"zh": zh, "en": en} for zh, en in zip(frame["message_zh"], frame["message_en"], strict=True)]
    return [
        Field(known("fields", "severity"), _severities(frame), strong=True),
        Field(known("fields", "message"), said),
        text_field(frame, "feature_ids"),
        text_field(frame, "rule_id"),
        text_field(frame, "finding_id"),
        text_field(frame, "accepted_by"),
        text_field(frame, "accepted_why"),
    ]


def _severities(frame: gpd.GeoDataFrame) -> list[Text]:
    return [known("severities", str(severity)) for severity in frame["severity"]]


def _claims(frame: gpd.GeoDataFrame, side: str, lines: Mapping[str, ControlLine]) -> list[Text]:
    """Name the line, the sub-zone and the feature that claim the ground."""
    told: list[Text] = []
    for line, subzone, feature in zip(
        frame[f"line_{side}"], column(frame, f"subzone_{side}", str), frame[f"feature_{side}"], strict=True
    ):
        known_line = lines.get(line)
        words = {}
        for language in ("zh", "en"):
            zone = known_line.subzone_label(subzone, language) if known_line and subzone else subzone
            name = known_line.label(language) if known_line else str(line)
            words[language] = " · ".join(part for part in (name, zone, str(feature)) if part)
        told.append(words)
    return told
