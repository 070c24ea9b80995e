"""Where the faces that are put in come from; ``fresh`` is here: nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import (
    SAME_PERSON,
    UNLIKE,
    FaceAnalyzer,
    Faces,
    distances,
)
from anonfaces.anonymize.looks import AS_GOOD, contrast, looks_of
from anonfaces.anonymize.paste import SourceFace
from anonfaces.anonymize.pose import head_pose
from anonfaces.anonymize.quality import unclear_pictures
from anonfaces.anonymize.sources.pictures import Named, draws, draws_of_gallery, large
from anonfaces.anonymize.sources.suitable import looks_to_suit
from anonfaces.synthesize.portraits.known import refuse_known
from encoders.attributes.from_vector import female

__all__ = ["Source", "SyntheticFaces", "donors_of"]

Pixels = NDArray[np.uint8]

_COMPARED = 48
_TONE = 0.15
#: ``unclear_pictures`` from which a donor comes last, and by what: of samples at psi 0.7 a quarter,
#: those with a fringe, glasses or a wrong brow first.
_CLEAR, _BROKEN = 0.145, 10.0
_YAW, _PITCH = 0.35, 0.2  # what a head turned from the middle to the side weighs, and a nod
_JAW, _NOSE_BASE, _POINTS = slice(1, 16), 33, 68


class Source(Protocol):
    """Gives faces to put in place of others."""

    def candidates(self, image: Pixels, faces: Faces, index: int, key: int) -> Iterator[SourceFace]:
        """Faces for face ``index`` of ``faces``, the best first; nothing where there is none.

        ``key`` is the number of the picture in the input. The same seed gives the same faces.
        """
        ...


class SyntheticFaces:
    """Nobody's: samples of a generator that the recogniser tells from every face of the input.

    With a ``gallery``, a folder of pictures of people who do not exist, these are the samples;
    InputError names those that may be of somebody of the input.

    Which samples there are depends on the seed alone. A face gets one whose head is turned alike,
    whose landmarks lie alike and whose skin is about as light, so pose and expression are
    about kept, and what is left of its own shading does not look like dirt; one of about the same
    perceived age and gender, so that it suits the hair and the neck. Those come last of which the
    parser of faces is unsure, as with hair or half a pair of glasses in the way. A picture gets
    each at most once while they last. Samples have psi 0.7, and 1 where none of those will do.
    Where no sample is unlike everybody in a large input, one is taken that is unlike everybody in
    the same picture. Those come first that are ``UNLIKE`` the one whose face they take.
    """

    def __init__(
        self,
        analyzer: FaceAnalyzer,
        everyone: NDArray[np.float32],
        seed: int,
        generator: Path | None,
        gallery: Path | None = None,
    ) -> None:
        self._seed, self._everyone = seed, everyone
        pictures = draws(seed, generator) if gallery is None else draws_of_gallery(seed, gallery)
        self._pools = (_Pool(analyzer, drawn, everyone) for drawn in pictures)
        self._drawn: list[_Pool] = []
        self._given: dict[int, set[int]] = {}

    def candidates(self, image: Pixels, faces: Faces, index: int, key: int) -> Iterator[SourceFace]:
        given = self._given.setdefault(key, set())
        own = looks_to_suit(image, faces.landmark[index], faces.embedding[index])
        misfit = _Misfit(image, faces.landmark[index])
        for pool in self._all_pools():
            off = contrast(pool.looks, own) + _turned(pool.pose, faces.landmark[index])
            off = off + _BROKEN * pool.broken
            order = np.random.default_rng([self._seed, key, index]).permutation(len(off))
            order = order[np.argsort(off[order] // AS_GOOD, kind="stable")]
            here = pool.unlike(faces.embedding)
            new = np.array(
                [id(source_face) not in given for source_face in pool.source_faces], bool
            )
            alone = pool.unlike(self._everyone) & here & new
            far = pool.unlike(faces.embedding[index : index + 1], UNLIKE)
            for allowed in (alone & far, here & new & far, alone, here & new, here):
                chosen = order[allowed[order]][:_COMPARED]
                badness = off[chosen] + [misfit(pool.source_faces[i]) for i in chosen]
                for i in chosen[np.argsort(badness, kind="stable")]:
                    given.add(id(pool.source_faces[i]))
                    yield pool.source_faces[i]

    def _all_pools(self) -> Iterator[_Pool]:
        """Those that are drawn, then further ones, drawn when they are asked for."""
        yield from self._drawn
        for pool in self._pools:
            self._drawn.append(pool)
            yield pool


class _Pool:
    """Pictures with one face in each, their looks and their vectors.

    InputError where one that has a name may be of somebody of ``everyone``.
    """

    def __init__(
        self, analyzer: FaceAnalyzer, pictures: Sequence[Named], everyone: NDArray[np.float32]
    ) -> None:
        portraits = analyzer.portraits(picture for _, picture in pictures)
        self.source_faces = [SourceFace(picture, face.landmark[0]) for picture, face in portraits]
        seen = [(source_face.picture, source_face.landmark) for source_face in self.source_faces]
        self.broken = unclear_pictures(seen) > _CLEAR
        marks = [source_face.landmark for source_face in self.source_faces]
        self.pose = head_pose(np.array(marks).reshape(-1, _POINTS, 2))
        self._vectors = np.array([face.embedding[0] for _, face in portraits]).reshape(-1, 128)
        self.looks = np.column_stack([looks_of(seen)[:, 0], female(self._vectors)])
        names = {id(picture): name for name, picture in pictures}
        near = distances(self._vectors, everyone).min(axis=1, initial=np.inf)
        own = [names[id(picture)] for picture, _ in portraits]
        refuse_known(own, np.where(np.array(own, str) == "", np.inf, near))

    def unlike(
        self, people: NDArray[np.float32], distance: float = SAME_PERSON
    ) -> NDArray[np.bool_]:
        """Which samples are farther than ``distance`` from every one of ``people`` (n, 128)."""
        return distances(self._vectors, people).min(axis=1, initial=np.inf) > distance


class _Misfit:
    """How badly a donor's landmarks lie on others after an affine map, and how its tones differ.

    The first in sizes of the face, by the root of the mean square; the second weighs 0.15 of the
    way from black to white. Tones are compared place by place, so that light from one side goes
    with light from there.
    """

    def __init__(self, image: Pixels, landmark: NDArray[np.float32]) -> None:
        self._target, self._tone = landmark, _tone(image, landmark)
        self._size = max(float(np.ptp(landmark, axis=0).max()), 1.0)

    def __call__(self, source_face: SourceFace) -> float:
        points = np.hstack(
            [source_face.landmark, np.ones((len(source_face.landmark), 1), np.float32)]
        )
        solution, *_ = np.linalg.lstsq(points, self._target, rcond=None)
        off = np.square(points @ solution - self._target).sum(axis=1).mean()
        paler = np.abs(_tone(source_face.picture, source_face.landmark) - self._tone).mean()
        return float(np.sqrt(off) / self._size + _TONE * paler / 255)


def _tone(image: Pixels, landmark: NDArray[np.float32]) -> NDArray[np.float64]:
    """The colours (15, 3) of cheeks and chin, at points half-way from the nose to the jaw."""
    points = (landmark[_JAW] + landmark[_NOSE_BASE]) / 2
    column, row = np.rint(np.clip(points, 0, np.array(image.shape[1::-1]) - 1)).astype(int).T
    return image[row, column].astype(np.float64)


def _turned(pose: NDArray[np.float64], landmark: NDArray[np.floating]) -> NDArray[np.float64]:
    """How badly poses (n, 2) suit that of a face (68, 2), on the scale of ``_Misfit``."""
    return np.abs(pose - head_pose(landmark[None])) @ np.array([_YAW, _PITCH])


def donors_of(pictures: Iterable[Pixels], analyzer: FaceAnalyzer) -> list[SourceFace]:
    """Pictures of faces uint8 (s, s, 3) made ready; those in which dlib finds one, that is."""
    portraits = analyzer.portraits(map(large, pictures))
    return [SourceFace(picture, face.landmark[0]) for picture, face in portraits]
