"""The judgement of a folder, from files to the page, on a few synthetic people."""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from support import InlineWorkers

from anonbase.errors import InputError, OutputError, UtilityWarning
from anonfaces import condense
from anonfaces.evaluate import EvaluationOptions, evaluate, read_condensed, read_evaluation
from anonfaces.evaluate.evaluation import schema
from anonfaces.evaluate.subject import RemoteEncoding, read_faces
from anonfaces.report import Summary
from encoders import FaceSet, encode

pytestmark = pytest.mark.filterwarnings("ignore:--surrogate k-same")
OPTIONS = EvaluationOptions(judges=("dlib", "pca"), false_match_rate=0.05)


@pytest.fixture(scope="module")
def place(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people: ``faces.h5`` of one picture each, ``others.h5`` of another, ``condensed/``."""
    root = tmp_path_factory.mktemp("few")
    for number, pictures in enumerate([own for own in everybody if len(own) > 1][:12]):
        for which, picture in enumerate(pictures[:2]):
            person = root / "photos" / f"zq{number:02d}"
            person.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(picture, person / f"{which}{picture.suffix}")
    both = encode(root / "photos", root / "both.h5", identity="folder", jobs=1, progress=False)
    second = [Path(name).stem == "1" for name in both.image]
    both.select([i for i, other in enumerate(second) if not other]).write(root / "faces.h5")
    both.select([i for i, other in enumerate(second) if other]).write(root / "others.h5")
    condense(root / "faces.h5", 4, root / "condensed", surrogate="k-same", effort="fast")
    return root


@pytest.fixture(scope="module")
def judged(place: Path) -> Path:
    shutil.copytree(place / "condensed", place / "judged")
    evaluate(
        place / "judged", faces=place / "faces.h5", gallery=place / "others.h5", options=OPTIONS
    )
    return place / "judged"


def test_what_is_found_lies_beside_the_surrogates_and_on_the_page(judged: Path) -> None:
    found = read_evaluation(judged / "evaluation.json")
    jsonschema.validate(found.document, schema())
    assert found.document["subject"]["people"] == 12
    assert [one["judge"] for one in found.document["judges"]] == ["dlib", "pca"]
    assert [one["took_part"] for one in found.document["judges"]] == [True, False]
    for verdict in found.document["judges"]:
        assert [one["gallery"] for one in verdict["identification"]] == [
            "the originals",
            "other photographs",
        ]
        assert verdict["threshold"]["pairs_of_one_person"] == 12
        assert all(one["ranks"]["1"]["rate"] <= 1 / 4 + 1e-9 for one in verdict["identification"])
    page = (judged / "report.html").read_text(encoding="utf-8")
    assert "Who would be recognised" in page
    message = re.sub(r"base64,[\w+/=]+", "", page) + found.to_json()
    assert not re.search(r"zq\d\d", message)
    assert "evaluation.json" in Summary.read(judged / "summary.json").publishable


def test_secret_files_of_an_older_dataset_are_found_beside_the_others(
    judged: Path, place: Path
) -> None:
    moved = shutil.copytree(place / "condensed", place / "moved")
    for name in ("groups.csv", "centroids.h5", "not_found.csv"):
        (moved / "owner" / name).rename(moved / name)
    shutil.copyfile(place / "faces.h5", moved / "faces.h5")
    here, there = read_condensed(moved), read_condensed(judged, place / "faces.h5")
    assert here.labels.tolist() == there.labels.tolist()
    assert here.sha256 == there.sha256


def test_other_surrogates_make_an_evaluation_void(judged: Path, place: Path) -> None:
    from anonfaces.condensation.resurrogate import resurrogate

    again = shutil.copytree(judged, place / "again")
    with pytest.warns(UtilityWarning, match="is gone: python -m anonfaces.evaluate"):
        resurrogate(again, "k-same-eigen", faces=place / "faces.h5")
    assert not (again / "evaluation.json").exists()
    assert "evaluation.json" not in Summary.read(again / "summary.json").publishable
    assert "Who would be recognised" not in (again / "report.html").read_text(encoding="utf-8")


def test_an_evaluation_of_its_own_leaves_the_folder_alone(place: Path, tmp_path: Path) -> None:
    before = sorted(place.joinpath("condensed").rglob("*"))
    evaluate(
        place / "condensed", faces=place / "faces.h5", output=tmp_path / "e",
        options=EvaluationOptions(judges=("pca",), false_match_rate=0.05),
    )  # fmt: skip
    assert sorted(p.name for p in (tmp_path / "e").iterdir()) == [
        "evaluation.html",
        "evaluation.json",
    ]
    assert sorted(place.joinpath("condensed").rglob("*")) == before


def test_photographs_released_as_they_are_are_all_recognized(place: Path, tmp_path: Path) -> None:
    found = evaluate(
        place / "photos", originals=place / "photos", output=tmp_path / "e",
        options=EvaluationOptions(judges=("dlib",), false_match_rate=0.05),
    )  # fmt: skip
    (verdict,) = found.document["judges"]
    assert found.document["subject"]["kind"] == "anonymized"
    assert verdict["identification"][0]["ranks"]["1"]["rate"] == 1
    assert verdict["reidentification"]["people"]["rate"] == 1


@pytest.mark.filterwarnings("ignore::anonbase.errors.UtilityWarning")
def test_an_evaluation_by_workers_is_the_same_to_the_byte(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers = InlineWorkers()
    monkeypatch.setattr("anonbase.dask_workers.connected", workers.connected)
    monkeypatch.setattr("anonfaces.evaluate.distributed._AT_ONCE", 5)
    given = {"faces": place / "faces.h5", "gallery": place / "others.h5"}
    texts = []
    for scheduler in (None, "local"):
        asked = replace(OPTIONS, utility=True, hifd=tmp_path / f"{scheduler}.json")
        evaluate(
            place / "condensed", **given, output=tmp_path / "e", options=asked, scheduler=scheduler
        )
        texts.append([(tmp_path / "e" / "evaluation.json").read_text(), asked.hifd.read_text()])
    assert texts[0] == texts[1]
    assert len(workers.done) >= 20


def test_anonymized_photographs_are_judged_by_workers(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers, asked = InlineWorkers(), EvaluationOptions(judges=("pca",), false_match_rate=0.05)
    monkeypatch.setattr("anonbase.dask_workers.connected", workers.connected)
    monkeypatch.setattr("anonfaces.evaluate.distributed._AT_ONCE", 5)
    both, e = place / "both.h5", tmp_path / "e"
    alone, spread = (
        evaluate(both, originals=both, output=e, options=asked, scheduler=scheduler)
        for scheduler in (None, "local")
    )
    assert alone.document == spread.document
    assert len(workers.done) >= 5


def test_workers_encode_photographs_beside_the_output(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workers, both = InlineWorkers(), FaceSet.read(place / "both.h5")
    monkeypatch.setattr("encoders.run.pipeline.connected", workers.connected)
    with ExitStack() as stack:
        by = RemoteEncoding(scheduler="local", place=tmp_path, stack=stack)
        faces = read_faces(place / "photos" / "zq00", by)
        assert np.array_equal(faces.embedding, both.embedding[:2])
        assert np.array_equal(faces.chips(), both.chips()[:2])
        assert len(list(tmp_path.iterdir())) == len(workers.done) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_judged_is_refused_and_nothing_is_written(
    place: Path, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match="--faces names"):
        evaluate(place / "condensed", output=tmp_path / "e")
    with pytest.raises(InputError):
        evaluate(tmp_path, output=tmp_path / "e")
    with pytest.raises(InputError, match="wants a folder"):
        evaluate(place / "photos", originals=place / "photos")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file"):
        evaluate(place / "condensed", faces=place / "faces.h5", output=tmp_path / "file")
    with pytest.raises(InputError, match="everybody there"):
        evaluate(
            place / "condensed", faces=place / "faces.h5", strangers=place / "others.h5",
            output=tmp_path / "e",
        )  # fmt: skip
    few = FaceSet.read(place / "faces.h5").select([0, 1, 2]).write(tmp_path / "few.h5")
    with pytest.raises(InputError, match="are in the groups"):
        evaluate(place / "condensed", faces=few.path, output=tmp_path / "e")
    assert not (tmp_path / "e").exists()
