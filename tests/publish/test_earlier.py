"""Two releases of the same people, crossed, and somebody who takes back their consent."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from release_data import K, people

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonbase.files import sha256
from anonfaces import condense
from anonfaces.cluster import Groups
from anonfaces.publish import Opener, Published, PublishOptions, Sealer, publish
from anonfaces.publish.earlier import too_few
from anonfaces.publish.ledger import warn_of_other_releases
from anonfaces.publish.source import read_source
from anonfaces.publish.together import keep_together
from anonfaces.report import Summary
from anonfaces.withdraw import find_person, withdraw
from encoders.faceset import FaceSet

pytestmark = pytest.mark.filterwarnings(
    "ignore:--surrogate k-same. an average", "ignore:groups are kept within", "ignore:'age' is the",
    "ignore:'gender' is the", "ignore:'born' is the",
)  # fmt: skip


def crossed(one: pd.DataFrame, other: pd.DataFrame) -> pd.Series:
    """How many people are in both of two groups, counted in another way than the code does."""
    both = one.merge(other, on="identity", suffixes=("_1", "_2"))
    return both.groupby(["group_1", "group_2"])["identity"].nunique()


def members(published: Published, opener: Opener) -> pd.DataFrame:
    return opener.open(Path(str(published.key))).members


def test_two_groupings_that_cross_below_k_are_refused_with_how_many_people(
    condensed: Path, made: dict[str, Published], opener: Opener, tmp_path: Path
) -> None:
    faces = condensed / "owner" / "faces.h5"
    condense(faces, K + 2, tmp_path / "other", surrogate="k-same", effort="fast")
    old = members(made["condensed"], opener)
    both = crossed(old, Groups.read(tmp_path / "other").to_pandas().drop_duplicates())
    alone = int(both[both < K + 2].sum())  # the new release promises two more
    assert alone > 0
    options = PublishOptions(previous=(Path(str(made["condensed"].key)),))
    with pytest.raises(GuaranteeError, match=f"^{alone} of 48 people would stand among fewer"):
        publish(tmp_path / "other", tmp_path / "out", None, options=options, opener=opener)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["other"]


def test_groups_that_keep_the_earlier_ones_together_are_released(
    condensed: Path, made: dict[str, Published], opener: Opener, tmp_path: Path
) -> None:
    key, faces = Path(str(made["condensed"].key)), tmp_path / "faces.h5"
    keep_together(condensed / "owner" / "faces.h5", [key], opener, faces)
    done = condense(faces, K, tmp_path / "new", same=["earlier_releases"], surrogate="k-same")
    both = crossed(members(made["condensed"], opener), done.groups.to_pandas().drop_duplicates())
    assert both.min() >= K
    options = PublishOptions(previous=(key,))
    released = publish(tmp_path / "new", tmp_path / "out", None, options=options, opener=opener)
    assert released.certificate["earlier_releases"] == 1
    assert "earlier_releases" not in pd.read_csv(tmp_path / "new" / "condensed.csv")
    shown = pd.read_csv(next((tmp_path / "out" / "data").glob("train/metadata.csv")))
    assert not [column for column in shown if "earlier" in column]


def test_newcomers_are_kept_apart(
    condensed: Path,
    made: dict[str, Published],
    sealer: Sealer,
    opener: Opener,
    tmp_path: Path,
) -> None:
    """Whoever is in the second release alone is known to be new, so k of them are together."""
    key = opener.open(Path(str(made["condensed"].key)))
    small = FaceSet.read(condensed / "owner" / "faces.h5")
    groups = sorted(set(key.members["group"]))[:3]
    few = set(key.members.loc[key.members["group"].isin(groups), "identity"])
    rows = np.flatnonzero(np.isin(small.identity, list(few)))
    first = small.select(rows).write(tmp_path / "first.h5")
    condense(tmp_path / "first.h5", K, tmp_path / "one", surrogate="k-same")
    publish(tmp_path / "one", tmp_path / "r1", sealer)
    keep_together(
        condensed / "owner" / "faces.h5", [tmp_path / "r1.key"], opener, tmp_path / "f.h5"
    )
    done = condense(tmp_path / "f.h5", K, tmp_path / "two", same=["earlier_releases"],
                    surrogate="k-same", effort="fast")  # fmt: skip
    known = set(first.identity)
    mixed = (
        done.groups.to_pandas()
        .drop_duplicates()
        .groupby("group")["identity"]
        .agg(lambda names: len({name in known for name in names}))
    )
    assert set(mixed) == {1}


def test_people_who_went_are_warned_of(
    condensed: Path, made: dict[str, Published], opener: Opener, tmp_path: Path
) -> None:
    name = people()["identity"][0]
    withdraw(name, condensed, tmp_path / "less")
    options = PublishOptions(previous=(Path(str(made["condensed"].key)),))
    with pytest.warns(PrivacyWarning, match="people of an earlier release are not in this one"):
        publish(tmp_path / "less", tmp_path / "out", None, options=options, opener=opener)


def test_who_stands_alone_is_counted() -> None:
    table = pd.DataFrame({"group": [0, 0, 0, 1, 1, 1], "identity": list("abcdef")})
    assert too_few(table, np.array(["x", "x", "y", "y", "y", "y"]), 2) == 1
    assert too_few(table, np.array(["x", "x", "y", "y", "y", "y"]), 3) == 3
    assert too_few(table, np.array(["x"] * 6), 3) == 0


@pytest.fixture(scope="module")
def without(condensed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    name = people()["identity"][5]
    place = tmp_path_factory.mktemp("without") / "less"
    withdraw(name, condensed, place)
    return name, place


def test_who_withdraws_is_nowhere_any_more_and_their_group_is_gone(
    condensed: Path, without: tuple[str, Path]
) -> None:
    name, place = without
    before, after = Groups.read(condensed), Groups.read(place)
    group = before.labels[before.identity == name][0]
    assert set(before.identity[before.labels == group]).isdisjoint(after.identity)
    assert after.n_groups == before.n_groups - 1
    same = {frozenset(t["identity"]) for _, t in before.to_pandas().groupby("group")}
    assert {frozenset(t["identity"]) for _, t in after.to_pandas().groupby("group")} < same
    for path in (p for p in place.rglob("*") if p.is_file()):
        assert name.encode() not in path.read_bytes(), path


def test_the_other_faces_are_as_they_were(condensed: Path, without: tuple[str, Path]) -> None:
    place, before, after = without[1], Groups.read(condensed), Groups.read(without[1])
    for number in range(after.n_groups):
        who = after.identity[after.labels == number][0]
        old = before.labels[before.identity == who][0]
        shown = (place / "surrogates" / f"{number}.png").read_bytes()
        assert shown == (condensed / "surrogates" / f"{old}.png").read_bytes()
    summary = Summary.read(place / "summary.json")
    assert summary.people == len(set(after.identity))
    assert summary.groups == len(list((place / "surrogates").iterdir()))


def test_the_new_release_has_the_names_of_the_old_one_but_for_the_record(
    without: tuple[str, Path], made: dict[str, Published], tmp_path: Path
) -> None:
    released = publish(without[1], tmp_path / "out", None)
    old = {p.name: p.read_bytes() for p in made["condensed"].folder.rglob("*.png")}
    new = {p.name: p.read_bytes() for p in released.folder.rglob("*.png")}
    assert len(new) == len(old) - 1
    assert new.items() < old.items()


def test_a_group_is_kept_with_a_new_face_where_that_gives_nothing_away(
    condensed: Path, tmp_path: Path
) -> None:
    groups = Groups.read(condensed)
    sizes = groups.sizes().set_index("group")["people"]
    small, large = (sizes[test].index for test in (sizes == K, sizes > K))
    name = groups.identity[groups.labels == small[0]][0]
    assert not find_person(name, condensed).keeps_k
    with pytest.raises(GuaranteeError, match="would have 3 people, k = 4"):
        withdraw(name, condensed, tmp_path / "out", remake=True)
    if len(large):
        who = groups.identity[groups.labels == large[0]][0]
        with pytest.raises(GuaranteeError, match="is an average: the new one subtracted"):
            withdraw(who, condensed, tmp_path / "out", remake=True)
    assert not list(tmp_path.iterdir())


def test_nobody_of_that_name_is_an_error(condensed: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nobody in .* is called 'Nemo'"):
        withdraw("Nemo", condensed, tmp_path / "out")


def test_the_command_names_the_records(
    condensed: Path, made: dict[str, Published], identity: Path, tmp_path: Path
) -> None:
    name, key = people()["identity"][5], made["condensed"].key
    call = [sys.executable, "-m", "anonfaces.withdraw", name, str(condensed), "--key", str(key)]
    done = subprocess.run(
        [*call, "--key-identity", str(identity)],
        capture_output=True, text=True, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("records")]
    path = made["condensed"].folder / line.split()[1]
    group = find_person(name, condensed).group
    assert path.read_bytes()  # it is there
    assert _pixels(path) == _pixels(condensed / "surrogates" / f"{group}.png")


def _pixels(path: Path) -> bytes:
    from anonfaces.publish.pictures import read_pixels

    return read_pixels(path).tobytes()


def test_a_second_release_of_the_same_people_in_other_groups_is_warned_of(
    condensed: Path, tmp_path: Path
) -> None:
    first = shutil.copytree(condensed, tmp_path / "first")
    (first / "owner" / "releases.json").unlink(missing_ok=True)  # of other tests
    (tmp_path / "releases").mkdir()
    for name in ("r1", "again"):  # the same groups again tell nothing new
        publish(first, tmp_path / "releases" / name, None)
    assert "Quill" not in (first / "owner" / "releases.json").read_text()
    faces = first / "owner" / "faces.h5"
    condense(faces, K + 2, tmp_path / "second", surrogate="k-same", effort="fast")
    with pytest.warns(PrivacyWarning, match="48 people are also in .*first, which was released"):
        publish(tmp_path / "second", tmp_path / "r2", None)
    elsewhere = tmp_path / "elsewhere" / "third"
    shutil.copytree(tmp_path / "second", elsewhere)
    (elsewhere / "owner" / "releases.json").unlink()
    publish(elsewhere, tmp_path / "elsewhere" / "r3", None)  # nothing is seen from there
    told = [sha256(tmp_path / "releases" / r / "certificate.json") for r in ("r1", "again")]
    warn_of_other_releases(read_source(tmp_path / "second"), [], told)  # checked by --previous


def test_a_dataset_that_was_released_and_grouped_anew_is_warned_of(
    condensed: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(condensed, tmp_path / "condensed")
    publish(folder, tmp_path / "r1", None)
    faces = shutil.copyfile(folder / "owner" / "faces.h5", tmp_path / "faces.h5")
    condense(faces, K + 2, folder, surrogate="k-same", effort="fast", overwrite=True)
    with pytest.warns(PrivacyWarning, match="condensed was released before, in other groups"):
        publish(folder, tmp_path / "r2", None, faces=faces)
    (folder / "owner" / "releases.json").write_text("no list")
    publish(folder, tmp_path / "r3", None, faces=faces)


@pytest.mark.parametrize("unreadable", ["", "[1]", '[{"certificate_sha256": 1}]', "[" * 10_000])
def test_a_damaged_list_of_releases_is_passed_over(
    unreadable: str, condensed: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(condensed, tmp_path / "condensed")
    (folder / "owner" / "releases.json").write_text(unreadable)
    warn_of_other_releases(read_source(folder), [tmp_path, tmp_path / "nowhere"], [])
