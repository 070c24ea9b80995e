"""The commands as a user types them: the main job end to end, killed, resumed, replaced."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from support import Result, run_command, wait_until

from anonfaces import __version__
from anonfaces.cluster import METHODS
from anonfaces.report import Summary
from anonfaces.synthesize.surroundings import face_mask
from encoders.faceset import FaceSet

COMMAND = [sys.executable, "-m", "anonfaces.cluster"]
ROOT = Path(__file__).resolve().parent.parent
QUICK = ["--surrogate", "k-same"]  # where the faces are not what is tested
K = 4


def call(*arguments: object, cwd: Path, module: str = "anonfaces.cluster") -> Result:
    """In this process."""
    return run_command(module, *words(arguments, module), cwd=cwd)


def call_apart(*arguments: object, cwd: Path, module: str = "anonfaces.cluster") -> Result:
    """In a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words(arguments, module)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def words(arguments: tuple[object, ...], module: str) -> list[str]:
    quick = module == "anonfaces.cluster" and "--surrogate" not in arguments
    quick = quick and Path(str(arguments[0])).suffix not in (".npy", ".csv")  # have no faces
    return [*map(str, arguments), *(QUICK if quick else [])]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def photos(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 synthetic people under telling names, and files that are no photographs of anybody."""
    root = tmp_path_factory.mktemp("input") / "photos"
    many = sorted(everybody, key=len, reverse=True)[:12]  # more than one part of a run
    for number, pictures in enumerate(many):
        person = root / f"Ophelia Quill {number:02d}"
        person.mkdir(parents=True)
        for picture in pictures:
            shutil.copyfile(picture, person / f"IMG_zq{number:02d}{picture.name}")
    odd = root / "Odd Quill"
    odd.mkdir()
    (odd / "IMG_zq_text.jpg").write_text("no picture at all")
    (odd / "IMG_zq_nothing.png").touch()
    Image.new("RGB", (200, 200), "teal").save(odd / "IMG_zq_teal.png")
    return root


@pytest.fixture(scope="module")
def undisturbed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    place = tmp_path_factory.mktemp("undisturbed")
    result = call_apart(photos, "--k", K, "--identity", "folder", "-o", "out", cwd=place)
    return place / "out", result


def test_the_command_ends_well_and_says_where_the_page_is(
    undisturbed: tuple[Path, Result],
) -> None:
    folder, result = undisturbed
    assert result.code == 0, result.err
    assert (folder / "report.html").as_uri() in result.out
    assert "one folder, one person" in result.out
    assert "random groups" in result.out
    assert [p.name for p in folder.parent.iterdir()] == ["out"]
    assert "Traceback" not in result.err


def test_every_group_has_k_people_by_an_independent_count(
    undisturbed: tuple[Path, Result], photos: Path
) -> None:
    groups = pd.read_csv(undisturbed[0] / "owner" / "groups.csv")
    person = groups["image"].str.split("/").str[0]
    assert groups.assign(person=person).groupby("group")["person"].nunique().min() >= K
    assert groups.assign(person=person).groupby("person")["group"].nunique().max() == 1
    assert (person == groups["identity"]).all()
    assert all((photos / image).is_file() for image in groups["image"])


def test_every_picture_is_in_a_group_or_in_the_list_of_what_was_not_found(
    undisturbed: tuple[Path, Result], photos: Path
) -> None:
    grouped = set(pd.read_csv(undisturbed[0] / "owner" / "groups.csv")["image"])
    missing = pd.read_csv(undisturbed[0] / "owner" / "not_found.csv")
    without = set(missing.loc[missing["outcome"] != "bystander", "path"])
    every = {str(p.relative_to(photos)) for p in photos.rglob("*") if p.is_file()}
    assert grouped | without == every
    assert not grouped & without
    assert {p.split("/")[1] for p in without if p.startswith("Odd")} == {
        "IMG_zq_text.jpg",
        "IMG_zq_nothing.png",
        "IMG_zq_teal.png",
    }
    assert missing["reason"].notna().sum() >= 2


def test_the_summary_agrees_with_the_tables(undisturbed: tuple[Path, Result]) -> None:
    folder, _ = undisturbed
    summary = Summary.read(folder / "summary.json")
    groups, table = (pd.read_csv(folder / f"{n}.csv") for n in ("owner/groups", "condensed"))
    missing = pd.read_csv(folder / "owner" / "not_found.csv")["outcome"].value_counts()
    assert (summary.faces, summary.groups) == (len(groups), len(table))
    assert summary.people == groups["identity"].nunique() == table["people"].sum()
    assert summary.pictures == len(set(groups["image"])) + sum(summary.not_found.values())
    assert summary.not_found == missing.drop("bystander", errors="ignore").to_dict()
    assert set(summary.publishable) == {
        p.name + "/" * p.is_dir() for p in folder.iterdir() if p.name != "owner"
    }
    assert set(summary.secret) == {f"owner/{p.name}" for p in (folder / "owner").iterdir()}


def test_surrogates_are_means_of_the_chips_that_are_kept(
    undisturbed: tuple[Path, Result],
) -> None:
    folder, _ = undisturbed
    own = folder / "owner"
    faces, groups = FaceSet.read(own / "faces.h5"), pd.read_csv(own / "groups.csv")
    rows = groups[groups["group"] == 0]
    people = [faces.chips(r.index.to_numpy()).mean(axis=0) for _, r in rows.groupby("identity")]
    face = face_mask(faces.chip_size)[..., None]
    expected = face * np.mean(people, axis=0) + (1 - face) * 128
    with Image.open(folder / "surrogates" / "0.png") as surrogate:
        np.testing.assert_allclose(np.asarray(surrogate), expected, atol=0.51)


def test_what_may_leave_names_no_file_and_nobody(undisturbed: tuple[Path, Result]) -> None:
    folder, _ = undisturbed
    for name in Summary.read(folder / "summary.json").publishable:
        path = folder / name
        for file in path.iterdir() if path.is_dir() else [path]:
            assert not re.search(rb"Quill|IMG_zq|/photos|/out|root@", file.read_bytes()), file


def test_a_run_that_was_killed_goes_on_to_the_same_bytes(
    undisturbed: tuple[Path, Result], photos: Path, tmp_path: Path
) -> None:
    options = [str(photos), "--k", str(K), "--identity", "folder", "-o", "out"]
    options += ["--secret-key", str(undisturbed[0] / "owner" / "secret.key")]
    with subprocess.Popen(
        [*COMMAND, *options], cwd=tmp_path, env=environment(), stderr=subprocess.DEVNULL
    ) as process:
        parts = wait_for_parts(tmp_path / ".out.partial", process)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert parts
    assert not (tmp_path / "out").exists()
    result = call(*options, cwd=tmp_path)
    assert result.code == 0, result.err
    assert re.search(r"\b[1-9]\d* photographs are done already", result.err)
    # to the byte on TensorFlow's usual threads; on the tests' single one a vector's last bits
    # follow its place in a batch, which a kill changes
    assert set(contents(tmp_path / "out")) == set(contents(undisturbed[0]))
    here, there = (
        FaceSet.read(out / "owner" / "faces.h5") for out in (tmp_path / "out", undisturbed[0])
    )
    assert here.image.tolist() == there.image.tolist()
    np.testing.assert_allclose(here.embedding, there.embedding, rtol=0, atol=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def wait_for_parts(partial: Path, process: subprocess.Popen[bytes]) -> list[Path]:
    """Finished parts of the run, as soon as there are some."""

    def parts() -> list[Path]:
        return list(partial.glob("owner/faces.h5.partial/*.done"))

    wait_until(lambda: parts() or process.poll() is not None)
    return parts()


def test_overwrite_makes_another_one_of_the_same_faces(
    undisturbed: tuple[Path, Result], photos: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed[0], tmp_path / "out")
    refused = call(photos, "--k", 6, "-o", "out", "--identity", "folder", cwd=tmp_path)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert contents(tmp_path / "out") == contents(undisturbed[0])
    result = call(
        photos, "--k", 6, "-o", "out", "--identity", "folder", "--overwrite", cwd=tmp_path
    )
    assert result.code == 0, result.err
    assert " 0 to go" in result.err
    assert Summary.read(tmp_path / "out" / "summary.json").k == 6
    for name in ("faces.h5", "secret.key"):
        kept = (tmp_path / "out" / "owner" / name).read_bytes()
        assert kept == (undisturbed[0] / "owner" / name).read_bytes()
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_faces_that_were_kept_can_be_condensed_again(
    undisturbed: tuple[Path, Result], tmp_path: Path
) -> None:
    own = undisturbed[0] / "owner"
    options = ["--k", K, "-o", "again", "--quiet", "--secret-key", own / "secret.key"]
    result = call(own / "faces.h5", *options, cwd=tmp_path)
    assert (result.code, result.out) == (0, "")
    assert re.fullmatch("PrivacyWarning: --surrogate k-same: .* subtraction.*\n", result.err)
    for name in ("condensed.csv", *(f"owner/{n}" for n in ("groups.csv", "not_found.csv"))):
        assert (tmp_path / "again" / name).read_bytes() == (undisturbed[0] / name).read_bytes()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("desk")
    rng = np.random.default_rng(0)
    np.save(place / "x.npy", 9 * rng.normal(size=(12, 8)))
    (place / "taken").mkdir()
    (place / "taken" / "mine.txt").write_text("mine")
    Image.new("RGB", (8, 8)).save(place / "taken" / "one.png")
    return place


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["x.npy", "--k", "1"], 2, "k is 2 or more"),
        (["x.npy", "--k", "13", "--identity", "none"], 2, "needs at least 13 people"),
        (["x.npy", "--k", "five"], 2, "valid integer"),
        (["x.npy", "-o", "taken"], 2, "holds something else"),
        (["missing"], 2, "no such file or folder"),
        (["taken/one.png"], 2, "is one photograph: give the folder that holds all of them, as"),
        (["x.npy", "--l-diversity", "age"], 2, "--l-diversity age: expected COLUMN:NUMBER"),
        (["x.npy", "--l-diversity", "age:0"], 2, "l-diversity age: a whole number of 2"),
        (["x.npy", "--l-diversity", "age:x"], 2, "--l-diversity age:x: expected"),
        (["x.npy", "--t-closeness", ":0.2"], 2, "--t-closeness :0.2: expected"),
        (["x.npy", "--t-closeness", "age:1.5"], 2, "t-closeness age: a distance from 0 to 1"),
        (["x.npy", "--t-closeness", "age:nan"], 2, "--t-closeness age:nan: expected"),
        (["x.npy", "--same", "age"], 2, "no column 'age'"),
        (["x.npy", "--no-such-option"], 2, "No such option"),
        (["x.npy", "--surrogate", "stylegan"], 2, "--surrogate stylegan: x.npy holds vectors"),
    ],
)
def test_a_users_mistake_ends_with_2_and_one_message(
    desk: Path, arguments: list[str], code: int, message: str
) -> None:
    before = sorted(desk.rglob("*"))
    result = call(*arguments, cwd=desk)
    assert result.code == code
    assert message in result.err
    assert result.out == ""
    assert "Traceback" not in result.err
    assert sorted(desk.rglob("*")) == before


def test_a_weaker_promise_is_said_aloud(desk: Path, tmp_path: Path) -> None:
    result = call(desk / "x.npy", "--k", 3, "--identity", "none", "-o", "out", cwd=tmp_path)
    assert result.code == 0, result.err
    assert "PrivacyWarning" in result.err
    assert "It does not hold for people here" in result.out


def test_columns_that_may_be_no_dimension_are_named_with_the_way_out(tmp_path: Path) -> None:
    table = pd.DataFrame(9 * np.random.default_rng(0).normal(size=(12, 8))).add_prefix("e")
    ages = [31, 24, 47, 31, 58, 24, 63, 39, 47, 52, 31, 28]
    table.assign(age=ages, person=range(12)).to_csv(tmp_path / "x.csv", index=False)
    first = call("x.csv", "--k", 3, "-o", "with", cwd=tmp_path)
    told = "9 columns are the embedding: e0, e1, e2, e3, …, e7, and also age (--leave-out age"
    assert told in first.out
    second = call("x.csv", "--k", 3, "--leave-out", "age", "-o", "without", cwd=tmp_path)
    assert "8 columns are the embedding: e0, e1, e2, e3, …, e7\n" in second.out
    assert "--leave-out age" in Summary.read(tmp_path / "without" / "summary.json").command


def test_a_column_that_outweighs_the_others_is_told_and_on_the_page(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    columns = {"income": 20_000 * rng.normal(size=12), "age": 10 * rng.normal(size=12)}
    table = pd.DataFrame({**columns, "children": rng.integers(0, 4, 12), "person": range(12)})
    table.to_csv(tmp_path / "x.csv", index=False)
    result = call("x.csv", "--k", 3, "-o", "out", cwd=tmp_path)
    assert result.code == 0, result.err
    assert "UtilityWarning: column 'income' has more than 90 % of the variance" in result.err
    assert "--leave-out income" in (tmp_path / "out" / "report.html").read_text()
    again = call("x.csv", "--k", 3, "-o", "again", "--leave-out", "income", cwd=tmp_path)
    assert "UtilityWarning" not in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["--version"], 0, __version__),
        ([], 0, "Usage: anonfaces COMMAND"),
        (["cluster", "--help"], 0, "--identity"),
        (["encode", "--help"], 0, "--extractor"),
        (["magic"], 2, "no command 'magic'"),
        (["anonymise"], 2, "no command 'anonymise': did you mean 'anonymize'?"),
    ],
)
def test_every_stage_under_one_name(
    tmp_path: Path, arguments: list[str], code: int, expected: str
) -> None:
    result = call_apart(*arguments, cwd=tmp_path, module="anonfaces")
    assert result.code == code
    assert expected in result.out + result.err


def test_the_help_names_every_method(desk: Path) -> None:
    words = set(re.findall(r"\w+", call("--help", cwd=desk).out))
    assert set(METHODS) <= words


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}
