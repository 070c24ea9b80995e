"""The one place where inference differs by backend: how a function is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

__all__ = ["compiled"]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function`` compiled as the backend does it best; without XLA on TensorFlow's CPU."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=False, autograph=False)
    if backend == "jax":
        import jax  # type: ignore[import-not-found]

        return jax.jit(function)
    return function
