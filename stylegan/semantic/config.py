"""The sizes of the semantic generator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from anonbase.errors import WeightsError
from stylegan.networks.config import GeneratorConfig

__all__ = ["HIDDEN", "SemanticConfig"]

#: Feature maps that are made of map and surroundings, from 4 px up, by how many sizes there are.
HIDDEN = {5: (128, 96, 48, 24, 16), 6: (128, 96, 64, 32, 24, 16)}
_MOST = 1024


@dataclass(frozen=True)
class SemanticConfig:
    """Sizes of a semantic generator.

    Attributes:
        decoder: of the StyleGAN2 whose synthesis network draws.
        classes: of a label map.
        hidden: feature maps that are made of map and surroundings, from 4 px up.
        shared: the synthesis network is that of a generator, number by number, and does not learn.
    """

    decoder: GeneratorConfig
    classes: int = 10
    hidden: tuple[int, ...] = HIDDEN[5]
    shared: bool = False

    def __post_init__(self) -> None:
        if self.decoder.architecture != "stylegan2":
            raise WeightsError("a semantic generator draws by a StyleGAN2")
        if len(self.hidden) != len(self.decoder.channels):
            raise WeightsError(
                f"{len(self.decoder.channels)} sizes of maps: expected as many hidden widths, got"
                f" {len(self.hidden)}"
            )
        if not all(0 < number <= _MOST for number in (*self.hidden, self.classes)):
            raise WeightsError(f"a semantic generator has 1 to {_MOST} feature maps")

    @property
    def resolution(self) -> int:
        """Side of a picture in px."""
        return self.decoder.resolution

    @property
    def identity(self) -> int:
        """Numbers of an identity: a w of the decoder."""
        return self.decoder.w_dim

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "decoder": json.loads(self.decoder.to_json()),
            "classes": self.classes,
            "hidden": list(self.hidden),
            "shared": self.shared,
        }

    @classmethod
    def from_json(cls, values: dict[str, Any], source: str) -> Self:
        """What ``to_json`` made; ``WeightsError`` for anything else."""
        try:
            decoder = GeneratorConfig.from_json(json.dumps(values["decoder"]), source)
            hidden, shared = tuple(map(int, values["hidden"])), bool(values.get("shared", False))
            return cls(decoder, int(values["classes"]), hidden, shared)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, WeightsError):
                raise
            raise WeightsError(f"{source}: not the sizes of a semantic generator") from None
