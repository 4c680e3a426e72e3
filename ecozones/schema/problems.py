"""What is wrong with a table, told all at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pandas as pd

from ecozones.errors import SchemaError, name_rows

_PROBLEM_COLUMNS = ["row", "column", "value", "problem", "remedy"]


def refuse(problems: Sequence[pd.DataFrame], *, what: str, error: type[SchemaError] = SchemaError) -> None:
    """
    Raise one error that tells of every problem, if there is any.

    Parameters
    ----------
    problems
        Tables of row, column, value, problem and remedy.
    what
        Name of the data.
    error
        What to raise.

    Raises
    ------
    SchemaError
        With the joined table as ``problems``.

    Examples
    --------
    >>> refuse([], what="sites")
    """
    if not problems:
        return
    joined = pd.concat(problems, ignore_index=True)
    told = [
        f"{column} {problem} in rows {name_rows(group['row'])}; {remedy}"
        for (column, problem, remedy), group in joined.groupby(["column", "problem", "remedy"], sort=False)
    ]
    message = f"{what}: " + ". ".join(told)
    raise error(message, joined)


def problem_rows(
    rows: Iterable[object], column: str, values: Iterable[object], problem: str, remedy: str
) -> pd.DataFrame:
    """
    List what is wrong with the values of one column, row by row.

    Parameters
    ----------
    rows
        Row labels.
    column
        Name of the column, as the user knows it.
    values
        What stands there.
    problem, remedy
        What is wrong and what to do, in words that follow on the name of the column.

    Returns
    -------
    DataFrame
        Columns ``row``, ``column``, ``value``, ``problem``, ``remedy``.

    Examples
    --------
    >>> problem_rows([3], "site_id", ["A"], "is repeated", "write another")["row"].tolist()
    [3]
    """
    data = {
        "row": list(rows),
        "column": column,
        "value": [str(value) for value in values],
        "problem": problem,
        "remedy": remedy,
    }
    return pd.DataFrame(data, columns=_PROBLEM_COLUMNS)
