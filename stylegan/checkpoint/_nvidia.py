"""NVIDIA's networks, as data: TensorFlow's Network objects, PyTorch's persistent modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError, WeightsWarning
from anonbase.notices import warn_user
from anonbase.untrusted.guard import UnsafeContentError
from anonbase.untrusted.pickles import OpaqueObject
from stylegan.checkpoint._layout import Checkpoint, discriminator_from_official, from_official
from stylegan.checkpoint._missing import completed, with_mean
from stylegan.checkpoint._settings import (
    children,
    entries,
    refuse_other_kwargs,
    refuse_other_settings,
    state,
)
from stylegan.checkpoint._tensorflow import (
    discriminator_from_tensorflow,
    generator_from_tensorflow,
)

__all__ = ["from_modules", "from_networks"]

#: A group of the minibatch deviation that no batch reaches: the whole batch is one.
_WHOLE_BATCH = 4096


def from_networks(content: Any, source: str) -> Checkpoint:
    """The generator, and the discriminator where it is one of ours, of TensorFlow's pickle."""
    return _tensorflow([part for part in content if _is_network(part)], source)


def _is_network(part: Any) -> bool:
    return (
        isinstance(part, OpaqueObject) and part.name == "Network" and isinstance(part.state, dict)
    )


def _tensorflow(networks: list[OpaqueObject], source: str) -> Checkpoint:
    """G, D and Gs in this order; or a single one."""
    if not networks:
        raise UnsafeContentError("holds a list, but no networks of dnnlib.tflib in it")
    average = networks[-1]
    parts = entries(average.state.get("components"))
    kwargs = entries(average.state.get("static_kwargs"))
    refuse_other_kwargs(kwargs)
    if not {"mapping", "synthesis"} <= set(parts):
        raise UnsafeContentError("its last network has no mapping and synthesis")
    mapping, synthesis = (_variables(parts[name]) for name in ("mapping", "synthesis"))
    generator, values = generator_from_tensorflow(_variables(average), mapping, synthesis, source)
    generator = replace(generator, clamp=_bound(kwargs.get("conv_clamp")))
    if len(networks) != 3 or generator.architecture == "stylegan":
        return Checkpoint(generator=generator, generator_values=values)
    return Checkpoint(generator, values, *_or_none(networks[1], source))


def _or_none(network: OpaqueObject, source: str) -> tuple[Any, Any]:
    """A discriminator of another kind is no reason to refuse the generator."""
    try:
        return discriminator_from_tensorflow(_variables(network), source)
    except WeightsError:
        return None, None


def _variables(network: Any) -> dict[str, NDArray[Any]]:
    if not _is_network(network):
        raise UnsafeContentError("a component is no network")
    pairs = network.state.get("variables")
    if not isinstance(pairs, list) or not all(_is_pair(pair) for pair in pairs):
        raise UnsafeContentError("a network lists no variables")
    return {name: np.asarray(value) for name, value in pairs}


def _is_pair(pair: Any) -> bool:
    return (
        isinstance(pair, tuple | list)
        and len(pair) == 2
        and isinstance(pair[0], str)
        and isinstance(pair[1], np.ndarray | np.generic | int | float)
    )


def from_modules(generator: Any, judge: Any, source: str) -> Checkpoint:
    """PyTorch's generator, and the discriminator where it is one of ours."""
    if not isinstance(generator, OpaqueObject):
        raise UnsafeContentError("holds no G_ema: not a snapshot of StyleGAN2-ADA or StyleGAN3")
    arrays = dict(_tensors(generator))
    if any("embed_proj" in name for name in arrays):
        raise UnsafeContentError("is a StyleGAN-XL, which is not supported")
    refuse_other_settings(generator, "generator")
    config, ours = from_official(completed(arrays), _clamp(generator, "b4"), source)
    networks = Checkpoint(
        generator=config, generator_values=with_mean(config, ours, arrays, source)
    )
    theirs = dict(_tensors(judge)) if isinstance(judge, OpaqueObject) else {}
    if "b4.conv.weight" not in theirs or not _is_residual(theirs):
        return networks
    try:
        refuse_other_settings(judge, "discriminator")
        group = _state_of(judge, "b4.mbstd").get("group_size", 4)
        its, numbers = discriminator_from_official(
            theirs,
            _clamp(judge, "b4.conv"),
            "it",
            group if type(group) is int else _WHOLE_BATCH,
        )
    except (UnsafeContentError, WeightsError) as error:
        warn_user(f"{source}: its discriminator is left out: {error}", WeightsWarning)
        return networks
    return replace(networks, discriminator=its, discriminator_values=numbers)


def _is_residual(values: dict[str, Any]) -> bool:
    blocks = [name for name in values if name.endswith(".conv0.weight")]
    return all(name.replace("conv0", "skip") in values for name in blocks)


def _clamp(module: Any, where: str) -> float | None:
    """The bound on activations that 16-bit training used."""
    layers = entries(_state_of(module, "synthesis").get("_modules"))
    first = next((str(name) for name in layers if str(name).startswith("L0_")), "")
    places = (where, f"synthesis.{where}.conv1", f"synthesis.{first}")
    bounds = (_bound(_state_of(module, place).get("conv_clamp")) for place in places)
    return next((bound for bound in bounds if bound is not None), None)


def _bound(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 else None


def _state_of(module: Any, path: str) -> dict[str, Any]:
    for name in path.split("."):
        module = entries(state(module).get("_modules")).get(name)
    return state(module)


def _tensors(module: Any) -> Iterator[tuple[str, Any]]:
    """Parameters and buffers under the names that ``state_dict`` would give them."""
    for path, part in children(module):
        for kind in ("_parameters", "_buffers"):
            for name, value in entries(state(part).get(kind)).items():
                if isinstance(value, np.ndarray):
                    yield f"{path}.{name}" if path else str(name), value
