"""A gallery is of people who do not exist: one that shows somebody of the input is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.text import pluralize

__all__ = ["KNOWN", "refuse_known"]

#: Distance in dlib's embedding below which a face of a gallery counts as one of the input's. On
#: LFW half of the pairs of one person's photographs are nearer, and 3 of 100,000 pairs of two
#: people's: so against a large input some are by chance (of 1,654 generated faces 87 against 6,274
#: photographs of LFW), and all that are go.
KNOWN = 0.45
#: Files that an error names, a line each: whoever takes them out needs all of them.
_LISTED = 500


def refuse_known(names: Sequence[str], near: NDArray[np.floating]) -> None:
    """InputError that names the pictures that may be of somebody of the input.

    ``near`` (n,) is each picture's distance from the nearest face of the input.

    >>> refuse_known(["nobodies/1.jpg"], np.array([0.61]))
    """
    known = np.flatnonzero(near < KNOWN)
    if len(known):
        listed = "\n".join(f"{names[i]} ({near[i]:.2f})" for i in known[:_LISTED])
        more = f"\nand {len(known) - _LISTED} more" if len(known) > _LISTED else ""
        raise InputError(
            f"--gallery: dlib finds {pluralize(len(known), 'picture')} so near to a face of the"
            f" input (below {KNOWN}) that both may be one person's. A gallery shows people who do"
            f" not exist: take out of it\n{listed}{more}"
        )
