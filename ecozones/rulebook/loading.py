"""Rulebooks by name or from files, each refining those before it."""

from __future__ import annotations

import dataclasses
import functools
import operator
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from ecozones.errors import RulebookError
from ecozones.rulebook.book import Rulebook
from ecozones.rulebook.merging import join_agreeing, join_all
from ecozones.rulefile import parse_file
from ecozones.vocab import control_lines


def load_rules(*names: str | Path) -> Rulebook:
    """
    Load rulebooks by name or from files, each refining those before it.

    Parameters
    ----------
    *names
        ``"CN"`` for the national rules, the name of a provincial overlay such as ``"CN-36-jiangxi"``, or the path of a
        rule file (ending in ``.toml``).

    Returns
    -------
    Rulebook
        The rules of all of them; a rule of the same id replaces.

    Raises
    ------
    RulebookError
        A name is not known, or a file cannot be read as rules; the message names file, rule and key.

    Examples
    --------
    >>> load_rules("CN")
    <Rulebook 'CN': 82 rules on 6 lines (59 verified, 14 partial, 9 memory)>
    """
    if not names:
        message = f"no rulebook was named; built in are {', '.join(_built_in())}, or give the path of a rule file"
        raise RulebookError(message)
    return functools.reduce(operator.or_, [_load(name) for name in names])


def _load(name: str | Path) -> Rulebook:
    known = _built_in()
    if isinstance(name, str) and name in known:
        return _load_built_in(name)
    path = Path(name)
    if path.suffix != ".toml":
        message = f"there is no rulebook {str(name)!r}; built in are {', '.join(known)}, and a rule file ends in .toml"
        raise RulebookError(message)
    try:
        content = path.read_bytes()
    except OSError as cause:
        message = f"{path.name}: the rule file cannot be read at {path}: {cause.strerror}"
        raise RulebookError(message) from cause
    return _assemble(path.name, {path.name: content})


@functools.cache
def _built_in() -> dict[str, tuple[str, ...]]:
    """Name the built-in rulebooks and the files each is made of."""
    folder = resources.files("ecozones").joinpath("data/rules")
    books: dict[str, tuple[str, ...]] = {}
    for file in sorted(item.name for item in folder.iterdir() if item.name.endswith(".toml")):
        book = file.partition("-")[0]
        books[book] = (*books.get(book, ()), file)
    overlays = folder.joinpath("overlays")
    for file in sorted(item.name for item in overlays.iterdir() if item.name.endswith(".toml")):
        books[file.removesuffix(".toml")] = (f"overlays/{file}",)
    return books


@functools.cache
def _load_built_in(name: str) -> Rulebook:
    folder = resources.files("ecozones").joinpath("data/rules")
    return _assemble(name, {file: folder.joinpath(file).read_bytes() for file in _built_in()[name]})


def _assemble(name: str, contents: Mapping[str, bytes]) -> Rulebook:
    """Make one rulebook of files that belong together."""
    files = [parse_file(origin, content) for origin, content in contents.items()]
    for origin, file in zip(contents, files, strict=True):
        for base in file.extends:
            if base not in _built_in():
                message = f"{origin}: extends: there is no rulebook {base!r}; built in are {', '.join(_built_in())}"
                raise RulebookError(message)
    bases = [
        dataclasses.replace(_load_built_in(base), rules=(), overlaps=(), name=name)
        for base in dict.fromkeys(base for file in files for base in file.extends)
    ]
    words = functools.reduce(operator.or_, bases, Rulebook((), (), (), (), (), name))
    rules = tuple(rule for file in files for rule in file.rules)
    overlaps = tuple(overlap for file in files for overlap in file.overlaps)
    lines = join_agreeing(words.lines, join_all([file.lines for file in files], f"{name}: line"), f"{name}: line")
    # a line that no file declares may be one of the vocabulary
    named = dict.fromkeys([rule.line for rule in rules] + [line for item in overlaps for line in (item.a, item.b)])
    declared = {line.id for line in lines}
    built_in = control_lines()
    lines += tuple(built_in[line] for line in named if line not in declared and line in built_in)
    return Rulebook(
        rules=rules,
        lines=lines,
        activities=join_agreeing(
            words.activities, join_all([file.activities for file in files], f"{name}: activity"), f"{name}: activity"
        ),
        overlaps=overlaps,
        sources=join_agreeing(
            words.sources, join_all([file.sources for file in files], f"{name}: source"), f"{name}: source"
        ),
        name=name,
    )
