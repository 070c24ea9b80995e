"""A release is whole, says nothing of anybody, and can be read by the usual tools."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from release_data import K, contents, people

from anonbase.errors import AnonfacesError, GuaranteeError, InputError, OutputError, PrivacyWarning
from anonbase.files import sha256
from anonfaces.publish import Opener, Published, PublishOptions, Sealer, publish
from anonfaces.publish.checks.registry import FAILED, LEFT_OUT
from anonfaces.publish.checks.words import WordFinder, telling_words
from anonfaces.publish.key import open_key
from anonfaces.publish.names import random_names, split_groups
from anonfaces.publish.place import TIME

ROOT = Path(__file__).resolve().parents[2]
LAYOUTS = ("condensed", "per-image")
each_layout = pytest.mark.parametrize("layout", LAYOUTS)


def tables(folder: Path) -> pd.DataFrame:
    read = {p.parent.name: pd.read_csv(p) for p in sorted(folder.glob("data/*/metadata.csv"))}
    return pd.concat(read, names=["split"])


@each_layout
def test_every_check_passes_before_it_is_there(made: dict[str, Published], layout: str) -> None:
    outcomes = {one.name: one.status for one in made[layout].outcomes}
    assert FAILED not in outcomes.values()
    left = {name for name, status in outcomes.items() if status == LEFT_OUT}
    assert left == {"signature", "judge"}
    assert len(outcomes) >= 15


@each_layout
def test_it_is_an_image_folder_and_its_splits_share_no_group(
    made: dict[str, Published], layout: str
) -> None:
    folder = made[layout].folder
    pictures = sorted(folder.glob("data/*/*/*.png" if layout == "per-image" else "data/*/*.png"))
    table = tables(folder)
    listed = {f"data/{split}/{n}" for (split, _), n in table["file_name"].items()}
    assert {str(p.relative_to(folder)) for p in pictures} == listed
    assert len(pictures) == (len(people()) if layout == "per-image" else table["group"].nunique())
    groups = table.groupby("split")["group"].agg(set)
    assert sum(map(len, groups)) == len(set.union(*groups))
    assert set(groups.index) == {"train", "val", "test"}
    if layout == "per-image":
        assert {p.parent.name for p in pictures} == set(table["group"])


@each_layout
def test_no_byte_of_it_tells_a_name_a_path_or_a_word_of_metadata(
    made: dict[str, Published], layout: str, condensed: Path
) -> None:
    table = people()
    words = telling_words(table["identity"], table["image"]) | {
        "likes pears",
        str(condensed.parent),
    }
    finder = WordFinder(words)
    for name, data in contents(made[layout].folder).items():
        assert not list(finder.find(data, 8, apart=False)), name
        assert not list(finder.find(name.encode())), name
        assert not re.search(rb"Ophelia|Quill|IMG_zq|pears", data, re.IGNORECASE), name


def test_the_search_finds_what_is_there() -> None:
    finder = WordFinder(telling_words(["Ophelia_Quill_07"], ["b/IMG_zq0001.jpg", "1/2.jpg"]))
    for text in ("by OPHELIA QUILL 07!", "img_ZQ0001", "x/b/IMG_zq0001.jpg", "opheliaquill07"):
        assert list(finder.find(text.encode())), text
    assert not list(finder.find(b"Ophelia Quill 08, 2.jpg, IMG_zq00011"))


@each_layout
def test_names_order_and_times_carry_nothing(made: dict[str, Published], layout: str) -> None:
    folder, table = made[layout].folder, tables(made[layout].folder)
    every = list(folder.rglob("*"))
    assert {p.stat().st_mtime for p in every} == {TIME}
    assert {p.stat().st_mode & 0o777 for p in every} == {0o644, 0o755}
    stems = [Path(name).stem for name in table["file_name"]]
    assert all(re.fullmatch("[0-9a-f]{16}", stem) for stem in stems)
    assert len(set(stems)) == len(stems)
    for _, names in table.groupby("split")["file_name"]:
        assert names.is_monotonic_increasing


def test_the_order_does_not_follow_the_owners(made: dict[str, Published], opener: Opener) -> None:
    key = open_key(Path(str(made["per-image"].key)), opener)
    rank = key.records.sort_values("path")["source"].rank().to_numpy()
    correlation = np.corrcoef(rank, np.arange(len(rank)))[0, 1]
    assert abs(correlation) < 4 / np.sqrt(len(rank))  # four deviations of what chance gives


def test_the_owners_numbers_do_not_appear(made: dict[str, Published], condensed: Path) -> None:
    order = [Path(p).stem for p in tables(made["condensed"].folder)["file_name"]]
    pixels = {n: np.asarray(Image.open(p)).tobytes() for n, p in _surrogates(condensed).items()}
    shown = [_pixels(made["condensed"].folder, stem) for stem in sorted(order)]
    numbers = [next(n for n, p in pixels.items() if p == each) for each in shown]
    assert sorted(numbers) == sorted(pixels)
    assert numbers != sorted(numbers)


def _surrogates(condensed: Path) -> dict[int, Path]:
    return {int(p.stem): p for p in (condensed / "surrogates").iterdir()}


def _pixels(folder: Path, stem: str) -> bytes:
    (path,) = folder.glob(f"data/*/{stem}.png")
    return np.asarray(Image.open(path)).tobytes()


@each_layout
def test_the_same_dataset_gives_the_same_bytes_and_another_secret_other_names(
    made: dict[str, Published], layout: str, condensed: Path, tmp_path: Path
) -> None:
    options = PublishOptions(layout=layout)
    again = publish(condensed, tmp_path / "again", None, options=options)
    assert contents(again.folder) == contents(made[layout].folder)
    other = Path(shutil.copytree(condensed, tmp_path / "other"))
    (other / "owner" / "secret.key").write_bytes(bytes(range(32)))
    changed = publish(other, tmp_path / "changed", None, options=options)
    one, two = (set(tables(f.folder)["group"]) for f in (again, changed))
    assert len(one) == len(two)
    assert not one & two


def test_what_a_picture_of_the_dataset_holds_beside_pixels_is_gone(
    condensed: Path, tmp_path: Path
) -> None:
    dataset = Path(shutil.copytree(condensed, tmp_path / "dataset"))
    for path in _surrogates(dataset).values():
        note, exif = PngInfo(), Image.Exif()
        note.add_text("Comment", "Ophelia Quill")
        exif[0x9286] = "Ophelia Quill"
        with Image.open(path) as picture:
            picture.load()
        picture.save(path, pnginfo=note, exif=exif, icc_profile=b"Ophelia Quill" * 20)
        path.write_bytes(path.read_bytes() + b"Ophelia Quill")
    done = publish(dataset, tmp_path / "release", None)
    assert not [n for n, data in contents(done.folder).items() if b"Ophelia" in data]


@pytest.mark.parametrize("form", ["png", "jpeg"])
def test_both_formats_pass(condensed: Path, tmp_path: Path, form: str) -> None:
    done = publish(condensed, tmp_path / "out", None, options=PublishOptions(picture_format=form))
    assert done.certificate["picture"] == {"format": form, "size": 32}
    assert {o.status for o in done.outcomes if o.name == "pictures"} == {"passed"}


def test_columns_are_generalized(made: dict[str, Published]) -> None:
    table, certificate = tables(made["condensed"].folder), made["condensed"].certificate
    assert list(table.columns) == [
        *("file_name", "group", "people", "age", "born", "gender_female", "gender_male")
    ]
    assert all(re.fullmatch(r"\d+ to \d+", age) for age in table["age"])
    assert all(re.fullmatch(r"19\d\d to 19\d\d", year) for year in table["born"])
    np.testing.assert_allclose(table["gender_female"] + table["gender_male"], 1, atol=0.011)
    assert (table[["gender_female", "gender_male"]] > 0).all().all()  # l-diversity of 2
    assert list(certificate["columns_held_back"]) == ["remark"]
    assert "free text" in certificate["columns_held_back"]["remark"]


def test_bands_hold_the_means_of_people(made: dict[str, Published], opener: Opener) -> None:
    key = open_key(Path(str(made["condensed"].key)), opener)
    person = people().drop_duplicates("identity").set_index("identity")
    mean = key.members.join(person, on="identity").groupby("group")["age"].mean()
    band = tables(made["condensed"].folder).set_index("group")["age"].str.split(" to ", expand=True)
    assert (band[0].astype(float) <= mean.reindex(band.index)).all()
    assert (band[1].astype(float) > mean.reindex(band.index)).all()


def test_pycanon_finds_as_many_people_and_values_in_the_released_table(
    made: dict[str, Published], opener: Opener
) -> None:
    """A second opinion, on what somebody has who knows everybody's columns: a line a person."""
    anonymity = pytest.importorskip("pycanon.anonymity", reason="pip install pycanon")
    table = tables(made["condensed"].folder).drop_duplicates("group")
    person = opener.open(Path(str(made["condensed"].key))).members.merge(table, on="group")
    own = people().drop_duplicates("identity")[["identity", "gender"]]
    person = person.merge(own, on="identity")
    quasi = ["age", "born", "gender_female", "gender_male"]
    assert anonymity.k_anonymity(person, quasi) == person.groupby(quasi).size().min() >= K
    assert anonymity.l_diversity(person, quasi, ["gender"]) >= 2


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"layout": "magic"}, InputError, "no layout 'magic'"),
        ({"picture_format": "bmp"}, InputError, "no format 'bmp'"),
        ({"shares": {"train": 0.5}}, InputError, "sum to 1"),
        ({"shares": {"train": 1.5, "test": -0.5}}, InputError, "sum to 1"),
        ({"columns": ["remark"]}, InputError, "'remark' cannot be released: it is free text"),
        ({"columns": ["shoe"]}, InputError, "no column 'shoe'"),
        ({"evaluation": Path("missing.json")}, InputError, "missing.json"),
        ({"signing_key": Path("missing.key")}, InputError, "missing.key holds no secret key"),
        ({"previous": (Path("missing.key"),)}, InputError, "missing.key: no key of a release"),
    ],
)
def test_a_wrong_option_is_refused_and_leaves_nothing(
    condensed: Path, tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        publish(condensed, tmp_path / "out", None, options=PublishOptions(**options))
    assert not list(tmp_path.iterdir())


def no_summary(folder: Path) -> None:
    (folder / "summary.json").unlink()


def no_surrogate(folder: Path) -> None:
    (folder / "surrogates" / "0.png").unlink()


def no_picture(folder: Path) -> None:
    (folder / "surrogates" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\nno picture")


def old_layout(folder: Path) -> None:
    for path in (folder / "owner").iterdir():
        path.rename(folder / path.name)
    (folder / "owner").rmdir()


def no_key(folder: Path) -> None:
    (folder / "owner" / "secret.key").write_bytes(b"short")


def a_person_in_two_groups(folder: Path) -> None:
    path = folder / "owner" / "groups.csv"
    table = pd.read_csv(path)
    twice = table["identity"].value_counts().index[0]
    row = table.index[table["identity"] == twice][0]
    table.loc[row, "group"] = (table.loc[row, "group"] + 1) % (table["group"].max() + 1)
    table.to_csv(path, index=False)


def other_faces(folder: Path) -> None:
    path = folder / "owner" / "groups.csv"
    table = pd.read_csv(path)
    table["identity"] = table["identity"].map(lambda name: f"{name}x")
    table.to_csv(path, index=False)


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (no_summary, InputError, "is no condensed dataset"),
        (no_surrogate, InputError, "1 groups have no surrogate"),
        (no_picture, InputError, "cannot be read as a picture"),
        (old_layout, OutputError, "made by an older version"),
        (no_key, OutputError, "older version|no secret key"),
        (a_person_in_two_groups, GuaranteeError, "is in 2 groups|people, k = 4 were promised"),
        (other_faces, InputError, "made of other faces"),
    ],
)
def test_a_dataset_that_is_not_whole_is_refused_and_leaves_nothing(
    condensed: Path, tmp_path: Path, spoil: Any, error: type[AnonfacesError], message: str
) -> None:
    dataset = Path(shutil.copytree(condensed, tmp_path / "dataset"))
    spoil(dataset)
    with pytest.raises((error, InputError), match=message):
        publish(dataset, tmp_path / "out", None)
    assert [p.name for p in tmp_path.iterdir()] == ["dataset"]


