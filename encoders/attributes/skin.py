"""How light somebody's skin is, whatever the light: ``python -m encoders.attributes.skin``.

The color of cheeks and chin in one photograph tells more of the lamp than of the skin. dlib's
vector hardly holds the lamp; a ridge regression from it to that color, over photographs in every
light, therefore gives what skin a person has in the mean. It is a guess from a photograph, for
choosing faces that suit, and says nothing about who somebody is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from anonbase import cli
from anonbase.errors import WeightsError
from encoders import weights_file
from encoders.attributes.network import SHIPPED

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = ["cheek_lightness", "fit", "skin_lightness"]

KIND = "lightness of skin"
FILE = "skin.h5"
REMEDY = "python -m encoders.attributes.skin LFW UTKFACE"
_RIDGE = 1.0
_SIDE, _READ_AT_ONCE = 128, 512
_JAW, _NOSE_BASE = slice(1, 16), 33
#: One face in five tells how well the others' regression holds.
_HELD_OUT = 5

_ABOUT = """
Fit what guesses the lightness of somebody's skin from dlib's vector, and print how well it does.

\b
Example:
  python -m encoders.attributes.skin lfw.h5 utk.h5
"""
app = typer.Typer(add_completion=False)


def skin_lightness(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """CIELAB's L (0 black to 100 white) of the skin of whom dlib's ``vectors`` (n, 128) show.

    Returns float32 (n,). Raises WeightsError where the file that ships is missing or damaged.
    """
    weights, bias = _shipped()
    return (np.asarray(vectors, np.float32) @ weights + bias).astype(np.float32)


def fit(sets: Sequence[FaceSet]) -> tuple[NDArray[np.float32], float, float]:
    """Weights (128,), what is added, and the share of the variance explained on held-out faces."""
    vectors = np.concatenate([faces.embedding for faces in sets]).astype(np.float64)
    wanted = np.concatenate([cheek_lightness(faces) for faces in sets]).astype(np.float64)
    held = np.arange(len(wanted)) % _HELD_OUT == 0
    weights, bias = _solved(vectors[~held], wanted[~held])
    off = wanted[held] - vectors[held] @ weights - bias
    return weights.astype(np.float32), bias, float(1 - off.var() / wanted[held].var())


def cheek_lightness(faces: FaceSet) -> NDArray[np.float32]:
    """The median L (n,) of each face's cheeks and chin, half-way from the nose to the jaw."""
    rows = np.arange(len(faces))
    parts = [rows[i : i + _READ_AT_ONCE] for i in range(0, len(rows), _READ_AT_ONCE)]
    return np.concatenate([np.empty(0, np.float32), *(_of_part(faces, part) for part in parts)])


def _of_part(faces: FaceSet, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    import cv2

    from encoders.align import ffhq_landmarks
    from encoders.frame import CropSquare

    chips = CropSquare().cut(faces.chips(rows), _SIDE)
    points = ffhq_landmarks(faces.landmark[rows], _SIDE)
    places = (points[:, _JAW] + points[:, _NOSE_BASE, None]) / 2
    x, y = np.rint(np.clip(places, 0, _SIDE - 1)).astype(int).transpose(2, 0, 1)
    color = chips[np.arange(len(rows))[:, None], y, x].astype(np.float32) / 255
    return np.median(cv2.cvtColor(color, cv2.COLOR_RGB2LAB)[..., 0], axis=1).astype(np.float32)


def _solved(
    vectors: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    middle, mean = vectors.mean(axis=0), wanted.mean()
    centered = vectors - middle
    gram = centered.T @ centered + _RIDGE * np.eye(vectors.shape[1])
    weights = np.linalg.solve(gram, centered.T @ (wanted - mean))
    return weights, float(mean - middle @ weights)


@cache
def _shipped() -> tuple[NDArray[np.float32], float]:
    path = SHIPPED / FILE
    _, arrays = weights_file.read(path, KIND, REMEDY)
    if {name: array.shape for name, array in arrays.items()} != {"weights": (128,), "bias": (1,)}:
        raise WeightsError(f"{path}: its arrays are not those of {KIND}: {REMEDY} makes it")
    return arrays["weights"], float(arrays["bias"][0])


@app.command(help=_ABOUT)
def skin(
    faces: Annotated[list[Path], typer.Argument(metavar="FACES", help="FaceSets (.h5)")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="the folder to write to (default: datasets/attributes)"
        ),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="show the traceback of an error")] = False,
) -> None:
    """Read, solve, write."""
    from encoders.faceset import FaceSet

    sets = [FaceSet.read(path) for path in faces]
    weights, bias, explained = fit(sets)
    place = (SHIPPED if output is None else output) / FILE
    arrays = {"weights": weights, "bias": np.array([bias], np.float32)}
    weights_file.write(place, KIND, {"faces": sum(map(len, sets))}, arrays, np.float32)
    typer.echo(f"{place}: explains {100 * explained:.0f} % of what cheeks of held-out faces show")


if __name__ == "__main__":
    cli.run(app)
