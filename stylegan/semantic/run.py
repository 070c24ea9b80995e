"""A training run in a folder: its state, its log, its sheets; it goes on where it was stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.files import mark_resumable
from anonbase.keras_backend import compiled
from stylegan.networks.parameters import initial
from stylegan.semantic.config import SemanticConfig
from stylegan.semantic.training import Batch, SemanticTraining, TrainingStep, specs_of
from stylegan.train.log import Log
from stylegan.train.state import State, read_state, write_state

__all__ = ["SemanticRun"]

Values = dict[str, NDArray[np.float32]]
#: Share of a run in which the rate rises.
_RISE = 0.02


class SemanticRun:
    """A run in ``folder``: ``state.h5`` and ``log.csv``.

    ``batches(rng)`` gives a batch, ``show(values, name)`` is called with the averaged generator
    whenever the state was saved.
    """

    def __init__(
        self,
        folder: Path,
        config: SemanticConfig,
        recipe: SemanticTraining,
        features: Any,
        traits: Any,
        batches: Callable[[np.random.Generator], Batch],
        show: Callable[[Values, str], None],
        *,
        save_minutes: float = 5.0,
        progress: bool = True,
    ) -> None:
        self.folder, self.config, self.recipe = folder, config, recipe
        self._features, self._traits = features, traits
        self._batches, self._show = batches, show
        self._save_minutes, self._progress = save_minutes, progress
        self._step = compiled(TrainingStep(config, recipe, features, traits))

    @property
    def state_file(self) -> Path:
        """What the run goes on from."""
        return self.folder / "state.h5"

    def go(self, start: Callable[[], Values]) -> Values:
        """Train to the end; the averaged generator's numbers. ``start`` says where it begins."""
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self._resumed() or self._first(start())
        log = Log(self.folder, state)
        try:
            self._train(state, log)
        except KeyboardInterrupt as stop:
            self._save(state)
            mark_resumable(stop)
            raise
        finally:
            log.close()
        self._save(state)
        return _arrays(state.tensors["average"])

    def _train(self, state: State, log: Log) -> None:
        from tqdm import tqdm

        first, saved = state.count("step"), time.monotonic()
        hidden = None if self._progress else True
        for number in tqdm(range(first, self.recipe.steps), "semantic", self.recipe.steps,
                           initial=first, disable=hidden, unit="batch"):  # fmt: skip
            groups, told = self._taken(state, number)
            seen = (number + 1) * self.recipe.batch
            state.tensors, state.counters = groups, {"step": number + 1, "pictures": seen}
            log.add("semantic", seen, {k: float(v) for k, v in told.items()})
            if time.monotonic() - saved > self._save_minutes * 60:
                self._save(state)
                saved = time.monotonic()

    def _taken(self, state: State, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
        rng = np.random.default_rng([self.recipe.seed, number])
        batch = Batch(*(ops.convert_to_tensor(np.asarray(a, np.float32))
                        for a in self._batches(rng)))  # fmt: skip
        done = number / self.recipe.steps
        numbers = (self.recipe.rate * _rate(done), number + 1, _share(done, self.recipe.warm))
        scalars = [ops.convert_to_tensor(np.float32(v)) for v in numbers]
        cuts = self._features.wandering(rng), self._traits.wandering(rng)
        return self._step(state.tensors, batch, cuts, *scalars)

    def _first(self, start: Values) -> State:
        rng = np.random.default_rng(self.recipe.seed)
        values = {name: initial(specs, rng) for name, specs in specs_of(self.config).items()}
        values["generator"] |= start
        tensors = {name: _tensors(group) for name, group in values.items()}
        for name in list(tensors):
            for order in ("first", "second"):
                tensors[f"{name}.{order}"] = {
                    k: ops.zeros_like(v) for k, v in tensors[name].items()
                }
        tensors["average"] = dict(tensors["generator"])
        return State(tensors)

    def _resumed(self) -> State | None:
        return read_state(self.state_file, self._said()) if self.state_file.exists() else None

    def _save(self, state: State) -> None:
        write_state(state, self._said(), self.state_file)
        name = f"{state.count('pictures') // 1000:06d}"
        self._show(_arrays(state.tensors["average"]), name)

    def _said(self) -> str:
        """What a run must have in common with the state that it goes on from."""
        return json.dumps({"sizes": self.config.to_json(), "recipe": self.recipe.to_json()})


def _rate(done: float) -> float:
    return min(1.0, (done + 1e-4) / _RISE) * 0.5 * (1 + float(np.cos(np.pi * min(done, 1.0))))


def _share(done: float, warm: float) -> float:
    """Nothing of the judge's weight until half of ``warm``, all of it after ``warm``."""
    return float(np.clip(2 * done / max(warm, 1e-9) - 1, 0, 1))


def _tensors(values: Values) -> dict[str, Any]:
    return {k: ops.convert_to_tensor(v) for k, v in values.items()}


def _arrays(tensors: dict[str, Any]) -> Values:
    return {k: ops.convert_to_numpy(v) for k, v in tensors.items()}
