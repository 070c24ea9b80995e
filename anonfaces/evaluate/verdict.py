"""What one judge says of one set of surrogates: who is taken for whom, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.evaluate.distance import surrogate_distance
from anonfaces.evaluate.identification import Identification, identify
from anonfaces.evaluate.intervals import Interval, wilson
from anonfaces.evaluate.links import Reidentification, reidentification
from anonfaces.evaluate.roc import FALSE_MATCH_RATE, Roc, roc

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Galleries, Subject

__all__ = ["Verdict", "judge_surrogates", "rate_of"]

#: Ranks that are shown.
RANKS = (1, 5, 20)
#: Groups that are named as the worst.
_WORST = 5
#: People of whom a rate is told apart at least, and values of a column at most.
_SMALLEST_SUBGROUP, _MOST_VALUES = 20, 12
#: Points of a curve over thresholds.
_POINTS = 61
#: A judge that recognizes fewer of one person's photographs says little by not recognizing.
WEAK = 0.5


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One judge's verdict.

    Attributes
    ----------
    judge : Judge
        Who says it, and ``part`` how it took part (empty for an outsider).
    threshold : float
        Distance at and below which it takes two faces for one person's.
    roc : Roc
        How it does on the originals.
    reidentification : Reidentification
        Of each original to its surrogate.
    identification : mapping of str to Identification
        By gallery: closed, other photographs, with strangers.
    standing_out : float64 (g,)
        Of each surrogate by how much its nearest member is nearer than the second, as a share of
        the second's distance; NaN where it shows no face.
    missing : int
        Surrogates without a face.
    mean_distance : float
        Of originals to their surrogates, people weighing equally.
    subgroups : tuple of (str, str, bool (p,))
        A column of the user's, a value that many people share, and who has it.
    """

    judge: Judge
    part: str
    threshold: float
    false_match_rate: float
    roc: Roc
    reidentification: Reidentification
    identification: Mapping[str, Identification]
    standing_out: NDArray[np.float64]
    missing: int
    mean_distance: float
    subgroups: tuple[tuple[str, str, NDArray[np.bool_]], ...] = ()

    def __repr__(self) -> str:
        who = "a party" if self.part else "an outsider"
        risk = self.reidentification.rate_of_people(self.threshold)
        return f"Verdict({self.judge.name}, {who}: RI({self.threshold:.3f}) of people {risk:.3f})"

    @property
    def outsider(self) -> bool:
        """Whether the judge took no part."""
        return not self.part

    @property
    def able(self) -> bool:
        """Whether it recognizes half of one person's photographs at its threshold, if known."""
        share = float(self.roc.true_match(self.threshold))
        return bool(np.isnan(share) or share >= WEAK)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for ``evaluation.json``; no name of a person or of a file."""
        return {
            "judge": self.judge.name,
            "about": self.judge.about,
            "sha256": self.judge.embedder.sha256,
            "alignment": self.judge.embedder.alignment,
            "took_part": not self.outsider,
            "part": self.part,
            "able": self.able,
            "threshold": self._threshold(),
            "surrogates_without_a_face": self.missing,
            "mean_distance": _number(self.mean_distance),
            "reidentification": self._reidentification(),
            "identification": [
                _identification(name, result) for name, result in self.identification.items()
            ],
            "standing_out": self._standing_out(),
            "subgroups": [self._subgroup(*one) for one in self.subgroups],
        }

    def _subgroup(self, column: str, value: str, units: NDArray[np.bool_]) -> dict[str, Any]:
        """RI and the worst gallery's rank-1 of some of the people."""
        from anonfaces.evaluate._arrays import share_by

        n = int(units.sum())
        near = self.reidentification.distance <= self.threshold
        linked = float(share_by(near, self.reidentification.person)[units].mean())
        first = max(
            float(one.hits()[units & one.present].mean()) if (units & one.present).any() else 0.0
            for one in self.identification.values()
        )
        return {
            "column": column,
            "value": value,
            "reidentification": rate_of(linked, wilson(linked, n), n),
            "rank_1": rate_of(first, wilson(first, n), n),
        }

    def _threshold(self) -> dict[str, Any]:
        return {
            "distance": _number(self.threshold),
            "found": f"largest distance with at most {self.false_match_rate:g} false matches among"
            " pairs of originals",
            "false_match_rate": _number(self.roc.false_match(self.threshold)),
            "true_match_rate": _number(self.roc.true_match(self.threshold)),
            "true_match_rate_at_1e-2": _number(self.roc.true_match_at(1e-2)),
            "true_match_rate_at_1e-3": _number(self.roc.true_match_at(1e-3)),
            "equal_error_rate": _number(self.roc.equal_error_rate),
            "pairs_of_one_person": len(self.roc.same),
            "pairs_of_two_people": len(self.roc.different),
        }

    def _reidentification(self) -> dict[str, Any]:
        linked, t = self.reidentification, self.threshold
        groups = linked.of_groups(t)
        worst = groups.sort_values(["rate", "people"], ascending=[False, True]).head(_WORST)
        above = linked.above_chance(t)
        return {
            "faces": {"rate": _number(linked.rate(t)), "n": len(linked.distance)},
            "people": rate_of(linked.rate_of_people(t), linked.interval(t), len(linked.people)),
            "groups_above_chance": rate_of(above, wilson(above, len(groups)), len(groups)),
            "chance": _number((1 / groups["people"]).mean()),
            "p_value": _number(self._p_value()),
            "worst_groups": [
                {"people": int(people), "rate": _number(rate)}
                for people, rate in zip(worst["people"], worst["rate"], strict=True)
            ],
            "curve": self._curve(),
        }

    def _p_value(self) -> float:
        """Of at least so many people linked if the true rate were 1 / the people of a group."""
        from scipy.stats import binomtest

        linked = self.reidentification
        people = linked.people
        hits = round(linked.rate_of_people(self.threshold) * len(people))
        chance = float((1 / linked.of_groups(self.threshold)["people"]).mean())
        return float(binomtest(hits, len(people), chance, alternative="greater").pvalue)

    def _curve(self) -> list[dict[str, Any]]:
        top = float(np.quantile(self.roc.different, 0.9))
        points = np.linspace(0, max(top, self.threshold * 1.2), _POINTS)
        true, false = self.roc.true_match(points), self.roc.false_match(points)
        rows = []
        for t, same, other in zip(points.tolist(), true, false, strict=True):
            low, high = self.reidentification.interval(t)
            rate = self.reidentification.rate_of_people(t)
            values = (t, rate, low, high, same, other)
            names = ("threshold", "rate", "low", "high", "true_match", "false_match")
            rows.append(dict(zip(names, map(_number, values), strict=True)))
        return rows

    def _standing_out(self) -> dict[str, Any]:
        seen = self.standing_out[~np.isnan(self.standing_out)]
        if not len(seen):
            return {}
        shares = np.quantile(seen, [0.5, 0.9, 1])
        return dict(zip(("median", "ninth_decile", "largest"), map(_number, shares), strict=True))


