"""A training run in phases: its file, its log, and going on after a stop."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anonbase.errors import OutputError
from anonbase.files import lock, write_text
from anonfaces.optics.resumable import STATE, resumable
from stylegan.train.state import State, read_state, write_state

__all__ = ["Phase", "falling", "run_phases"]

#: Steps between two lines of the log, and between two states on disk.
_LOGGED, _SAVED = 10, 100
_LOG = "log.csv"
_COLUMNS = ("phase", "step", "seconds", "name", "value")

Batch = tuple[dict[str, Any], Any]
Report = Callable[[str, int, int, dict[str, float]], None]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A part of a run: a compiled Keras model, what it is fed, and for how long.

    ``begin`` is called before its first step, also after a stop; ``draw`` gives the batch of a
    step, and ``rate`` the learning rate by how much of the phase is done.
    """

    name: str
    model: Any
    steps: int
    draw: Callable[[np.random.Generator], Batch]
    begin: Callable[[], None] = lambda: None
    rate: Callable[[float], float] | None = None


def falling(done: float) -> float:
    """How a learning rate falls: from 1 along a cosine, to a twentieth."""
    return 0.05 + 0.475 * (1 + float(np.cos(np.pi * done)))


def run_phases(
    phases: Sequence[Phase],
    folder: Path,
    recipe: dict[str, Any],
    seed: int = 0,
    report: Report | None = None,
    keep: Callable[[Phase], None] = lambda phase: None,
) -> None:
    """Run ``phases`` one after another, or on from what ``folder`` holds.

    ``report`` is called with the phase, its step, its steps, and the losses. What a step is fed
    is drawn from the seed and its number; the noise of the sensor is drawn anew after a stop.
    ``keep`` is called with each phase that is done.

    Raises
    ------
    WeightsError
        The folder holds a run of another recipe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not folder.is_dir():
        raise OutputError(f"{folder} is no folder")
    with (folder / "lock").open("w") as held:
        lock(held, folder)
        message = json.dumps(recipe, sort_keys=True)
        state = read_state(folder / STATE, message) if (folder / STATE).exists() else State()
        log = _Log(folder / _LOG, state)
        begun = state.count("phase")
        here = phases[min(begun, len(phases) - 1)]  # a run that is done gives its numbers too
        _assign(here.model.weights, state.tensors.get("model", {}))
        run = _Run(state, folder / STATE, message, seed, log, report)
        for number, phase in enumerate(phases[begun:], begun):
            run.phase(number, phase)
            keep(phase)
            run.save(number + 1, 0, phase)


@dataclass
class _Run:
    """What the phases of a run share."""

    state: State
    path: Path
    recipe: str
    seed: int
    log: _Log
    report: Report | None

    def phase(self, number: int, phase: Phase) -> None:
        phase.begin()
        step = self._restore(number, phase)
        with resumable(self.path.parent, STATE):
            while step < phase.steps:
                found = self._step(number, phase, step)
                step += 1
                if self.report is not None:
                    self.report(phase.name, step, phase.steps, found)
                if step % _LOGGED == 0 or step == phase.steps:
                    self.log.add(phase.name, step, found)
                    phase.model.reset_metrics()
                if step % _SAVED == 0:
                    self.save(number, step, phase)

    def save(self, number: int, step: int, phase: Phase) -> None:
        tensors = {"model": _numbered(phase.model.weights)}
        if step:
            tensors["optimizer"] = _numbered(phase.model.optimizer.variables)
        self.state = State(tensors, {"phase": number, "step": step})
        write_state(self.state, self.recipe, self.path)

    def _step(self, number: int, phase: Phase, step: int) -> dict[str, float]:
        if phase.rate is not None:
            phase.model.optimizer.learning_rate = phase.rate(step / phase.steps)
        rng = np.random.default_rng((self.seed, number, step))
        losses = phase.model.train_on_batch(*phase.draw(rng), return_dict=True)
        return {name: float(value) for name, value in losses.items()}

    def _restore(self, number: int, phase: Phase) -> int:
        """Give the model what a stopped run left, and say at which step it stands."""
        step = self.state.count("step")
        if number != self.state.count("phase") or not step:
            return 0
        _assign(phase.model.weights, self.state.tensors["model"])
        phase.model.optimizer.build(phase.model.trainable_variables)
        _assign(phase.model.optimizer.variables, self.state.tensors["optimizer"])
        return step


def _assign(variables: Sequence[Any], values: dict[str, Any]) -> None:
    for i, variable in enumerate(variables):
        if f"{i:04d}" in values:
            variable.assign(values[f"{i:04d}"])


def _numbered(variables: Sequence[Any]) -> dict[str, Any]:
    return {f"{i:04d}": variable.value for i, variable in enumerate(variables)}


class _Log:
    """``log.csv``: means since the line before; what lies after the last state is written anew."""

    def __init__(self, path: Path, state: State) -> None:
        self._path, self._started = path, time.monotonic()
        if not path.exists() or not state.tensors:
            write_text(path, ",".join(_COLUMNS) + "\n")

    def add(self, phase: str, step: int, losses: dict[str, float]) -> None:
        seconds = round(time.monotonic() - self._started, 1)
        with self._path.open("a", newline="", encoding="utf-8") as file:
            rows = [(phase, step, seconds, name, f"{v:.6g}") for name, v in losses.items()]
            csv.writer(file).writerows(rows)
