"""One surrogate for at least k people, in all the pictures in which they are."""

from __future__ import annotations

import warnings
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
from anonfaces.dataset.files import keep_secret_key

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
    with warnings.catch_warnings():
        warnings.filterwarnings("error", ".*without the owner's key")
        done = anonymize(tmp_path / "in", tmp_path / "out", surrogate="group", k=2)
    assert done.key is not None
    assert done.key.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in done.folder.iterdir()} == {"0.png", "1.png"}
    assert set(done.faces) <= {REPLACED, COVERED, "second look"}
    for number, before in enumerate(found):
        after = analyzer.find(np.asarray(Image.open(done.folder / f"{number}.png")))
        assert (distances(after.embedding, before.embedding) > 0.6).all()


@estimated
def test_one_key_gives_one_face_and_another_key_another(
    pictures: list[np.ndarray], found: list[Faces], analyzer: FaceAnalyzer, tmp_path: Path
) -> None:
    def first_face(key: Path) -> bytes:
        options = AnonymizationOptions(surrogate="group", k=4, secret_key=key)
        source = GroupFaces(analyzer, found, [[], []], pictures.__getitem__, options)
        return next(source.candidates(pictures[0], found[0], 0, 0)).picture.tobytes()

    one, other = tmp_path / "one.key", tmp_path / "other.key"
    one.write_bytes(bytes(32))
    other.write_bytes(b"1" * 32)
    assert first_face(one) == first_face(one)
    assert first_face(one) != first_face(other)


def test_a_key_is_kept_when_an_output_is_replaced_and_that_of_a_file_taken(tmp_path: Path) -> None:
    hidden, beside, given = (tmp_path / name for name in ("hidden", "beside", "given"))
    first = keep_secret_key(hidden, None, beside)
    assert keep_secret_key(hidden, None, beside) == first
    beside.write_bytes(b"2" * 32)
    hidden.unlink()
    assert keep_secret_key(hidden, None, beside) == b"2" * 32
    given.write_bytes(b"3" * 32)
    assert keep_secret_key(hidden, given, beside) == b"3" * 32
    given.write_bytes(b"short")
    with pytest.raises(InputError, match="no secret key"):
        keep_secret_key(hidden, given, beside)


@estimated
def test_fewer_than_k_people_get_no_output(pictures: list[np.ndarray], tmp_path: Path) -> None:
    Image.fromarray(pictures[0]).save(tmp_path / "a.png")
    with pytest.raises(GuaranteeError, match="people"):
        anonymize(tmp_path / "a.png", tmp_path / "out", surrogate="group", k=5)
    assert not (tmp_path / "out").exists()


def test_groups_have_five_people_where_k_is_not_given() -> None:
    assert AnonymizationOptions(surrogate="group").recipe()["k"] == 5
    assert AnonymizationOptions(surrogate="group", k=2).k == 2
    assert AnonymizationOptions().recipe()["k"] is None


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"surrogate": "group", "method": "cartoon"}, "cartoon"),
        ({"surrogate": "fresh", "method": "k-same"}, "--method"),
        ({"surrogate": "fresh", "secret_key": Path("a.png")}, "--secret-key"),
        ({"surrogate": "semantic", "k": 7}, "--k is for --surrogate group, not semantic"),
        ({"surrogate": "fresh", "k": 5}, "--k is for --surrogate group, not fresh"),
        ({"surrogate": "solid", "k": 0}, "--k"),
    ],
)
def test_a_wrong_method_is_told(options: dict, names: str, pictures, tmp_path: Path) -> None:
    Image.fromarray(pictures[0]).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=names):
        anonymize(tmp_path / "a.png", tmp_path / "out", **options)
