"""``python -m benchmarks.surrogates --faces faces.h5``: every method of making surrogates, judged.

On photographs of real people (``../shared/data/lfw`` where no other faces.h5 is given), grouped by
this project, every method on the same groups, judged by one recogniser or by several. dlib's
network took part in the grouping, and in making the surrogates of ``optimised``: look at that row
with ``--judge faceres`` as well, which took part in nothing (see benchmarks/looks.py). Each judge
has its own threshold t, with the same share of false matches on LFW as dlib's 0.6. Below: how the
paper's CelebA vectors are grouped, and what the paper published.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.looks import kept, load_looks_judge
from benchmarks.machine import describe
from benchmarks.outsiders import KEY, subject_of
from benchmarks.tables import SHARED, load, print_table

if TYPE_CHECKING:
    from anonfaces.cluster import Groups
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Subject
    from encoders.faceset import FaceSet

PAPER = SHARED / "anonfaces-paper"
HEAD = (
    *("method", "k", "surrogates", "judge", "surrogate distance", "RI(t)", "95 %", "1/k"),
    *("above 1/k", "groups above", "rank-1", "95 %", "gender kept", "age band kept"),
    *("one face", "no face", "seconds"),
)


def main() -> None:
    from anonfaces.evaluate import load_judge
    from anonfaces.synthesize import SELF_CONTAINED

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--faces", type=Path, default=Path("faces.h5"), help="made where missing")
    parser.add_argument("--photos", type=Path, default=SHARED / "lfw", help="what to make it of")
    parser.add_argument("--people", type=int, help="as many of them, by chance; default all")
    parser.add_argument("--k", type=int, nargs="+", default=[2, 5, 10, 19])
    parser.add_argument(
        "--methods", nargs="+", default=list(SELF_CONTAINED), choices=SELF_CONTAINED
    )
    parser.add_argument(
        "--judge", nargs="+", default=["dlib"], help="dlib, faceres or faceres:PATH; several"
    )
    arguments = parser.parse_args()
    print(describe(["numpy", "keras", "tensorflow-cpu", "dlib-bin"]), flush=True)
    faces = _some(_faces(arguments.faces, arguments.photos), arguments.people)
    people = len(np.unique(faces.identity))
    print(f"\n{len(faces):,} faces of {people:,} people\n", flush=True)
    judges = [load_judge(asked) for asked in arguments.judge]
    print_table(HEAD, _rows(faces, arguments.k, arguments.methods, judges))
    if PAPER.is_dir():
        print("\nThe paper's CelebA vectors: ours by vectors alone, the paper's with faces\n")
        print_table(*_celeba(arguments.k))
        print("\nPublished, on 67 people of RaFD: surrogate distance and RI(0.6)\n")
        print_table(*_published(arguments.k))


def _faces(path: Path, photos: Path) -> FaceSet:
    from encoders import FaceSet, encode

    return FaceSet.read(path) if path.is_file() else encode(photos, path, progress=True)


def _some(faces: FaceSet, people: int | None) -> FaceSet:
    names = np.unique(faces.identity)
    if people is None or people >= len(names):
        return faces
    chosen = np.random.default_rng(0).choice(names, people, replace=False)
    return faces.select(np.isin(faces.identity, chosen))


def _rows(
    faces: FaceSet, ks: list[int], methods: list[str], judges: list[Judge]
) -> Iterator[tuple[object, ...]]:
    from anonbase.errors import GuaranteeError
    from anonfaces import group
    from anonfaces.evaluate import detection_rate

    for k in ks:
        groups = group(faces.embedding, k, faces.identity, effort="fast")
        for name in methods:
            try:
                pictures, seconds = _drawn(name, faces, groups)
            except GuaranteeError as refused:
                yield (name, k, str(refused)[:60], *[""] * (len(HEAD) - 3))
                continue
            one_face = _percent(detection_rate(pictures).rate)
            subject = subject_of(faces, groups.labels, k, name, tuple(pictures))
            for judge in judges:
                *judged, lost = _judged(judge, subject)
                yield (name, k, len(pictures), *judged, one_face, lost, round(seconds, 1))


def _judged(judge: Judge, subject: Subject) -> tuple[object, ...]:
    from anonfaces.evaluate.judges.faceres import THRESHOLD
    from anonfaces.evaluate.links import DLIB
    from anonfaces.evaluate.subject import Galleries
    from anonfaces.evaluate.verdict import judge_surrogates

    verdict = judge_surrogates(subject, judge, Galleries())
    t = THRESHOLD if judge.name.startswith("faceres") else DLIB
    linked, first = verdict.reidentification, verdict.identification["the originals"]
    ri = linked.rate_of_people(t)
    return (
        *(judge.name, verdict.mean_distance, ri, _span(linked.interval(t)), 1 / subject.k),
        *("yes" if ri > 1 / subject.k else "no", _percent(linked.above_chance(t))),
        *(first.rate(1), _span(first.interval(1)), *_looks_kept(judge, subject), verdict.missing),
    )


def _looks_kept(judge: Judge, subject: Subject) -> tuple[str, str]:
    """By FaceRes's heads, where FaceRes judges: dlib has none."""
    if not judge.name.startswith("faceres"):
        return "", ""
    _, _, path = judge.name.partition(":")
    heads = _heads(path)
    people, seen = heads.of_faces(subject.faces), heads.of_pictures(subject.pictures())
    gender, age = kept(people, seen, subject.labels, subject.identity)
    return _percent(gender), _percent(age)


