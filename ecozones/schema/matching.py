"""Which column of a file plays which role, also where a shapefile has cut its name."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence

from ecozones.errors import FormatWarning, SchemaError, name_rows
from ecozones.schema.contract import Table
from ecozones.units import NAME_BYTES, fold, names_before_cut, unit_in_name
from ecozones.units import Kind as UnitKind

# ten bytes hold 3 Chinese characters in UTF-8 and a rest, 5 in GBK
_SHORTEST_CUT = 3


def match_columns(
    names: Sequence[str], contract: Table, *, columns: Mapping[str, str] | None = None, what: str
) -> dict[str, str]:
    """
    Find the column of a file that plays each role of a contract.

    Parameters
    ----------
    names
        Columns of the file.
    contract
        The table whose roles are wanted.
    columns
        What the caller says: role to column.
    what
        Name of the data, for messages.

    Returns
    -------
    dict
        Column by role; roles that nothing plays are left out.

    Raises
    ------
    SchemaError
        A role or column that the caller names does not exist, or two columns go by the same alias.

    Examples
    --------
    >>> from ecozones.schema import table
    >>> match_columns(["XMMC", "项目编号", "shape_leng"], table("sites"), what="sites")
    {'site_id': '项目编号', 'name': 'XMMC'}
    """
    said = dict(columns or {})
    roles = [column.id for column in contract.columns]
    foreign = [role for role in said if role not in roles]
    absent = [name for name in said.values() if name not in names]
    if foreign or absent:
        message = (
            f"{what}: columns= names {name_rows([*foreign, *absent])}, which "
            f"{'is no role' if foreign else 'the file does not have'}; roles are {', '.join(roles)}, "
            f"columns of the file are {', '.join(map(str, names))}"
        )
        raise SchemaError(message)
    taken = set(said.values())
    kinds: set[UnitKind] = {"area", *(column.unit_kind for column in contract.columns if column.unit_kind)}
    folded = {
        name: {fold(name), *(unit_in_name(name, kind)[0] for kind in kinds)} for name in names if name not in taken
    }
    for column in contract.columns:
        if column.id in said:
            continue
        for alias in (column.id, *column.aliases):
            hits = [name for name, forms in folded.items() if name not in taken and fold(alias) in forms]
            exact = [name for name in hits if str(name) == alias]
            if len(hits) > 1 and not exact:
                message = (
                    f"{what}: columns {', '.join(hits)} could all be {column.id} ({column.zh}); "
                    f"say which with columns={{{column.id!r}: {hits[0]!r}}}"
                )
                raise SchemaError(message)
            if hits:
                said[column.id] = (exact or hits)[0]
                taken.add(said[column.id])
                break
    for column in contract.columns:
        if column.id in said:
            continue
        cut = [name for name in names if name not in taken and restore_cut(name, column.aliases)]
        if len(cut) == 1:
            said[column.id] = cut[0]
            taken.add(cut[0])
    return {role: said[role] for role in roles if role in said}


def restore_cut(name: object, aliases: Iterable[str]) -> str:
    """
    Find the full name that a shapefile has cut to ten bytes.

    Parameters
    ----------
    name
        As the file has it.
    aliases
        Full names to try.

    Returns
    -------
    str
        The first alias that starts with the name; empty where the name is not cut or nothing fits.

    Examples
    --------
    >>> restore_cut("永久基本农", ["永久基本农田面积"]), restore_cut("名", ["名称"])
    ('永久基本农田面积', '')
    """
    text = str(name).strip()
    if text.isascii():
        long_enough = len(text) == NAME_BYTES
    else:
        long_enough = len(text) >= _SHORTEST_CUT and len(text.encode("utf-8")) >= NAME_BYTES - 1
    folded = fold(text)
    if not long_enough or not folded:
        return ""
    return next((alias for alias in aliases if fold(alias) != folded and fold(alias).startswith(folded)), "")


def restore_cut_units(
    names: Sequence[str], contract: Table, *, columns: Mapping[str, str] | None = None, what: str
) -> dict[str, str]:
    """
    Find the full names of columns that a shapefile has cut within the unit of their figures.

    Parameters
    ----------
    names
        Columns of the file.
    contract
        The table whose roles are wanted.
    columns
        What the caller says: role to column.
    what
        Name of the data, for messages.

    Returns
    -------
    dict
        Full name by cut name, where one unit only can have been meant and nothing else plays the role.

    Warns
    -----
    FormatWarning
        Of every such column: it is read under its full name, or left as it stands, since what is left of its unit may
        be the beginning of several.

    Examples
    --------
    >>> from ecozones.schema import table
    >>> with warnings.catch_warnings(action="ignore"):
    ...     restore_cut_units(["项目编号", "计划面积公"], table("projects"), what="projects")
    {'计划面积公': '计划面积公顷'}
    """
    matched = match_columns(names, contract, columns=columns, what=what)
    restored: dict[str, str] = {}
    for column in contract.columns:
        kind = column.unit_kind
        if kind is None or column.id in matched:
            continue
        known = {fold(alias) for alias in (column.id, *column.aliases)}
        for name in names:
            if name in matched.values():
                continue
            meant: dict[str, str] = {}
            for full in names_before_cut(name, kind):
                stem, unit = unit_in_name(full, kind)
                if stem in known:
                    meant.setdefault(unit, full)
            if not meant:
                continue
            cut = f"{what}: {name} ends within a unit, as a shapefile cuts it"
            said = f"columns={{{column.id!r}: {name!r}}}"
            if len(meant) == 1:
                restored[name] = next(iter(meant.values()))
                message = f"{cut}, and is read as {restored[name]}; if it has no unit, say {said}"
            else:
                message = (
                    f"{cut}; it may be any of {', '.join(meant.values())}, so it is left as it stands. Write the unit "
                    f"into its name, or say {said} and the unit in a column of units"
                )
            warnings.warn(message, FormatWarning, stacklevel=3)
    return restored
