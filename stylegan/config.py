"""What a network is made of, apart from its numbers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from anonfaces.errors import WeightsError

__all__ = ["DiscriminatorConfig", "EncoderConfig", "GeneratorConfig", "standard_channels"]

_MAX_WIDTH, _MAX_LAYERS, _MAX_BLOCKS = 8192, 64, 10
_ARCHITECTURES = ("stylegan", "stylegan2")


def standard_channels(resolution: int, base: int = 32768, most: int = 512) -> tuple[int, ...]:
    """Feature maps at 4, 8, ... ``resolution`` pixels: ``base / pixels``, at most ``most``.

    ``base`` 32768 is StyleGAN2's config-f, 16384 its smaller one (paper256) and StyleGAN's.
    """
    if resolution < 4 or resolution > 4 << (_MAX_BLOCKS - 1) or resolution & (resolution - 1):
        raise WeightsError(f"resolution {resolution}: expected a power of two from 4 to 2048")
    sizes = [4 << i for i in range((resolution // 4).bit_length())]
    return tuple(min(base // size, most) for size in sizes)


class _Config:
    """Reading from JSON, where every number is checked before anything is made of it."""

    @classmethod
    def from_json(cls, text: str, source: str) -> Self:
        """The config in ``text``, or ``WeightsError`` naming ``source``."""
        try:
            values = json.loads(text)
            known = {field.name for field in fields(cls)}  # type: ignore[arg-type]
            if not isinstance(values, dict) or not set(values) <= known:
                raise ValueError(f"expected an object of {', '.join(sorted(known))}")
            return cls(**{k: tuple(v) if k == "channels" else v for k, v in values.items()})
        except (ValueError, TypeError, RecursionError) as error:
            raise WeightsError(f"{source}: not a network's config ({error})") from None

    def to_json(self) -> str:
        """The config as JSON, one line a field."""
        return json.dumps(asdict(self), indent=2)  # type: ignore[call-overload]


@dataclass(frozen=True)
class GeneratorConfig(_Config):
    """A generator.

    ``architecture`` is ``"stylegan"`` (Karras et al. 2019) or ``"stylegan2"`` (Karras et al.
    2020, and its ADA version); ``channels`` the feature maps of the blocks from 4 pixels up;
    ``classes`` the number of labels, 0 for none; ``clamp`` a bound on activations that
    16-bit training needs, or None. Raises ``WeightsError`` for sizes no network has.
    """

    architecture: str = "stylegan2"
    channels: tuple[int, ...] = ()
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 8
    classes: int = 0
    clamp: float | None = None

    def __post_init__(self) -> None:
        if self.architecture not in _ARCHITECTURES:
            raise WeightsError(f"architecture {self.architecture!r}: expected {_ARCHITECTURES}")
        _check_channels(self.channels)
        _check("z_dim", self.z_dim, 1, _MAX_WIDTH)
        _check("w_dim", self.w_dim, 1, _MAX_WIDTH)
        _check("mapping_layers", self.mapping_layers, 1, _MAX_LAYERS)
        _check("classes", self.classes, 0, _MAX_WIDTH)
        _check_clamp(self.clamp)

    @property
    def resolution(self) -> int:
        """Side of the image in pixels."""
        return 2 << len(self.channels)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Side of each block in pixels: 4, 8, ... ``resolution``."""
        return tuple(4 << i for i in range(len(self.channels)))

    @property
    def num_ws(self) -> int:
        """How many w an image takes: two for every block."""
        return 2 * len(self.channels)


@dataclass(frozen=True)
class DiscriminatorConfig(_Config):
    """StyleGAN2's residual discriminator; ``group`` is that of the minibatch deviation."""

    channels: tuple[int, ...] = ()
    classes: int = 0
    group: int = 4
    mapping_layers: int = 8
    clamp: float | None = None

    def __post_init__(self) -> None:
        _check_channels(self.channels)
        _check("classes", self.classes, 0, _MAX_WIDTH)
        _check("group", self.group, 1, 4096)
        _check("mapping_layers", self.mapping_layers, 1, _MAX_LAYERS)
        _check_clamp(self.clamp)

    @property
    def resolution(self) -> int:
        """Side of the image in pixels."""
        return 2 << len(self.channels)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Side of each block in pixels, the largest first, without the last (4)."""
        return tuple(4 << i for i in range(len(self.channels) - 1, 0, -1))


@dataclass(frozen=True)
class EncoderConfig(_Config):
    """A picture to w: the discriminator's residual trunk, ``hidden`` units, ``w_dim`` out."""

    channels: tuple[int, ...] = ()
    w_dim: int = 512
    hidden: int = 512
    clamp: float | None = None

    def __post_init__(self) -> None:
        _check_channels(self.channels)
        _check("w_dim", self.w_dim, 1, _MAX_WIDTH)
        _check("hidden", self.hidden, 1, _MAX_WIDTH)
        _check_clamp(self.clamp)

    @property
    def resolution(self) -> int:
        """Side of the image in pixels."""
        return 2 << len(self.channels)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Side of each block in pixels, the largest first, without the last (4)."""
        return tuple(4 << i for i in range(len(self.channels) - 1, 0, -1))


def _check(name: str, value: Any, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise WeightsError(f"{name} {value!r}: expected a whole number from {least} to {most}")


def _check_channels(channels: tuple[int, ...]) -> None:
    if not 1 <= len(channels) <= _MAX_BLOCKS:
        raise WeightsError(f"{len(channels)} blocks: expected 1 to {_MAX_BLOCKS}")
    for count in channels:
        _check("channels", count, 1, _MAX_WIDTH)


def _check_clamp(clamp: Any) -> None:
    if clamp is not None and not (isinstance(clamp, int | float) and 0 < clamp < 1e30):
        raise WeightsError(f"clamp {clamp!r}: expected a positive number or null")
