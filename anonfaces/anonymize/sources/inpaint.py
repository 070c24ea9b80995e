"""``inpaint``: the inner face is taken out, and the hole filled to suit what is around it.

R. A. Yeh et al., "Semantic image inpainting with deep generative models", CVPR 2017: the latent
is found whose picture agrees with the border (contextual loss) and looks real to the
discriminator (weight 0.1). Of the inner face nothing is used but, as in every mode, its
landmarks, and its light and tone: its colours blurred over a fifth of the face.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError, WeightsWarning
from anonbase.notices import warn_user
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.paste import SourceFace, outline, transform
from encoders.resize import enlarged

__all__ = ["Hole", "InpaintedFaces"]

Pixels = NDArray[np.uint8]
Tensors = dict[str, Any]

_SIDE, _SAMPLES, _PSI = 256, 48, 0.7
_STEPS, _RATE, _BETAS = 60, 0.08, (0.9, 0.99)
_REALISM, _PRIOR = 0.1, 0.05
_NEAR, _SHOWN = 0.08, 20


@dataclass(frozen=True)
class Hole:
    """A face as the generator would frame it, without its inner part.

    Attributes:
        picture: RGB float32 (s, s, 3) in -1 to 1, 0 where ``weight`` is.
        weight: float32 (s, s, 1), 0 in the hole and outside of the photograph, most beside it.
        landmark: float32 (68, 2), where the landmarks lie in the frame at 256 px.
    """

    picture: NDArray[np.float32]
    weight: NDArray[np.float32]
    landmark: NDArray[np.float32]


@dataclass
class InpaintedFaces:
    """Faces for holes: of ``options.latents`` found at once, the least loss comes first.

    ``steps``, if given, is a folder for a GIF of the way to each face.
    """

    analyzer: FaceAnalyzer
    options: AnonymizationOptions
    steps: Path | None = None
    _frame: NDArray[np.float32] = field(init=False)

    def __post_init__(self) -> None:
        import stylegan
        from anonbase.keras_backend import compiled

        self._generator = stylegan.load(self.options.generator)
        self._critic = _critic(self.options.generator, self._generator.config.resolution)
        seeds = range(_SAMPLES)
        pictures = self._generator.pictures(
            self._generator.map(self._generator.latents(seeds), psi=_PSI)
        )
        portraits = self.analyzer.portraits(
            enlarged(picture, _SIDE, smooth=True) for picture in pictures
        )
        if not portraits:
            raise InputError("dlib finds no face in what the generator makes: fresh needs faces")
        self._frame = np.mean([face.landmark[0] for _, face in portraits], axis=0)
        drawn = self._generator.map(self._generator.latents(range(1000)))[:, 0]
        self._mean, self._spread = drawn.mean(axis=0), drawn.std(axis=0) + np.float32(1e-3)
        self._move = compiled(self._moved)

    def candidates(self, image: Pixels, faces: Faces, index: int, key: int) -> Iterator[SourceFace]:
        """Fillings of the face's hole, the best by loss first."""
        hole = self.hole(image, faces.landmark[index])
        if hole is None:
            return
        for picture in self.fill(hole, (key, index)):
            yield SourceFace(enlarged(picture, _SIDE, smooth=True), hole.landmark)

    def hole(self, image: Pixels, landmark: NDArray[np.float32]) -> Hole | None:
        """The face at ``landmark`` (68, 2) framed and emptied; None where it cannot be framed."""
        import cv2

        affine = transform(landmark, self._frame)
        if affine is None:
            return None
        size, side = (_SIDE, _SIDE), self._generator.config.resolution
        framed = cv2.warpAffine(image, affine, size, flags=cv2.INTER_AREA)
        there = cv2.warpAffine(np.full(image.shape[:2], 1, np.uint8), affine, size)
        moved = (landmark @ affine[:, :2].T + affine[:, 2]).astype(np.float32)
        cv2.fillConvexPoly(there, outline(moved), 0)
        away = cv2.distanceTransform(_hull(moved), cv2.DIST_L2, 5) / (_NEAR * _SIDE)
        weight = cv2.resize(there * np.exp(-away).astype(np.float32), (side, side))
        weight *= cv2.resize(there, (side, side), interpolation=cv2.INTER_AREA) > 0
        known = framed * there[..., None]
        picture = enlarged(known, side, smooth=True).astype(np.float32) / 127.5 - 1
        seen = (weight > 0)[..., None]
        return Hole(picture * seen, weight[..., None], moved)

    def fill(self, hole: Hole, name: tuple[int, int]) -> Pixels:
        """Pictures uint8 (n, s, s, 3) that suit the hole, the best first; ``name`` seeds them."""
        from keras import ops

        from stylegan.train.state import moments

        rng = np.random.default_rng([self.options.seed, *name])
        z = rng.standard_normal((self.options.latents, self._generator.config.z_dim), np.float32)
        start = self._generator.map(z, psi=_PSI)[:, 0]
        tensors = {"w": ops.convert_to_tensor((start - self._mean) / self._spread)}
        averages, losses, stages = moments(tensors), np.zeros(len(z), np.float32), []
        real, weight = (ops.convert_to_tensor(part[None]) for part in (hole.picture, hole.weight))
        for number in range(_STEPS):
            if self.steps is not None and number % (_STEPS // _SHOWN) == 0:
                stages.append(self._drawn(tensors["w"]))
            rate = ops.convert_to_tensor(np.float32(_RATE * min(1, 4 * (1 - number / _STEPS))))
            step = ops.convert_to_tensor(np.float32(number + 1))
            tensors, averages, each = self._move(tensors, averages, real, weight, step, rate)
            losses = ops.convert_to_numpy(each)
        order = np.argsort(losses, kind="stable")
        output = self._drawn(tensors["w"])
        if self.steps is not None:
            self._film([*(stage[order[0]] for stage in stages), output[order[0]]], hole, name)
        return output[order]

    def _moved(
        self, tensors: Tensors, averages: Any, real: Any, weight: Any, step: Any, rate: Any
    ) -> tuple[Tensors, Any, Any]:
        from keras import ops

        from anonbase.keras_backend import value_and_gradients
        from stylegan.train.state import adam

        def loss(given: Mapping[str, Any]) -> tuple[Any, Tensors]:
            each = self._losses(given["w"], real, weight)
            return ops.sum(each), {"each": each}

        parts, gradients = value_and_gradients(loss, tensors)
        tensors, averages = adam(tensors, gradients, averages, step, rate, _BETAS)
        return tensors, averages, parts["each"]

    def _losses(self, w: Any, real: Any, weight: Any) -> Any:
        """One number a latent (n,): the border, the critic, and how unusual the latent is."""
        from keras import ops

        output = self._made(w)
        off = ops.abs(output - real) * weight
        each = ops.sum(off, axis=(1, 2, 3)) / (3 * ops.sum(weight) + 1e-6)
        each = each + _PRIOR * ops.mean(ops.square(w), axis=1)
        if self._critic is not None:
            each = each + _REALISM * ops.softplus(-self._critic(output)[:, 0])
        return each

    def _made(self, w: Any) -> Any:
        from keras import ops

        wide = ops.repeat((w * self._spread + self._mean)[:, None], self._generator.num_ws, axis=1)
        return self._generator.apply(wide, self._generator.noise_maps())

    def _drawn(self, w: Any) -> Pixels:
        from keras import ops

        output = ops.convert_to_numpy(self._made(w))
        return np.clip(np.rint(output * 127.5 + 127.5), 0, 255).astype(np.uint8)

    def _film(self, stages: list[Pixels], hole: Hole, name: tuple[int, int]) -> None:
        """The hole beside the way to its filling, as a GIF."""
        from PIL import Image

        if self.steps is None:
            return
        empty = np.rint(hole.picture * 127.5 + 127.5).astype(np.uint8)
        pairs = [np.concatenate([empty, stage], axis=1) for stage in stages]
        shown = [
            Image.fromarray(pair).resize((2 * _SIDE, _SIDE), Image.Resampling.BICUBIC)
            for pair in pairs
        ]
        self.steps.mkdir(parents=True, exist_ok=True)
        path = self.steps / f"{name[0]:05d}-{name[1]:03d}.gif"
        shown[0].save(path, save_all=True, append_images=shown[1:], duration=120, loop=0)


def _critic(path: Path | None, resolution: int) -> Any:
    """What scores pictures (n, s, s, 3) as (n, 1); None where no discriminator of that size is."""
    import stylegan
    from stylegan import checkpoint
    from stylegan.networks.discriminator import score

    try:
        critic = stylegan.load_discriminator(checkpoint.SHIPPED if path is None else path)
    except WeightsError:
        critic = None
    if critic is None or critic.config.resolution != resolution:
        warn_user(
            "there is no discriminator beside the generator: holes are filled by their border"
            " alone, not by how real a face looks",
            WeightsWarning,
        )
        return None
    alone = replace(critic.config, group=1)  # a latent's score must not depend on the others
    return partial(score, critic.parameters, alone)


def _hull(landmark: NDArray[np.float32]) -> Pixels:
    """1 outside of the outline, 0 in it, uint8 (256, 256)."""
    import cv2

    mask = np.ones((_SIDE, _SIDE), np.uint8)
    cv2.fillConvexPoly(mask, outline(landmark), 0)
    return mask
