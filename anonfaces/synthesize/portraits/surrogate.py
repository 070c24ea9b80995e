"""The face of a group is a picture of a gallery, or the least mixture of two.

For owners who hold pictures of people who do not exist, by the thousand: surrogates are these
pictures, at their full size. Every group gets a hand of the gallery (``dealing`` says which, and
why that leaves the guarantee whole), and of it the face that dlib finds farther than 0.6 from every
member and all of them about equally far, of about the group's median perceived age, gender and tone
of skin. Where no face of the hand is all of that, one is mixed with the least of another one that
makes it so (``morph``). What is reached is measured on the picture that is released, and a
PrivacyWarning counts groups in which somebody is too near or stands out.

The owner's key decides who is dealt what. Whoever holds the gallery and runs this code on
candidates' photographs does not know among which faces a group chose, and cannot choose again. But
that a face is about equally far from all members stays visible to who holds photographs of all of
them, as it does of ``optimised``: that is what was asked for.

dlib's recogniser and the attribute network take part in the choice: judge by others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError, InputError, UtilityWarning
from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.synthesize.generator.latents import GroupLatents, has_dlib_vectors
from anonfaces.synthesize.member_distances import describe_distances, warn_of_distances
from anonfaces.synthesize.portraits.candidates import Candidates
from anonfaces.synthesize.portraits.dealing import dealt, seats_of, secret_of
from anonfaces.synthesize.portraits.known import refuse_known
from anonfaces.synthesize.portraits.morph import morph
from anonfaces.synthesize.portraits.portraits import (
    Portraits,
    people_seen,
    read_portraits,
    seen,
)

if TYPE_CHECKING:
    from anonfaces.synthesize import ChipSource, Members
    from anonfaces.synthesize.options import SurrogateOptions

__all__ = ["Gallery"]

Pixels = NDArray[np.uint8]
Rows = NDArray[np.int64]

#: Shares of a second face that are tried, from the least.
_SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
#: Faces of a hand of which mixtures are thought of: all pairs of the best.
_MIXED = 40
#: Mixtures of one share that are made, measured and looked at before a larger share is tried.
_MADE = 2
#: Groups whose members are looked at together.
_AT_ONCE = 16
#: Faces of a hand below which the traits of many a group cannot be kept.
_SMALL_HAND = 8
#: Faces of the input that are compared with the gallery at once.
_PART = 4096


@dataclass(frozen=True, kw_only=True)
class _Choice:
    """A picture with ``share`` of a second face, and how it suits its group (see ``Fit``).

    ``distances`` are those of the nearest and of the farthest member.
    """

    picture: Pixels
    share: float
    fits: bool
    cost: float
    distances: tuple[float, float]

    def better_than(self, other: _Choice) -> bool:
        return (self.fits, -self.cost) > (other.fits, -other.cost)


class Gallery:
    """Pictures of ``SurrogateOptions.gallery``, or ``portraits`` that were read, each used once.

    ``member_distances`` says of every group that was made how far its face is from the nearest
    and from the farthest member, each by their nearest photograph, in dlib's embedding.
    """

    name = "gallery"

    def __init__(self, options: SurrogateOptions, portraits: Portraits | None = None) -> None:
        self.options = options
        self.earlier: Mapping[int, tuple[float, float]] = {}
        self.member_distances: dict[int, tuple[float, float]] = {}
        self._mixed = self._fit = self._before = 0
        self._folder = Path(options.gallery or "")
        self._secret = secret_of(options.key, options.seed)
        self._portraits = portraits
        self._hands: dict[int, Rows] = {}
        if not self._folder.is_dir():
            raise InputError(f"--gallery {self._folder}: expected a folder of pictures of faces")

    def prepare(
        self,
        faces: ChipSource,
        groups: Sequence[tuple[int, Members]],
        cache_file: Path | None = None,
        progress: bool = False,
    ) -> str:
        """Look at the gallery and deal it; see ``anonfaces.synthesize.Preparing``.

        Raises
        ------
        InputError
            There are fewer faces than groups, or a face of the gallery is one of the input's.
        """
        if self._portraits is None:
            self._portraits = read_portraits(self._folder, cache_file, self.options.jobs, progress)
        people = _vectors(faces, [members for _, members in groups])
        self._check(self._portraits, len(groups), people)
        seats = seats_of([_content(own) for own in people], self._secret)
        hands = dealt(self._portraits.by_kind(), len(groups), self._secret)
        self._hands = {number: hands[seat] for (number, _), seat in zip(groups, seats, strict=True)}
        return f"{self._portraits.digest} {seats}"

    def __call__(self, members: Members) -> Pixels:
        self.prepare(members.faces, [(0, members)])
        ((_, face),) = self.many([(0, members)])
        return face

    def many(self, groups: Iterable[tuple[int, Members]]) -> Iterator[tuple[int, Pixels]]:
        """Yield ``(group, face)``; ``PrivacyWarning`` counts groups whose members stand out."""
        self.member_distances, self._mixed, self._fit = dict(self.earlier), 0, 0
        self._before, self.earlier = len(self.earlier), {}
        left = iter(groups)
        while some := list(islice(left, _AT_ONCE)):
            people = people_seen([members for _, members in some])
            for (number, _), group in zip(some, people, strict=True):
                chosen = self._chosen(number, group)
                self.member_distances[number] = chosen.distances
                self._mixed += chosen.share > 0
                self._fit += chosen.fits
                yield number, chosen.picture
        warn_of_distances(self.name, self.member_distances)

    def report_line(self) -> str:
        """In a line: how many are mixtures or fit in all, and how far members are from them."""
        message = pluralize(self._mixed, "face is a mixture of two", "faces are mixtures of two")
        known, kept = len(self._portraits or ()), f"{self._fit} keep age, gender, tone and distance"
        distances = describe_distances(self.member_distances)
        uncounted = f" (without {self._before} that an earlier run made)" if self._before else ""
        return f"{message}, of {known} in the gallery; {kept}{uncounted}; {distances}"

    def _check(
        self, portraits: Portraits, count: int, people: Sequence[tuple[NDArray[Any], ...]]
    ) -> None:
        if len(portraits) < count:
            raise InputError(
                f"--gallery {self._folder}: {pluralize(len(portraits), 'picture')} with a single"
                f" face for {pluralize(count, 'group')}, and each is used once: give more pictures,"
                " or a larger --k"
            )
        _refuse_known(portraits, np.concatenate([own for group in people for own in group]))
        if len(portraits) < _SMALL_HAND * count:
            warn_user(
                f"--surrogate gallery: {len(portraits)} faces for {count} groups leave each"
                f" {len(portraits) // count} to choose from; below {_SMALL_HAND}, age, gender and"
                " tone of skin are often not kept",
                UtilityWarning,
            )

    def _chosen(self, number: int, group: GroupLatents) -> _Choice:
        """The best face of the group's hand; else the least mixture that fits; else the best."""
        if self._portraits is None or number not in self._hands:
            raise RuntimeError("prepare() deals the gallery before faces are chosen")
        portraits, hand = self._portraits, self._hands[number]
        best = _best_alone(portraits, hand, group)
        if best is None:
            raise GuaranteeError(
                f"--surrogate gallery: dlib finds no single face in any picture that group {number}"
                " could get; nothing is released: give a larger gallery, or another one"
            )
        for share, pairs in () if best.fits else _pairs(portraits.candidates, hand, group):
            made = [
                morph(portraits.portrait(one), portraits.portrait(other), share)
                for one, other in pairs
            ]
            mixture = _best_of(made, group, share)
            if mixture is not None and mixture.better_than(best):
                best = mixture
            if best.fits:
                break
        return best


