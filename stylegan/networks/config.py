"""The configuration of a network: everything but its numbers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Self

from anonbase.errors import WeightsError

__all__ = [
    "AliasFreeConfig",
    "DcganConfig",
    "DcganDiscriminatorConfig",
    "DiscriminatorConfig",
    "EncoderConfig",
    "GeneratorConfig",
    "alias_free_channels",
    "standard_channels",
]

_MAX_WIDTH = 8192
_MAX_LAYERS = 64
_MAX_BLOCKS = 10


def standard_channels(resolution: int, base: int = 32768, most: int = 512) -> tuple[int, ...]:
    """Feature maps at 4, 8, ... ``resolution`` pixels: ``base / pixels``, at most ``most``.

    ``base`` 32768 is StyleGAN2's config-f, 16384 its smaller one (paper256) and StyleGAN's.
    """
    if resolution < 4 or resolution > 4 << (_MAX_BLOCKS - 1) or resolution & (resolution - 1):
        raise WeightsError(f"resolution {resolution}: expected a power of two from 4 to 2048")
    sizes = [4 << i for i in range((resolution // 4).bit_length())]
    return tuple(min(base // size, most) for size in sizes)


def alias_free_channels(
    size: int, base: int = 32768, most: int = 512, layers: int = 14
) -> tuple[int, ...]:
    """StyleGAN3's feature maps for ``size`` pixels: ``base / 2`` by the cutoff, at most ``most``.

    StyleGAN3-T has base 32768 and 512 at most, StyleGAN3-R twice as many of both.
    """
    steps = (min(i / (layers - 2), 1.0) for i in range(layers))
    return tuple(round(min(base / 2 / (2 * (size / 4) ** step), most)) for step in steps)


class _Config:
    """Reading from JSON, where every number is checked before anything is made of it."""

    @classmethod
    def from_json(cls, text: str, source: str) -> Self:
        """The config in ``text``, or ``WeightsError`` naming ``source``."""
        try:
            values = json.loads(text)
            kind = cls._kind(values)
            known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
            if not isinstance(values, dict) or not set(values) <= known:
                raise ValueError(f"expected an object of {', '.join(sorted(known))}")
            return kind(**{k: tuple(v) if k == "channels" else v for k, v in values.items()})
        except (ValueError, TypeError, RecursionError) as error:
            raise WeightsError(f"{source}: not a network's config ({error})") from None

    @classmethod
    def _kind(cls, values: Any) -> type[Self]:
        return cls

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

    _known: ClassVar[tuple[str, ...]] = ("stylegan", "stylegan2")
    _fewest_layers: ClassVar[int] = 1

    @classmethod
    def _kind(cls, values: Any) -> type[Any]:
        named = values.get("architecture") if isinstance(values, dict) else None
        kinds: tuple[type[GeneratorConfig], ...] = (AliasFreeConfig, DcganConfig)
        return next((kind for kind in kinds if named in kind._known), cls)

    def __post_init__(self) -> None:
        if self.architecture not in self._known:
            raise WeightsError(f"architecture {self.architecture!r}: expected {self._known}")
        self._check_sizes()
        _check("z_dim", self.z_dim, 1, _MAX_WIDTH)
        _check("w_dim", self.w_dim, 1, _MAX_WIDTH)
        _check("mapping_layers", self.mapping_layers, self._fewest_layers, _MAX_LAYERS)
        _check("classes", self.classes, 0, _MAX_WIDTH)
        _check_clamp(self.clamp)

    def _check_sizes(self) -> None:
        _check_channels(self.channels)

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
class AliasFreeConfig(GeneratorConfig):
    """StyleGAN3 (Karras et al. 2021): ``"stylegan3-t"`` follows shifts, ``"-r"`` turns as well.

    ``channels`` are the feature maps of the layers in turn, without the last, which makes the
    colours; officially there are 14. ``size`` is the side of the image, a power of two from
    16 to 2048 pixels.
    """

    architecture: str = "stylegan3-t"
    mapping_layers: int = 2
    clamp: float | None = 256.0
    size: int = 256

    _known: ClassVar[tuple[str, ...]] = ("stylegan3-t", "stylegan3-r")

    def _check_sizes(self) -> None:
        _check_counts(self.channels, 3, _MAX_LAYERS, "layers")
        _check("size", self.size, 16, 2048)
        if self.size & (self.size - 1):
            raise WeightsError(f"size {self.size}: expected a power of two")

    @property
    def resolution(self) -> int:
        """Side of the image in pixels."""
        return self.size

    @property
    def num_ws(self) -> int:
        """How many w an image takes: one for the input and for each layer."""
        return len(self.channels) + 2

    @property
    def radial(self) -> bool:
        """Whether filters are round and convolutions 1 x 1, as rotation wants them."""
        return self.architecture == "stylegan3-r"

    @property
    def kernel(self) -> int:
        """Side of the convolutions' kernels."""
        return 1 if self.radial else 3


