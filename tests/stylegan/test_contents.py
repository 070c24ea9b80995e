"""Files as people hold them: told by content, completed where they lack, refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_writer
import writers
from test_checkpoint import judge
from test_networks import small

import stylegan
from anonbase.errors import WeightsError, WeightsWarning
from stylegan import checkpoint
from stylegan.generator import Generator

Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def generator() -> Generator:
    return small()


@pytest.fixture(scope="module")
def theirs(generator: Generator) -> Arrays:
    return writers.rosinality_names(generator.values())


def _without(arrays: Arrays, *parts: str) -> Arrays:
    return {k: v for k, v in arrays.items() if not any(part in k for part in parts)}


def same(path: Path, generator: Generator, noise: str = "const") -> None:
    again = stylegan.load(path)
    w = generator.map(generator.latents([1, 2]))
    np.testing.assert_allclose(again.map(again.latents([1, 2])), w, atol=1e-5)
    found, wanted = again.synthesize(w, noise), generator.synthesize(w, noise)  # type: ignore[arg-type]
    np.testing.assert_allclose(found, wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", ["weights.bin", "last.ckpt", "550000.PT", "no_suffix"])
def test_a_name_tells_nothing(
    name: str, generator: Generator, theirs: Arrays, tmp_path: Path
) -> None:
    average = generator.values()["mapping.w_avg"]
    (tmp_path / name).write_bytes(writers.rosinality_file(average, g_ema=theirs))
    same(tmp_path / name, generator)


def test_nvidias_pickle_under_another_name(generator: Generator, tmp_path: Path) -> None:
    (tmp_path / "net.pt").write_bytes(writers.ada_pickle(generator.values()))
    same(tmp_path / "net.pt", generator)


def test_a_generator_alone(generator: Generator, tmp_path: Path) -> None:
    (tmp_path / "G.pkl").write_bytes(writers.generator_alone(generator.values()))
    same(tmp_path / "G.pkl", generator)


@pytest.mark.parametrize("prefix", ["", "module."])
def test_state_dicts_of_either_project(
    prefix: str, generator: Generator, theirs: Arrays, tmp_path: Path
) -> None:
    for number, arrays in enumerate((theirs, writers.official(generator.values()))):
        path = tmp_path / f"{number}.pt"
        named = {prefix + name: value for name, value in arrays.items()}
        path.write_bytes(torch_writer.state_dict(named))
        same(path, generator)


def test_without_noise_maps_others_are_drawn(
    generator: Generator, theirs: Arrays, tmp_path: Path
) -> None:
    path = tmp_path / "bare.pt"
    path.write_bytes(torch_writer.state_dict(_without(theirs, "noises.")))
    same(path, generator, "none")
    maps = [np.asarray(one) for one in stylegan.load(path).noise_maps()]
    assert len({one.tobytes() for one in maps}) == len(maps)
    assert np.concatenate([one.ravel() for one in maps]).std() == pytest.approx(1, abs=0.2)


def test_an_encoder_with_its_decoder_is_read_as_the_decoder(
    generator: Generator, theirs: Arrays, tmp_path: Path
) -> None:
    """As pSp and e4e have it; the mean of w is a row a layer there."""
    named = {f"decoder.{name}": value for name, value in theirs.items()}
    named["encoder.input_layer.0.weight"] = np.zeros((8, 3, 3, 3), np.float32)
    average = np.repeat(generator.values()["mapping.w_avg"][None], 6, axis=0)
    (tmp_path / "e4e.pt").write_bytes(writers.rosinality_file(average, state_dict=named))
    same(tmp_path / "e4e.pt", generator)
    kept = stylegan.load(tmp_path / "e4e.pt").values()["mapping.w_avg"]
    np.testing.assert_allclose(kept, average[0], atol=1e-6)


def test_the_mean_that_a_trainer_does_not_write_is_that_of_mapped_z(
    generator: Generator, theirs: Arrays, tmp_path: Path
) -> None:
    """rosinality's train.py writes none; zero in its place drew all truncated pictures wrong."""
    (tmp_path / "a.pt").write_bytes(writers.rosinality_file(None, g_ema=theirs))
    again = stylegan.load(tmp_path / "a.pt")
    w = generator.map(generator.latents(range(3000)))[:, 0]
    off = 4 * w.std(axis=0) / np.sqrt(3000)
    assert (np.abs(again.values()["mapping.w_avg"] - w.mean(axis=0)) < off + 1e-4).all()
    np.testing.assert_array_equal(
        again.values()["mapping.w_avg"], stylegan.load(tmp_path / "a.pt").values()["mapping.w_avg"]
    )


def _embedded(generator: Generator) -> bytes:
    """A conditional generator as StyleGAN2-ADA's TensorFlow version has it."""
    values = generator.values()
    plain = {k: v for k, v in values.items() if "embed" not in k}
    top, mapping, synthesis = writers.stylegan2_variables(plain)
    mapping = dict(mapping)
    for kind in ("weight", "bias"):
        mapping[f"LabelEmbed/{kind}"] = values[f"mapping.embed.{kind}"]
    return writers.tensorflow_pickle(top, mapping, synthesis, {})


