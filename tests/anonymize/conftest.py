"""Pictures of several synthetic people, and one finder for all tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import build_once

from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.sources import fresh, pictures
from anonfaces.anonymize.sources.pictures import Named, draws

Pixels = NDArray[np.uint8]
Party = Callable[..., Pixels]

_DRAWN = 96
"""Samples of a generator at a time: they have a face for each of the few people of a test."""


@pytest.fixture(autouse=True, scope="session")
def _samples_of_a_seed_are_looked_at_once() -> Iterator[None]:
    """Of a generator's samples: to draw and to look at them takes the most of a run of ``fresh``.

    There are fewer than elsewhere. That they are the same for a seed has a test of its own, by
    ``draws``.
    """
    drawn: dict[Any, tuple[list[list[Named]], Iterator[list[Named]]]] = {}
    pools: dict[int, Any] = {}
    whole = fresh._Pool

    def remembered(seed: int, generator: Path | None) -> Iterator[list[Named]]:
        which = (seed, generator, pictures._DRAWN)
        kept, rest = drawn.setdefault(which, ([], draws(seed, generator)))
        for number in count():
            kept += [one for one in [next(rest, [])] if one] if number == len(kept) else []
            if number == len(kept):
                return
            yield kept[number]

    def pool(analyzer: FaceAnalyzer, named: list[Named], everyone: NDArray[np.float32]) -> Any:
        if named[0][0]:  # of a gallery
            return whole(analyzer, named, everyone)
        if id(named) not in pools:
            pools[id(named)] = whole(analyzer, named, everyone)
        return pools[id(named)]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pictures, "_DRAWN", _DRAWN)
        patched.setattr(fresh, "draws", remembered)
        patched.setattr(fresh, "_Pool", pool)
        yield


@pytest.fixture(scope="session")
def analyzer() -> FaceAnalyzer:
    return FaceAnalyzer()


@pytest.fixture(scope="session")
def strangers(portraits: list[Path], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Six people of the sample who resemble one another least, seen by both detectors."""

    def build(folder: Path) -> None:
        (folder / "chosen.json").write_text(json.dumps(_strangers(portraits[:40])))

    chosen = build_once(tmp_path_factory, "strangers", build) / "chosen.json"
    return [portraits[i] for i in json.loads(chosen.read_text())]


def _strangers(portraits: list[Path]) -> list[int]:
    """One after another the farthest from those before; MTCNN, which is slow, looks at these."""
    both = FaceAnalyzer("hog+mtcnn", 0.5)
    images = [np.asarray(Image.open(path).convert("RGB")) for path in portraits]
    seen = [
        (row, own[0][1]) for row, image in enumerate(images) if (own := both.portraits([image]))
    ]
    vectors = np.concatenate([faces.embedding for _, faces in seen])
    apart = distances(vectors, vectors)
    left = apart.max(axis=1)
    chosen: list[int] = []
    while len(chosen) < 6:
        farthest = int(left.argmax())
        left[farthest] = -1
        if both.find(images[seen[farthest][0]]).by == ("hog+mtcnn",):
            chosen.append(farthest)
            left = np.where(left < 0, -1, apart[:, chosen].min(axis=1))
    return [seen[i][0] for i in chosen]


@pytest.fixture(scope="session")
def party(strangers: list[Path]) -> Party:
    """``party(2, 0)``: those of the strangers beside one another on a wall with a pattern."""

    def make(*people: int, side: int = 192, gap: int = 24) -> Pixels:
        wall = np.indices((side + 2 * gap, len(people) * (side + gap) + gap)).sum(0) // 8 % 2
        canvas = np.repeat(np.uint8(90 + 40 * wall)[..., None], 3, axis=2)
        for place, person in enumerate(people):
            picture = Image.open(strangers[person]).convert("RGB")
            face = np.asarray(picture.resize((side, side)))
            left = gap + place * (side + gap)
            canvas[gap : gap + side, left : left + side] = face
        return canvas

    return make


@pytest.fixture(scope="session")
def two(party: Party) -> Pixels:
    return party(0, 1)


@pytest.fixture(scope="session")
def two_faces(analyzer: FaceAnalyzer, two: Pixels) -> Faces:
    return analyzer.find(two)
