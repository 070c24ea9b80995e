"""What the arrays of an official module do not tell: its gains, activations, filters, kinds.

The published networks have one value of each, which ours have too. A module that says another one
of itself would draw other pictures, so it is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from anonbase.untrusted.guard import UnsafeContentError
from anonbase.untrusted.pickles import OpaqueObject

__all__ = ["children", "entries", "refuse_other_kwargs", "refuse_other_settings", "state"]

_DEEPEST = 32  # modules in modules
#: Learning rate multipliers: of the mapping networks of generator and discriminator.
_MAPPING_RATE = {"generator": 0.01, "discriminator": 0.1}
_ARCHITECTURE = {"generator": "skip", "discriminator": "resnet"}
_LINEAR = re.compile(r"(.*\.)?(affine|embed|out|skip)")
_CONVOLUTION = re.compile(r"(.*\.)?(conv\d?|fromrgb|skip)")
#: Of StyleGAN3's synthesis network, as built.
_ALIAS_FREE = {"output_scale": 0.25, "margin_size": 10, "num_critical": 2}
#: Of TensorFlow's networks, as built; ``mapping_nonlinearity`` and the like by their old names too.
_KWARGS = {
    "mapping_lrmul": 0.01,
    "mapping_nonlinearity": "lrelu",
    "nonlinearity": "lrelu",
    "resample_kernel": (1, 3, 3, 1),
    "blur_filter": (1, 2, 1),
    "architecture": "skip",
    "normalize_latents": True,
    "use_noise": True,
    "use_styles": True,
    "use_instance_norm": True,
    "use_pixel_norm": False,
}


def entries(thing: Any) -> dict[Any, Any]:
    """A dictionary's entries, also where it was of a class of its own (``EasyDict``)."""
    held = thing.entries if isinstance(thing, OpaqueObject) else thing
    return held if isinstance(held, dict) else {}


def state(module: Any) -> dict[str, Any]:
    """What a module would have had in its ``__dict__``: kept beside its source, or set later."""
    if not isinstance(module, OpaqueObject):
        return {}
    described = entries(module.args[0]) if module.args else {}
    return entries(described.get("state", module.state))


def children(module: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The module itself and all below it, each with its path."""
    if depth > _DEEPEST:
        raise UnsafeContentError("modules in modules without an end")
    yield path, module
    for name, child in entries(state(module).get("_modules")).items():
        yield from children(child, f"{path}.{name}" if path else str(name), depth + 1)


def refuse_other_settings(module: Any, kind: str) -> None:
    """UnsafeContentError where a ``"generator"`` or ``"discriminator"`` is set up another way."""
    for path, part in children(module):
        held = state(part)
        for name, value in _published(path, held, kind).items():
            if name in held and not _equal(held[name], value):
                raise UnsafeContentError(
                    f"is built another way: {name} of {path or 'the network'} is"
                    f" {_shown(held[name])}, where the published {kind} has {_shown(value)}; only"
                    " that is supported"
                )


def refuse_other_kwargs(kwargs: Mapping[Any, Any]) -> None:
    """The same for the ``static_kwargs`` of a network in TensorFlow."""
    for name, value in _KWARGS.items():
        if name in kwargs and not _equal(kwargs[name], value):
            raise UnsafeContentError(
                f"is built another way: {name} is {_shown(kwargs[name])}, where the published"
                f" network has {_shown(value)}; only that is supported"
            )


def _published(path: str, held: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """What the attributes of the module at ``path`` are in the published network."""
    last = path.rpartition(".")[2]
    if path == "synthesis":
        return dict(_ALIAS_FREE)
    if re.fullmatch(r"(synthesis\.)?b\d+", path):
        return {"architecture": _ARCHITECTURE[kind]}
    if last == "mbstd":
        return {"num_channels": 1}
    weight = entries(held.get("_parameters")).get("weight")
    if not isinstance(weight, np.ndarray) or weight.ndim not in (2, 4):
        return {}
    gain = 1 / math.sqrt(max(math.prod(weight.shape[1:]), 1))
    rate = _MAPPING_RATE[kind] if re.fullmatch(r"mapping\.fc\d+", path) else 1.0
    if weight.ndim == 4 and last == "torgb":
        return {"weight_gain": gain}
    activation = "linear" if _LINEAR.fullmatch(path) else "lrelu"
    if weight.ndim == 2:
        return {"activation": activation, "weight_gain": rate * gain, "bias_gain": rate}
    if not _CONVOLUTION.fullmatch(path):
        return {}  # StyleGAN3's layers have no such choice
    act_gain = 1.0 if activation == "linear" else math.sqrt(2)
    return {"activation": activation, "act_gain": act_gain, "weight_gain": gain, "use_noise": True}


def _equal(theirs: Any, ours: Any) -> bool:
    if isinstance(ours, str | bool):
        return type(theirs) in (str, bool, int) and theirs == ours
    numbers = np.asarray(theirs) if _is_numeric(theirs) else None
    wanted = np.asarray(ours, np.float64)
    return (
        numbers is not None
        and numbers.shape == wanted.shape
        and bool(np.allclose(numbers.astype(np.float64), wanted, rtol=1e-3, atol=1e-6))
    )


def _is_numeric(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu" and value.size <= 64
    numbers = value if isinstance(value, list | tuple) else [value]
    return len(numbers) <= 64 and all(type(n) in (int, float) or _is_scalar(n) for n in numbers)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, np.generic) and value.dtype.kind in "fiu"


def _shown(value: Any) -> str:
    if type(value) in (int, float):
        return f"{value:.4g}"
    return repr(value) if isinstance(value, str | tuple | bool) else "another kind"
