"""Tables in parts: columns of one kind in every part, and parts in folders by what their rows have in common."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
# what no folder may be called on one system or another, and what would hide it
_RESERVED = re.compile(r'[%/\\:*?"<>|=\x00-\x1f]|^[._]|[. ]$')


def plain_kinds(table: pd.DataFrame) -> pd.DataFrame:
    """
    Give texts the kind that they have in every part, however few values there are.

    Parameters
    ----------
    table
        One part.

    Returns
    -------
    DataFrame
        The same rows.

    Examples
    --------
    >>> str(plain_kinds(pd.DataFrame({"name": [None, None]}))["name"].dtype)
    'string'
    """
    texts = [
        name
        for name, values in table.items()
        if name != "geometry" and (values.dtype == object or pd.api.types.is_string_dtype(values))
    ]
    return table.astype(dict.fromkeys(texts, "string"))


def split_table(name: str, table: pd.DataFrame, keys: Sequence[str]) -> dict[str, pd.DataFrame]:
    """
    Split one part of a table by the values of columns, as a partitioned dataset keeps it.

    Parameters
    ----------
    name
        Name of the table.
    table
        Its rows.
    keys
        Columns whose values name the folders; none for one part.

    Returns
    -------
    dict
        Parts by folder (``areas/county=...``), without the columns that the folder states; none for no rows.

    Examples
    --------
    >>> parts = split_table("areas", pd.DataFrame({"县": ["吴江", None], "area": [1.0, 2.0]}), ["县"])
    >>> sorted(parts)
    ['areas/县=__HIVE_DEFAULT_PARTITION__', 'areas/县=吴江']
    """
    if not keys:
        return {name: table}
    parts = {}
    for values, rows in table.groupby(list(keys), dropna=False, sort=True):
        missing = rows[list(keys)].iloc[0].isna()
        stated = [
            f"{_folder(key)}={_NO_VALUE if absent else _folder(str(value))}"
            for key, value, absent in zip(keys, values, missing, strict=True)
        ]
        parts["/".join([name, *stated])] = rows.drop(columns=list(keys)).reset_index(drop=True)
    return parts


def _folder(text: str) -> str:
    return _RESERVED.sub(lambda found: f"%{ord(found[0]):02X}", text) or "%00"


def none_refused() -> pd.DataFrame:
    """
    Give the table of refused rows of a fragment that refused none.

    Returns
    -------
    DataFrame
        ``row`` and ``reason``.
    """
    return pd.DataFrame({"row": np.zeros(0, np.int64), "reason": np.zeros(0, object)})
