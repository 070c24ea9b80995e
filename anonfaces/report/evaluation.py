"""The part "Who would be recognised", of a condensed dataset's page and as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from anonbase.files import write_text

__all__ = ["evaluation_content", "write_evaluation_page"]

#: The p value below which more people are recognized than the 1/k line allows.
_SIGNIFICANT = 0.05


def write_evaluation_page(path: Path, document: Mapping[str, Any]) -> Path:
    """Write what ``evaluation.json`` holds as one HTML file that needs no other."""
    from anonfaces.report.template import load_template

    write_text(path, load_template("evaluation.html").render(w=evaluation_content(document)))
    return path


def evaluation_content(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the template ``who.html`` shows, from the document of an evaluation."""
    judges = document["judges"]
    rows = [_row(judged, one) for judged in judges for one in judged["identification"]]
    able = [one for one in judges if not one["took_part"] and one["able"]]
    return {
        **{name: document[name] for name in ("statement", "subject", "command", "versions")},
        "proven": bool(able) and not any(_above(one) for one in able),
        "sentences": _sentences(able, document["subject"]["k"]),
        "rows": rows,
        "judges": judges,
        "false_match_rate": _one_in(judges),
        "curves": [_curve(judged, document["subject"]["k"]) for judged in judges[:4]],
        "attacks": document["attacks"],
        "kept": _kept(document["utility"]),
    }


def _row(judged: Mapping[str, Any], one: Mapping[str, Any]) -> dict[str, Any]:
    p = one["p_value"]
    return {
        "judge": judged["judge"],
        "took_part": judged["took_part"],
        "gallery": one["gallery"],
        "candidates": one["candidates"],
        "first": one["ranks"]["1"],
        "chance": one["chance"],
        "p": "—" if p is None else "< 0.001" if p < 1e-3 else f"{p:.3f}",
        "groups": one["groups_found"],
        "chance_of_groups": one["chance_of_groups"],
    }


def _breached(judged: Mapping[str, Any]) -> bool:
    tests = [*judged["identification"], judged["reidentification"]]
    return any(one["p_value"] is not None and one["p_value"] < _SIGNIFICANT for one in tests)


def _above(judged: Mapping[str, Any]) -> bool:
    """Whether a judge puts more people first than guessing would, provably or not."""
    rates = [(one["ranks"]["1"]["rate"], one["chance"]) for one in judged["identification"]]
    return _breached(judged) or any(rate > chance for rate, chance in rates)


def _sentences(able: list[Mapping[str, Any]], k: int) -> list[str]:
    """What a layman reads: of 100 people, how many a stranger's software would put first."""
    if not able:
        return []
    rates = [one for judged in able for one in judged["identification"]]
    worst = max(rates, key=lambda one: one["ranks"]["1"]["rate"])
    rate, chance = 100 * worst["ranks"]["1"]["rate"], 100 * worst["chance"]
    message = [
        f"Of 100 people whose surrogates are looked for, a stranger's software would put {rate:.0f}"
        f" before everybody else in {worst['gallery']}; guessing within the group gives"
        f" {chance:.0f}.",
    ]
    if any(_breached(one) for one in able):
        message.append(
            "That is more than the promise allows: do not publish these surrogates as they are."
            f" A larger k than {k}, or another method, lowers it."
        )
    elif any(_above(one) for one in able):
        message.append(
            "That is above the line, by so little or of so few people that it may be chance: ask"
            " again with more people, or take a larger k."
        )
    message.append(_worst_group(able))
    return message


def _worst_group(able: list[Mapping[str, Any]]) -> str:
    groups = [one["reidentification"]["worst_groups"][0] for one in able]
    group = max(groups, key=lambda one: one["rate"])
    return (
        f"In the worst group the software takes {round(group['rate'] * group['people'])} of its"
        f" {group['people']} people for the surrogate outright."
    )


def _one_in(judges: list[Mapping[str, Any]]) -> str:
    rates = [one["threshold"]["false_match_rate"] or 0 for one in judges]
    return f"{100 * max(rates, default=0):.2g} %"


def _curve(judged: Mapping[str, Any], k: int) -> dict[str, Any]:
    from anonfaces.report.figures import risk_figure

    part = " (took part)" if judged["took_part"] else ""
    return {
        "svg": risk_figure(judged["reidentification"]["curve"], judged["threshold"]["distance"], k),
        "caption": f"{judged['judge']}{part}: share of members taken for their surrogate, by"
        " threshold; dashed two photographs of one person, dotted of two people.",
    }


def _kept(utility: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(one["about"], one["shown"]) for one in utility.values()]
