"""The grouping engine against its targets and its peers: ``python -m benchmarks.grouping``.

``quality``: information loss by effort on the sets with published figures, with the certified gap.
``bounds``: the gap that column generation certifies, and its seconds; ``heavy``: the same for 4,092
people with heavy tails.
``methods``: every method on one set. ``scale N ...``: face-like vectors, with seconds, memory, the
recall of the neighbours, the peers where they can finish, and the exponent of the time.
``middle``: some thousand people, heavy tails among them; ``large-k K ...``: every method there.
``plan N``: what N faces would take by Dask, from the rates of a run over ``--measured`` faces.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import numpy as np

from anonfaces.cluster import METHODS, Groups, group
from anonfaces.cluster.budget import Budget
from anonfaces.cluster.set_partition.column_generation import certified_bound
from benchmarks.middle import heavy_tailed, large_k, middle
from benchmarks.scale import plan_for, scale
from benchmarks.tables import load, print_table

TABLES = ("quality", "bounds", "heavy", "methods", "middle", "large-k", "scale", "plan")
EFFORTS = ("fast", "default", "best")
CERTIFIED = (  # within ten minutes
    ("census", 3),
    ("census", 5),
    ("tarragona", 3),
    ("tarragona", 5),
    ("celeba", 2),
    ("celeba", 3),
    ("celeba", 5),
)
TARGETS = {  # IL within 1, 15 and 120 seconds
    ("census", 3): (5.25, 4.90, 4.74),
    ("census", 4): (6.78, 6.30, 6.11),
    ("census", 5): (8.22, 7.55, 7.33),
    ("census", 10): (12.36, 11.75, 11.42),
    ("tarragona", 3): (14.95, 14.75, 14.67),
    ("tarragona", 4): (17.53, 17.25, 17.13),
    ("tarragona", 5): (20.93, 20.40, 20.20),
    ("tarragona", 10): (30.88, 30.45, 30.20),
    ("celeba", 2): (24.4, 23.75, 23.67),
    ("celeba", 3): (35.7, 34.4, 34.18),
    ("celeba", 5): (46.3, 44.9, 44.62),
    ("celeba", 10): (56.1, 55.1, 54.84),
    ("celeba", 20): (63.5, 63.0, 62.76),
}


def main() -> None:
    """Run the tables that are asked for; all of the small ones without arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("table", nargs="?", choices=TABLES)
    parser.add_argument(
        "sizes", nargs="*", type=int, help="faces, for scale and plan; k, for large-k"
    )
    parser.add_argument("--measured", type=int, default=131_072, help="faces, for plan")
    parser.add_argument("--efforts", nargs="+", choices=EFFORTS, default=["fast", "default"])
    parser.add_argument("--certify", type=float, default=600, help="seconds, for bounds")
    wanted = parser.parse_args()
    timed(np.eye(60), 3, effort="fast")  # compiles
    if wanted.table in (None, "quality"):
        quality(wanted.efforts)
    if wanted.table == "bounds":
        bounds(wanted.efforts[-1], wanted.certify)
    if wanted.table == "heavy":
        heavy(wanted.efforts[-1], wanted.certify)
    if wanted.table in (None, "methods"):
        methods()
    if wanted.table == "middle":
        middle(wanted.efforts)
    if wanted.table == "large-k":
        large_k(wanted.sizes)
    if wanted.table in (None, "scale"):
        scale(wanted.sizes or [5_000, 20_000, 100_000])
    if wanted.table == "plan":
        for faces in wanted.sizes or [100_000_000]:
            plan_for(faces, wanted.measured)


def quality(efforts: list[str]) -> None:
    """Information loss, seconds and certified gap, beside the target."""
    head = ["data", "k"]
    for effort in efforts:
        head += [effort, "target", "s", "gap %"]
    print_table(head, _quality_rows(efforts))


def _quality_rows(efforts: list[str]) -> Iterator[list[object]]:
    for (name, k), targets in TARGETS.items():
        row: list[object] = [name, k]
        for effort in efforts:
            groups, seconds = timed(load(name), k, effort=effort)
            target = targets[EFFORTS.index(effort)]
            row += [groups.information_loss, target, seconds, groups.gap]
        yield row


def bounds(effort: str, seconds: float) -> None:
    """The loss, the bound under every grouping, the gap; seconds of the groups and of the bound."""
    rows = (_bound_row(name, load(name), k, effort, seconds) for name, k in CERTIFIED)
    print_table(_bound_head(effort), rows)


def heavy(effort: str, seconds: float) -> None:
    """As ``bounds``, for 4,092 people x 11 columns with heavy tails."""
    table = heavy_tailed()
    rows = (_bound_row("heavy tails", table, k, effort, seconds) for k in (3, 5, 10))
    print_table(_bound_head(effort), rows)


def _bound_head(effort: str) -> list[str]:
    return ["data", "k", effort, "bound", "gap %", "s", "s of the bound"]


def _bound_row(name: str, table: np.ndarray, k: int, effort: str, seconds: float) -> list[object]:
    table = table - table.mean(axis=0)
    groups, spent = timed(table, k, effort=effort)
    start = time.perf_counter()
    bound = certified_bound(
        table, np.ones(len(table)), k, groups.labels, Budget(time_limit=seconds)
    )
    took = time.perf_counter() - start
    least = 100 * bound / float(np.square(table).sum())
    gap = 100 * (1 - least / groups.information_loss)
    return [name, k, groups.information_loss, least, gap, spent, took]


def methods() -> None:
    """Every method on CelebA's vectors, k = 5 and 20."""
    head = ["method", "k = 5", "s", "k = 20", "s"]
    print_table(head, (_method_row(name) for name in METHODS))


def _method_row(method: str) -> list[object]:
    row: list[object] = [method]
    for k in (5, 20):
        groups, seconds = timed(load("celeba"), k, method=method, effort="fast")
        row += [groups.information_loss, seconds]
    return row


def timed(table: np.ndarray, k: int, **options: object) -> tuple[Groups, float]:
    """The groups, every row a person, and the seconds they took."""
    start = time.perf_counter()
    groups = group(table, k, np.arange(len(table)), **options)  # type: ignore[arg-type]
    return groups, time.perf_counter() - start


if __name__ == "__main__":
    main()
