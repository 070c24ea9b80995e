"""Words that every command says alike."""

from __future__ import annotations

import pytest

from anonbase.text import pluralize


@pytest.mark.parametrize(
    ("count", "words", "message"),
    [
        (0, ("face",), "0 faces"),
        (1, ("face",), "1 face"),
        (1, ("person", "people"), "1 person"),
        (2, ("person", "people"), "2 people"),
        (12_345, ("group is", "groups are"), "12,345 groups are"),
    ],
)
def test_one_is_no_plural(count: int, words: tuple[str, ...], message: str) -> None:
    assert pluralize(count, *words) == message
