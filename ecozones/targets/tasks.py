"""Tasks without numbers, counted by stage."""

from __future__ import annotations

from typing import Literal, get_args

import pandas as pd

from ecozones.columns import refuse_figures
from ecozones.errors import SchemaError

Stage = Literal["completed", "in_progress", "launched", "planned", "not_stated"]
_STAGES: tuple[Stage, ...] = get_args(Stage)


def track_tasks(tasks: pd.DataFrame, *, by: str | None = None) -> pd.DataFrame:
    """
    Count tasks without numbers by stage: a list of work is reported as work, not as zeros.

    Parameters
    ----------
    tasks
        ``task`` and ``stage`` (``completed``, ``in_progress``, ``launched``, ``planned`` or ``not_stated``).
    by
        Column to group by, such as ``"place"`` or ``"lead"``.

    Returns
    -------
    DataFrame
        One row per group: the number of tasks of each stage, and ``tasks`` in all.

    Raises
    ------
    SchemaError
        A column is missing or a stage means nothing.

    Examples
    --------
    >>> tasks = pd.DataFrame({"task": ["rivers", "reserves"], "stage": ["completed", "launched"]})
    >>> track_tasks(tasks)[["completed", "launched", "tasks"]].values.tolist()
    [[1, 1, 2]]
    """
    missing = [column for column in ("task", "stage", *([by] if by else [])) if column not in tasks.columns]
    if missing:
        message = f"tasks has no columns {', '.join(missing)}; it has {', '.join(map(str, tasks.columns))}"
        raise SchemaError(message)
    foreign = tasks.index[~tasks["stage"].isin(_STAGES)]
    refuse_figures(
        [(row, "stage", f"{tasks['stage'][row]!r} is none of {', '.join(_STAGES)}") for row in foreign], "tasks"
    )
    group = tasks[by] if by else pd.Series("all", index=tasks.index, name="group")
    counted = pd.crosstab(group, tasks["stage"]).reindex(columns=list(_STAGES), fill_value=0)
    return counted.assign(tasks=counted.sum(axis=1)).rename_axis(columns=None).reset_index()
