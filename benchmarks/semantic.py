"""``python -m benchmarks.semantic lfw.h5``: faces drawn anew by their label maps, by condition.

Faces of people who were never trained on (one in ten, by a checksum of the name), each drawn as
somebody who does not exist and pasted back as ``anonymize --surrogate semantic`` does it. The
gallery is one photograph of everybody in the FaceSet, and of those who are drawn the very
photograph that was drawn from (rank-1: nearer than all others). Judges: dlib's network, which took
part in the training, and FaceRes, which took part in nothing (``--judge``).

LM is the mean distance of five points (eyes, nose, corners of the mouth) before and after, found
by dlib in both, in pixels of the FFHQ-aligned picture of 256 px; mIoU compares the label map of
the result's landmarks with the one that was drawn from. A face that is not found counts as not
recognized and is left out of LM, mIoU and correlations: look at "found" first.

"apart" is dlib's distance of two nobodies on one face; "alike" is how many pairs of results on
different faces dlib takes for one person (nearer than 0.6): of the photographs it says so of the
share in the first line of the controls. "gender kept" and "years off" are what the attribute
network guesses before and after; it took part in the training, since results had come out feminine
and young, and in choosing the best of eight results as ``anonymize`` does, so look at a sheet as
well (``--sheet``).

Below, pictures that no map drew. The photographs themselves, and the same at 64 px: how far
landmarks that are found once more lie from the FaceSet's, which no drawing can better. A nobody's
own picture pasted on the landmarks (as ``fresh`` does): what is told by the surroundings and the
layout alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import UNLIKE
from anonfaces.anonymize.sources.suitable import best_first, looks_to_suit, misfit
from benchmarks.machine import describe
from benchmarks.tables import print_table

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.semantic import FaceRedrawer
    from anonfaces.semantic.identities import Nobodies
    from encoders.faceset import FaceSet

_SIDE = 256
_HEAD = (
    *("condition", "faces", "found", "LM", "mIoU", "smile", "yaw", "apart"),
    *("alike", "gender kept", "years off"),
)
_FIVE = [slice(36, 42), slice(42, 48), slice(30, 31), slice(48, 49), slice(54, 55)]
#: People who do not exist to choose from, as many as in ``anonymize``.
_NOBODIES = 384
#: Yaw from which a face counts as turned, smile from which it smiles, in standard deviations.
_SIDE_YAW, _SMILES = 1.0, 0.7
#: Share of the face without the color of its cheeks, from which something lies over it.
_COVERED = 0.25


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("faces", type=Path, help="a FaceSet with people's names")
    parser.add_argument("--semantic", type=Path, help="weights; default: those that ship")
    parser.add_argument("--count", type=int, default=200, help="faces drawn at most")
    parser.add_argument(
        "--people", type=int, help="in the gallery of judges but dlib; default: all"
    )
    parser.add_argument("--judge", nargs="+", default=["dlib"], help="dlib, faceres, faceres:PATH")
    parser.add_argument("--sheet", type=Path, help="a picture of some originals over results")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(describe(["numpy", "keras", "tensorflow-cpu", "dlib-bin"]), flush=True)
    from anonfaces.semantic import load_redrawer, nobodies
    from encoders.faceset import FaceSet

    faces = FaceSet.read(arguments.faces)
    rows = _chosen(faces, arguments.count, arguments.seed)
    work = _Work(
        faces, rows, load_redrawer(arguments.semantic), nobodies(_NOBODIES, arguments.seed + 1)
    )
    pictures, second, seconds = work.drawn()
    print(f"\n{len(rows)} faces; {2 * len(rows) / seconds:.1f} faces drawn and pasted a second\n")
    if arguments.sheet:
        _write_sheet(arguments.sheet, [work.chips, pictures, second])
    looks = _Looks(work, pictures, second)
    judged = [
        _judged(name, faces, rows, pictures, _one_each(faces, arguments.people, name))
        for name in arguments.judge
    ]
    said = [f"{name} {what}" for name in arguments.judge for what in ("ver", "rank-1")]
    print_table([*_HEAD, *said], _rows(looks, judged))
    print()
    controls = _controls(work, faces, rows, arguments)
    print_table(["control", "found", "LM", "mIoU", "alike", *said], controls)


def _chosen(faces: FaceSet, count: int, seed: int) -> NDArray[np.int64]:
    """Faces of people set aside: at random, no person more often than need be."""
    from anonfaces.semantic.data import is_set_aside

    aside = np.array([i for i, name in enumerate(faces.image) if is_set_aside(name)])
    aside = np.random.default_rng(seed).permutation(aside)
    names = faces.identity[aside]
    turn = np.array([int((names[:i] == name).sum()) for i, name in enumerate(names)])
    return np.sort(aside[np.argsort(turn, kind="stable")][:count])


class _Work:
    """Chips, their landmarks, and what is drawn of them, twice, as two people."""

    def __init__(
        self, faces: FaceSet, rows: NDArray[np.int64], redraw: FaceRedrawer, people: Nobodies
    ) -> None:
        from encoders.align import ffhq_landmarks
        from encoders.frame import CropSquare

        self.chips = CropSquare().cut(faces.chips(rows), _SIDE)
        self.landmark = ffhq_landmarks(faces.landmark[rows], _SIDE)
        self.vector, self._redraw, self._people = faces.embedding[rows], redraw, people

    def drawn(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8], float]:
        first, second, started = [], [], time.monotonic()
        self._first: list[int] = []
        for i in range(len(self.chips)):
            looks = looks_to_suit(self.chips[i], self.landmark[i], self.vector[i])
            off = misfit(self._people, looks, self.vector[i])
            order = self._unlike(self.vector[i], np.argsort(off, kind="stable"))
            one, made = self._best(i, looks, order, off)
            self._first.append(one)
            first.append(made)
            others = self._unlike(self._people.vector[one], order)
            second.append(self._best(i, looks, others, off)[1])
        return np.stack(first), np.stack(second), time.monotonic() - started

    def plain(self) -> NDArray[np.uint8]:
        """The first target's own picture, pasted by its landmarks: nothing of a map."""
        from anonfaces.anonymize.paste import SourceFace, paste
        from encoders.align import find_landmarks

        whole, made = np.array([16, 24, 240, 248]), []
        for chip, points, who in zip(self.chips, self.landmark, self._first, strict=True):
            picture = cv2.resize(self._people.picture[who], (_SIDE, _SIDE))
            put = paste(chip, points, SourceFace(picture, find_landmarks(picture, whole)))
            made.append(chip if put is None else put)
        return np.stack(made)

    def _unlike(self, vector: NDArray[np.float32], order: NDArray[np.int64]) -> NDArray[np.int64]:
        away = np.linalg.norm(self._people.vector[order] - vector, axis=1)
        return order[away > UNLIKE]

    def _best(
        self,
        i: int,
        looks: NDArray[np.float32],
        order: NDArray[np.int64],
        off: NDArray[np.int64],
    ) -> tuple[int, NDArray[np.uint8]]:
        """Who is drawn, and the chip with the face that came out best pasted in."""
        from anonfaces.anonymize.paste import SourceFace, paste

        chip, points = self.chips[i], self.landmark[i]
        who, _, made = next(best_first(self._redraw, chip, points, looks, self._people, order, off))
        put = paste(chip, points, SourceFace(made.picture, made.landmark))
        return who, chip if put is None else put


