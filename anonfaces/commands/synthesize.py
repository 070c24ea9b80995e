"""``python -m anonfaces.synthesize out/ --surrogate stylegan``: other faces for the same groups."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from anonbase import cli

_EXAMPLES = """
Make, or replace, the surrogates of a condensed dataset: one face a group, for the same groups.

OUT is a folder that python -m anonfaces.cluster made from photographs. Its surrogates, summary
and page are replaced together or not at all.

\b
Examples:
  python -m anonfaces.synthesize condensed/
  python -m anonfaces.synthesize condensed/ --surrogate stylegan --generator ffhq.pkl --psi 0.7
  python -m anonfaces.synthesize condensed/ --surrogate stylegan-random --seed 3
  python -m anonfaces.synthesize condensed5/ --surrogate k-same --faces faces.h5

Stopped at any moment, the same command goes on where it was.
"""

app = typer.Typer(add_completion=False)


def _option(text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, **more)


@app.command(help=_EXAMPLES)
def synthesize(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="a condensed dataset", show_default=False)
    ],
    surrogate: Annotated[
        str, _option("how a face is made of a group; a wrong name lists all")
    ] = "optimised",
    generator: Annotated[
        Path | None,
        _option("a StyleGAN checkpoint in place of the one that ships", show_default=False),
    ] = None,
    psi: Annotated[
        float | None,
        _option(
            "how far a face may lie from the generator's mean: 1 leaves it, less is more alike",
            show_default=False,
        ),
    ] = None,
    per: Annotated[
        str, _option("over what stylegan-weighted counts re-identification: group or dataset")
    ] = "group",
    seed: Annotated[int, _option("the same seed gives the same bytes")] = 0,
    faces: Annotated[
        Path | None,
        _option("the faces.h5 that was grouped, if not the one in OUT/owner", show_default=False),
    ] = None,
    jobs: Annotated[
        int | None,
        _option("processes that look for faces; default one a core", show_default=False),
    ] = None,
    quiet: Annotated[bool, _option("print nothing but warnings and errors", "--quiet")] = False,
    debug: Annotated[bool, _option("show where an error arose", "--debug")] = False,
) -> None:
    from anonfaces.condensation.resurrogate import resurrogate
    from anonfaces.synthesize.options import SurrogateOptions

    started = time.monotonic()
    drawing = SurrogateOptions(generator, psi, seed, jobs, per)
    summary = resurrogate(folder, surrogate, drawing, faces=faces, progress=not quiet)
    if not quiet:
        seconds = time.monotonic() - started
        print(f"surrogates {summary.groups:,} by {surrogate}, {seconds:.0f} s")
        print(f"page       {(folder.resolve() / 'report.html').as_uri()}")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
