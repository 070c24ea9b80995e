"""Searches cut short, where it matters of whom a face is made and not how good it is."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from anonfaces.synthesize.generator import weighted
from anonfaces.synthesize.generator.offset_search import OffsetSearch


@contextmanager
def few_steps() -> Iterator[None]:
    """Every eighth step of the optimised surrogate, three rounds of the weighted one."""
    whole = vars(OffsetSearch)["_schedule"]
    some = property(lambda search: whole.__get__(search, OffsetSearch)[::8])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(OffsetSearch, "_schedule", some)
        patched.setattr(weighted, "_ROUNDS", 3)
        yield
