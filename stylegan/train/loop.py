"""The run: phase after phase, batch after batch, with a log, pictures and a state to go on from."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anonbase.files import mark_resumable
from stylegan import checkpoint
from stylegan.checkpoint import Checkpoint
from stylegan.train.data import Pictures
from stylegan.train.grid import write_grid
from stylegan.train.log import Log
from stylegan.train.state import State, read_state, write_state

__all__ = ["Phase", "Run", "Trainable"]

Drawn = tuple[np.random.Generator, NDArray[np.float32]]
#: Batches that are drawn before they are wanted.
_AHEAD = 3


class Trainable(Protocol):
    """The networks of a family, as a run sees them."""

    @property
    def recipe(self) -> Any:
        """Has ``batch``, ``seed``, and ``fixed()``: what a run that goes on may not change."""

    def forget(self, state: State) -> None:
        """What is to be dropped between two phases."""

    def found(self, state: State) -> Checkpoint:
        """The networks as they are saved."""


class Phase(Protocol):
    """A part of the training: ``steps`` batches."""

    name: str
    steps: int

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """What has to be there before the first step, and again after a pause."""

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: NDArray[np.float32]
    ) -> dict[str, float]:
        """One batch; what it reports."""


class Run:
    """A run in ``folder``: ``state.h5``, ``log.csv``, ``grids/`` and, in the end, the networks."""

    def __init__(
        self,
        folder: Path,
        networks: Trainable,
        phases: Sequence[Phase],
        pictures: Pictures,
        *,
        save_minutes: float = 5.0,
        progress: bool = True,
    ) -> None:
        self.folder, self.networks, self.phases = folder, networks, phases
        self.pictures, self.save_minutes, self.progress = pictures, save_minutes, progress
        self.state_file = folder / "state.h5"

    def go(self, start: State) -> State:
        """Train to the end from ``start``, or from the state in the folder if there is one.

        Ctrl-C saves the state first, and the same call goes on from there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        state = self._resumed() or start
        log = Log(self.folder, state)
        try:
            for index in range(state.count("phase"), len(self.phases)):
                self._phase(index, state, log)
        except KeyboardInterrupt as stop:
            self._save(state)
            mark_resumable(stop)
            raise
        finally:
            log.close()
        self._save(state)
        checkpoint.write(self.networks.found(state), self.folder, "float32")
        return state

    def _resumed(self) -> State | None:
        if not self.state_file.exists():
            return None
        return read_state(self.state_file, self.networks.recipe.fixed())

    def _phase(self, index: int, state: State, log: Log) -> None:
        phase, first = self.phases[index], state.count("step")
        phase.prepare(state, self.pictures.pixels)
        saved, seen = time.monotonic(), self.networks.recipe.batch
        numbers = range(first, phase.steps)
        for number, (rng, images) in zip(
            self._bar(phase, first), self._drawn(index, numbers), strict=True
        ):
            after = state.copy()
            report = phase.step(after, number, rng, images)
            after.counters |= {"step": number + 1, "pictures": state.count("pictures") + seen}
            state.tensors, state.counters = after.tensors, after.counters
            log.add(phase.name, state.count("pictures"), report)
            if time.monotonic() - saved > self.save_minutes * 60:
                self._save(state)
                saved = time.monotonic()
        state.counters |= {"phase": index + 1, "step": 0}
        self.networks.forget(state)
        self._save(state)

    def _bar(self, phase: Phase, first: int) -> Any:
        from tqdm import tqdm

        numbers = range(first, phase.steps)
        hidden = None if self.progress else True
        return tqdm(numbers, phase.name, phase.steps, initial=first, disable=hidden, unit="batch")

    def _drawn(self, index: int, numbers: range) -> Iterator[Drawn]:
        """What each step takes, drawn by another thread while the step before is taken."""
        with ThreadPoolExecutor(1) as pool:
            ahead = deque(pool.submit(self._images, index, one) for one in numbers[:_AHEAD])
            for number in numbers:
                if number + _AHEAD < numbers.stop:
                    ahead.append(pool.submit(self._images, index, number + _AHEAD))
                yield ahead.popleft().result()

    def _images(self, index: int, number: int) -> Drawn:
        rng = np.random.default_rng((self.networks.recipe.seed, index, number))
        pixels = self.pictures.batch(rng, self.networks.recipe.batch)
        return rng, pixels.astype(np.float32) / np.float32(127.5) - 1

    def _save(self, state: State) -> None:
        write_state(state, self.networks.recipe.fixed(), self.state_file)
        self._show(state)

    def _show(self, state: State) -> None:
        name = f"{state.count('pictures') // 1000:06d}-{state.count('phase')}.png"
        write_grid(self.networks.found(state), self.pictures, self.folder / "grids" / name)
