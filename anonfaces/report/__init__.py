"""The page of a condensed dataset: one HTML file that needs no network, script or other file.

It is made from the publishable files alone (``summary.json``, ``condensed.csv``,
``surrogates/``), so it cannot tell the name of a file or of a person.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonbase.files import write_text
from anonfaces.dataset.files import FILES
from anonfaces.dataset.summary import Summary
from anonfaces.report.template import load_template

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Summary", "load_template", "write_report"]

_SHOWN = 6


def write_report(folder: Path) -> Path:
    """Write ``folder/report.html`` from the publishable files in ``folder``; return its path.

    The same files give the same bytes. Raises ``InputError`` where ``summary.json`` is not that
    of a condensed dataset.
    """
    import pandas as pd

    summary = Summary.read(folder / "summary.json")
    groups = pd.read_csv(folder / "condensed.csv")
    content = _content(summary, groups, folder / "surrogates") | {"w": _evaluation(folder)}
    page = load_template().render(**content)
    write_text(folder / "report.html", page)
    return folder / "report.html"


def _evaluation(folder: Path) -> dict[str, Any] | None:
    """What was measured of these surrogates, where ``evaluation.json`` lies beside them."""
    from anonfaces.dataset.evaluation_file import read_evaluation_document
    from anonfaces.report.evaluation import evaluation_content

    path = folder / "evaluation.json"
    return evaluation_content(read_evaluation_document(path)) if path.is_file() else None


def _content(summary: Summary, groups: pd.DataFrame, pictures: Path) -> dict[str, Any]:
    from anonfaces.report.figures import loss_figure, sizes_figure
    from anonfaces.report.tiles import evenly
    from anonfaces.report.words import (
        NOT_PROMISED,
        OUTCOMES,
        about,
        guarantee,
        identity_scope_text,
        kept,
        limits_of,
        next_step_text,
        optimality_gap_text,
        unlike,
    )

    unit = "faces" if summary.identity == "none" else "people"
    largest = groups.sort_values(["people", "faces", "group"], ascending=[False, False, True])
    return {
        "s": summary,
        "unit": unit,
        "guarantee": guarantee(summary.k, summary.identity),
        "whose": identity_scope_text(summary),
        "kept": kept(summary),
        "optimality_gap_text": optimality_gap_text(summary),
        "unlike": unlike(summary),
        "hint": next_step_text(summary),
        "not_promised": NOT_PROMISED,
        "about": about(summary.surrogate),
        "limits": limits_of(summary.surrogate),
        "sizes": sizes_figure(summary.people_per_group, summary.k, unit),
        "loss": loss_figure(summary.information_loss, summary.random_loss),
        "sheet": _cards(groups.iloc[evenly(len(groups))], summary, pictures),
        "largest": _cards(largest.head(_SHOWN), summary, pictures),
        "missing": [(OUTCOMES.get(why, why), n) for why, n in summary.not_found.items()],
        "files": _files(summary),
    }


def _cards(groups: pd.DataFrame, summary: Summary, pictures: Path) -> list[dict[str, Any]]:
    from anonfaces.report.tiles import tile

    columns = ["group", "people", "faces"]
    cards: list[dict[str, Any]] = [
        dict(zip(columns, row, strict=True))
        for row in groups[columns].itertuples(index=False, name=None)
    ]
    for card in cards if summary.surrogate else ():
        card["picture"] = tile(pictures / f"{card['group']}.png")
    return cards


def _files(summary: Summary) -> list[tuple[str, str, bool]]:
    return [(f.name, f.about, f.secret) for f in FILES if _has(summary, f.name)]


def _has(summary: Summary, name: str) -> bool:
    return name in summary.publishable or name in summary.secret
