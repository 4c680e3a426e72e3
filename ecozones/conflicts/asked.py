"""The lines of a plan that were asked for, brought to the one place where they can be overlaid."""

from __future__ import annotations

from collections.abc import Iterable

from ecozones.conflicts.common_ground import Layer, Place
from ecozones.errors import SchemaError, name_rows
from ecozones.placing import bring_to
from ecozones.plan import ZoningPlan


def lines_asked(plan: ZoningPlan, lines: Iterable[str] | None) -> list[str]:
    """
    Say which lines of a plan are meant, in the order of the vocabulary.

    Parameters
    ----------
    plan
        The plan.
    lines
        Lines asked for; None for all that the plan has.

    Returns
    -------
    list of str
        Each once.

    Raises
    ------
    SchemaError
        A line is none of the plan.
    """
    asked = list(plan.lines) if lines is None else list(dict.fromkeys(lines))
    unknown = [line for line in asked if line not in plan]
    if unknown:
        message = f"lines= names {name_rows(unknown)}, which the plan does not have; it has {', '.join(plan.lines)}"
        raise SchemaError(message)
    order = list(plan.control_lines)
    return sorted(asked, key=order.index)


def lay_over(plan: ZoningPlan, lines: Iterable[str]) -> tuple[dict[str, Layer], Place]:
    """
    Bring lines to the one place where they can be overlaid.

    Parameters
    ----------
    plan
        The plan.
    lines
        Lines that it has.

    Returns
    -------
    tuple
        A layer by line, and the place.
    """
    frames = {line: bring_to(plan.lines[line], plan.crs, what=line)[0] for line in lines}
    place = Place.of(plan.crs, *frames.values())
    return {line: Layer.of(frame, place, what=line) for line, frame in frames.items()}, place
