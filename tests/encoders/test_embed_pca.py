"""Principal components of chips: what they are, their file, and files that are none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from encoders.embed import Embedder, load_embedder
from encoders.embed.pca import CHIP_SIZE, PcaEmbedder, fit_pca

Chips = NDArray[np.uint8]
FACES = 220


@pytest.fixture(scope="module")
def chips(everybody: list[list[Path]]) -> Chips:
    """Chips of synthetic people, and each again at two other brightnesses: three blocks."""
    from PIL import Image

    side = (CHIP_SIZE, CHIP_SIZE)
    paths = [path for pictures in everybody for path in pictures][:FACES]
    faces = np.stack([np.asarray(Image.open(path).resize(side)) for path in paths])
    levels = [(faces * share).astype(np.uint8) for share in (0.6, 0.8, 1)]
    return np.concatenate(levels)


@pytest.fixture(scope="module")
def fitted(chips: Chips) -> PcaEmbedder:
    return fit_pca([chips], components=20)


def _grey(chips: Chips) -> NDArray[np.float64]:
    return chips.reshape(len(chips), -1, 3) @ np.array([0.299, 0.587, 0.114]) / 255


def test_they_are_the_principal_components(fitted: PcaEmbedder, chips: Chips) -> None:
    grey = _grey(chips)
    centred = grey - grey.mean(axis=0)
    variances, weights = np.linalg.eigh(centred @ centred.T)  # n x n: fewer faces than pixels
    vectors = (centred.T @ weights[:, -20:] / np.sqrt(variances[-20:])).T[::-1]
    np.testing.assert_allclose(fitted.mean, grey.mean(axis=0), atol=1e-6)
    # a block at a time, the last of them are approximate; together they keep what there is
    overlap = np.abs(np.sum(fitted.components * vectors, axis=1))
    assert overlap[:5].min() > 0.99
    kept = np.sum((centred @ fitted.components.T) ** 2)
    assert kept == pytest.approx(variances[-20:].sum(), rel=0.01)


def test_components_are_orthonormal_and_their_signs_are_fixed(fitted: PcaEmbedder) -> None:
    product = fitted.components @ fitted.components.T
    np.testing.assert_allclose(product, np.eye(20), atol=1e-5)
    farthest = np.abs(fitted.components).argmax(axis=1)
    assert (fitted.components[np.arange(20), farthest] > 0).all()
    turned = PcaEmbedder(fitted.mean, -fitted.components)
    np.testing.assert_array_equal(turned.components, fitted.components)
    assert turned.sha256 == fitted.sha256


def test_vectors_are_the_projections(fitted: PcaEmbedder, chips: Chips) -> None:
    expected = (_grey(chips[:300]) - fitted.mean) @ fitted.components.T
    np.testing.assert_allclose(fitted(chips[:300]), expected, atol=1e-4)


@pytest.mark.parametrize("sizes", [(7,), (511,)])
def test_how_chips_are_handed_over_does_not_matter(
    sizes: tuple[int], fitted: PcaEmbedder, chips: Chips
) -> None:
    pieces = (chips[i : i + sizes[0]] for i in range(0, len(chips), sizes[0]))
    assert fit_pca(pieces, components=20).sha256 == fitted.sha256


def test_it_follows_the_protocol(fitted: PcaEmbedder, chips: Chips) -> None:
    assert isinstance(fitted, Embedder)
    assert (fitted.name, fitted.alignment) == ("pca", "ffhq-68-64")
    assert (fitted.chip_size, fitted.dim) == (64, 20)
    vectors = fitted(chips)
    assert vectors.dtype == np.float32
    order = np.random.default_rng(0).permutation(len(chips))
    np.testing.assert_array_equal(fitted(chips[order]), vectors[order])
    for count in (0, 1, 2, 255, 256, 257):
        np.testing.assert_array_equal(fitted(chips[:count]), vectors[:count])


def test_it_is_saved_and_loaded(fitted: PcaEmbedder, chips: Chips, tmp_path: Path) -> None:
    path = tmp_path / "pca.h5"
    fitted.save(path)
    first = path.read_bytes()
    loaded = load_embedder("pca", path)
    assert loaded.sha256 == fitted.sha256
    np.testing.assert_array_equal(loaded(chips[:10]), fitted(chips[:10]))
    fitted.save(path)
    assert path.read_bytes() == first


def test_other_faces_have_another_hash(fitted: PcaEmbedder, chips: Chips) -> None:
    assert fit_pca([chips[:-1]], components=20).sha256 != fitted.sha256


def test_few_faces_give_few_components(chips: Chips) -> None:
    assert fit_pca([chips[:5]], components=20).dim == 5


def test_faces_that_are_all_the_same_have_equal_vectors(chips: Chips) -> None:
    same = np.repeat(chips[:1], 4, axis=0)
    np.testing.assert_allclose(fit_pca([same])(same), 0, atol=1e-5)


@pytest.mark.parametrize(
    ("pieces", "components", "message"),
    [
        ([], 10, "at least 2 faces, got 0"),
        ([np.zeros((1, 64, 64, 3), np.uint8)], 10, "at least 2 faces, got 1"),
        ([np.zeros((4, 32, 32, 3), np.uint8)], 10, "64, 64, 3"),
        ([np.zeros((4, 64, 64, 3), np.int32)], 10, "uint8"),
        ([np.zeros((4, 64, 64, 3), np.uint8)], 0, "components must be"),
        ([np.zeros((4, 64, 64, 3), np.uint8)], 2000, "components must be"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    pieces: list[Chips], components: int, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        fit_pca(pieces, components)


def _changed(name: str, values: object) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del file[name]
        file[name] = values

    return change


def _format(value: object) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__("format", value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_changed("mean", np.zeros(4095, np.float32)), "mean of shape"),
        (_changed("mean", np.full(4096, np.nan, np.float32)), "NaN or infinity"),
        (_changed("mean", np.zeros(4096, np.int64)), "floating point"),
        (_changed("mean", h5py.SoftLink("/components")), "no mean"),
        (_changed("mean", h5py.ExternalLink("other.h5", "/mean")), "no mean"),
        (_changed("components", np.zeros((3, 9), np.float32)), "components of shape"),
        (_changed("components", np.zeros((0, 4096), np.float32)), "there are 0"),
        (_changed("components", np.zeros((1025, 4096), np.float32)), "there are 1025"),
        (_changed("components", np.float32(1)), "floating point"),
        (_format("something else"), "attribute 'format'"),
        (_format(np.zeros(3)), "attribute 'format'"),
        (lambda file: file.attrs.__delitem__("alignment"), "attribute 'alignment'"),
    ],
)
def test_a_file_that_is_no_pca_is_refused(
    change: Callable[[h5py.File], None], message: str, fitted: PcaEmbedder, tmp_path: Path
) -> None:
    path = tmp_path / "pca.h5"
    fitted.save(path)
    with h5py.File(path, "a") as file:
        change(file)
    with pytest.raises(WeightsError, match=message) as error:
        load_embedder("pca", path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize("content", [b"no HDF5", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_a_damaged_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "pca.h5"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"pca\.h5: cannot be read"):
        load_embedder("pca", path)


def test_it_must_be_fitted_first() -> None:
    with pytest.raises(WeightsError, match="fit_pca"):
        load_embedder("pca")
