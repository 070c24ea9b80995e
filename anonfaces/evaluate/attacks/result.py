"""What an attack reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anonfaces.evaluate.intervals import wilson
from anonfaces.evaluate.verdict import rate_of

__all__ = ["Attack", "share"]


@dataclass(frozen=True, kw_only=True)
class Attack:
    """One attack in one space.

    Attributes
    ----------
    attack : str
        What is done; ``attacker`` who does it and what they hold; ``sees`` the space.
    main, baseline, control : dict
        ``rate`` with ``low``, ``high`` and ``n``: with the release, without it, and with the
        surrogates of other groups.
    chance : float or None
        What guessing gives.
    """

    attack: str
    attacker: str
    sees: str
    main: dict[str, Any]
    baseline: dict[str, Any]
    control: dict[str, Any]
    chance: float | None = None

    @property
    def excess(self) -> float:
        """How much more is reached than without the release."""
        return float(self.main["rate"] - self.baseline["rate"])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for ``evaluation.json``."""
        names = ("attack", "attacker", "sees", "main", "baseline", "control")
        chance = None if self.chance is None else round(self.chance, 6)
        return {name: getattr(self, name) for name in names} | {
            "excess": round(self.excess, 6),
            "chance": chance,
        }


def share(rate: float, n: int) -> dict[str, Any]:
    """A share of ``n`` independent trials with Wilson's interval."""
    return rate_of(rate, wilson(rate, n), n)
