"""Stage two: every loss reaches the encoder; commands take pictures and draw faces of nobody."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support import run_command

import anonfaces
from anonbase.errors import InputError
from anonfaces.optics.camera import Camera, CameraConfig
from anonfaces.optics.face_encoder import build_face_encoder, generator
from anonfaces.optics.heatmaps import build_heatmap_network
from anonfaces.optics.names import OutputNames
from anonfaces.optics.store import save_camera, save_network
from encoders import weights_file


@pytest.fixture(scope="module")
def photographs(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    for person in ("person_000", "person_001"):
        first = sorted((sample / person).iterdir())[0]
        (folder / f"{person}{first.suffix}").write_bytes(first.read_bytes())
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that learned nothing: the first numbers of each network."""
    folder = tmp_path_factory.mktemp("run")
    about = {"size": 64, "width": 8}
    save_camera(folder, Camera(coefficients=np.random.default_rng(0).normal(0, 0.2, 42)))
    for name in ("reader", "sharp"):
        save_network(folder, name, build_heatmap_network(64, 8), **about)
    drawer = generator()
    encoder = build_face_encoder(64, 8, drawer.num_ws, drawer.config.w_dim)
    mean = np.random.default_rng(0).uniform(0.3, 0.7, (68, 2)).round(3).tolist()
    digest = weights_file.digest(drawer)
    save_network(folder, "faces", encoder, **about, mean_landmarks=mean, generator=digest)
    return folder


def test_every_loss_has_a_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The released code computes its heat-map and perceptual losses where none passes."""
    import keras
    import tensorflow as tf

    from anonfaces.optics.stage_two import StageTwoWeights, _Learner

    keras.utils.set_random_seed(0)
    camera = Camera(CameraConfig(zernikes=10))
    readers = (build_heatmap_network(64, 8), build_heatmap_network(64, 8))
    network = build_face_encoder(64, 8, generator().num_ws, generator().config.w_dim)
    network.layers[-2].set_weights(  # the steps begin at 0, where diversity has no slope
        [np.random.default_rng(0).normal(0, 0.02, w.shape) for w in network.layers[-2].weights]
    )
    learner = _Learner(camera, readers, network, StageTwoWeights(), 10)
    learner.compile(keras.optimizers.Adam())
    rng = np.random.default_rng(0)
    cut = np.repeat(np.eye(64, dtype=np.float32), 3, axis=0)[21:171][None]
    x: dict[str, Any] = {
        "image": rng.random((1, 64, 64, 3)).astype(np.float32),
        "style": rng.normal(size=(2, 256)).astype(np.float32),
        "rows": cut,
        "columns": cut,
    }
    for name in ("heatmap", "style", "fine", "cycle", "diversity", "prior"):
        others = ("heatmap", "style", "fine", "cycle", "diversity", "prior")
        alone = StageTwoWeights(**{n: float(n == name) for n in others})
        monkeypatch.setattr(learner, "_weights", alone)
        with tf.GradientTape() as tape:
            loss = learner.compute_loss(x=x, y_pred=learner(x))
        found = tape.gradient(loss, network.trainable_variables)
        assert max(float(tf.reduce_max(tf.abs(g))) for g in found if g is not None) > 0, name


def test_corrected_faces_have_their_landmarks_nearer_to_the_wanted() -> None:
    from anonfaces.optics.correction import LandmarkCorrector
    from anonfaces.optics.face_encoder import drawn_faces
    from anonfaces.optics.per_camera import read_landmarks
    from anonfaces.optics.store import load_reader

    reader = load_reader(None, "sharp")
    shape = (3, generator().num_ws, generator().config.w_dim)
    latents, others = np.random.default_rng(0).normal(0, 0.5, (2, *shape)).astype(np.float32)
    goal = read_landmarks(reader, np.asarray(drawn_faces(others, 64)))
    correct = LandmarkCorrector(reader, 64)

    def off(at: np.ndarray) -> np.ndarray:
        found = read_landmarks(reader, np.asarray(drawn_faces(at, 64)))
        return np.linalg.norm(found - goal, axis=-1).mean(axis=1)

    assert (off(correct(latents, goal, 6)) < 0.8 * off(latents)).all()
    assert np.array_equal(correct(latents, goal, 0), latents)
    with pytest.raises(InputError, match="steps -1"):
        correct(latents, goal, -1)


def test_simulate_keeps_what_is_there_and_says_what_it_is_not(
    photographs: Path, run: Path, tmp_path: Path
) -> None:
    words = ("simulate", photographs, "-o", "private", "--camera", run, "--seed", 0)
    first = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert first.code == 0, first.err
    assert "PrivacyWarning" in first.err
    pictures = sorted((tmp_path / "private").iterdir())
    assert len(pictures) == 2
    before = [picture.read_bytes() for picture in pictures]
    second = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert "2 of them there before" in second.out
    third = run_command("anonfaces.optics", *words, "--overwrite", cwd=tmp_path)
    assert third.code == 0
    assert [picture.read_bytes() for picture in pictures] == before  # the seed's noise
    other = run_command("anonfaces.optics", *words, "--seed", "7", cwd=tmp_path)
    assert other.code == 2
    assert "with other options, and may be sharp" in other.err
    assert [picture.read_bytes() for picture in pictures] == before
    pictures[0].unlink()  # what was made first is not what is looked at
    pictures[1].write_bytes(b"no picture")
    broken = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert broken.code == 2
    assert f"{pictures[1].name} was made by another camera" in broken.err


@pytest.fixture
def people(sample: Path, tmp_path: Path) -> Path:
    """A folder a person, as photographs mostly come; the names are nobody's."""
    for number, name in enumerate(("Ada_Quill", "Bea_Quill", "Cyd_Quill", "Dot_Quill")):
        folder = tmp_path / "people" / name
        folder.mkdir(parents=True)
        first = sorted((sample / f"person_00{number}").iterdir())[0]
        (folder / f"{name}_1{first.suffix}").write_bytes(first.read_bytes())
    return tmp_path / "people"


