"""``python -m encoders.crops photos/ -o crops/``: square pictures of faces, to learn from."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.options import MAX_PIXELS, Debug, MaxPixels, Quiet, option

if TYPE_CHECKING:
    from encoders.crops.job import CropsResult

_EXAMPLES = """
Cut the faces out of a folder of photographs, as squares of one size.

MTCNN finds the faces. Its box is clipped to the photograph; a face that is smaller than --smallest
in either side is left out; of the longer side both ends are cut off. Subfolders are kept.
crops.csv says what came of each photograph, sheet.png shows some before and after.

\b
Examples:
  python -m encoders.crops photos/ -o crops/
  python -m encoders.crops photos/ -o crops/ --size 128 --smallest 128 --probability 0.9
  python -m encoders.crops parties/ -o crops/ --faces all
  python -m stylegan.train crops/ --architecture dcgan -o run/

Stopped at any moment, the same command goes on where it was. Crops show the people: keep them as
you keep the photographs.
"""

app = typer.Typer(add_completion=False)


class _Faces(StrEnum):
    surest = "surest"
    all = "all"


@app.command(help=_EXAMPLES)
def crops(
    photos: Annotated[Path, typer.Argument(help="folder of photographs", show_default=False)],
    output: Annotated[Path, option("the folder of crops", "--output", "-o")],
    size: Annotated[int, option("side of the crops in pixels")] = 64,
    smallest: Annotated[int, option("least side of a face in the photograph, in pixels")] = 64,
    probability: Annotated[float, option("least probability of a face, 0.7 to 1")] = 0.7,
    faces: Annotated[_Faces, option("which faces of a photograph")] = _Faces.surest,
    max_pixels: MaxPixels = MAX_PIXELS,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Cut, then count."""
    from encoders.crops.job import CropsConfig, make_crops

    config = CropsConfig(
        size=size, smallest=smallest, probability=probability, every_face=faces == _Faces.all
    )
    done = make_crops(photos, output, config, max_pixels=max_pixels, progress=not quiet)
    if not quiet:
        print(_summary(done, output))


def _summary(done: CropsResult, output: Path) -> str:
    from encoders.photographs.path_escape import escape

    outcomes = ", ".join(f"{count} {name}" for name, count in sorted(done.outcomes.items()))
    return "\n".join(
        [
            f"photographs  {done.photographs} ({outcomes})",
            f"crops        {done.crops} saved, {done.small} faces left out as too small",
            f"took         {done.seconds:.1f} s for {done.new} of them; in {escape(str(output))}",
            f"look at      {escape(str(done.sheet))}",
        ]
    )


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
