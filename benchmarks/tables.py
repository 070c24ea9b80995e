"""The data that the groupings are measured on, and tables to print."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

__all__ = ["SHARED", "load", "print_table"]

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def load(name: str) -> np.ndarray:
    """``census`` or ``tarragona`` with z-scored columns, or ``celeba`` as it is, float64 (n, d)."""
    if name == "celeba":
        with np.load(SHARED / "anonfaces-paper" / "dlib_celeba_979.npz") as archive:
            return archive["embedding"].astype(np.float64)
    table = np.loadtxt(SHARED / "microaggregation" / f"{name}.csv", delimiter=",", skiprows=1)
    return (table - table.mean(axis=0)) / table.std(axis=0)


def print_table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Print a Markdown table; numbers with three decimals."""
    print("|", " | ".join(head), "|")
    print("|", " | ".join("---" for _ in head), "|")
    for row in rows:
        cells = (f"{cell:.3f}" if isinstance(cell, float) else str(cell) for cell in row)
        print("|", " | ".join(cells), "|", flush=True)
