"""``inpaint``: the inner face is taken out, and the hole filled to suit what is around it.

R. A. Yeh et al., "Semantic image inpainting with deep generative models", CVPR 2017: see
``anonfaces.anonymize.inpainting.search``. With the hole at the landmarks' outline, nothing of the
inner face is used but, as in every mode, its landmarks, and its light and tone: its colours
blurred over a fifth of the face. With a square hole nothing inside of the square is used but the
landmarks, and what is outside stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.inpainting.film import Film
from anonfaces.anonymize.inpainting.holes import (
    SIDE,
    Hole,
    border_hole,
    box_hole,
    landmark_hole,
)
from anonfaces.anonymize.inpainting.options import Proposal
from anonfaces.anonymize.inpainting.search import LatentSearch, Search, load_critic
from anonfaces.anonymize.inpainting.starts import draw
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.paste import SourceFace, fits, paste
from encoders.resize import enlarged

__all__ = ["Filling", "InpaintedFaces"]

Pixels = NDArray[np.uint8]
Face = tuple[Pixels, NDArray[np.float32], tuple[int, int, int]]

_SAMPLES, _PSI = 48, 0.7  # samples by which the generator's framing is measured
_ROUNDS = 5  # times that somebody who is asked may have all candidates drawn again
_AT_ONCE = 64  # latents in one batch of the search: some 300 MB of activations at 64 px
_ROOM = 0.6  # of a face's box: how much around it a proposal shows


@dataclass(frozen=True)
class Filling:
    """What was found for a face: the holes and their fillings, the least loss first."""

    holes: list[Hole]
    search: Search

    def faces(self) -> list[SourceFace]:
        """The fillings as surrogates."""
        return [
            SourceFace(enlarged(picture, SIDE, smooth=True), hole.landmark, hole.patch)
            for picture, hole in zip(self.search.pictures, self.holes, strict=True)
        ]


@dataclass(frozen=True)
class _Picture:
    """The fillings of all faces of the picture that is being worked on."""

    image: Pixels
    faces: Faces
    fillings: dict[int, Filling]

    def is_of(self, image: Pixels, faces: Faces) -> bool:
        """Whether it is this very picture: a number may be another's in another run."""
        return self.image is image and self.faces is faces


