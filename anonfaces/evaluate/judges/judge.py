"""Judges: recognisers that say whether a surrogate is taken for a person, and who took part.

A judge sees photographs and surrogates alike: aligned as it wants them, from the face that dlib
finds. It is no judge of what it helped to make. dlib's network groups people by default, the
encoders of the generators were trained with it, and ``optimised`` looks through it; FaceRes,
FaceNet and any ONNX recogniser take part in nothing unless the people were grouped by them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

if TYPE_CHECKING:
    from anonfaces.evaluate.onnx_embedder import Preprocessing
    from encoders.embed import Embedder
    from encoders.faceset import FaceSet

__all__ = ["JUDGES", "Judge", "align_chip", "chip_boxes", "load_judge", "usual_judges"]

Chips = NDArray[np.uint8]

#: The names of judges; ``onnx`` wants a file, the others take one.
JUDGES = ("dlib", "facenet", "faceres", "onnx", "pca", "fisherfaces")
#: Surrogate methods that a network of dlib's took part in: the encoder of the generator that ships
#: was trained to keep its vectors, and ``optimised`` moves latents by them.
_DLIB_MADE = {"optimised", "stylegan", "stylegan-random", "stylegan-weighted"}
_PART = 256


@dataclass(frozen=True, kw_only=True)
class Judge:
    """A recogniser, what it sees, and whether it took part.

    Attributes
    ----------
    name : str
        As the user named it; of a file only its name.
    embedder : Embedder
        Chips to vectors.
    about : str
        What the vectors are, in a few words.
    """

    name: str
    embedder: Embedder
    about: str
    _seen: dict[int, tuple[FaceSet, NDArray[np.float32]]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def took_part(self, extractor_sha256: str, surrogate: str | None) -> str:
        """How the judge took part in making the surrogates; empty where it did not."""
        if self.embedder.sha256 == extractor_sha256:
            return "the people were grouped by its vectors"
        if self.name.startswith("dlib") and surrogate in _DLIB_MADE:
            return "the surrogates were made with its help"
        return ""

    def of_faces(self, faces: FaceSet) -> NDArray[np.float32]:
        """Vectors (n, d) of the faces of a FaceSet, from its chips and their landmarks."""
        if faces.meta.get("extractor_sha256") == self.embedder.sha256:
            return faces.embedding
        if id(faces) not in self._seen:  # the same gallery is searched for many sets of surrogates
            self._seen[id(faces)] = (faces, self.of_chips(faces))
        return self._seen[id(faces)][1]

    def of_chips(self, faces: FaceSet) -> NDArray[np.float32]:
        """Vectors (n, d) from chips alone, as a surrogate of that size is seen."""
        parts = [np.empty((0, self.embedder.dim), np.float32)]
        for start in range(0, len(faces), _PART):
            rows = np.arange(start, min(start + _PART, len(faces)))
            parts.append(self.embedder(np.stack([*self._cut(faces, rows)])))
        return np.concatenate(parts)

    def of_pictures(self, pictures: Iterable[Chips]) -> NDArray[np.float32]:
        """Vectors (g, d) of surrogates treated as photographs; NaN where dlib finds no face."""
        from anonfaces.evaluate.recognition import recognize

        return recognize(pictures, self.embedder, cut=align_chip)

    def _cut(self, faces: FaceSet, rows: NDArray[np.int64]) -> Iterator[Chips]:
        from encoders.align import ffhq_landmarks

        size = faces.chip_size
        landmark = ffhq_landmarks(faces.landmark[rows], size)
        box = chip_boxes(faces.landmark[rows], faces.box[rows], size)
        about = (self.embedder.alignment, self.embedder.chip_size)
        for chip, edges, points in zip(faces.chips(rows), box, landmark, strict=True):
            yield align_chip(chip, edges, points, *about)


def align_chip(
    image: Chips, box: NDArray[np.integer], landmark: NDArray[np.float32], alignment: str, size: int
) -> Chips:
    """The chip (size, size, 3) that ``alignment`` names: ArcFace's, or ``encoders.align``'s."""
    from anonfaces.evaluate.arcface import align_arcface
    from encoders.align import align

    if alignment.startswith("arcface-"):
        return align_arcface(image, landmark, size)
    return align(image, box, landmark, alignment, size)


def chip_boxes(
    landmark: NDArray[np.float32], box: NDArray[np.integer], size: int
) -> NDArray[np.int64]:
    """Boxes (n, 4) of photographs, in pixels of their FFHQ-aligned chips of ``size`` px.

    A chip may be turned; a box keeps its own upright shape about its turned middle.
    """
    from encoders.align import ffhq_square

    centre, right = ffhq_square(landmark)
    down = np.stack([-right[:, 1], right[:, 0]], axis=1)
    half = np.linalg.norm(right, axis=1, keepdims=True)
    edges = np.asarray(box, np.float64)
    off = (edges[:, :2] + edges[:, 2:]) / 2 - centre
    axes = np.stack([right, down], axis=1)
    middle = size / 2 * (1 + np.einsum("nad,nd->na", axes, off) / half**2)
    sides = (edges[:, 2:] - edges[:, :2]) / half * size / 2
    return np.rint(np.hstack([middle - sides / 2, middle + sides / 2])).astype(np.int64)


def usual_judges() -> list[str]:
    """Names of the judges that need nothing from the user: dlib, and what the cache holds."""
    from anonbase.files import cache_folder
    from encoders.embed.facenet import SOURCES

    there = cache_folder()
    names = ["dlib"]
    if (there / "faceres.json").is_file():
        names.append("faceres")
    if any((there / source.file).is_file() for source in SOURCES):
        names.append("facenet")
    return names if len(names) > 1 else ["dlib", "pca"]


def load_judge(
    asked: str, faces: FaceSet | None = None, prepare: Preprocessing | None = None
) -> Judge:
    """A judge by ``NAME`` or ``NAME:FILE``, of ``JUDGES``.

    ``pca`` and ``fisherfaces`` without a file are fitted on ``faces``, the originals.

    Raises
    ------
    InputError
        There is no such judge, or it needs a file or faces that were not given.
    WeightsError
        The weights are missing or damaged; the message says where to get them.
    """
    name, _, file = asked.partition(":")
    if name not in JUDGES:
        raise InputError(f"there is no judge {name!r}: choose of {', '.join(JUDGES)}")
    about, load = _LOADERS[name]
    path = Path(file).expanduser() if file else None
    shown = f"{name}:{path.name}" if path else name
    return Judge(name=shown, embedder=load(path, faces, prepare), about=about)


def _load_embedder(name: str) -> Callable[..., Any]:
    def load(path: Path | None, faces: Any, prepare: Any) -> Any:
        from encoders.embed import load_embedder

        return load_embedder(name, path)

    return load


def _load_faceres(path: Path | None, faces: Any, prepare: Any) -> Any:
    # the only place where evaluation asks for the reader of TensorFlow.js graphs
    from anonfaces.evaluate.judges.faceres import load_faceres

    return load_faceres(path)


def _load_onnx(path: Path | None, faces: Any, prepare: Preprocessing | None) -> Any:
    from anonfaces.evaluate.onnx_embedder import load_onnx

    if path is None:
        raise InputError("--judge onnx wants a file: onnx:FILE")
    return load_onnx(path, prepare)


def _load_pca(path: Path | None, faces: FaceSet | None, prepare: Any) -> Any:
    from encoders.embed.pca import fit_pca, load_pca

    return load_pca(path) if path else fit_pca(_grey_chips(faces, "pca"))


def _load_fisherfaces(path: Path | None, faces: FaceSet | None, prepare: Any) -> Any:
    from anonfaces.evaluate.fisherfaces import fit_fisherfaces

    if path is not None or faces is None:
        raise InputError("--judge fisherfaces takes no file: it is fitted on the originals")
    return fit_fisherfaces(list(_grey_chips(faces, "fisherfaces")), faces.identity)


def _grey_chips(faces: FaceSet | None, name: str) -> Iterator[Chips]:
    from encoders.align import ffhq_landmarks
    from encoders.embed.pca import ALIGNMENT, CHIP_SIZE

    if faces is None:
        raise InputError(f"--judge {name} without a file is fitted on the originals' chips")
    for start in range(0, len(faces), _PART):
        rows = np.arange(start, min(start + _PART, len(faces)))
        landmark = ffhq_landmarks(faces.landmark[rows], faces.chip_size)
        box = chip_boxes(faces.landmark[rows], faces.box[rows], faces.chip_size)
        pairs = zip(faces.chips(rows), box, landmark, strict=True)
        yield np.stack([align_chip(*one, ALIGNMENT, CHIP_SIZE) for one in pairs])


_LOADERS: dict[str, tuple[str, Callable[..., Any]]] = {
    "dlib": ("dlib's residual network, 128 numbers", _load_embedder("dlib")),
    "facenet": ("Inception-ResNet, the user's own weights", _load_embedder("facenet")),
    "faceres": ("a MobileNet trained on VGGFace2, 1,024 numbers", _load_faceres),
    "onnx": ("a recogniser of the user's, ArcFace's alignment", _load_onnx),
    "pca": ("principal components of grey chips, fitted on the originals", _load_pca),
    "fisherfaces": ("discriminants of grey chips, fitted on the originals", _load_fisherfaces),
}  # fmt: skip
