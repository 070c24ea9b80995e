"""Principal components of aligned grey faces ("Eigenfaces"), fitted on your own photographs.

M. Turk, A. Pentland, "Eigenfaces for Recognition", Journal of Cognitive Neuroscience 3(1), 1991;
fitted a block of faces at a time: D. Ross, J. Lim, R.-S. Lin, M.-H. Yang, "Incremental Learning
for Robust Visual Tracking", International Journal of Computer Vision 77, 2008, as scikit-learn
has it.

The chips are FFHQ-aligned, 64 px, made grey (ITU-R 601 luma) with levels from 0 to 1; the vector
is the projection, not whitened, so distances between vectors approach distances between pictures.
The first numbers of a vector are what a fit with fewer components would give: the AnonFACES paper
kept 10.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.files import atomic_write
from anonbase.untrusted.hdf5 import dataset, read_floats
from anonbase.untrusted.stand_ins import check_weights_file
from encoders.embed.network import check_chips

__all__ = ["ALIGNMENT", "CHIP_SIZE", "COMPONENTS", "PcaEmbedder", "fit_pca", "load_pca"]

CHIP_SIZE = 64
ALIGNMENT = f"ffhq-68-{CHIP_SIZE}"
COMPONENTS = 128
_PIXELS = CHIP_SIZE * CHIP_SIZE
_LUMA = np.array([0.299, 0.587, 0.114]) / 255
_FORMAT = "anonfaces PCA 1"
_MOST_COMPONENTS = 1024
_FIT_AT_ONCE = 256
_PROJECT_AT_ONCE = 256


class PcaEmbedder:
    """Fitted principal components, as an ``encoders.embed.Embedder``.

    Parameters
    ----------
    mean : float32 (4096,)
        The mean face.
    components : float32 (dim, 4096)
        Orthonormal rows, by falling variance. Their signs are chosen here: the entry of a row that
        is farthest from zero is positive.
    """

    name = "pca"
    alignment = ALIGNMENT
    chip_size = CHIP_SIZE

    def __init__(self, mean: NDArray[np.float32], components: NDArray[np.float32]) -> None:
        self.mean = mean.astype("<f4")
        self.components = _with_fixed_signs(components.astype("<f4"))
        self.dim = len(components)
        digest = hashlib.sha256(_FORMAT.encode())
        for array in (self.mean, self.components):
            digest.update(np.ascontiguousarray(array).tobytes())
        self.sha256 = digest.hexdigest()

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB chips uint8 (n, 64, 64, 3) to float32 (n, dim)."""
        chips = check_chips(chips, CHIP_SIZE)
        vectors = np.empty((len(chips), self.dim), np.float32)
        mean, components = self.mean.astype(np.float64), self.components.T.astype(np.float64)
        # always as many rows, so that BLAS sums alike whatever comes along with a chip
        grey = np.zeros((_PROJECT_AT_ONCE, _PIXELS))
        with _one_thread():
            for start in range(0, len(chips), _PROJECT_AT_ONCE):
                some = chips[start : start + _PROJECT_AT_ONCE]
                grey[: len(some)] = _grey(some) - mean
                vectors[start : start + _PROJECT_AT_ONCE] = (grey @ components)[: len(some)]
        return vectors

    def save(self, path: Path) -> None:
        """Write it as HDF5, all of it or nothing."""
        import h5py

        with atomic_write(path) as beside, h5py.File(beside, "w") as file:
            file.attrs["format"] = _FORMAT
            file.attrs["alignment"] = ALIGNMENT
            file.create_dataset("mean", data=self.mean)
            file.create_dataset("components", data=self.components)


