"""The one place where training differs by backend: how gradients are had.

Networks and losses are functions of their parameters, a mapping of names to tensors, so the
same code trains on TensorFlow, JAX and PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

__all__ = ["input_gradient", "value_and_gradients"]

Tensor = Any
Parameters = Mapping[str, Tensor]
Report = dict[str, Tensor]
Loss = Callable[[Parameters], tuple[Tensor, Report]]


def value_and_gradients(loss: Loss, parameters: Parameters) -> tuple[Report, dict[str, Tensor]]:
    """What ``loss(parameters)`` reports, and its derivative by every parameter.

    ``loss`` gives a scalar and a report; a parameter that it does not use has derivative 0.
    """
    return _GRADIENTS[keras.backend.backend()](loss, dict(parameters))


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The derivative of ``function(x)``, summed, by ``x``; it can be derived again."""
    return _INPUT[keras.backend.backend()](function, x)


def _tensorflow(loss: Loss, parameters: dict[str, Tensor]) -> tuple[Report, dict[str, Tensor]]:
    import tensorflow as tf

    tensors = list(parameters.values())
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensors)
        value, report = loss(parameters)
    found = tape.gradient(value, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return report, dict(zip(parameters, found, strict=True))


def _tensorflow_input(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    import tensorflow as tf

    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(x)
        value = function(x)
    return tape.gradient(value, x)


def _jax(loss: Loss, parameters: dict[str, Tensor]) -> tuple[Report, dict[str, Tensor]]:
    import jax  # type: ignore[import-not-found]

    (_, report), found = jax.value_and_grad(loss, has_aux=True)(parameters)
    return report, found


def _jax_input(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    import jax

    return jax.grad(lambda y: function(y).sum())(x)


def _torch(loss: Loss, parameters: dict[str, Tensor]) -> tuple[Report, dict[str, Tensor]]:
    import torch  # type: ignore[import-not-found]

    leaves = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    value, report = loss(leaves)
    found = torch.autograd.grad(value, list(leaves.values()), allow_unused=True)
    pairs = zip(leaves.items(), found, strict=True)
    return (
        {name: number.detach() for name, number in report.items()},
        {name: torch.zeros_like(leaf) if g is None else g for (name, leaf), g in pairs},
    )


def _torch_input(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    import torch

    given = x if x.requires_grad else x.detach().requires_grad_()
    return torch.autograd.grad(function(given).sum(), given, create_graph=True)[0]


_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
_INPUT = {"tensorflow": _tensorflow_input, "jax": _jax_input, "torch": _torch_input}
