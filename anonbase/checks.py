"""Checks of arguments that every stage makes before it computes anything."""

from __future__ import annotations

from numbers import Integral

from anonbase.errors import InputError

__all__ = ["check_seed"]


def check_seed(seed: object) -> int:
    """``seed`` as an int; InputError if it is not a whole number >= 0."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise InputError(f"a seed is a whole number >= 0, not {seed!r}")
    return int(seed)
