"""The page of a trade-off: one HTML file that needs no network, script or other file."""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonbase.files import write_text

if TYPE_CHECKING:
    from anonfaces.tradeoff.result import Tradeoff

__all__ = ["answer", "write_page"]


def write_page(
    result: Tradeoff, place: Path, figures: list[tuple[str, str]], want: tuple[str, float] | None
) -> Path:
    """Write ``place/tradeoff.html``; ``figures`` are names in ``place/figures`` with captions."""
    from anonfaces.report.template import load_template

    page = load_template("tradeoff.html").render(
        t=result.about,
        judge=result.judge,
        independent=result.independent,
        answers=answer(result, want) if want else [],
        figures=[{"src": _data(place / "figures" / f"{n}.png"), "caption": c} for n, c in figures],
        rows=result.to_pandas().to_dict("records"),
        sheets=_sheets(result, place),
        cells=len(result.rows),
    )
    write_text(place / "tradeoff.html", page)
    return place / "tradeoff.html"


def answer(result: Tradeoff, want: tuple[str, float]) -> list[str]:
    """In words: the smallest k that is enough, and what more is lost there than at the least k."""
    from anonfaces.tradeoff.result import MEASURES

    measure, bound = want
    table, message = result.to_pandas(), []
    for row in result.smallest_k(measure, bound).to_dict("records"):
        how = f"{row['surrogate']} ({row['embedding']}, {row['method']})"
        cells = table[(table[list(_HOW)] == [row[name] for name in _HOW]).all(axis=1)]
        first = cells.sort_values("k").iloc[0]
        if row["k"] is None or row["k"] != row["k"]:
            lowest = cells[measure].min()
            message.append(
                f"{how}: no k that was tried brings {measure} to {100 * bound:g} %; the lowest is"
                f" {100 * lowest:.1f} %."
            )
            continue
        more = row["information_loss"] - first["information_loss"]
        ends = cost = ""
        if row.get(f"{measure}_high") is not None:
            low, high = (100 * row[f"{measure}_{end}"] for end in ("low", "high"))
            ends = f" ({low:.1f} to {high:.1f})"
            if high > 100 * bound:
                ends += f", so that {100 * bound:g} % is not proven: more people would tell"
        if row["k"] > first["k"]:
            cost = f"; {more:.1f} points more of the information is lost than at k = {first['k']}"
        message.append(
            f"{how}: {MEASURES[measure]} ({measure}) is at most {100 * bound:g} % from"
            f" k = {row['k']:.0f} on, where it is {100 * row[measure]:.1f} %{ends}{cost}."
        )
    return message


_HOW = ("embedding", "method", "surrogate")


def _sheets(result: Tradeoff, place: Path) -> list[dict[str, Any]]:
    """Of every way of making faces the strips along k."""
    from anonfaces.tradeoff.grid import Cell

    sheets: dict[str, list[dict[str, Any]]] = {}
    for row in result.rows:
        cell = Cell(row["embedding"], row["method"], row["k"], row["surrogate"])
        path = place / "cells" / f"{cell.name}.png"
        if path.is_file():
            how = f"{cell.surrogate} ({cell.embedding}, {cell.method})"
            sheets.setdefault(how, []).append({"k": cell.k, "src": _small(path)})
    return [{"how": how, "strips": strips} for how, strips in sheets.items()]


def _data(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def _small(path: Path) -> str:
    from PIL import Image

    memory = io.BytesIO()
    with Image.open(path) as strip:
        strip.save(memory, "WEBP", quality=82)
    return "data:image/webp;base64," + base64.b64encode(memory.getvalue()).decode("ascii")
