"""``python -m anonfaces.tradeoff INPUT --k 2,3,5,10,20 -o report/``: privacy against utility."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from anonbase import cli
from anonbase.options import SURROGATE_METHODS, Debug, Quiet, SeedBesideKey, option

_EXAMPLES = """
Try many k and ways of making faces on the same people, judge all, and show what each costs.

INPUT is a folder of photographs (a folder a person) or a faces.h5. The report is for the owner
alone: it shows several surrogates of one group. Stopped at any moment, the same command goes on.

\b
Examples:
  python -m anonfaces.tradeoff photos/ -o report/
  python -m anonfaces.tradeoff faces.h5 --k 2,5,10 --surrogate stylegan,k-same-m -o report/
  python -m anonfaces.tradeoff photos/ --embedding dlib,pca --want ri=0.01 -o report/
  python -m anonfaces.tradeoff photos/ --gallery others/ --judge dlib,faceres -o report/
"""

app = typer.Typer(add_completion=False)


_Input = Annotated[Path, typer.Argument(metavar="INPUT", help="photographs or a faces.h5")]
_Output = Annotated[Path, option("the report's folder", "--output", "-o")]
_K = Annotated[str, option("people a group has at least, with commas")]
_Surrogate = Annotated[str, option(f"how faces are made, with commas: {SURROGATE_METHODS}")]
_Embedding = Annotated[str, option("whose vectors group, with commas")]
_Method = Annotated[str, option("how to group, with commas")]
_Judge = Annotated[str, option("who measures, with commas; default: those at hand")]
_Gallery = Annotated[
    Path | None, option("other photographs of the same people", show_default=False)
]
_Strangers = Annotated[Path | None, option("photographs of other people", show_default=False)]
_Want = Annotated[
    str | None,
    option("MEASURE=BOUND, e.g. ri=0.01: the page names the smallest k for it", show_default=False),
]
_Effort = Annotated[str, option("of the grouping: fast, default or best")]


@app.command(help=_EXAMPLES)
def tradeoff(
    source: _Input,
    output: _Output,
    k: _K = "2,3,5,10,20",
    surrogate: _Surrogate = "stylegan,k-same-m",
    embedding: _Embedding = "dlib",
    method: _Method = "local_search",
    judge: _Judge = "",
    gallery: _Gallery = None,
    strangers: _Strangers = None,
    want: _Want = None,
    effort: _Effort = "fast",
    seed: SeedBesideKey = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Check, measure, write."""
    from anonfaces.tradeoff.grid import Grid

    asked = _wanted(want)
    grid = Grid(
        k=_numbers(k), surrogate=_names(surrogate), embedding=_names(embedding),
        method=_names(method), judge=_names(judge), effort=effort, seed=seed,
    )  # fmt: skip
    from anonfaces.tradeoff.job import measure_tradeoff
    from anonfaces.tradeoff.page import answer

    started = time.monotonic()
    result = measure_tradeoff(
        source, grid, output, gallery=gallery, strangers=strangers, want=asked,
        command=_told(), progress=not quiet,
    )  # fmt: skip
    if quiet:
        return
    columns = ["surrogate", "k", "information_loss", "ri", "rank1", "group", "worst"]
    print(result.to_pandas()[columns].to_string(index=False, float_format="%.3f"))
    for sentence in answer(result, asked) if asked else ():
        print(sentence)
    print(f"took       {time.monotonic() - started:.0f} s")
    print(f"page       {(output.resolve() / 'tradeoff.html').as_uri()}")


def _names(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _numbers(text: str) -> tuple[int, ...]:
    from anonbase.errors import InputError

    try:
        return tuple(int(word) for word in _names(text))
    except ValueError:
        raise InputError(f"--k {text}: expected whole numbers with commas, 2,5,10") from None


def _wanted(text: str | None) -> tuple[str, float] | None:
    from anonbase.errors import InputError
    from anonfaces.tradeoff.result import MEASURES

    if text is None:
        return None
    name, _, bound = text.partition("=")
    try:
        number = float(bound)
    except ValueError:
        number = -1.0
    if name not in MEASURES or not 0 <= number <= 1:
        raise InputError(f"--want {text}: expected one of {', '.join(MEASURES)}, = and 0 to 1")
    return name, number


def _told() -> str:
    """The options as they were typed, without the names of files, which could name people."""
    parts = [part for part in sys.argv[1:] if "/" not in part and not part.endswith(".h5")]
    return " ".join(["python -m anonfaces.tradeoff INPUT", *parts])


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
