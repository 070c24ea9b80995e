"""Who judges while the semantic generator learns: of quality, given the map; and of identity."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from keras import ops

from stylegan.networks.ops import conv
from stylegan.networks.parameters import Spec

__all__ = [
    "MARGIN",
    "contrastive",
    "critic_specs",
    "feature_matching",
    "identity_specs",
    "identity_vectors",
    "judged",
    "score_loss",
]

Tensor = Any
Parameters = Mapping[str, Tensor]
#: Feature maps of the judge of quality; each layer halves the size.
_WIDTHS = (32, 64, 128)
#: Numbers between a recognizer's vector and the siamese network's, and of the latter.
_HIDDEN, _SIAMESE = 128, 64
#: Distance from which two people are far enough apart (SDGAN's; Hadsell et al., CVPR 2006).
MARGIN = 3.0
_SLOPE = 0.2


def critic_specs(classes: int) -> dict[str, Spec]:
    """Names and shapes of the judge of quality, which sees a picture and its label map."""
    inputs, specs = 3 + classes, {}
    for i, width in enumerate(_WIDTHS):
        specs[f"{i}.weight"] = Spec((4, 4, inputs, width))
        specs[f"{i}.bias"] = Spec((width,), 0.0)
        inputs = width
    return specs | {"out.weight": Spec((3, 3, inputs, 1)), "out.bias": Spec((1,), 0.0)}


def judged(p: Parameters, pictures: Tensor, maps: Tensor) -> list[Tensor]:
    """The maps of every layer, the last of them the score (n, h, w, 1) of each part of a picture.

    Every filter has length 1 whatever it learns, so that the scores cannot grow without end: it
    does what spectral normalization does (Miyato et al. 2018), without its iterations.
    """
    x, found = ops.concatenate([pictures, maps], axis=-1), []
    for i in range(len(_WIDTHS)):
        x = _leaky(conv(x, _unit(p[f"{i}.weight"]), 2) + p[f"{i}.bias"])
        found.append(x)
    return [*found, conv(x, _unit(p["out.weight"])) + p["out.bias"]]


def score_loss(scores: Tensor, real: bool, kind: str) -> Tensor:
    """How wrong the scores of pictures are that are ``real`` or not; "hinge" or "lsgan"."""
    if kind == "lsgan":
        return ops.mean(ops.square(scores - (1.0 if real else 0.0)))
    return ops.mean(ops.relu(1.0 + (-1.0 if real else 1.0) * scores))


def feature_matching(made: Sequence[Tensor], real: Sequence[Tensor]) -> Tensor:
    """How far the layers' maps of made and real pictures lie apart, the scores left out."""
    pairs = list(zip(made[:-1], real[:-1], strict=True))
    return sum(ops.mean(ops.abs(a - ops.stop_gradient(b))) for a, b in pairs) / len(pairs)


def identity_specs(inputs: int) -> dict[str, Spec]:
    """Names and shapes of the siamese network on a recognizer's vectors."""
    return {
        "0.weight": Spec((inputs, _HIDDEN), spread=math.sqrt(2 / inputs)),
        "0.bias": Spec((_HIDDEN,), 0.0),
        "1.weight": Spec((_HIDDEN, _SIAMESE), spread=math.sqrt(2 / _HIDDEN)),
        "1.bias": Spec((_SIAMESE,), 0.0),
    }


def identity_vectors(p: Parameters, vectors: Tensor) -> Tensor:
    """A recognizer's vectors (n, d), brought nearer where they are one person's, (n, 64)."""
    x = _leaky(ops.matmul(vectors, p["0.weight"]) + p["0.bias"])
    return ops.matmul(x, p["1.weight"]) + p["1.bias"]


def contrastive(a: Tensor, b: Tensor, same: Tensor) -> Tensor:
    """Half the squared distance where ``same`` is 1, of what lacks to ``MARGIN`` where it is 0.

    Of each pair of rows of (n, d), the mean. R. Hadsell, S. Chopra, Y. LeCun, CVPR 2006.
    """
    apart = ops.sqrt(ops.sum(ops.square(a - b), axis=1) + 1e-8)
    lacks = ops.relu(MARGIN - apart)
    return 0.5 * ops.mean(same * ops.square(apart) + (1.0 - same) * ops.square(lacks))


def _unit(kernel: Tensor) -> Tensor:
    length = ops.sqrt(ops.sum(ops.square(kernel), axis=(0, 1, 2), keepdims=True) + 1e-8)
    return kernel * (math.sqrt(2.0) / length)


def _leaky(x: Tensor) -> Tensor:
    return ops.leaky_relu(x, _SLOPE)