@lru_cache(maxsize=1)
def _heads(path: str) -> Judge:
    return load_looks_judge(Path(path) if path else None)


def _drawn(name: str, faces: FaceSet, groups: Groups) -> tuple[list[np.ndarray], float]:
    from anonfaces.synthesize import SurrogateOptions, load_surrogate, surrogates

    method = load_surrogate(name, SurrogateOptions(key=KEY))
    started = time.monotonic()
    pictures = [face for _, face in surrogates(faces, groups.labels, groups.identity, method)]
    return pictures, time.monotonic() - started


def _celeba(ks: list[int]) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
    """The mean vector of a group is the nearest a face could come; a drawn face lies farther."""
    head = (
        *("k", "information loss %", "mean vector: distance", "RI(0.6)", "rank-1"),
        *("paper, naive: distance", "RI(0.6)", "paper, weighted: RI(0.6)"),
    )
    return head, map(_celeba_row, ks)


def _celeba_row(k: int) -> tuple[object, ...]:
    import pandas as pd

    from anonfaces import group
    from anonfaces.evaluate import rank_1, reidentification, surrogate_distance

    X = load("celeba")
    groups = group(X, k, np.arange(len(X)).astype(str), effort="fast")
    distance = surrogate_distance(X, groups.centroids, groups.labels)
    found = reidentification(distance.distance, groups.labels)
    first = rank_1(X, groups.centroids, groups.labels)
    loss, risk = (
        pd.read_csv(PAPER / f"AnonFACES_{name}s.csv", index_col="k").loc[k] for name in ("IL", "RI")
    )
    return (
        *(k, groups.information_loss, distance.mean, found.rate(), first.rate),
        *(float(loss["Naive"]), float(risk["Naive"]), float(risk["Weight Adjusted"])),
    )


def _published(ks: list[int]) -> tuple[tuple[str, ...], Iterator[tuple[object, ...]]]:
    import pandas as pd

    tables = {
        "k-same": (pd.read_csv(PAPER / "k_same_k20.csv", index_col="k"), 1),
        "k-same-m": (pd.read_csv(PAPER / "k_same_m_k20.csv", index_col="k"), 1),
        "k-same-net": (pd.read_csv(PAPER / "com_ksamenet.csv", index_col="k"), 67),
        "stylegan": (pd.read_csv(PAPER / "com_anonfaces.csv", index_col="k"), 67),
    }
    head = ("method", *(f"k = {k}: {what}" for k in ks for what in ("distance", "RI")))
    rows = (
        (name, *(_value(table, k, what, count) for k in ks for what in ("IL", "FailProb")))
        for name, (table, count) in tables.items()
    )
    return head, rows


def _value(table: object, k: int, what: str, count: int) -> float:
    value = float(table.loc[k, what])  # type: ignore[attr-defined]
    return value / count if what == "IL" else value


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _span(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


if __name__ == "__main__":
    main()
