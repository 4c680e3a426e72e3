"""
Money of restoration projects: what was planned, paid and audited, from which source, and what a mu of ground cost.

Money belongs to a project, not to its patches: a register that writes the sum of a project beside each of its rows
still states it once. Money of two currencies is never added, and a cost is divided by the ground of just those
projects that state the money.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import pandas as pd

from ecozones.amounts import convert_money
from ecozones.area import AreaMethod
from ecozones.columns import read_numbers, read_years, refuse_figures
from ecozones.errors import FormatWarning, InputError, SchemaError, name_rows
from ecozones.restoration.measuring import measure_restored
from ecozones.restoration_types import recognise_stage, recognise_types
from ecozones.schema import as_text, match_columns
from ecozones.schema import table as contract
from ecozones.units import HA, from_m2, unit_in_name

MoneyStatus = Literal["planned", "paid", "audited"]
AmountsOf = Literal["project", "patch"]
Shared = Literal["apart", "by_area"]
Ground = Literal["footprint", "activity"]

STATUSES: tuple[MoneyStatus, ...] = get_args(MoneyStatus)

# a fen on a hundred million yuan is what adding decimals in binary leaves
_NOISE = 1e-9
_SUMS = ["amount", "amount_wan", "projects", "projects_without"]
_LONG = ["project_id", "funding_source", "status", "amount", "currency"]


def read_funding(source: str | Path | pd.DataFrame) -> pd.DataFrame:
    r"""
    Read money by project and source from a table of its own.

    Parameters
    ----------
    source
        UTF-8 CSV, Excel workbook or table with a column of project ids, columns of money planned, paid or audited, and
        where there are several a column of sources. Units stand in the names of columns (``计划投资_万元``) or in a
        column ``资金单位``.

    Returns
    -------
    DataFrame
        One row per figure: ``project_id``, ``funding_source``, ``status`` (``planned``, ``paid``, ``audited``),
        ``amount`` (whole units of the currency), ``currency``, ``stated``, ``stated_unit``.

    Raises
    ------
    SchemaError
        A column is missing, or money states no unit, is negative, or is no number; every problem at once.

    Warns
    -----
    FormatWarning
        A column of money was left out, since another holds what it holds, or nothing tells what it is.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "money.csv"
    >>> _ = path.write_text("项目编号,资金来源,计划投资_万元\nP1,中央财政,120\nP1,地方配套,30\n", encoding="utf-8")
    >>> read_funding(path)[["project_id", "funding_source", "amount"]].values.tolist()
    [['P1', '中央财政', 1200000.0], ['P1', '地方配套', 300000.0]]
    """
    if isinstance(source, pd.DataFrame):
        table, what = source, "the table of money"
    elif Path(source).suffix.lower() in {".xlsx", ".xls"}:
        table, what = pd.read_excel(source, dtype=object), Path(source).name
    else:
        table, what = pd.read_csv(source, dtype=str, keep_default_na=False, encoding="utf-8-sig"), Path(source).name
    table = table.reset_index(drop=True)
    fields = match_columns([str(name) for name in table.columns], contract("projects"), what=what)
    money = {status: fields[f"{status}_funds"] for status in STATUSES if f"{status}_funds" in fields}
    if "project_id" not in fields or not money:
        has = ", ".join(map(str, table.columns))
        message = f"{what} needs a column of project ids and one of money planned, paid or audited; it has {has}"
        raise SchemaError(message)
    unread = [name for name in map(str, table.columns) if unit_in_name(name, "money")[1] and name not in money.values()]
    if unread:
        read = ", ".join(money.values())
        message = f"{what}: left out {', '.join(unread)}, since {read} hold what is planned, paid or audited"
        warnings.warn(message, FormatWarning, stacklevel=2)
    by_row = table[fields["money_unit"]] if "money_unit" in fields else None
    parts = [_figures(table, status, name, fields, by_row, what) for status, name in money.items()]
    found = pd.concat(parts, ignore_index=True)
    refuse_figures([(row, "project_id", "is missing") for row in found.index[found["project_id"].isna()]], what)
    return found


def _figures(
    table: pd.DataFrame, status: str, name: str, fields: dict[str, str], by_row: pd.Series | None, what: str
) -> pd.DataFrame:
    """Read one column of money, with the unit in its name or beside it."""
    own = unit_in_name(name, "money")[1]
    if not own and name == f"{status}_funds":
        own = "yuan"
    if not own and by_row is None:
        message = (
            f"{what}: {name} states no unit, and 元 and 万元 cannot be told apart; write it into the name, such as "
            f"{name}_万元, or add a column 资金单位"
        )
        raise SchemaError(message)
    stated = table[name].where(table[name].astype(str).str.strip() != "", None)
    there = stated.notna()
    unit = pd.Series(own, table.index) if own or by_row is None else by_row
    amounts = convert_money(stated[there], unit[there])
    negative = amounts.index[amounts["amount"] < 0]
    refuse_figures([(row, name, "is negative") for row in negative], what)
    if "currency" in fields:
        said = as_text(table.loc[there, fields["currency"]]).map(lambda word: word and word.upper())
        spoken = said.where(said.notna(), amounts["currency"])
        # the columns of this library hold whole units of the currency beside them
        clash = amounts.index[(spoken != amounts["currency"]) & (name != f"{status}_funds")]
        refuse_figures([(row, name, f"is in {amounts['currency'][row]} and in {spoken[row]}") for row in clash], what)
        amounts["currency"] = spoken
    ids = as_text(table.loc[there, fields["project_id"]])
    sources = table.loc[there, fields["funding_source"]] if "funding_source" in fields else pd.Series(None, ids.index)
    return pd.DataFrame(
        {
            "project_id": ids,
            "funding_source": sources.map(_name),
            "status": status,
            **{column: amounts[column] for column in ("amount", "currency", "stated", "stated_unit")},
        }
    )


def _name(value: object) -> str | None:
    return None if value is None or pd.isna(value) or not str(value).strip() else str(value).strip()  # type: ignore[call-overload]


def project_funding(projects: pd.DataFrame, *, amounts_of: AmountsOf = "project") -> pd.DataFrame:
    """
    Take the money that a register of projects states beside them, once for each project.

    Parameters
    ----------
    projects
        ``project_id`` and any of ``planned_funds``, ``paid_funds``, ``audited_funds``, with ``currency`` and
        ``funding_source`` where known, as :func:`ecozones.read_projects` gives them.
    amounts_of
        ``"project"``: a figure is that of the whole project, however many rows repeat it. ``"patch"``: every row has
        money of its own.

    Returns
    -------
    DataFrame
        One row per figure, as :func:`read_funding` gives them.

    Raises
    ------
    SchemaError
        Rows of one project state different sums from one source, or money is negative, no number, or of no currency
        where others name theirs.

    Examples
    --------
    >>> patches = pd.DataFrame({"project_id": ["P1", "P1"], "planned_funds": [5e6, 5e6]})
    >>> project_funding(patches)["amount"].tolist(), project_funding(patches, amounts_of="patch")["amount"].tolist()
    ([5000000.0], [5000000.0, 5000000.0])
    """
    if amounts_of not in get_args(AmountsOf):
        message = f"amounts_of {amounts_of!r} is not known; use one of {', '.join(get_args(AmountsOf))}"
        raise InputError(message)
    columns = [f"{status}_funds" for status in STATUSES if f"{status}_funds" in projects.columns]
    if "project_id" not in projects.columns or not columns:
        has = ", ".join(map(str, projects.columns))
        message = f"projects needs project_id and any of planned_funds, paid_funds, audited_funds; it has {has}"
        raise SchemaError(message)
    source = [*map(_name, projects["funding_source"])] if "funding_source" in projects.columns else None
    facts = pd.DataFrame(
        {
            "project_id": projects["project_id"].to_numpy(),
            "funding_source": source,
            "currency": projects["currency"].to_numpy() if "currency" in projects.columns else "CNY",
        }
    )
    money = read_numbers(projects.reset_index(drop=True), columns, "the money of projects")
    parts = [facts.assign(status=column.removesuffix("_funds"), amount=money[column]) for column in columns]
    stated = pd.concat(parts).dropna(subset="amount")
    wrong = [(row, "amount", "is negative") for row in stated.index[stated["amount"] < 0]]
    wrong += [(row, "currency", "is missing; write CNY for yuan") for row in stated.index[stated["currency"].isna()]]
    refuse_figures(wrong, "the money of projects")
    found = stated.reset_index(drop=True)
    if amounts_of == "project":
        found = found.drop_duplicates().reset_index(drop=True)
        key = ["project_id", "funding_source", "currency", "status"]
        several = found.duplicated(key, keep=False)
        if several.any():
            ids = found.loc[several, "project_id"].unique()
            message = (
                f"rows of one project state different sums: {name_rows(ids)}; if every row has money of its own, say "
                "amounts_of='patch'"
            )
            raise SchemaError(message, found[several])
    return found[_LONG].assign(stated=found["amount"], stated_unit="")


def sum_funding(
    projects: pd.DataFrame,
    funding: pd.DataFrame | None = None,
    *,
    by: str | Sequence[str] | None = None,
    per: Ground = "footprint",
    shared: Shared = "apart",
    amounts_of: AmountsOf = "project",
    method: AreaMethod = "national",
) -> pd.DataFrame:
    """
    Sum the money of projects, each figure once, and work out what ground cost.

    Parameters
    ----------
    projects
        As for :func:`ecozones.measure_restored`; without geometry there are sums and no costs.
    funding
        Figures by project, as :func:`read_funding` gives them; left out: those beside the projects.
    by
        Left out: one row per project. ``"total"``: one row. Else columns of projects, such as ``"programme"``,
        ``"type"`` or ``"year"``, and ``"funding_source"``.
    per
        The ground that money is divided by: the ``"footprint"``, each piece once, or the ``"activity"``, the sum of
        records.
    shared
        Where patches of one project lie in several groups: ``"apart"`` keeps its money whole, in a row of its own
        that is marked ``spans``; ``"by_area"`` shares it out by the area of the patches.
    amounts_of
        As for :func:`project_funding`.
    method
        How area is measured.

    Returns
    -------
    DataFrame
        One row per group, status and currency: the keys, ``spans``, ``status``, ``currency``, ``amount``,
        ``amount_wan`` (万元 where the currency is CNY), ``projects`` (that state it) and ``projects_without`` (that do
        not), ``area_ha``, ``area_mu`` (ground of those that state it), ``per_ha``, ``per_mu`` (NaN where there is
        nothing to divide by). Sums of groups add up to the total. [currency, 10,000 of it, ha, mu]

    Raises
    ------
    SchemaError
        A column is missing, money is of projects that are not there, or sources come to more than the total stated
        beside them.
    InputError
        An option has no meaning here.

    Examples
    --------
    >>> from ecozones.testing import chessboard
    >>> board = chessboard(2).iloc[:3].assign(project_id=["P1", "P1", "P2"], planned_funds=[3e6, 3e6, None])
    >>> sum_funding(board, by="total")[["amount_wan", "projects", "projects_without", "per_mu"]].round().values.tolist()
    [[300.0, 1.0, 1.0, 1000.0]]
    """
    for value, options, name in ((per, get_args(Ground), "per"), (shared, get_args(Shared), "shared")):
        if value not in options:
            message = f"{name} {value!r} is not known; use one of {', '.join(options)}"
            raise InputError(message)
    money = project_funding(projects, amounts_of=amounts_of) if funding is None else funding
    # rows that have money of their own hold no total of the project
    money = money[_LONG] if funding is None and amounts_of == "patch" else _itemised(money)
    foreign = sorted({str(name) for name in money["project_id"]} - {str(name) for name in projects["project_id"]})
    if foreign:
        message = f"money is stated of projects that the register does not have: {name_rows(foreign)}"
        raise SchemaError(message, pd.DataFrame({"project_id": foreign, "problem": "is not in the register"}))
    keys = ["project_id"] if by is None else [by] if isinstance(by, str) else list(by)
    records, shares = _groups(projects, keys, shared, method)
    sources = ["funding_source"] if "funding_source" in keys else []
    booked = shares.merge(money.astype({"project_id": str}), on="project_id", how="left")
    booked["amount"] *= booked["share"]
    said = set(money["status"]) or {"planned"}
    rows: list[dict[str, Any]] = []
    for number, group in booked.groupby("_group", sort=True):
        everyone = set(group["project_id"])
        for status in (status for status in STATUSES if status in said):
            stated = group[group["status"] == status]
            if not len(stated):
                rows.append({"_group": number} | _row(status, "", stated, everyone))
            for what, part in stated.groupby([*sources, "currency"], dropna=False, sort=True):
                extra = dict(zip(sources, what[:-1], strict=True))
                rows.append({"_group": number} | extra | _row(status, str(what[-1]), part, everyone))
    table = pd.DataFrame(rows, columns=["_group", *sources, "status", "currency", *_SUMS, "_projects"])
    table["area_ha"] = _ground(records, table, sources, per, method)
    table["area_mu"] = from_m2(table["area_ha"] * HA, "mu")
    for unit in ("ha", "mu"):
        table[f"per_{unit}"] = table["amount"] / table[f"area_{unit}"].where(table[f"area_{unit}"] > 0)
    labels = records.drop_duplicates("_group").set_index("_group")
    for key in [*(key for key in keys if key != "funding_source"), "spans"]:
        table[key] = table["_group"].map(labels["_own_id" if key == "project_id" else key])
    found = [*_SUMS, "area_ha", "area_mu", "per_ha", "per_mu"]
    return table[[*keys, *([] if keys == ["project_id"] else ["spans"]), "status", "currency", *found]]


def _row(status: str, currency: str, part: pd.DataFrame, everyone: set[str]) -> dict[str, Any]:
    amount = float(part["amount"].sum()) if len(part) else float("nan")
    paid_for = set(part["project_id"])
    return {
        "status": status,
        "currency": currency,
        "amount": amount,
        "amount_wan": amount / 1e4,
        "projects": len(paid_for),
        "projects_without": len(everyone - paid_for),
        "_projects": paid_for,
    }


def _itemised(money: pd.DataFrame) -> pd.DataFrame:
    """Make figures of one project sum to what it has: a total beside its sources is not added to them."""
    missing = [column for column in _LONG if column not in money.columns]
    if missing:
        message = f"the money has no columns {', '.join(missing)}; read it with read_funding"
        raise SchemaError(message)
    strange = sorted({str(status) for status in money["status"]} - set(STATUSES))
    if strange:
        message = f"money is {', '.join(STATUSES)}, not {name_rows(strange)}"
        raise SchemaError(message)
    refuse_figures([(row, "currency", "is missing") for row in money.index[money["currency"].isna()]], "the money")
    key = ["project_id", "status", "currency"]
    named = money["funding_source"].notna()
    sources = money[named].groupby(key)["amount"].sum().rename("sources")
    totals = money[~named].groupby(key, sort=False)["amount"].sum().reset_index().assign(funding_source=None)
    totals = totals.merge(sources.reset_index(), on=key, how="left")
    left = totals["amount"] - totals["sources"].fillna(0.0)
    over = left < -_NOISE * totals["amount"].abs()
    if over.any():
        ids = totals.loc[over, "project_id"].unique()
        message = f"sources come to more than the total that is stated beside them: projects {name_rows(ids)}"
        raise SchemaError(message, totals.loc[over].assign(problem="sources exceed the total"))
    rest = totals.assign(amount=left.clip(lower=0.0))
    rest = rest[totals["sources"].isna() | (left > _NOISE * totals["amount"].abs())]
    return pd.concat([money.loc[named, _LONG], rest[_LONG]], ignore_index=True)


def _groups(
    projects: pd.DataFrame, keys: list[str], shared: Shared, method: AreaMethod
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put every row into its group, and say which share of each project's money belongs to which group."""
    own = [key for key in keys if key != "funding_source"]
    missing = [key for key in ["project_id", *own] if key not in projects.columns and key != "total"]
    if missing:
        message = f"money cannot be grouped by {name_rows(missing)}: projects have no such column"
        raise SchemaError(message)
    records = projects.reset_index(drop=True)
    # ids of two tables meet as text; the answer has them as the register writes them
    records = records.assign(project_id=records["project_id"].astype(str), _own_id=records["project_id"], total="total")
    if "type" in own:
        records["type"] = pd.Series(recognise_types(records["type"]), dtype=object).fillna(records["type"])
    if "year" in own:
        # asked of the register itself, whose rows have the names that its owner knows
        records["year"] = read_years(projects, "year", "projects").array
    if "stage" in own:
        records["stage"] = pd.Series([recognise_stage(word) for word in records["stage"]]).fillna(records["stage"])
    distinct = records[["project_id", *(key for key in own if key != "project_id")]].drop_duplicates()
    spans = records["project_id"].isin(distinct.loc[distinct["project_id"].duplicated(), "project_id"])
    if shared == "by_area" and spans.any():
        if not isinstance(projects, gpd.GeoDataFrame):
            message = "shared='by_area' needs the geometry of projects; shared='apart' does without"
            raise InputError(message)
        area = pd.Series(measure_restored(projects, method=method)["activity_ha"].to_numpy(dtype=float))
        records["share"] = area / area.groupby(records["project_id"]).transform("sum")
        records["spans"] = False
    else:
        records["share"] = 1.0 / records.groupby("project_id")["project_id"].transform("size")
        records["spans"] = spans
        for key in (key for key in own if key not in {"project_id", "total"} and spans.any()):
            records[key] = records[key].astype(object).where(~spans, None)
    records["_group"] = records.groupby([*own, "spans"], dropna=False, sort=True).ngroup()
    shares = records.groupby(["_group", "project_id"], sort=False)["share"].sum().reset_index()
    return records, shares


