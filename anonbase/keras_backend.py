"""The one place where backends differ: loading one, compiling a function, taking gradients.

Networks and losses are functions of their parameters, a mapping of names to tensors, so the same
code runs and trains on TensorFlow, JAX and PyTorch. Importing this module imports none of them.
"""

from __future__ import annotations

import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["compiled", "input_gradient", "load_engine", "quick_dtype", "value_and_gradients"]

Tensor = Any
Parameters = Mapping[str, Tensor]
Report = dict[str, Tensor]
Loss = Callable[[Parameters], tuple[Tensor, Report]]
_STDERR = 2
_CPUINFO = Path("/proc/cpuinfo")
#: What Linux calls a processor's instructions for bfloat16 (x86's two, Arm's one).
_BFLOAT16 = frozenset({"avx512_bf16", "amx_bf16", "bf16"})


def load_engine() -> None:
    """Import Keras and its backend; later calls cost nothing.

    ``TF_CPP_MIN_LOG_LEVEL=0`` in the environment lets TensorFlow print its messages.
    """
    loud = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0"
    if loud or "keras" in sys.modules:
        import keras

        return
    with _silent():
        import keras  # noqa: F401
    # that it traces a network once more for pictures of another size is nothing to a user
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what C++ libraries write to stderr, and show it only if the import fails."""
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    with tempfile.TemporaryFile() as message:
        os.dup2(message.fileno(), _STDERR)
        try:
            yield
        except BaseException:
            message.seek(0)
            os.write(kept, message.read())
            raise
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile ``function`` in the way that is fastest on this backend (TensorFlow: without XLA)."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=False, autograph=False)
    if backend == "jax":
        import jax  # type: ignore[import-not-found]

        return jax.jit(function)
    return function


@cache
def quick_dtype() -> str:
    """Which of bfloat16 and float32 convolutions take less time with on this machine.

    Returns
    -------
    str
        ``"bfloat16"`` where there is an accelerator, or a processor that has instructions for it;
        ``"float32"`` elsewhere, where bfloat16 would be imitated, which takes several times longer.

    Examples
    --------
    >>> quick_dtype() in {"bfloat16", "float32"}
    True
    """
    import keras

    if _ACCELERATED[keras.backend.backend()]():
        return "bfloat16"
    try:
        processor = _CPUINFO.read_text(encoding="ascii", errors="replace")
    except OSError:  # not Linux: what is right everywhere
        return "float32"
    return "bfloat16" if _BFLOAT16.intersection(processor.split()) else "float32"


def value_and_gradients(loss: Loss, parameters: Parameters) -> tuple[Report, dict[str, Tensor]]:
    """Compute what a loss reports, and its derivative by every parameter.

    ``loss(parameters)`` gives a scalar and a report. A parameter that it does not use has
    derivative 0.
    """
    import keras

    return _GRADIENTS[keras.backend.backend()](loss, dict(parameters))


def input_gradient(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Compute the derivative of ``function(x).sum()`` by ``x``; it can be derived again."""
    import keras

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
    import jax

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


def _tensorflow_accelerated() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _jax_accelerated() -> bool:
    import jax

    return str(jax.default_backend()) != "cpu"


def _torch_accelerated() -> bool:
    import torch

    return bool(torch.cuda.is_available())


_ACCELERATED = {
    "tensorflow": _tensorflow_accelerated,
    "jax": _jax_accelerated,
    "torch": _torch_accelerated,
}
_GRADIENTS = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
_INPUT = {"tensorflow": _tensorflow_input, "jax": _jax_input, "torch": _torch_input}