def test_labels_of_tensorflow_are_read(tmp_path: Path) -> None:
    generator = small(classes=3)
    (tmp_path / "cond.pkl").write_bytes(_embedded(generator))
    again = stylegan.load(tmp_path / "cond.pkl")
    assert again.config == generator.config
    z = generator.latents([5, 6])
    np.testing.assert_allclose(again.map(z, [0, 2]), generator.map(z, [0, 2]), atol=1e-5)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("synthesis__b8__conv0__activation", "relu"),
        ("synthesis__b8__conv1__act_gain", 1.0),
        ("synthesis__b8__conv1__use_noise", False),
        ("synthesis__b8__torgb__weight_gain", 0.7),
        ("synthesis__b8__torgb__affine__weight_gain", 0.001),
        ("synthesis__b16__architecture", "orig"),
        ("mapping__fc1__weight_gain", 0.1),
        ("mapping__fc0__bias_gain", 1.0),
        ("mapping__fc0__activation", "linear"),
    ],
)
def test_what_is_built_another_way_is_refused(
    setting: str, value: Any, generator: Generator, tmp_path: Path
) -> None:
    path = tmp_path / "G.pkl"
    path.write_bytes(writers.generator_alone(generator.values(), **{setting: value}))
    with pytest.raises(
        WeightsError, match=rf"G\.pkl.*built another way: {setting.split('__')[-1]}"
    ):
        checkpoint.read(path)


def test_what_is_built_as_published_is_read(generator: Generator, tmp_path: Path) -> None:
    width = generator.config.z_dim
    settings = {
        "synthesis__b8__conv0__activation": "lrelu",
        "synthesis__b8__conv0__act_gain": float(np.sqrt(2)),
        "synthesis__b16__architecture": "skip",
        "mapping__fc0__weight_gain": 0.01 / np.sqrt(width),
        "mapping__fc0__bias_gain": 0.01,
    }
    (tmp_path / "G.pkl").write_bytes(writers.generator_alone(generator.values(), **settings))
    same(tmp_path / "G.pkl", generator)


def test_another_filter_is_refused(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taps = np.outer([1, 2, 2, 1], [1, 2, 2, 1]).astype(np.float32) / 36
    monkeypatch.setattr(writers, "TAPS", taps)
    (tmp_path / "G.pkl").write_bytes(writers.generator_alone(generator.values()))
    with pytest.raises(WeightsError, match=r"b4\.conv1\.resample_filter is not"):
        checkpoint.read(tmp_path / "G.pkl")


def test_a_discriminator_built_another_way_is_left_out_with_a_word(
    generator: Generator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official = writers.official

    def wrong(values: writers.Arrays) -> Arrays:
        made = official(values)
        filters = [name for name in made if name.endswith("filter") and name.startswith("b")]
        return {k: v * 2 if k in filters else v for k, v in made.items()}

    monkeypatch.setattr(writers, "official", wrong)
    path = tmp_path / "net.pkl"
    path.write_bytes(writers.ada_pickle(generator.values(), judge().values()))
    with pytest.warns(WeightsWarning, match=r"net\.pkl: its discriminator is left out"):
        assert checkpoint.read(path).discriminator is None


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda: torch_writer.state_dict({"GAN.S.net.0.weight": np.ones((2, 2), "f4")}), "lucidra"),
        (lambda: torch_writer.state_dict({"a": np.ones(2, "f4")}), "not those of a StyleGAN"),
    ],
)
def test_other_networks_are_refused_by_name(
    write: Callable[[], bytes], words: str, tmp_path: Path
) -> None:
    (tmp_path / "model.pt").write_bytes(write())
    with pytest.raises(WeightsError, match=rf"model\.pt.*{words}"):
        checkpoint.read(tmp_path / "model.pt")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["t", "r"])
def test_nvidias_own_code_draws_the_same_stylegan3(kind: str, shared_data: Path) -> None:
    """A tolerance of 1e-5 catches a sample of padding, a wrong filter, a cutoff off by 2 %."""
    path = shared_data / "stylegan3-reference" / f"{kind}_small.npz"
    generator = stylegan.load(path)
    with np.load(path) as held:
        theirs = {name: held[name] for name in held.files if not name.startswith("G/")}
    assert json.loads(str(theirs["settings"]))
    z = theirs["z"]
    np.testing.assert_allclose(generator.map(z), theirs["w"], atol=1e-5)
    np.testing.assert_allclose(generator.map(z, psi=0.7), theirs["w_psi07"], atol=1e-5)
    cut = generator.map(z, psi=0.7, cutoff=6)
    np.testing.assert_allclose(cut, theirs["w_psi07_cutoff6"], atol=1e-5)
    for w, image in (("w", "image"), ("w_psi07", "image_psi07")):
        wanted = theirs[image].transpose(0, 2, 3, 1)
        np.testing.assert_allclose(generator.synthesize(theirs[w]), wanted, rtol=0, atol=1e-5)
    generator.parameters["synthesis.input.transform"].assign(theirs["transform"].astype(np.float32))
    wanted = theirs["image_transformed"].transpose(0, 2, 3, 1)
    np.testing.assert_allclose(generator.synthesize(theirs["w"]), wanted, rtol=0, atol=1e-5)
