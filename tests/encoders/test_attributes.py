"""The attribute network: its answers, its training, what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError, WeightsError
from encoders.attributes import Attributes, load_attributes
from encoders.attributes.network import COLUMNS, FACE, build
from encoders.attributes.training import Labelled, TrainingConfig, errors, read_utkface, train
from encoders.faceset import FaceSet
from encoders.frame import CropAlignment, CropSquare


@pytest.fixture(scope="module")
def attributes() -> Attributes:
    return load_attributes()


@pytest.fixture(scope="module")
def faces(portraits: list[Path]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in portraits[:60]])


#: The sample's pictures are framed as the generator's, much as UTKFace is.
AS_UTKFACE = CropAlignment(FACE, CropSquare())


def test_a_column_a_trait_in_its_range(attributes: Attributes, faces: np.ndarray) -> None:
    columns = attributes(faces, AS_UTKFACE)
    assert tuple(columns) == COLUMNS
    assert all(column.shape == (len(faces),) for column in columns.values())
    assert 0 <= columns["age"].min() < columns["age"].max() <= 120
    assert 0 <= columns["female"].min() < columns["female"].max() <= 1
    assert {len(column) for column in attributes(faces[:0]).values()} == {0}


def test_the_answer_depends_on_the_chip_alone(attributes: Attributes, faces: np.ndarray) -> None:
    together, alone = attributes(faces, AS_UTKFACE), attributes(faces[7:8], AS_UTKFACE)
    for name in COLUMNS:
        assert alone[name][0] == pytest.approx(together[name][7], abs=1e-3)


def test_a_mirrored_face_is_turned_the_other_way(attributes: Attributes, faces: np.ndarray) -> None:
    yaw = attributes(faces, AS_UTKFACE)["yaw"]
    mirrored = attributes(np.ascontiguousarray(faces[:, :, ::-1]), AS_UTKFACE)["yaw"]
    assert np.corrcoef(yaw, mirrored)[0, 1] < -0.5


def test_framed_and_ffhq_chips_get_the_same_answer(
    attributes: Attributes, faces: np.ndarray
) -> None:
    framed = attributes(faces, AS_UTKFACE)["age"]
    chips = attributes(AS_UTKFACE.to_ffhq(faces, 256))["age"]
    assert np.abs(framed - chips).mean() < 2


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 64, 32, 3), (1, 64, 64, 1)])
def test_what_is_no_chip_is_refused(attributes: Attributes, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected RGB chips"):
        attributes(np.zeros(shape, np.uint8))


def test_what_was_written_is_read(
    attributes: Attributes, faces: np.ndarray, tmp_path: Path
) -> None:
    attributes.save(tmp_path / "a.h5", seed=1)
    again = load_attributes(tmp_path / "a.h5")(faces, AS_UTKFACE)["age"]
    np.testing.assert_allclose(again, attributes(faces, AS_UTKFACE)["age"], atol=0.2)


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "is missing: python -m encoders.attributes"), (b"no HDF5", "cannot be read")],
)
def test_files_that_are_not_ours(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "a.h5"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WeightsError, match=words):
        load_attributes(path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    network = build()
    network.get_weights = lambda: [np.zeros(3)]
    Attributes(network).save(tmp_path / "a.h5")
    with pytest.raises(WeightsError, match="not those of the network"):
        load_attributes(tmp_path / "a.h5")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["a.jpg", "1_0_0_2.jpg", "1_0_0_3.jpg"], "expected a name"),
        (["200_0_0_1.jpg", "1_0_0_2.jpg", "1_0_0_3.jpg"], "none of UTKFace's"),
        (["20_2_0_1.jpg", "1_0_0_2.jpg", "1_0_0_3.jpg"], "none of UTKFace's"),
        (["-1_0_0_1.jpg", "1_0_0_2.jpg", "1_0_0_3.jpg"], "expected a name"),
    ],
)
def test_names_that_are_not_utkfaces(
    small_faces: FaceSet, tmp_path: Path, names: list[str], words: str
) -> None:
    ledger = small_faces.ledger.iloc[[0, 0, 0]].copy()
    ledger["path"], ledger["faces"], ledger["bystanders"] = names, 1, 0
    message = replace(
        small_faces,
        image=np.array(names),
        ledger=ledger.reset_index(drop=True),
        bystanders=small_faces.bystanders.iloc[:0],
    )
    message.write(tmp_path / "utk.h5")
    with pytest.raises(InputError, match=words):
        read_utkface(tmp_path / "utk.h5")


def labelled(count: int) -> Labelled:
    """Bright faces are old women who smile, dark ones young men who do not."""
    rng = np.random.default_rng(0)
    bright = rng.integers(0, 2, count)
    face = rng.integers(0, 60, (count, 64, 64, 3)) + bright[:, None, None, None] * 150
    target = np.stack([0.4 + bright, bright, bright * 2 - 1, np.zeros(count)], axis=1)
    target[:, 3] = rng.normal(size=count)
    return Labelled(face.astype(np.uint8), target.astype(np.float32), bright)


def test_what_is_plain_to_see_is_learnt_and_gone_on_from() -> None:
    data = labelled(160)
    first = train(data, TrainingConfig(epochs=6, batch=16, seed=4))
    rows = {row["group"]: row for row in errors(first, data)}
    assert rows["all"]["faces"] == 160
    assert rows["all"]["gender_agrees"] > 0.95
    # 5 to 17 by seed and number of threads; 25 for whoever says the same age of all
    assert rows["all"]["age_error"] < 20
    assert rows["labelled White"]["faces"] + rows["labelled Black"]["faces"] == 160
    more = train(data, TrainingConfig(epochs=1, batch=16), start=first)
    assert errors(more, data)[0]["gender_agrees"] > 0.95
