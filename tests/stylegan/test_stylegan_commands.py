"""``python -m stylegan.generate`` and ``stylegan.convert`` as typed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import writers
from PIL import Image
from support import run_command
from test_networks import small
from typer.testing import CliRunner

import stylegan
from anonbase.errors import InputError, OutputError, WeightsError
from anonbase.files import sha256
from stylegan import convert, generate
from stylegan.checkpoint import known
from stylegan.generate import as_grid, parse_seeds


def run(app: object, *words: object) -> str:
    done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)  # type: ignore[arg-type]
    assert done.exit_code == 0, done.output
    return done.output


def test_one_picture_a_seed_and_a_grid(tmp_path: Path) -> None:
    words = ("--seeds", "3,8-10", "--grid", tmp_path / "grid.png", "--batch", 3)
    run(generate.app, *words, "-o", tmp_path / "a")
    files = sorted((tmp_path / "a").iterdir())
    assert [file.name for file in files] == [f"seed{i:04d}.png" for i in (3, 8, 9, 10)]
    first = np.asarray(Image.open(files[0]))
    side = stylegan.load().config.resolution
    assert first.shape == (side, side, 3)
    grid = np.asarray(Image.open(tmp_path / "grid.png"))
    assert grid.shape == (2 * side, 2 * side, 3)
    assert (grid[:side, :side] == first).all()
    run(generate.app, "--seeds", "9", "--batch", 3, "-o", tmp_path / "b")
    again = (tmp_path / "b" / "seed0009.png").read_bytes()
    assert again == (tmp_path / "a" / "seed0009.png").read_bytes()


def test_pictures_that_are_there_are_kept_unless_it_is_asked(tmp_path: Path) -> None:
    folder, grid = tmp_path / "a", tmp_path / "grid.png"
    folder.mkdir()
    for path in (folder / "seed0001.png", folder / "film.mp4", grid):
        path.write_text("mine")
    for words in (
        ("--seeds", "0-1"),
        ("--interpolate", "0-1"),
        ("--seeds", "2", "--grid", grid),
    ):
        with pytest.raises(OutputError, match="--overwrite"):
            run(generate.app, *words, "-o", folder)
    assert sorted(path.name for path in folder.iterdir()) == ["film.mp4", "seed0001.png"]
    assert {p.read_text() for p in (*folder.iterdir(), grid)} == {"mine"}
    run(generate.app, "--seeds", "1", "--overwrite", "-o", folder)
    with Image.open(folder / "seed0001.png") as picture:
        assert picture.format == "PNG"


def test_larger_files_show_the_same_picture(tmp_path: Path) -> None:
    run(generate.app, "--seeds", "3", "-o", tmp_path / "a")
    message = run(generate.app, "--seeds", "3", "--size", 256, "-o", tmp_path / "b")
    small, large = (Image.open(tmp_path / f / "seed0003.png") for f in "ab")
    side = small.size[0]
    assert (large.size, f"drawn at {side} px" in message) == ((256, 256), True)
    means = np.asarray(large, float).reshape(side, 256 // side, side, -1, 3).mean(axis=(1, 3))
    assert np.abs(means - np.asarray(small, float)).mean() < 1


def test_a_checkpoint_of_others_with_classes(tmp_path: Path) -> None:
    (tmp_path / "net.pkl").write_bytes(writers.ada_pickle(small(classes=2).values()))
    words = ("--seeds", "1", "--generator", tmp_path / "net.pkl", "-o", tmp_path / "out")
    run(generate.app, *words, "--class", 1, "--noise-mode", "none", "--psi", 1)
    with Image.open(tmp_path / "out" / "seed0001.png") as picture:
        assert picture.size == (16, 16)
    with pytest.raises(InputError, match="2 classes"):
        run(generate.app, *words, "--overwrite")


def test_convert_keeps_the_pictures_and_says_what_it_read(tmp_path: Path) -> None:
    path = tmp_path / "net.pkl"
    path.write_bytes(writers.ada_pickle(small().values()))
    message = run(convert.app, path, tmp_path / "out")
    assert "stylegan2, 16 px, z 12, w 10" in message
    assert sha256(path) in message
    assert "not a known file" in message
    w = small().map(small().latents([1]))
    images = stylegan.load(tmp_path / "out").synthesize(w)
    np.testing.assert_allclose(images, small().synthesize(w), atol=1e-5)


def test_convert_leaves_nothing_of_a_bad_file(tmp_path: Path) -> None:
    (tmp_path / "net.pkl").write_bytes(b"no pickle")
    with pytest.raises(WeightsError):
        run(convert.app, tmp_path / "net.pkl", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_output_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        run(generate.app, "--seeds", "1", "-o", tmp_path / "file" / "out")


def test_published_files_are_named_with_their_terms() -> None:
    file = known("adf127ea7bb8a7788c8bdeda3c9937f7310b669b09ecf799ca53a631ff46948d")
    assert file is not None
    assert file.name == "stylegan2-ffhq-config-f.pkl"
    assert "non-commercial" in file.licence
    assert known("0" * 64) is None


@pytest.mark.parametrize(
    ("text", "seeds"), [("5", [5]), ("0-3", [0, 1, 2, 3]), ("7, 1-2", [7, 1, 2]), ("4-4", [4])]
)
def test_seeds(text: str, seeds: list[int]) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text",
    ["", "a", "3-", "-3", "5-2", "1,,2", "0-99999999999", "4294967296", "0-2000000", "1.5", "²"],
)
def test_seeds_that_are_none(text: str) -> None:
    with pytest.raises(InputError, match="--seeds"):
        parse_seeds(text)


def test_a_range_that_runs_backward_is_told_the_right_way() -> None:
    with pytest.raises(InputError, match=r"15-0 runs backward: 0-15\?"):
        parse_seeds("3,15-0")


@pytest.mark.parametrize("psi", ["7", "-3", "nan", "inf"])
def test_a_psi_that_draws_no_faces_is_refused(psi: str, tmp_path: Path) -> None:
    output = tmp_path / "faces"
    result = run_command("stylegan.generate", f"--psi={psi}", "-o", str(output), cwd=tmp_path)
    assert result.code == 2
    assert f"--psi {psi}: expected about 0 (the mean face) to 1 (full variety)" in result.err
    assert not output.exists()


def test_weights_without_their_config_are_told_what_is_missing(tmp_path: Path) -> None:
    weights = tmp_path / "some.h5"
    weights.write_bytes(b"weights of something")
    with pytest.raises(WeightsError, match=r"has no generator\.json beside it"):
        stylegan.load(weights)


def test_a_grid_fills_up_with_black() -> None:
    tiles = [np.full((2, 3, 3), i + 1, np.uint8) for i in range(5)]
    sheet = as_grid(tiles)
    assert sheet.shape == (4, 9, 3)
    assert (sheet[:2, 3:6] == 2).all()
    assert (sheet[2:, 6:] == 0).all()


def test_a_film_goes_from_face_to_face_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import av

    monkeypatch.setattr(generate, "_STEPS", 4)
    message = run(generate.app, "--interpolate", "3,8", "-o", tmp_path / "film")
    assert "8 pictures" in message
    with av.open(str(tmp_path / "film" / "film.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(video=0)]
    assert len(frames) == 8
    w = stylegan.load().map(stylegan.load().latents([3, 8]), psi=0.7)
    for frame, picture in zip(frames[::4], stylegan.load().pictures(w), strict=True):
        assert np.abs(frame - picture).mean() < 8
    steps = [np.abs(b - a).mean() for a, b in pairwise(frames)]
    assert max(steps) < np.abs(frames[4] - frames[0]).mean()
    with pytest.raises(InputError, match="two seeds"):
        run(generate.app, "--interpolate", "3", "-o", tmp_path / "other")


def test_a_stylegan3_is_moved_and_others_refuse(tmp_path: Path) -> None:
    from test_synthesis3 import tiny

    network = tiny("stylegan3-r")
    w = network.map(network.latents([1]))
    before = network.synthesize(w)
    network.move((0.25, 0.0), 0.0)
    moved, by = network.synthesize(w), network.config.resolution // 4
    inner = np.abs(moved[:, 4:-4, by + 4 : -4] - before[:, 4:-4, 4 : -by - 4]).mean()
    assert inner < 0.2 * np.abs(moved - before).mean()
    network.move()
    np.testing.assert_allclose(network.synthesize(w), before, atol=1e-6)
    for words in (("--rotate", 10), ("--translate", "0.1,0")):
        with pytest.raises(InputError, match="stylegan2 does not follow moves"):
            run(generate.app, "--seeds", "1", *words, "-o", tmp_path)
    with pytest.raises(InputError, match="two numbers"):
        run(generate.app, "--translate", "1", "-o", tmp_path)
