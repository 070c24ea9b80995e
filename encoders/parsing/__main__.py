"""``python -m encoders.parsing faces.h5 -o maps/``: label maps of the faces of a FaceSet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonbase import cli
from anonbase.options import Debug, Quiet, option

_ABOUT = """
Draw the label maps of the faces of a FaceSet (python -m encoders): background with hair, skin,
brows, eyes, nose, lips and inner mouth, from 68 landmarks and the color of the cheeks.

MAPS gets maps-000.npz (label uint8 (n, s, s), image: the photographs' names), maps-001.npz and so
on, and overlay-000.png beside each, the first of its faces under their maps in color. Parts that
are there already are not made again.

\b
Examples:
  python -m encoders.parsing faces.h5 -o maps/
  python -m encoders.parsing faces.h5 -o maps/ --size 256 --hair
"""
_PART, _ACROSS, _DOWN = 512, 8, 5
app = typer.Typer(add_completion=False)


@app.command(help=_ABOUT)
def parsing(
    faces: Annotated[Path, typer.Argument(metavar="FACES", help="a FaceSet (.h5)")],
    output: Annotated[Path, option("the folder to write to", "--output", "-o")],
    size: Annotated[int, option("side of a map in pixels", min=32, max=1024)] = 128,
    hair: Annotated[
        bool,
        option("tell hair from background, by GrabCut: slow, and poor on bald heads", "--hair"),
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Read, draw, write part by part."""
    from tqdm import tqdm

    from encoders.faceset import FaceSet

    found = FaceSet.read(faces)
    output.mkdir(parents=True, exist_ok=True)
    starts = range(0, len(found), _PART)
    for number, start in enumerate(tqdm(starts, unit="part", disable=quiet or None)):
        _write_part(found, range(start, min(start + _PART, len(found))), output, number, size, hair)
    print(f"{len(found):,} label maps of {size} px in {output}")


def _write_part(
    found: object, rows: range, output: Path, number: int, size: int, hair: bool
) -> None:
    import numpy as np
    from PIL import Image

    from anonbase.files import atomic_write
    from encoders.align import ffhq_landmarks
    from encoders.frame import CropSquare
    from encoders.parsing import label_map, overlay

    place = output / f"maps-{number:03d}.npz"
    if place.exists():
        return
    at = np.arange(rows.start, rows.stop)
    chips = CropSquare().cut(found.chips(at), size)  # type: ignore[attr-defined]
    points = ffhq_landmarks(found.landmark[at], size)  # type: ignore[attr-defined]
    labels = np.stack([label_map(p, size, c, hair) for p, c in zip(points, chips, strict=True)])
    some = overlay(chips, labels)[: _ACROSS * _DOWN]
    lines = [some[i : i + _ACROSS] for i in range(0, len(some), _ACROSS)]
    sheet = np.concatenate([_line(line) for line in lines])
    with atomic_write(output / f"overlay-{number:03d}.png") as beside:
        Image.fromarray(sheet).save(beside, "PNG")
    with atomic_write(place) as beside, beside.open("wb") as file:
        np.savez_compressed(file, label=labels, image=found.image[at])  # type: ignore[attr-defined]


def _line(pictures):  # type: ignore[no-untyped-def]
    import numpy as np

    room = np.zeros((_ACROSS, *pictures.shape[1:]), np.uint8)
    room[: len(pictures)] = pictures
    return np.concatenate(list(room), axis=1)


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
