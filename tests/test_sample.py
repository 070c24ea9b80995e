"""The sample that ships is what its card in datasets/README.md says."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PEOPLE = 30  # of whom the distances are measured
ROUNDING = 0.005
KINDS = {"PNG": ".png", "JPEG": ".jpg"}


@pytest.fixture(scope="module")
def card(sample: Path) -> dict[str, str]:
    """The rows of the sample's table."""
    text = (sample.parent / "README.md").read_text(encoding="utf-8")
    section = text.split("## `sample/`", 1)[1].split("\n## ", 1)[0]
    return dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", section, re.MULTILINE))


@pytest.fixture(scope="module")
def seen(everybody: list[list[Path]]) -> tuple[np.ndarray, np.ndarray]:
    """dlib's distances between pictures, and whether two of them show one person."""
    from encoders.embed import load_embedder
    from encoders.latent.samples import detect_faces

    few = [path for pictures in everybody[:PEOPLE] for path in pictures]
    looks = detect_faces(np.stack([np.asarray(Image.open(path)) for path in few]))
    assert looks.found.mean() > 0.97
    names = np.array([path.parent.name for path in few])[looks.found]
    vectors = load_embedder("dlib")(looks.chip[looks.found])
    return np.linalg.norm(vectors[:, None] - vectors, axis=2), names[:, None] == names


def test_it_holds_as_many_people_and_pictures(
    card: dict[str, str], everybody: list[list[Path]]
) -> None:
    pictures = [path for person in everybody for path in person]
    count, kind = card["pictures"].split()
    assert int(card["people"]) == len(everybody)
    assert int(count) == len(pictures)
    assert {path.suffix for path in pictures} == {KINDS[kind]}
    assert {len(person) for person in everybody} <= {1, 2, 3, 4}


def test_people_are_apart_and_their_pictures_alike(
    card: dict[str, str], seen: tuple[np.ndarray, np.ndarray]
) -> None:
    distance, same = seen
    assert distance[~same].min() >= _number(card["two people, in dlib's embedding"]) - ROUNDING
    assert distance[same].max() <= _number(card["two pictures of one person"]) + ROUNDING


def test_its_table_names_every_picture(sample: Path, everybody: list[list[Path]]) -> None:
    table = sample / "traits.csv"
    if not table.exists():
        pytest.skip("this sample has no table of traits")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    pictures = [str(path.relative_to(sample)) for person in everybody for path in person]
    assert [row["image"] for row in rows] == pictures
    assert all(row["image"].startswith(f"{row['person']}/") for row in rows)
    assert len({row["age"] for row in rows}) >= 3
    assert {row["gender"] for row in rows} == {"female", "male"}


def _number(message: str) -> float:
    found = re.search(r"\d+\.\d+", message)
    assert found, message
    return float(found[0])
