"""Every layout of checkpoint gives back the same pictures, and damaged ones a clear error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import writers
from keras import ops
from test_networks import small

import stylegan
from anonbase.errors import WeightsError
from stylegan import checkpoint
from stylegan.checkpoint import Checkpoint
from stylegan.generator import Generator
from stylegan.networks.config import DiscriminatorConfig, GeneratorConfig
from stylegan.networks.discriminator import Discriminator, discriminator_specs
from stylegan.networks.parameters import initial

IMAGES = np.random.default_rng(0).standard_normal((4, 16, 16, 3), "float32")


def judge(classes: int = 0) -> Discriminator:
    config = DiscriminatorConfig(channels=(8, 6, 4), classes=classes)
    values = initial(discriminator_specs(config), np.random.default_rng(4))
    for name, value in values.items():
        if name.endswith("bias"):
            values[name] = value + np.float32(0.1)
    return Discriminator(config, values)


def _tensorflow(variables: Callable[[writers.Arrays], object]) -> Callable[..., bytes]:
    def write(generator: Generator, discriminator: Discriminator) -> bytes:
        groups = variables(generator.values())
        scores = writers.discriminator_variables(discriminator.values())
        return writers.tensorflow_pickle(*groups, scores)  # type: ignore[misc]

    return write


def _ada(generator: Generator, discriminator: Discriminator) -> bytes:
    return writers.ada_pickle(generator.values(), discriminator.values())


def _rosinality(generator: Generator, discriminator: Discriminator) -> bytes:
    values = generator.values()
    return writers.rosinality_file(
        values["mapping.w_avg"][None],
        g_ema=writers.rosinality_names(values),
        d=writers.rosinality_discriminator(discriminator.values()),
    )


LAYOUTS = [
    ("stylegan2", "network.pkl", _tensorflow(writers.stylegan2_variables)),
    ("stylegan", "network.pkl", _tensorflow(writers.stylegan_variables)),
    ("stylegan2", "snapshot.pkl", _ada),
    ("stylegan2", "550000.pt", _rosinality),
]


@pytest.mark.parametrize(("architecture", "name", "write"), LAYOUTS)
def test_what_others_wrote_makes_the_same_pictures(
    architecture: str,
    name: str,
    write: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    generator, discriminator = small(architecture), judge()
    path = tmp_path / name
    path.write_bytes(write(generator, discriminator))
    again = stylegan.load(path)
    assert again.config == generator.config
    z = generator.latents([1, 2])
    for psi in (1.0, 0.5):
        w = generator.map(z, psi=psi)
        np.testing.assert_allclose(again.map(z, psi=psi), w, atol=1e-5)
        for noise in ("const", "none"):
            expected = generator.synthesize(w, noise)  # type: ignore[arg-type]
            found = again.synthesize(w, noise)  # type: ignore[arg-type]
            np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)
    if architecture == "stylegan2":
        score = stylegan.load_discriminator(path)(IMAGES)
        expected = ops.convert_to_numpy(discriminator(IMAGES))
        np.testing.assert_allclose(ops.convert_to_numpy(score), expected, atol=1e-5)
    assert [entry.name for entry in tmp_path.iterdir()] == [name], "the source inside was run"


def test_labels_and_the_bound_on_activations_survive(tmp_path: Path) -> None:
    generator, discriminator = small(classes=3), judge(classes=3)
    path = tmp_path / "cond.pkl"
    path.write_bytes(writers.ada_pickle(generator.values(), discriminator.values(), clamp=256.0))
    found = checkpoint.read(path)
    assert (found.generator.classes, found.generator.clamp) == (3, 256.0)
    assert found.discriminator is not None
    assert (found.discriminator.classes, found.discriminator.clamp) == (3, 256.0)
    z = generator.latents([5, 5])
    np.testing.assert_allclose(
        stylegan.load(path).map(z, [0, 2]), generator.map(z, [0, 2]), atol=1e-5
    )


@pytest.mark.parametrize("architecture", ["stylegan", "stylegan2"])
@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_our_own_layout(architecture: str, dtype: str, tmp_path: Path) -> None:
    generator, discriminator = small(architecture), judge()
    found = Checkpoint(
        generator=generator.config,
        generator_values=generator.values(),
        discriminator=discriminator.config,
        discriminator_values=discriminator.values(),
    )
    checkpoint.write(found, tmp_path / "out", dtype)
    again = stylegan.load(tmp_path / "out")
    assert again.config == generator.config
    for name, value in generator.values().items():
        np.testing.assert_array_equal(again.values()[name], value.astype(dtype), err_msg=name)
    scores = stylegan.load_discriminator(tmp_path / "out").values()
    assert scores.keys() == discriminator.values().keys()


def test_our_own_layout_is_the_same_bytes_twice(tmp_path: Path) -> None:
    generator = small()
    for name in ("a", "b"):
        checkpoint.write(
            Checkpoint(generator=generator.config, generator_values=generator.values()),
            tmp_path / name,
        )
    for file in ("generator.h5", "generator.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_the_projects_npz(tmp_path: Path) -> None:
    generator, discriminator = small(), judge()
    arrays = {f"G/{k}": v for k, v in writers.official(generator.values()).items()}
    arrays |= {f"D/{k}": v for k, v in writers.official(discriminator.values()).items()}
    np.savez(tmp_path / "both.npz", **arrays)
    w = generator.map(generator.latents([1]))
    images = stylegan.load(tmp_path / "both.npz").synthesize(w)
    np.testing.assert_allclose(images, generator.synthesize(w), atol=1e-5)
    assert checkpoint.read(tmp_path / "both.npz").discriminator == discriminator.config


def test_the_generator_that_ships_makes_pictures() -> None:
    generator = stylegan.load()
    assert generator.config.resolution == 64
    pictures = generator.pictures(generator.map(generator.latents(range(4)), psi=0.7))
    assert pictures.shape == (4, 64, 64, 3)
    assert pictures.std(axis=(1, 2, 3)).min() > 20, "flat pictures"
    assert np.abs(pictures[0].astype(int) - pictures[1]).mean() > 5, "all the same"


def _folder(path: Path) -> Path:
    generator = small()
    checkpoint.write(
        Checkpoint(generator=generator.config, generator_values=generator.values()), path
    )
    return path


def _without(folder: Path, name: str = "synthesis.b8.conv0.weight") -> None:
    with h5py.File(folder / "generator.h5", "a") as file:
        del file[name]


def _instead(value: object, **options: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        _without(folder)
        with h5py.File(folder / "generator.h5", "a") as file:
            file.create_dataset("synthesis.b8.conv0.weight", data=value, **options)

    return change


def _linked(folder: Path) -> None:
    _without(folder)
    with h5py.File(folder / "generator.h5", "a") as file:
        file["synthesis.b8.conv0.weight"] = h5py.ExternalLink("/etc/passwd", "/x")


def _huge(folder: Path) -> None:
    _without(folder)
    with h5py.File(folder / "generator.h5", "a") as file:
        file.create_dataset("synthesis.b8.conv0.weight", (1 << 40,), "f4", chunks=(1024,))


def _config(text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / "generator.json").write_text(text)

    return change


def _cut(folder: Path) -> None:
    file = folder / "generator.h5"
    file.write_bytes(file.read_bytes()[:500])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_without, "lacks synthesis.b8.conv0.weight"),
        (_instead(np.zeros((2, 2), "f4")), "expected"),
        (_instead(np.full((3, 3, 8, 8), np.inf, "f4")), "not finite"),
        (_instead(np.zeros((3, 3, 8, 8), "i4")), "floating-point"),
        (_instead("text"), "floating-point"),
        (_linked, "link"),
        (_huge, "unpacks to more"),
        (_cut, "truncated"),
        (_config("{"), "not a network's config"),
        (_config("[" * 100_000), "config"),
        (_config("{}" + " " * (1 << 17)), "larger than a config"),
        (_config('{"channels": [8, 8, 99]}'), "lacks mapping.fc3"),
    ],
)
def test_a_damaged_folder_is_refused(
    damage: Callable[[Path], None], message: str, tmp_path: Path
) -> None:
    folder = _folder(tmp_path / "out")
    damage(folder)
    with pytest.raises(WeightsError, match=message):
        stylegan.load(folder)


@pytest.mark.parametrize("name", ["none.pkl", "none.pt", "none.npz", "none"])
def test_a_missing_file_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=name):
        stylegan.load(tmp_path / name)


def test_an_npz_of_objects_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", **{"G/a": np.array([{}], object)})
    with pytest.raises(WeightsError, match=r"x\.npz"):
        stylegan.load(tmp_path / "x.npz")


def test_a_config_of_another_size_than_the_numbers_is_refused(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "out")
    other = GeneratorConfig(
        architecture="stylegan2", channels=(8, 8), z_dim=12, w_dim=10, mapping_layers=3
    )
    (folder / "generator.json").write_text(other.to_json())
    with pytest.raises(WeightsError, match="which the network does not have"):
        stylegan.load(folder)