def test_a_release_is_replaced_only_if_asked_and_its_key_is_kept(
    condensed: Path, sealer: Sealer, opener: Opener, tmp_path: Path
) -> None:
    first = publish(condensed, tmp_path / "out", sealer)
    with pytest.raises(OutputError, match="--overwrite replaces it"):
        publish(condensed, tmp_path / "out", sealer)
    options = PublishOptions(layout="per-image")
    second = publish(condensed, tmp_path / "out", sealer, options=options, overwrite=True)
    assert second.certificate["layout"] == "per-image"
    key, earlier = sorted(p for p in tmp_path.iterdir() if p.is_file())
    assert key.name == "out.key"
    assert len(open_key(key, opener).records) == len(people())
    assert len(open_key(earlier, opener).records) == first.certificate["numbers"]["groups"]
    assert key.stat().st_mode & 0o777 == 0o600
    (tmp_path / "out" / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"note\.txt, which is not of the release"):
        publish(condensed, tmp_path / "out", sealer, overwrite=True)


@pytest.mark.parametrize("output", ["condensed/inside", "condensed", "."])
def test_release_and_dataset_lie_apart(condensed: Path, tmp_path: Path, output: str) -> None:
    shutil.copytree(condensed, tmp_path / "condensed")
    with pytest.raises(OutputError, match="must lie apart"):
        publish(tmp_path / "condensed", tmp_path / output, None)


