"""The mode that was asked for, made ready for an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS
from anonfaces.anonymize.detection import Faces, Finder
from anonfaces.anonymize.options import Options
from anonfaces.anonymize.sources.fresh import Fresh, Source

__all__ = ["make_source"]

Pixels = NDArray[np.uint8]


def make_source(
    options: Options,
    finder: Finder,
    found: Sequence[Faces],
    spared: Sequence[Sequence[int]],
    read: Callable[[int], Pixels],
) -> Source | str:
    """The source of surrogates for pictures with the faces ``found``; ``read`` gives picture i.

    ``spared`` are the faces of each picture that stay. A mode that only covers is its own name.
    """
    hidden = sum(map(len, found)) - sum(map(len, spared))
    if options.surrogate in COVERS or not hidden:
        return options.surrogate if hidden else "solid"
    if options.surrogate == "group":
        from anonfaces.anonymize.sources.group import Grouped

        return Grouped(finder, found, spared, read, options)
    if options.surrogate == "inpaint":
        from anonfaces.anonymize.sources.inpaint import Inpaint

        return Inpaint(finder, options, options.steps)
    everyone = np.concatenate([faces.embedding for faces in found])
    return Fresh(finder, everyone, options.seed, options.generator)