class _Looks:
    """What is seen before and after, a row a face."""

    def __init__(self, work: _Work, pictures: NDArray[np.uint8], second: NDArray[np.uint8]) -> None:
        from encoders.attributes import load_attributes

        attributes = load_attributes()
        self.before, self.after = attributes(work.chips), attributes(pictures)
        self.found, self.off, self.counts = _geometry(work, pictures)
        self.apart, self.vector = _apart(pictures, second)
        self.covered = np.array(
            [_covered(chip, points) for chip, points in zip(work.chips, work.landmark, strict=True)]
        )

    def conditions(self) -> dict[str, NDArray[np.bool_]]:
        yaw, smile, age = (np.asarray(self.before[k]) for k in ("yaw", "smile", "age"))
        female = self.before["female"] > 0.5
        turned = np.abs(yaw) > _SIDE_YAW
        return {
            "all": np.ones(len(yaw), bool),
            "front": ~turned,
            "turned": turned,
            "smiling": smile > _SMILES,
            "not smiling": smile < -_SMILES,
            "something over it": self.covered > _COVERED,
            "perceived female": female,
            "perceived male": ~female,
            "perceived under 30": age < 30,
            "perceived 30 to 49": (age >= 30) & (age < 50),
            "perceived 50 and over": age >= 50,
        }


