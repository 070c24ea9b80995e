"""``python -m encoders.attributes utkface.h5``: train the attribute network anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from anonbase import cli
from anonbase.text import pluralize

_ABOUT = """
Train the attribute network on a FaceSet of UTKFace, and print its errors on held-out faces.

\b
Example:
  python -m encoders utkface128/ -o utkface.h5 --chip-size 128
  python -m encoders.attributes utkface.h5
"""
app = typer.Typer(add_completion=False)


@app.command(help=_ABOUT)
def attributes(
    faces: Annotated[Path, typer.Argument(metavar="UTKFACE", help="a FaceSet (.h5)")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="the folder to write to (default: datasets/attributes)"
        ),
    ] = None,
    start: Annotated[
        Path | None, typer.Option(help="weights to start from (default: random)")
    ] = None,
    epochs: Annotated[int, typer.Option(help="epochs at most", min=1)] = 12,
    minutes: Annotated[float, typer.Option(help="minutes at most", min=0.01)] = 8.0,
    seed: Annotated[int, typer.Option(help="the same seed sees the same faces", min=0)] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Read, train, measure, write."""
    from tqdm import tqdm

    from encoders.attributes.network import FILE, SHIPPED, load_attributes
    from encoders.attributes.training import TrainingConfig, errors, read_utkface, train

    before = None if start is None else load_attributes(start)
    learnt, held_out = read_utkface(faces)
    seen = 0
    with tqdm(total=epochs * len(learnt), unit="face", disable=None) as bar:

        def report(so_far: int, loss: float) -> None:
            nonlocal seen
            bar.update(so_far - seen)
            bar.set_postfix(loss=f"{loss:.3f}")
            seen = so_far

        network = train(learnt, TrainingConfig(epochs, minutes, seed=seed), report, before)
    rows = errors(network, held_out)
    place = (SHIPPED if output is None else output) / FILE
    message = cli.command_line("encoders.attributes")
    network.save(place, command=message, faces=len(learnt), seen=seen, seed=seed, errors=rows)
    _print(rows)
    print(f"{pluralize(seen, 'face')} seen; in {place}")


def _print(rows: list[dict[str, Any]]) -> None:
    print("|", " | ".join(rows[0]), "|")
    print("|", " | ".join("---" for _ in rows[0]), "|")
    for row in rows:
        print("|", " | ".join(map(str, row.values())), "|")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
