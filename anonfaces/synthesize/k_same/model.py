"""k-Same-M: the mean of a group's shapes and textures, kept at a distance from its members.

R. Gross, L. Sweeney, F. de la Torre, S. Baker, "Model-based face de-identification", CVPR
Workshop on Privacy Research in Vision 2006: averaging where the landmarks lie and, in one shape,
the pixels, leaves no ghosts. L. Meng, Z. Sun, A. Ariyaeeinia, K. L. Bennett, "Retaining
expressions on de-identified faces", MIPRO 2014 (k-Same-furthest): a mean may still look like a
member, so it is moved away. They take the mean of the farthest other group, and a released face
would depend on two groups; here it is moved along a direction of its own.

Stands up to whom k-Same does (``average``): the step away has to be guessed before the mean is
undone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.synthesize.k_same.appearance_model import TEXTURE_SIZE, Appearance, load_appearance
from anonfaces.synthesize.k_same.average import FRACTION, exact
from anonfaces.synthesize.k_same.warp import Sheet, to_sides
from anonfaces.synthesize.surroundings import without_surroundings
from encoders.frame import CropSquare

if TYPE_CHECKING:
    from anonfaces.synthesize import Members

__all__ = ["MARGIN", "KSameM", "stepped"]

Vectors = NDArray[np.float64]

MARGIN = 5.0
"""How near the released face of a large group may be to a member, in whitened coefficients."""
_UNSEEN = 1.2
"""Of what the model does not see (hair, ears) each of k members keeps a share of 1/k: so the
margin is larger by this share of it. Chosen on LFW such that RI(0.6) lies below 1/k."""


class KSameM:
    """Mean shape and mean texture over the people of a group, each person with equal weight.

    Texture keeps all its pixels: the model's components only say how near the mean lies to the
    members and into which direction it is moved, so nothing is lost to their number. What is
    around the face is taken away (see ``surroundings``), as it would tell who was there.
    """

    name = "k-same-m"

    def __init__(self, margin: float = MARGIN, model: Appearance | None = None) -> None:
        self.margin = margin
        self._model = model or load_appearance()
        self._sheets: dict[int, Sheet] = {}

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        """uint8 (s, s, 3) RGB, rounded to the nearest level."""
        total = np.zeros((members.chip_size, members.chip_size, 3), np.int64)
        shapes, small = [], []
        for person in range(len(members)):
            shape, texture = self._person(members, person)
            total += exact(texture)
            shapes.append(shape)
            small.append(CropSquare().cut(texture[None].astype(np.float32), TEXTURE_SIZE)[0])
        faces = self._model.coefficients(np.stack(shapes), np.stack(small))
        faces = faces[np.lexsort(faces.T[::-1])]  # in an order of its own, not that of names
        step = stepped(faces, self.margin * (1 + _UNSEEN / len(members)))
        shape = np.sort(shapes, axis=0).mean(axis=0)
        return self._drawn(shape, total / (FRACTION * len(members)), step)

    def _person(self, members: Members, person: int) -> tuple[Vectors, Vectors]:
        """A person's mean shape (68, 2) and mean texture (s, s, 3).

        Sums are exact or in an order of their own, so bytes do not depend on the order of rows.
        """
        size = members.chip_size
        landmark = to_sides(members.landmarks(person), size)
        total, start = np.zeros((size, size, 3), np.int64), 0
        for chips in members.chips(person):
            part = landmark[start : start + len(chips)]
            total += self._sheet(size).warp(chips, part).sum(axis=0, dtype=np.uint32)
            start += len(chips)
        return np.sort(landmark, axis=0).mean(axis=0), total / len(landmark)

    def _sheet(self, size: int) -> Sheet:
        if size not in self._sheets:
            mean = self._model.mean_shape
            self._sheets[size] = Sheet(mean, mean, size)
        return self._sheets[size]

    def _drawn(self, shape: Vectors, texture: Vectors, step: Vectors) -> NDArray[np.uint8]:
        size = len(texture)
        moved, lit = self._model.difference(step)
        lit = CropSquare().cut(lit[None].astype(np.float32), size)[0]
        mean = self._model.mean_shape
        face = (texture + lit).astype(np.float32)
        sheet = Sheet(mean, shape + moved, size)
        return without_surroundings(sheet.warp(face[None], mean[None])[0])


def stepped(faces: Vectors, margin: float) -> Vectors:
    """The step (d,) that takes the mean of ``faces`` (p, d) ``margin`` away from each of them.

    It goes at right angles to all differences between the faces, so none comes nearer than
    another, from where the mean lies towards the average face of the model and, if need be, past
    it. Zero where the mean is far enough from all.
    """
    mean = faces.mean(axis=0)
    nearest = np.square(faces - mean).sum(axis=1).min()
    if nearest >= margin**2:
        return np.zeros_like(mean)
    direction = _aside(-mean, faces - mean)
    return direction * np.sqrt(margin**2 - nearest)


def _aside(wish: Vectors, differences: Vectors) -> Vectors:
    """The unit vector nearest to ``wish`` that all ``differences`` are at right angles to.

    Where there are as many people as dimensions none is quite; then the one that they vary
    least along.
    """
    _, scale, rows = np.linalg.svd(differences, full_matrices=True)
    rank = int((scale > 1e-9 * max(scale[0], 1)).sum())
    free = rows[min(rank, len(rows) - 1) :]
    inside = free.T @ (free @ wish)
    length = np.linalg.norm(inside)
    if length < 1e-9:
        return free[-1]
    return inside / length
