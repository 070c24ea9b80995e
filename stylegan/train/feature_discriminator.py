"""A discriminator on what layers of a recogniser see, and the loss that two networks fight over.

Small heads on the frozen layers of a network that knows faces ("Projected GANs converge
faster", Sauer et al. 2021, without its random mixing): they judge texture and likeness from the
first step on, where a discriminator from nothing needs hundreds of thousands of pictures. Every
filter has length 1 (as in Karras et al. 2024, "EDM2"), so that a head cannot grow without end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from keras import ops

from stylegan.networks.parameters import Spec

__all__ = ["generator_loss", "head_specs", "hinge", "judged", "told_apart"]

Tensor = Any
_WIDTH = 64


def head_specs(shapes: Sequence[tuple[int, int, int]]) -> dict[str, Spec]:
    """Names and shapes of the heads' parameters, one head for each map (h, w, c)."""
    specs = {}
    for i, (side, _, channels) in enumerate(shapes):
        middle = 3 if side > 1 else 1
        for layer, shape in enumerate(
            [(1, 1, channels, _WIDTH), (middle, middle, _WIDTH, _WIDTH), (1, 1, _WIDTH, 1)]
        ):
            specs[f"{i}.{layer}.weight"] = Spec(shape)
            specs[f"{i}.{layer}.bias"] = Spec((shape[-1],), 0.0)
    return specs


def judged(p: Mapping[str, Tensor], maps: Sequence[Tensor]) -> list[Tensor]:
    """Scores (n, h, w, 1) of each map (n, h, w, c): high where it looks real."""
    return [_head(p, f"{i}.", one) for i, one in enumerate(maps)]


def hinge(scores: Sequence[Tensor], real: bool) -> Tensor:
    """How wrong the scores are, the mean over maps (Lim and Ye 2017)."""
    sign = -1.0 if real else 1.0
    return sum(ops.mean(ops.relu(1.0 + sign * one)) for one in scores) / len(scores)


def generator_loss(heads: Mapping[str, Tensor], drawn: Sequence[Tensor]) -> Tensor:
    """What the drawing network makes small; the heads stay as they are."""
    fixed = {k: ops.stop_gradient(v) for k, v in heads.items()}
    return -sum(map(ops.mean, judged(fixed, drawn))) / len(drawn)


def told_apart(
    heads: Mapping[str, Tensor], drawn: Sequence[Tensor], real: Sequence[Tensor]
) -> Tensor:
    """What the heads make small; the drawing network learns nothing from it."""
    fake_logits = judged(heads, [ops.stop_gradient(one) for one in drawn])
    return hinge(judged(heads, real), real=True) + hinge(fake_logits, real=False)


def _head(p: Mapping[str, Tensor], name: str, x: Tensor) -> Tensor:
    usual = np.float32(np.sqrt(np.prod(x.shape[1:])))  # maps come at a length of about 1
    x = _conv(x * usual, p, f"{name}0")
    x = _conv(ops.leaky_relu(x, 0.2), p, f"{name}1", 2)
    return _conv(ops.leaky_relu(x, 0.2), p, f"{name}2")


def _conv(x: Tensor, p: Mapping[str, Tensor], name: str, stride: int = 1) -> Tensor:
    weight = p[f"{name}.weight"]
    length = ops.sqrt(ops.sum(ops.square(weight), axis=(0, 1, 2), keepdims=True) + 1e-8)
    kernel = weight / length * np.float32(np.sqrt(2))
    return ops.conv(x, kernel, stride, "same") + p[f"{name}.bias"]
