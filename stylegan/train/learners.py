"""Networks that learn in one step: what goes in, a step of Adam for each, and back into a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stylegan.train.networks import Networks
from stylegan.train.state import State, Tensors, adam

__all__ = [
    "flat", "joined", "learners", "moved", "own", "separated", "step_each", "take",
]  # fmt: skip

Tensor = Any
Learners = Mapping[str, tuple[Tensors, tuple[Tensors, Tensors]]]
#: The part of a network that learns in these phases, where that is not all of it.
_PREFIXES = {"generator": "synthesis."}
_BETAS = (0.9, 0.99)


def learners(networks: Networks, state: State, names: Sequence[str]) -> Learners:
    """Parameters and Adam's averages of ``names``: encoder, generator (its synthesis), heads."""
    found = {
        name: state.tensors[name]
        if name == "heads"
        else networks.trained(state, name, _PREFIXES.get(name, ""))
        for name in names
    }
    averages = {n: (state.tensors[f"{n}_m"], state.tensors[f"{n}_v"]) for n in found}
    return {name: (parameters, averages[name]) for name, parameters in found.items()}


def flat(both: Learners) -> Tensors:
    """All parameters under ``network/name``."""
    return joined({name: parameters for name, (parameters, _) in both.items()})


def own(p: Mapping[str, Tensor], prefix: str) -> Tensors:
    """Those of ``flat`` that begin with ``prefix``, without it."""
    return {k.removeprefix(prefix): v for k, v in p.items() if k.startswith(prefix)}


def moved(both: Learners, slopes: Mapping[str, Tensor], step: Tensor, rate: Tensor) -> Learners:
    """A step of Adam for each; ``slopes`` are named as ``flat`` names them."""
    return {
        name: adam(p, {k: slopes[f"{name}/{k}"] for k in p}, averages, step, rate, _BETAS)
        for name, (p, averages) in both.items()
    }


def take(networks: Networks, state: State, after: Learners, keep: float) -> None:
    """Put what ``moved`` gave into the state; running averages keep ``keep`` of what they are."""
    for name, (parameters, (first, second)) in after.items():
        state.tensors[name].update(parameters)
        state.tensors[f"{name}_m"].update(first)
        state.tensors[f"{name}_v"].update(second)
        if name != "heads":
            networks.follow(state, name, keep)


def joined(groups: Mapping[str, Mapping[str, Tensor]]) -> Tensors:
    """Groups of parameters as one, under ``network/name``."""
    return {f"{name}/{k}": v for name, p in groups.items() for k, v in p.items()}


def separated(tensors: Mapping[str, Tensor]) -> dict[str, Tensors]:
    """What ``joined`` put together."""
    names = sorted({k.partition("/")[0] for k in tensors})
    return {name: own(tensors, f"{name}/") for name in names}


def step_each(
    groups: Mapping[str, Tensors],
    averages: Any,
    gradients: Any,
    step: Tensor,
    rate: Any,
    betas: tuple[float, float],
) -> tuple[dict[str, Tensors], dict[str, Any]]:
    """A step of Adam for each network; ``rate`` is one number, or one for each by name."""
    after, new = {}, {}
    for name, parameters in groups.items():
        ours = rate[name] if isinstance(rate, Mapping) else rate
        after[name], new[name] = adam(
            parameters, gradients[name], averages[name], step, ours, betas
        )
    return after, new
