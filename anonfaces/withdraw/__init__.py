"""Somebody takes back their consent: what has to change, and the dataset without them."""

from __future__ import annotations

from anonfaces.withdraw.job import Withdrawal, find_person, withdraw

__all__ = ["Withdrawal", "find_person", "withdraw"]
