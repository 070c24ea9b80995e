"""What a session at the prompt, or in a notebook, shows of our objects and of our packages."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from anonfaces import group
from anonfaces.cluster import Groups
from anonfaces.evaluate import (
    Detection,
    rank_1,
    reidentification,
    surrogate_distance,
    verification,
)

FACES = np.array([[0.0, 0], [0, 0.1], [1, 0], [4, 0], [5, 0]])
WHO = np.array(["a", "a", "b", "c", "d"])
LABELS = np.array([0, 0, 0, 1, 1])
SURROGATES = np.array([[0.5, 0], [np.nan, np.nan]])


def _grouped() -> Groups:
    return group(FACES, 2, WHO, effort="fast")


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (
            _grouped(),
            "Groups(k = 2: 2 groups of at least 2 people, 5 faces of 4 people; information loss"
            f" {_grouped().information_loss:.2f} %, no groups lose less than"
            f" {_grouped().lower_bound:.2f} %; anneal)",
        ),
        (
            surrogate_distance(FACES, SURROGATES, LABELS, WHO),
            "SurrogateDistance(5 faces, mean 0.506, of people 0.506, 2 missing)",
        ),
        (
            reidentification(np.array([0.5, 0.7]), identity=np.array(["a", "b"])),
            "Reidentification(2 faces, RI(0.6) of people 0.500)",
        ),
        (
            rank_1(FACES, SURROGATES, LABELS, WHO),
            "Rank1(4 people in 2 groups, rate 1.000, chance 0.500, 1 missing)",
        ),
        (Detection(np.array([1, 2, 1, 1])), "Detection(4 surrogates, 75.0 % show one face)"),
        (verification(FACES, WHO), "Verification(1 pair of one person, 9 pairs of two people)"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_object_says_in_a_line_what_it_holds(shown: Any, text: str) -> None:
    assert repr(shown) == text


@pytest.mark.parametrize(
    "name", ["anonfaces", "anonfaces.cluster", "anonfaces.evaluate", "encoders", "stylegan"]
)
def test_completion_offers_the_public_names_before_they_are_loaded(name: str) -> None:
    package = import_module(name)
    assert set(package.__all__) <= set(dir(package))