def test_names_of_people_stay_with_a_warning_and_go_with_rename(
    people: Path, run: Path, tmp_path: Path
) -> None:
    words = ("simulate", "people", "--camera", run, "--seed", 0)
    named = run_command("anonfaces.optics", *words, "-o", "named", cwd=tmp_path)
    assert "--rename" in named.err
    for folder in ("one", "two"):
        done = run_command("anonfaces.optics", *words, "-o", folder, "--rename", cwd=tmp_path)
        assert (done.code, "--rename" in done.err) == (0, False), done.err
    numbers = [f"{number:04d}.png" for number in range(4)]
    for number in numbers:
        first, again = ((tmp_path / folder / number).read_bytes() for folder in ("one", "two"))
        assert first == again
    assert sorted(path.name for path in (tmp_path / "one").rglob("*")) == numbers
    record = tmp_path / "one.names.json"
    assert record.stat().st_mode & 0o077 == 0
    pictures = json.loads(record.read_text())["pictures"]
    assert {one["input"].split("/")[0] for one in pictures} == {p.name for p in people.iterdir()}
    words = ("deidentify", "one", "-o", "out", "--networks", run, "--corrections", 0)
    faces = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert (faces.code, "PrivacyWarning" in faces.err) == (0, False), faces.err


def test_the_order_of_numbers_takes_all_files_and_no_name(people: Path, tmp_path: Path) -> None:
    def order(seed: int) -> list[str]:
        names = OutputNames(people, tmp_path / "out", rename=True, seed=seed)
        return [names[path] for path in names.inputs.photographs]

    before = [order(seed) for seed in range(12)]
    assert len(set(map(tuple, before))) > 6
    for person in sorted(people.iterdir()):
        person.rename(people / f"x{person.name}")
    assert [order(seed) for seed in range(12)] == before
    one = next(people.rglob("xAda*/*"))
    one.write_bytes(one.read_bytes() + b"\0")
    assert [order(seed) for seed in range(12)] != before


