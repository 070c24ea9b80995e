"""``python -m anonfaces.report.contact out/ -o sheet.png``: members beside what was made of them.

It shows the members beside their surrogates, so it is for the owner of the photographs and no
part of the page, which may leave the building; nor may several surrogates of one group.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from anonbase import cli
from anonbase.options import SURROGATE_METHODS, Debug, Gallery, Quiet, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    from PIL.Image import Image

    from anonfaces.cluster import Groups
    from anonfaces.synthesize import Surrogate, SurrogateOptions
    from encoders.faceset import FaceSet

__all__ = ["app", "contact_sheet"]

Pixels = NDArray[np.uint8]

_TILE = 128
_GAP = 6
_HEAD = 30
_TEXT = 15
_SHOWN_MEMBERS = 5
_PAPER = (255, 255, 255)
_INK = (28, 36, 48)

app = typer.Typer(add_completion=False)


def contact_sheet(
    folder: Path | str,
    methods: list[str],
    rows: int = 6,
    faces: Path | str | None = None,
    progress: bool = False,
    gallery: Path | None = None,
) -> Image:
    """Some groups of a condensed dataset, a line each: up to five members, then every method.

    ``rows`` groups are taken evenly spread. Generators draw with the dataset's secret key, so that
    the sheet shows what the dataset holds. A method that finds no face for a group leaves its
    place empty. ``gallery`` is the folder that the method of that name takes its faces from.
    ``InputError`` where the folder holds no groups with photographs.
    """
    from anonbase.errors import InputError
    from anonfaces.cluster import Groups
    from anonfaces.dataset.files import find_file
    from anonfaces.report.tiles import evenly
    from anonfaces.synthesize import check_surrogate
    from encoders.faceset import FaceSet

    for method in methods:
        check_surrogate(method, _options_for(method, gallery, Path(folder)))
    if not Path(folder).is_dir():
        raise InputError(
            f"{folder} is no condensed dataset (python -m anonfaces.cluster makes one)"
        )
    groups = Groups.read(Path(folder))
    path = find_file(Path(folder), "faces.h5") if faces is None else Path(faces)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; --faces names the one that was grouped")
    faceset = FaceSet.read(path)
    if len(faceset) != len(groups):
        raise InputError(
            f"{path} holds {pluralize(len(faceset), 'face')}, and {len(groups)} were grouped"
        )
    chosen = evenly(groups.n_groups, rows).tolist()
    shown = [_members(faceset, groups, number) for number in chosen]
    loaded = _loaded(methods, gallery, Path(folder), progress)
    sheets = [_made(faceset, groups, each, chosen) for each in loaded]
    columns = [[each.get(number) for number in chosen] for each in sheets]
    lines = [[*members, *each] for members, *each in zip(shown, *columns, strict=True)]
    return _drawn(lines, ["members", *[""] * (len(shown[0]) - 1), *methods])


def _members(faces: FaceSet, groups: Groups, number: int) -> list[Pixels | None]:
    """The first face of up to five people; nothing where a group has fewer than another."""
    rows = np.flatnonzero(groups.labels == number)
    _, first = np.unique(groups.identity[rows], return_index=True)
    chips: list[Pixels | None] = list(faces.chips(rows[np.sort(first)][:_SHOWN_MEMBERS]))
    return chips + [None] * (_SHOWN_MEMBERS - len(chips))


def _options_for(method: str, gallery: Path | None, folder: Path) -> SurrogateOptions:
    from anonfaces.synthesize import SURROGATES, SurrogateOptions
    from anonfaces.synthesize.owners_key import with_owners_key

    takes = method in SURROGATES and "gallery" in SURROGATES[method].options
    return with_owners_key(SurrogateOptions(gallery=gallery if takes else None), folder)


def _loaded(
    methods: list[str], gallery: Path | None, folder: Path, progress: bool
) -> Iterator[Surrogate]:
    from tqdm import tqdm

    from anonfaces.synthesize import check_surrogate

    with tqdm(methods, "surrogates", unit="method", disable=not progress) as bar:
        for method in bar:
            bar.set_postfix_str(method)
            options = _options_for(method, gallery, folder)
            yield check_surrogate(method, options).load(options)


def _made(
    faces: FaceSet, groups: Groups, method: Surrogate, chosen: list[int]
) -> dict[int, Pixels]:
    """The faces of the chosen groups, in one go; alone where one is refused, so that it lacks."""
    from anonbase.errors import GuaranteeError
    from anonfaces.synthesize import surrogates

    others = set(range(groups.n_groups)) - set(chosen)
    try:
        return dict(surrogates(faces, groups.labels, groups.identity, method, skip=others))
    except GuaranteeError:
        apart = [[number] for number in chosen] if len(chosen) > 1 else []
    return {n: face for one in apart for n, face in _made(faces, groups, method, one).items()}


def _drawn(lines: list[list[Pixels | None]], heads: list[str]) -> Image:
    from PIL import Image, ImageDraw, ImageFont

    step = _TILE + _GAP
    size = (len(heads) * step + 2 * _GAP, _HEAD + len(lines) * step)
    sheet = Image.new("RGB", size, _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    for column, head in enumerate(heads):
        pen.text((_left(column), _GAP), head, fill=_INK, font=font)
    for row, line in enumerate(lines):
        for column, face in enumerate(line):
            if face is not None:
                small = Image.fromarray(face).resize((_TILE, _TILE), Image.Resampling.LANCZOS)
                sheet.paste(small, (_left(column), _HEAD + row * step))
    return sheet


def _left(column: int) -> int:
    """Members stand a little apart from what was made of them."""
    apart = _GAP if column >= _SHOWN_MEMBERS else 0
    return _GAP // 2 + apart + column * (_TILE + _GAP)


@app.command()
def contact(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="a condensed dataset", show_default=False)
    ],
    output: Annotated[Path, option("the PNG to write", "--output", "-o", show_default=False)],
    surrogate: Annotated[
        list[str] | None,
        option(
            f"a method, once or often, or all: {SURROGATE_METHODS}; default the dataset's own",
            show_default=False,
        ),
    ] = None,
    rows: Annotated[int, option("how many groups to show")] = 6,
    faces: Annotated[
        Path | None, option("the faces.h5 that was grouped, if not in OUT", show_default=False)
    ] = None,
    gallery: Gallery = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Show members and their surrogates side by side. Keep the picture secret.

    --surrogate all shows every method on the same groups, which takes minutes.
    """
    from anonbase.files import atomic_write
    from anonfaces.synthesize import SELF_CONTAINED

    methods = surrogate or [_own_method(folder)]
    if methods == ["all"]:
        methods = list(SELF_CONTAINED)
    sheet = contact_sheet(folder, methods, rows, faces, not quiet, gallery)
    with atomic_write(output) as beside:
        sheet.save(beside, "PNG", optimize=True)
    if not quiet:
        print(f"{output}: members and surrogates side by side; keep it to yourself")


def _own_method(folder: Path) -> str:
    """The method that the dataset's surrogates were made by."""
    from anonfaces.dataset.summary import Summary
    from anonfaces.synthesize import DEFAULT_SURROGATE

    path = folder / "summary.json"
    return (Summary.read(path).surrogate if path.is_file() else "") or DEFAULT_SURROGATE


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
