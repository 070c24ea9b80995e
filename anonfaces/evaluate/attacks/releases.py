"""Attacks on the making: two releases of the same people, and making it all again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate.attacks.result import Attack, share

if TYPE_CHECKING:
    from anonfaces.evaluate.subject import Subject

__all__ = ["intersect", "make_again"]

#: Levels of 255 within which a surrogate made again is the released one.
_SAME = 0.5
#: Groups that are made again, evenly spread: ``optimised`` takes a second or two for each.
_MOST_GROUPS = 20


def intersect(one: Subject, other: Subject) -> Attack:
    """Who stands alone in what the own groups of two releases have in common?

    The attacker is granted both groups of everybody. The control holds the first release twice.
    """
    return Attack(
        attack="intersect two releases",
        attacker="holds two releases of overlapping people, and finds the group in each",
        sees="groups",
        main=_alone(one, other), baseline=_alone(one, None), control=_alone(one, one),
    )  # fmt: skip


def _alone(one: Subject, other: Subject | None) -> dict[str, float]:
    group = dict(zip(one.name.tolist(), one.group.tolist(), strict=True))
    if other is None:
        second = dict.fromkeys(group, 0)
    else:
        second = dict(zip(other.name.tolist(), other.group.tolist(), strict=True))
    both = [name for name in group if name in second]
    pairs = np.array([(group[name], second[name]) for name in both]).reshape(-1, 2)
    _, cell, size = np.unique(pairs, axis=0, return_inverse=True, return_counts=True)
    alone = size[cell.ravel()] == 1
    return share(float(alone.mean()) if len(alone) else 0.0, max(len(alone), 1))


def make_again(subject: Subject, seed: int = 0) -> list[Attack]:
    """Who guesses a group's people and holds their pictures makes the surrogate again and compares.

    Without the owner's key; the control guesses another group. A share of 1 means that a guess can
    be confirmed with certainty.
    """
    from anonfaces.synthesize import SELF_CONTAINED, SURROGATES, SurrogateOptions, surrogates

    if subject.kind != "condensed" or subject.surrogate not in SELF_CONTAINED:
        return []
    groups = np.unique(np.linspace(0, len(subject.numbers) - 1, _MOST_GROUPS).astype(np.int64))
    released = [p for g, p in enumerate(subject.pictures()) if g in set(groups.tolist())]
    method = SURROGATES[subject.surrogate].load(SurrogateOptions())  # an attacker has no key
    rows = np.isin(subject.labels, groups)
    faces = subject.faces.select(rows)
    drawn = surrogates(faces, subject.labels[rows], subject.identity[rows], method)
    again = [face for _, face in drawn]
    wrong = np.roll(np.arange(len(groups)), 1)
    rates = [
        _equal([again[i] for i in order], released) for order in (np.arange(len(wrong)), wrong)
    ]
    return [
        Attack(
            attack="confirm a guessed group by making its surrogate again",
            attacker="runs our public code on the very pictures, without the owner's key",
            sees="pixels", main=share(rates[0], len(groups)), baseline=share(0.0, len(groups)),
            control=share(rates[1], len(groups)), chance=0.0,
        )
    ]  # fmt: skip


def _equal(again: list[NDArray[np.uint8]], released: list[NDArray[np.uint8]]) -> float:
    off = [
        np.abs(a.astype(np.int16) - b).mean() if a.shape == b.shape else np.inf
        for a, b in zip(again, released, strict=True)
    ]
    return float((np.array(off) <= _SAME).mean())
