"""``python -m anonfaces.synthesize out/ --surrogate stylegan``: other faces for the same groups."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from anonbase import cli
from anonbase.options import (
    SURROGATE_METHODS,
    Debug,
    Gallery,
    Generator,
    Jobs,
    Label,
    Psi,
    Quiet,
    Scheduler,
    SeedBesideKey,
    option,
)
from anonfaces.synthesize.options import DEFAULT_SURROGATE, SurrogateOptions

_EXAMPLES = """
Make, or replace, the surrogates of a condensed dataset: one face a group, for the same groups.

OUT is a folder that python -m anonfaces.cluster made from photographs. Its surrogates, summary
and page are replaced together or not at all.

\b
Examples:
  python -m anonfaces.synthesize condensed/
  python -m anonfaces.synthesize condensed/ --surrogate stylegan --generator ffhq.pkl --psi 0.7
  python -m anonfaces.synthesize condensed/ --generator conditional.pkl --class 3
  python -m anonfaces.synthesize condensed/ --surrogate stylegan-random --seed 3
  python -m anonfaces.synthesize condensed5/ --surrogate k-same --faces faces.h5
  python -m anonfaces.synthesize condensed/ --surrogate gallery --gallery nobodies/
  python -m anonfaces.synthesize condensed/ --scheduler tcp://host:8786

Stopped at any moment, the same command goes on where it was.
"""

app = typer.Typer(add_completion=False)


_Folder = Annotated[
    Path, typer.Argument(metavar="OUT", help="a condensed dataset", show_default=False)
]
_Surrogate = Annotated[str, option(f"how a face is made of a group: {SURROGATE_METHODS}")]
_Per = Annotated[
    Literal["group", "dataset"],
    option("over what stylegan-weighted counts re-identification: group or dataset"),
]
_FaceSet = Annotated[
    Path | None,
    option("the faces.h5 that was grouped, if not the one in OUT/owner", show_default=False),
]


@app.command(help=_EXAMPLES)
def synthesize(
    folder: _Folder,
    surrogate: _Surrogate = DEFAULT_SURROGATE,
    generator: Generator = None,
    label: Label = None,
    psi: Psi = None,
    per: _Per = "group",
    gallery: Gallery = None,
    seed: SeedBesideKey = 0,
    faces: _FaceSet = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    from anonfaces.condensation.resurrogate import resurrogate

    started = time.monotonic()
    surrogate_options = SurrogateOptions(
        generator=generator, label=label, psi=psi, seed=seed, jobs=jobs, per=per, gallery=gallery
    )
    summary = resurrogate(
        folder, surrogate, surrogate_options, faces=faces, progress=not quiet, scheduler=scheduler
    )
    if not quiet:
        seconds = time.monotonic() - started
        print(f"surrogates {summary.groups:,} by {surrogate}, {seconds:.0f} s")
        print(f"page       {(folder.resolve() / 'report.html').as_uri()}")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
