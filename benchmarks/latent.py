"""Into the latent space and back: ``python -m benchmarks.latent faces.h5``.

Held-out faces through the encoder, its latents corrected, and through projection from there: how
far the picture that comes back lies from the face in pixels and in dlib's embedding, and the
seconds a face. Then dlib's vectors of faces that no training saw to w: how far the vector of the
picture lies from the one that was asked for. The embedding is that of the picture enlarged to 256
px, found and aligned as a photograph is; a picture without a face is counted and left out of the
mean.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.tables import print_table

PACKAGES = ("numpy", "keras", "tensorflow-cpu", "dlib-bin")
HEAD = ("way", "faces", "RMSE of levels", "dlib distance", "under 0.6", "no face", "s/face")

Pixels = NDArray[np.uint8]


def main() -> None:
    """Print a row a way."""
    options = _options()
    import stylegan
    from encoders.latent import load_latent_corrector
    from encoders.latent.faces import read_faces

    generator = stylegan.load()
    corrector = load_latent_corrector(generator)
    encoder = corrector.encoder
    single, side = encoder.to_single_w(), generator.config.resolution
    whole = read_faces(options.faces, encoder.framing, side, held_out=True)
    whole = whole[np.random.default_rng(0).permutation(len(whole))[: options.count]]
    faces = _smaller(whole, encoder.side)
    looks = _Looks()
    looks(faces[:32])  # compiles
    print(f"{len(faces)} held-out faces\n{describe(PACKAGES)}\n")
    ways: dict[str, tuple[Callable[[Pixels], Pixels], Pixels]] = {
        "the face itself at this size": (lambda x: x, faces),
        "encoder, the mean of its layers": (
            lambda x: generator.pictures(single(x), batch=32),
            faces,
        ),
        "encoder": (lambda x: generator.pictures(encoder.encode_framed(x), batch=32), faces),
        **{
            f"encoder, corrected {steps} times": (
                lambda x, n=steps: generator.pictures(corrector.correct_framed(x, n), batch=32),
                faces,
            )
            for steps in options.corrections
        },
        "projection": (_projection(encoder, options), whole[: options.projected]),
        "projection with noise": (_projection(encoder, options, True), whole[: options.projected]),
        "embedding alone": (_inverse(generator, looks), faces),
    }
    print_table(HEAD, (_measure(name, *way, looks) for name, way in ways.items() if len(way[1])))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latent", description=__doc__)
    parser.add_argument("faces", type=Path, nargs="+", help="FaceSets, of which 1 in 20 is used")
    parser.add_argument("--count", type=int, default=200, help="faces (default: %(default)s)")
    parser.add_argument("--corrections", type=int, nargs="*", default=[2, 4, 8], metavar="STEPS")
    parser.add_argument("--projected", type=int, default=16, help="(default: %(default)s)")
    parser.add_argument("--steps", type=int, default=80, help="twice (default: %(default)s)")
    return parser.parse_args()


class _Looks:
    """dlib's vectors of pictures, NaN where it finds no face, and of each only once."""

    def __init__(self) -> None:
        from encoders.embed import load_embedder

        self._embed, self._known = load_embedder("dlib"), {}

    def __call__(self, pictures: Pixels) -> NDArray[np.float32]:
        from encoders.latent.samples import detect_faces

        new = [p for p in pictures if p.tobytes() not in self._known]
        if new:
            looks = detect_faces(np.stack(new))
            vectors = np.full((len(new), 128), np.nan, np.float32)
            vectors[looks.found] = self._embed(looks.chip[looks.found])
            self._known |= {p.tobytes(): v for p, v in zip(new, vectors, strict=True)}
        return np.stack([self._known[p.tobytes()] for p in pictures])


def _projection(encoder: Any, options: argparse.Namespace, noise: bool = False) -> Any:
    from encoders.latent.identity import Recognizer
    from stylegan.projection import ProjectionConfig, project

    manner = ProjectionConfig(w_steps=options.steps, plus_steps=options.steps, noise=noise)
    recogniser = Recognizer(encoder.framing.dlib, encoder.generator.config.resolution)

    def way(faces: Pixels) -> Pixels:
        parts = [faces[i : i + 4] for i in range(0, len(faces), 4)]
        return np.concatenate([
            project(
                encoder.generator,
                part,
                encoder.encode_framed(_smaller(part, encoder.side)),
                manner,
                recogniser,
            ).pictures
            for part in parts
        ])  # fmt: skip

    return way


def _inverse(generator: Any, looks: _Looks) -> Callable[[Pixels], Pixels]:
    from encoders.latent import load_inverse

    inverse = load_inverse(generator)

    def way(faces: Pixels) -> Pixels:
        vectors = looks(faces)
        known = np.where(np.isfinite(vectors), vectors, np.nanmean(vectors, axis=0))
        return generator.pictures(inverse(known), batch=32)

    return way


def _smaller(pictures: Pixels, side: int) -> Pixels:
    """Averaged down to ``side`` px."""
    if pictures.shape[1] == side:
        return pictures
    return np.stack([cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures])


def _measure(
    name: str, way: Callable[[Pixels], Pixels], faces: Pixels, looks: _Looks
) -> tuple[object, ...]:
    wanted = looks(faces)
    way(faces[:4])  # compiles
    started = time.perf_counter()
    made = way(faces)
    seconds = (time.perf_counter() - started) / len(faces)
    off = np.sqrt(np.mean(np.square(_smaller(made, faces.shape[1]).astype(float) - faces)))
    distances = np.linalg.norm(looks(made) - wanted, axis=1)
    found = distances[np.isfinite(distances)]
    near = f"{100 * np.mean(found < 0.6):.0f} %"
    return (
        name,
        len(faces),
        f"{off:.1f}",
        float(found.mean()),
        near,
        len(faces) - len(found),
        seconds,
    )


if __name__ == "__main__":
    main()
