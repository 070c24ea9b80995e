"""``python -m anonfaces.semantic train|mix``: the semantic generator."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from anonbase import cli
from anonbase.options import Debug, Quiet, option

_ABOUT = """
The generator behind anonymize --surrogate semantic: a face is drawn anew from a label map of its
parts and nobody's identity, so that pose, expression and layout stay and the person does not.
"""
_TRAIN = """
Train it on FaceSets (python -m encoders makes them, with dlib's vectors). The generator that ships
draws, as it is; what is learned is to steer it where the map says (--own-decoder: it learns too).

The run's folder gets state.h5 (to go on from), log.csv, curves.png, sheets/ (input, map, hole,
drawn as itself, drawn as three people who do not exist, who stand above), and semantic.h5, the
weights so far, which anonymize --semantic takes.
Stopped at any moment, the same command goes on where
the state was saved. One person in ten, by a checksum of the name, is never trained on.

Weights learn from faces of real people: the terms of the data bind them too.

\b
Examples:
  python -m anonfaces.semantic train lfw.h5 utk.h5 --kpictures 40 -o run/
  python -m anonfaces.semantic train lfw.h5 --features dlib+vgg --adversarial lsgan -o run/
"""

_MIX = """
Go a share of the way from the weights that a run began with to those that it ended with. A run
follows the map better and better, and with it the shape of the person's own face: the share says
how much of that is wanted. python -m benchmarks.semantic measures both.

\b
Example:
  python -m anonfaces.semantic mix datasets/semantic run/ --share 0.5 -o semantic.h5
"""

app = typer.Typer(add_completion=False, help=_ABOUT, no_args_is_help=True)


class _Features(StrEnum):
    dlib = "dlib"
    dlib_vgg = "dlib+vgg"


class _Adversarial(StrEnum):
    hinge = "hinge"
    lsgan = "lsgan"


@app.command(help=_TRAIN)
def train(
    data: Annotated[list[Path], typer.Argument(metavar="FACES...", help="FaceSets (.h5)")],
    output: Annotated[Path, option("the run's folder", "--output", "-o")],
    kpictures: Annotated[float, option("pictures that are seen, in thousands")] = 40.0,
    batch: Annotated[int, option("pictures a step, an even number")] = 12,
    recognized: Annotated[
        int, option("pictures of each half of a batch that dlib's network looks at")
    ] = 4,
    rate: Annotated[float, option("of Adam, at its highest")] = 2e-3,
    start: Annotated[
        Path | None,
        option("weights of an earlier run to begin with; default: the generator that ships"),
    ] = None,
    features: Annotated[
        _Features, option("networks to which a drawn face must look alike")
    ] = _Features.dlib,
    adversarial: Annotated[
        _Adversarial, option("loss of the judge of quality")
    ] = _Adversarial.hinge,
    push: Annotated[
        float, option("distance in dlib's vectors that a result keeps from its source")
    ] = 1.0,
    own_decoder: Annotated[
        bool,
        option("train a synthesis network of its own at 64 px; default: steer the one that ships"),
    ] = False,
    tone: Annotated[
        float,
        option("weight of light and tone, at an eighth of the size, staying the source's", min=0),
    ] = 2.0,
    save_minutes: Annotated[float, option("how often to save")] = 5.0,
    seed: Annotated[int, option("of everything random", min=0)] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Read the options, then train."""
    from anonbase.keras_backend import load_engine

    load_engine()
    from anonfaces.semantic.learn import train as run
    from stylegan.semantic.training import SemanticTraining

    recipe = SemanticTraining(
        kpictures=kpictures, batch=batch, recognized=recognized, rate=rate,
        adversarial=adversarial.value, push=push, tone_weight=tone, seed=seed,
    )  # fmt: skip
    message = cli.command_line("anonfaces.semantic")
    place = run(
        data, output, recipe, start=start, features=features.value, own_decoder=own_decoder,
        save_minutes=save_minutes, progress=not quiet, command=message,
    )  # fmt: skip
    print(f"in {place}: python -m anonfaces.anonymize PHOTOS -o OUT --surrogate semantic"
          f" --semantic {place}")  # fmt: skip


@app.command(help=_MIX)
def mix(
    start: Annotated[Path, typer.Argument(help="weights that the run began with")],
    end: Annotated[Path, typer.Argument(help="weights that it ended with")],
    output: Annotated[Path, option("the file to write", "--output", "-o")],
    share: Annotated[float, option("of the way to END", min=0, max=1)] = 0.5,
    debug: Debug = False,
) -> None:
    """Read both, mix, write."""
    from anonfaces.semantic.weights import mix_generators

    command = cli.command_line("anonfaces.semantic")
    mix_generators(start, end, output, share, command=command)
    print(f"in {output}: python -m anonfaces.anonymize PHOTOS -o OUT --surrogate semantic"
          f" --semantic {output}")  # fmt: skip


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
