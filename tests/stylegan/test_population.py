"""People who do not exist, as typed: apart, alike, told in the table; nothing foreign deleted."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import stylegan
from anonbase.errors import InputError, OutputError
from anonfaces.commands import population
from encoders.embed import load_embedder
from encoders.latent import people as latent_people
from encoders.latent.people import greedy_independent_set
from encoders.latent.samples import detect_faces

APART, WITHIN = 0.35, 0.33
WORDS = ("--people", 4, "--most", 3, "--apart", APART, "--within", WITHIN, "--tries", 16)


def run(*words: object) -> str:
    done = CliRunner().invoke(population.app, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(autouse=True, scope="module")
def _loaded_once() -> Iterator[None]:
    """The networks: compiling them takes longer than what is drawn here."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stylegan, "load", cache(stylegan.load))
        for name in ("load_embedder", "load_attributes", "load_directions"):
            patched.setattr(latent_people, name, cache(getattr(latent_people, name)))
        yield


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("population") / "people"
    assert "4 people, " in run("-o", folder, *WORDS)
    return folder


def test_files_and_table_agree(people: Path) -> None:
    with (people / "traits.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    files = sorted(str(path.relative_to(people)) for path in people.rglob("*.jpg"))
    assert [row["image"] for row in rows] == files
    assert {row["person"] for row in rows} == {f"person_{i:03d}" for i in range(4)}
    assert {row["gender"] for row in rows} <= {"female", "male"}
    assert {row["age"] for row in rows} <= {"0-12", "13-24", "25-39", "40-59", "60+"}
    with Image.open(people / files[0]) as picture:
        assert picture.size == (256, 256)


def test_the_files_keep_the_distances(people: Path) -> None:
    paths = sorted(people.rglob("*.jpg"))
    looks = detect_faces(np.stack([np.asarray(Image.open(path)) for path in paths]))
    assert looks.found.all()
    vectors = load_embedder("dlib")(looks.chip)
    names = np.array([path.parent.name for path in paths])
    distance = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    same = names[:, None] == names[None]
    assert distance[same].max() <= WITHIN + 1e-3
    assert distance[~same].min() >= APART - 1e-3
    assert 4 <= len(paths) <= 12


def test_the_same_seed_makes_the_same_bytes(people: Path, tmp_path: Path) -> None:
    run("-o", tmp_path / "again", *WORDS)
    files = sorted(path for path in people.rglob("*") if path.is_file())
    for path in files:
        assert (tmp_path / "again" / path.relative_to(people)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("apart", [0.5, 0.6, 0.7])
def test_who_has_few_neighbours_leaves_room_for_more(apart: float) -> None:
    vectors = np.random.default_rng(0).normal(0, 0.12, (1500, 12)).astype(np.float32)
    distance = np.linalg.norm(vectors[:, None] - vectors, axis=2)
    rows = greedy_independent_set(vectors, len(vectors), apart)
    among = distance[np.ix_(rows, rows)]
    assert among[~np.eye(len(rows), dtype=bool)].min() >= apart
    assert distance[:, rows].min(axis=1).max() < apart  # nobody was left out without a reason
    assert greedy_independent_set(vectors, 5, apart) == rows[:5]
    comers: list[int] = []
    for row in range(len(vectors)):
        if not comers or distance[row, comers].min() >= apart:
            comers.append(row)
    assert len(rows) > 1.2 * len(comers)


def test_of_nobody_nobody_is_chosen() -> None:
    assert greedy_independent_set(np.empty((0, 128), np.float32), 4, 0.5) == []


def test_an_output_that_is_in_use(people: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="--overwrite replaces it"):
        run("-o", people, *WORDS)
    mixed = tmp_path / "mixed"
    (mixed / "person_000").mkdir(parents=True)
    (mixed / "person_000" / "diary.txt").write_text("mine")
    with pytest.raises(OutputError, match="something else"):
        run("-o", mixed, "--overwrite", *WORDS)
    assert (mixed / "person_000" / "diary.txt").read_text() == "mine"
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        run("-o", tmp_path / "file", *WORDS)


def test_distances_that_contradict_each_other(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not less than"):
        run("-o", tmp_path / "out", "--apart", 0.4, "--within", 0.5)
    assert not (tmp_path / "out").exists()


def test_too_few_are_kept_and_are_an_error(tmp_path: Path) -> None:
    words = ("-o", tmp_path / "out", "--people", 2, "--apart", 3, "--tries", 4, "--most", 1)
    message = (
        "1 person of 2 wanted: no more of them 3.0 apart were met in 8 faces; they are in .*out"
    )
    with pytest.raises(InputError, match=message):
        run(*words)
    made = {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
    assert sorted(made) == ["0.jpg", "traits.csv"]
    with pytest.raises(InputError, match="out stays as it is"):
        run(*words, "--overwrite", "--seed", 1)
    assert made == {path.name: path.read_bytes() for path in (tmp_path / "out").rglob("*.*")}
