"""The latent that an encoder found, corrected by what its picture still lacks.

An encoder sees a face once. Here the picture of its latent is drawn and compared with the face, in
pixels and in dlib's vector, and the latent moves against the difference (as ReStyle's does: Y.
Alaluf et al., "ReStyle", ICCV 2021). The way of moving is learned in closed form. Drawn at random,
a change r of the picture asks the latent for the change J'r, whose covariance over many faces is
the mean of J'J: the mean Hessian of a Gauss-Newton method. In coordinates along its eigenvectors,
each scaled by the root of its eigenvalue, all directions curve alike on the average; what is left
of each face's own curvature is learned on the way by L-BFGS (J. Nocedal, "Updating quasi-Newton
matrices with limited storage", 1980). So a few gradients come near to what hundreds of
Adam's reach (``python -m benchmarks.latent``).
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from encoders import weights_file
from encoders.embed.network import check_chips
from encoders.latent.encoder import LatentEncoder, load_latent_encoder
from encoders.latent.quasi_newton import Descent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stylegan.generator import Generator

__all__ = ["LatentCorrector", "fit", "load_latent_corrector"]

Tensor = Any
Pixels = NDArray[np.uint8]
Latents = NDArray[np.float32]

KIND = "latent correction"
FILE = "correction.h5"
REMEDY = "python -m encoders.latent correction FACES -o FOLDER"
#: Directions that a latent may move along, of num_ws x w_dim; more are finer, slower to load and
#: larger on disk.
RANK = 512
STEPS = 8
#: RMSE in levels, and distance in dlib's embedding, that weigh alike.
_LEVELS, _DISTANCE = 15.0, 1.2
#: A direction that changes less than this share of the first ones' mean is held back.
_DAMPING, _FIRST = 0.1, 256
#: Faces at a time, as the encoder has them.
_BATCH = 4
_SAMPLED_AT_ONCE = 8


class LatentCorrector:
    """Latents of a ``LatentEncoder``, corrected.

    Attributes
    ----------
    encoder : LatentEncoder
        What the first latents come from, with the generator that they are of.
    basis : float32 (RANK, num_ws * w_dim)
        Directions in W+, each as long as a face may be expected to move along it.
    """

    def __init__(self, encoder: LatentEncoder, basis: NDArray[np.floating]) -> None:
        self.encoder, self.basis = encoder, np.asarray(basis, np.float64)

    def __call__(self, chips: Pixels, steps: int = STEPS) -> Latents:
        """Find the latents of faces.

        The latent of a chip does not depend on the others in the call.

        Parameters
        ----------
        chips : uint8 (n, s, s, 3)
            RGB, FFHQ-aligned, of any size: what ``FaceSet.chips`` gives.
        steps : int
            Pictures that are drawn of a face's latent to correct it; with 0 it is the encoder's.

        Returns
        -------
        float32 (n, num_ws, w_dim)
            W+ of the generator, of each face the best that was seen.

        Raises
        ------
        InputError
            The chips have another shape or type, or ``steps`` is negative.
        """
        chips = np.asarray(chips)
        if chips.ndim != 4:
            raise InputError(f"expected RGB chips of shape (n, s, s, 3), got {chips.shape}")
        check_chips(chips, chips.shape[1])
        framing, side = self.encoder.framing, self.encoder.side
        parts = [
            self.correct_framed(framing.from_ffhq(chips[i : i + _BATCH], side), steps)
            for i in range(0, len(chips), _BATCH)
        ]
        return np.concatenate([self.encoder(chips[:0]), *parts])

    def correct_framed(self, pictures: Pixels, steps: int = STEPS) -> Latents:
        """As a call, for images (n, side, side, 3) that are framed as the generator's own."""
        if steps < 0:
            raise InputError(f"steps {steps}: expected 0 or more")
        first = self.encoder.encode_framed(pictures)
        if steps == 0:
            return first
        parts = [
            self._corrected(pictures[i : i + _BATCH], first[i : i + _BATCH], steps)
            for i in range(0, len(pictures), _BATCH)
        ]
        return np.concatenate([first[:0], *parts])

    def save(self, path: Path, **facts: Any) -> None:
        """Write the basis as float16, with ``facts`` beside it as JSON."""
        meta = {"generator": weights_file.digest(self.encoder.generator), **facts}
        weights_file.write(path, KIND, meta, {"basis": self.basis})

    def _corrected(self, pictures: Pixels, first: Latents, steps: int) -> Latents:
        rows = np.resize(np.arange(len(pictures)), _BATCH)  # filled up: one shape, compiled once
        faces = pictures[rows].astype(np.float32) / np.float32(127.5) - 1
        start, wanted = first[rows].reshape(_BATCH, -1), self._vectors(faces)

        def latents(place: NDArray[np.float64]) -> Latents:
            return (start + place @ self.basis).astype(np.float32).reshape(_BATCH, *first.shape[1:])

        descent = Descent(_BATCH, len(self.basis))
        for _ in range(steps):
            loss, slope = self._run(latents(descent.place), faces, wanted)
            along = slope.reshape(_BATCH, -1).astype(np.float64) @ self.basis.T
            descent.step(loss.astype(np.float64), along)
        loss, _ = self._run(latents(descent.place), faces, wanted)
        return latents(descent.best(loss.astype(np.float64)))[: len(pictures)]

    def _vectors(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        from keras import ops

        return ops.convert_to_numpy(self._seen(ops.convert_to_tensor(faces)))

    @cached_property
    def _seen(self) -> Callable[[Tensor], Tensor]:
        from anonbase.keras_backend import compiled
        from encoders.latent.identity import Recognizer

        see: Callable[[Tensor], Tensor] = compiled(
            Recognizer(self.encoder.framing.dlib, self.encoder.side)
        )
        return see

    @cached_property
    def _run(self) -> Callable[..., tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """W+, faces and their vectors to the loss (n,) of each face and its gradient by W+."""
        from keras import ops

        from anonbase.keras_backend import compiled, value_and_gradients

        drawn = _Drawn(self.encoder)
        pixels = 1 / (_LEVELS / 127.5) ** 2

        def both(w: Tensor, faces: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
            def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
                small, seen = drawn(p["w"])
                off = ops.mean(ops.square(small - faces), axis=(1, 2, 3))
                apart = ops.sum(ops.square(seen - wanted), axis=1)
                each = 0.5 * (pixels * off + apart / _DISTANCE**2)
                return ops.sum(each), {"each": each}

            found, slope = value_and_gradients(loss, {"w": w})
            return found["each"], slope["w"]

        run = compiled(both)

        def numbers(*arrays: NDArray[np.float32]) -> tuple[Any, Any]:
            loss, slope = run(*map(ops.convert_to_tensor, arrays))
            return ops.convert_to_numpy(loss), ops.convert_to_numpy(slope)

        return numbers


class _Drawn:
    """W+ to the generator's pictures at the encoder's side, and to dlib's vectors of them."""

    def __init__(self, encoder: LatentEncoder) -> None:
        from encoders.latent.identity import Recognizer

        self._generator, self._side = encoder.generator, encoder.side
        self._noise = self._generator.noise_maps()
        self._see = Recognizer(encoder.framing.dlib, self._generator.config.resolution)

    def __call__(self, w: Tensor) -> tuple[Tensor, Tensor]:
        from keras import ops

        images = self._generator.apply(w, self._noise)
        times = self._generator.config.resolution // self._side
        small = images
        if times > 1:
            small = ops.average_pool(images, times, times, data_format="channels_last")
        return small, self._see(images)


def fit(
    encoder: LatentEncoder,
    faces: Pixels,
    samples: int,
    seed: int,
    report: Callable[[int], None] | None = None,
) -> LatentCorrector:
    """Learn the directions at the encoder's latents of ``faces`` (n, side, side, 3).

    ``report`` is called with the number of samples of ``samples`` that are done.
    """
    slopes = _slopes(encoder, faces, samples, seed, report)
    hessian = sum(weight * g.T @ g / len(g) for weight, g in slopes)
    value, vector = np.linalg.eigh(hessian)
    value, vector = value[::-1][:RANK], vector[:, ::-1][:, :RANK]
    held = _DAMPING * value[:_FIRST].mean()
    return LatentCorrector(encoder, (vector / np.sqrt(value + held)).T)


def _slopes(
    encoder: LatentEncoder,
    faces: Pixels,
    samples: int,
    seed: int,
    report: Callable[[int], None] | None,
) -> list[tuple[float, NDArray[np.float64]]]:
    """J'r of random changes r of pixels and of vectors, each with the weight of its loss."""
    from keras import ops

    from anonbase.keras_backend import compiled, input_gradient

    drawn, rng = _Drawn(encoder), np.random.default_rng(seed)
    by_pixels = compiled(lambda w, r: input_gradient(lambda x: ops.sum(r * drawn(x)[0]), w))
    by_vector = compiled(lambda w, r: input_gradient(lambda x: ops.sum(r * drawn(x)[1]), w))
    shapes, size = ((encoder.side, encoder.side, 3), (128,)), _SAMPLED_AT_ONCE
    slopes: tuple[list[Any], list[Any]] = ([], [])
    for start in range(0, samples, size):
        some = faces[rng.integers(len(faces), size=size)]
        w = ops.convert_to_tensor(encoder.encode_framed(some))
        for kept, run, shape in zip(slopes, (by_pixels, by_vector), shapes, strict=True):
            change = ops.convert_to_tensor(rng.standard_normal((size, *shape), np.float32))
            kept.append(ops.convert_to_numpy(run(w, change)).reshape(size, -1))
        if report is not None:
            report(min(start + size, samples))
    weights = (1 / (np.prod(shapes[0]) * (_LEVELS / 127.5) ** 2), 1 / _DISTANCE**2)
    return [
        (float(weight), np.concatenate(kept).astype(np.float64))
        for weight, kept in zip(weights, slopes, strict=True)
    ]


def load_latent_corrector(
    generator: Generator | None = None, path: str | Path | None = None
) -> LatentCorrector:
    """Load the encoder of a generator together with what corrects its latents.

    Parameters
    ----------
    generator : Generator, optional
        The generator. None: the one that ships.
    path : path, optional
        A file that ``python -m encoders.latent correction`` wrote, with its ``encoder.h5`` beside
        it. None: the one that ships (``datasets/latent``).

    Returns
    -------
    LatentCorrector
        A callable: chips to W+.

    Raises
    ------
    WeightsError
        A file is missing, damaged, or fits another generator.
    """
    source = weights_file.SHIPPED / FILE if path is None else Path(path)
    encoder = load_latent_encoder(generator, source.with_name("encoder.h5"))
    meta, arrays = weights_file.read(source, KIND, REMEDY)
    weights_file.check_generator(source, meta, encoder.generator, REMEDY)
    basis = arrays.get("basis")
    wide = encoder.generator.num_ws * encoder.generator.config.w_dim
    if list(arrays) != ["basis"] or basis is None or basis.ndim != 2 or basis.shape[1] != wide:
        raise WeightsError(f"{source}: its arrays are not those of a {KIND}: {REMEDY} makes it")
    return LatentCorrector(encoder, basis)
