"""Which layers of a source make which control line: what the caller says, else what their names say for sure."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from ecozones import schema
from ecozones.errors import FormatWarning, SchemaError
from ecozones.readers.layer_names import fit_layer
from ecozones.readers.placed import ReadOptions
from ecozones.sources import Layer, open_source, read_layer, skim
from ecozones.vocab import ControlLine

Choice: TypeAlias = "str | Path | Sequence[str | Path] | None"


def split_drawings(listed: Sequence[Layer], options: ReadOptions) -> list[Layer]:
    """
    Take every layer of a drawing as a layer: a DXF file shows them as one.

    Parameters
    ----------
    listed
        Layers as the source lists them.
    options
        How to read them.

    Returns
    -------
    list of Layer
        Layers of drawings come with their frame.
    """
    found: list[Layer] = []
    for one in listed:
        if one.path.suffix.lower() != ".dxf":
            found.append(one)
            continue
        frame = read_layer(one, encoding=options.encoding)
        groups = frame.groupby(schema.as_text(frame["Layer"]).fillna("0"), sort=True)
        found += [dataclasses.replace(one, name=str(name), inner=str(name), frame=group) for name, group in groups]
    return found


def assign_layers(
    held: Sequence[Layer], known: Mapping[str, ControlLine], said: Mapping[str, Choice], notes: list[str]
) -> dict[str, list[Layer]]:
    """
    Tell which layers make each line: what the caller says, else what their names say for sure.

    Parameters
    ----------
    held
        The layers of the source.
    known
        Control lines by id.
    said
        What the caller says: line to layers, None for a line that is not to be read.
    notes
        Grows by what was taken, and what was not and why.

    Returns
    -------
    dict
        Layers by line.

    Raises
    ------
    SchemaError
        Several layers may be one line, none is any, or one that the caller names is not there.

    Warns
    -----
    FormatWarning
        A required line was not found, and a layer may be it.
    """
    taken: dict[str, list[Layer]] = {}
    named = {line: named_layers(held, choice, line) for line, choice in said.items() if choice is not None}
    hints: list[str] = []
    spoken = {id(one) for chosen in named.values() for one in chosen}
    for line in known.values():
        if line.id in said:
            if line.id in named:
                taken[line.id] = named[line.id]
            continue
        fits = {id(one): fit_layer(one, line) for one in held if id(one) not in spoken}
        sure = [one for one in held if (fit := fits.get(id(one))) is not None and fit.how == "sure"]
        perhaps = [one for one in held if (fit := fits.get(id(one))) is not None and fit.how == "perhaps"]
        parts = [fit.subzone for one in sure if (fit := fits[id(one)]) is not None]
        if len(sure) > 1 and len(set(parts)) < len(parts):
            message = (
                f"several layers may be {line.id} ({line.zh}): {skim(sure)}; "
                f"say which with layers={{{line.id!r}: ...}}, or give a list of all that make it"
            )
            raise SchemaError(message)
        if sure:
            taken[line.id] = sure
        if perhaps:
            note = f"{line.id}: {skim(perhaps)} not taken, because the name says more; name it in layers= if it is"
            notes.append(note)
            if not sure and line.required:
                warnings.warn(note, FormatWarning, stacklevel=4)
                hints.append(note)
    if not taken:
        wanted = ", ".join(f"{line.id} ({line.zh})" for line in known.values() if line.required)
        message = f"no control line was found among {skim(held)}; say which layer is which with layers=: {wanted}"
        message = ". ".join([message, *hints])
        raise SchemaError(message)
    for line_id, chosen in taken.items():
        notes.append(f"{line_id}: read from {skim(chosen)}")
    notes.extend(
        f"{line.id}: no layer found, so nothing can be clear of it"
        for line in known.values()
        if line.required and line.id not in taken
    )
    return taken


def named_layers(held: Sequence[Layer], choice: str | Path | Sequence[str | Path], line: str) -> list[Layer]:
    """
    Find the layers that the caller names.

    Parameters
    ----------
    held
        The layers of the source.
    choice
        Names, or paths of files outside it.
    line
        What they are for, for messages.

    Returns
    -------
    list of Layer
        In the order of the choice.

    Raises
    ------
    SchemaError
        One is not there, or more than once.
    """
    wanted = [choice] if isinstance(choice, str | Path) else list(choice)
    found: list[Layer] = []
    for one in wanted:
        hits = [layer for layer in held if str(one) in {layer.name, layer.inner, layer.file}]
        if len(hits) > 1:
            message = f"{line}: {one!r} is there more than once: {skim(hits)}; pass the path of the file"
            raise SchemaError(message)
        found.append(hits[0] if hits else _file_layer(one, line, held))
    return found


def _file_layer(path: str | Path, line: str, held: Sequence[Layer]) -> Layer:
    if not Path(path).exists():
        message = f"{line}: {str(path)!r} is no layer of the source and no file; the source holds {skim(held)}"
        raise SchemaError(message)
    with open_source(path, what=line) as layers:
        if len(layers) > 1:
            message = f"{line}: {Path(path).name} holds {len(layers)} layers: {skim(layers)}; pass one as a frame"
            raise SchemaError(message)
        if layers[0].path.suffix.lower() == Path(path).suffix.lower():
            return layers[0]
        # an archive is gone when the context ends, so it is read now
        return dataclasses.replace(layers[0], frame=read_layer(layers[0]))


def note_unused(held: Sequence[Layer], known: Mapping[str, ControlLine], used: set[int], notes: list[str]) -> None:
    """
    Note the layers that by their name belong to a line and are expressly not it.

    Parameters
    ----------
    held
        The layers of the source.
    known
        Control lines by id.
    used
        Identities of the layers that were taken.
    notes
        Grows by a note each.
    """
    for one in held:
        if id(one) in used:
            continue
        line = next((line for line in known.values() if (fit := fit_layer(one, line)) and fit.how == "other"), None)
        if line is not None:
            notes.append(
                f"{one.label}: by its name an evaluation or working layer of {line.id}, never taken for the line"
            )
