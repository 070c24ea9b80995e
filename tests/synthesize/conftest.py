"""A few synthetic people, found and aligned once for all tests of this folder."""

from __future__ import annotations

import csv
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from support import build_once

from anonfaces.synthesize import Members, Surrogate, SurrogateOptions, load_surrogate
from anonfaces.synthesize.generator.latents import GroupLatents, people_of
from anonfaces.synthesize.generator.optimized import Optimized
from encoders import encode
from encoders.faceset import FaceSet


@pytest.fixture(scope="session")
def few(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    """Twelve synthetic people that ship, women of one age band, one to three faces each."""
    build = partial(_build_few, everybody=everybody)
    return FaceSet.read(build_once(tmp_path_factory, "few", build) / "faces.h5")


def _build_few(root: Path, everybody: list[list[Path]]) -> None:
    table = (everybody[0][0].parent.parent / "traits.csv").read_text(encoding="utf-8")
    alike = {
        row["person"]
        for row in csv.DictReader(table.splitlines())
        if (row["age"], row["gender"]) == ("25-39", "female")
    }
    left = [own for own in everybody if own[0].parent.name in alike]
    for number in range(12):
        pictures = next(own for own in left if len(own) > number % 3)
        left.remove(pictures)
        person = root / "photos" / f"person_{number:03d}"
        person.mkdir(parents=True)
        for picture in pictures[: 1 + number % 3]:
            (person / picture.name).write_bytes(picture.read_bytes())
    encode(root / "photos", root / "faces.h5", identity="folder")


@pytest.fixture(scope="session")
def method() -> Callable[[str], Surrogate]:
    """``method(name)``: each way of making surrogates, loaded once."""
    return cache(load_surrogate)


@pytest.fixture(scope="module")
def ours() -> Optimized:
    return Optimized(SurrogateOptions())


@pytest.fixture(scope="module")
def people(few: FaceSet, ours: Optimized) -> list[GroupLatents]:
    """Three groups of four."""
    names = np.unique(few.identity)
    rows = [[np.flatnonzero(few.identity == who) for who in names[i::3]] for i in range(3)]
    return people_of([Members(few, tuple(own)) for own in rows], ours.invert, ours.needs)
