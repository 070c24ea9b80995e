"""``python -m encoders.latent``: fit, or carry over, what belongs to one generator."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbase import cli
from anonbase.text import pluralize

if TYPE_CHECKING:
    from encoders.latent.encoder import LatentEncoder
    from stylegan.generator import Generator

_ABOUT = """
Fit the networks into a generator's latent space. Do it whenever the generator changes.

\b
  encoder     a face -> W+, in one pass (minutes)
  correction  what corrects the encoder's latents in a few steps (minutes)
  inverse     dlib's vector of a face -> w, without a photograph (minutes)
  directions  vectors in w that change age, gender, smile or yaw (a minute)
  carry       encoder, inverse and directions of a generator with the same w, for one with finer
              detail; any other file with --only (a minute)
"""
_ENCODER = """
Train the encoder on real faces and on the generator's own images. FACES are FaceSets (python -m
encoders) or folders of images that are framed like the generator's.

\b
Examples:
  python -m encoders.latent encoder lfw.h5 utkface.h5 -o latent/
  python -m encoders.latent encoder faces.h5 --generator mine/ -o mine/latent
  python -m encoders.latent encoder faces.h5 --start encoder.h5 --minutes 3 -o latent/
"""
_CORRECTION = """
Fit what corrects the encoder's latents (load_latent_corrector): the directions in which the picture
of a latent changes, at the latents of real faces. The encoder (encoder.h5) must lie in the output
folder; after it, fit this anew.

\b
Examples:
  python -m encoders.latent correction lfw.h5 -o latent/
  python -m encoders.latent correction faces.h5 --generator mine/ -o mine/latent
"""
_INVERSE = "Fit the map from dlib's vector of a face to w, on the generator's own images."
_DIRECTIONS = (
    "Fit directions in w, on the generator's own images and the traits that our network sees."
)
_CARRY = """
Carry over what was fitted to a generator to another with the same mapping network, whose detail was
refined on the first one's faces (python -m stylegan.train --refine-kimg): encoder.h5, inverse.h5
and directions.h5, or the files named by --only (correction.h5, emulator.h5, ...).

\b
Example:
  python -m encoders.latent carry --before coarse/ --generator fine/ -o fine/latent
  python -m encoders.latent carry --before old/ --only semantic.h5 -o new/
