"""Figures as inline SVG whose colours follow the page, light or dark."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["loss_figure", "risk_figure", "sizes_figure"]

# matplotlib writes plain colours; each stands for a variable of the page's style sheet.
_INK = "#010203"
_MUTED = "#040506"
_ACCENT = "#070809"
_FAINT = "#0a0b0c"
_CARD = "#0d0e0f"
_VARIABLES = {
    _INK: "--ink",
    _MUTED: "--muted",
    _ACCENT: "--accent",
    _FAINT: "--faint",
    _CARD: "--card",
}
_MOST_BARS = 30


def sizes_figure(people_per_group: Mapping[str, int], k: int, unit: str = "people") -> Markup:
    """Histogram of how many people (or other ``unit``) the groups hold."""
    bars = _bars({int(size): count for size, count in people_per_group.items()}, k)
    names, counts = list(bars), list(bars.values())
    figure = _figure(2.3)
    axes = figure.axes[0]
    drawn = axes.bar(range(len(bars)), counts, color=_ACCENT, width=0.72)
    axes.bar_label(drawn, [f"{n:,}" if n else "" for n in counts], color=_INK, padding=2)
    axes.set_xticks(range(len(bars)), names, rotation=0 if len(bars) < 12 else 90)
    middle, half = (len(bars) - 1) / 2, max(len(bars), 5) / 2 + 0.1
    axes.set(xlabel=f"{unit} in a group", yticks=[], xlim=(middle - half, middle + half))
    axes.margins(y=0.16)
    axes.spines[:].set_visible(False)
    message = zip(names, counts, strict=True)
    alt = ", ".join(f"{n} of {name} {unit}" for name, n in message if n)
    return _svg(figure, f"Group sizes: groups, {alt}.")


def _bars(sizes: Mapping[int, int], k: int) -> dict[str, int]:
    """Number of groups by size from k on, sizes taken together where there are many."""
    width = 1 + (max(sizes) - k) // _MOST_BARS
    bars = {}
    for start in range(k, max(sizes) + 1, width):
        name = str(start) if width == 1 else f"{start}–{start + width - 1}"
        bars[name] = sum(sizes.get(size, 0) for size in range(start, start + width))
    return bars


def loss_figure(ours: float, chance: float) -> Markup:
    """This grouping's information loss beside a random one's, in percent."""
    figure = _figure(1.35)
    axes = figure.axes[0]
    drawn = axes.barh([1, 0], [ours, chance], color=[_ACCENT, _MUTED], height=0.62)
    axes.barh([1, 0], [100, 100], color=_FAINT, height=0.62, zorder=0)
    for bar, value in zip(drawn, (ours, chance), strict=True):
        left = value > 80
        x, align = (value - 1.5, "right") if left else (value + 1.5, "left")
        colour = _CARD if left else _INK
        y = bar.get_y() + bar.get_height() / 2
        axes.text(x, y, f"{value:.1f} %", va="center", ha=align, color=colour)
    axes.set_yticks([1, 0], ["these groups", "random groups"])
    axes.set(xlim=(0, 100), xticks=[0, 50, 100], xticklabels=["0 %", "50 %", "100 %"])
    axes.spines[:].set_visible(False)
    return _svg(figure, f"Information loss: {ours:.1f} % here, {chance:.1f} % for random groups.")


def risk_figure(curve: Sequence[Mapping[str, float | None]], threshold: float, k: int) -> Markup:
    """RI(t) of people with its interval, beside how originals match themselves and others.

    ``curve`` holds ``threshold``, ``rate``, ``low``, ``high``, ``true_match`` and ``false_match``
    at each point. A vertical line is the judge's threshold, a level one 1/k.
    """
    t, rate, low, high, true, false = (
        [_known(point[name]) for point in curve]
        for name in ("threshold", "rate", "low", "high", "true_match", "false_match")
    )
    figure = _figure(2.7)
    axes = figure.axes[0]
    axes.fill_between(t, low, high, color=_FAINT, linewidth=0)
    axes.plot(t, true, "--", color=_MUTED, linewidth=1)
    axes.plot(t, false, ":", color=_MUTED, linewidth=1)
    axes.plot(t, rate, color=_ACCENT, linewidth=1.8)
    axes.axvline(threshold, color=_INK, linewidth=0.8)
    if k > 1:
        axes.axhline(1 / k, color=_MUTED, linewidth=0.6)
        axes.text(t[0], 1 / k + 0.02, f"1/{k}", color=_MUTED)
    axes.set(ylim=(0, 1), xlim=(t[0], t[-1]), yticks=[0, 0.5, 1], xlabel="threshold")
    axes.set_yticklabels(["0 %", "50 %", "100 %"])
    axes.spines[:].set_visible(False)
    at = min(range(len(t)), key=lambda i: abs(t[i] - threshold))
    return _svg(figure, f"{100 * rate[at]:.1f} % of people at the threshold {threshold:.3f}.")


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def _figure(height: float) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.6, height), layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(colors=_MUTED, labelcolor=_INK, length=0)
    axes.xaxis.label.set_color(_MUTED)
    axes.set_axisbelow(True)
    return figure


def _svg(figure: Figure, alt: str) -> Markup:
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "anonfaces"}):
        figure.patch.set_visible(False)
        figure.axes[0].patch.set_visible(False)
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    drawing = text.getvalue()
    inner = drawing[drawing.index(">", drawing.index("<svg")) + 1 : drawing.rindex("</svg>")]
    inner = re.sub(r"<metadata>.*?</metadata>", "", inner, flags=re.DOTALL)
    for colour, variable in _VARIABLES.items():
        inner = inner.replace(colour, f"var({variable})")
    box = " ".join(f"{72 * inches:g}" for inches in (0, 0, *figure.get_size_inches()))
    head = Markup('<svg viewBox="{}" role="img" aria-label="{}">').format(box, alt)
    return head + Markup(inner) + Markup("</svg>")  # noqa: S704 - our own drawing, numbers only
