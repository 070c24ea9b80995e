"""``python -m encoders.parsing maps|train faces.h5``: label maps, and a parser trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbase import cli
from anonbase.options import Debug, Quiet, option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from encoders.faceset import FaceSet

_ABOUT = "Label maps of faces: background with hair, skin, brows, eyes, nose, lips and mouth."
_MAPS = """
Draw the label maps of the faces of a FaceSet (python -m encoders), from 68 landmarks and the color
of the cheeks.

MAPS gets maps-000.npz (label uint8 (n, s, s), image: the photographs' names), maps-001.npz and so
on, and overlay-000.png beside each, the first of its faces under their maps in color. Parts that
are there already are not made again.

\b
Examples:
  python -m encoders.parsing maps faces.h5 -o maps/
  python -m encoders.parsing maps faces.h5 -o maps/ --size 256 --hair
"""
_TRAIN = """
Train the parser, a small network that knows edges, on the label maps of a FaceSet, and print how
well it agrees with them on one person in twenty, who is held out.

\b
Example:
  python -m encoders.parsing train lfw.h5 -o parser/ --kpictures 60
"""
_PART, _ACROSS, _DOWN = 512, 8, 5
app = typer.Typer(add_completion=False, help=_ABOUT, no_args_is_help=True)
_Faces = Annotated[Path, typer.Argument(metavar="FACES", help="a FaceSet (.h5)")]
_Output = Annotated[Path, option("the folder to write to", "--output", "-o")]


@app.command(help=_MAPS)
def maps(
    faces: _Faces,
    output: _Output,
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
    for number in tqdm(range(-(-len(found) // _PART)), unit="part", disable=quiet or None):
        if not (output / f"maps-{number:03d}.npz").exists():
            _write_part(found, output, number, size, hair)
    print(f"{len(found):,} label maps of {size} px in {output}")


@app.command(help=_TRAIN)
def train(
    faces: _Faces,
    output: _Output,
    kpictures: Annotated[float, option("pictures that are seen, in thousands", min=0.001)] = 60.0,
    minutes: Annotated[float, option("minutes at most", min=0.01)] = 60.0,
    seed: Annotated[int, option("of everything random", min=0)] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Read, train, measure, write."""
    from tqdm import tqdm

    from encoders.parsing.parser import FILE
    from encoders.parsing.training import agreement, read_maps
    from encoders.parsing.training import train as run

    held = read_maps(faces, True)
    with tqdm(total=round(kpictures * 1000), unit="face", disable=quiet or None) as bar:

        def report(seen: int, loss: float) -> None:
            bar.update(seen - bar.n)
            bar.set_postfix(loss=f"{loss:.3f}")

        parser = run(*read_maps(faces, False), kpictures, minutes, seed, report)
    found = agreement(parser, *held)
    message = cli.command_line("encoders.parsing")
    parser.save(output / FILE, command=message, miou=found.miou, edge_f1=found.edge_f1)
    _print(found)
    print(f"in {output / FILE}")


def _write_part(found: FaceSet, output: Path, number: int, size: int, hair: bool) -> None:
    import numpy as np
    from PIL import Image

    from anonbase.files import atomic_write
    from encoders.align import ffhq_landmarks
    from encoders.frame import CropSquare
    from encoders.parsing import label_map, overlay

    rows = np.arange(number * _PART, min((number + 1) * _PART, len(found)))
    chips = CropSquare().cut(found.chips(rows), size)
    points = ffhq_landmarks(found.landmark[rows], size)
    labels = np.stack([label_map(p, size, c, hair) for p, c in zip(points, chips, strict=True)])
    some = overlay(chips, labels)[: _ACROSS * _DOWN]
    sheet = np.concatenate([_line(some[i : i + _ACROSS]) for i in range(0, len(some), _ACROSS)])
    with atomic_write(output / f"overlay-{number:03d}.png") as beside:
        Image.fromarray(sheet).save(beside, "PNG")
    with atomic_write(output / f"maps-{number:03d}.npz") as beside, beside.open("wb") as file:
        np.savez_compressed(file, label=labels, image=found.image[rows])


def _line(pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures beside one another, and black where a line has fewer."""
    import numpy as np

    room = np.zeros((_ACROSS, *pictures.shape[1:]), np.uint8)
    room[: len(pictures)] = pictures
    return np.concatenate(list(room), axis=1)


def _print(found: Any) -> None:
    """IoU of each class, and the part with which it is mostly mistaken."""
    from encoders.parsing import CLASSES

    print("| class | IoU | most often said instead |\n| --- | --- | --- |")
    for i, name in enumerate(CLASSES):
        wrong = found.confusion[i].copy()
        wrong[i] = 0
        print(f"| {name} | {found.iou[i]:.3f} | {CLASSES[int(wrong.argmax())]} |")
    print(f"mIoU {found.miou:.3f}, F1 of edges {found.edge_f1:.3f}")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
