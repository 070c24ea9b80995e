"""The real command, in processes of its own: hostile folders, kills, second runs."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from support import run_command, wait_until

from anonbase.errors import InputError, OutputError
from anonbase.files import is_resumable
from encoders import FaceSet, encode
from encoders.detect import in_order
from encoders.run import pipeline
from encoders.run.workplace import Workplace

PEOPLE = 5
QUICK = ("--extractor", "pca", "--detector", "hog")
A_PART = 4  # photographs; 32 otherwise, and then a run of four parts takes minutes
SMALL_PARTS = (
    "import runpy, encoders.run.pipeline as pipeline;"
    f" pipeline._PHOTOGRAPHS_A_PART = {A_PART};"
    " runpy.run_module('encoders', run_name='__main__', alter_sys=True)"
)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_PHOTOGRAPHS_A_PART", A_PART)


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-c", SMALL_PARTS, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def start(folder: Path, photographs: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SMALL_PARTS, str(photographs), "-o", "faces.h5", *QUICK]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture(scope="module")
def people(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Those people of the sample of whom there is most, some photographs of each."""
    root = tmp_path_factory.mktemp("people")
    for pictures in sorted(everybody, key=len, reverse=True)[:PEOPLE]:
        folder = pictures[0].parent
        shutil.copytree(folder, root / folder.name)
    assert len(list(root.rglob("*.*"))) > 3 * A_PART
    return root


