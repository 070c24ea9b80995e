"""NVIDIA's pickles, as data: TensorFlow's Network objects, PyTorch's persistent modules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.untrusted.guard import UnsafeContentError
from anonbase.untrusted.pickles import OpaqueObject, Stream, load
from anonbase.untrusted.torch_files import FILE_LIMIT, in_plain_pickles
from stylegan.checkpoint._layout import Checkpoint, discriminator_from_official, from_official
from stylegan.checkpoint._tensorflow import (
    discriminator_from_tensorflow,
    generator_from_tensorflow,
)

__all__ = ["read_pickle"]

_DEEPEST = 32  # modules in modules
_ALIAS_FREE = {"output_scale": 0.25, "margin_size": 10, "num_critical": 2}  # StyleGAN3's, as built


def read_pickle(path: Path) -> Checkpoint:
    """The generator, and the discriminator where it is one of ours, of a pickle.

    Of several generators the running average (``Gs``, ``G_ema``) is taken.
    """
    with path.open("rb") as file:
        if file.seek(0, 2) > FILE_LIMIT:
            raise UnsafeContentError(f"larger than {FILE_LIMIT >> 30} GiB")
        file.seek(0)
        content = load(Stream(file), in_plain_pickles())
    if isinstance(content, tuple | list):
        return _tensorflow([part for part in content if _is_network(part)], str(path))
    if _entries(content):
        return _pytorch(_entries(content), str(path))
    kind = content.name if isinstance(content, OpaqueObject) else type(content).__name__
    raise UnsafeContentError(f"holds {kind or 'something'}, not the networks of a StyleGAN")


def _entries(thing: Any) -> dict[Any, Any]:
    """A dictionary's entries, also where it was of a class of its own (``EasyDict``)."""
    entries = thing.entries if isinstance(thing, OpaqueObject) else thing
    return entries if isinstance(entries, dict) else {}


def _is_network(part: Any) -> bool:
    return (
        isinstance(part, OpaqueObject) and part.name == "Network" and isinstance(part.state, dict)
    )


def _tensorflow(networks: list[OpaqueObject], source: str) -> Checkpoint:
    """G, D and Gs in this order; or a single one."""
    if not networks:
        raise UnsafeContentError("holds a list, but no networks of dnnlib.tflib in it")
    average = networks[-1]
    parts = _entries(average.state.get("components"))
    if not {"mapping", "synthesis"} <= set(parts):
        raise UnsafeContentError("its last network has no mapping and synthesis")
    mapping, synthesis = (_variables(parts[name]) for name in ("mapping", "synthesis"))
    generator, values = generator_from_tensorflow(_variables(average), mapping, synthesis, source)
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


def _pytorch(content: dict[Any, Any], source: str) -> Checkpoint:
    module = content.get("G_ema", content.get("G"))
    if not isinstance(module, OpaqueObject):
        raise UnsafeContentError("holds no G_ema: not a snapshot of StyleGAN2-ADA or StyleGAN3")
    _check_settings(_state(_child(module, "synthesis")))
    generator, ours = from_official(dict(_tensors(module)), _clamp(module, "b4"), source)
    judge = content.get("D")
    found = dict(_tensors(judge)) if isinstance(judge, OpaqueObject) else {}
    if judge is None or "b4.conv.weight" not in found or not _is_residual(found):
        return Checkpoint(generator=generator, generator_values=ours)
    group = _state(_child(judge, "b4.mbstd")).get("group_size")
    config, theirs = discriminator_from_official(
        found, _clamp(judge, "b4.conv"), source, group if type(group) is int else 4
    )
    return Checkpoint(
        generator=generator,
        generator_values=ours,
        discriminator=config,
        discriminator_values=theirs,
    )


def _check_settings(synthesis: dict[str, Any]) -> None:
    """What no array tells of a StyleGAN3 must be as published, where the module says it."""
    for name, value in _ALIAS_FREE.items():
        if synthesis.get(name, value) != value:
            message = synthesis[name] if type(synthesis[name]) in (int, float) else "another kind"
            raise UnsafeContentError(
                f"is a StyleGAN3 of {name} {message}: only {value} is supported"
            )


def _is_residual(values: dict[str, Any]) -> bool:
    blocks = [name for name in values if name.endswith(".conv0.weight")]
    return all(name.replace("conv0", "skip") in values for name in blocks)


def _clamp(module: Any, where: str) -> float | None:
    """The bound on activations that 16-bit training used."""
    layers = _entries(_state(_child(module, "synthesis")).get("_modules"))
    first = next((str(name) for name in layers if str(name).startswith("L0_")), "")
    for place in (where, f"synthesis.{where}.conv1", f"synthesis.{first}"):
        bound = _state(_child(module, place)).get("conv_clamp")
        if isinstance(bound, int | float) and bound > 0:
            return float(bound)
    return None


def _state(module: Any) -> dict[str, Any]:
    """What a module would have had in its ``__dict__``: kept beside its source, or set later."""
    if not isinstance(module, OpaqueObject):
        return {}
    described = _entries(module.args[0]) if module.args else {}
    return _entries(described.get("state", module.state))


def _child(module: Any, path: str) -> Any:
    for name in path.split("."):
        module = _entries(_state(module).get("_modules")).get(name)
    return module


def _tensors(module: Any, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Parameters and buffers under the names that ``state_dict`` would give them."""
    if depth > _DEEPEST:
        raise UnsafeContentError("modules in modules without an end")
    state = _state(module)
    for kind in ("_parameters", "_buffers"):
        for name, value in _entries(state.get(kind)).items():
            if isinstance(value, np.ndarray):
                yield f"{prefix}{name}", value
    for name, child in _entries(state.get("_modules")).items():
        yield from _tensors(child, f"{prefix}{name}.", depth + 1)
