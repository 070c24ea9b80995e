"""The semantic generator: StyleGAN2's synthesis network, steered in space by a label map.

SPADE is by T. Park et al., "Semantic image synthesis with spatially-adaptive normalization", CVPR
2019; that identity and map are joined so, by M. Maximov et al., "CIAGAN", CVPR 2020, and by SDGAN;
attention in space by S. Woo et al., "CBAM", ECCV 2018. Ours begins with a network that can draw
faces already. Who it is comes from its w; map and surroundings move w (pose, expression, light);
and each of its maps is scaled and moved by what a small network makes of them, at first nothing.
Demodulation stands for SPADE's normalization: it keeps each map's deviation at about 1.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from stylegan.networks.ops import conv
from stylegan.networks.parameters import Parameters, Spec, check, initial, variables
from stylegan.networks.synthesis2 import synthesis_specs, synthesize
from stylegan.semantic.config import SemanticConfig

__all__ = ["SemanticGenerator", "coarse", "composed", "draw", "generator_specs", "shown"]

Tensor = Any
_SLOPE = 0.2
#: What surrounds a label map: red, green and blue outside of the hole, and where the hole is.
_BESIDE = 4
#: Side of what map and surroundings are averaged to, to say where w moves before all else.
_COARSE = 8


class SemanticGenerator:
    """The network and its numbers. ``values`` are as ``generator_specs`` names them."""

    def __init__(
        self,
        config: SemanticConfig,
        values: Mapping[str, NDArray[Any]] | None = None,
        *,
        seed: int = 0,
        source: str = "semantic generator",
    ) -> None:
        specs = generator_specs(config)
        given = initial(specs, np.random.default_rng(seed)) if values is None else values
        self.config = config
        self.parameters = variables(specs, check(specs, given, source))

    def __call__(self, pictures: Tensor, maps: Tensor, identity: Tensor) -> Tensor:
        """Pictures with the face drawn anew; as ``draw`` and ``composed``."""
        maps, face, identity = map(ops.convert_to_tensor, (maps, pictures, identity))
        seen, where = shown(face, maps)
        return composed(
            draw(self.parameters, self.config, seen, maps, where, identity), face, where
        )

    def values(self) -> dict[str, NDArray[np.float32]]:
        """Every parameter as an array."""
        return {k: ops.convert_to_numpy(v) for k, v in self.parameters.items()}


def generator_specs(config: SemanticConfig) -> dict[str, Spec]:
    """Names and shapes of the parameters; the decoder's have their names there, without noise."""
    specs = {k: v for k, v in synthesis_specs(config.decoder).items() if ".noise_" not in k}
    inputs = config.classes + _BESIDE
    sizes, widths = config.decoder.sizes, config.decoder.channels
    for size, hidden in zip(sizes[::-1], config.hidden[::-1], strict=True):
        spread = math.sqrt(2 / (1 + _SLOPE**2) / (9 * inputs))
        specs[f"map.b{size}.weight"] = Spec((3, 3, inputs, hidden), spread=spread)
        specs[f"map.b{size}.bias"] = Spec((hidden,), 0.0)
        inputs = hidden
    for size, width, hidden in zip(sizes, widths, config.hidden, strict=True):
        for name in ("conv0", "conv1") if size > 4 else ("conv1",):
            specs[f"spade.b{size}.{name}.weight"] = Spec((1, 1, hidden, 2 * width), 0.0)
            specs[f"spade.b{size}.{name}.bias"] = Spec((2 * width,), 0.0)
    specs["lead.weight"] = Spec((_COARSE**2 * (config.classes + _BESIDE), config.identity), 0.0)
    specs["move.weight"] = Spec((16 * config.hidden[0], config.identity), 0.0)
    specs["move.bias"] = Spec((config.identity,), 0.0)
    return specs | {"attend.weight": Spec((3, 3, 2, 1), 0.0), "attend.bias": Spec((1,), 0.0)}


def shown(pictures: Tensor, maps: Tensor) -> tuple[Tensor, Tensor]:
    """What the network may see of pictures (n, s, s, 3), and the hole (n, s, s, 1), 1 inside.

    The hole is every class but the background, wider by a pixel: nothing of the face is seen.
    """
    face = ops.cast(maps[..., :1] < 1.0, "float32")
    where = ops.max_pool(face, 3, 1, "same")
    return pictures * (1.0 - where), where


def composed(made: Tensor, pictures: Tensor, where: Tensor) -> Tensor:
    """What was drawn, in the hole; the picture around it. Both in -1 to 1."""
    return made * where + pictures * (1.0 - where)


def draw(
    p: Parameters,
    config: SemanticConfig,
    seen: Tensor,
    maps: Tensor,
    where: Tensor,
    identity: Tensor,
) -> Tensor:
    """Draw a face.

    Parameters:
        seen: RGB float32 (n, s, s, 3) in -1 to 1, 0 in the hole.
        maps: float32 (n, s, s, classes), each pixel's share of every class.
        where: float32 (n, s, s, 1), 1 in the hole.
        identity: float32 (n, w_dim), a w of the decoder.

    Returns:
        float32 (n, s, s, 3), about -1 to 1.
    """
    around = ops.concatenate([maps, seen, where], axis=-1)
    context = _context(p, config, around)
    w = identity + _moved(p, context[4]) + ops.matmul(coarse(around), p["lead.weight"])
    w = ops.repeat(w[:, None], config.decoder.num_ws, axis=1)
    last = f"synthesis.b{config.resolution}.conv1"

    def change(layer: str, x: Tensor) -> Tensor:
        x = _spade(p, layer.replace("synthesis", "spade"), x, context[x.shape[1]])
        return _attended(p, x) if layer == last else x

    return synthesize(p, config.decoder, w, None, change=change)


def coarse(around: Tensor) -> Tensor:
    """Map and surroundings (n, s, s, c) averaged to 8 x 8, as one vector a face."""
    side = around.shape[1] // _COARSE
    small = ops.average_pool(around, side, side)
    return ops.reshape(small, (-1, _COARSE * _COARSE * around.shape[-1]))


def _moved(p: Parameters, context: Tensor) -> Tensor:
    flat = ops.reshape(context, (-1, p["move.weight"].shape[0]))
    return ops.matmul(flat, p["move.weight"]) + p["move.bias"]


def _context(p: Parameters, config: SemanticConfig, x: Tensor) -> dict[int, Tensor]:
    """What is made of map and surroundings, by the side of its maps."""
    found = {}
    for size in config.decoder.sizes[::-1]:
        stride = 1 if size == config.resolution else 2
        x = conv(x, p[f"map.b{size}.weight"], stride) + p[f"map.b{size}.bias"]
        x = ops.leaky_relu(x, _SLOPE)
        found[size] = x
    return found


def _spade(p: Parameters, name: str, x: Tensor, seen: Tensor) -> Tensor:
    both = conv(seen, p[f"{name}.weight"]) + p[f"{name}.bias"]
    scale, shift = ops.split(both, 2, axis=-1)
    return x * (1.0 + scale) + shift


def _attended(p: Parameters, x: Tensor) -> Tensor:
    """Each place of the maps weighs 0 to 2, by their mean and largest there."""
    flat = [ops.mean(x, axis=-1, keepdims=True), ops.max(x, axis=-1, keepdims=True)]
    where = conv(ops.concatenate(flat, axis=-1), p["attend.weight"]) + p["attend.bias"]
    return x * 2.0 * ops.sigmoid(where)
