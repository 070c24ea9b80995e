"""Figures of a trade-off, each as SVG, PNG and PDF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from anonfaces.tradeoff.result import Tradeoff

__all__ = ["PAPER", "figures_of", "write_figures"]

#: M.-H. Le et al., "AnonFACES", WPES 2020, its default on 979 people of CelebA (grouped by dlib's
#: vectors, judged by dlib's at 0.6): surrogate distance and re-identification, by k.
PAPER = {2: (0.644, 0.261), 5: (0.689, 0.115), 10: (0.713, 0.079), 19: (0.738, 0.050)}
_SIZE = (6.0, 3.8)
_LINES = ("-", "--", ":", "-.")
_MARKS = "osD^v<>P"


def figures_of(result: Tradeoff) -> Iterator[tuple[str, str, Figure]]:
    """Yield the name, what is said of it, and the figure itself."""
    table = result.to_pandas()
    who = f"{result.judge}{'' if result.independent else ' (no able outsider)'}"
    yield "privacy", f"People whom {who} takes for their surrogate outright", _privacy(table)
    yield "named", f"People whom {who} puts first, beside 1/k", _named(table)
    yield "loss", "Information lost by grouping", _lines(table, "information_loss", "percent")
    yield "worst", f"The worst group's share taken by {who}", _lines(table, "worst", "share")
    yield "pareto", "Privacy against loss: the front is joined", _pareto(result)
    if "gender_kept" in table:
        kept = _lines(table, "gender_kept", "share")
        yield "kept", "Surrogates of the perceived gender of their group", kept


def write_figures(result: Tradeoff, folder: Path) -> list[tuple[str, str]]:
    """Write every figure three times; return names and captions."""
    import matplotlib as mpl

    folder.mkdir(exist_ok=True)
    message = []
    fonts: Any = {"svg.fonttype": "none", "svg.hashsalt": "anonfaces", "pdf.fonttype": 42}
    for name, caption, figure in figures_of(result):
        with mpl.rc_context(fonts):
            figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
            figure.savefig(folder / f"{name}.png", dpi=150)
            figure.savefig(folder / f"{name}.pdf", metadata={"CreationDate": None})
        message.append((name, caption))
    return message


def _new(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _ways(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, dict[str, Any]]]:
    """Each way of making faces with its cells by rising k, and how its line looks."""
    names = ["embedding", "method", "surrogate"]
    message = [name for name in names if len(set(table[name])) > 1] or ["surrogate"]
    for i, (how, cells) in enumerate(table.groupby(names, sort=False)):
        words = dict(zip(names, how, strict=True))
        label = ", ".join(str(words[name]) for name in message)
        style = {"marker": _MARKS[i % len(_MARKS)], "linestyle": _LINES[i // 8 % len(_LINES)]}
        yield label, cells.sort_values("k"), style | {"color": f"C{i % 10}", "markersize": 4}


def _with_intervals(axes: Axes, table: pd.DataFrame, column: str) -> None:
    for label, cells, style in _ways(table):
        axes.plot(cells["k"], cells[column], label=label, **style)
        low, high = (cells[f"{column}_{end}"].astype(float) for end in ("low", "high"))
        axes.fill_between(cells["k"], low, high, color=style["color"], alpha=0.15, linewidth=0)


def _privacy(table: pd.DataFrame) -> Figure:
    figure, axes = _new("k", "share of people")
    _with_intervals(axes, table, "ri")
    risk = [risk for _, risk in PAPER.values()]
    axes.plot([*PAPER], risk, ":", color="0.5", label="AnonFACES, by dlib")
    _one_in_k(axes, table)
    return figure


def _named(table: pd.DataFrame) -> Figure:
    figure, axes = _new("k", "share of people")
    _with_intervals(axes, table, "rank1")
    _one_in_k(axes, table)
    return figure


def _one_in_k(axes: Axes, table: pd.DataFrame) -> None:
    ks = sorted(table["k"].unique())
    axes.plot(ks, [1 / k for k in ks], color="0.3", linewidth=0.8, label="1/k")
    axes.set(xticks=ks, ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)


def _lines(table: pd.DataFrame, column: str, unit: str) -> Figure:
    figure, axes = _new("k", unit)
    for label, cells, style in _ways(table):
        axes.plot(cells["k"], cells[column].astype(float), label=label, **style)
    axes.set(xticks=sorted(table["k"].unique()), ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    return figure


def _pareto(result: Tradeoff) -> Figure:
    figure, axes = _new("information lost, percent", "share taken for their surrogate")
    for label, cells, style in _ways(result.to_pandas()):
        axes.plot(cells["information_loss"], cells["ri"], label=label, **style | {"linestyle": ""})
        for _, cell in cells.iterrows():
            at = (cell["information_loss"], cell["ri"])
            axes.annotate(f"{cell['k']}", at, (4, 3), textcoords="offset points", fontsize=7)
    front = result.pareto()
    axes.step(front["information_loss"], front["ri"], where="post", color="0.4", linewidth=0.8)
    axes.set(ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    return figure
