"""One surrogate for at least k people, in all the pictures in which they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonbase.errors import GuaranteeError, InputError
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.replace import COVERED, REPLACED
from anonfaces.anonymize.sources.group import GroupFaces

estimated = pytest.mark.filterwarnings("ignore::anonfaces.errors.PrivacyWarning")


@pytest.fixture(scope="module")
def pictures(party) -> list[np.ndarray]:
    return [party(0, 2), party(3, 4)]


@pytest.fixture(scope="module")
def found(pictures: list[np.ndarray], analyzer: FaceAnalyzer) -> list[Faces]:
    return [analyzer.find(picture) for picture in pictures]


@estimated
def test_a_groups_face_is_the_same_for_all_of_it_and_k_people_are_in_it(
    pictures: list[np.ndarray], found: list[Faces], analyzer: FaceAnalyzer
) -> None:
    options = AnonymizationOptions(surrogate="group", k=2, method="k-same")
    source = GroupFaces(analyzer, found, [[], []], pictures.__getitem__, options)
    given = [
        source_face.picture.tobytes()
        for key, faces in enumerate(found)
        for i in range(len(faces))
        for source_face in source.candidates(pictures[key], faces, i, key)
    ]
    assert len(given) == 4
    assert min(given.count(face) for face in given) >= 2


@estimated
def test_people_who_stay_are_in_no_group(
    pictures: list[np.ndarray], found: list[Faces], analyzer: FaceAnalyzer
) -> None:
    options = AnonymizationOptions(surrogate="group", k=4, method="k-same")
    with pytest.raises(GuaranteeError):
        GroupFaces(analyzer, found, [[0], []], pictures.__getitem__, options)


@estimated
def test_a_folder_is_written_with_the_faces_of_its_groups(
    pictures: list[np.ndarray], found: list[Faces], analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / "in" / f"{number}.png")
    done = anonymize(tmp_path / "in", tmp_path / "out", surrogate="group", k=2)
    assert set(done.faces) <= {REPLACED, COVERED, "second look"}
    for number, before in enumerate(found):
        after = analyzer.find(np.asarray(Image.open(done.folder / f"{number}.png")))
        assert (distances(after.embedding, before.embedding) > 0.6).all()


@estimated
def test_fewer_than_k_people_get_no_output(pictures: list[np.ndarray], tmp_path: Path) -> None:
    Image.fromarray(pictures[0]).save(tmp_path / "a.png")
    with pytest.raises(GuaranteeError, match="people"):
        anonymize(tmp_path / "a.png", tmp_path / "out", surrogate="group", k=5)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"surrogate": "group", "method": "cartoon"}, "cartoon"),
        ({"surrogate": "fresh", "method": "k-same"}, "--method"),
    ],
)
def test_a_wrong_method_is_told(options: dict, names: str, pictures, tmp_path: Path) -> None:
    Image.fromarray(pictures[0]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=names):
        anonymize(tmp_path / "a.png", tmp_path / "out", **options)