def _best_alone(portraits: Portraits, hand: Rows, group: GroupLatents) -> _Choice | None:
    """Of whole pictures that which suits the group best, of those in which dlib finds a face."""
    fit = portraits.candidates.at(hand).fit(group)
    for row in hand[np.lexsort((fit.cost, ~fit.fits))]:
        best = _best_of([portraits.portrait(int(row)).picture], group, 0.0)
        if best is not None:
            return best
    return None


def _best_of(pictures: list[Pixels], group: GroupLatents, share: float) -> _Choice | None:
    """Of pictures that which suits the group best; None where dlib finds no face in any."""
    found, candidates = seen(pictures)
    fit = candidates.fit(group)
    choices = [
        _Choice(
            picture=pictures[i], share=share, fits=bool(fit.fits[i]), cost=float(fit.cost[i]),
            distances=(float(fit.near[i]), float(fit.far[i])),
        )
        for i in np.flatnonzero(found)
    ]  # fmt: skip
    return min(choices, key=lambda choice: (not choice.fits, choice.cost), default=None)


def _pairs(
    candidates: Candidates, hand: Rows, group: GroupLatents
) -> Iterator[tuple[float, list[tuple[int, int]]]]:
    """Shares, from the least, with the pairs of which a mixture should fit the group.

    Where no mixture should, one that comes nearest.
    """
    some = hand[np.argsort(candidates.at(hand).fit(group).cost, kind="stable")[:_MIXED]]
    one, other = (axis.ravel() for axis in np.meshgrid(some, some, indexing="ij"))
    one, other = one[one != other], other[one != other]
    nearest = (np.inf, 0.0, (0, 0))
    for share in _SHARES if len(one) else ():
        fit = candidates.at(one).mixed(candidates.at(other), share).fit(group)
        order = np.argsort(fit.cost, kind="stable")
        pairs = [(int(one[i]), int(other[i])) for i in order]
        nearest = min(nearest, (float(fit.cost[order[0]]), share, pairs[0]))
        if promising := [pair for pair, i in zip(pairs, order, strict=True) if fit.fits[i]]:
            yield share, promising[:_MADE]
    if np.isfinite(nearest[0]):
        yield nearest[1], [nearest[2]]


def _vectors(faces: ChipSource, groups: Sequence[Members]) -> list[tuple[NDArray[Any], ...]]:
    """dlib's vectors of every group's people, each float32 (m, 128)."""
    if has_dlib_vectors(faces):
        embedding = np.asarray(faces.embedding, np.float32)  # type: ignore[attr-defined]
        return [tuple(embedding[rows] for rows in members.rows) for members in groups]
    return [group.vectors for group in people_seen(groups)]


def _content(people: tuple[NDArray[Any], ...]) -> bytes:
    """A hash of who is in a group, whatever the order of people and of photographs."""
    persons = [
        hashlib.sha256(b"".join(sorted(vector.tobytes() for vector in own))).digest()
        for own in people
    ]
    return hashlib.sha256(b"".join(sorted(persons))).digest()


def _refuse_known(portraits: Portraits, vectors: NDArray[np.float32]) -> None:
    """InputError that names pictures of the gallery that may be of people of the input."""
    from scipy.spatial.distance import cdist

    near = np.full(len(portraits), np.inf)
    for start in range(0, len(vectors), _PART):
        away = cdist(portraits.candidates.vector, vectors[start : start + _PART])
        near = np.minimum(near, away.min(axis=1))
    refuse_known([str(portraits.root / name) for name in portraits.image], near)
