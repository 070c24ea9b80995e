"""What a run writes down: a CSV line, and TensorBoard's numbers where it is installed."""

from __future__ import annotations

import csv
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from anonbase.files import write_text
from stylegan.train.state import State

__all__ = ["Log"]

_EVERY = 1000
_COLUMNS = ("phase", "pictures", "seconds", "name", "value")


class Log:
    """``log.csv``: the mean of every reported number over about 1,000 pictures."""

    def __init__(self, folder: Path, state: State) -> None:
        self._path = folder / "log.csv"
        self._drop_after(state.count("pictures"))
        self._sums: dict[str, list[float]] = defaultdict(list)
        self._written, self._start = state.count("pictures"), time.monotonic()
        self._last = ("", self._written)
        self._board = _board(folder / "tensorboard")

    def add(self, phase: str, pictures: int, report: dict[str, float]) -> None:
        """One step's numbers."""
        if phase != self._last[0]:
            self._flush()
        self._last = (phase, pictures)
        for name, value in report.items():
            self._sums[name].append(value)
        if pictures - self._written >= _EVERY:
            self._flush()

    def close(self) -> None:
        """Nothing more will come."""
        self._flush()
        if self._board is not None:
            self._board.close()

    def _flush(self) -> None:
        phase, pictures = self._last
        seconds = round(time.monotonic() - self._start, 1)
        means = {name: sum(values) / len(values) for name, values in self._sums.items()}
        with self._path.open("a", newline="", encoding="utf-8") as file:
            rows = [(phase, pictures, seconds, n, f"{value:.6g}") for n, value in means.items()]
            csv.writer(file).writerows(rows)
        self._show(phase, pictures, means)
        self._sums.clear()
        self._written = pictures

    def _show(self, phase: str, pictures: int, means: dict[str, float]) -> None:
        if self._board is None:
            return
        with self._board.as_default():
            import tensorflow as tf

            for name, value in means.items():
                tf.summary.scalar(f"{phase}/{name}", value, step=pictures)

    def _drop_after(self, pictures: int) -> None:
        """A run that goes on writes the lines after its last state again."""
        rows: list[list[str]] = []
        if self._path.exists():
            with self._path.open(newline="", encoding="utf-8") as file:
                rows = [r for r in csv.reader(file) if r[1:2] and r[1].isdigit()]
        kept = [r for r in rows if int(r[1]) <= pictures]
        lines = [",".join(row) for row in (_COLUMNS, *kept)]
        write_text(self._path, "\n".join(lines) + "\n")


def _board(folder: Path) -> Any:
    """TensorBoard's writer, where TensorFlow is the backend."""
    import keras

    if keras.backend.backend() != "tensorflow" or find_spec("tensorboard") is None:
        return None
    import tensorflow as tf

    return tf.summary.create_file_writer(str(folder))
