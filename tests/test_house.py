"""The house itself: quick help, short files, imports in one direction, no circle of files."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections import Counter
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import SLOW_FILES

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("anonbase", "anonfaces", "encoders", "stylegan")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
HEAVY = {"tensorflow", "keras", "dlib", "cv2", "sklearn", "matplotlib", "numba"}


def test_there_is_a_house_to_look_at() -> None:
    assert len(FILES) > 20


def test_files_stay_readable() -> None:
    lengths = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in FILES}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_files_of_tests_have_names_of_their_own() -> None:
    """pytest imports them by their name alone, and refuses the second."""
    names = Counter(path.name for path in TESTS)
    assert [name for name, count in names.items() if count > 1] == []


def test_what_is_called_slow_is_there() -> None:
    there = {(path.parent.name, path.stem) for path in TESTS}
    named = {(folder, f"test_{name}") for folder in SLOW_FILES for name in SLOW_FILES[folder]}
    assert named - there == set()


def test_benchmarks_import_what_there_is() -> None:
    """Those within functions as well, which are seen only when a benchmark is run."""
    missing = [
        f"{path.name}: {node.module}.{alias.name}"
        for path in sorted((ROOT / "benchmarks").glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGES)
        for alias in node.names
        if not _has(node.module or "", alias.name)
    ]
    assert not missing


def _has(module: str, name: str) -> bool:
    """Whether a module of ours has a name: it stands in its text, or is a part of the package."""
    place = ROOT.joinpath(*module.split("."))
    if place.is_dir():
        parts = {path.stem for path in place.iterdir()}
        place = place / "__init__.py"
    else:
        parts, place = set(), place.with_suffix(".py")
    return name in parts or re.search(rf"\b{name}\b", place.read_text(encoding="utf-8")) is not None


def test_imports_run_one_way() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_circle_of_files() -> None:
    try:
        TopologicalSorter(_imports()).prepare()
    except CycleError as circle:
        pytest.fail(" <- ".join(circle.args[1]))


def test_nobody_imports_another_packages_private_module() -> None:
    strangers = {
        f"{module} imports {private}"
        for module, imported in _imports().items()
        for private in filter(_private_folder, imported)
        if not f"{module}.".startswith(f"{_private_folder(private)}.")
    }
    assert strangers == set()


def test_no_string_names_a_module_above_but_a_hand_over() -> None:
    """A command's name may be that of a lower package; only its ``__main__`` or its few lines."""
    above = {f'"{name}"' for name in _imports() if name.startswith("anonfaces.")}
    leaning = [
        str(path.relative_to(ROOT))
        for path in FILES
        if path.relative_to(ROOT).parts[0] != "anonfaces"
        and "hand_over(" not in path.read_text()
        and any(name in path.read_text() for name in above)
    ]
    assert leaning == []


@pytest.mark.parametrize(
    "module",
    [
        *("anonfaces", "anonfaces.cluster", "anonfaces.synthesize", "encoders"),
        *("anonfaces.evaluate", "anonfaces.optics", "anonfaces.tradeoff"),
        *("encoders.attributes", "encoders.latent"),
        *("stylegan.generate", "stylegan.population", "stylegan.project", "stylegan.train"),
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


@cache
def _imports() -> dict[str, set[str]]:
    """Which of our modules each of them imports, inside functions too."""
    names = {_module(path): path for path in FILES}
    return {name: _imported(path, set(names)) - {name} for name, path in names.items()}


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, names: set[str]) -> set[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    plain = {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
    both = {
        name if (name := f"{node.module}.{a.name}") in names else str(node.module)
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for a in node.names
    }
    return (plain | both) & names


def _private_folder(module: str) -> str:
    """The package that a private module belongs to; empty for a public one."""
    parts = module.split(".")
    private = [i for i, part in enumerate(parts) if part.startswith("_") and part != "__main__"]
    return ".".join(parts[: private[0]]) if private else ""