@pytest.fixture(scope="module")
def undisturbed(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("undisturbed") / "faces.h5"
    encode(people, output, progress=False)
    return output


@pytest.fixture(scope="module")
def quick(people: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What an undisturbed run without TensorFlow writes, in parts of any size."""
    folder = tmp_path_factory.mktemp("quick")
    done = run_command("encoders", people, "-o", "faces.h5", *QUICK, cwd=folder)
    assert done.code == 0, done.err
    return (folder / "faces.h5").read_bytes()


@pytest.fixture(scope="module")
def killed(people: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that is killed when it has finished parts."""
    folder = tmp_path_factory.mktemp("killed")
    victim = start(folder, people)
    wait_until(lambda: _parts(folder) or victim.poll() is not None)
    victim.kill()
    victim.communicate()
    assert _parts(folder), "the run ended before it could be stopped"
    return folder


def test_a_hostile_folder_runs_through_with_a_clear_ledger(hostile: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "encoders", str(hostile), "-o", "faces.h5"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    faces = FaceSet.read(tmp_path / "faces.h5")
    ledger = faces.ledger.set_index("path")
    expected = {
        "crowds/nobody.png": ("no face", ""),
        "damaged/empty.jpg": ("unreadable", "the file is empty"),
        "damaged/huge.png": ("too large", "50000 x 50000"),
        "damaged/lying.png": ("unreadable", ""),
        "damaged/phone.heic": ("unreadable", "not a photograph in a supported format"),
        "damaged/pipe.jpg": ("not a file", "pipe"),
        "damaged/text.jpg": ("unreadable", "not a photograph"),
        "damaged/truncated.jpg": ("unreadable", "truncated"),
        "links/loop": ("refused", "folder"),
        "links/nowhere.png": ("unreadable", "No such file"),
        "links/out.png": ("refused", "leads out"),
        "links/outside": ("refused", "leads out"),
    }
    for path, (outcome, reason) in expected.items():
        assert ledger.loc[path, "outcome"] == outcome, path
        assert reason in ledger.loc[path, "reason"], path
    good = set(ledger.index) - set(expected)
    assert set(faces.image) == good
    assert {path.split("/")[0] for path in good} == {"crowds", "links", "names", "unusual"}
    assert (ledger.loc[sorted(good), "outcome"] == "faces").all()
    assert "secret" not in " ".join(faces.ledger["path"])
    # The largest face is the folder's; the other nineteen or so are listed and have no name.
    assert set(faces.identity) == {"crowds", "links", "names", "unusual"}
    assert ledger.loc["crowds/twenty.png", "faces"] == 1
    assert ledger.loc["crowds/twenty.png", "bystanders"] >= 17
    assert (faces.bystanders["image"] == "crowds/twenty.png").all()
    for message in ("photographs", "bystanders", "no face", "too large", "refused"):
        assert message in done.stdout


def test_one_face_in_every_dress_has_one_vector(hostile: Path, tmp_path: Path) -> None:
    """16 bits, CMYK, palette, turned by EXIF, moving: the same grey or coloured face."""
    faces = encode(hostile / "unusual", tmp_path / "faces.h5", progress=False)
    assert sorted(faces.image) == [
        "cmyk.jpg",
        "moving.gif",
        "palette.png",
        "sixteen.png",
        "turned.jpg",
    ]
    apart = np.linalg.norm(faces.embedding[:, None] - faces.embedding, axis=2)
    assert apart.max() < 0.4


def test_all_faces_and_only_one_with_the_name(portraits: list[Path], tmp_path: Path) -> None:
    from pictures import crowd

    (tmp_path / "photos/anna").mkdir(parents=True)
    crowd(portraits).save(tmp_path / "photos/anna/party.png")
    faces = encode(tmp_path / "photos", tmp_path / "f.h5", faces="all", progress=False, jobs=1)
    assert len(faces) >= 18
    assert faces.identity.tolist() == ["anna", *[""] * (len(faces) - 1)]
    party = np.asarray(crowd(portraits))
    np.testing.assert_array_equal(in_order(faces.box, party)[0], faces.box[0])
    assert len(faces.bystanders) == 0


def _has_begun(folder: Path, victim: subprocess.Popen[str]) -> object:
    return _children(victim.pid)


def _has_parts(folder: Path, victim: subprocess.Popen[str]) -> object:
    return len(_parts(folder)) > 1


def _is_fitted(folder: Path, victim: subprocess.Popen[str]) -> object:
    return (folder / "faces.pca.h5").exists()


@pytest.mark.parametrize("moment", [_has_begun, _has_parts, _is_fitted])
def test_killed_at_any_moment_it_ends_with_the_same_file(
    people: Path,
    quick: bytes,
    tmp_path: Path,
    moment: Callable[[Path, subprocess.Popen[str]], object],
) -> None:
    victim = start(tmp_path, people)
    wait_until(lambda: moment(tmp_path, victim) or victim.poll() is not None)
    workers = _children(victim.pid)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    _wait_for_the_end_of(workers)
    done = run_command("encoders", people, "-o", "faces.h5", *QUICK, cwd=tmp_path)
    assert done.code == 0, done.err
    assert (tmp_path / "faces.h5").read_bytes() == quick
    assert sorted(path.name for path in tmp_path.iterdir()) == ["faces.h5", "faces.pca.h5"]


def test_what_a_killed_writer_left_is_swept_away(people: Path, tmp_path: Path) -> None:
    for name in (".faces.h5.abcdefgh.new", ".faces.pca.h5.abcdefgh.new", ".other.h5.abcdefgh.new"):
        (tmp_path / name).write_bytes(b"half")
    assert run_command("encoders", people, "-o", "faces.h5", *QUICK, cwd=tmp_path).code == 0
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"faces.h5", "faces.pca.h5", ".other.h5.abcdefgh.new"}


def test_a_part_that_was_damaged_is_made_again(
    people: Path, quick: bytes, killed: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    for part in _parts(tmp_path):
        part.write_bytes(part.read_bytes()[:-1000])
    assert run_command("encoders", people, "-o", "faces.h5", *QUICK, cwd=tmp_path).code == 0
    assert (tmp_path / "faces.h5").read_bytes() == quick


def test_what_was_done_before_a_kill_is_not_done_again(
    people: Path, quick: bytes, killed: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    done = run(tmp_path, str(people), "-o", "faces.h5", *QUICK)
    assert "photographs are done already" in done.stderr
    assert (tmp_path / "faces.h5").read_bytes() == quick


def test_ctrl_c_says_that_the_same_command_goes_on(people: Path, tmp_path: Path) -> None:
    victim = start(tmp_path, people)
    wait_until(lambda: _parts(tmp_path) or victim.poll() is not None)
    workers = _children(victim.pid)
    victim.send_signal(signal.SIGINT)
    _, message = victim.communicate()
    assert victim.returncode == 130, message
    assert "the same command to go on" in message
    assert "Traceback" not in message
    _wait_for_the_end_of(workers)


def test_a_second_run_adds_what_is_new_and_drops_what_is_gone(
    people: Path, undisturbed: Path, tmp_path: Path
) -> None:
    root, output = tmp_path / "photos", tmp_path / "faces.h5"
    names = sorted(path.name for path in people.iterdir())
    for name in names[:3]:
        shutil.copytree(people / name, root / name)
    first = encode(root, output, detector="hog", progress=False)
    before = output.read_bytes()
    again = encode(root, output, detector="hog", progress=False)
    assert output.read_bytes() == before
    np.testing.assert_array_equal(again.embedding, first.embedding)

    shutil.rmtree(root / names[0])
    shutil.copytree(people / names[3], root / names[3])
    min((root / names[1]).iterdir()).touch()  # another time, the same bytes
    other = min((people / names[4]).iterdir()).read_bytes()
    min((root / names[2]).iterdir()).write_bytes(other)
    changed = encode(root, output, detector="hog", progress=False, jobs=1)
    fresh = encode(root, tmp_path / "fresh.h5", detector="hog", progress=False, jobs=1)
    assert changed.identity.tolist() == fresh.identity.tolist()
    assert set(changed.identity) == set(names[1:4])
    assert output.read_bytes() == (tmp_path / "fresh.h5").read_bytes()


def test_the_vectors_are_those_of_a_single_chip(undisturbed: Path) -> None:
    """Whatever else was in the run: batches do not show in the vectors."""
    from encoders.align import align_dlib5
    from encoders.embed import load_embedder
    from encoders.photographs.reading import decode

    faces = FaceSet.read(undisturbed)
    embed, root = load_embedder("dlib"), Path(faces.meta["root"])
    for row in (0, 7, len(faces) - 1):
        image = decode((root / faces.image[row]).read_bytes())
        chip = align_dlib5(image, faces.box[row])
        np.testing.assert_array_equal(embed(chip[None])[0], faces.embedding[row])


def test_principal_components_are_fitted_on_the_run(people: Path, tmp_path: Path) -> None:
    from encoders.embed import load_embedder

    output = tmp_path / "faces.h5"
    faces = encode(people, output, extractor="pca", progress=False, jobs=1)
    fitted = load_embedder("pca", tmp_path / "faces.pca.h5")
    assert faces.meta["extractor_sha256"] == fitted.sha256
    assert faces.embedding.shape == (len(faces), fitted.dim)
    np.testing.assert_allclose(faces.embedding.mean(axis=0), 0, atol=1e-3)
    before = output.read_bytes()
    encode(people, output, extractor="pca", progress=False)
    assert output.read_bytes() == before


def test_other_options_do_not_mix_with_what_is_there(
    people: Path, undisturbed: Path, tmp_path: Path
) -> None:
    output = tmp_path / "faces.h5"
    shutil.copy(undisturbed, output)
    with pytest.raises(InputError, match=r"chip_size 256 .now 64.*--overwrite"):
        encode(people, output, chip_size=64, progress=False)
    assert output.read_bytes() == undisturbed.read_bytes()
    smaller = encode(people, output, chip_size=64, overwrite=True, progress=False, jobs=1)
    assert smaller.chip_size == 64
    assert smaller.chips(np.array([0])).shape == (1, 64, 64, 3)


def test_a_run_that_was_stopped_is_not_mixed_with_other_options(
    people: Path, tmp_path: Path
) -> None:
    partial = tmp_path / "faces.h5.partial"
    partial.mkdir()
    (partial / "recipe.json").write_text('{"extractor": "facenet"}')
    with pytest.raises(InputError, match=r"unfinished run made with .*extractor facenet"):
        encode(people, tmp_path / "faces.h5", progress=False)


@pytest.mark.parametrize("part", [None, "1.done", "1.found"])
def test_only_parts_are_worth_keeping(tmp_path: Path, part: str | None) -> None:
    with pytest.raises(KeyboardInterrupt) as stop, Workplace(tmp_path / "f.h5", {}, False) as place:
        _stop(place.folder, part)
    assert is_resumable(stop.value) == (part is not None)
    assert bool(list(tmp_path.iterdir())) == (part is not None)


def _stop(folder: Path, part: str | None) -> None:
    if part is not None:
        (folder / part).touch()
    raise KeyboardInterrupt


def test_two_runs_at_once_are_refused(people: Path, tmp_path: Path) -> None:
    fcntl = pytest.importorskip("fcntl")
    partial = tmp_path / "faces.h5.partial"
    partial.mkdir()
    with (partial / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(OutputError, match="another run"):
            encode(people, tmp_path / "faces.h5", progress=False)


def _text(path: Path) -> None:
    path.write_text("my thesis")


def _foreign(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file["data"] = 1


@pytest.mark.parametrize("make", [_text, _foreign, Path.mkdir])
def test_what_is_no_faceset_is_never_replaced(people: Path, tmp_path: Path, make: object) -> None:
    output = tmp_path / "faces.h5"
    make(output)  # type: ignore[operator]
    with pytest.raises(OutputError, match="not replaced"):
        encode(people, output, overwrite=True, progress=False)
    assert output.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "no such folder"),
        (["photos", "-o", "none/faces.h5"], "no such folder"),
        (["photos", "--identity", "csv:x"], "--identity"),
        (["photos", "--detector", "viola"], "viola"),
        (["photos", "--chip-size", "7"], "chip_size 7"),
        (["photos", "--jobs", "0"], "--jobs"),
        (["photos", "--extractor", "pca", "--weights", "none.h5"], "none.h5"),
    ],
)
def test_a_users_mistake_ends_with_2_and_no_traceback(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (9, 9)).save(tmp_path / "photos/a.png")
    done = run_command("encoders", *arguments, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert "Traceback" not in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_photographs_without_any_face_make_an_empty_set(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (99, 99)).save(tmp_path / "photos/a.png")
    faces = encode(tmp_path / "photos", tmp_path / "faces.h5", detector="hog", progress=False)
    assert len(faces) == 0
    assert faces.ledger["outcome"].tolist() == ["no face"]
    assert faces.meta["identity"] == "none"


def _children(parent: int) -> list[int]:
    path = Path(f"/proc/{parent}/task/{parent}/children")
    try:
        threads = Path(f"/proc/{parent}/task").iterdir()
        found = [(thread / "children").read_text().split() for thread in threads]
    except OSError:
        return [] if not path.exists() else [int(pid) for pid in path.read_text().split()]
    return [int(pid) for pids in found for pid in pids]


def _wait_for_the_end_of(workers: list[int]) -> None:
    """No worker outlives its parent."""
    wait_until(lambda: not any(_runs(worker) for worker in workers))


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def _parts(folder: Path) -> list[Path]:
    """Those that a run in ``folder`` has finished."""
    partial = folder / "faces.h5.partial"
    return [*partial.glob("*.found"), *partial.glob("*.done")]
