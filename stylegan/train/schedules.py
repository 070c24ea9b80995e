"""How rates and running averages change over a phase."""

from __future__ import annotations

import math

from stylegan.train.recipe import TrainingConfig

__all__ = ["keep_share", "warmed"]

_WARM = 100


def warmed(step: int, steps: int, last: float = 0.3) -> float:
    """A rate's factor: up from 0 over 100 steps, then down a half cosine to ``last``."""
    down = last + (1 - last) * 0.5 * (1 + math.cos(math.pi * min(step / max(steps, 1), 1)))
    return min((step + 1) / _WARM, 1.0) * down


def keep_share(recipe: TrainingConfig, step: int) -> float:
    """How much of a running average stays in a step: half is new after ``ema_kimg``.

    At the beginning the average is shorter, a twentieth of what was seen.
    """
    seen = (step + 1) * recipe.batch
    half_life = max(min(recipe.ema_kimg * 1000, 0.05 * seen), 1e-8)
    return float(0.5 ** (recipe.batch / half_life))
