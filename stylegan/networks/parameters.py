"""The parameters of a network: names, shapes and first values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError

__all__ = ["Parameters", "Spec", "check", "initial", "variables"]

Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Spec:
    """A parameter's shape and its first values: normal, or all ``start``, or as ``drawn``."""

    shape: tuple[int, ...]
    start: float | tuple[float, ...] | None = None
    trainable: bool = True
    spread: float = 1.0
    drawn: Callable[[np.random.Generator], NDArray[Any]] | None = None


def initial(specs: Mapping[str, Spec], rng: np.random.Generator) -> dict[str, NDArray[np.float32]]:
    """Random first values."""
    return {name: _start(spec, rng) for name, spec in specs.items()}


def check(
    specs: Mapping[str, Spec], values: Mapping[str, NDArray[Any]], source: str
) -> dict[str, NDArray[np.float32]]:
    """``values`` as float32, if they are exactly what ``specs`` asks for."""
    missing, extra = sorted(specs.keys() - values.keys()), sorted(values.keys() - specs.keys())
    if missing or extra:
        what = (
            f"lacks {missing[0]}"
            if missing
            else f"has {extra[0][:80]!r}, which the network does not have"
        )
        raise WeightsError(f"{source}: {what} ({len(missing)} missing, {len(extra)} too many)")
    return {name: _as_float32(name, values[name], spec, source) for name, spec in specs.items()}


def variables(specs: Mapping[str, Spec], values: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Keras variables of ``values``."""
    import keras

    return {
        name: keras.Variable(values[name], trainable=spec.trainable, name=name.replace(".", "_"))
        for name, spec in specs.items()
    }


def _start(spec: Spec, rng: np.random.Generator) -> NDArray[np.float32]:
    if spec.drawn is not None:
        return np.asarray(spec.drawn(rng), np.float32)
    if spec.start is not None:
        return np.full(spec.shape, spec.start, np.float32)
    return rng.standard_normal(spec.shape, np.float32) * np.float32(spec.spread)


def _as_float32(name: str, value: NDArray[Any], spec: Spec, source: str) -> NDArray[np.float32]:
    if value.shape != spec.shape:
        raise WeightsError(f"{source}: {name} is {value.shape}, expected {spec.shape}")
    with np.errstate(over="ignore"):
        number = np.asarray(value, np.float32, order="C")
    if not np.isfinite(number).all():
        raise WeightsError(f"{source}: {name} holds values that are not finite")
    return number
