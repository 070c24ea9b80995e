"""The folder of surrogates: what is finished is kept, what is not is made, twins are refused."""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import run_command

from anonbase.errors import AnonfacesError, GuaranteeError, InputError, OutputError, PrivacyWarning
from anonfaces import condense
from anonfaces.condensation.resurrogate import resurrogate
from anonfaces.dataset.workplace import LEDGER
from anonfaces.report import Summary
from anonfaces.synthesize import Members, SurrogateOptions, load_surrogate
from anonfaces.synthesize.gallery import clear_surrogates, write_surrogates
from anonfaces.synthesize.k_same.average import KSame
from encoders.faceset import FaceSet

pytestmark = pytest.mark.filterwarnings("ignore:--surrogate k-same. an average can be undone")


class Counting(KSame):
    """k-Same that remembers for how many groups it was asked, and gives up after some."""

    def __init__(self, most: int = 1000) -> None:
        self.asked, self.most = 0, most

    def __call__(self, members: Members) -> NDArray[np.uint8]:
        if self.asked == self.most:
            raise KeyboardInterrupt
        self.asked += 1
        return super().__call__(members)


def write(folder: Path, faces: FaceSet, method: KSame, how: str = "a") -> dict[str, bytes]:
    labels = np.array([int(who.split("_")[1]) % 4 for who in faces.identity])
    write_surrogates(folder, faces, labels, faces.identity, method, how)
    return {path.name: path.read_bytes() for path in (folder / "surrogates").iterdir()}


def interrupted(folder: Path, faces: FaceSet) -> None:
    with pytest.raises(KeyboardInterrupt):
        write(folder, faces, Counting(2))
    assert len(list((folder / "surrogates").iterdir())) == 2


