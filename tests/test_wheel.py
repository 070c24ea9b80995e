"""The wheel in an environment of its own: what it needs lies in it, and the sample is condensed.

Third-party packages come from the environment that runs the tests, which spares two gigabytes of
downloads; ours come from the wheel alone.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from support import build_once

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("anonbase", "anonfaces", "encoders", "stylegan")
SHIPPED = {
    "datasets/sample": "anonfaces/_sample",
    "datasets/appearance": "anonfaces/_appearance",
    "datasets/generator": "stylegan/_generator",
    "datasets/dcgan": "stylegan/_dcgan",
    "datasets/k-same-net": "anonfaces/_k_same_net",
    "datasets/latent": "encoders/_latent",
    "datasets/attributes": "encoders/_attributes",
    "datasets/parsing": "encoders/_parsing",
    "datasets/semantic": "anonfaces/_semantic",
    "datasets/optics": "anonfaces/_optics",
}
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check")
K, PEOPLE = 4, 12
EVERYTHING_LOADS = """
import stylegan
from anonfaces.commands.condense import _sample
from anonfaces.synthesize import SELF_CONTAINED, SurrogateOptions, load_surrogate
from encoders.latent import load_directions, load_inverse, load_latent_corrector
for name in SELF_CONTAINED:
    load_surrogate(name, SurrogateOptions(key=bytes(32)))
generator = stylegan.load()
load_directions(generator), load_inverse(generator), load_latent_corrector(generator)
stylegan.load("dcgan"), stylegan.load_discriminator("dcgan")
print(_sample())
"""


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree, built as ``pip install`` of a checkout builds it."""

    def build(folder: Path) -> None:
        options = ("--no-deps", "--no-build-isolation", "-q", "-w", str(folder))
        run([*PIP, "wheel", *options, str(ROOT)], folder)

    (path,) = build_once(tmp_path_factory, "wheel", build).glob("*.whl")
    return path


@pytest.fixture(scope="session")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that holds the wheel and, by a .pth file, its needs."""

    def build(folder: Path) -> None:
        run([sys.executable, "-m", "venv", "--without-pip", str(folder)], folder)
        into = ("--python", str(folder / "bin" / "python"), "install", "--no-deps", "-q")
        run([*PIP, *into, str(wheel)], folder)
        (site,) = folder.glob("lib/python3*/site-packages")
        (site / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")

    return build_once(tmp_path_factory, "environment", build) / "bin" / "python"


def run(command: Sequence[str], cwd: Path) -> str:
    """What a command prints that runs without what leads back to this tree."""
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    surroundings["NUMBA_DISABLE_JIT"] = "1"  # a minute of compiling says nothing of the wheel
    done = subprocess.run(command, cwd=cwd, env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_that_ships_lies_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {info.filename: info.file_size for info in archive.infolist()}
    for source, target in SHIPPED.items():
        files = [path for path in (ROOT / source).rglob("*") if path.is_file()]
        assert files, source
        for path in files:
            name = f"{target}/{path.relative_to(ROOT / source).as_posix()}"
            assert inside.get(name) == path.stat().st_size, name
    ours = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file()}
    names = {str(p.relative_to(ROOT)) for p in ours if "__pycache__" not in p.parts}
    assert names - set(inside) == set()  # templates and py.typed too
    tops = {name.split("/")[0] for name in inside}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


def test_ours_come_from_the_wheel_and_all_that_ships_loads(python: Path, tmp_path: Path) -> None:
    files = f"import {', '.join(PACKAGES)}; print({', '.join(f'{p}.__file__' for p in PACKAGES)})"
    places = run([str(python), "-c", files], tmp_path).split()
    places += run([str(python), "-c", EVERYTHING_LOADS], tmp_path).split()[-1:]  # of the sample
    assert len(places) == len(PACKAGES) + 1
    assert [place for place in places if not Path(place).is_relative_to(python.parents[1])] == []


def test_the_sample_is_condensed(python: Path, everybody: list[list[Path]], tmp_path: Path) -> None:
    """Some of its people, found, grouped and given a surrogate by the generator that ships."""
    (sample,) = python.parents[1].glob("lib/python3*/site-packages/anonfaces/_sample")
    for name in (pictures[0].parent.name for pictures in everybody[:PEOPLE]):
        shutil.copytree(sample / name, tmp_path / "photographs" / name)
    command = [str(python), "-m", "anonfaces.cluster", "photographs", "--k", str(K)]
    command += ["-o", "condensed", "--identity", "folder", "--surrogate", "stylegan"]
    command += ["--effort", "fast"]  # without a compiler a search is a hundred times slower
    message = run(command, tmp_path)
    assert "report.html" in message
    summary = json.loads((tmp_path / "condensed" / "summary.json").read_text())
    assert (summary["k"], summary["people"], summary["surrogate"]) == (K, PEOPLE, "stylegan")
    pictures = list((tmp_path / "condensed" / "surrogates").glob("*.png"))
    assert len(pictures) == summary["groups"] == PEOPLE // K
