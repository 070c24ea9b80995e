"""Words that every command says alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support import run_command

from anonbase.options import SURROGATE_METHODS
from anonbase.text import pluralize
from anonfaces.synthesize import SURROGATES


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


def test_helps_name_every_method_of_making_a_surrogate() -> None:
    assert set(re.split(", | or ", SURROGATE_METHODS)) == set(SURROGATES)


@pytest.mark.parametrize("module", ["anonfaces.cluster", "anonfaces.synthesize"])
def test_a_help_lists_the_methods_of_making_a_surrogate(module: str, tmp_path: Path) -> None:
    told = re.findall(r"[\w-]+", run_command(module, "--help", cwd=tmp_path).out)
    assert set(SURROGATES) <= set(told)


@pytest.mark.parametrize("command", ["simulate", "train", "deidentify", "attack"])
def test_a_seed_speaks_of_a_key_only_where_there_is_one(command: str, tmp_path: Path) -> None:
    assert "key" not in run_command("anonfaces.optics", command, "--help", cwd=tmp_path).out
    assert "key" in run_command("anonfaces.synthesize", "--help", cwd=tmp_path).out