@dataclass
class InpaintedFaces:
    """Faces for holes: of ``options.latents`` found at once, the least loss comes first.

    ``steps``, if given, is a folder for films of the way to each face, sheets and curves.
    """

    analyzer: FaceAnalyzer
    options: AnonymizationOptions
    steps: Path | None = None
    _frame: NDArray[np.float32] = field(init=False)
    _ready: _Picture | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        import stylegan

        self._manner = self.options.inpaint
        self._generator = stylegan.load(self.options.generator)
        side = self._generator.config.resolution
        critic = load_critic(self.options.generator, side)
        self._search = LatentSearch(self._generator, critic, self._manner)
        pictures = self._generator.pictures(
            self._generator.map(self._generator.latents(range(_SAMPLES)), psi=_PSI)
        )
        found = self.analyzer.portraits(
            enlarged(picture, SIDE, smooth=True) for picture in pictures
        )
        if not found:
            raise InputError("dlib finds no face in what the generator makes: fresh needs faces")
        self._frame = np.mean([face.landmark[0] for _, face in found], axis=0)
        self._film = None if self.steps is None else Film(self.steps, self._manner.way)

    def candidates(self, image: Pixels, faces: Faces, index: int, key: int) -> Iterator[SourceFace]:
        """Fillings of the face's hole, the best by loss first."""
        for turn in range(_ROUNDS if self._manner.accept else 1):
            filling = self._filling(image, faces, index, key, turn)
            if filling is None:
                return
            offered = filling.faces()
            if self._film is not None:
                self._film.face(image, faces, index, key, filling.holes, filling.search)
            for number, source_face in enumerate(offered):
                if self._accepted(image, faces, index, key, offered[number:]):
                    yield source_face

    def hole(
        self,
        image: Pixels,
        landmark: NDArray[np.float32],
        sample: NDArray[np.float32] | None = None,
    ) -> Hole | None:
        """The face at ``landmark`` (68, 2) framed and emptied; None where it cannot be framed.

        ``sample`` are the landmarks of a candidate, by whose face the framing "box" goes.
        """
        side = self._generator.config.resolution
        if self._manner.framing == "landmarks":
            return landmark_hole(image, landmark, self._frame, side)
        border, blend = self._manner.kept, self._manner.way
        if self._manner.framing == "border":
            return border_hole(image, landmark, self._frame, side, border=border, blend=blend)
        wanted = self._frame if sample is None else sample
        return box_hole(image, landmark, wanted, side, border=border, blend=blend)

    def _filling(
        self, image: Pixels, faces: Faces, index: int, key: int, turn: int
    ) -> Filling | None:
        """All faces of a picture are searched for in one batch, when the first is asked for."""
        if turn:
            return self.fill([(image, faces.landmark[index], (key, index, turn))]).get(0)
        if self._ready is None or not self._ready.is_of(image, faces):
            some = [i for i in range(len(faces)) if fits(faces.landmark[i])]
            found = self.fill([(image, faces.landmark[i], (key, i, turn)) for i in some])
            fillings = {some[i]: filling for i, filling in found.items()}
            self._ready = _Picture(image, faces, fillings)
        return self._ready.fillings.get(index)

    def fill(self, faces: Sequence[Face]) -> dict[int, Filling]:
        """Fillings of many faces, found in batches.

        Each face is a picture, its landmarks (68, 2), and three numbers that seed its candidates.
        Those that cannot be framed are left out of the answer.
        """
        owner, holes, start = [], [], []
        for index, face in enumerate(faces):
            for hole, w in self._holes(*face):
                owner.append(index)
                holes.append(hole)
                start.append(w)
        parts = (slice(first, first + _AT_ONCE) for first in range(0, len(holes), _AT_ONCE))
        films = self.steps is not None
        found = [self._search(holes[part], np.stack(start[part]), films) for part in parts]
        return _sorted(owner, holes, found)

    def _holes(
        self, image: Pixels, landmark: NDArray[np.float32], name: tuple[int, int, int]
    ) -> Iterator[tuple[Hole, NDArray[np.float32]]]:
        """A hole and a start a latent; ``name`` seeds them."""
        rng = np.random.default_rng([self.options.seed, *name])
        samples = draw(
            self._generator,
            self.analyzer,
            rng,
            self.options.latents,
            face=(image, landmark) if self._manner.traits else None,
            landmarks=self._manner.framing == "box",
        )
        for sample in samples:
            hole = self.hole(image, landmark, sample.landmark)
            if hole is not None:
                yield hole, sample.w

    def _accepted(
        self, image: Pixels, faces: Faces, index: int, key: int, offered: list[SourceFace]
    ) -> bool:
        if self._manner.accept is None:
            return True
        around = _around(faces.box[index], image)
        results = [paste(image, faces.landmark[index], face, image) for face in offered]
        shown = [result[around] for result in results if result is not None]
        if not shown:
            return True  # it cannot be put in, and the face will be covered
        return self._manner.accept(Proposal(image[around], shown[0], shown[1:], key, index))


def _sorted(owner: list[int], holes: list[Hole], parts: list[Search]) -> dict[int, Filling]:
    """Each face's fillings, the least loss first."""
    if not parts:
        return {}
    stages = [np.concatenate(each) for each in zip(*(part.stages for part in parts), strict=True)]
    whole = Search(
        np.concatenate([part.pictures for part in parts]),
        np.concatenate([part.first for part in parts]),
        stages,
        np.concatenate([part.curve for part in parts], axis=2),
    )
    found = {}
    for index in dict.fromkeys(owner):
        rows = np.flatnonzero(np.array(owner) == index)
        rows = rows[np.argsort(whole.loss[rows], kind="stable")]
        found[index] = Filling([holes[i] for i in rows], whole.of(rows))
    return found


def _around(box: NDArray[np.integer], image: Pixels) -> tuple[slice, slice]:
    left, top, right, bottom = (int(at) for at in box)
    more = round(_ROOM * max(right - left, bottom - top))
    return (
        slice(max(top - more, 0), min(bottom + more, len(image))),
        slice(max(left - more, 0), min(right + more, image.shape[1])),
    )
