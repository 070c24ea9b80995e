"""Whether the search has to be compiled first, which takes a minute and is done once."""

from __future__ import annotations

import sys
from pathlib import Path

__all__ = ["compiling_first", "tell_of_compiling"]


def compiling_first() -> bool:
    """Whether no compiled search is kept from an earlier run, as after an installation.

    numba keeps what it compiled beside the source, or in the folder ``NUMBA_CACHE_DIR``; with
    ``NUMBA_DISABLE_JIT`` it compiles nothing.
    """
    import numba

    from anonfaces.cluster.annealing.moves import search

    if numba.config.DISABLE_JIT:
        return False
    name = search.py_func.__module__.rpartition(".")[2]
    kept = Path(search.stats.cache_path).glob(f"{name}.{search.py_func.__name__}-*.nbi")
    return next(kept, None) is None


def tell_of_compiling() -> None:
    """Say on the terminal that the search is compiled first, where it is."""
    if compiling_first():
        print("compiling the search, once: a minute or two", file=sys.stderr)