def _controls(
    work: _Work, faces: FaceSet, rows: NDArray[np.int64], arguments: argparse.Namespace
) -> Iterator[list[object]]:
    """Geometry, and for faces of others what judges say, of pictures that no map drew."""
    from anonfaces.evaluate import recognize
    from encoders.embed import load_embedder

    embedder = load_embedder("dlib")
    plain = work.plain()
    small = np.stack(
        [cv2.resize(one, (64, 64), interpolation=cv2.INTER_AREA) for one in work.chips]
    )
    soft = np.stack(
        [cv2.resize(one, (_SIDE, _SIDE), interpolation=cv2.INTER_CUBIC) for one in small]
    )
    said = [
        _percent(one.mean())
        for judge in arguments.judge
        for one in _judged(judge, faces, rows, plain, _one_each(faces, arguments.people, judge))
    ]
    controls = {
        "the photograph itself": (work.chips, [""] * len(said)),
        "the photograph at 64 px": (soft, [""] * len(said)),
        "a nobody's picture pasted on the landmarks": (plain, said),
    }
    for name, (pictures, judged) in controls.items():
        found, off, counts = _geometry(work, pictures)
        miou = _miou(counts[found].sum(axis=0))
        alike = _percent(_alike(recognize(pictures, embedder)))
        yield [name, _percent(found.mean()), float(off[found].mean()), miou, alike, *judged]


def _rows(looks: _Looks, judged: list[tuple[Any, Any]]) -> Iterator[list[object]]:
    for name, some in looks.conditions().items():
        if some.sum() < 5:
            yield [name, int(some.sum()), *[""] * (len(_HEAD) - 2 + 2 * len(judged))]
            continue
        seen = some & looks.found
        smile, yaw = (_correlation(looks.before[k][seen], looks.after[k][seen])
                      for k in ("smile", "yaw"))  # fmt: skip
        apart = looks.apart[some]
        kept = (looks.before["female"][seen] > 0.5) == (looks.after["female"][seen] > 0.5)
        years = np.abs(looks.before["age"][seen] - looks.after["age"][seen])
        yield [
            name, int(some.sum()), _percent(looks.found[some].mean()),
            float(looks.off[seen].mean()), _miou(looks.counts[seen].sum(axis=0)),
            smile, yaw, float(np.nanmean(apart)), _percent(_alike(looks.vector[some])),
            _percent(kept.mean()), float(years.mean()),
            *(_percent(one[some].mean()) for both in judged for one in both),
        ]  # fmt: skip


