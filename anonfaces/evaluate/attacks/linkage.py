"""Linking: the group is found, the last member is found, and who is in the release at all."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate.attacks.result import Attack, share
from anonfaces.evaluate.attacks.spaces import Space

__all__ = ["derangement", "find_group", "find_last_member", "tell_membership"]

Vectors = NDArray[np.float64]

#: Resamples of people for the interval of an area under a curve.
_RESAMPLES = 200
_INSIDER = "runs our public code and encoder"
_COLLECTOR = "holds the very photographs of k - 1 members"


def derangement(n: int, seed: int = 0) -> NDArray[np.int64]:
    """Positions (n,) none of which is its own, by chance: whose surrogate a control shows."""
    order = np.random.default_rng(seed).permutation(n)
    wrong = np.empty(n, np.int64)
    wrong[order] = np.roll(order, 1)
    return wrong


def find_group(space: Space, group: NDArray[np.int64], seed: int = 0) -> list[Attack]:
    """Whose picture is nearest to a surrogate: that of a member?

    In the very pictures, in other pictures of the same people, and in those among strangers; the
    trial is a surrogate. An unreadable surrogate counts as found.
    """
    attacks = []
    white = space.whitened
    wrong = derangement(len(white.surrogate), seed)
    for name, pictures, strangers in _galleries(white):
        people = ~np.isnan(pictures[:, 0])
        held = np.concatenate([pictures[people], strangers])
        owner = np.concatenate([group[people], np.full(len(strangers), -1)])
        rates = [_named_right(white.surrogate[s], held, owner) for s in (slice(None), wrong)]
        chance = float((np.bincount(group[people], minlength=len(wrong)) / len(held)).mean())
        n = len(wrong)
        attacks.append(
            Attack(
                attack=f"find the group among {name}", attacker=_INSIDER, sees=space.name,
                main=share(rates[0], n), baseline=share(chance, n), control=share(rates[1], n),
                chance=chance,
            )
        )  # fmt: skip
    return attacks


def _galleries(space: Space) -> list[tuple[str, Vectors, Vectors]]:
    nobody = np.empty((0, space.very.shape[1]))
    sets = [("the very pictures", space.very, nobody)]
    if space.other is not None:
        sets.append(("other pictures", space.other, nobody))
        if space.stranger is not None:
            message = f"other pictures and {len(space.stranger):,} strangers"
            sets.append((message, space.other, space.stranger))
    return sets


def _named_right(surrogate: Vectors, held: Vectors, owner: NDArray[np.int64]) -> float:
    closeness = _unit(surrogate) @ _unit(held).T
    best = owner[np.nan_to_num(closeness, nan=-np.inf).argmax(axis=1)]
    unreadable = np.isnan(surrogate[:, 0])
    return float(((best == np.arange(len(surrogate))) | unreadable).mean())


def _unit(values: Vectors) -> Vectors:
    return values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)


def find_last_member(space: Space, group: NDArray[np.int64], seed: int = 0) -> list[Attack]:
    """The very pictures of all members but one are known: who of all others is the last?

    Every person is the last one once. Four ways of asking are tried, and the best of them counts:
    nearest to the surrogate less the others' share, nearest to the surrogate, that together with
    nearness to the others (groups are of people who are alike), and as far from the surrogate as
    the others are. The baseline knows the others and no release.
    """
    attacks, white = [], space.whitened
    wrong = derangement(len(white.surrogate), seed)
    pictures = [("the very pictures", white.very)]
    if white.other is not None:
        pictures.append(("other pictures", white.other))
    for name, held in pictures:
        people = np.flatnonzero(~np.isnan(held[:, 0]))
        ways = [
            _last_member(white, held, group, people, white.surrogate[s])
            for s in (slice(None), wrong)
        ]
        main, control = ({k: float(v.mean()) for k, v in way.items()} for way in ways)
        best = max((key for key in main if key != "others"), key=lambda key: main[key])
        alone, n = main["others"], len(people)
        last = max(value for key, value in control.items() if key != "others")
        candidates = len(people) - float(np.bincount(group)[group[people]].mean()) + 1
        attacks.append(
            Attack(
                attack=f"find the last member among {name}", attacker=_COLLECTOR, sees=space.name,
                main=share(main[best], n), baseline=share(alone, n), control=share(last, n),
                chance=1 / candidates,
            )
        )  # fmt: skip
    return attacks


def _last_member(
    space: Space, held: Vectors, group: NDArray[np.int64], people: NDArray[np.int64], seen: Vectors
) -> dict[str, NDArray[np.bool_]]:
    """For each way of asking, whether each of ``people`` comes first as the last of their group."""
    count = np.bincount(group)
    total = np.stack([np.bincount(group, column) for column in space.very.T], axis=1)
    g = group[people]
    others = (total[g] - space.very[people]) / np.maximum(count[g] - 1, 1)[:, None]
    surrogate = np.where(np.isnan(seen[g]), others, seen[g])
    rest = count[g][:, None] * surrogate - (count[g] - 1)[:, None] * others
    candidates = held[people]
    distance = {
        "subtracted": _distances(rest, candidates),
        "surrogate": _distances(surrogate, candidates),
        "others": _distances(others, candidates),
    }
    distance["both"] = _standard(distance["subtracted"]) + _standard(distance["others"])
    distance["near both"] = _standard(distance["surrogate"]) + _standard(distance["others"])
    distance["as far"] = np.abs(distance["surrogate"] - _mean_distance(space, group, people, seen))
    known = (g[:, None] == g) & ~np.eye(len(people), dtype=bool)
    return {way: _first(np.where(known, np.inf, d)) for way, d in distance.items()}


def _mean_distance(
    space: Space, group: NDArray[np.int64], people: NDArray[np.int64], seen: Vectors
) -> Vectors:
    """How far the others of each person's group are from the surrogate in the mean, (p, 1)."""
    own = np.sqrt(np.square(space.very - np.nan_to_num(seen[group])).sum(axis=1))
    total, count = np.bincount(group, own), np.bincount(group)
    g = group[people]
    return ((total[g] - own[people]) / np.maximum(count[g] - 1, 1))[:, None]


