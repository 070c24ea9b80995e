"""An output folder that is there whole or not at all: a hidden folder beside its place becomes it.

``resolve_output`` and ``refuse_nesting`` check before anything is written. ``held_partial`` makes
the hidden folder, marks it as ours and lets one run at a time into it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from anonbase.errors import OutputError
from anonbase.files import lock

__all__ = ["MARK", "held_partial", "partial_folder", "refuse_nesting", "resolve_output"]

#: The file that says of a hidden folder that it is ours; a run locks it.
MARK = "anonfaces.partial"
#: Only its owner may look into what is half made: it holds originals.
_PRIVATE = 0o700


def resolve_output(output: Path, source: Path | None) -> Path:
    """The absolute place to write to; ``OutputError`` where it cannot be one.

    Refused are a place without a name, one inside of ``source`` or around it, and one whose
    hidden folder is in the way and not ours. Writes nothing.
    """
    place = output.expanduser().resolve()
    if not place.name:
        raise OutputError(f"{output} cannot be an output folder: name a folder to make")
    if source is not None:
        refuse_nesting(place, source.expanduser().resolve())
    partial = partial_folder(place)
    if partial.exists() and not (partial / MARK).is_file():
        raise OutputError(
            f"{partial} is in the way, and anonfaces did not make it: move it, or name another"
            " output"
        )
    return place


def refuse_nesting(place: Path, source: Path) -> None:
    """``OutputError`` where the input and the output, both resolved, lie in one another."""
    if place == source:
        raise OutputError(
            f"the output {place} is the input, which is never written over: name a new folder"
            " elsewhere"
        )
    if source in place.parents:
        raise OutputError(
            f"the output {place} lies inside the input {source}, and its pictures would be taken"
            " for photographs by the next run: name an output elsewhere"
        )
    if place in source.parents:
        raise OutputError(
            f"the input {source} lies inside the output {place}, which replaces what is there:"
            " name an output elsewhere"
        )


def partial_folder(place: Path) -> Path:
    """The hidden folder beside ``place`` in which it is made."""
    return place.with_name(f".{place.name}.partial")


@contextmanager
def held_partial(place: Path) -> Iterator[Path]:
    """The hidden folder of ``place``, made and marked as ours, for one run at a time."""
    partial = partial_folder(place)
    try:
        partial.mkdir(parents=True, exist_ok=True)
        partial.chmod(_PRIVATE)
        mark = (partial / MARK).open("w")
    except OSError as error:
        raise OutputError(f"cannot write beside {place}: {error.strerror or error}") from error
    with mark:
        lock(mark, partial)
        yield partial
