"""The network: a picture to one w, and to what each layer of the generator adds to it.

The residual trunk and the first dense layers are those of ``stylegan.encoder``, the first of
them cut to a low rank; the steps away from one w, layer by
layer, are of low rank as well (after Tov et al., "Designing an encoder for StyleGAN image
manipulation", SIGGRAPH 2021, who keep them small so that the latent stays editable).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from stylegan.networks.config import EncoderConfig
from stylegan.networks.discriminator import trunk, trunk_specs
from stylegan.networks.ops import add_bias_leaky, dense
from stylegan.networks.parameters import Parameters, Spec, initial

if TYPE_CHECKING:
    from stylegan.encoder import Encoder

__all__ = [
    "LatentConfig", "encode", "first_values", "latent_specs", "single_w_values", "with_layers",
]  # fmt: skip

Tensor = Any
_STEPS = 64
_AT_ONCE = 64


@dataclass(frozen=True)
class LatentConfig:
    """``trunk`` and its head, the ``rank`` of the first dense layer, ``num_ws`` layers."""

    trunk: EncoderConfig
    num_ws: int
    rank: int = 128

    @property
    def inputs(self) -> int:
        """Numbers in the trunk's last map."""
        return 16 * self.trunk.channels[0]


def latent_specs(config: LatentConfig) -> dict[str, Spec]:
    """Names and shapes of the parameters."""
    hidden, w_dim = config.trunk.hidden, config.trunk.w_dim
    return trunk_specs(config.trunk) | {
        "fc.down.weight": Spec((config.inputs, config.rank)),
        "fc.up.weight": Spec((config.rank, hidden)),
        "fc.bias": Spec((hidden,), 0.0),
        "out.weight": Spec((hidden, w_dim)),
        "out.bias": Spec((w_dim,), 0.0),
        "steps.down.weight": Spec((hidden, _STEPS)),
        "steps.up.weight": Spec((_STEPS, config.num_ws * w_dim), 0.0),
    }


def encode(p: Parameters, config: LatentConfig, images: Tensor, dtype: str = "float32") -> Tensor:
    """RGB (n, size, size, 3) in -1 to 1, framed as the generator's, to W+ (n, num_ws, w_dim)."""
    x = ops.cast(trunk(p, config.trunk, images, dtype), "float32")
    x = dense(ops.reshape(x, (-1, config.inputs)), p["fc.down.weight"])
    x = add_bias_leaky(dense(x, p["fc.up.weight"]), p["fc.bias"])
    w = dense(x, p["out.weight"], p["out.bias"])
    steps = dense(dense(x, p["steps.down.weight"]), p["steps.up.weight"])
    return w[:, None] + ops.reshape(steps, (-1, config.num_ws, config.trunk.w_dim))


def first_values(
    config: LatentConfig, encoder: Encoder | None, faces: NDArray[np.float32], seed: int
) -> dict[str, NDArray[np.float32]]:
    """Random values, or those of an encoder to a single w, seen on ``faces`` (n, s, s, 3).

    The first dense layer keeps the principal components of what it answers on the faces.
    """
    values = initial(latent_specs(config), np.random.default_rng(seed))
    if encoder is None:
        return values
    known = encoder.values()
    values |= {name: known[name] for name in values if name in known}
    flat = np.concatenate([_flat(encoder, some) for some in np.array_split(faces, _parts(faces))])
    weight = known["fc.weight"] / np.float32(math.sqrt(config.inputs))
    mean, kept = _components(flat @ weight, config.rank)
    values["fc.down.weight"] = known["fc.weight"] @ kept.T
    values["fc.up.weight"] = kept * np.float32(math.sqrt(config.rank))  # ``dense`` divides by it
    values["fc.bias"] = (known["fc.bias"] + mean - mean @ kept.T @ kept).astype(np.float32)
    return values


def with_layers(
    values: dict[str, NDArray[np.float32]], config: LatentConfig, num_ws: int
) -> tuple[LatentConfig, dict[str, NDArray[np.float32]]]:
    """The network for a generator of the same w with ``num_ws`` layers.

    Layers that are new, those of a higher resolution, step away from w as the last one did.
    """
    steps = values["steps.up.weight"].reshape(_STEPS, config.num_ws, config.trunk.w_dim)
    layers = np.minimum(np.arange(num_ws), config.num_ws - 1)
    kept = np.ascontiguousarray(steps[:, layers]).reshape(_STEPS, -1)
    # ``dense`` divides by the root of the inputs, which stay as many
    return replace(config, num_ws=num_ws), values | {"steps.up.weight": kept}


def single_w_values(
    values: dict[str, NDArray[np.float32]], config: LatentConfig
) -> dict[str, NDArray[np.float32]]:
    """The numbers of the ``stylegan.encoder.Encoder`` whose w is the mean of all layers' w."""
    down, up = values["fc.down.weight"], values["fc.up.weight"]
    steps = values["steps.up.weight"].reshape(_STEPS, config.num_ws, -1).mean(axis=1)
    moved = values["steps.down.weight"] @ steps / np.float32(math.sqrt(_STEPS))
    alike = {k: v for k, v in values.items() if not k.startswith(("fc.down", "fc.up", "steps."))}
    return alike | {
        "fc.weight": down @ up / np.float32(math.sqrt(config.rank)),  # as ``dense`` divides
        "out.weight": values["out.weight"] + moved,
    }


def _flat(encoder: Encoder, faces: NDArray[np.float32]) -> NDArray[np.float32]:
    """The trunk's last maps (n, inputs)."""
    last = trunk(encoder.parameters, encoder.config, ops.convert_to_tensor(faces))
    return ops.convert_to_numpy(last).reshape(len(faces), -1)


def _parts(faces: NDArray[np.float32]) -> int:
    return max(1, len(faces) // _AT_ONCE)


def _components(
    answers: NDArray[np.float32], count: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean (d,) and the first principal components (count, d)."""
    mean = answers.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov(answers.astype(np.float64), rowvar=False))
    return mean, np.ascontiguousarray(vectors[:, ::-1][:, :count].T, np.float32)
