"""
What an option may be, told before anything is read or written: one check for every verb, wherever it works.

Kinds and ranges are checked here, by the name of the option, which means the same in every verb. Whether a column, line
or sub-zone is there is asked where the data are.
"""

from __future__ import annotations

import codecs
import inspect
import math
import numbers
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any, get_args

import geopandas as gpd
import numpy as np

from ecozones.area import AreaMethod
from ecozones.errors import InputError, SchemaError
from ecozones.plan import ZoningPlan
from ecozones.rulebook import Rulebook, as_day
from ecozones.rulefile import name_near
from ecozones.units import AreaUnit

_Check = Callable[[Any], str]
_ONE = {
    "layers on disk": "the path of a layer",
    "frames in memory": "a frame in memory",
    "plans in memory": "a plan in memory",
    "tables": "a table of a database",
}


def check_options(verb: str, given: Mapping[str, object]) -> None:
    """
    Refuse options whose values mean nothing, all of them at once.

    Parameters
    ----------
    verb
        What was called, for the message.
    given
        Options by name, such as are named here.

    Raises
    ------
    InputError
        Naming each option, what it must be, and what was given.

    Examples
    --------
    >>> check_options("measure_area", {"method": "national", "unit": "mu"})
    >>> check_options("measure_area", {"method": "natonal", "rows": 0})
    Traceback (most recent call last):
    ecozones.errors.InputError: measure_area: method 'natonal' is not known; did you mean 'national'?
    rows must be a whole number from 1 upwards, not 0
    """
    wrong = {name: _CHECKS[name](value) for name, value in given.items()}
    told = [f"{name.removesuffix(' in a database')} {what}" for name, what in wrong.items() if what]
    if told:
        raise InputError(f"{verb}: " + "\n".join(told))


def plain(value: Any) -> Any:  # noqa: ANN401 - whatever an option may be
    """
    Give the value of an option as it can be looked at twice, and written down.

    What can be gone through only once becomes a tuple: a check would leave nothing of it for the work, nor for the
    fingerprint of a run. Numbers of other libraries become those of Python. All else stays as it is, right or wrong.

    Parameters
    ----------
    value
        As the caller gave it.

    Returns
    -------
    object
        The same, told in plain kinds.

    Examples
    --------
    >>> plain(iter(["A", "B"])), plain(np.int64(5)), plain("A")
    (('A', 'B'), 5, 'A')
    """
    if isinstance(value, Iterator):
        return tuple(value)
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return value
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def check_option_names(verb: str, given: Iterable[str], takes: Mapping[str, Iterable[str]], where: str) -> None:
    """
    Refuse options that a verb does not have where it is asked to work.

    Parameters
    ----------
    verb
        What was called, for the message.
    given
        Names of options.
    takes
        Names of the options that the verb has besides, by what it works on, such as ``"layers on disk"``.
    where
        What it works on this time, one of `takes`.

    Raises
    ------
    InputError
        Naming the options, and what was meant or where they belong.

    Examples
    --------
    >>> takes = {"layers on disk": ["rows"], "frames in memory": []}
    >>> check_option_names("measure_area", ["rowz"], takes, "layers on disk")
    Traceback (most recent call last):
    ecozones.errors.InputError: measure_area: there is no option 'rowz'; did you mean 'rows'?
    >>> check_option_names("measure_area", ["rows"], takes, "frames in memory")
    Traceback (most recent call last):
    ecozones.errors.InputError: measure_area: rows is for layers on disk, and a frame in memory was given; leave it out,
    or give the path of a layer
    """
    known = {place: list(names) for place, names in takes.items()}
    foreign = [name for name in given if name not in known[where]]
    if not foreign:
        return
    told = []
    for place, names in known.items():
        apart = [name for name in foreign if name in names]
        if apart:
            told.append(
                f"{', '.join(apart)} is for {place}, and {_ONE[where]} was given; leave it out, or give {_ONE[place]}"
            )
            foreign = [name for name in foreign if name not in apart]
    every = list(dict.fromkeys(known[where] or [name for names in known.values() for name in names]))
    told += [f"there is no option {name!r}{name_near(name, every)}" for name in foreign]
    raise InputError(f"{verb}: " + "\n".join(told))


def option_names(function: Callable[..., object]) -> list[str]:
    """
    Name the options of a function.

    Parameters
    ----------
    function
        Any.

    Returns
    -------
    list of str
        Its keyword-only parameters, in their order.

    Examples
    --------
    >>> option_names(sorted)
    ['key', 'reverse']
    """
    every = inspect.signature(function).parameters.values()
    return [one.name for one in every if one.kind is inspect.Parameter.KEYWORD_ONLY]


def check_districts(districts: gpd.GeoDataFrame | None) -> None:
    """
    Refuse districts that have no column of names, before anything is read for them.

    Parameters
    ----------
    districts
        As the verbs take them.

    Raises
    ------
    SchemaError
        There is no column ``district``.

    Examples
    --------
    >>> check_districts(None)
    """
    if districts is not None and "district" not in districts.columns:
        message = "districts has no column 'district' that names each row; rename the one that does"
        raise SchemaError(message)


# ---------------------------------------------------------------------------------------------------- kinds of values


def _shown(value: object) -> str:
    plain = value is None or isinstance(value, str | int | float | list | tuple | set | dict | Path)
    text = repr(value) if plain else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}..."  # noqa: PLR2004 - what a line of a message holds


