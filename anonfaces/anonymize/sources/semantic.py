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

from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.paste import SourceFace

__all__ = ["RedrawnFaces", "SteeredFace"]

Pixels = NDArray[np.uint8]

_DRAWN, _CHIP = 192, 128
#: Distance in dlib's vectors that a target keeps from the one whose face it takes, since a result
#: lies nearer to its source than its target does; and from everybody else in the input. (With
#: the former for all, none but women are left for a photograph of many men.)
_UNLIKE, _OTHERS = 0.75, 0.65
#: What a decade of perceived age and another perceived gender weigh, and what counts as alike.
_DECADE, _OTHER, _AS_GOOD = 0.02, 0.2, 0.03


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
    everybody in the input, of about the same perceived age and gender, so that it suits the hair
    and the neck; in one picture each is taken once while they last.
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
        for i in self._order(image, faces, index, rng, given):
            given.add(i)
            identity = self._people.w[i]
            made = self._redraw.face(image, landmark, identity)
            yield SteeredFace(made.picture, made.landmark, identity=identity, redraw=self._redraw)

    def _order(
        self,
        image: Pixels,
        faces: Faces,
        index: int,
        rng: np.random.Generator,
        given: set[int],
    ) -> list[int]:
        off = np.abs(self._people.looks - _looks(image, faces.landmark[index]))
        order = rng.permutation(len(off))
        suits = (off @ np.array([_DECADE, _OTHER]))[order] // _AS_GOOD
        order = order[np.argsort(suits, kind="stable")]
        apart = distances(self._people.vector, faces.embedding)
        here = (apart.min(axis=1, initial=np.inf) > _OTHERS) & (apart[:, index] > _UNLIKE)
        unlike = here & (self._away > _OTHERS)
        nearly = here & ~unlike
        new = np.array([i not in given for i in range(len(off))])
        chosen = [order[allowed[order]] for allowed in (unlike & new, nearly & new, unlike)]
        return list(dict.fromkeys(int(i) for part in chosen for i in part))


def _looks(image: Pixels, landmark: NDArray[np.float32]) -> NDArray[np.float32]:
    """Perceived decades of age and probability of "female" (2,)."""
    from encoders.align import align_ffhq
    from encoders.attributes import load_attributes

    columns = load_attributes()(align_ffhq(image, landmark, _CHIP)[None])
    return np.array([columns["age"][0] / 10, columns["female"][0]], np.float32)
