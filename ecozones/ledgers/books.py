"""
The books of land: balances that may not go below zero, and rules of so many per cent.

Nothing here looks at geometry. A share without a denominator is missing, never zero; a number from memory says so.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from ecozones.columns import read_flags, read_numbers, read_years, share_of
from ecozones.errors import SchemaError, name_rows
from ecozones.shipped import shipped_table

# what adding decimals in binary leaves
_NOISE = 1e-9


def mining_land_ledger(entries: pd.DataFrame) -> pd.DataFrame:
    """
    Keep the account of mining land: reclaimed land is credited on acceptance, new land debited on approval.

    Land that is reclaimed but not accepted gives nothing. The balance of an account never goes below zero: an
    approval that would take it there is refused and stays in the book as refused. Entries of a day are credited
    before they are debited.

    Parameters
    ----------
    entries
        ``entry_id``, ``kind`` (``reclaimed`` or ``new``), ``area_ha`` [ha], ``on`` (the day of acceptance or
        approval; missing while there is none), and ``account`` (the province, within which alone quotas move) where
        there are several.

    Returns
    -------
    DataFrame
        One row per entry, in the order of the book: the input with ``booked_ha`` (credit positive, debit negative),
        ``balance_ha`` (of the account, after the entry), ``booked`` and ``reason``. [ha]

    Raises
    ------
    SchemaError
        An entry has no area, a negative one, a kind that means nothing, a day that is none, or no account where there
        are several; every problem at once.

    Examples
    --------
    >>> book = pd.DataFrame({"entry_id": ["a", "b"], "kind": ["reclaimed", "new"], "area_ha": [10, 12],
    ...                      "on": ["2024-01-01", "2024-02-01"]})
    >>> mining_land_ledger(book)[["booked_ha", "balance_ha", "booked"]].values.tolist()
    [[10.0, 10.0, True], [0.0, 10.0, False]]
    """
    entries = entries.reset_index(drop=True)
    numbers = read_numbers(entries, ["area_ha"], "the mining-land ledger")["area_ha"]
    missing = [column for column in ("entry_id", "kind", "on") if column not in entries.columns]
    if missing:
        message = (
            f"the mining-land ledger has no columns {', '.join(missing)}; it has {', '.join(map(str, entries.columns))}"
        )
        raise SchemaError(message)
    problems = [
        (row, "kind", f"{entries['kind'][row]!r} is neither 'reclaimed' nor 'new'")
        for row in entries.index[~entries["kind"].isin(["reclaimed", "new"])]
    ]
    problems += [(row, "area_ha", "is missing or negative") for row in entries.index[~(numbers >= 0)]]
    problems += [
        (row, "entry_id", f"{entries['entry_id'][row]!r} is repeated")
        for row in entries.index[entries["entry_id"].duplicated()]
    ]
    days = pd.to_datetime(entries["on"], errors="coerce", format="mixed")
    problems += [
        (row, "on", f"{entries['on'][row]!r} is no day; write it as 2024-03-01")
        for row in entries.index[days.isna() & entries["on"].notna()]
    ]
    if "account" in entries.columns:
        problems += [(row, "account", "is missing") for row in entries.index[entries["account"].isna()]]
    if problems:
        shown = "; ".join(f"row {row}: {column} {text}" for row, column, text in problems[:10])
        message = f"the mining-land ledger cannot be kept, {len(problems)} problems: {shown}"
        raise SchemaError(message, pd.DataFrame(problems, columns=["row", "column", "problem"]))
    book = entries.assign(area_ha=numbers, on=days)
    if "account" not in book.columns:
        book["account"] = ""
    rank = book["kind"].map({"reclaimed": 0, "new": 1})
    book = book.assign(_rank=rank).sort_values(
        ["account", "on", "_rank", "entry_id"], kind="stable", na_position="last"
    )
    balance: dict[object, float] = {}
    rows = []
    columns = (book["account"], book["kind"], book["area_ha"].to_numpy(dtype=float), book["on"].notna())
    for account, kind, area, dated in zip(*columns, strict=True):
        held = balance.get(account, 0.0)
        moved, reason = 0.0, ""
        if not dated:
            reason = "not accepted yet" if kind == "reclaimed" else "not approved yet"
        elif kind == "reclaimed":
            moved = area
        elif area <= held + _NOISE:
            moved = -area
        else:
            reason = f"refused: {area:g} ha asked, {held:g} ha in the account"
        balance[account] = max(held + moved, 0.0)
        rows.append((moved, balance[account], reason == "", reason))
    kept = pd.DataFrame(rows, columns=["booked_ha", "balance_ha", "booked", "reason"], index=book.index)
    return book.drop(columns="_rank").join(kept).reset_index(drop=True)


def farmland_balance(entries: pd.DataFrame, *, by: str | None = None) -> pd.DataFrame:
    """
    Balance cultivated land: what was supplemented and accepted against what was occupied, whatever the reason.

    Parameters
    ----------
    entries
        ``kind`` (``supplemented`` or ``occupied``), ``area_ha`` [ha]; ``accepted`` for supplements (missing is not
        accepted), ``quality`` (weight of the ground, 1 where missing) and ``reason``.
    by
        Column to balance by, such as ``"county"`` or ``"year"``.

    Returns
    -------
    DataFrame
        One row per group: ``supplemented_ha``, ``not_accepted_ha``, ``occupied_ha``, ``net_ha``, the same weighted by
        quality as ``weighted_net_ha``, ``balanced`` (neither net below zero), ``next_cap_ha`` (what may be occupied
        next, the net increase, never below zero; from memory), ``status`` (of the rule). Entries without a group are
        one of their own. [ha]

    Raises
    ------
    SchemaError
        A column is missing, an entry has no area or a negative one, or a kind means nothing.

    Examples
    --------
    >>> book = pd.DataFrame({"kind": ["supplemented", "occupied"], "area_ha": [12.0, 10.0], "accepted": [True, None]})
    >>> farmland_balance(book)[["net_ha", "next_cap_ha", "balanced"]].values.tolist()
    [[2.0, 2.0, True]]
    """
    entries = entries.reset_index(drop=True)
    area = read_numbers(entries, ["area_ha"], "the farmland balance")["area_ha"]
    foreign = (
        entries.index[~entries["kind"].isin(["supplemented", "occupied"])]
        if "kind" in entries.columns
        else entries.index
    )
    if len(foreign):
        message = f"the farmland balance needs kind 'supplemented' or 'occupied': rows {name_rows(foreign)}"
        raise SchemaError(message)
    unmeasured = entries.index[~(area >= 0)]
    if len(unmeasured):
        message = f"the farmland balance has entries whose area is missing or negative: rows {name_rows(unmeasured)}"
        problems = pd.DataFrame({"row": unmeasured, "column": "area_ha", "problem": "is missing or negative"})
        raise SchemaError(message, problems)
    if by and by not in entries.columns:
        message = f"the farmland balance has no column {by!r} to balance by; it has {', '.join(entries.columns)}"
        raise SchemaError(message)
    full = entries.reindex(columns=[*entries.columns, *({"accepted", "quality"} - set(entries.columns))])
    accepted = read_flags(full, "accepted").fillna(value=False).astype(bool)
    quality = read_numbers(full, ["quality"], "the farmland balance")["quality"].fillna(1.0)
    gained = (full["kind"] == "supplemented") & accepted
    table = pd.DataFrame(
        {
            "supplemented_ha": area.where(gained, 0.0),
            "not_accepted_ha": area.where((full["kind"] == "supplemented") & ~accepted, 0.0),
            "occupied_ha": area.where(full["kind"] == "occupied", 0.0),
        }
    )
    table["net_ha"] = table["supplemented_ha"] - table["occupied_ha"]
    table["weighted_net_ha"] = table["net_ha"] * quality
    if by == "year":
        entries = entries.assign(year=read_years(entries, "year", "the farmland balance"))
    group = entries[by] if by else pd.Series("all", index=entries.index, name="group")
    summed = table.groupby(group, sort=True, dropna=False).sum()
    worst = summed[["net_ha", "weighted_net_ha"]].min(axis=1)
    status = shipped_table("ledgers")["farmland_balance"]["status"]
    return summed.assign(balanced=worst >= -_NOISE, next_cap_ha=worst.clip(lower=0.0), status=status).reset_index()


def check_consolidation(townships: pd.DataFrame) -> pd.DataFrame:
    """
    Check whole-area land consolidation against its three rules of five per cent.

    Parameters
    ----------
    townships
        ``township``, ``cultivated_ha`` (before), ``new_cultivated_ha``, ``farmland_ha`` (permanent basic farmland of
        the township), ``adjusted_ha`` (moved) and ``new_farmland_ha``. [ha]

    Returns
    -------
    DataFrame
        One row per township and rule: ``township``, ``rule``, ``numerator_ha``, ``denominator_ha``, ``share``,
        ``limit``, ``holds`` (missing where there is nothing to divide by), ``status`` (of the rule).

    Examples
    --------
    >>> town = {"township": "A", "cultivated_ha": 1000, "new_cultivated_ha": 50}
    >>> town |= {"farmland_ha": 800, "adjusted_ha": 40, "new_farmland_ha": 2}
    >>> check_consolidation(pd.DataFrame([town]))["holds"].tolist()
    [True, True, True]
    """
    rules = shipped_table("ledgers")["consolidation"]
    names = ["cultivated_ha", "new_cultivated_ha", "farmland_ha", "adjusted_ha", "new_farmland_ha"]
    given = read_numbers(townships, names, "townships")
    parts = []
    for rule, over, under, limit, at_least in (
        ("new cultivated land, of the old", "new_cultivated_ha", "cultivated_ha", rules["new_cultivated_share"], True),
        (
            "new permanent basic farmland, of the adjusted",
            "new_farmland_ha",
            "adjusted_ha",
            rules["new_farmland_share"],
            True,
        ),
        (
            "adjusted permanent basic farmland, of the township's",
            "adjusted_ha",
            "farmland_ha",
            rules["adjusted_share"],
            False,
        ),
    ):
        share = share_of(given[over], given[under])
        holds = (share >= limit - _NOISE if at_least else share <= limit + _NOISE).astype("boolean")
        parts.append(
            pd.DataFrame(
                {
                    "township": townships["township"],
                    "rule": rule,
                    "numerator_ha": given[over],
                    "denominator_ha": given[under],
                    "share": share,
                    "limit": limit,
                    "holds": holds.mask(share.isna()),
                    "status": shipped_table("ledgers")["sources"][rules["source"]]["status"],
                }
            )
        )
    return pd.concat(parts).sort_values("township", kind="stable").reset_index(drop=True)


def next_quota(stock: pd.DataFrame) -> pd.DataFrame:
    """
    Work out how disposal of old land moves the next quota of new construction land (增存挂钩).

    Parameters
    ----------
    stock
        ``place``, ``unsupplied_ha`` and ``unsupplied_disposed_ha`` (批而未供), ``idle_ha`` and ``idle_disposed_ha``
        (闲置) [ha], and ``unsupplied_task`` and ``idle_task``, the shares that had to be disposed of.

    Returns
    -------
    DataFrame
        One row per place: ``unsupplied_rate``, ``idle_rate``, ``quota_change`` (a share; NaN where a rate is not
        known), ``status`` (of the rule).

    Examples
    --------
    >>> stock = {"place": "A", "unsupplied_ha": 100, "unsupplied_disposed_ha": 20, "unsupplied_task": 0.15}
    >>> stock |= {"idle_ha": 50, "idle_disposed_ha": 10, "idle_task": 0.15}
    >>> next_quota(pd.DataFrame([stock]))["quota_change"].tolist()
    [0.1]
    """
    rules = shipped_table("ledgers")["linking"]
    names = ["unsupplied_ha", "unsupplied_disposed_ha", "unsupplied_task", "idle_ha", "idle_disposed_ha", "idle_task"]
    given = read_numbers(stock, names, "stock")
    rates = {kind: share_of(given[f"{kind}_disposed_ha"], given[f"{kind}_ha"]) for kind in ("unsupplied", "idle")}
    done = [rates[kind] >= given[f"{kind}_task"] - _NOISE for kind in rates]
    known = [rates[kind].notna() & given[f"{kind}_task"].notna() for kind in rates]
    failed = (known[0] & ~done[0]) | (known[1] & ~done[1])
    change = np.select([failed, known[0] & known[1]], [-rules["penalty"], rules["bonus"]], default=np.nan)
    return pd.DataFrame(
        {
            "place": stock["place"],
            "unsupplied_rate": rates["unsupplied"],
            "idle_rate": rates["idle"],
            "quota_change": change,
            "status": shipped_table("ledgers")["sources"][rules["source"]]["status"],
        }
    )


def land_per_gdp_decline(land_before: float, gdp_before: float, land_after: float, gdp_after: float) -> float:
    """
    Decline of construction land per unit of GDP (单位GDP建设用地使用面积下降率).

    Parameters
    ----------
    land_before, land_after
        Construction land, any one unit.
    gdp_before, gdp_after
        GDP in constant prices, any one unit.

    Returns
    -------
    float
        A share; NaN where there is nothing to divide by.

    Examples
    --------
    >>> round(land_per_gdp_decline(1000, 500, 1050, 750), 6)
    0.3
    """
    if land_before <= 0 or gdp_before <= 0 or gdp_after <= 0:
        return float("nan")
    return float(1 - (land_after / gdp_after) / (land_before / gdp_before))


def score_farmland_duty(plan_ha: float, cultivated_ha: float, adjustable_ha: float = 0.0) -> int:
    """
    Points for protected cultivated land: 3 with cultivated land alone, 2 with what can be turned back, else 0.

    Parameters
    ----------
    plan_ha
        The task. [ha]
    cultivated_ha
        Cultivated land. [ha]
    adjustable_ha
        Land that can be turned back into cultivated land. [ha]

    Returns
    -------
    int
        Points by the rule; what a document claims for itself is another number.

    Examples
    --------
    >>> score_farmland_duty(2398, 2304.8, 94.7)
    2
    """
    if cultivated_ha >= plan_ha:
        return 3
    return 2 if cultivated_ha + adjustable_ha >= plan_ha else 0
