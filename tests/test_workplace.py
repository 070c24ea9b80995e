"""Where a condensed dataset may be made, and that nothing else is ever lost."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import OutputError
from anonbase.files import is_resumable, umask
from anonfaces.dataset.files import make_owner_folder, make_secret_key
from anonfaces.dataset.workplace import LEDGER, check_output, workplace

SUMMARY = '{"format": "anonfaces condensed dataset", "format_version": 1}'


def dataset(folder: Path, text: str = SUMMARY) -> Path:
    (folder / "surrogates").mkdir(parents=True)
    (folder / "surrogates" / "0.png").write_text("face")
    (folder / "owner").mkdir()
    (folder / "owner" / "groups.csv").write_text("old")
    (folder / "summary.json").write_text(text)
    return folder


def a_file(root: Path) -> None:
    (root / "out").write_text("mine")


def something_else(root: Path) -> None:
    (root / "out").mkdir()
    (root / "out" / "thesis.tex").write_text("mine")


def a_summary_of_another_program(root: Path) -> None:
    dataset(root / "out", '{"format": "of another program"}')


def a_dataset(root: Path) -> None:
    dataset(root / "out")


def a_dataset_and_a_note(root: Path) -> None:
    (dataset(root / "out") / "note.new").write_text("mine")


def a_dataset_and_a_picture(root: Path) -> None:
    (dataset(root / "out") / "surrogates" / "holiday.png").write_text("mine")


def somebodys_partial(root: Path) -> None:
    (root / ".out.partial").mkdir()


@pytest.mark.parametrize(
    ("prepare", "overwrite", "message"),
    [
        (a_file, False, "is a file"),
        (a_file, True, "is a file"),
        (something_else, True, "holds something else"),
        (a_summary_of_another_program, True, "holds something else"),
        (a_dataset, False, "--overwrite replaces it"),
        (a_dataset_and_a_note, True, "note.new"),
        (a_dataset_and_a_picture, True, "holiday.png"),
        (somebodys_partial, True, "in the way, and anonfaces did not make it"),
    ],
)
def test_what_is_there_is_not_touched(
    tmp_path: Path, prepare: Callable[[Path], None], overwrite: bool, message: str
) -> None:
    prepare(tmp_path)
    before = contents(tmp_path)
    with pytest.raises(OutputError, match=re.escape(message)):
        check_output(tmp_path / "out", None, overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("output", "source", "message"),
    [
        ("photos", "photos", "is the input, which is never written over"),
        ("photos/out", "photos", "lies inside the input"),
        ("photos/../photos/out", "photos", "lies inside the input"),
        ("link/out", "photos", "lies inside the input"),
        ("out", "out/faces.h5", "lies inside the output"),
        ("/", "photos", "cannot be an output folder"),
    ],
)
def test_output_and_input_lie_apart(tmp_path: Path, output: str, source: str, message: str) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "link").symlink_to("photos")
    with pytest.raises(OutputError, match=message):
        check_output(tmp_path / output, tmp_path / source, overwrite=True)


@pytest.mark.parametrize("prepare", [None, lambda root: (root / "out").mkdir(), a_dataset])
def test_the_folder_appears_whole(tmp_path: Path, prepare: Callable[[Path], None] | None) -> None:
    if prepare:
        prepare(tmp_path)
    before = contents(tmp_path)
    with workplace(check_output(tmp_path / "out", None, overwrite=True)) as folder:
        (folder / "groups.csv").write_text("new")
        assert {n: t for n, t in contents(tmp_path).items() if n.startswith("out")} == before
    assert contents(tmp_path) == {"out/groups.csv": "new"}


def test_a_dataset_of_the_old_layout_is_replaced_as_a_whole(tmp_path: Path) -> None:
    old = tmp_path / "out"
    dataset(old)
    for name in ("faces.h5", "groups.csv", "lookalikes.csv"):
        (old / name).write_text("secret")
    with workplace(check_output(old, None, overwrite=True)) as folder:
        (folder / "condensed.csv").write_text("new")
    assert contents(tmp_path) == {"out/condensed.csv": "new"}


def test_nobody_else_may_read_what_is_secret(tmp_path: Path) -> None:
    with workplace(check_output(tmp_path / "out", None, overwrite=False)) as folder:
        assert mode(folder) == 0o700
        make_owner_folder(folder)
        (folder / "owner" / "groups.csv").write_text("secret")
        (folder / "condensed.csv").write_text("open")
    place = tmp_path / "out"
    assert mode(place) == 0o777 & ~umask()
    assert mode(place / "condensed.csv") == 0o666 & ~umask()
    assert mode(place / "owner") == 0o700
    assert mode(place / "owner" / "groups.csv") == 0o600


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_two_runs_at_once_do_not_mix(tmp_path: Path) -> None:
    place = check_output(tmp_path / "out", None, overwrite=False)
    with workplace(place) as folder:
        (folder / "groups.csv").write_text("first")
        with pytest.raises(OutputError, match="another run is using it"), workplace(place):
            pass
    assert contents(tmp_path) == {"out/groups.csv": "first"}


def test_a_parent_is_made(tmp_path: Path) -> None:
    with workplace(check_output(tmp_path / "a" / "b", None, overwrite=False)) as folder:
        (folder / "groups.csv").write_text("new")
    assert contents(tmp_path) == {"a/b/groups.csv": "new"}


def test_after_a_failure_only_what_cost_much_is_kept(tmp_path: Path) -> None:
    place = check_output(tmp_path / "out", None, overwrite=False)
    with pytest.raises(ZeroDivisionError), workplace(place) as folder:
        half_a_dataset(folder)
    assert not place.exists()
    with workplace(check_output(place, None, overwrite=False)) as folder:
        assert not (folder / "surrogates").exists()
        assert (folder / "owner" / "faces.h5").read_text() == "dear"


def half_a_dataset(folder: Path) -> None:
    (folder / "owner").mkdir()
    (folder / "owner" / "faces.h5").write_text("dear")
    (folder / "surrogates").mkdir()
    (folder / "surrogates" / "7.png").write_text("half")
    raise ZeroDivisionError


def faces_of_the_dataset(folder: Path) -> None:
    for place in (folder, folder.parent / "out"):
        (place / "owner").mkdir(parents=True)
        (place / "owner" / "faces.h5").write_text("dear")


def new_faces(folder: Path) -> None:
    faces_of_the_dataset(folder)
    (folder / "owner" / "faces.h5").write_text("more")


def no_surrogate_yet(folder: Path) -> None:
    (folder / "groups.csv").write_text("group")
    (folder / "surrogates").mkdir()
    (folder / LEDGER).touch()


def a_surrogate(folder: Path) -> None:
    no_surrogate_yet(folder)
    (folder / "surrogates" / "0.png").write_text("face")
    (folder / LEDGER).write_text("a line")


def parts_of_faces(folder: Path) -> None:
    (folder / "owner" / "faces.h5.partial").mkdir(parents=True)
    (folder / "owner" / "faces.h5.partial" / "1.done").write_text("part")


def a_secret_key(folder: Path) -> None:
    make_secret_key(folder, None, folder.parent / "out")


def a_secret_key_and_a_surrogate(folder: Path) -> None:
    a_secret_key(folder)
    a_surrogate(folder)


def stopped(folder: Path, leave: Callable[[Path], None]) -> None:
    leave(folder)
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("leave", "kept"),
    [
        (lambda folder: None, False),
        (no_surrogate_yet, False),
        (faces_of_the_dataset, False),
        (new_faces, True),
        (a_surrogate, True),
        (parts_of_faces, True),
        (a_secret_key, False),
        (a_secret_key_and_a_surrogate, True),
    ],
)
def test_ctrl_c_says_that_it_goes_on_only_where_something_is_kept(
    tmp_path: Path, leave: Callable[[Path], None], kept: bool
) -> None:
    with pytest.raises(KeyboardInterrupt) as stop, workplace(tmp_path / "out") as folder:
        stopped(folder, leave)
    assert is_resumable(stop.value) == kept
    assert (tmp_path / ".out.partial").exists() == kept


@pytest.mark.slow
def test_ctrl_c_while_embeddings_are_grouped_promises_nothing(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(3000, 64)))
    command = [sys.executable, "-m", "anonfaces.cluster", "x.npy", "-o", "out", "--effort", "best"]
    with subprocess.Popen(
        [*command, "--identity", "none"], cwd=tmp_path, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        said = b""
        while b"groups:" not in said and process.poll() is None:
            said += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()
    assert process.returncode == 130
    assert b"interrupted: no work was finished" in said
    assert b"kept" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_a_refusal_leaves_nothing(tmp_path: Path) -> None:
    place = check_output(tmp_path / "out", None, overwrite=False)
    with pytest.raises(ZeroDivisionError), workplace(place):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_dataset_survives_a_kill_between_the_two_renames(tmp_path: Path) -> None:
    dataset(tmp_path / ".out.old")
    place = check_output(tmp_path / "out", None, overwrite=True)
    with pytest.raises(ZeroDivisionError), workplace(place):
        raise ZeroDivisionError
    assert (place / "owner" / "groups.csv").read_text() == "old"


def test_a_place_that_cannot_be_written_is_an_error_of_the_user(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="cannot write beside"),
        workplace(tmp_path / "file" / "x"),
    ):
        pass


def contents(root: Path) -> dict[str, str]:
    files = (p for p in root.rglob("*") if p.is_file())
    return {str(p.relative_to(root)): p.read_text() for p in files}
