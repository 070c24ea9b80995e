"""An evaluation: what judges, attackers and measures of utility say of one set of surrogates."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonfaces.dataset.evaluation_file import FORMAT, FORMAT_VERSION, read_evaluation_document

if TYPE_CHECKING:
    import pandas as pd

    from anonfaces.evaluate.subject import Subject
    from anonfaces.evaluate.verdict import Verdict

__all__ = ["FORMAT", "FORMAT_VERSION", "Evaluation", "read_evaluation", "schema", "statement"]


@dataclass(frozen=True)
class Evaluation:
    """What ``evaluation.json`` holds.

    Attributes
    ----------
    document : dict
        Plain values, as ``schema()`` describes them.
    """

    document: dict[str, Any] = field(repr=False)

    def __repr__(self) -> str:
        return f"Evaluation({self.statement})"

    @property
    def statement(self) -> str:
        """The first line: who was asked, and what they found."""
        return str(self.document["statement"])

    def to_json(self) -> str:
        """JSON text that is the same for the same numbers."""
        return json.dumps(self.document, indent=2, ensure_ascii=False) + "\n"

    def to_pandas(self) -> pd.DataFrame:
        """One row a judge and gallery: rank-1 with its interval beside RI of people."""
        import pandas as pd

        rows = []
        for verdict in self.document["judges"]:
            people = verdict["reidentification"]["people"]
            about = {"judge": verdict["judge"], "took_part": verdict["took_part"]}
            about |= {"threshold": verdict["threshold"]["distance"], "ri": people["rate"]}
            about |= {"ri_low": people["low"], "ri_high": people["high"]}
            for searched in verdict["identification"]:
                first = searched["ranks"]["1"]
                groups = searched["groups_found"]["rate"]
                names = {"rank_1": "rate", "low": "low", "high": "high", "people": "n"}
                row = {name: first[key] for name, key in names.items()}
                rows.append(
                    {**about, "gallery": searched["gallery"], **row, "chance": searched["chance"],
                     "p_value": searched["p_value"], "groups_found": groups,
                     "chance_of_groups": searched["chance_of_groups"]}
                )  # fmt: skip
        return pd.DataFrame(rows)

    @classmethod
    def of(
        cls,
        subject: Subject,
        verdicts: Sequence[Verdict],
        attacks: Sequence[Mapping[str, Any]] = (),
        utility: Mapping[str, Any] | None = None,
        command: str = "",
    ) -> Evaluation:
        """Put together what was measured on ``subject``."""
        judged = [verdict.to_dict() for verdict in verdicts]
        people = len(set(subject.identity.tolist()))
        about = {
            "kind": subject.kind,
            "k": subject.k,
            "people": people,
            "faces": len(subject.faces),
            "surrogates": len(subject.numbers),
            "method": subject.surrogate,
            "surrogates_sha256": subject.sha256,
        }
        document = {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "statement": statement(judged, subject.k),
            "subject": about,
            "judges": judged,
            "attacks": [dict(one) for one in attacks],
            "utility": dict(utility or {}),
            "versions": _versions(),
            "command": command,
        }
        return cls(document)


def read_evaluation(path: Path) -> Evaluation:
    """Read an ``evaluation.json``; ``InputError`` where it is not one of ours."""
    return Evaluation(read_evaluation_document(path))


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of ``evaluation.json``."""
    path = Path(__file__).with_name("evaluation.schema.json")
    return json.loads(path.read_text(encoding="utf-8"))


def statement(judged: Sequence[Mapping[str, Any]], k: int) -> str:
    """The first line of an evaluation: by whom it was measured, and what the worst of them found.

    Where no outsider was asked, or none that can recognize anybody, that is what it says.
    """
    outside = [one for one in judged if not one["took_part"]]
    able = [one for one in outside if one["able"]]
    if not outside:
        names = ", ".join(one["judge"] for one in judged)
        return (
            f"Only a party to the matter was asked ({names}), which proves nothing: name an outside"
            " judge (--judge faceres, --judge onnx:FILE)."
        )
    if not able:
        names = ", ".join(one["judge"] for one in outside)
        return (
            f"No outsider who recognizes people was asked: {names} misses most photographs of one"
            " person, so what it does not find may be found by others."
        )
    worst = max(able, key=_first)
    return _found(worst, k)


def _first(judged: Mapping[str, Any]) -> float:
    return max(searched["ranks"]["1"]["rate"] for searched in judged["identification"])


def _found(judged: Mapping[str, Any], k: int) -> str:
    searched = max(judged["identification"], key=lambda one: one["ranks"]["1"]["rate"])
    first = searched["ranks"]["1"]
    return (
        f"{judged['judge']}, which took no part, puts {100 * first['rate']:.1f} of 100 people first"
        f" for their own surrogate (95 %: {100 * first['low']:.1f} to {100 * first['high']:.1f});"
        f" guessing within the group gives {100 * searched['chance']:.1f}. {_outright(judged)}"
    )


def _outright(judged: Mapping[str, Any]) -> str:
    """What the same judge takes for a member outright: a low mean may hide a group given away."""
    linked = judged["reidentification"]
    people, groups = linked["people"], linked["groups_above_chance"]
    number = round(groups["rate"] * groups["n"])
    return (
        f"It takes {100 * people['rate']:.1f} of 100 people for their surrogate outright, and in"
        f" {number:,} of {groups['n']:,} groups more than one."
    )


def _versions() -> dict[str, str]:
    from contextlib import suppress
    from importlib.metadata import PackageNotFoundError, version

    from anonfaces import __version__

    versions = {"anonfaces": __version__, "python": platform.python_version()}
    for package in ("numpy", "keras", "tensorflow-cpu", "tensorflow", "dlib-bin", "onnxruntime"):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return versions
