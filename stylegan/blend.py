"""``python -m stylegan.blend COARSE FINE -o out/``: one's people with the other's detail.

A generator that was trained on from another keeps nearly its filters, so that the two can be mixed
number by number, and the mixture draws what both would (layer swapping: Pinkney and Adler 2020).
Training moves the place of w as a whole; how far is solved for by least squares, from the biases
of the layers that turn w into styles.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.options import Debug, option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylegan.checkpoint import Checkpoint

    Arrays = dict[str, NDArray[np.float32]]

_EXAMPLES = """
Mix two generators of which one was trained on from the other: the mapping network, and so the
people, of COARSE, and a share of the detail of FINE.

What comes out is a place to begin, for python -m stylegan.train --refine-kimg with COARSE as the
anchor. Blocks that COARSE lacks, of a higher resolution, are FINE's. FINE's encoder comes along.

\b
Example:
  python -m stylegan.blend datasets/generator sharp/ --share 0.7 -o start/
"""

app = typer.Typer(add_completion=False)


@app.command(help=_EXAMPLES)
def main(
    coarse: Annotated[Path, typer.Argument(metavar="COARSE", help="whose people are kept")],
    fine: Annotated[Path, typer.Argument(metavar="FINE", help="whose detail is taken")],
    output: Annotated[Path, option("the folder to make", "--output", "-o")],
    share: Annotated[float, option("of FINE in the mixture", "--share", min=0, max=1)] = 0.7,
    debug: Debug = False,
) -> None:
    """Read both, mix, write float32."""
    from anonbase.errors import OutputError
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint

    blended = blend(checkpoint.read(coarse), checkpoint.read(fine), share)
    try:
        checkpoint.write(blended, output, "float32")
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error})") from None
    print(f"written to {output}: stylegan.load({str(output)!r})")


def blend(coarse: Checkpoint, fine: Checkpoint, share: float) -> Checkpoint:
    """The mapping network of ``coarse`` and a mixture of the synthesis networks.

    Raises:
        WeightsError: the two have other mapping networks or widths, so that one was not trained
            on from the other.
    """
    import numpy as np

    from stylegan.checkpoint import Checkpoint
    from stylegan.train.mapping_phase import shifted

    ours, theirs = (
        {k: np.asarray(v, np.float32) for k, v in one.generator_values.items()}
        for one in (coarse, fine)
    )
    _check(coarse, fine, ours, theirs)
    off = offset(ours, theirs)
    theirs = shifted(theirs, -off)
    mixed = {k: v + share * (theirs[k] - v) for k, v in ours.items() if k.startswith("synthesis.")}
    mapping = {k: v for k, v in ours.items() if k.startswith("mapping.")}
    encoder = {k: np.asarray(v, np.float32) for k, v in (fine.encoder_values or {}).items()}
    if encoder:
        encoder["out.bias"] = encoder["out.bias"] - off
    return Checkpoint(
        fine.generator,
        theirs | mixed | mapping,
        encoder=fine.encoder,
        encoder_values=encoder or None,
    )


def offset(ours: Arrays, theirs: Arrays) -> NDArray[np.float32]:
    """By how much w of ``theirs`` lie beside those of ``ours``, float32 (w_dim,)."""
    import numpy as np

    names = [k for k in ours if k.endswith(".affine.weight")]
    rows = np.concatenate([ours[k].T / np.float32(np.sqrt(len(ours[k]))) for k in names])
    biases = [name.removesuffix("weight") + "bias" for name in names]
    moved = np.concatenate([ours[k] - theirs[k] for k in biases])
    return np.linalg.lstsq(rows, moved, rcond=None)[0].astype(np.float32)


def _check(coarse: Checkpoint, fine: Checkpoint, ours: Arrays, theirs: Arrays) -> None:
    from anonbase.errors import WeightsError

    a, b = coarse.generator, fine.generator
    sizes = [(c.z_dim, c.w_dim, c.mapping_layers, c.classes, c.architecture) for c in (a, b)]
    fits = all(name in theirs and theirs[name].shape == v.shape for name, v in ours.items())
    if sizes[0] != sizes[1] or not fits:
        raise WeightsError(
            "the two generators have other widths, or the second a lower resolution: one that was"
            " trained on from the other is needed"
        )


if __name__ == "__main__":
    cli.run(app)