@dataclass(frozen=True)
class DcganConfig(GeneratorConfig):
    """A DCGAN generator (Radford et al. 2016): ``channels`` are its maps from 4 pixels up.

    There is no mapping network: w is z, scaled to a mean square of 1. The last layer, which
    makes the colors, doubles the side once more, so the image has 4 * 2**len(channels) pixels.
    """

    architecture: str = "dcgan"
    z_dim: int = 100
    w_dim: int = 100
    mapping_layers: int = 0

    _known: ClassVar[tuple[str, ...]] = ("dcgan",)
    _fewest_layers: ClassVar[int] = 0

    def _check_sizes(self) -> None:
        _check_counts(self.channels, 1, _MAX_BLOCKS - 1, "blocks")
        if self.w_dim != self.z_dim or self.mapping_layers or self.classes:
            raise WeightsError("a DCGAN has no mapping network and no classes: its w is its z")

    @property
    def resolution(self) -> int:
        """Side of the image in pixels."""
        return 4 << len(self.channels)

    @property
    def num_ws(self) -> int:
        """How many w an image takes: one."""
        return 1


@dataclass(frozen=True)
class DiscriminatorConfig(_Config):
    """StyleGAN2's residual discriminator; ``group`` is that of the minibatch deviation."""

    channels: tuple[int, ...] = ()
    classes: int = 0
    group: int = 4
    mapping_layers: int = 8
    clamp: float | None = None

    @classmethod
    def _kind(cls, values: Any) -> type[Any]:
        named = values.get("architecture") if isinstance(values, dict) else None
        return DcganDiscriminatorConfig if named == "dcgan" else cls

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
class DcganDiscriminatorConfig(DiscriminatorConfig):
    """DCGAN's discriminator: ``channels`` are its maps from 4 pixels up to half of the image.

    It judges each picture by itself, so that its ``group`` is 1.
    """

    group: int = 1
    architecture: str = "dcgan"

    def __post_init__(self) -> None:
        if self.architecture != "dcgan" or self.classes or self.group != 1:
            raise WeightsError("a DCGAN's discriminator has no classes and a group of 1")
        _check_counts(self.channels, 1, _MAX_BLOCKS - 1, "blocks")

    @property
    def resolution(self) -> int:
        """Side of the image in pixels."""
        return 4 << len(self.channels)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Side of each block's maps in pixels, the largest first: half of the image, ... 4."""
        return tuple(4 << i for i in range(len(self.channels) - 1, -1, -1))


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
    _check_counts(channels, 1, _MAX_BLOCKS, "blocks")


def _check_counts(channels: tuple[int, ...], least: int, most: int, name: str) -> None:
    if not least <= len(channels) <= most:
        raise WeightsError(f"{len(channels)} {name}: expected {least} to {most}")
    for count in channels:
        _check("channels", count, 1, _MAX_WIDTH)


def _check_clamp(clamp: Any) -> None:
    if clamp is not None and not (isinstance(clamp, int | float) and 0 < clamp < 1e30):
        raise WeightsError(f"clamp {clamp!r}: expected a positive number or null")
