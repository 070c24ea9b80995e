"""All that a run is made of between two steps, and its file.

Everything random is drawn from the seed and the number of the step, so parameters, moments
and a few counters are the whole state, and a run that goes on from its file is the same run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from keras import ops

from anonbase.errors import WeightsError
from anonbase.files import atomic_write
from anonbase.untrusted.guard import untrusted_input
from anonbase.untrusted.hdf5 import open_hdf5

__all__ = ["State", "Tensors", "adam", "moments", "moved_average", "read_state", "write_state"]

Tensor = Any
Tensors = dict[str, Tensor]
_LARGEST = 16 << 30


@dataclass
class State:
    """Groups of named tensors, such as ``tensors["generator"]``, and numbers by name."""

    tensors: dict[str, Tensors] = field(default_factory=dict)
    counters: dict[str, float] = field(default_factory=dict)

    def copy(self) -> State:
        """Another state of the same tensors, so that a step is taken wholly or not at all."""
        groups = {name: dict(tensors) for name, tensors in self.tensors.items()}
        return State(groups, dict(self.counters))

    def count(self, name: str) -> int:
        """A counter as a whole number, 0 if it never moved."""
        return int(self.counters.get(name, 0))


def moments(parameters: Mapping[str, Tensor]) -> tuple[Tensors, Tensors]:
    """Adam's two running averages at their start."""
    return ({k: ops.zeros_like(v) for k, v in parameters.items()},) * 2


def adam(
    parameters: Tensors,
    gradients: Tensors,
    averages: tuple[Tensors, Tensors],
    step: Tensor,
    rate: Tensor,
    betas: tuple[float, float] = (0.0, 0.99),
) -> tuple[Tensors, tuple[Tensors, Tensors]]:
    """One step of Adam (Kingma and Ba 2015) as a function; ``step`` counts from 1."""
    first, second = betas
    m = {k: averages[0][k] * first + g * (1 - first) for k, g in gradients.items()}
    v = {k: averages[1][k] * second + ops.square(g) * (1 - second) for k, g in gradients.items()}
    sizes = rate * ops.sqrt(1 - second**step) / (1 - first**step)
    moved = {k: p - sizes * m[k] / (ops.sqrt(v[k]) + 1e-8) for k, p in parameters.items()}
    return moved, (m, v)


def moved_average(average: Tensors, parameters: Tensors, keep: Tensor) -> Tensors:
    """``keep`` of the average and the rest of the parameters."""
    return {k: v + (average[k] - v) * keep for k, v in parameters.items()}


def write_state(state: State, recipe: str, path: Path) -> None:
    """All of it or nothing, float32, in HDF5."""
    with atomic_write(path) as beside, h5py.File(beside, "w", track_order=False) as file:
        file.attrs["recipe"] = recipe
        file.attrs["counters"] = json.dumps(state.counters)
        for group, tensors in state.tensors.items():
            for name, tensor in tensors.items():
                file[f"{group}/{name}"] = np.asarray(ops.convert_to_numpy(tensor), np.float32)


def read_state(path: Path, recipe: str) -> State:
    """What ``write_state`` wrote. ``WeightsError`` if it is damaged or of another recipe."""
    try:
        with untrusted_input(str(path)), open_hdf5(path) as file:
            if file.attrs["recipe"] != recipe:
                raise WeightsError(
                    f"{path} was made by another recipe: go on with its own, or take another folder"
                )
            counters = json.loads(file.attrs["counters"])
            return State(_groups(file, path), {str(k): float(v) for k, v in counters.items()})
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from None


def _groups(file: h5py.File, path: Path) -> dict[str, Tensors]:
    left = _LARGEST
    groups: dict[str, Tensors] = {}
    for group in file:
        if not isinstance(file.get(group, getlink=True), h5py.HardLink):
            raise WeightsError(f"{path}: {group} is a link to another place")
        groups[group] = {}
        for name, dataset in file[group].items():
            left -= dataset.size * 4
            if left < 0 or dataset.dtype != np.float32:
                raise WeightsError(f"{path}: {group}/{name} is no array of a training run")
            groups[group][name] = ops.convert_to_tensor(dataset[()])
    return groups