def test_the_key_never_lies_in_the_release_and_replaces_nothing(
    condensed: Path, sealer: Sealer, tmp_path: Path
) -> None:
    (tmp_path / "mine.key").write_text("mine")
    for key, message in (("out/key", "must not lie in"), ("mine.key", "is there already")):
        with pytest.raises(OutputError, match=message):
            publish(condensed, tmp_path / "out", sealer, key=tmp_path / key)
    assert contents(tmp_path) == {"mine.key": b"mine"}


def test_a_file_that_cannot_grow_leaves_nothing(condensed: Path, tmp_path: Path) -> None:
    """As on a disk that is full: a write fails in the middle of a file."""
    program = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from anonfaces.publish import publish\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))\n"
        "try:\n"
        "    publish(sys.argv[1], sys.argv[2], None)\n"
        "except OSError as error:\n"
        "    sys.exit(error.errno)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(condensed), str(tmp_path / "out")],
        capture_output=True,
        env=environment(),
    )
    assert done.returncode == errno.EFBIG, done.stderr.decode()
    assert not list(tmp_path.iterdir())


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "anonfaces.publish", *map(str, arguments)]


@pytest.fixture(scope="module")
def whole_run(condensed: Path, tmp_path_factory: pytest.TempPathFactory) -> float:
    """Seconds that a run of the command takes."""
    place, started = tmp_path_factory.mktemp("timed") / "out", time.monotonic()
    call = command(condensed, "-o", place, "--no-key", "--quiet", "--layout", "per-image")
    subprocess.run(call, env=environment(), check=True)
    return time.monotonic() - started


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.97])
def test_killed_at_any_moment_it_is_whole_or_not_there(
    condensed: Path,
    sealer: Sealer,
    made: dict[str, Published],
    tmp_path: Path,
    whole_run: float,
    share: float,
) -> None:
    out, wanted = tmp_path / "out", contents(made["per-image"].folder)
    (recipient,) = sealer.recipients
    call = command(condensed, "-o", out, "--key-recipient", recipient, "--layout", "per-image")
    with subprocess.Popen(call, env=environment(), stderr=subprocess.DEVNULL) as process:
        time.sleep(share * whole_run)
        process.send_signal(signal.SIGKILL)
    if not out.exists():
        again = subprocess.run(call, env=environment(), capture_output=True, text=True)
        assert again.returncode == 0, again.stderr
    assert contents(out) == wanted
    assert (tmp_path / "out.key").exists()


