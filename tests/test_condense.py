"""The main job in Python, on faces that are already found and on bare embeddings."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

import anonfaces
from anonbase.errors import (
    AnonfacesError,
    GuaranteeError,
    InputError,
    PrivacyWarning,
    UtilityWarning,
    WeightsError,
)
from anonfaces.cluster import Groups
from anonfaces.cluster.set_partition import column_generation
from anonfaces.report import Summary
from anonfaces.synthesize import SurrogateOptions
from encoders.faceset import FaceSet
from encoders.faceset_file import BYSTANDER_COLUMNS, LEDGER_COLUMNS

SIDE = 16
pytestmark = pytest.mark.filterwarnings("ignore:--surrogate k-same. an average can be undone")
grouped = anonfaces.condense
condense = partial(grouped, surrogate="k-same")  # chips of noise have no generated face


def people(n: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings (m, 8) of ``n`` people far apart with one to four faces each, and their names."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(n), rng.integers(1, 5, n))
    X = 3 * rng.normal(size=(n, 8))[who] + 0.02 * rng.normal(size=(len(who), 8))
    return X, np.array([f"Ophelia Quill {i:02d}" for i in who])


def faceset(path: Path, order: np.ndarray | None = None, **changes: Any) -> Path:
    """Write a FaceSet of synthetic people whose rows come in ``order``."""
    X, identity = people()
    rows = np.arange(len(X)) if order is None else order
    rng = np.random.default_rng(1)
    chips = rng.integers(0, 256, (len(X), SIDE, SIDE, 3), dtype=np.uint8)
    image = np.array([f"{who}/IMG_zq{i}.jpg" for i, who in enumerate(identity)])
    ledger = [(name, 1, 1, "00" * 32, "faces", "", 1, 0, 80.0) for name in image]
    ledger += [("empty/IMG_zq998.jpg", 1, 1, "00" * 32, "no face", "", 0, 0, 0.0)]
    ledger += [("bad/IMG_zq999.jpg", 1, 1, "00" * 32, "unreadable", "truncated", 0, 0, 0.0)]
    bystander = [(image[0], 1, 2, 30, 40, 0.5)]
    values: dict[str, Any] = {
        "embedding": X.astype(np.float32)[rows],
        "image": image[rows],
        "box": np.tile(np.array([1, 2, 30, 40], np.int32), (len(X), 1)),
        "landmark": np.zeros((len(X), 68, 2), np.float32),
        "identity": identity[rows],
        "quality": np.ones(len(X), np.float32),
        "ledger": pd.DataFrame(ledger, columns=list(LEDGER_COLUMNS)),
        "bystanders": pd.DataFrame(bystander, columns=list(BYSTANDER_COLUMNS)),
        "attribute": {"age": np.arange(len(X))[rows] % 7, "full name": identity[rows]},
        "meta": {
            "extractor": "dlib",
            "extractor_sha256": "ab" * 32,
            "alignment": "dlib-5-150-0.25",
            "chip_alignment": f"ffhq-68-{SIDE}",
            "chip_size": SIDE,
            "identity": "folder",
        },
    }
    FaceSet(**{**values, **changes}).write(path, list(chips[rows]))
    return path


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    return faceset(tmp_path / "faces.h5")


def test_every_file_of_the_folder_agrees_with_the_others(faces: Path, tmp_path: Path) -> None:
    done = condense(faces, 5, tmp_path / "out")
    groups = pd.read_csv(done.folder / "owner" / "groups.csv")
    table = pd.read_csv(done.folder / "condensed.csv")
    summary = Summary.read(done.folder / "summary.json")
    assert sorted(p.name for p in done.folder.iterdir()) == [
        *("condensed.csv", "owner", "report.html", "summary.json", "surrogates")
    ]
    assert sorted(p.name for p in (done.folder / "owner").iterdir()) == [
        *("centroids.h5", "group_facts.csv", "groups.csv", "not_found.csv", "secret.key")
    ]
    assert groups.groupby("group")["identity"].nunique().min() >= 5
    assert groups.groupby("identity")["group"].nunique().max() == 1
    assert list(groups["identity"]) == [name.split("/")[0] for name in groups["image"]]
    assert list(table["people"]) == list(groups.groupby("group")["identity"].nunique())
    assert list(table["faces"]) == list(groups.groupby("group").size())
    assert summary.groups == len(table) == done.groups.n_groups
    assert summary.people == groups["identity"].nunique() == 40
    assert summary.faces == len(groups) == table["faces"].sum()
    assert sum(summary.people_per_group.values()) == summary.groups
    assert summary.not_found == {"no face": 1, "unreadable": 1}
    assert summary.bystanders == 1
    assert summary.pictures == len(groups) + 2
    assert {p.name for p in (done.folder / "surrogates").iterdir()} == {
        f"{group}.png" for group in table["group"]
    }


def test_losses_and_centroids_are_those_of_the_groups(faces: Path, tmp_path: Path) -> None:
    done = condense(faces, 5, tmp_path / "out")
    X = FaceSet.read(faces).embedding.astype(float)
    group = pd.read_csv(done.folder / "owner" / "groups.csv")["group"].to_numpy()
    means = np.stack([X[group == g].mean(axis=0) for g in range(group.max() + 1)])
    loss = 100 * ((X - means[group]) ** 2).sum() / ((X - X.mean(axis=0)) ** 2).sum()
    assert done.summary.information_loss == pytest.approx(loss)
    assert loss < done.summary.random_loss < 100
    with h5py.File(done.folder / "owner" / "centroids.h5") as file:
        np.testing.assert_allclose(file["centroid"][:], means)


def test_a_surrogate_is_the_mean_of_the_people_of_its_group(faces: Path, tmp_path: Path) -> None:
    done = condense(faces, 5, tmp_path / "out")
    groups = pd.read_csv(done.folder / "owner" / "groups.csv")
    chips = FaceSet.read(faces).chips().astype(float)
    for group, rows in groups.groupby("group"):
        persons = [chips[r.index].mean(axis=0) for _, r in rows.groupby("identity")]
        with Image.open(done.folder / "surrogates" / f"{group}.png") as surrogate:
            made = np.asarray(surrogate)
        face = (made != 128).any(axis=2)  # what is around it is grey: it would tell who was there
        assert 0.2 < face.mean() < 0.6
        np.testing.assert_allclose(made[face], np.mean(persons, axis=0)[face], atol=0.51)


def test_a_surrogate_file_holds_pixels_and_nothing_else(faces: Path, tmp_path: Path) -> None:
    done = condense(faces, 5, tmp_path / "out")
    for path in (done.folder / "surrogates").iterdir():
        assert set(chunks(path.read_bytes())) == {b"IHDR", b"IDAT", b"IEND"}


def chunks(png: bytes) -> Iterator[bytes]:
    """The kinds of chunks of a PNG file: after 8 bytes, each has length, kind, data and a sum."""
    place = 8
    while place < len(png):
        yield png[place + 4 : place + 8]
        place += 12 + int.from_bytes(png[place : place + 4])


def test_nothing_but_the_secret_files_names_anybody(faces: Path, tmp_path: Path) -> None:
    done = condense(faces, 5, tmp_path / "out")
    for name in done.summary.publishable:
        files = [done.folder / name] if not name.endswith("/") else (done.folder / name).iterdir()
        for path in files:
            assert not re.search(rb"Ophelia|Quill|IMG_zq", path.read_bytes()), path
            assert str(tmp_path).encode() not in path.read_bytes()
    assert set(done.summary.secret) == {
        *("owner/groups.csv", "owner/centroids.h5", "owner/not_found.csv"),
        *("owner/group_facts.csv", "owner/secret.key"),
    }
    missing = pd.read_csv(done.folder / "owner" / "not_found.csv")
    assert list(missing["outcome"]) == ["no face", "unreadable", "bystander"]


def test_user_columns_are_averaged_and_names_held_back(faces: Path, tmp_path: Path) -> None:
    done = condense(faces, 5, tmp_path / "out")
    table = pd.read_csv(done.folder / "condensed.csv")
    assert "age" in table
    assert "full name" not in table
    assert list(done.summary.withheld_attributes) == ["full name"]


def test_the_order_of_the_rows_says_nothing(tmp_path: Path) -> None:
    order = np.random.default_rng(2).permutation(len(people()[0]))
    one = condense(faceset(tmp_path / "a.h5"), 5, tmp_path / "a").folder
    key = one / "owner" / "secret.key"
    two = condense(faceset(tmp_path / "b.h5", order), 5, tmp_path / "b", key=key).folder
    assert publishable(one) == publishable(two)


def test_the_same_input_and_seed_give_the_same_bytes(faces: Path, tmp_path: Path) -> None:
    one = condense(faces, 5, tmp_path / "a", seed=3).folder
    key = one / "owner" / "secret.key"
    two = condense(faces, 5, tmp_path / "b", seed=3, key=key).folder
    assert publishable(one) == publishable(two)
    assert (one / "owner" / "groups.csv").read_bytes() == (
        two / "owner" / "groups.csv"
    ).read_bytes()


def test_a_number_says_nothing_of_a_group_without_the_key(faces: Path, tmp_path: Path) -> None:
    runs = [condense(faces, 5, tmp_path / name, effort="fast") for name in "ab"]
    one, two = (run.groups for run in runs)
    partition = [
        {frozenset(table["identity"]) for _, table in groups.to_pandas().groupby("group")}
        for groups in (one, two)
    ]
    assert partition[0] == partition[1]
    assert not np.array_equal(one.labels, two.labels)
    keys = [(run.folder / "owner" / "secret.key").read_bytes() for run in runs]
    assert len(keys[0]) == len(keys[1]) == 32
    assert keys[0] != keys[1]
    ranks = [np.argsort(np.argsort(groups.centroids[:, 0])) for groups in (one, two)]
    assert not any(np.array_equal(rank, np.arange(len(rank))) for rank in ranks)


def test_the_key_of_a_dataset_that_is_replaced_is_kept(faces: Path, tmp_path: Path) -> None:
    key = tmp_path / "out" / "owner" / "secret.key"
    condense(faces, 5, tmp_path / "out", effort="fast")
    first, open_ = key.read_bytes(), publishable(tmp_path / "out")
    condense(faces, 5, tmp_path / "out", effort="fast", overwrite=True)
    assert key.read_bytes() == first
    assert publishable(tmp_path / "out") == open_


def test_what_may_leave_does_not_say_how_alike_members_are(faces: Path, tmp_path: Path) -> None:
    done = condense(faces, 5, tmp_path / "out")
    facts = pd.read_csv(done.folder / "owner" / "group_facts.csv")
    X, labels = FaceSet.read(faces).embedding.astype(float), done.groups.labels
    for group, spread in zip(facts["group"], facts["spread"], strict=True):
        off = X[labels == group] - done.groups.centroids[group]
        assert spread == pytest.approx(np.sqrt((off**2).sum(axis=1).mean()), abs=1e-6)
    assert facts["spread"].is_monotonic_increasing
    assert "spread" not in pd.read_csv(done.folder / "condensed.csv")
    text = b"".join(publishable(done.folder).values()).decode("latin-1")
    assert not [f for f in facts["spread"] if f"{f:.3f}" in text.split("base64")[0]]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_bare_embeddings_make_groups_without_faces(tmp_path: Path, suffix: str) -> None:
    source = bare(tmp_path, suffix)
    with pytest.warns(PrivacyWarning) as heard:
        done = grouped(source, 5, tmp_path / "out", identity="none")
    assert done.summary.surrogate is None
    assert "--surrogate" not in done.summary.command
    assert "urrogate is" not in (done.folder / "report.html").read_text()
    assert not (done.folder / "surrogates").exists()
    assert len(pd.read_csv(done.folder / "owner" / "groups.csv")) == len(people()[0])
    page = (done.folder / "report.html").read_text()
    assert "bare embeddings" in page
    assert "It does not hold for people here" in page
    assert done.summary.privacy_warnings == tuple(str(w.message) for w in heard)


def test_what_is_warned_of_is_also_on_the_page(faces: Path, tmp_path: Path) -> None:
    with pytest.warns(PrivacyWarning, match="estimated") as heard:
        done = condense(faces, 5, tmp_path / "out", identity="estimate")
    assert done.summary.identity == "estimate"
    assert done.summary.estimated_faces == done.summary.faces
    page = re.sub(r"\s+", " ", (done.folder / "report.html").read_text())
    for warning in heard:
        assert str(warning.message) in page


@pytest.mark.filterwarnings("default")
def test_an_average_that_can_be_undone_is_warned_of_once(faces: Path, tmp_path: Path) -> None:
    with pytest.warns(PrivacyWarning) as heard:
        done = condense(faces, 5, tmp_path / "out")
    (told,) = [str(warning.message) for warning in heard]
    assert done.groups.n_groups > 1
    assert "--surrogate k-same: an average can be undone by subtraction" in told
    assert done.summary.privacy_warnings == (told,)


def test_faces_without_a_name_are_estimated_and_counted(tmp_path: Path) -> None:
    names = people()[1]
    some = np.where(np.arange(len(names)) % 10 == 0, "", names)
    path = faceset(tmp_path / "faces.h5", identity=some)
    with pytest.warns(PrivacyWarning, match="estimated"):
        done = condense(path, 5, tmp_path / "out")
    assert done.summary.estimated_faces == (some == "").sum()
    assert done.summary.identity == "folder"


def test_one_face_under_two_names_is_warned_of_and_told_to_the_owner(tmp_path: Path) -> None:
    X, names = people()
    X[-1] = X[0]
    np.savez(tmp_path / "x.npz", embedding=X, identity=names)
    with pytest.warns(PrivacyWarning, match="1 pair of names"):
        done = grouped(tmp_path / "x.npz", 5, tmp_path / "out")
    told = pd.read_csv(done.folder / "owner" / "lookalikes.csv", dtype=str)
    assert told[["first_identity", "second_identity"]].to_numpy().tolist() == [
        [names[0], names[-1]]
    ]
    assert "owner/lookalikes.csv" in done.summary.secret
    assert "1 pair of names" in (done.folder / "report.html").read_text()


def test_a_bystander_under_a_name_is_warned_of_and_told_to_the_owner(tmp_path: Path) -> None:
    X, names = people()
    several, counts = np.unique(names, return_counts=True)
    row = np.flatnonzero(names == several[counts == 4][0])[2]
    X[row] += 1
    np.savez(tmp_path / "x.npz", embedding=X, identity=names, extractor="dlib")
    with pytest.warns(
        PrivacyWarning, match=r"1 face does not look .* \(owner/strangers.csv\)"
    ) as heard:
        done = grouped(tmp_path / "x.npz", 5, tmp_path / "out")
    assert not re.search("Ophelia", "".join(str(warning.message) for warning in heard))
    told = pd.read_csv(done.folder / "owner" / "strangers.csv")
    assert told.to_numpy().tolist() == [[row, names[row]]]
    assert "owner/strangers.csv" in done.summary.secret
    assert "may be somebody else than their name" in (done.folder / "report.html").read_text()


def test_ctrl_c_in_the_proof_keeps_the_dataset_and_says_that_it_was_cut_short(
    faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pressed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(column_generation._ColumnGeneration, "run", pressed)
    with pytest.warns(UtilityWarning, match="interrupted: the proof") as heard:
        done = condense(faces, 5, tmp_path / "out", certify=600, effort="fast")
    (note,) = [str(w.message) for w in heard if issubclass(w.category, UtilityWarning)]
    assert f"none lose less than {done.summary.lower_bound:.1f} %" in note
    assert done.summary.notes == (note,)
    assert note in (done.folder / "report.html").read_text()


def test_the_columns_that_were_taken_are_told(tmp_path: Path) -> None:
    table = pd.DataFrame(people()[0]).rename(columns=lambda column: f"x{column}")
    table.assign(age=30, person=people()[1]).to_csv(tmp_path / "x.csv", index=False)
    done = grouped(tmp_path / "x.csv", 5, tmp_path / "out")
    assert done.columns == (*(f"x{column}" for column in range(people()[0].shape[1])), "age")


def test_a_column_names_the_person(tmp_path: Path) -> None:
    X, names = people()
    table = pd.DataFrame(X).rename(columns=str).assign(who=names)
    table.to_csv(tmp_path / "x.csv", index=False)
    done = grouped(tmp_path / "x.csv", 5, tmp_path / "out", identity="column:who")
    assert done.summary.people == 40
    assert done.summary.identity == "given"


def test_columns_of_a_faceset_are_kept_diverse_and_the_page_says_so(
    faces: Path, tmp_path: Path
) -> None:
    with pytest.warns(PrivacyWarning, match="several values of 'age'"):
        done = condense(faces, 5, tmp_path / "out", l_diversity={"age": 4}, effort="fast")
    (kept,) = Summary.read(done.folder / "summary.json").constraints
    assert (kept["kind"], kept["column"], kept["bound"]) == ("l_diversity", "age", 4)
    assert kept["reached"] >= 4
    assert 0 < done.summary.lower_bound <= done.summary.information_loss
    assert "--l-diversity age:4" in done.summary.command
    page = (done.folder / "report.html").read_text()
    assert "at least 4 different values of age" in page
    assert "can lose less than" in page
    again = Groups.read(done.folder)
    assert again.constraints == done.groups.constraints


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".npz"])
def test_columns_that_are_asked_about_are_no_part_of_the_embedding(
    tmp_path: Path, suffix: str
) -> None:
    X, names = people()
    table = pd.DataFrame(X).rename(columns=str).assign(person=names)
    table["city"] = np.where(np.unique(names, return_inverse=True)[1] % 3, "=Aa", "Bb")
    path = tmp_path / f"x{suffix}"
    if suffix == ".npz":
        np.savez(path, embedding=X, identity=names, city=table["city"].to_numpy(str))
    elif suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    done = grouped(path, 5, tmp_path / "out", t_closeness={"city": 0.2}, effort="fast")
    assert done.groups.centroids.shape[1] == X.shape[1]
    assert done.groups.constraints[0].reached <= 0.2
    assert set(pd.read_csv(done.folder / "condensed.csv")["city"]) <= {"'=Aa", "Bb"}
    assert Groups.read(done.folder).attributes["city"].tolist() == table["city"].tolist()


def bare(folder: Path, suffix: str, X: np.ndarray | None = None) -> Path:
    path, X = folder / f"x{suffix}", people()[0] if X is None else X
    table = pd.DataFrame(X).rename(columns=str)
    if suffix == ".npy":
        np.save(path, X)
    elif suffix == ".npz":
        np.savez(path, embedding=X)
    elif suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path)
    return path


BROKEN = np.full((20, 4), np.nan)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"k": 1}, GuaranteeError, "k is 2 or more"),
        ({"k": 0}, GuaranteeError, "k is 2 or more"),
        ({"k": 2.5}, InputError, "whole number"),
        ({"k": 41}, GuaranteeError, "needs at least 41 people, and there are 40"),
        ({"seed": -1}, InputError, "seed"),
        ({"key": "missing.key"}, InputError, "no secret key can be read there"),
        ({"key": "text.h5"}, InputError, "text.h5 is no secret key: that is a file of 32"),
        ({"method": "magic"}, InputError, "no method 'magic'"),
        ({"effort": "heroic"}, InputError, "effort is fast, default or best"),
        ({"time_limit": 0}, InputError, "time limit"),
        ({"certify": -1}, InputError, "certify"),
        ({"l_diversity": {"age": 0}}, InputError, "l-diversity age: a whole number"),
        ({"l_diversity": {"shoe": 2}}, InputError, r"no column 'shoe' \(their columns: age"),
        ({"l_diversity": {"age": 8}}, GuaranteeError, "have . different values, and 8"),
        ({"t_closeness": {"age": 2}}, InputError, "t-closeness age: a distance"),
        ({"same": ["full name"]}, GuaranteeError, "1, 4 short"),
        ({"source": "empty", "same": ["age"]}, InputError, "come with --identity csv"),
        ({"leave_out": ["age"]}, InputError, "columns are left out of tables"),
        ({"source": "bare.csv", "leave_out": ["shoe"]}, InputError, "no column 'shoe'; it has 0"),
        ({"source": "bare.csv", "same": ["shoe"]}, InputError, "no column 'shoe'; it has 0, 1"),
        ({"source": "huge.npy", "same": ["shoe"]}, InputError, "it has no columns"),
        ({"same_person": 0}, InputError, r"--same-person \(in Python same_person\) is"),
        ({"source": "facenet.npz"}, InputError, "facenet vectors have no known distance"),
        ({"source": "facenet.npz"}, InputError, r"\(in Python identity, same_person\)"),
        ({"surrogate": "magic"}, InputError, "no surrogate method 'magic'"),
        ({"source": "bare.csv", "surrogate": "k-same"}, InputError, "k-same: bare.csv holds vec"),
        (
            {"source": "bare.csv", "surrogate_options": SurrogateOptions(psi=0.7)},
            InputError,
            "^--psi 0.7: bare.csv",
        ),
        ({"identity": "folder"}, InputError, "is for photographs"),
        ({"identity": "column:name"}, InputError, "holds its identities itself"),
        ({"source": "missing.h5"}, InputError, "no such file"),
        ({"source": "missing"}, InputError, "no such file"),
        ({"source": "empty"}, InputError, "no photograph"),
        ({"source": "text.h5"}, InputError, "text.h5"),
        ({"source": "text.xyz"}, InputError, "embeddings come as"),
        ({"source": "nan.npy"}, InputError, "NaN or infinity"),
        ({"source": "huge.npy"}, InputError, "cannot be squared"),
        ({"source": "no-faces.h5"}, InputError, "no face was found"),
        ({"output": "empty/inside", "source": "empty"}, AnonfacesError, "inside the input"),
        ({"output": "."}, AnonfacesError, "lies inside the output"),
    ],
)
def test_a_refusal_writes_nothing(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    asked = {"source": "faces.h5", "k": 5, "output": "out", **options}
    faceset(tmp_path / "faces.h5")
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.h5").write_text("text")
    (tmp_path / "text.xyz").write_text("text")
    bare(tmp_path, ".npy", BROKEN).rename(tmp_path / "nan.npy")
    np.savez(tmp_path / "facenet.npz", embedding=people()[0], extractor="facenet")
    without_faces(tmp_path)
    bare(tmp_path, ".csv").rename(tmp_path / "bare.csv")
    np.save(tmp_path / "huge.npy", people()[0] * 1e200)
    before = sorted(tmp_path.rglob("*"))
    source, output = tmp_path / asked.pop("source"), tmp_path / asked.pop("output")
    asked |= {"key": tmp_path / asked["key"]} if "key" in asked else {}
    with pytest.raises(error, match=message):
        grouped(source, output=output, **asked)
    assert sorted(tmp_path.rglob("*")) == before


def without_faces(folder: Path) -> None:
    full = FaceSet.read(folder / "faces.h5")
    full.select(np.empty(0, np.int64)).write(folder / "no-faces.h5", [])


def publishable(folder: Path) -> dict[str, bytes]:
    names = ["condensed.csv", "summary.json", "report.html"]
    files = [folder / name for name in names] + sorted((folder / "surrogates").iterdir())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "cannot be read"), (b"\x80\x02no pickle", "generator.pkl"), (b"", "generator.pkl")],
)
def test_a_generator_that_cannot_be_used_is_refused_before_photographs_are_looked_at(
    content: bytes | None, words: str, tmp_path: Path
) -> None:
    """The folder holds no photograph either, which nobody has noticed by then."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("no picture")
    path = tmp_path / "generator.pkl"
    if content is not None:
        path.write_bytes(content)
    options = SurrogateOptions(generator=path)
    with pytest.raises(WeightsError, match=words):
        anonfaces.condense(tmp_path / "photos", 2, tmp_path / "out", surrogate_options=options)
    assert not (tmp_path / "out").exists()


def test_fewer_people_than_k_are_refused_before_a_photograph_is_looked_at(
    everybody: list[list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    for own in everybody[:3]:
        shutil.copytree(own[0].parent, photos / own[0].parent.name)
    monkeypatch.setattr("encoders.encode", None)
    with pytest.raises(GuaranteeError, match=r"k = 4 .* these photographs are of 3 .*smaller k"):
        condense(photos, 4, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_folder_that_is_no_dataset_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nope: there is no such folder"):
        Summary.read(tmp_path / "nope" / "summary.json")
    with pytest.raises(InputError, match=r"is no condensed dataset: it holds no summary\.json"):
        Summary.read(tmp_path / "summary.json")
