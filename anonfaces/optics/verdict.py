"""What the figures of a run say in words: too little, or that its camera does not hide people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from anonbase.errors import InputError, PrivacyWarning, UtilityWarning
from anonbase.notices import warn_user
from anonbase.text import pluralize

__all__ = ["check_people", "enough_people", "exposed", "warn_if_exposed", "warn_if_few"]

#: Pictures below which a rate says little: one of them moves it by 2 % or more.
_ENOUGH = 50
#: The share of pictures that an attack may verify: the bar of docs/optics.md.
_MOST_VERIFIED = 0.1
#: People of whom one in twenty is held out: with so many, somebody is, 19 times in 20.
_SOMEBODY = 60
#: With so many, two are at the least, 19 times in 20.
_TWO = 95
#: Faces of which one in twenty makes ``_ENOUGH``.
_FACES = 1000


def enough_people(least: int) -> str:
    """How many people to give so that ``least`` of them, 1 or 2, are held out to measure by."""
    count = _SOMEBODY if least == 1 else _TWO
    return (
        "about one person in twenty is held out, by a checksum of the name of their folder: give"
        f" {count} people or more, and some {_FACES:,} faces for rates that say much"
    )


def check_people(person: Iterable[str]) -> None:
    """``InputError`` unless there are two people to tell apart."""
    people = len(set(person))
    if people < 2:
        raise InputError(
            f"the pictures to measure by are of {pluralize(people, 'person', 'people')}, and a"
            f" recognizer tells two or more apart: {enough_people(2)}"
        )


def warn_if_few(pictures: int) -> None:
    """Warn where rates are of so few pictures that they say little."""
    if pictures < _ENOUGH:
        warn_user(
            f"all rates are of {pluralize(pictures, 'picture')}, and one of them more or less moves"
            f" a rate by {1 / max(pictures, 1):.0%}: fewer than {_ENOUGH} say little, whatever"
            f" their digits, and a low rate is no proof; some {_FACES:,} faces leave {_ENOUGH} to"
            " measure by",
            UtilityWarning,
        )


def exposed(measured: dict[str, Any]) -> str | None:
    """Which attack verifies too many through the mask of a run, in words; None where none does.

    An attack that verifies no more own faces than others' says nothing of who is on a picture.
    """
    tries = [
        (row[f"{judge}_verified"], row[f"{judge}_confused"], judge, row["attack"])
        for row in measured["attacks"]
        for judge in measured["judges"]
        if row["camera"] == "mask"
    ]
    seen = [one for one in tries if one[0] > max(_MOST_VERIFIED, one[1])]
    if not seen:
        return None
    verified, confused, judge, attack = max(seen)
    pictures = next(row["pictures"] for row in measured["curve"] if row["camera"] == "mask")
    how = "as they are" if attack == "none" else f"after the attack '{attack}'"
    return (
        f"this camera does not hide people: {judge} verifies {verified:.1%} of"
        f" {pluralize(pictures, 'picture')} {how} (and {confused:.1%} of other people's), more"
        f" than {_MOST_VERIFIED:.0%}"
    )


def warn_if_exposed(measured: dict[str, Any]) -> None:
    """Say so where an attack verifies too many through the mask of a run."""
    words = exposed(measured)
    if words is not None:
        warn_user(words, PrivacyWarning)
