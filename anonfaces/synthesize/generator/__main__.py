"""``python -m anonfaces.synthesize.generator``: fit the emulator of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonbase import cli
from anonbase.options import Debug, Quiet, option

_ABOUT = """
Fit the emulator of a generator: a small network that tells what will be seen in its faces without
drawing them. With it --surrogate optimised takes a fraction of its time. The generator that ships
has one; that of another lies beside its checkpoint and is found there.

Each sample costs one picture and a look at it (some 0.1 s of a core at 128 px). Ctrl-C loses
nothing where --keep says in which file samples are kept: the same command goes on.

\b
Examples:
  python -m anonfaces.synthesize.generator --generator mine.pkl --keep samples.npz
  python -m anonfaces.synthesize.generator --generator mine.pkl --samples 8000
"""

app = typer.Typer(add_completion=False)


@app.command(help=_ABOUT)
def fit(
    generator: Annotated[
        Path | None, option("StyleGAN checkpoint; default: the one that ships")
    ] = None,
    samples: Annotated[int, option("faces to learn from", min=2000)] = 20_000,
    keep: Annotated[Path | None, option("a file (.npz) that samples are kept in")] = None,
    output: Annotated[
        Path | None,
        option("the file to write (default: beside the checkpoint)", "--output", "-o"),
    ] = None,
    seed: Annotated[int, option("of everything random", min=0)] = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw, look, learn, write."""
    from anonbase.keras_backend import load_engine

    load_engine()
    import stylegan
    from anonfaces.synthesize.generator.emulator import KIND, emulator_file
    from anonfaces.synthesize.generator.emulator_fit import fit_emulator, samples_of
    from encoders import weights_file

    network = stylegan.load(generator)
    place = output or emulator_file(generator)
    seen = samples_of(network, samples, seed, keep, progress=not quiet)
    arrays, explained = fit_emulator(seen, seed)
    facts = {"generator": weights_file.digest(network), "samples": len(seen), "seed": seed}
    command = cli.command_line("anonfaces.synthesize.generator")
    weights_file.write(place, KIND, {**facts, "explained": explained, "command": command}, arrays)
    shares = ", ".join(f"{name} {share:.0%}" for name, share in explained.items())
    print(f"explained of samples held out: {shares}; in {place}")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