def fit_pca(chips: Iterable[NDArray[np.uint8]], components: int = COMPONENTS) -> PcaEmbedder:
    """Fit principal components to chips.

    Some hundred chips are in memory at a time. The same chips in the same order give the same
    components, however they are split into arrays. Fewer faces than ``components`` give as many
    components as there are faces.

    Parameters
    ----------
    chips : iterable of uint8 (m, 64, 64, 3)
        RGB chips, ``ffhq-68-64``, in arrays of any length.
    components : int
        How many numbers a vector has at most, 1 to 1024.

    Returns
    -------
    PcaEmbedder
        The fitted embedder.

    Raises
    ------
    InputError
        There are fewer than two faces, or ``components`` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> chips = np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)
    >>> fit_pca([chips], components=4)(chips).shape
    (9, 4)
    """
    from sklearn.decomposition import IncrementalPCA

    if not 1 <= components <= _MOST_COMPONENTS:
        raise InputError(f"components must be from 1 to {_MOST_COMPONENTS}, got {components}")
    fitted = IncrementalPCA()
    for block in _blocks(chips, max(components, _FIT_AT_ONCE)):
        if fitted.n_components is None:
            fitted.n_components = min(components, len(block))
        # faces that are all the same have no variance
        with _one_thread(), np.errstate(invalid="ignore"):
            fitted.partial_fit(_grey(block), check_input=False)
    return PcaEmbedder(fitted.mean_, fitted.components_)


def load_pca(weights: Path | None = None) -> PcaEmbedder:
    """Read principal components that ``PcaEmbedder.save`` wrote.

    Raises
    ------
    WeightsError
        No file was given, or it is missing, damaged or something else.
    """
    if weights is None:
        raise WeightsError(
            "principal components are fitted on photographs and none were given: fit them with "
            "encoders.embed.pca.fit_pca, or give a file that PcaEmbedder.save wrote"
        )
    import h5py

    try:
        check_weights_file(weights)
        with h5py.File(weights, "r") as file:
            return _read(file)
    except WeightsError:
        raise
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise WeightsError(f"{weights}: cannot be read as HDF5 ({error})") from error
    except KeyError as error:
        raise WeightsError(f"{weights}: not a fitted PCA: no {error.args[0]}") from error


def _read(file: Any) -> PcaEmbedder:
    expected = {"format": _FORMAT, "alignment": ALIGNMENT}
    for name, value in expected.items():
        found = file.attrs.get(name)
        if not isinstance(found, str) or found != value:
            raise KeyError(f"attribute {name!r} with the value {value!r}")
    dim = dataset(file, "components").shape[0]
    if not 1 <= dim <= _MOST_COMPONENTS:
        raise KeyError(f"components from 1 to {_MOST_COMPONENTS} (there are {dim})")
    mean = read_floats(file, "mean", (_PIXELS,))
    components = read_floats(file, "components", (dim, _PIXELS))
    if not (np.isfinite(mean).all() and np.isfinite(components).all()):
        raise KeyError("finite numbers alone: it holds NaN or infinity")
    return PcaEmbedder(mean, components)


def _blocks(chips: Iterable[NDArray[np.uint8]], size: int) -> Iterator[NDArray[np.uint8]]:
    """The same chips in blocks of ``size``; the last takes what is left as well.

    IncrementalPCA needs at least as many rows a block as it has components.
    """
    pieces: list[NDArray[np.uint8]] = []
    for some in chips:
        pieces.append(check_chips(some, CHIP_SIZE))
        if sum(len(piece) for piece in pieces) >= 2 * size:
            waiting = np.concatenate(pieces)
            blocks = len(waiting) // size - 1
            yield from np.split(waiting[: blocks * size], blocks)
            pieces = [waiting[blocks * size :]]
    faces = sum(len(piece) for piece in pieces)
    if faces < 2:
        raise InputError(f"principal components need at least 2 faces, got {faces}")
    yield np.concatenate(pieces)


def _one_thread() -> AbstractContextManager[object]:
    """BLAS on one thread, so that the same bytes come out on any number of cores.

    On a busy machine it is also many times faster: the threads would wait for each other.
    """
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1, "blas")


def _grey(chips: NDArray[np.uint8]) -> NDArray[np.float64]:
    return (chips @ _LUMA).reshape(len(chips), _PIXELS)


def _with_fixed_signs(components: NDArray[np.float32]) -> NDArray[np.float32]:
    rows = np.arange(len(components))
    farthest = components[rows, np.abs(components).argmax(axis=1)]
    return np.where(farthest < 0, np.float32(-1), np.float32(1))[:, None] * components
