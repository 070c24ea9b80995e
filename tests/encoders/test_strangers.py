"""A face that looks like nobody else of its person is found, and named to the owner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from encoders.__main__ import _summary
from encoders.faceset import FaceSet
from encoders.faceset_file import BYSTANDER_COLUMNS, LEDGER_COLUMNS
from encoders.identity_outliers import FAR, find_strangers


def line(*places: float) -> NDArray[np.float32]:
    """Faces on a line, as vectors."""
    return np.array([[place, 0, 0] for place in places], np.float32)


@pytest.mark.parametrize(
    ("places", "names", "found"),
    [
        ((0, 0.3, 1), "aaa", [2]),
        ((1, 0, 0.3), "aaa", [0]),
        ((0, 0.3, 0.5), "aaa", []),  # all are near to one of the others
        ((0, 0.5, 1, 1.5, 2), "aaaaa", []),
        ((0, 1, 2), "aaa", []),  # nobody is near to anybody, and nobody knows who is who
        ((0, 0.3, 1, 2), "aaaa", []),  # half of them
        ((0, 0.3, 0.1, 1, 2), "aaaaa", [3, 4]),
        ((0, 1), "aa", []),
        ((0, 0.3, 1, 1), "aaab", [2]),  # another's face is no comfort
        ((0, 1, 0.3, 1, 0, 1.3, 2), "babab\0\0", []),
        ((0, 0.3, 1), "\0\0\0", []),
        ((), "", []),
    ],
)
def test_the_far_ones_among_those_who_are_near(
    places: tuple[float, ...], names: str, found: list[int]
) -> None:
    identity = np.array([name.strip("\0") for name in names], dtype=str)
    assert find_strangers(line(*places).reshape(-1, 3), identity).tolist() == found


def test_as_many_as_one_by_one_say() -> None:
    rng = np.random.default_rng(0)
    identity = rng.integers(0, 600, 3000).astype(str)
    identity[:1500] = "somebody"
    table = 0.3 * rng.normal(size=(3000, 3)) * rng.choice([1, 5], (3000, 1), p=[0.9, 0.1])
    alone = []
    for who in np.unique(identity):
        rows = np.flatnonzero(identity == who)
        d = np.linalg.norm(table[rows, None] - table[rows], axis=-1)
        np.fill_diagonal(d, np.inf)
        lonely = d.min(axis=1) > FAR
        alone += rows[lonely].tolist() if len(rows) >= 3 and lonely.mean() < 0.5 else []
    assert len(alone) > 10
    assert find_strangers(table, identity).tolist() == sorted(alone)


@pytest.mark.parametrize(
    ("extractor", "message"), [("dlib", "1 face does not look like the rest"), ("facenet", "")]
)
def test_the_summary_names_the_photograph(extractor: str, message: str) -> None:
    text = _summary(_three(extractor), Path("faces.h5"), 1.0)
    assert (message in text, "a/2.jpg" in text) == (True, bool(message))
    assert "a/1.jpg" not in text


def _three(extractor: str) -> FaceSet:
    image = np.array([f"a/{number}.jpg" for number in range(3)])
    return FaceSet(
        embedding=line(0, 0.3, 1),
        image=image,
        box=np.zeros((3, 4), np.int32),
        landmark=np.zeros((3, 68, 2), np.float32),
        identity=np.array(["a"] * 3),
        quality=np.ones(3, np.float32),
        ledger=pd.DataFrame(
            [(name, 1, 1, "", "faces", "", 1, 0, 80.0) for name in image],
            columns=list(LEDGER_COLUMNS),
        ),
        bystanders=pd.DataFrame(columns=list(BYSTANDER_COLUMNS)),
        meta={"extractor": extractor, "faces": "largest", "identity": "folder"},
    )
