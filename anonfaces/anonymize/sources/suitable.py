"""Which nobody suits a face, its hair and its neck: first by who it is, then by what comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.looks import AS_GOOD, contrast, looks_of
from anonfaces.anonymize.quality import unclear_pictures

if TYPE_CHECKING:
    from anonfaces.semantic.identities import Nobodies
    from anonfaces.semantic.redraw import FaceRedrawer, RedrawnFace

__all__ = ["best_first", "looks_to_suit", "misfit"]

Pixels = NDArray[np.uint8]

#: What a hundredth of the way from black to white weighs, of the skin's lightness.
_LIGHTER = 0.007
#: What a nat of the parser's uncertainty weighs: torn faces have 0.05 more than whole ones.
_UNSURE = 0.8
#: How many are drawn at a time, of whom the best comes first.
_TRIED = 8
#: Redrawing smooths away what years have drawn: whom strangers take for more than 40 is drawn as
#: somebody older than who was chosen, by this share of the years above, of at most 40.
_AGED, _FROM, _MOST = 0.7, 40.0, 40.0


def misfit(
    people: Nobodies, looks: NDArray[np.floating], vector: NDArray[np.floating]
) -> NDArray[np.int64]:
    """How badly each of ``people`` suits a face, in steps within which they are alike, (n,).

    ``looks`` (2,) are the face's, as ``looks_to_suit`` tells, ``vector`` (128,) is dlib's.
    """
    from encoders.attributes.from_vector import female, skin_lightness

    own = np.column_stack([people.looks[:, 0], female(people.vector)])
    off = contrast(own, looks)
    light = skin_lightness(people.vector) - skin_lightness(vector[None])
    return ((off + _LIGHTER * np.abs(light)) // AS_GOOD).astype(np.int64)


def looks_to_suit(
    image: Pixels, landmark: NDArray[np.float32], vector: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Perceived decades of age and probability of "female" (2,) of the face at ``landmark``.

    Gender by dlib's ``vector`` (128,), which errs less than what is seen in the picture.
    """
    from encoders.attributes.from_vector import female

    age = looks_of([(image, landmark)])[0, 0]
    return np.array([age, female(vector[None])[0]], np.float32)


def best_first(
    redraw: FaceRedrawer,
    image: Pixels,
    landmark: NDArray[np.float32],
    looks: NDArray[np.float32],
    people: Nobodies,
    order: NDArray[np.int64],
    off: NDArray[np.int64],
) -> Iterator[tuple[int, NDArray[np.float32], RedrawnFace]]:
    """The face at ``landmark`` (68, 2) as one of ``people`` after another.

    They are taken eight at a time in their ``order``; of eight that one first who suits best
    (``off``, as ``misfit``) and comes out whole, of the face's ``looks``. Gives
    who it is, the w that was drawn, older than theirs for a face of more than 40, and the face.
    """
    older = _AGED * np.clip(10 * looks[0] - _FROM, 0, _MOST) * people.year
    for start in range(0, len(order), _TRIED):
        some = order[start : start + _TRIED]
        w = (people.w[some] + older).astype(np.float32)
        made = redraw.faces(image, landmark, w)
        for i in np.argsort(_badness(made, looks) + AS_GOOD * off[some], kind="stable"):
            yield int(some[i]), w[i], made[i]


def _badness(made: Sequence[RedrawnFace], looks: NDArray[np.float32]) -> NDArray[np.float64]:
    seen = [(one.picture, one.landmark) for one in made]
    off = contrast(looks_of(seen), looks)
    return np.asarray(off + _UNSURE * unclear_pictures(seen), np.float64)
