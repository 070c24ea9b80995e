"""What dlib's vector tells of a face's looks: ``python -m encoders.attributes.from_vector``.

How light somebody's skin is: the color of cheeks and chin in one photograph tells more of the lamp
than of the skin. dlib's vector hardly holds the lamp; a ridge regression from it to that color,
over photographs in every light, therefore gives what skin a person has in the mean. And perceived
gender, by a logistic regression to UTKFace's labels, which errs less than the attribute network.
Both are guesses, for choosing faces that suit, and say nothing about who somebody is: the
card is ``datasets/attributes/README.md``.
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
from encoders.attributes.training import labels_of
from encoders.latent.faces import is_held_out

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = ["cheek_lightness", "female", "fit_female", "fit_lightness", "skin_lightness"]

KIND = "looks by dlib's vector"
FILE = "from_vector.h5"
REMEDY = "python -m encoders.attributes.from_vector UTKFACE"
_RIDGE, _FREEDOM = 1.0, 100.0
_SIDE, _READ_AT_ONCE = 128, 512
_JAW, _NOSE_BASE = slice(1, 16), 33
#: One face in five tells how well the others' regression of lightness holds.
_HELD_OUT = 5

_ABOUT = """
Fit what guesses gender and the lightness of skin from dlib's vector, and print how well it does.

\b
Example:
  python -m encoders.attributes.from_vector utk.h5 --more lfw.h5
"""
app = typer.Typer(add_completion=False)

Fit = tuple[NDArray[np.float32], float, float]


def skin_lightness(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """CIELAB's L (0 black to 100 white) of the skin of whom dlib's ``vectors`` (n, 128) show.

    Returns float32 (n,). Raises WeightsError where the file that ships is missing or damaged.
    """
    return _told(vectors, 0)


def female(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The probability of "female" of whom dlib's ``vectors`` (n, 128) show, float32 (n,).

    Raises WeightsError where the file that ships is missing or damaged.
    """
    odds = np.clip(_told(vectors, 1), -30, 30)
    return (1 / (1 + np.exp(-odds))).astype(np.float32)


def fit_lightness(sets: Sequence[FaceSet]) -> Fit:
    """Weights (128,), what is added, and the share of the variance explained on held-out faces."""
    vectors = np.concatenate([faces.embedding for faces in sets]).astype(np.float64)
    wanted = np.concatenate([cheek_lightness(faces) for faces in sets]).astype(np.float64)
    held = np.arange(len(wanted)) % _HELD_OUT == 0
    weights, bias = _solved(vectors[~held], wanted[~held])
    off = wanted[held] - vectors[held] @ weights - bias
    return weights.astype(np.float32), bias, float(1 - off.var() / wanted[held].var())


def fit_female(utkface: FaceSet) -> Fit:
    """Weights (128,), what is added, and the share of held-out faces that agree with the label.

    InputError where names are not UTKFace's.
    """
    from sklearn.linear_model import LogisticRegression

    label = np.array([labels_of(name)[1] for name in utkface.image])
    held = np.array([is_held_out(name) for name in utkface.image])
    model = LogisticRegression(C=_FREEDOM, max_iter=2000)
    model.fit(utkface.embedding[~held], label[~held])
    agree = np.mean(model.predict(utkface.embedding[held]) == label[held])
    return model.coef_[0].astype(np.float32), float(model.intercept_[0]), float(agree)


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


def _told(vectors: NDArray[np.float32], column: int) -> NDArray[np.float32]:
    weights, bias = _shipped()
    whole = np.asarray(vectors, np.float32) @ weights[:, column] + bias[column]
    return np.asarray(whole, np.float32)


@cache
def _shipped() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    path = SHIPPED / FILE
    _, arrays = weights_file.read(path, KIND, REMEDY)
    if {name: array.shape for name, array in arrays.items()} != {"weights": (128, 2), "bias": (2,)}:
        raise WeightsError(f"{path}: its arrays are not those of {KIND}: {REMEDY} makes it")
    return arrays["weights"], arrays["bias"]


@app.command(help=_ABOUT)
def from_vector(
    utkface: Annotated[Path, typer.Argument(metavar="UTKFACE", help="a FaceSet (.h5), labeled")],
    more: Annotated[
        list[Path] | None, typer.Option(help="other FaceSets, for the lightness of skin")
    ] = None,
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

    sets = [FaceSet.read(path) for path in (utkface, *(more or ()))]
    lightness, gender = fit_lightness(sets), fit_female(sets[0])
    place = (SHIPPED if output is None else output) / FILE
    arrays = {
        "weights": np.column_stack([lightness[0], gender[0]]),
        "bias": np.array([lightness[1], gender[1]], np.float32),
    }
    weights_file.write(place, KIND, {"faces": sum(map(len, sets))}, arrays, np.float32)
    typer.echo(
        f"{place}\nlightness: explains {100 * lightness[2]:.0f} % of what cheeks of held-out faces"
        f" show\ngender: agrees with {100 * gender[2]:.1f} % of held-out labels"
    )


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
