"""The donor that is chosen for a face suits it in perceived gender and age, and is nobody's."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.paste import SourceFace
from anonfaces.anonymize.sources.fresh import SyntheticFaces
from encoders.align import align_ffhq
from encoders.attributes import load_attributes
from encoders.attributes.from_vector import female

Pixels = NDArray[np.uint8]
Pair = tuple[str, Pixels, Faces, SourceFace]

_PEOPLE = 24


@pytest.fixture(scope="module")
def pairs(portraits: list[Path], sample: Path, analyzer: FaceAnalyzer) -> list[Pair]:
    """The label of gender, the picture, its face, and the donor that is offered first."""
    with (sample / "traits.csv").open(newline="") as rows:
        gender = {sample / row["image"]: row["gender"] for row in csv.DictReader(rows)}
    seen = [
        (gender[path], picture, faces)
        for path in portraits[:_PEOPLE]
        for picture, faces in analyzer.portraits([np.asarray(Image.open(path).convert("RGB"))])
    ]
    source = SyntheticFaces(
        analyzer, np.concatenate([faces.embedding for *_, faces in seen]), 0, None
    )
    return [
        (label, picture, faces, next(source.candidates(picture, faces, 0, key)))
        for key, (label, picture, faces) in enumerate(seen)
    ]


def looks(faces: list[tuple[Pixels, NDArray[np.float32]]]) -> dict[str, NDArray[np.float32]]:
    return load_attributes()(np.array([align_ffhq(*face) for face in faces]))


@pytest.fixture(scope="module")
def given(pairs: list[Pair]) -> dict[str, NDArray[np.float32]]:
    return looks([(source_face.picture, source_face.landmark) for *_, source_face in pairs])


def test_it_is_of_the_same_perceived_gender(
    pairs: list[Pair], given: dict[str, NDArray[np.float32]], analyzer: FaceAnalyzer
) -> None:
    """Of dlib's vectors, by which it is chosen, and mostly of the network that labelled people."""
    found = analyzer.portraits([source_face.picture for *_, source_face in pairs])
    donors = np.concatenate([faces.embedding for _, faces in found])
    own = np.concatenate([faces.embedding for _, _, faces, _ in pairs])
    assert ((female(donors) > 0.5) == (female(own) > 0.5)).mean() >= 0.9
    labelled = np.array([label == "female" for label, *_ in pairs])
    assert 8 <= labelled.sum() <= len(pairs) - 8
    # without regard to it, it is about one in two
    assert ((given["female"] > 0.5) == labelled).mean() >= 0.7


def test_it_is_of_about_the_same_perceived_age(
    pairs: list[Pair], given: dict[str, NDArray[np.float32]]
) -> None:
    own = looks([(picture, faces.landmark[0]) for _, picture, faces, _ in pairs])["age"]
    # without regard to it, it is about 17 years
    assert np.abs(given["age"] - own).mean() < 13


def test_it_is_unlike_everybody(pairs: list[Pair], analyzer: FaceAnalyzer) -> None:
    everyone = np.concatenate([faces.embedding for _, _, faces, _ in pairs])
    found = analyzer.portraits([source_face.picture for *_, source_face in pairs])
    assert len(found) == len(pairs)
    source_faces = np.concatenate([faces.embedding for _, faces in found])
    assert distances(source_faces, everyone).min() > 0.6
