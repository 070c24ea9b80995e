"""``python -m anonfaces.synthesize.k_same.fitting faces.h5``: models of k-Same-M, -Eigen.

Fit them on people who are not to be protected: what is released depends on these people too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from anonbase import cli
from anonbase.errors import InputError
from anonbase.text import pluralize

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = ["app", "fit_appearance", "fit_eigenfaces"]

Arrays = dict[str, NDArray[Any]]

_SHAPES = 20
_TEXTURES = 40
_EIGENFACES = 80
_FEWEST = 500
_MOST = 6000
_FOREHEAD = 0.13
_SOFT = 3.0
_PART = 500

app = typer.Typer(add_completion=False)


def fit_appearance(faces: FaceSet) -> Arrays:
    """Mean shape and texture with their components, from FFHQ-aligned chips and landmarks."""
    from anonfaces.synthesize.k_same.appearance_model import TEXTURE_SIZE, texture_of
    from anonfaces.synthesize.k_same.warp import Sheet, to_sides
    from encoders.align import ffhq_landmarks

    shape = to_sides(ffhq_landmarks(faces.landmark, faces.chip_size), faces.chip_size)
    mean = shape.mean(axis=0).astype(np.float16).astype(np.float64)  # as the file will have it
    mask = _mask(mean, TEXTURE_SIZE)
    sheet = Sheet(mean, mean, TEXTURE_SIZE)
    rows = np.arange(len(faces))
    texture = np.concatenate(
        [
            texture_of(sheet.warp(faces.chips(part), shape[part]), mask).astype(np.float32)
            for part in np.array_split(rows, -(-len(rows) // _PART))
        ]
    )
    return {
        "mean_shape": mean,
        "shapes": _components((shape - mean).reshape(len(shape), -1), _SHAPES, scaled=True),
        "mean_texture": texture.mean(axis=0),
        "textures": _components(texture - texture.mean(axis=0), _TEXTURES, scaled=True),
        "mask": mask,
    }


def fit_eigenfaces(faces: FaceSet) -> Arrays:
    """Mean face and eigenfaces of FFHQ-aligned chips."""
    from anonfaces.synthesize.k_same.eigenfaces import FACE, FACE_SIZE

    parts = np.array_split(np.arange(len(faces)), -(-len(faces) // _PART))
    cut = [FACE.cut(faces.chips(part), FACE_SIZE) for part in parts]
    pixels = np.concatenate(cut).reshape(len(faces), -1).astype(np.float32)
    mean = pixels.mean(axis=0)
    return {"mean": mean, "faces": _components(pixels - mean, _EIGENFACES, scaled=False)}


def _components(off: NDArray[Any], count: int, *, scaled: bool) -> NDArray[np.float64]:
    """Principal components (count, d) of centred rows, by the covariance of the smaller side."""
    from sklearn.decomposition import PCA

    components = PCA(count, svd_solver="randomized", random_state=0, iterated_power=5).fit(off)
    scale = np.sqrt(components.explained_variance_) if scaled else np.ones(count)
    return components.components_ * scale[:, None]


def _mask(mean_shape: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """The hull of the landmarks and of the forehead above the brows, with a soft edge."""
    import cv2

    forehead = mean_shape[17:27] - [0, _FOREHEAD]
    points = np.concatenate([mean_shape, forehead]) * size
    hull = cv2.convexHull(np.rint(points).astype(np.int32))
    solid = cv2.fillConvexPoly(np.zeros((size, size), np.float32), hull, 1.0)
    return cv2.GaussianBlur(solid, (0, 0), _SOFT).astype(np.float64)


@app.command()
def fit(
    source: Annotated[Path, typer.Argument(metavar="FACES", help="a faces.h5 to fit on")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="a folder; default the one that ships")
    ] = None,
    seed: Annotated[int, typer.Option(help="which 6,000 faces are taken of a larger file")] = 0,
) -> None:
    """Fit the appearance model and the eigenfaces on other people than those to be protected."""
    from anonfaces.synthesize.k_same import appearance_model, eigenfaces
    from encoders.faceset import FaceSet
    from encoders.weights_file import write

    faces = FaceSet.read(source)
    if len(faces) < _FEWEST:
        raise InputError(f"{source}: {pluralize(len(faces), 'face')}, expected at least {_FEWEST}")
    rows = np.random.default_rng(seed).permutation(len(faces))[:_MOST]
    chosen, place = faces.select(np.sort(rows)), output or appearance_model.SHIPPED
    about = {"faces": len(chosen)}
    write(place / appearance_model.NAME, appearance_model.KIND, about, fit_appearance(chosen))
    write(place / eigenfaces.NAME, eigenfaces.KIND, about, fit_eigenfaces(chosen))
    print(f"{place / appearance_model.NAME} and {eigenfaces.NAME}, of {len(chosen):,} faces")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
