"""``semantic``: the face drawn anew from a label map of its own parts, as nobody.

Pose, expression and layout stay to the pixel, hair and background are seen by the network, and
who it is comes from a person who does not exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.detection import UNLIKE, FaceAnalyzer, Faces, distances
from anonfaces.anonymize.paste import SourceFace
from anonfaces.anonymize.sources.suitable import best_first, looks_to_suit, misfit

__all__ = ["RedrawnFaces", "SteeredFace"]

Pixels = NDArray[np.uint8]

_DRAWN = 384
#: Distance in dlib's vectors that a target keeps from everybody else in the input. (With ``UNLIKE``
#: for all, none but women are left for a photograph of many men.)
_OTHERS = 0.65


@dataclass(frozen=True, kw_only=True)
class SteeredFace(SourceFace):
    """A face that is drawn anew for every view of the person: ``identity`` is whose it is."""

    identity: NDArray[np.float32]
    redraw: Any

    def seen_at(self, image: Pixels, landmark: NDArray[np.floating]) -> SourceFace:
        """The same person with the pose and expression at ``landmark`` (68, 2) of ``image``."""
        made = self.redraw.face(image, landmark, self.identity)
        return SourceFace(made.picture, made.landmark)


class RedrawnFaces:
    """Faces drawn from their label maps, each as a person who does not exist.

    Who there is depends on the seed alone. A face gets somebody whom the recognizer tells from
    everybody in the input, of about the same perceived age, gender and lightness of skin, so that
    it suits the hair and the neck; of eight such the one that comes out best. In one picture each
    is taken once while they last.
    """

    def __init__(
        self,
        analyzer: FaceAnalyzer,
        everyone: NDArray[np.float32],
        seed: int,
        generator: Path | None = None,
    ) -> None:
        from anonfaces.semantic import load_redrawer, nobodies

        self._redraw, self._seed = load_redrawer(generator), seed
        self._people = nobodies(_DRAWN, seed)
        self._away = distances(self._people.vector, everyone).min(axis=1, initial=np.inf)
        self._given: dict[int, set[int]] = {}

    def candidates(self, image: Pixels, faces: Faces, index: int, key: int) -> Iterator[SourceFace]:
        """The face as one nobody after another, those first who suit it."""
        landmark = faces.landmark[index]
        given = self._given.setdefault(key, set())
        rng = np.random.default_rng([self._seed, key, index])
        looks = looks_to_suit(image, landmark, faces.embedding[index])
        off = misfit(self._people, looks, faces.embedding[index])
        order = self._order(off, faces, index, rng, given)
        chosen = best_first(self._redraw, image, landmark, looks, self._people, order, off)
        for i, identity, made in chosen:
            given.add(i)
            yield SteeredFace(made.picture, made.landmark, identity=identity, redraw=self._redraw)

    def _order(
        self,
        off: NDArray[np.int64],
        faces: Faces,
        index: int,
        rng: np.random.Generator,
        given: set[int],
    ) -> NDArray[np.int64]:
        order = rng.permutation(len(off))
        order = order[np.argsort(off[order], kind="stable")]
        apart = distances(self._people.vector, faces.embedding)
        here = (apart.min(axis=1, initial=np.inf) > _OTHERS) & (apart[:, index] > UNLIKE)
        unlike = here & (self._away > _OTHERS)
        nearly = here & ~unlike
        new = np.array([i not in given for i in range(len(off))])
        chosen = [order[allowed[order]] for allowed in (unlike & new, nearly & new, unlike)]
        return np.array(list(dict.fromkeys(np.concatenate(chosen).tolist())), np.int64)
