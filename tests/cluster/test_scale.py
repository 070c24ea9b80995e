"""Grouping in pieces: the promise, the loss, and that a stopped run goes on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonfaces.cluster import group, random_loss
from anonfaces.cluster.people import PersonPoints
from anonfaces.cluster.scale import Job, ScaledGroups, group_file, open_rows
from anonfaces.cluster.scale.tasks import perform
from benchmarks.faces import face_like

FACES = face_like(3000, 8)
WHO = np.random.default_rng(1).integers(900, size=3000).astype(str)


def job(path: Path, named: bool = True, k: int = 5, **changed: object) -> Job:
    scratch = path.parent / f"{path.stem}-{k}-{changed.get('seed', 0)}"
    scratch.mkdir(exist_ok=True)
    options = {"seed": 0, "effort": "fast", "passes": 2, "scratch": str(scratch)} | changed
    return Job(str(path), None, named, 8, k, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("named") / "faces.parquet"
    frame = pd.DataFrame(FACES, columns=[f"e{i}" for i in range(8)])
    frame.assign(identity=WHO).to_parquet(path, index=False, row_group_size=700)
    return path


@pytest.fixture(scope="module")
def grouped(named: Path) -> ScaledGroups:
    return group_file(open_rows(named), job(named), region=300)


def test_faces_of_one_person_from_anywhere_are_in_one_group(grouped: ScaledGroups) -> None:
    table = pd.DataFrame({"who": WHO, "group": grouped.labels, "person": grouped.person})
    assert table.groupby("who")[["group", "person"]].nunique().max().tolist() == [1, 1]
    people = table.groupby("group")["who"].nunique()
    assert people.between(5, 9).all()
    np.testing.assert_array_equal(people, grouped.people)
    np.testing.assert_array_equal(table.groupby("group").size(), grouped.faces)


def test_the_loss_is_that_of_the_faces_and_near_that_of_the_engine(grouped: ScaledGroups) -> None:
    people = PersonPoints.of(FACES.astype(float), WHO)
    _, first = np.unique(WHO, return_index=True)
    assert grouped.information_loss == pytest.approx(people.loss(grouped.labels[first]), rel=1e-6)
    assert grouped.random_loss == pytest.approx(random_loss(FACES, 5, WHO), rel=0.01)
    whole = group(FACES, 5, WHO, effort="fast").information_loss
    assert grouped.information_loss < 1.02 * whole


def test_centroids_are_the_means_of_the_faces_in_order(grouped: ScaledGroups) -> None:
    for numbers, centres in grouped.centroids():
        for number, centre in zip(numbers[:3], centres, strict=False):
            own = FACES[grouped.labels == number].mean(axis=0)
            np.testing.assert_allclose(centre, own, atol=1e-5)
    first = np.empty(len(grouped.people))
    for numbers, centres in grouped.centroids():
        first[numbers] = centres[:, 0]
    assert (np.diff(first) >= 0).all()


def test_what_was_done_is_not_done_again_and_what_was_lost_is(
    named: Path, grouped: ScaledGroups
) -> None:
    one = job(named)
    before = {file.name: file.stat().st_mtime_ns for file in Path(one.scratch).iterdir()}
    lost = sorted(file for file in Path(one.scratch).iterdir() if file.name.startswith("result"))
    for file in lost[:1]:
        Path(str(file).replace("result", "group").replace(".npz", ".report.npz")).unlink()
        file.unlink()
    again = group_file(open_rows(named), one, region=300)
    np.testing.assert_array_equal(again.labels, grouped.labels)
    after = {file.name: file.stat().st_mtime_ns for file in Path(one.scratch).iterdir()}
    assert sum(before[name] != after[name] for name in before) == 2


def test_another_seed_gives_other_groups(named: Path, grouped: ScaledGroups) -> None:
    other = group_file(open_rows(named), job(named, seed=1), region=300)
    assert (other.labels != grouped.labels).any()


@pytest.mark.parametrize("k", [2, 40])
def test_rows_without_names_are_people_of_their_own(tmp_path: Path, k: int) -> None:
    np.save(tmp_path / "a.npy", FACES[:130])
    with pytest.warns(PrivacyWarning, match="no identity given"):
        found = group_file(open_rows(tmp_path / "a.npy"), job(tmp_path / "a.npy", False, k))
    sizes = np.bincount(found.labels)
    assert sizes.min() >= k
    assert sizes.max() <= 2 * k - 1


def test_duplicates_and_one_dimension_do_not_matter(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.repeat(np.arange(3.0), 60)[:, None])
    one = Job(str(tmp_path / "a.npy"), None, False, 1, 5, 0, "fast", 2, str(tmp_path))
    with pytest.warns(PrivacyWarning):
        found = group_file(open_rows(tmp_path / "a.npy"), one, region=50)
    assert found.people.min() >= 5
    assert found.information_loss < 5


def test_too_few_people_and_unnamed_faces_are_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame(FACES[:12]).rename(columns=str)
    frame.assign(identity=["a", "b", "c"] * 4).to_parquet(tmp_path / "few.parquet", index=False)
    frame.assign(identity=["a", "b", ""] * 4).to_parquet(tmp_path / "some.parquet", index=False)
    with pytest.raises(GuaranteeError, match="needs at least 5 people, and there are 3"):
        group_file(open_rows(tmp_path / "few.parquet"), job(tmp_path / "few.parquet"))
    with pytest.raises(InputError, match="faces without an identity: 4 of 12"):
        group_file(open_rows(tmp_path / "some.parquet"), job(tmp_path / "some.parquet"))


@pytest.mark.parametrize(
    ("changed", "message"),
    [({"version": "0.0"}, "a worker has anonfaces"), ({"scratch": "/absent"}, "does not see")],
)
def test_a_worker_of_other_surroundings_says_so(
    named: Path, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        perform(job(named, **changed), "look", 0, 1.0)
