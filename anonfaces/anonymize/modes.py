"""The mode that was asked for, made ready for an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS
from anonfaces.anonymize.found import Faces, Finder
from anonfaces.anonymize.options import Options
from anonfaces.anonymize.sources import Fresh, Source
from anonfaces.errors import InputError

__all__ = ["make_source"]

Pixels = NDArray[np.uint8]


def make_source(
    options: Options, finder: Finder, found: Sequence[Faces], read: Callable[[int], Pixels]
) -> Source | str:
    """The source of surrogates for pictures with the faces ``found``; ``read`` gives picture i.

    A mode that only covers is its own name.
    """
    if options.surrogate in COVERS:
        return options.surrogate
    if options.surrogate == "fresh":
        everyone = np.concatenate([faces.embedding for faces in found])
        return Fresh(finder, everyone, options.seed, options.generator)
    raise InputError(f"--surrogate {options.surrogate} is not there yet")
