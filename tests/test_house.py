"""The house itself: quick help, short files, imports in one direction."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("anonfaces", "encoders", "stylegan")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
LEAVES = ("anonfaces.errors", "anonfaces._")
HEAVY = {"tensorflow", "keras", "dlib", "cv2", "sklearn", "matplotlib", "numba"}


def test_there_is_a_house_to_look_at() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_stay_readable(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400


def test_encoders_and_stylegan_take_nothing_but_leaves_from_anonfaces() -> None:
    for path in FILES:
        if path.relative_to(ROOT).parts[0] == "anonfaces":
            continue
        for name in _imported(path):
            assert not name.startswith("anonfaces") or _is_leaf(name), f"{path}: {name}"


@pytest.mark.parametrize(
    "module",
    [
        *("anonfaces", "anonfaces.cluster", "anonfaces.synthesize", "encoders"),
        *("encoders.attributes", "encoders.latent"),
        *("stylegan.generate", "stylegan.population", "stylegan.project"),
    ],
)
def test_help_answers_without_a_heavy_import(module: str) -> None:
    program = (
        "import runpy, sys\n"
        f"sys.argv = [{module!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_module({module!r}, run_name='__main__', alter_sys=True)\n"
        "except SystemExit as end:\n"
        "    print(end.code, *sorted(m for m in sys.modules if '.' not in m), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    code, *modules = done.stderr.split()
    assert code == "0"
    assert "Usage" in done.stdout
    assert not HEAVY & set(modules)


def _imported(path: Path) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    return plain | {
        f"{node.module}.{a.name}"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for a in node.names
    }


def _is_leaf(name: str) -> bool:
    return name.startswith(LEAVES)