def test_a_run_that_was_interrupted_goes_on(few: FaceSet, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    interrupted(tmp_path, few)
    method = Counting()
    assert write(tmp_path, few, method) == write(whole, few, Counting())
    assert method.asked == 2
    again = Counting()
    write(tmp_path, few, again)
    assert again.asked == 0


def spoil_picture(folder: Path) -> None:
    (folder / "surrogates" / "0.png").write_bytes(b"half")


def lose_picture(folder: Path) -> None:
    (folder / "surrogates" / "0.png").unlink()


def spoil_ledger(folder: Path) -> None:
    lines = (folder / LEDGER).read_text().splitlines()
    (folder / LEDGER).write_text(lines[1] + "\n" + lines[0][:-9] + "\n[1]\nnull\n")


@pytest.mark.parametrize("spoil", [spoil_picture, lose_picture, spoil_ledger])
def test_what_is_damaged_is_made_anew(
    few: FaceSet, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    interrupted(tmp_path, few)
    spoil(tmp_path)
    method = Counting()
    faces = write(tmp_path, few, method)
    assert method.asked == 3
    assert all(face.startswith(b"\x89PNG") for face in faces.values())


def test_other_options_or_other_faces_make_all_anew(few: FaceSet, tmp_path: Path) -> None:
    write(tmp_path, few, Counting())
    for faces, how in ((few, "b"), (few.select(np.arange(len(few)) > 0), "b")):
        method = Counting()
        made = write(tmp_path, faces, method, how)
        assert method.asked == (4 if faces is few else 1)
        assert sorted(made) == ["0.png", "1.png", "2.png", "3.png"]


def test_groups_that_are_gone_leave_no_picture(few: FaceSet, tmp_path: Path) -> None:
    write(tmp_path, few, Counting())
    rows = np.array([int(who.split("_")[1]) % 4 != 3 for who in few.identity])
    assert sorted(write(tmp_path, few.select(rows), Counting())) == ["0.png", "1.png", "2.png"]
    clear_surrogates(tmp_path)
    assert not list(tmp_path.iterdir())


def test_two_groups_with_one_face_are_refused(few: FaceSet, tmp_path: Path) -> None:
    rows = np.array([0, 0])
    twins = few.select(rows)
    with pytest.raises(GuaranteeError, match="groups 0 and 1 would get one and the same face"):
        write_surrogates(
            tmp_path, twins, np.array([0, 1]), np.array(["a", "b"]), load_surrogate("k-same"), ""
        )


@pytest.fixture(scope="module")
def condensed(few: FaceSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    assert few.path is not None
    place = tmp_path_factory.mktemp("condensed") / "out"
    return condense(few.path, 4, place, surrogate="k-same").folder


@pytest.fixture
def out(condensed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(condensed, tmp_path / "out"))


def pictures(folder: Path) -> list[NDArray[np.uint8]]:
    paths = sorted((folder / "surrogates").glob("*.png"))
    return [np.asarray(Image.open(path).convert("RGB")) for path in paths]


def test_surrogates_summary_and_page_are_replaced_together(few: FaceSet, out: Path) -> None:
    before, page = Summary.read(out / "summary.json"), (out / "report.html").read_text()
    grouped = (out / "owner" / "groups.csv").read_bytes()
    resurrogate(out, "stylegan", SurrogateOptions(psi=0.8), faces=few.path)
    after = Summary.read(out / "summary.json")
    assert (before.surrogate, after.surrogate) == ("k-same", "stylegan")
    assert after.command == f"{before.command}; python -m anonfaces.synthesize FOLDER" + (
        " --surrogate stylegan --psi 0.8"
    )
    assert len(pictures(out)) == after.groups == before.groups
    assert (out / "report.html").read_text() != page
    assert (out / "owner" / "groups.csv").read_bytes() == grouped
    assert sorted(p.name for p in out.parent.iterdir()) == ["out"]


def test_the_way_back_gives_the_same_bytes(few: FaceSet, condensed: Path, out: Path) -> None:
    resurrogate(out, "k-same", faces=few.path)
    resurrogate(out, "k-same", faces=few.path)
    for one, other in zip(pictures(condensed), pictures(out), strict=True):
        np.testing.assert_array_equal(one, other)
    assert Summary.read(out / "summary.json").command.count("anonfaces.synthesize") == 1


def test_warnings_go_with_the_surrogates_they_are_about(few: FaceSet, out: Path) -> None:
    path = out / "summary.json"
    document = json.loads(path.read_text())
    document["privacy_warnings"] = ["of the groups", "--surrogate stylegan-weighted: of a face"]
    path.write_text(json.dumps(document))
    first, own = resurrogate(out, "k-same", faces=few.path).privacy_warnings
    assert first == "of the groups"
    assert own.startswith("--surrogate k-same: an average can be undone by subtraction")
    assert resurrogate(out, "stylegan", faces=few.path).privacy_warnings == ("of the groups",)


def no_dataset(out: Path) -> None:
    (out / "summary.json").unlink()


def a_note(out: Path) -> None:
    (out / "note.txt").write_text("mine")


def other_groups(out: Path) -> None:
    table = (out / "owner" / "groups.csv").read_text().splitlines()
    (out / "owner" / "groups.csv").write_text("\n".join([table[0], *table[2:], table[1]]) + "\n")


def nothing(out: Path) -> None:
    """Leave it as it is."""


@pytest.mark.parametrize(
    ("spoil", "faces", "error", "message"),
    [
        (no_dataset, True, InputError, "is no condensed dataset"),
        (a_note, True, OutputError, "note.txt"),
        (other_groups, True, InputError, "these groups were made of other faces"),
        (nothing, False, InputError, "--faces names the faces.h5"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changed(
    few: FaceSet,
    out: Path,
    spoil: Callable[[Path], None],
    faces: bool,
    error: type[AnonfacesError],
    message: str,
) -> None:
    spoil(out)
    before = {p: p.read_bytes() for p in out.parent.rglob("*") if p.is_file()}
    with pytest.raises(error, match=message):
        resurrogate(out, "k-same", faces=few.path if faces else None)
    assert {p: p.read_bytes() for p in out.parent.rglob("*") if p.is_file()} == before


def test_a_face_of_other_groups_too_is_warned_of_on_the_page(few: FaceSet, out: Path) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PrivacyWarning)
        resurrogate(out, "stylegan-weighted", SurrogateOptions(per="dataset"), faces=few.path)
    assert any("not on its group alone" in str(warning.message) for warning in heard)
    notes = Summary.read(out / "summary.json").privacy_warnings
    assert any("--per dataset" in note for note in notes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--surrogate", "blur"], "no surrogate method 'blur'; there are: gallery, k-same"),
        (["--surrogate", "k-same", "--psi", "0.5"], "--surrogate k-same has no --psi"),
        (["--psi", "-1"], "--psi is a number above 0"),
    ],
)
def test_the_command_says_what_is_wrong(out: Path, options: list[str], message: str) -> None:
    done = run_command("anonfaces.synthesize", out, *options, cwd=out.parent)
    assert done.code == 2
    assert done.err.startswith("error: ")
    assert message in done.err