def _ground(
    records: pd.DataFrame, table: pd.DataFrame, sources: list[str], per: Ground, method: AreaMethod
) -> np.ndarray[Any, Any]:
    """Measure the ground [ha] of the projects that state each sum, within their group."""
    ground = np.full(len(table), np.nan)
    if not isinstance(records, gpd.GeoDataFrame):
        return ground
    here = pd.MultiIndex.from_arrays([records["_group"], records["project_id"]])
    for _, rows in table.groupby(["status", "currency", *sources], dropna=False):
        named = zip(rows["_group"], rows["_projects"], strict=True)
        stated = [(number, name) for number, names in named for name in names]
        if not stated:
            continue
        mine = records[here.isin(stated)].drop(columns=["share", "spans", "total", "_own_id"])
        measured = measure_restored(mine, by="_group", method=method).set_index("_group")[f"{per}_ha"]
        ground[rows.index] = rows["_group"].map(measured)
    return ground


def check_funding(projects: pd.DataFrame, funding: pd.DataFrame | None = None) -> pd.DataFrame:
    """
    Find money that cannot be, or that nobody stated: more paid than planned, sources beyond their total, and so on.

    Parameters
    ----------
    projects
        Projects with ``project_id``.
    funding
        As for :func:`sum_funding`.

    Returns
    -------
    DataFrame
        One row per finding: ``project_id``, ``finding``, ``value``, ``limit``, ``currency``; empty where nothing is
        wrong. [currency]

    Raises
    ------
    SchemaError
        As for :func:`project_funding`.

    Examples
    --------
    >>> projects = pd.DataFrame({"project_id": ["P1"], "planned_funds": [1e6], "paid_funds": [1.2e6]})
    >>> check_funding(projects)["finding"].tolist()
    ['more paid than planned']
    """
    money = project_funding(projects) if funding is None else funding
    key = ["project_id", "currency"]
    named = money["funding_source"].notna()
    sources = money[named].groupby([*key, "status"])["amount"].sum()
    stated = money[~named].groupby([*key, "status"])["amount"].sum()
    both = pd.concat({"sources": sources, "stated": stated}, axis=1)
    found: list[tuple[object, str, float, float, object]] = []
    columns = ["project_id", "currency", "status", "sources", "stated"]
    for project, currency, status, parts, whole in both.dropna().reset_index()[columns].itertuples(index=False):
        if abs(parts - whole) > _NOISE * abs(whole):
            how = "exceed" if parts > whole else "fall short of"
            found.append((project, f"sources {how} the total {status}", parts, whole, currency))
    whole = both["stated"].fillna(both["sources"]).rename("amount").reset_index()
    wide = whole.pivot_table(index=key, columns="status", values="amount").reindex(columns=list(STATUSES))
    for more, less in (("paid", "planned"), ("audited", "paid"), ("audited", "planned")):
        over = wide[more] > wide[less] * (1 + _NOISE)
        found += [
            (project, f"more {more} than {less}", float(wide.loc[at, more]), float(wide.loc[at, less]), currency)
            for at, (project, currency) in zip(wide.index[over], wide.index[over], strict=True)
        ]
    currencies = money.groupby("project_id")["currency"].unique()
    none = float("nan")
    found += [
        (project, "money in several currencies, which are not added", none, none, ", ".join(sorted(said)))
        for project, said in currencies.items()
        if len(said) > 1
    ]
    spoken = set(money["project_id"].astype(str))
    silent = [name for name in dict.fromkeys(projects["project_id"]) if str(name) not in spoken]
    found += [(name, "no money is stated", none, none, "") for name in silent]
    return pd.DataFrame(found, columns=["project_id", "finding", "value", "limit", "currency"])
