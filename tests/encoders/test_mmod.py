"""dlib's convolutional detector in Keras against dlib's own program, and against hostile files."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonbase.errors import WeightsError
from encoders.detect.mmod import MmodDetector
from encoders.detect.mmod_file import FILE_NAME, LAYERS, read_mmod
from encoders.models import model_path


@pytest.fixture(scope="module")
def content() -> bytes:
    return model_path(FILE_NAME).read_bytes()


@pytest.fixture(scope="module")
def picture(portraits: list[Path]) -> NDArray[np.uint8]:
    """Two people, 120 and 180 px wide, so that two levels of the pyramid find one each."""
    whole = np.zeros((180, 300, 3), np.uint8)
    for portrait, side, x in ((portraits[21], 180, 0), (portraits[0], 120, 180)):
        face = Image.open(portrait).convert("RGB").resize((side, side))
        whole[:side, x : x + side] = np.array(face)
    return whole


def test_boxes_are_dlibs_own_to_a_pixel(picture: NDArray[np.uint8]) -> None:
    import dlib

    theirs = dlib.cnn_face_detection_model_v1(str(model_path(FILE_NAME)))(picture, 0)
    edges = [(f.rect.left(), f.rect.top(), f.rect.right(), f.rect.bottom()) for f in theirs]
    boxes, score = MmodDetector(0).margins(picture)
    assert len({right - left for left, _, right, _ in edges}) > 1  # of more than one level
    assert boxes.tolist() == [list(box) for box in edges]
    np.testing.assert_allclose(score, [f.confidence for f in theirs], atol=1e-4)


def test_doubling_finds_faces_of_half_the_size(picture: NDArray[np.uint8]) -> None:
    small = np.array(Image.fromarray(picture).resize((150, 90)))
    assert len(MmodDetector(1)(small)) > len(MmodDetector(0)(small))


@pytest.mark.parametrize("shape", [(1, 1, 3), (5, 300, 3), (64, 64, 3)])
def test_pictures_of_nothing_hold_no_face(shape: tuple[int, ...]) -> None:
    assert MmodDetector(0)(np.full(shape, 99, np.uint8)).shape == (0, 4)


def test_what_the_file_holds() -> None:
    weights = read_mmod(model_path(FILE_NAME))
    assert [layer.kernel.shape for layer in weights.layers[:-1]] == [
        (size, size, channels, filters) for channels, filters, size, _ in LAYERS
    ]
    assert (weights.window, weights.covered) == (80, 1.0)
    assert 0.3 < weights.overlap < 0.4


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: b"", "the file is empty"),
        (lambda c: c[: len(c) // 2], "it ends too early"),
        (lambda c: c + b"\0", "bytes follow"),
        (lambda c: c.replace(b"loss_mmod_", b"loss_mmoe_"), "expected 'loss_mmod_'"),
        (lambda c: c.replace(b"bn_con2", b"bn_con9", 1), "expected 'bn_con2'"),
        (lambda c: c[:153] + b"\xff\xff\xff\x7f" + c[157:], "not a finite number"),
        (lambda c: c * 20, "larger than 8 MiB"),
    ],
)
def test_damaged_files_are_refused(
    content: bytes, tmp_path: Path, damage: object, message: str
) -> None:
    path = tmp_path / FILE_NAME
    path.write_bytes(damage(content))  # type: ignore[operator]
    with pytest.raises(WeightsError, match=message) as refused:
        read_mmod(path)
    assert str(path) in str(refused.value)


def test_random_damage_is_read_or_refused(content: bytes, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / FILE_NAME
    heads = [*range(150), *range(5000, 5700)]
    for place in rng.choice(heads, 60, replace=False):
        broken = bytearray(content)
        broken[place] ^= int(rng.integers(1, 256))
        path.write_bytes(broken)
        with suppress(WeightsError):
            read_mmod(path)