def test_killed_between_key_and_release_the_next_run_makes_both(
    condensed: Path, sealer: Sealer, opener: Opener, tmp_path: Path
) -> None:
    """SIGKILL at the worst moment: the key is written, the release is not in its place yet."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from anonfaces.publish import Sealer, publish\n"
        "Path.rename = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "publish(sys.argv[1], sys.argv[2], Sealer(recipients=(sys.argv[3],)))\n"
    )
    call = [
        sys.executable,
        "-c",
        program,
        str(condensed),
        str(tmp_path / "out"),
        *sealer.recipients,
    ]
    done = subprocess.run(call, env=environment(), capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.partial", "out.key"]
    again = publish(condensed, tmp_path / "out", sealer)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "out.key"]
    key = open_key(tmp_path / "out.key", opener)
    assert key.certificate_sha256 == sha256(again.folder / "certificate.json")


def test_ctrl_c_keeps_what_is_written_and_the_next_run_goes_on(
    condensed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: dict[str, Published]
) -> None:
    from anonfaces.publish import job

    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "_write_tables", pressed)
    with pytest.raises(KeyboardInterrupt):
        publish(condensed, tmp_path / "out", None)
    monkeypatch.undo()
    (partial,) = tmp_path.iterdir()
    kept = {p: p.stat().st_mtime_ns for p in partial.glob("release/data/*/*.png")}
    assert len(kept) == made["condensed"].certificate["numbers"]["groups"]
    done = publish(condensed, tmp_path / "out", None)
    assert contents(done.folder) == contents(made["condensed"].folder)
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_the_command_says_how_to_go_on_and_what_a_lost_passphrase_means(
    condensed: Path, passphrase: Path, tmp_path: Path
) -> None:
    bare = subprocess.run(
        command(condensed, "-o", tmp_path / "out"),
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert bare.returncode == 2
    assert "the key must be sealed" in bare.stderr
    refused = subprocess.run(
        command(tmp_path, "-o", tmp_path / "out", "--passphrase-file", passphrase),
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert re.fullmatch("error: .* is no condensed dataset.*\n", refused.stderr)
    done = subprocess.run(
        command(condensed, "-o", tmp_path / "out", "--passphrase-file", passphrase),
        env=environment(), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    key = open_key(tmp_path / "out.key", Opener(passphrase_file=passphrase))
    assert set(key.members["identity"]) == set(people()["identity"])
    assert done.stderr.index("a lost passphrase") < done.stderr.index("pictures:")
    assert "at least 4 people a group" in done.stdout
    assert f"python -m anonfaces.verify {tmp_path / 'out'}" in done.stdout


def test_splits_have_their_shares_and_none_is_empty() -> None:
    names = random_names(bytes(32), "group", map(str, range(1000)))
    split = split_groups(names, {"train": 0.8, "val": 0.1, "test": 0.1})
    assert {s: int((split == s).sum()) for s in set(split)} == {
        "train": 800,
        "val": 100,
        "test": 100,
    }
    few = split_groups(names[:3], {"train": 0.8, "val": 0.1, "test": 0.1})
    assert sorted(few) == ["test", "train", "val"]
    assert set(split_groups(names[:2], {"train": 0.8, "val": 0.1, "test": 0.1})) <= {"train", "val"}
    assert set(split_groups(names, {"train": 1.0})) == {"train"}


def test_names_are_those_of_the_secret() -> None:
    one = random_names(bytes(32), "record", ["a", "b"])
    assert one == random_names(bytes(32), "record", ["a", "b"])
    assert not set(one) & set(random_names(bytes(31) + b"1", "record", ["a", "b"]))
    assert not set(one) & set(random_names(bytes(32), "group", ["a", "b"]))


def test_a_short_passphrase_is_warned_of(condensed: Path, tmp_path: Path) -> None:
    (tmp_path / "short.txt").write_text("pears")
    with pytest.warns(PrivacyWarning, match="the passphrase has 5 letters"):
        publish(condensed, tmp_path / "out", Sealer(passphrase_file=tmp_path / "short.txt"))


def test_an_evaluation_goes_into_the_certificate_unless_it_names_somebody(
    condensed: Path, tmp_path: Path
) -> None:
    path = tmp_path / "evaluation.json"
    path.write_text(json.dumps({"rank_1": 0.02, "judge": "other"}))
    options = PublishOptions(evaluation=path)
    done = publish(condensed, tmp_path / "out", None, options=options)
    assert done.certificate["measured"]["evaluation"]["rank_1"] == 0.02
    path.write_text(json.dumps({"worst": "Ophelia_Quill_07"}))
    with pytest.raises(GuaranteeError, match=r"names: certificate\.json holds a name"):
        publish(condensed, tmp_path / "other", None, options=options)


def test_what_was_measured_of_the_dataset_goes_along(condensed: Path, tmp_path: Path) -> None:
    place = shutil.copytree(condensed, tmp_path / "condensed")
    summary = json.loads((place / "summary.json").read_text())
    warned = "in 1 of 9 groups something (owner/surrogate_distances.csv says in which)"
    summary["privacy_warnings"] = [warned]
    (place / "summary.json").write_text(json.dumps(summary))
    (place / "evaluation.json").write_text(json.dumps({"rank_1": 0.02}))
    done = publish(place, tmp_path / "out", None)
    assert done.certificate["measured"]["evaluation"] == {"rank_1": 0.02}
    assert done.certificate["promise"]["weakened_by"] == ["in 1 of 9 groups something"]
    card = (tmp_path / "out" / "README.md").read_text()
    assert "Nobody has measured" not in card
    assert "owner/" not in card
