"""``python -m anonfaces.synthesize.k_same.mixture_training faces.h5``: trains k-Same-Net.

Its surrogates are mixtures of the people in ``faces.h5``, so these must not be the people whom
it is to protect. A person of several photographs counts with the best one.
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

__all__ = ["app", "train_mixture"]

Tensor = Any

_WIDTH = 128
_BLUR = 0.2
_FEWEST = 200
_BATCH = 32
_RATE = 2e-3

app = typer.Typer(add_completion=False)


def train_mixture(faces: FaceSet, steps: int, seed: int = 0) -> dict[str, NDArray[Any]]:
    """The arrays of ``mixture.Mixture``, after ``steps`` batches of 32.

    Each face of ``faces`` is an identity of the gallery. What the network starts from for each
    is the face's principal components, so that it has to learn to draw and not who is like whom.
    """
    from anonbase.keras_backend import load_engine

    load_engine()
    import keras

    from anonfaces.synthesize.k_same.mixture import build, named

    keras.utils.set_random_seed(seed)
    pictures, expression, gallery = _prepared(faces)
    network = build(gallery["mean_face"], len(faces), _WIDTH, _BLUR)
    identity, base = _first_guess(pictures, expression, seed)
    network.get_layer("identity").kernel.assign(identity)
    network.get_layer("base").kernel.assign(base)
    rate = keras.optimizers.schedules.CosineDecay(_RATE, steps)
    network.compile(keras.optimizers.Adam(rate), loss=_loss)
    rounds = max(1, round(steps * _BATCH / len(faces)))
    shares = np.eye(len(faces), dtype=np.float32)
    network.fit([shares, expression], pictures, _BATCH, rounds, verbose=2)
    layers = {named(v.path): np.asarray(v) for v in network.trainable_weights}
    return {**gallery, **layers}


def _prepared(faces: FaceSet) -> tuple[NDArray[Any], NDArray[Any], dict[str, NDArray[Any]]]:
    """Pictures in -1 to 1, expressions in deviations, and what the file says of the gallery."""
    from anonfaces.synthesize.k_same.eigenfaces import FACE
    from anonfaces.synthesize.k_same.mixture import SIDE, expression_of
    from anonfaces.synthesize.k_same.warp import to_sides
    from encoders.align import ffhq_landmarks

    landmark = to_sides(ffhq_landmarks(faces.landmark, faces.chip_size), faces.chip_size)
    expression = expression_of(landmark)
    mean, scale = expression.mean(axis=0), expression.std(axis=0)
    pictures = FACE.cut(faces.chips(), SIDE).astype(np.float32) / 127.5 - 1
    gallery = {
        "vector": faces.embedding,
        "expression_mean": mean,
        "expression_scale": scale,
        "mean_face": pictures.mean(axis=0),
    }
    return pictures, np.clip((expression - mean) / scale, -3, 3).astype(np.float32), gallery


def _first_guess(
    pictures: NDArray[Any], expression: NDArray[Any], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Identities (n, 128), and what they and the expressions draw at 32 px, (134, 32 * 32 * 3).

    What the expression explains is taken from the pictures first, or an identity would hold the
    expression of its one photograph, and the network learn to ignore the other input.
    """
    from sklearn.decomposition import PCA

    flat = pictures.reshape(len(pictures), -1)
    shown = np.linalg.lstsq(expression, flat - flat.mean(axis=0), rcond=None)[0]
    components = PCA(_WIDTH, svd_solver="randomized", random_state=seed)
    scores = components.fit_transform(flat - expression @ shown)
    scale = np.sqrt(components.explained_variance_)
    drawn = np.concatenate([components.components_ * scale[:, None], shown])
    return (scores / scale).astype(np.float32), _coarse(drawn).astype(np.float32)


def _coarse(pictures: NDArray[Any]) -> NDArray[Any]:
    from anonfaces.synthesize.k_same.mixture import COARSE, SIDE

    by = SIDE // COARSE
    return (
        pictures.reshape(-1, COARSE, by, COARSE, by, 3).mean(axis=(2, 4)).reshape(len(pictures), -1)
    )


def _loss(wanted: Tensor, drawn: Tensor) -> Tensor:
    """Absolute error of pixels and of the steps between them: edges count, so less is blurred."""
    from keras import ops

    off = drawn - wanted
    down, across = off[:, 1:] - off[:, :-1], off[:, :, 1:] - off[:, :, :-1]
    return sum(ops.mean(ops.abs(part)) for part in (off, down, across))


@app.command()
def train(
    source: Annotated[Path, typer.Argument(metavar="FACES", help="a faces.h5 of other people")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="a folder; default the one that ships")
    ] = None,
    identities: Annotated[int, typer.Option(help="how many of its people to take")] = 1000,
    steps: Annotated[int, typer.Option(help="batches of 32 to train on")] = 650,
    seed: Annotated[int, typer.Option(help="the same seed gives the same gallery")] = 0,
) -> None:
    """Train the network of k-Same-Net on people who are not to be protected."""
    from anonfaces.synthesize.k_same import mixture
    from encoders.faceset import FaceSet
    from encoders.weights_file import write

    faces = FaceSet.read(source)
    if not str(faces.meta.get("extractor", "")).startswith("dlib"):
        raise InputError(f"{source}: the gallery is searched by dlib's vectors (--extractor dlib)")
    rows = _chosen(faces, identities, seed)
    if len(rows) < _FEWEST:
        few = pluralize(len(rows), "person", "people")
        raise InputError(f"{source}: {few}, expected at least {_FEWEST}")
    arrays = train_mixture(faces.select(rows), steps, seed)
    place = output or mixture.SHIPPED
    write(place / mixture.NAME, mixture.KIND, {"identities": len(rows), "steps": steps}, arrays)
    print(f"{place / mixture.NAME}: {len(rows):,} identities")


def _chosen(faces: FaceSet, most: int, seed: int) -> NDArray[np.int64]:
    """One face a person, the best by quality; of many people ``most`` by chance."""
    order = np.argsort(-faces.quality, kind="stable")
    unnamed = np.array([f"\0{row}" for row in range(len(faces))])
    person = np.where(faces.identity == "", unnamed, faces.identity)[order]
    _, first = np.unique(person, return_index=True)
    best = np.sort(order[first])
    return np.sort(np.random.default_rng(seed).permutation(best)[:most])


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
