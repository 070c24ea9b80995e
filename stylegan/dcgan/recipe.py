"""Every number that a DCGAN's training follows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

from anonbase.errors import InputError
from stylegan.networks.config import DcganConfig, DcganDiscriminatorConfig

__all__ = ["DcganTraining"]

_SMALLEST, _LARGEST = 8, 512  # sides in px: below there is no layer, above a DCGAN does not learn

_MOST_LESSONS = 200_000  # 2.5 GB of pictures at 64 px


@dataclass(frozen=True, kw_only=True)
class DcganTraining:
    """A run: sizes of the two networks, how long and how fast they learn.

    Attributes
    ----------
    resolution : int
        Side of the images in pixels, a power of two.
    z_dim : int
        Numbers in a latent.
    ngf, ndf : int
        Feature maps of the generator's and the discriminator's layer beside the image; each
        layer nearer to the middle has twice as many.
    epochs : int
        Times that as many images are drawn as there are.
    batch : int
        Images a step.
    generator_rate, discriminator_rate, beta1 : float
        Step sizes of Adam, and its first decay.
    smoothing : float
        What the discriminator is told a photograph is: 1 says that it is surely one.
    augment : float
        Chance of each change (shift, turn, scale, color) to what the discriminator sees.
    ema : float
        What the running average of the generator, which is kept, keeps of itself a step.
    lessons : int
        Batches in which the generator first learns pairs of latents and pictures; 0 for none.
    lesson_pairs : int
        Pairs that a teacher draws, where there is one; else the photographs and their principal
        components are the pairs.
    lesson_rate : float
        Step size of Adam in those.
    teacher_psi : float
        Truncation of what the teacher draws.
    teacher_weight : float
        How much a picture must stay, at a quarter of its size, the pair's afterwards.
    seed : int
        Of everything random.

    Raises
    ------
    InputError
        A number is out of its range.
    """

    resolution: int = 64
    z_dim: int = 100
    ngf: int = 64
    ndf: int = 64
    epochs: int = 10
    batch: int = 64
    generator_rate: float = 2e-4
    discriminator_rate: float = 4e-4
    beta1: float = 0.5
    smoothing: float = 0.9
    augment: float = 0.2
    ema: float = 0.999
    lessons: int = 0
    lesson_pairs: int = 0
    lesson_rate: float = 1e-3
    teacher_psi: float = 0.8
    teacher_weight: float = 5.0
    seed: int = 0

    def __post_init__(self) -> None:
        side = self.resolution
        if not _SMALLEST <= side <= _LARGEST or side & (side - 1):
            raise InputError(
                f"resolution {side}: expected a power of two, {_SMALLEST} to {_LARGEST}"
            )
        for name in ("z_dim", "ngf", "ndf", "epochs", "batch"):
            if not 1 <= getattr(self, name) <= 1 << 20:
                raise InputError(f"{name} {getattr(self, name)}: expected 1 or more")
        for name in ("lessons", "lesson_pairs"):
            if not 0 <= getattr(self, name) <= _MOST_LESSONS:
                raise InputError(f"{name} {getattr(self, name)}: expected 0 to {_MOST_LESSONS}")
        self._check_rates()

    def _check_rates(self) -> None:
        for name in ("generator_rate", "discriminator_rate", "lesson_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name} {getattr(self, name)}: expected above 0")
        for name, most in (
            ("teacher_psi", 2.0),
            ("teacher_weight", 1e6),
            ("beta1", 0.999),
            ("augment", 0.8),
            ("ema", 0.99999),
        ):
            if not 0 <= getattr(self, name) <= most:
                raise InputError(f"{name} {getattr(self, name)}: expected 0 to {most}")
        if not 0.5 < self.smoothing <= 1:
            raise InputError(f"smoothing {self.smoothing}: expected above 0.5, at most 1")

    @property
    def generator(self) -> DcganConfig:
        """The generator's config."""
        return DcganConfig(channels=self._widths(self.ngf), z_dim=self.z_dim, w_dim=self.z_dim)

    @property
    def discriminator(self) -> DcganDiscriminatorConfig:
        """The discriminator's config."""
        return DcganDiscriminatorConfig(channels=self._widths(self.ndf))

    def fixed(self) -> str:
        """What a run that goes on may not change: all but the number of epochs."""
        kept = {name: value for name, value in asdict(self).items() if name != "epochs"}
        return json.dumps({"architecture": "dcgan"} | kept, sort_keys=True)

    def _widths(self, least: int) -> tuple[int, ...]:
        """Feature maps from 4 px up to half of the image."""
        return tuple(least << i for i in reversed(range(self.resolution.bit_length() - 3)))
