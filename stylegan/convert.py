"""``python -m stylegan.convert in.pkl out/``: any checkpoint into our own format."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.text import pluralize

if TYPE_CHECKING:
    from stylegan.checkpoint import Checkpoint

_EXAMPLES = """
Turn a StyleGAN checkpoint into a folder of HDF5 weights and a JSON config.

CHECKPOINT is an NVIDIA pickle (StyleGAN, StyleGAN2, StyleGAN2-ADA, StyleGAN3), a .pt of
rosinality's stylegan2-pytorch, an .npz with arrays named G/... as the official PyTorch modules
name them, or a folder that this command wrote. Nothing in it is run: a file that tries to run
code is refused.

\b
Examples:
  python -m stylegan.convert stylegan2-ffhq-config-f.pkl ffhq/
  python -m stylegan.convert ffhq.pkl ffhq/ --dtype float16
  python -m stylegan.convert 550000.pt rosinality/ --generator-only
"""

app = typer.Typer(add_completion=False)


class _Dtype(StrEnum):
    float32 = "float32"
    float16 = "float16"


@app.command(help=_EXAMPLES)
def convert(
    checkpoint: Annotated[
        Path, typer.Argument(metavar="CHECKPOINT", help="the checkpoint to read")
    ],
    output: Annotated[Path, typer.Argument(metavar="FOLDER", help="the folder to make")],
    dtype: Annotated[
        _Dtype, typer.Option(help="numbers in the file; float16 halves its size")
    ] = _Dtype.float32,
    generator_only: Annotated[
        bool, typer.Option("--generator-only", help="leave out the discriminator")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Read, check every shape and number against the config, write."""
    from anonbase.errors import OutputError
    from anonbase.files import sha256
    from stylegan import checkpoint as files

    networks = files.read(checkpoint)
    checked = files.checked(networks, str(checkpoint), generator_only)
    print(_described(checked))
    if checkpoint.is_file():
        digest = sha256(checkpoint)
        print(f"SHA-256 {digest}: {_terms(digest)}")
    try:
        files.write(checked, output, dtype)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error})") from None
    print(f"written to {output}: stylegan.load({str(output)!r})")


def _described(found: Checkpoint) -> str:
    config = found.generator
    judge = "with" if found.discriminator else "without"
    return (
        f"{config.architecture}, {config.resolution} px, z {config.z_dim}, w {config.w_dim}, "
        f"{pluralize(config.classes, 'class', 'classes')}, {judge} discriminator"
    )


def _terms(digest: str) -> str:
    from stylegan.checkpoint import known

    published = known(digest)
    if published is None:
        return "not a known file; its terms are those of whoever made it"
    return f"{published.name}. Licence: {published.licence}. Hash from {published.where}"


if __name__ == "__main__":
    cli.run(app)
