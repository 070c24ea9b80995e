"""The examples in docstrings are run: what they print is what they say."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("anonbase", "anonfaces", "encoders", "stylegan")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
HEAVY = ("encoders.attributes", "encoders.embed", "encoders.latent", "stylegan")
"""Packages whose examples load TensorFlow."""


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _examples() -> list[object]:
    names = [_module(path) for path in FILES if ">>> " in path.read_text(encoding="utf-8")]
    return [
        pytest.param(name, marks=pytest.mark.slow if name.startswith(HEAVY) else ())
        for name in names
    ]


def test_there_are_examples() -> None:
    assert len(_examples()) > 10


@pytest.mark.parametrize("module", _examples())
def test_examples_print_what_they_say(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctest.testmod(import_module(module)).failed == 0


def test_what_is_not_run_says_why() -> None:
    """In words before the directive: ``# needs photographs  # doctest: +SKIP``."""
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if "doctest: +SKIP" in line:
                assert re.search(r"#\s*\w.*#\s*doctest: \+SKIP$", line), f"{path}: {line.strip()}"