def _judged(
    name: str,
    faces: FaceSet,
    rows: NDArray[np.int64],
    pictures: NDArray[np.uint8],
    gallery: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each result: is it taken for its source, and does the source come first of all people."""
    judge, threshold = _judge(name)
    some, sources = faces.select(gallery), faces.select(rows)
    people, source, probe = (
        judge.of_faces(some), judge.of_faces(sources), judge.of_pictures(pictures)
    )  # fmt: skip
    own = np.linalg.norm(source - probe, axis=1)
    nearest = [
        np.linalg.norm(people[some.identity != who] - vector, axis=1).min()
        for who, vector in zip(sources.identity, probe, strict=True)
    ]
    return own <= threshold, own < np.array(nearest)


def _judge(name: str) -> tuple[Judge, float]:
    from anonfaces.evaluate.judges.faceres import THRESHOLD
    from anonfaces.evaluate.judges.judge import load_judge
    from anonfaces.evaluate.links import DLIB

    return load_judge(name), THRESHOLD if name.startswith("faceres") else DLIB


def _one_each(faces: FaceSet, people: int | None, judge: str) -> NDArray[np.int64]:
    """A face of everybody, or of ``people`` of them for a judge who has to look at each."""
    _, first = np.unique(faces.identity, return_index=True)
    some = None if judge == "dlib" else people
    return np.sort(np.random.default_rng(0).permutation(first)[:some])


def _landmarks(pictures: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    from encoders.align import find_landmarks
    from encoders.detect import in_order, load_detector

    detector = load_detector("hog", 0)
    found, points = [], []
    for picture in pictures:
        boxes = in_order(detector(picture), picture)
        found.append(len(boxes) > 0)
        box = boxes[0] if len(boxes) else np.array([48, 72, 208, 232])
        points.append(find_landmarks(picture, box))
    return np.array(points), np.array(found)


def _geometry(
    work: _Work, pictures: NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.int64]]:
    """Of each picture: is a face found, LM, and the classes of its map beside the map before."""
    landmark, found = _landmarks(pictures)
    points = [
        np.stack([p[:, part].mean(axis=1) for part in _FIVE], axis=1)
        for p in (work.landmark, landmark)
    ]
    pairs = zip(work.chips, work.landmark, pictures, landmark, strict=True)
    counts = np.stack([_confusion(*pair) for pair in pairs])
    return found, np.linalg.norm(points[0] - points[1], axis=2).mean(axis=1), counts


def _confusion(
    chip: NDArray[np.uint8], before: NDArray[np.float32], made: NDArray[np.uint8],
    after: NDArray[np.float32],
) -> NDArray[np.int64]:  # fmt: skip
    from encoders.parsing import CLASSES, label_map

    maps = [label_map(p, _SIDE, c) for p, c in ((before, chip), (after, made))]
    n = len(CLASSES)
    return np.bincount(maps[0].ravel() * n + maps[1].ravel(), minlength=n * n).reshape(n, n)


def _miou(counts: NDArray[np.int64]) -> float:
    both = np.diag(counts)
    either = counts.sum(axis=0) + counts.sum(axis=1) - both
    return float(np.mean(both[either > 0] / either[either > 0]))


def _apart(
    first: NDArray[np.uint8], second: NDArray[np.uint8]
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """dlib's distance of the two results of each face, and the vectors of the first.

    NaN where one is not found.
    """
    from anonfaces.evaluate import recognize
    from encoders.embed import load_embedder

    embedder = load_embedder("dlib")
    vectors = recognize(first, embedder)
    return np.linalg.norm(vectors - recognize(second, embedder), axis=1), vectors


def _alike(vectors: NDArray[np.float32]) -> float:
    """Share of the pairs that dlib takes for one person; those not found (NaN) are left out."""
    from scipy.spatial.distance import pdist

    from anonfaces.evaluate.links import DLIB

    found = vectors[np.isfinite(vectors).all(axis=1)]
    return float((pdist(found) <= DLIB).mean()) if len(found) > 1 else float("nan")


def _covered(chip: NDArray[np.uint8], landmark: NDArray[np.float32]) -> float:
    """Share of the skin inside the landmarks that has not the color of the cheeks."""
    from encoders.parsing.polygons import label_map, skin_colored

    skin = label_map(landmark, _SIDE) == 1
    skin[: int(landmark[17:27, 1].min())] = False
    return 1 - float(skin_colored(chip, landmark.astype(np.float64))[skin].mean())


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if len(a) > 2 else float("nan")


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _write_sheet(path: Path, rows: list[NDArray[np.uint8]]) -> None:
    from PIL import Image

    some = np.linspace(0, len(rows[0]) - 1, 12).astype(int)
    lines = [np.concatenate(list(row[some][:, ::2, ::2]), axis=1) for row in rows]
    Image.fromarray(np.concatenate(lines)).save(path)


if __name__ == "__main__":
    main()
