"""How hard a method may try: an effort, which counts work, and a time limit as a safety."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import Literal, get_args

from anonbase.errors import InputError

__all__ = ["UNLIMITED", "Budget", "Effort", "Progress", "check_seconds", "stride"]

Effort = Literal["fast", "default", "best"]
Progress = Callable[[float, float], None]


def check_seconds(seconds: float | None, name: str) -> None:
    """InputError unless ``seconds`` is None, for no limit, or > 0."""
    if seconds is not None and not seconds > 0:
        raise InputError(f"{name} is a number of seconds > 0, not {seconds}")


@dataclass(frozen=True)
class Budget:
    """What a method may spend, and whom it tells how far it is.

    Attributes:
        effort: ``fast``, ``default`` or ``best``. It bounds the number of changes that are
            tried, not the time, so the same seed gives the same groups on every machine.
        time_limit: seconds after which the best grouping so far is returned; None for no
            limit. A limit that is reached makes the answer depend on the machine.
        progress: called now and then with the share of the work done (0 to 1) and the
            weighted sum of squared errors of the best grouping so far.
    """

    effort: Effort = "default"
    time_limit: float | None = None
    progress: Progress | None = None
    started: float = field(default_factory=time.monotonic, compare=False)
    stopped: Event = field(default_factory=Event, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.effort not in get_args(Effort):
            raise InputError(f"effort is fast, default or best, not {self.effort!r}")
        check_seconds(self.time_limit, "the time limit")

    def spent(self) -> bool:
        """Whether the time limit is reached, or somebody said stop."""
        late = self.time_limit is not None and self.seconds() >= self.time_limit
        return late or self.stopped.is_set()

    def stop(self) -> None:
        """End the work at the next occasion; ``UNLIMITED`` is everybody's and never ends."""
        if self is not UNLIMITED:
            self.stopped.set()

    def seconds(self) -> float:
        """Seconds since the budget was made."""
        return time.monotonic() - self.started

    def left(self) -> float | None:
        """Seconds that are left, None without a limit."""
        return None if self.time_limit is None else max(1e-3, self.time_limit - self.seconds())

    def report(self, share: float, loss: float) -> None:
        """Tell the progress callback, if there is one."""
        if self.progress is not None:
            self.progress(share, loss)


def stride(legs: int, done: float, took: float, seconds: float | None) -> float:
    """How many ``legs`` the next one stands for, where one takes ``took`` of all ``seconds``.

    1 without a limit; more where time is short, so that a search that cools gets cold in it.
    """
    return 1.0 if seconds is None else min(max(1.0, legs * took / seconds), legs - done)


UNLIMITED = Budget()