"""

#: Faces held out that a correction is measured on.
_MEASURED = 64
app = typer.Typer(add_completion=False, help=_ABOUT)
_Sources = Annotated[list[Path], typer.Argument(help="FaceSets (.h5) or folders", metavar="FACES")]
_Generator = Annotated[
    Path | None, typer.Option(help="StyleGAN checkpoint; default: the one that ships")
]
_Output = Annotated[Path, typer.Option("--output", "-o", help="the folder to write to")]
_Seed = Annotated[int, typer.Option(help="the same seed draws the same images", min=0)]
_Debug = Annotated[bool, typer.Option("--debug", help="show the traceback of an error")]


@app.command(help=_ENCODER)
def encoder(
    faces: _Sources,
    output: _Output,
    generator: _Generator = None,
    pictures: Annotated[
        int, typer.Option(help="number of real faces to train on at most", min=1)
    ] = 24_000,
    minutes: Annotated[float, typer.Option(help="minutes to train at most", min=0.01)] = 8.0,
    rate: Annotated[float, typer.Option(help="of Adam, at its highest", min=0)] = 5e-4,
    start: Annotated[
        Path | None,
        typer.Option(help="an encoder to begin with, of a generator with the same w"),
    ] = None,
    seed: _Seed = 0,
    debug: _Debug = False,
) -> None:
    """Measure the framing, read the faces, train, write ``encoder.h5``."""
    _check_sources(faces)
    network = _load(generator)
    from tqdm import tqdm

    from encoders.frame import estimate_alignment
    from encoders.latent.encoder import FILE, LatentEncoder, read_numbers
    from encoders.latent.faces import read_faces
    from encoders.latent.training import SIZE, TrainingConfig, train

    first = None if start is None else read_numbers(start)
    framing = estimate_alignment(
        network.pictures(network.map(network.latents(range(seed, seed + 200))))
    )
    real = read_faces(faces, framing, SIZE)
    held = read_faces(faces, framing, SIZE, held_out=True)[:512]
    beside = _start(generator)
    started, seen = time.monotonic(), 0
    with tqdm(total=pictures, unit="face", disable=None) as bar:

        def report(so_far: int, losses: dict[str, float]) -> None:
            nonlocal seen
            bar.update(so_far - seen)
            bar.set_postfix({k: f"{v:.3f}" for k, v in losses.items()})
            seen = so_far

        course = TrainingConfig(pictures=pictures, minutes=minutes, rate=rate, seed=seed)
        config, values = train(network, real, framing, beside, course, report, first)
    place, made = output / FILE, LatentEncoder(network, config, framing, values)
    facts = {
        "faces": len(real),
        "seen": seen,
        "seed": seed,
        "command": cli.command_line("encoders.latent"),
    }
    rmse = _measured(made, held, beside)
    made.save(place, **facts, **rmse)
    print(f"{pluralize(seen, 'face')} seen in {time.monotonic() - started:.0f} s; in {place}")
    print(", ".join(f"{name} {value}" for name, value in rmse.items()))
    if rmse["rmse"] > rmse.get("rmse_beside", rmse["rmse"]):
        print("not yet as good as the encoder that it began with: give it more --minutes")


@app.command(help=_CORRECTION)
def correction(
    faces: _Sources,
    output: _Output,
    generator: _Generator = None,
    samples: Annotated[int, typer.Option(help="changes of pictures to learn from", min=8)] = 6000,
    seed: _Seed = 0,
    debug: _Debug = False,
) -> None:
    """Read the faces and the encoder, fit, measure, write ``correction.h5``."""
    _check_sources(faces)
    network = _load(generator)
    from tqdm import tqdm

    from encoders.latent.correction import FILE, fit
    from encoders.latent.encoder import FILE as ENCODER
    from encoders.latent.encoder import load_latent_encoder
    from encoders.latent.faces import read_faces
    from encoders.latent.training import rmse

    latent = load_latent_encoder(network, output / ENCODER)
    real = read_faces(faces, latent.framing, latent.side)
    held = read_faces(faces, latent.framing, latent.side, held_out=True)[:_MEASURED]
    with tqdm(total=samples, unit="change", disable=None) as bar:
        found = fit(latent, real, samples, seed, lambda done: bar.update(done - bar.n) and None)
    facts = {
        "rmse": round(rmse(network, held, found.correct_framed(held)), 2),
        "rmse_encoder": round(rmse(network, held, latent.encode_framed(held)), 2),
    }
    place, command = output / FILE, cli.command_line("encoders.latent")
    found.save(place, faces=len(real), samples=samples, seed=seed, command=command, **facts)
    print(f"{', '.join(f'{name} {value}' for name, value in facts.items())}; in {place}")


@app.command(help=_INVERSE)
def inverse(
    output: _Output,
    generator: _Generator = None,
    samples: Annotated[int, typer.Option(help="images to learn from", min=200)] = 8000,
    seed: _Seed = 0,
    debug: _Debug = False,
) -> None:
    """Sample, embed, regress, write ``inverse.h5``."""
    network = _load(generator)
    from encoders.latent.inverse import FILE, fit

    found, facts = fit(network, samples, seed, progress=True)
    place = output / FILE
    found.save(place, **facts, command=cli.command_line("encoders.latent"))
    for name, number in facts.items():
        print(f"{name:<24}{number}")
    print(f"in {place}")


@app.command(help=_DIRECTIONS)
def directions(
    output: _Output,
    generator: _Generator = None,
    samples: Annotated[int, typer.Option(help="images to learn from", min=200)] = 6000,
    strip: Annotated[Path | None, typer.Option(help="also a picture of the directions")] = None,
    seed: _Seed = 0,
    debug: _Debug = False,
) -> None:
    """Sample, label, solve, write ``directions.h5``."""
    network = _load(generator)
    from encoders.latent.directions import FILE, fit, picture

    found, facts = fit(network, samples, seed)
    place = output / FILE
    found.save(place, **facts, command=cli.command_line("encoders.latent"))
    if strip is not None:
        _write_picture(strip, picture(network, found, seed))
    print(f"{', '.join(found)} in {place}")


@app.command(help=_CARRY)
def carry(
    before: Annotated[Path, typer.Option(help="the checkpoint that they were fitted to")],
    output: _Output,
    source: Annotated[
        Path | None, typer.Option(help="the folder with them (default: datasets/latent)")
    ] = None,
    generator: _Generator = None,
    only: Annotated[
        list[Path] | None,
        typer.Option(
            help="instead of these three, a file that names its generator (correction.h5,"
            " emulator.h5, semantic.h5, optics' faces.h5); nothing is measured; may be given again"
        ),
    ] = None,
    debug: _Debug = False,
) -> None:
    """Check that both generators have the same w, write the three files, measure."""
    from encoders.latent.carry import carry as carry_over
    from encoders.latent.carry import carry_file
    from encoders.weights_file import SHIPPED

    said = cli.command_line("encoders.latent")
    finer, coarse = _load(generator), _load(before)
    for one in only or ():
        place = carry_file(finer, coarse, one, output, carried_by=said)
        print(f"{place}: measure what it is worth with this generator")
    if only:
        return
    found = carry_over(finer, coarse, source or SHIPPED, output, command=said)
    print(
        f"the inverse comes back at {found['distance']} in dlib's embedding"
        f" (of the generator before: {found['distance_before']}); in {output}"
    )


def _check_sources(faces: list[Path]) -> None:
    from anonbase.errors import InputError

    for source in faces:
        if not source.exists():
            raise InputError(f"{source}: no such file or folder")


def _load(path: Path | None) -> Generator:
    import stylegan

    return stylegan.load(path)


def _start(path: Path | None) -> Any:
    """The encoder to a single w beside the generator, or None."""
    import stylegan
    from anonbase.errors import WeightsError
    from stylegan import checkpoint

    try:
        return stylegan.load_encoder(path or checkpoint.SHIPPED)
    except WeightsError:
        return None


def _measured(made: LatentEncoder, faces: Any, beside: Any) -> dict[str, float]:
    """How far held-out faces come back off, by this encoder and by the one that it began with."""
    from encoders.latent.training import rmse

    found = {"rmse": rmse(made.generator, faces, made.encode_framed(faces))}
    if beside is not None:
        found["rmse_beside"] = rmse(made.generator, faces, beside(faces))
    return {name: round(value, 2) for name, value in found.items()}


def _write_picture(path: Path, picture: Any) -> None:
    from PIL import Image

    from anonbase.files import atomic_write

    with atomic_write(path) as beside:
        Image.fromarray(picture).save(beside, format="png")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