def judge_surrogates(
    subject: Subject,
    judge: Judge,
    galleries: Galleries,
    false_match_rate: float = FALSE_MATCH_RATE,
) -> Verdict:
    """Let ``judge`` look at the surrogates, at the originals and at ``galleries``.

    The gallery of the originals themselves is always searched, as ``the originals``. The threshold
    is the one at which ``false_match_rate`` of pairs of two people match, among the originals and
    the other photographs of the same people.
    """
    people = judge.of_faces(subject.faces)
    seen = subject.vectors(judge)
    searched = _searched(subject, judge, people, galleries)
    vectors, names = searched["the originals"]
    if galleries.other is not None:
        other = searched["other photographs"]
        vectors, names = np.concatenate([vectors, other[0]]), np.concatenate([names, other[1]])
    measured = roc(vectors, names)
    threshold = measured.threshold(false_match_rate)
    distance = surrogate_distance(people, seen, subject.labels, subject.unit)
    return Verdict(
        judge=judge,
        part=judge.took_part(str(subject.faces.meta["extractor_sha256"]), subject.surrogate),
        threshold=threshold,
        false_match_rate=false_match_rate,
        roc=measured,
        reidentification=reidentification(distance.distance, subject.labels, subject.unit),
        identification={
            name: identify(seen, subject.group, subject.name, *gallery)
            for name, gallery in searched.items()
        },
        standing_out=_standing_out(distance.distance, subject.labels, subject.unit),
        missing=int(np.isnan(seen[:, 0]).sum()),
        mean_distance=distance.mean_of_people,
        subgroups=_subgroups(subject),
    )


