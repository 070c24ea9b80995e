"""Every number that a training run follows."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal

from anonbase.errors import InputError
from anonbase.keras_backend import quick_dtype
from stylegan.networks.config import (
    DiscriminatorConfig,
    EncoderConfig,
    GeneratorConfig,
    standard_channels,
)

__all__ = ["TrainingConfig"]

_WEIGHTS = (
    "w_noise",
    "w_weight",
    "feature_weight",
    "heads_weight",
    "anchor_weight",
    "spectrum_weight",
    "moments_weight",
    "r1_gamma",
    "path_weight",
)
_LENGTHS = ("autoencode_kimg", "latent_kimg", "match_steps", "refine_kimg", "adversarial_kimg")


@dataclass(frozen=True)
class TrainingConfig:
    """A run: the networks' sizes, how long each phase lasts, rates, weights of the losses.

    Lengths are in thousands of pictures (kimg). The phases: ``autoencode`` (the synthesis
    network as decoder of an encoder), ``latents`` (with w fitted to ``latent_faces`` faces by
    ``latent_steps`` each), ``match`` (the mapping network to the w found), ``refine`` (detail by
    heads that see the sharpest ``sharp_share`` of the photographs, on the faces of an anchor; with
    ``spectrum_weight``, with the power of these photographs at high frequencies, with
    ``moments_weight``, with how what VGG16 sees of them is spread) and
    ``adversarial`` (StyleGAN2's own training, Karras et al. 2020).
    """

    resolution: int = 64
    channel_base: int = 2048
    channel_max: int = 256
    z_dim: int = 256
    w_dim: int = 256
    mapping_layers: int = 4
    autoencode_kimg: float = 100.0
    match_steps: int = 200
    adversarial_kimg: float = 100.0
    latent_kimg: float = 0.0
    latent_faces: int = 5120
    latent_steps: int = 30
    refine_kimg: float = 0.0
    batch: int = 32
    seed: int = 0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    noise: bool = True
    autoencode_rate: float = 2e-3
    match_rate: float = 0.2
    refine_rate: float = 1e-3
    heads_rate: float = 1e-2
    generator_rate: float = 6e-4
    discriminator_rate: float = 2e-3
    w_noise: float = 0.3
    w_weight: float = 0.002
    feature_weight: float = 0.5
    heads_weight: float = 0.05
    sampled: float = 0.25
    anchor_weight: float = 2.0
    sharp_share: float = 1.0
    spectrum_weight: float = 0.0
    moments_weight: float = 0.0
    keep_weight: float = 0.5
    head_start: int = 200
    r1_gamma: float = 0.05
    r1_every: int = 16
    path_weight: float = 0.0
    path_every: int = 8
    mixing: float = 0.5
    ema_kimg: float = 5.0
    ada_target: float = 0.6
    ada_kimg: float = 500.0

    def __post_init__(self) -> None:
        if self.precision not in {"auto", "float32", "bfloat16"}:
            raise InputError(f"precision {self.precision!r}: expected auto, float32 or bfloat16")
        if self.batch < 8 or self.batch % 8:
            raise InputError(f"batch {self.batch}: expected a multiple of 8")
        for name in (*_LENGTHS, *_WEIGHTS, "head_start"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name} {getattr(self, name)}: expected 0 or more")
        if not 0 <= self.sampled <= 1:
            raise InputError(f"sampled {self.sampled}: expected 0 to 1")
        if not 0 < self.sharp_share <= 1:
            raise InputError(f"sharp_share {self.sharp_share}: expected above 0, at most 1")

    @property
    def dtype(self) -> str:
        """What convolutions compute with; ``precision="auto"`` is what this machine is quick at."""
        return quick_dtype() if self.precision == "auto" else self.precision

    @property
    def channels(self) -> tuple[int, ...]:
        """Feature maps from 4 px up."""
        return standard_channels(self.resolution, self.channel_base, self.channel_max)

    @property
    def generator(self) -> GeneratorConfig:
        """The generator's config."""
        return GeneratorConfig(
            channels=self.channels,
            z_dim=self.z_dim,
            w_dim=self.w_dim,
            mapping_layers=self.mapping_layers,
        )

    @property
    def discriminator(self) -> DiscriminatorConfig:
        """The discriminator's config."""
        return DiscriminatorConfig(channels=self.channels)

    @property
    def encoder(self) -> EncoderConfig:
        """The encoder's config."""
        return EncoderConfig(channels=self.channels, w_dim=self.w_dim)

    def fixed(self) -> str:
        """What a run that goes on may not change: all but its phases' lengths and the precision."""
        kept = {k: v for k, v in asdict(self).items() if k not in _LENGTHS and k != "precision"}
        return json.dumps(kept, sort_keys=True)

    def to_json(self) -> str:
        """One line a field."""
        return json.dumps(asdict(self), indent=2)
