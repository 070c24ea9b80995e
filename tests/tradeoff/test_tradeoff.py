"""The grid on a few synthetic people: it goes on after a kill, and its answers are those asked."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from anonbase.errors import GuaranteeError, InputError, OutputError
from anonfaces.tradeoff import Grid, Tradeoff, measure_tradeoff, read_tradeoff
from anonfaces.tradeoff.page import answer
from encoders import encode

GRID = Grid(k=(2, 3, 4), surrogate=("k-same",), judge=("dlib", "pca"))
PATIENCE = 12_000  # twentieths of a second
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def faces(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve synthetic people, the first picture of each and the second of half of them."""
    root = tmp_path_factory.mktemp("people")
    for number, pictures in enumerate([own for own in everybody if len(own) > 1][:12]):
        person = root / "photos" / f"zq{number:02d}"
        person.mkdir(parents=True)
        for picture in pictures[: 1 + number % 2]:
            (person / picture.name).write_bytes(picture.read_bytes())
    encode(root / "photos", root / "faces.h5", identity="folder", jobs=1, progress=False)
    return root / "faces.h5"


@pytest.fixture(scope="module")
def killed(faces: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A report whose first run was killed after a cell, and the cells that it had by then."""
    place = tmp_path_factory.mktemp("killed") / "report"
    command = [sys.executable, "-m", "anonfaces.tradeoff", str(faces), "-o", str(place)]
    command += ["--k", "2,3,4", "--surrogate", "k-same", "--judge", "dlib,pca", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        for _ in range(PATIENCE):
            if list(place.glob("cells/*.json")) or process.poll() is not None:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    return place, sorted(path.name for path in place.glob("cells/*.json"))


@pytest.fixture(scope="module")
def report(faces: Path, killed: tuple[Path, list[str]]) -> tuple[Path, Tradeoff]:
    place, done = killed
    before = {name: (place / "cells" / name).stat().st_mtime_ns for name in done}
    found = measure_tradeoff(faces, GRID, place, want=("ri", 0.5))
    assert {name: (place / "cells" / name).stat().st_mtime_ns for name in done} == before
    return place, found


def test_a_killed_run_goes_on_and_keeps_its_cells(
    killed: tuple[Path, list[str]], report: tuple[Path, Tradeoff]
) -> None:
    assert 1 <= len(killed[1]) < 3
    assert len(report[1].rows) == 3
    assert not (report[0] / "tradeoff.json").is_symlink()


def test_another_judge_is_another_question(faces: Path) -> None:
    from anonfaces.evaluate.subject import read_faces

    people = read_faces(faces)
    assert GRID.fingerprint(people) == GRID.fingerprint(people)
    assert GRID.fingerprint(people) != Grid(judge=("dlib",)).fingerprint(people)
    assert GRID.fingerprint(people) != GRID.fingerprint(people, people)


def test_the_report_is_whole_and_names_nobody(report: tuple[Path, Tradeoff]) -> None:
    place, found = report
    for name in ("tradeoff.html", "tradeoff.json", "tradeoff.csv", "tradeoff.tex"):
        text = re.sub(r"base64,[\w+/=]+", "", (place / name).read_text(encoding="utf-8"))
        assert not re.search(r"zq\d\d", text)
        assert text
    for kind in ("svg", "png", "pdf"):
        assert {p.stem for p in (place / "figures").glob(f"*.{kind}")} >= {"privacy", "pareto"}
    assert (place / "owner.key").stat().st_mode & 0o777 == 0o600
    assert read_tradeoff(place / "tradeoff.json").rows == found.rows
    page = (place / "tradeoff.html").read_text(encoding="utf-8")
    assert "for the owner of the photographs" in page
    assert "http://" not in page
    assert "https://" not in page


def test_more_people_to_a_group_lose_more(report: tuple[Path, Tradeoff]) -> None:
    table = report[1].to_pandas().sort_values("k")
    assert table["information_loss"].is_monotonic_increasing
    assert (table["rank1"] <= 1 / table["k"] + 1e-9).all()
    assert (table["ri_low"] <= table["ri"]).all()


def row(k: int, ri: float, loss: float, surrogate: str = "a", took_part: bool = False) -> Any:
    rate = {"rate": ri, "low": ri / 2, "high": min(1, 2 * ri), "n": 100}
    verdict = {
        "judge": "j", "took_part": took_part, "able": True, "mean_distance": 0.7,
        "surrogates_without_a_face": 0,
        "reidentification": {"people": rate, "worst_groups": [{"people": k, "rate": ri}]},
        "identification": [{"ranks": {"1": rate}, "groups_found": rate}],
    }  # fmt: skip
    return {
        "embedding": "e", "method": "m", "k": k, "surrogate": surrogate, "groups": 9,
        "information_loss": loss, "judges": [verdict], "utility": {}, "seconds": 1.0,
    }  # fmt: skip


def test_the_smallest_k_that_is_enough() -> None:
    cells = (row(2, 0.2, 10.0), row(5, 0.04, 30.0), row(10, 0.005, 40.0), row(20, 0.002, 50.0))
    found = Tradeoff((*cells, row(2, 0.3, 9.0, "b")), {"people": 100})
    table = found.smallest_k("ri", 0.01).set_index("surrogate")
    assert table.loc["a", "k"] == 10
    assert table.loc["a", "information_loss"] == 40
    assert table.loc["b", "k"] != table.loc["b", "k"]  # none
    first, second = answer(found, ("ri", 0.01))
    assert "from k = 10 on" in first
    assert "30.0 points more" in first
    assert "is not proven" not in first
    (only,) = answer(Tradeoff((row(2, 0.006, 10.0),), {"people": 100}), ("ri", 0.01))
    assert "1 % is not proven" in only
    assert "points more" not in only
    assert "no k that was tried" in second
    with pytest.raises(InputError, match="choose of"):
        found.smallest_k("beauty", 0.1)


def test_nothing_on_the_front_is_beaten_in_both() -> None:
    cells = (row(2, 0.2, 10.0), row(5, 0.3, 30.0), row(10, 0.1, 40.0), row(20, 0.1, 50.0))
    front = Tradeoff(cells, {"people": 100}).pareto()
    assert front["k"].tolist() == [2, 10]


def test_a_party_is_no_independent_judge() -> None:
    assert Tradeoff((row(2, 0.1, 1.0),), {"people": 9}).independent
    assert not Tradeoff((row(2, 0.1, 1.0, took_part=True),), {"people": 9}).independent


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({"k": (1,)}, GuaranteeError, "2 or more"),
        ({"k": ()}, InputError, "name one"),
        ({"surrogate": ("magic",)}, InputError, "magic"),
        ({"embedding": ("magic",)}, InputError, "magic"),
        ({"method": ("magic",)}, InputError, "magic"),
    ],
)
def test_what_cannot_be_tried_is_refused(
    asked: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        Grid(**asked)


def test_a_refusal_leaves_nothing_and_an_empty_folder_stays(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("a text")
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(InputError, match=r"notes\.txt"):
            measure_tradeoff(notes, GRID, tmp_path / name)
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["empty", "notes.txt"]


def test_what_is_there_is_not_overwritten(faces: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        measure_tradeoff(faces, GRID, tmp_path)
    with pytest.raises(GuaranteeError, match="needs as many people"):
        measure_tradeoff(faces, Grid(k=(13,), surrogate=("k-same",)), tmp_path / "new")
    with pytest.raises(InputError, match="no such"):
        measure_tradeoff(tmp_path / "none", GRID, tmp_path / "other")
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    assert not (tmp_path / "new").exists()
    (tmp_path / "t.json").write_text(json.dumps({"format": "x"}))
    with pytest.raises(InputError, match="no trade-off"):
        read_tradeoff(tmp_path / "t.json")