def _distances(a: Vectors, b: Vectors) -> Vectors:
    from scipy.spatial.distance import cdist

    return cdist(a, b)


def _standard(distance: Vectors) -> Vectors:
    spread = distance.std(axis=1, keepdims=True)
    return (distance - distance.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-12)


def _first(distance: Vectors) -> NDArray[np.bool_]:
    """Whether the own candidate, the one on the diagonal, is the nearest or as near."""
    return np.diagonal(distance) <= distance.min(axis=1) + 1e-9


def tell_membership(space: Space, group: NDArray[np.int64], seed: int = 0) -> list[Attack]:
    """Whether somebody is in the release at all: area under the curve, 0.5 being chance.

    The score is the nearness to the nearest surrogate. The control asks the same of two halves of
    the strangers, of whom none is in it. Nothing without strangers.
    """
    if space.stranger is None or len(space.stranger) < 4:
        return []
    white, attacks = space.whitened, []
    outside = _nearness(white.surrogate, white.stranger)
    order = np.random.default_rng(seed).permutation(len(outside))
    halves = outside[order[::2]], outside[order[1::2]]
    sets = [("the very pictures", white.very)]
    if white.other is not None:
        sets.append(("other pictures", white.other))
    for name, pictures in sets:
        inside = _nearness(white.surrogate, pictures[~np.isnan(pictures[:, 0])])
        chance = {"rate": 0.5, "low": 0.5, "high": 0.5, "n": len(inside)}
        attacks.append(
            Attack(
                attack=f"tell members by {name} (area under the curve)", attacker=_INSIDER,
                sees=space.name, main=_area(inside, outside, seed), baseline=chance,
                control=_area(*halves, seed), chance=0.5,
            )
        )  # fmt: skip
    return attacks


def _nearness(surrogate: Vectors, pictures: Vectors | None) -> Vectors:
    seen = _unit(surrogate[~np.isnan(surrogate[:, 0])])
    return (_unit(np.asarray(pictures)) @ seen.T).max(axis=1)


def _area(inside: Vectors, outside: Vectors, seed: int) -> dict[str, Any]:
    """Area under the ROC curve with a bootstrap interval over people."""
    rng = np.random.default_rng(seed)
    area = _mann_whitney(inside, outside)
    drawn = [
        _mann_whitney(rng.choice(inside, len(inside)), rng.choice(outside, len(outside)))
        for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    ends = {"rate": area, "low": float(low), "high": float(high)}
    return {name: round(value, 6) for name, value in ends.items()} | {"n": len(inside)}


def _mann_whitney(inside: Vectors, outside: Vectors) -> float:
    from scipy.stats import rankdata

    rank = rankdata(np.concatenate([inside, outside]))[: len(inside)].sum()
    return float((rank - len(inside) * (len(inside) + 1) / 2) / (len(inside) * len(outside)))