def _one_of(kind: object) -> _Check:
    known = get_args(kind)

    def check(value: object) -> str:
        if isinstance(value, str) and value in known:
            return ""
        near = name_near(value, known) if isinstance(value, str) else f"; known are {', '.join(known)}"
        return f"{_shown(value)} is not known{near}"

    return check


def _must(be: str, holds: Callable[[Any], bool]) -> _Check:
    return lambda value: "" if holds(value) else f"must be {be}, not {_shown(value)}"


def _or_none(check: _Check) -> _Check:
    return lambda value: "" if value is None else check(value)


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _is_size(value: object) -> bool:
    return _is_number(value) and math.isfinite(value) and value >= 0  # type: ignore[arg-type,operator]


def _is_whole(value: object) -> bool:
    return isinstance(value, numbers.Integral) and _is_size(value)


def _are_texts(value: object) -> bool:
    # what can be gone through only once would be gone when it is needed
    if isinstance(value, str | bytes | Iterator) or not isinstance(value, Iterable):
        return False
    return all(isinstance(one, str) for one in value)


def _is_day(value: object) -> bool:
    try:
        as_day(value)  # type: ignore[arg-type]
    except InputError:
        return False
    return True


def _is_encoding(value: object) -> bool:
    try:
        codecs.lookup(value)  # type: ignore[arg-type]
    except (LookupError, TypeError):
        return False
    return True


def _is_folder(value: object) -> bool:
    """Tell whether there is such a folder, or could be one."""
    if not isinstance(value, str | os.PathLike) or "\0" in str(value) or not str(value):
        return False
    place = Path(value).absolute()
    return next(above for above in (place, *place.parents) if above.exists()).is_dir()


def _is_there(value: object) -> bool:
    return isinstance(value, str | os.PathLike) and "\0" not in str(value) and Path(value).is_dir()


def _setback(value: object) -> str:
    # how far it may be, and of which lines, is for the kernel to say
    if isinstance(value, Mapping):
        wrong = {line: one for line, one in value.items() if not isinstance(line, str) or not _is_number(one)}
        return f"must be distances in metres by line, not {_shown(wrong)}" if wrong else ""
    good = value is None or _is_number(value)
    return "" if good else f"must be a distance in metres, or one by line, not {_shown(value)}"


def _attribution(value: object) -> str:
    from ecozones.restoration.measuring import Attribution  # noqa: PLC0415 - what a frame does not need is not loaded

    return _one_of(Attribution)(value)


def _engine(value: object) -> str:
    from ecozones.engines import check_engine  # noqa: PLC0415 - what a frame does not need is not loaded

    try:
        check_engine(value)
    except InputError as cause:
        return str(cause).removeprefix("engine ")
    return ""


_TEXT = _must("a text", lambda value: isinstance(value, str))
_TEXTS = _must("a list of texts", _are_texts)
_COLUMNS = _must("the name of a column or a list of them", lambda value: isinstance(value, str) or _are_texts(value))
_FLAG = _must("True or False", lambda value: type(value).__name__ in {"bool", "bool_"})
_COUNT = _must("a whole number from 1 upwards", lambda value: _is_whole(value) and value >= 1)
_SIZE = _must("a number from 0 upwards", _is_size)
_FOLDER = _must("a folder, and no file may stand in its way", _is_folder)
_NAMES = _must(
    "a mapping of texts, such as {'site_id': 'BSM'}",
    lambda value: isinstance(value, Mapping) and all(isinstance(one, str) for pair in value.items() for one in pair),
)
_FOLDERS = _must(
    "folders by line id, as prepare made them",
    lambda value: isinstance(value, Mapping) and all(_is_there(one) for one in value.values()),
)
_CHECKS: dict[str, _Check] = {
    "method": _one_of(AreaMethod),
    "unit": _one_of(AreaUnit),
    "attribution": _attribution,
    "rounded": _FLAG,
    "progress": _FLAG,
    "replace": _FLAG,
    "polygons_only": _FLAG,
    "rows": _COUNT,
    "part_rows": _COUNT,
    "largest": _COUNT,
    "fragment": _must("a whole number from 0 upwards", _is_whole),
    "ignore_below_m2": _SIZE,
    "ignore_narrower_m": _SIZE,
    "setback_m": _setback,
    "on": _or_none(_must("a day, such as '2026-06-01'", _is_day)),
    "rules": _or_none(
        _must("a rulebook, or the name of one", lambda value: isinstance(value, Rulebook | str | os.PathLike))
    ),
    "lines": _or_none(_TEXTS),
    "by": _or_none(_COLUMNS),
    "partition_by": _COLUMNS,
    "priority": _must(
        "a list of texts, the first of them first",
        lambda value: _are_texts(value) and not isinstance(value, AbstractSet),
    ),
    "plan": _or_none(
        _must("a plan, as read_plan or ZoningPlan.from_layers make one", lambda value: isinstance(value, ZoningPlan))
    ),
    "districts": _or_none(_must("a GeoDataFrame", lambda value: isinstance(value, gpd.GeoDataFrame))),
    "layer": _or_none(_TEXT),
    "line": _or_none(_TEXT),
    "id_column": _or_none(_TEXT),
    "encoding": _or_none(_must("the name of an encoding, such as 'gbk'", _is_encoding)),
    "columns": _or_none(_NAMES),
    "stored": _or_none(_FOLDERS),
    "since": _or_none(_must("the folder of a run that is finished", _is_there)),
    "folder": _FOLDER,
    "out": _FOLDER,
    "out in a database": _TEXT,
    "schema": _TEXT,
    "plan_schema": _TEXT,
    "engine": _engine,
}
