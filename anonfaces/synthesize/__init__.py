"""One surrogate face a group, behind one small protocol.

A surrogate method sees the aligned chips of one group and whose they are, and answers with one
aligned face. What it may use is the group alone: that is what the guarantee rests on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.notices import warn_user
from anonfaces.synthesize.options import DEFAULT_SURROGATE, SurrogateOptions

__all__ = [
    "DEFAULT_SURROGATE",
    "OF_SURROGATES",
    "SELF_CONTAINED",
    "SURROGATES",
    "BatchSurrogate",
    "ChipSource",
    "DistanceKeeping",
    "Entry",
    "Members",
    "Preparing",
    "ProgressReporting",
    "Reporting",
    "Surrogate",
    "SurrogateOptions",
    "check_surrogate",
    "groups_of",
    "load_surrogate",
    "surrogates",
    "warn_if_pixel_mean",
    "warn_if_unkeyed",
]

BATCH_BYTES = 32 * 2**20
"""Chips of one person are read in batches of about this many bytes."""

OF_SURROGATES = "--surrogate "
"""How a ``PrivacyWarning`` of a surrogate method begins: it goes when the surrogates go."""

_GENERATED = ("generator", "label", "psi")


class ChipSource(Protocol):
    """The part of a ``FaceSet`` that surrogates read: chips stay on disk until asked for.

    ``landmark`` float32 (n, 68, 2) is in pixels of the photographs.
    """

    @property
    def chip_size(self) -> int: ...

    @property
    def landmark(self) -> NDArray[np.float32]: ...

    def chips(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]: ...


@dataclass(frozen=True)
class Members:
    """The people of one group, in an order that does not depend on the order of the rows.

    ``rows[i]`` holds the rows of person ``i`` in ``faces``.
    """

    faces: ChipSource
    rows: tuple[NDArray[np.int64], ...]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def chip_size(self) -> int:
        """Side of the aligned chips in pixels."""
        return self.faces.chip_size

    def chips(self, person: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the aligned RGB chips of one person, (m, s, s, 3), in batches that fit memory."""
        rows = self.rows[person]
        step = max(1, BATCH_BYTES // (3 * self.chip_size**2))
        for start in range(0, len(rows), step):
            yield self.faces.chips(rows[start : start + step])

    def landmarks(self, person: int) -> NDArray[np.float32]:
        """The 68 landmarks of one person's faces, (m, 68, 2), in pixels of their chips."""
        from encoders.align import ffhq_landmarks

        return ffhq_landmarks(self.faces.landmark[self.rows[person]], self.chip_size)


class Surrogate(Protocol):
    """What a method of making surrogates is."""

    @property
    def name(self) -> str: ...

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        """One aligned RGB face (s, s, 3) that depends on ``members`` alone."""
        ...


@runtime_checkable
class BatchSurrogate(Surrogate, Protocol):
    """A method that is much faster on many groups at once; each face is as if made alone."""

    def many(
        self, groups: Iterable[tuple[int, Members]]
    ) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Yield ``(group, face)`` in the order of ``groups``."""
        ...


@runtime_checkable
class Preparing(Protocol):
    """A method that has to see all groups, or material of its own, before it makes a face."""

    def prepare(
        self,
        faces: ChipSource,
        groups: Sequence[tuple[int, Members]],
        cache_file: Path | None = None,
        progress: bool = False,
    ) -> str:
        """Get ready for all ``groups`` of ``faces``, of which some may be made already.

        ``cache_file`` keeps what took long, for another run. The answer tells what a face depends
        on beside its group and the options. Raises where no faces can be made.
        """
        ...


@runtime_checkable
class Reporting(Protocol):
    """A method that can say in a line how well it did with what it made last."""

    def report_line(self) -> str: ...


@runtime_checkable
class ProgressReporting(Protocol):
    """A method that works long on some groups before it yields them.

    It calls ``watch`` now and then with the groups that it has found and those it is at.
    """

    watch: Callable[[int, int], None] | None


@runtime_checkable
class DistanceKeeping(Protocol):
    """A method that tells how far each face is from the nearest and the farthest member.

    ``earlier`` is set before a run that goes on, and is empty again when it has begun: the
    distances of the groups that are made already, so that what is said at the end counts all.
    """

    earlier: Mapping[int, tuple[float, float]]
    member_distances: dict[int, tuple[float, float]]


@dataclass(frozen=True)
class Entry:
    """Where a method lives, and which options it takes beside the seed.

    Its class is called with the ``SurrogateOptions`` where there are such options, with nothing
    otherwise. ``inversion_attack`` says how a member is recovered from a mean of pixels; it is
    empty where there is no such mean. ``needs`` names an option without which there is nothing to
    make faces of.
    """

    module: str
    cls: str
    options: tuple[str, ...] = ()
    inversion_attack: str = ""
    needs: str = ""

    def load(self, options: SurrogateOptions) -> Surrogate:
        """The method itself; what is heavy is imported now."""
        method = getattr(import_module(f"anonfaces.synthesize.{self.module}"), self.cls)
        return method(options) if self.options else method()


_EXACTLY = "can compute the missing face almost exactly"
_BY_GUESS = "can compute the missing face, once the step away from the members is guessed as well"

SURROGATES: dict[str, Entry] = {
    "gallery": Entry("portraits.surrogate", "Gallery", ("gallery",), needs="gallery"),
    "k-same": Entry("k_same.average", "KSame", inversion_attack=_EXACTLY),
    "k-same-eigen": Entry("k_same.eigen", "KSameEigen", inversion_attack=_EXACTLY),
    "k-same-m": Entry("k_same.model", "KSameM", inversion_attack=_BY_GUESS),
    "k-same-net": Entry("k_same.net", "KSameNet"),
    "optimised": Entry("generator.optimized", "Optimized", _GENERATED),
    "stylegan": Entry("generator.mean_latent", "StyleGan", _GENERATED),
    "stylegan-random": Entry("generator.weighted", "RandomlyWeighted", _GENERATED),
    "stylegan-weighted": Entry("generator.weighted", "Weighted", (*_GENERATED, "per")),
}
"""Every method by its name."""

SELF_CONTAINED = tuple(name for name, entry in SURROGATES.items() if not entry.needs)
"""The methods that need nothing of the user's but photographs."""


def check_surrogate(name: str, options: SurrogateOptions) -> Entry:
    """The entry of ``name``; nothing heavy is imported.

    ``InputError`` lists the names where there is none such, and names an option that the method
    does not have, or cannot do without.
    """
    if name not in SURROGATES:
        raise InputError(f"no surrogate method {name!r}; there are: {', '.join(SURROGATES)}")
    options.refuse_all_but(name, *SURROGATES[name].options)
    if (needed := SURROGATES[name].needs) and getattr(options, needed) is None:
        raise InputError(
            f"--surrogate {name} needs --{needed} FOLDER: pictures of people who do not exist"
        )
    return SURROGATES[name]


def warn_if_pixel_mean(name: str) -> None:
    """PrivacyWarning where the faces of a method are means of the members' pixels.

    Measured on the sample with k = 5 and four members known, twelve times: the fifth came back
    at a distance of 0.02 to 0.05 in dlib's vectors from ``k-same``, within 1 % of its
    coefficients from ``k-same-eigen``, and at 0.06 to 0.27 from ``k-same-m`` with the step known;
    without it at 0.56 and more, and mostly nearer to others.
    """
    if inversion_attack := SURROGATES[name].inversion_attack:
        warn_user(
            f"{OF_SURROGATES}{name}: an average can be undone by subtraction: who holds the very"
            f" photographs of all members of a group but one {inversion_attack}, at any usual k"
            f" ({DEFAULT_SURROGATE}, the default, is no average of pixels)"
        )


def warn_if_unkeyed(name: str, options: SurrogateOptions) -> None:
    """PrivacyWarning where faces are drawn, or chosen, into which no secret of the owner goes.

    Such a face is a function of public code and the members' photographs: who runs that code on
    candidates' photographs finds the group in it, and confirms a guess to the byte. The figures
    stand in ``hiding``.
    """
    if SURROGATES[name].options and options.key is None:
        warn_user(
            f"{OF_SURROGATES}{name}: drawn without the owner's key, so that whoever runs this"
            " program on photographs of candidates can tell which group they are in; give"
            " SurrogateOptions(key=secrets.token_bytes(32)) and keep the key"
        )


def load_surrogate(name: str, options: SurrogateOptions | None = None) -> Surrogate:
    """The method called ``name`` with its options.

    Parameters
    ----------
    name : str
        One of ``SURROGATES``.
    options : SurrogateOptions, optional
        A PrivacyWarning tells of a generator's faces without a ``key``.

    Raises
    ------
    InputError
        As ``check_surrogate``.
    """
    chosen = options or SurrogateOptions()
    entry = check_surrogate(name, chosen)
    warn_if_unkeyed(name, chosen)
    return entry.load(chosen)


def surrogates(
    faces: ChipSource,
    labels: NDArray[np.int64],
    identity: NDArray[Any],
    method: Surrogate,
    skip: Set[int] = frozenset(),
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield ``(group, face)`` for each group in ascending order, few groups in memory at a time.

    ``labels`` int64 (n,) and ``identity`` str (n,) say to which group and person each row of
    ``faces`` belongs; a face is uint8 (s, s, 3) RGB. Groups of ``skip`` are left out, for those
    that an earlier run has made.
    """
    if isinstance(method, Preparing):
        method.prepare(faces, list(groups_of(faces, labels, identity)))
    groups = (each for each in groups_of(faces, labels, identity) if each[0] not in skip)
    if isinstance(method, BatchSurrogate):
        yield from method.many(groups)
        return
    for group, members in groups:
        yield group, method(members)


def groups_of(
    faces: ChipSource, labels: NDArray[np.int64], identity: NDArray[Any]
) -> Iterator[tuple[int, Members]]:
    """Yield ``(group, its people)`` for each group, in ascending order."""
    for group, rows in _people_by_group(labels, identity):
        yield group, Members(faces, rows)


def _people_by_group(
    labels: NDArray[np.int64], identity: NDArray[Any]
) -> Iterator[tuple[int, tuple[NDArray[np.int64], ...]]]:
    if not len(labels):
        return
    _, person = np.unique(identity, return_inverse=True)
    order = np.lexsort((np.arange(len(labels)), person, labels))
    new_group = np.diff(labels[order]) != 0
    new_person = new_group | (np.diff(person[order]) != 0)
    people = np.split(order, np.flatnonzero(new_person) + 1)
    group_of = np.array([labels[rows[0]] for rows in people])
    ends = [*(np.flatnonzero(np.diff(group_of)) + 1), len(people)]
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        yield int(group_of[start]), tuple(people[start:end])
