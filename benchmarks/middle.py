"""Sets between the small and the large: heavy tails, large k, faces that are like real ones.

``python -m benchmarks.grouping middle`` and ``... large-k`` call this. ``middle`` has some
thousand people, where one table of distances ends and blocks begin; a loss does not depend on
the machine, so two versions of the code compare by it.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import numpy as np

from anonbase.errors import InputError
from anonfaces.cluster import METHODS, group
from anonfaces.cluster.annealing import anneal, search
from anonfaces.cluster.set_partition import recombine
from benchmarks.tables import load, print_table

__all__ = ["heavy_tailed", "large_k", "middle", "mixed_faces", "normal", "student"]


def heavy_tailed(n: int = 4092, d: int = 11, seed: int = 0) -> np.ndarray:
    """Standardized float64 (n, d) of log-normal columns with two factors in common.

    A few rows hold nearly all of the variance, as in tables of firms and of energy.
    """
    rng = np.random.default_rng(seed)
    factors = rng.standard_normal((n, 2)) @ rng.standard_normal((2, d))
    table = np.exp(0.9 * factors + 0.5 * rng.standard_normal((n, d)))
    return (table - table.mean(axis=0)) / table.std(axis=0)


def normal(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    """Float64 (n, d), standard normal."""
    return np.random.default_rng(seed).standard_normal((n, d))


def student(n: int, d: int = 8, seed: int = 0) -> np.ndarray:
    """Float64 (n, d), Student's t with three degrees of freedom."""
    return np.random.default_rng(seed).standard_t(3, (n, d))


def mixed_faces(n: int, people: int = 4000, seed: int = 0) -> np.ndarray:
    """Float64 (n, 128): faces of people who are mixed from pairs of the CelebA vectors.

    Each person is a random mixture of two of the 979 published vectors, each face a person and
    normal noise of 0.035 a number: as smooth and as uneven as real embeddings are.
    """
    rng, real = np.random.default_rng(seed), load("celeba")
    a, b = rng.integers(len(real), size=(2, people))
    share = rng.random((people, 1))
    who = share * real[a] + (1 - share) * real[b]
    return who[rng.integers(people, size=n)] + 0.035 * rng.standard_normal((n, real.shape[1]))


#: People whose distances are held: with more a row would take minutes.
_HELD = 4_500
_SETS: dict[str, tuple[Callable[[], np.ndarray], tuple[int, ...]]] = {
    "heavy tails 4,092 x 11": (heavy_tailed, (3, 5)),
    "normal 3,000 x 8": (lambda: normal(3000), (5,)),
    "Student t3 3,000 x 8": (lambda: student(3000), (5,)),
    "heavy tails 9,000 x 11": (lambda: heavy_tailed(9000), (3,)),
    "normal 9,000 x 8": (lambda: normal(9000), (5,)),
    "mixed faces 20,000 x 128": (lambda: mixed_faces(20_000), (5,)),
}


def middle(efforts: list[str]) -> None:
    """Information loss and seconds of all cores, by effort; last as small sets are grouped."""
    head = ["data", "k", *(part for effort in efforts for part in (effort, "core-s"))]
    last = efforts[-1]
    print_table([*head, f"{last}, all distances held", "core-s"], _rows(efforts))


def _rows(efforts: list[str]) -> Iterator[list[object]]:
    for name, (make, sizes) in _SETS.items():
        table = make()
        for k in sizes:
            row: list[object] = [name, k]
            for effort in efforts:
                row += _measured(table, k, effort=effort)
            if len(table) > _HELD:
                yield [*row, "-", "-"]
                continue
            with _all_distances():
                yield [*row, *_measured(table, k, effort=efforts[-1])]


@contextmanager
def _all_distances() -> Iterator[None]:
    """The engine takes sets of up to ``_HELD`` people as it takes small ones."""
    with ExitStack() as patched:
        patched.enter_context(patch.object(anneal, "WHOLE", _HELD))
        for module in (anneal, search, recombine):
            patched.enter_context(patch.object(module, "TABLE", _HELD))
        yield


def large_k(sizes: list[int]) -> None:
    """Every method on 4,500 people, normal 4,500 x 8, where a group has hundreds of people."""
    ks = sizes or [100, 300, 600, 1500]
    table = normal(4500)
    head = ["method", *(part for k in ks for part in (f"k = {k}", "core-s"))]
    print_table(head, (_method_row(name, table, ks) for name in METHODS))


def _method_row(name: str, table: np.ndarray, ks: list[int]) -> list[object]:
    row: list[object] = [name]
    for k in ks:
        row += _measured(table, k, method=name)
    return row


def _measured(table: np.ndarray, k: int, **options: object) -> tuple[object, object]:
    """The loss with five decimals, and seconds of all cores together."""
    start = time.process_time()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            groups = group(table, k, np.arange(len(table)), **options)  # type: ignore[arg-type]
    except (InputError, ValueError) as error:
        return f"refused: {error}", "-"
    return f"{groups.information_loss:.5f}", round(time.process_time() - start, 1)
