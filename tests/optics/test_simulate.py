"""Private pictures: their noise, what is kept, what is left out, and what is not called private."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import run_command

from anonbase.errors import OutputError, UtilityWarning
from anonfaces.optics.baselines import baseline
from anonfaces.optics.camera import Camera, CameraConfig
from anonfaces.optics.pictures import pictures_in, squared
from anonfaces.optics.sharpness import detail, most_detail, passes_detail
from anonfaces.optics.simulate import Simulated, simulate
from anonfaces.optics.store import load_camera

pytestmark = pytest.mark.filterwarnings("ignore::anonbase.errors.PrivacyWarning")


@pytest.fixture(scope="module")
def mask() -> Camera:
    return load_camera()


@pytest.fixture
def photographs(sample: Path, tmp_path: Path) -> Path:
    """Five photographs under names that sort as they are numbered."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for number in range(5):
        first = sorted((sample / f"person_00{number}").iterdir())[0]
        (folder / f"{number}{first.suffix}").write_bytes(first.read_bytes())
    return folder


def take(source: Path, camera: Camera, seed: int | None = None) -> list[Simulated]:
    return list(simulate(source, source.parent / "private", camera, seed=seed))


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(float)


@pytest.mark.parametrize("spec", ["none", "defocus:0", "low:64", "box:3"])
def test_pictures_without_a_mask_are_called_sharp_and_never_private(
    spec: str, photographs: Path, tmp_path: Path
) -> None:
    words = ("simulate", photographs, "-o", "out", "--baseline", spec)
    done = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    assert f"5 pictures through the baseline '{spec}', without a mask" in done.out
    assert "private" not in done.out
    assert "PrivacyWarning: this camera lets fine detail through" in done.err
    assert "sharp, not private" in done.err
    assert "changes a copy alone" not in done.err  # docs/optics.md says which of both is told


def test_a_camera_passes_detail_or_not(mask: Camera) -> None:
    assert not passes_detail(mask)
    assert passes_detail(Camera(CameraConfig(zernikes=6)))  # a mask that has not learned
    assert [passes_detail(baseline("box", side)) for side in (1, 3, 9, 21)] == [
        True, True, False, False,
    ]  # fmt: skip


@pytest.mark.parametrize("electrons", [150, 10_000])
def test_photographs_look_sharp_and_a_masks_pictures_do_not(
    electrons: float, mask: Camera, sample: Path
) -> None:
    sensor = replace(mask.sensor, full_well=electrons, read_noise=12 / electrons)
    camera = Camera(mask.config, mask.lens, sensor, mask.coefficients)
    frames = np.stack([squared(image, 64) for _, image in pictures_in(sample)])
    most = most_detail(camera)
    assert min(map(detail, frames)) > most
    assert max(map(detail, np.asarray(camera.take(frames, camera.psf())))) < most


def test_noise_is_a_secret_of_the_run_unless_a_seed_is_given(
    photographs: Path, mask: Camera
) -> None:
    def shots(seed: int | None) -> list[np.ndarray]:
        made = simulate(photographs, photographs.parent / "out", mask, seed=seed, overwrite=True)
        return [pixels(one.path) for one in made]

    known, again, other = shots(3), shots(3), shots(4)
    secret, anew = shots(None), shots(None)
    assert all(map(np.array_equal, known, again))
    for one, two in ((known, other), (secret, anew), (known, secret)):
        off = [a - b for a, b in zip(one, two, strict=True)]
        assert min(np.abs(each).mean() for each in off) > 5  # no noise is another's
    noise = [a - b for a, b in zip(secret, anew, strict=True)]
    assert abs(np.corrcoef(noise[0].ravel(), noise[1].ravel())[0, 1]) < 0.05


def test_noise_has_64_bits(mask: Camera) -> None:
    gray = np.full((1, 64, 64, 3), 0.5, np.float32)

    def shot(seed: int) -> np.ndarray:
        mask.reseed(seed)
        return np.asarray(mask.take(gray, mask.psf()))

    assert np.array_equal(shot(2**40 + 1), shot(2**40 + 1))
    assert np.abs(shot(2**40 + 1) - shot(1)).mean() > 0.01


def test_a_run_with_secret_noise_goes_on(photographs: Path, mask: Camera) -> None:
    first = take(photographs, mask)
    before = [one.path.read_bytes() for one in first]
    first[1].path.unlink()
    assert [one.kept for one in take(photographs, mask)] == [True, False, True, True, True]
    after = [one.path.read_bytes() for one in first]
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True, True]


@pytest.mark.parametrize("place", [0, 3, 4])
@pytest.mark.parametrize("seed", [None, 1])
def test_one_that_another_camera_made_is_seen_first_in_the_middle_and_last(
    place: int, seed: int | None, photographs: Path, mask: Camera
) -> None:
    made = take(photographs, mask, seed)
    dim = baseline("none", config=mask.config, sensor=mask.sensor)
    made[1].path.unlink()
    frame = squared(np.asarray(Image.open(sorted(photographs.iterdir())[place])), 64)
    sharp = np.asarray(dim.take(frame[None], dim.psf()))[0]
    Image.fromarray(np.rint(sharp * 255).astype(np.uint8)).save(made[place].path)
    with pytest.raises(OutputError, match=f"{made[place].name} was made by another camera"):
        take(photographs, mask, seed)
    assert not made[1].path.exists()  # nothing is written beside what another camera made


@pytest.fixture
def groups(sample: Path, tmp_path: Path) -> Path:
    """Four photographs of three people each."""
    people = [sorted((sample / f"person_00{n}").iterdir())[0] for n in range(3)]
    faces = [np.asarray(Image.open(path).convert("RGB").resize((256, 256))) for path in people]
    (tmp_path / "in").mkdir()
    for name in "abcd":
        Image.fromarray(np.concatenate(faces, axis=1)).save(tmp_path / "in" / f"{name}.png")
    return tmp_path / "in"


def test_faces_that_a_frame_leaves_out_are_told(groups: Path, sample: Path, tmp_path: Path) -> None:
    first = sorted((sample / "person_004").iterdir())[0]
    (groups / f"one{first.suffix}").write_bytes(first.read_bytes())
    words = ("simulate", "in", "-o", "out", "--align")
    done = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert done.code == 0, done.err
    assert "8 faces beside the main one in 4 pictures are on no picture" in done.err
    assert "now: a.png, b.png, c.png, …\n" in done.err


def test_faces_left_out_before_a_stop_are_told(groups: Path, mask: Camera, tmp_path: Path) -> None:
    made = simulate(groups, tmp_path / "out", mask, align=True)
    next(made)
    with pytest.warns(UtilityWarning, match=r"2 faces beside the main one in 1 picture .*: a\.png"):
        made.close()


def test_ctrl_c_says_that_pictures_are_kept(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anonfaces.optics import simulate as module

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    words = ("simulate", photographs, "-o", "out")
    with monkeypatch.context() as patch:
        patch.setattr(module, "save_picture", stop)
        nothing = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert (nothing.code, "no work was finished" in nothing.err) == (130, True)
    assert run_command("anonfaces.optics", *words, cwd=tmp_path).code == 0
    with monkeypatch.context() as patch:
        patch.setattr(module, "pictures_in", stop)
        stopped = run_command("anonfaces.optics", *words, cwd=tmp_path)
    assert (stopped.code, "finished work is kept" in stopped.err) == (130, True)
