"""Privacy against utility over k and methods: a grid of releases, each judged.

>>> from anonfaces.tradeoff import Grid, measure_tradeoff
>>> found = measure_tradeoff("photos/", Grid(k=(2, 5, 10)), "report/")  # hours  # doctest: +SKIP
>>> found.smallest_k("ri", 0.01)  # of these  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Grid": "grid",
    "Tradeoff": "result",
    "measure_tradeoff": "job",
    "read_tradeoff": "result",
}

__all__ = ["Grid", "Tradeoff", "measure_tradeoff", "read_tradeoff"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.tradeoff' has no attribute {name!r}")
    return getattr(import_module(f"anonfaces.tradeoff.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
