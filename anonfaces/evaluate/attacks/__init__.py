"""Attacks, each with what it reaches, what is reached without the release, and a control.

An attacker sees faces in a *space*: a judge's vectors, pixels, or the generator's latents, which
whoever runs our public encoder can read. Every attack is tried in every space, and counted against
us. The excess over the baseline is what the release gives away; the control is the same attack with
the surrogates of other groups, and says what the meter reads where there is nothing to find.
"""

from __future__ import annotations

from anonfaces.evaluate.attacks.result import Attack
from anonfaces.evaluate.attacks.run import try_attacks
from anonfaces.evaluate.attacks.spaces import Space

__all__ = ["Attack", "Space", "try_attacks"]