def _subgroups(subject: Subject) -> tuple[tuple[str, str, NDArray[np.bool_]], ...]:
    """Values of the user's columns that enough people share to say something, and name nobody.

    One threshold does not serve everybody alike: a rate over all people may hide that those of one
    gender, age or color are recognized more often.
    """
    least, subgroups = max(subject.k, _SMALLEST_SUBGROUP), []
    for column, values in sorted(subject.faces.attribute.items()):
        own = np.asarray(values).astype(str)[subject.unit_rows]
        known, count = np.unique(own, return_counts=True)
        shared = [v for v, n in zip(known.tolist(), count, strict=True) if n >= least and v.strip()]
        if 1 < len(shared) <= _MOST_VALUES:
            subgroups += [(column, value, own == value) for value in shared]
    return tuple(subgroups)


def _searched(
    subject: Subject, judge: Judge, people: NDArray[np.float32], galleries: Galleries
) -> dict[str, tuple[NDArray[Any], NDArray[Any]]]:
    """Vectors and names by gallery; strangers join other photographs, or else the originals."""
    searched = {"the originals": (people, subject.identity)}
    if galleries.other is not None:
        searched["other photographs"] = (
            judge.of_faces(galleries.other),
            galleries.other.identity,
        )
    if galleries.strangers is not None:
        beside, held = list(searched.items())[-1]
        alone = judge.of_faces(galleries.strangers), galleries.strangers.identity
        name = f"{beside} and {len(np.unique(alone[1])):,} strangers"
        vectors, names = (np.concatenate(both) for both in zip(held, alone, strict=True))
        searched[name] = (vectors, names)
    return searched


def _standing_out(
    distance: NDArray[np.float64], labels: NDArray[np.int64], unit: NDArray[np.int64]
) -> NDArray[np.float64]:
    """1 - nearest / second nearest member, (g,); a person is as near as their nearest face."""
    import pandas as pd

    face = pd.DataFrame({"group": labels, "unit": unit, "distance": distance})
    person = face.groupby(["group", "unit"])["distance"].min().sort_values()
    near = person.groupby("group").nth([0]).groupby("group").first()
    next_ = person.groupby("group").nth([1]).groupby("group").first()
    return (1 - near / next_.reindex(near.index)).to_numpy()


def _identification(name: str, result: Identification) -> dict[str, Any]:
    groups = result.rate_of_groups
    return {
        "gallery": name,
        "candidates": result.candidates,
        "people": result.people,
        "ranks": {
            str(r): rate_of(result.rate(r), result.interval(r), result.people) for r in RANKS
        },
        "chance": _number(result.chance),
        "p_value": _number(result.p_value()),
        "groups_found": rate_of(groups, wilson(groups, result.groups), result.groups),
        "chance_of_groups": _number(result.chance_of_groups),
    }


def rate_of(rate: float, interval: Interval, n: int) -> dict[str, Any]:
    """A share with its 95 % interval and its number of trials."""
    low, high = interval
    return {"rate": _number(rate), "low": _number(low), "high": _number(high), "n": n}


def _number(value: Any) -> float | None:
    """Six digits, None for what is not known: JSON has no NaN."""
    number = float(value)
    return None if not np.isfinite(number) else round(number, 6)