def test_numbers_are_not_mixed_with_other_pictures(people: Path, run: Path, tmp_path: Path) -> None:
    words = ("simulate", "people", "-o", "out", "--camera", run, "--rename")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "Ada_Quill.png").write_bytes(b"")
    assert run_command("anonfaces.optics", *words, cwd=tmp_path).code == 2
    (tmp_path / "out" / "Ada_Quill.png").unlink()
    assert run_command("anonfaces.optics", *words, cwd=tmp_path).code == 0
    other = run_command("anonfaces.optics", *words, "--seed", 1, cwd=tmp_path)
    assert (other.code, "other names" in other.err) == (2, True)
    again = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert "4 of them there before" in again.out


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (("simulate", "--camera"), True, "none of its photographs can be read"),
        (("simulate", "--align", "--camera"), False, "no picture shows a face"),
        (("deidentify", "--networks"), True, "none of its photographs can be read"),
    ],
)
def test_no_picture_is_a_mistake_and_leaves_nothing(
    words: tuple[str, ...], text: bool, message: str, run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.new("RGB", (64, 64), "gray").save(folder / "gray.png")
    if text:
        (folder / "gray.png").write_text("a text")
    words = (*words, run, folder, "-o", "out", "--rename")
    done = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert (done.code, message in done.err) == (2, True)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_wrong_path_leaves_nothing_and_the_engine_says_nothing(tmp_path: Path) -> None:
    words = ("simulate", "nowhere", "-o", "out", "--baseline", "box:9")
    done = subprocess.run(
        [sys.executable, "-m", "anonfaces.optics", *words],
        capture_output=True, text=True, check=False, cwd=tmp_path,
        env={k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
        | {"PYTHONPATH": str(Path(anonfaces.__file__).parent.parent)},
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == "error: nowhere: there is no such file or folder\n"
    assert list(tmp_path.iterdir()) == []


def test_deidentify_draws_faces_of_references_and_of_nobody(
    photographs: Path, run: Path, tmp_path: Path
) -> None:
    styles = ("--reference", photographs, "--every", "--strip")
    words = ("deidentify", photographs, "-o", "out", "--networks", run, *styles)
    done = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    pictures = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert len(pictures) == 6  # two pictures, in two styles and a strip each
    with Image.open(tmp_path / "out" / pictures[0]) as picture:
        assert picture.size == (64, 64)
    with Image.open(tmp_path / "out" / pictures[2]) as strip:
        assert strip.size == (512, 64)


def test_faces_that_are_there_are_not_replaced_and_option_sets_do_not_mix(
    photographs: Path, run: Path, tmp_path: Path
) -> None:
    words = ("deidentify", photographs, "-o", "out", "--networks", run, "--corrections", 0)
    out = tmp_path / "out"

    def contents() -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in out.iterdir()}

    every = ("--every", "--seeds", 2)
    assert run_command("anonfaces.optics", *words, *every, cwd=tmp_path).code == 0
    before = contents()
    again = run_command("anonfaces.optics", *words, "--seed", 9, cwd=tmp_path)
    assert (again.code, "--overwrite replaces" in again.err, contents()) == (2, True, before)
    done = run_command("anonfaces.optics", *words, "--seed", 9, "--overwrite", cwd=tmp_path)
    assert done.code == 0, done.err
    assert len(contents()) == 2  # none of those in each style is left
    (out / "foreign.png").write_bytes(b"another's")
    foreign = run_command("anonfaces.optics", *words, "--overwrite", cwd=tmp_path)
    assert (foreign.code, "holds foreign.png, which was not drawn" in foreign.err) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_drawing_goes_on_after_ctrl_c_with_the_same_options_alone(
    photographs: Path, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonfaces.optics import deidentify as module

    words = ("deidentify", photographs, "-o", "out", "--networks", run, "--corrections", 0)
    save, drawn = module.save_picture, list[str]()

    def counted(folder: Path, name: str, image: Any) -> Path:
        drawn.append(name)
        return save(folder, name, image)

    def stopped(folder: Path, name: str, image: Any) -> Path:
        if drawn:
            raise KeyboardInterrupt
        return counted(folder, name, image)

    for others in ((), ("--bare",)):
        drawn.clear()
        monkeypatch.setattr(module, "save_picture", stopped)
        halted = run_command("anonfaces.optics", *words, cwd=tmp_path)
        assert (halted.code, "finished work is kept" in halted.err) == (130, True)
        assert not (tmp_path / "out").exists()
        monkeypatch.setattr(module, "save_picture", counted)
        done = run_command("anonfaces.optics", *words, *others, cwd=tmp_path)
        assert done.code == 0, done.err
        assert len(drawn) == (3 if others else 2)  # other options draw both anew
        assert [path.name for path in tmp_path.iterdir()] == ["out"]
        shutil.rmtree(tmp_path / "out")


def test_sharp_photographs_and_references_of_people_are_warned_of(
    photographs: Path, run: Path, tmp_path: Path
) -> None:
    words = ("deidentify", "--networks", run, "--corrections", 0)
    private = run_command("anonfaces.optics", "simulate", photographs, "-o", "in", cwd=tmp_path)
    assert private.code == 0, private.err
    masked = run_command("anonfaces.optics", *words, "in", "-o", "one", cwd=tmp_path)
    assert (masked.code, "sharp photographs" in masked.err) == (0, False), masked.err
    assert "references" not in masked.err
    styles = ("--reference", photographs)
    sharp = run_command("anonfaces.optics", *words, photographs, "-o", "two", *styles, cwd=tmp_path)
    assert sharp.code == 0, sharp.err
    assert "2 pictures with detail that the mask does not let through" in sharp.err
    assert "person_000" in sharp.err.split("private pictures only")[1]
    assert "they must be people who do not exist, or who agree" in sharp.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("simulate", "nowhere", "-o", "out", "--baseline", "box:9"), "no such file"),
        (("simulate", ".", "-o", "../out", "--baseline", "fog:1"), "no baseline"),
        (("deidentify", "nowhere", "-o", "out", "--networks", "none"), "missing"),
        (("train", "nowhere.h5", "-o", "run"), "there is no such file"),
        (("train", "../in", "-o", "run"), "expected a FaceSet"),
        (("report", "run", "nowhere.h5"), "there is no such file"),
    ],
)
def test_mistakes_are_told(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    done = run_command("anonfaces.optics", *words, cwd=tmp_path / "in")
    assert done.code == 2
    assert message in done.err
