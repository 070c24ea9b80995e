"""Generators and discriminator: agreement with references, and what must hold of any weights."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from keras import ops

import stylegan
from anonbase.errors import InputError, WeightsError
from stylegan.checkpoint._layout import discriminator_from_official, from_official
from stylegan.checkpoint._tensorflow import generator_from_tensorflow
from stylegan.generator import Generator, generator_specs
from stylegan.networks.config import DiscriminatorConfig, GeneratorConfig, standard_channels
from stylegan.networks.discriminator import Discriminator, _conv
from stylegan.networks.ops import conv, upsample
from stylegan.networks.parameters import initial
from stylegan.styles import mix

BOTH = pytest.mark.parametrize("architecture", ["stylegan", "stylegan2"])


@cache
def small(architecture: str = "stylegan2", classes: int = 0, **options: object) -> Generator:
    """A generator of 16 px whose noise, biases and average w all matter; built once each."""
    config = GeneratorConfig(
        architecture=architecture,
        channels=(8, 8, 6),
        z_dim=12,
        w_dim=10,
        mapping_layers=3,
        classes=classes,
    )
    rng = np.random.default_rng(3)
    values = initial(generator_specs(config), rng)
    for name, value in values.items():
        if name.endswith(("bias", "noise_strength", "w_avg")):
            values[name] = value + rng.normal(0, 0.3, value.shape).astype("float32")
    return Generator(config, values, **options)  # type: ignore[arg-type]


def part(reference: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {k[len(prefix) :]: v for k, v in reference.items() if k.startswith(prefix)}


def nchw(images: np.ndarray) -> np.ndarray:
    return images.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("name", ["small32", "small128"])
def test_stylegan2_answers_as_the_reference_does(shared_data: Path, name: str) -> None:
    reference = dict(np.load(shared_data / "stylegan2-reference" / f"{name}.npz"))
    generator = Generator(*from_official(part(reference, "G/"), None, name))
    w = generator.map(reference["z"])
    near = generator.map(reference["z"], psi=0.7)
    np.testing.assert_allclose(w, reference["w"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(near, reference["w_psi07"], rtol=0, atol=1e-4)
    for mode in ("const", "none"):
        images = nchw(generator.synthesize(w, mode))  # type: ignore[arg-type]
        np.testing.assert_allclose(images, reference[f"img_{mode}"], rtol=0, atol=1e-4)
    judge = Discriminator(*discriminator_from_official(part(reference, "D/"), None, name))
    score = judge(reference["img_const"].transpose(0, 2, 3, 1))
    np.testing.assert_allclose(ops.convert_to_numpy(score), reference["d_score"], atol=1e-4)


def test_stylegan_answers_as_the_reference_does(shared_data: Path) -> None:
    reference = dict(np.load(shared_data / "stylegan1-reference" / "small128.npz"))
    groups = [part(reference, prefix) for prefix in ("G/", "G_mapping/", "G_synthesis/")]
    generator = Generator(*generator_from_tensorflow(*groups, "small128"))
    w = generator.map(reference["z"])
    near = generator.map(reference["z"], psi=0.7, cutoff=8)
    np.testing.assert_allclose(w, reference["w"], rtol=0, atol=1e-4)
    for w_, name in ((w, "img_const"), (near, "img_psi07_cutoff8")):
        images = nchw(generator.synthesize(w_))
        # sums in another order (threads, filled rows): 22 of 196,608 numbers were up to 1.6e-4 off
        np.testing.assert_allclose(images, reference[name], rtol=1e-5, atol=2e-4)


@BOTH
@pytest.mark.parametrize("resolution", [4, 8, 16, 32, 64, 128, 256, 512, 1024])
def test_every_resolution_has_its_shape(architecture: str, resolution: int) -> None:
    """Large ones by their graph; of these one is drawn."""
    config = GeneratorConfig(
        architecture=architecture,
        channels=standard_channels(resolution, 1024, 8),
        z_dim=8,
        w_dim=8,
        mapping_layers=2,
    )
    generator = Generator(config)
    shape = (1, resolution, resolution, 3)
    if resolution > 128 and (architecture, resolution) != ("stylegan2", 1024):
        assert shape_of_graph(generator) == shape
        return
    images = generator.synthesize(generator.map(generator.latents([1])))
    assert images.shape == shape
    assert np.isfinite(images).all()


def shape_of_graph(generator: Generator) -> tuple[int, ...]:
    tf = pytest.importorskip("tensorflow")
    w = tf.TensorSpec((1, generator.num_ws, generator.config.w_dim))
    drawn = tf.function(generator.apply, autograph=False)
    graph = drawn.get_concrete_function(w, generator.noise_maps())
    return tuple(graph.outputs[0].shape)


@pytest.mark.parametrize("resolution", [8, 64, 256])
def test_discriminator_scores_every_resolution(resolution: int) -> None:
    judge = Discriminator(DiscriminatorConfig(channels=standard_channels(resolution, 1024, 8)))
    images = np.random.default_rng(0).standard_normal((4, resolution, resolution, 3), "float32")
    assert judge(images).shape == (4, 1)


@BOTH
def test_the_same_seed_makes_the_same_picture_in_any_company(architecture: str) -> None:
    generator = small(architecture)
    w = generator.map(generator.latents([4, 5, 6]))
    for noise in ("const", "random", "none"):
        three = generator.pictures(w, noise, seed=2, batch=2)  # type: ignore[arg-type]
        again = generator.pictures(w[:1], noise, seed=2, batch=2)  # type: ignore[arg-type]
        assert (three[0] == again[0]).all()
        assert (three[1] != three[0]).any()


@BOTH
def test_noise_matters_unless_there_is_none(architecture: str) -> None:
    generator = small(architecture)
    w = generator.map(generator.latents([4]))
    const, none = generator.synthesize(w), generator.synthesize(w, "none")
    first, second = (generator.synthesize(w, "random", seed=s) for s in (1, 2))
    assert all(
        np.abs(a - b).max() > 1e-3 for a, b in [(const, none), (const, first), (first, second)]
    )


@BOTH
def test_psi_zero_gives_the_average_picture_and_one_changes_nothing(architecture: str) -> None:
    generator = small(architecture)
    z = generator.latents([7, 8])
    zero = generator.map(z, psi=0.0)
    average = generator.parameters["mapping.w_avg"].numpy()
    assert (zero == average).all()
    np.testing.assert_allclose(generator.map(z, psi=1.0), generator.map(z), atol=1e-6)
    of_average = generator.synthesize(average[None])
    np.testing.assert_allclose(generator.synthesize(zero)[1], of_average[0], atol=1e-5)


def test_truncation_stops_at_the_cutoff() -> None:
    generator = small()
    z = generator.latents([7])
    full, none, half = (generator.map(z, psi=0.5, cutoff=c) for c in (None, 0, 2))
    assert (half[:, :2] == full[:, :2]).all()
    assert (half[:, 2:] == none[:, 2:]).all()


def test_w_is_w_plus_repeated() -> None:
    generator = small()
    w = generator.map(generator.latents([1, 2]))
    np.testing.assert_array_equal(generator.synthesize(w[:, 0]), generator.synthesize(w))


def test_mixing_takes_coarse_layers_from_one_and_fine_from_the_other() -> None:
    generator = small()
    a, b = generator.map(generator.latents([1])), generator.map(generator.latents([2]))
    mixed = mix(a, b, 2)
    assert (mixed[:, :2] == a[:, :2]).all()
    assert (mixed[:, 2:] == b[:, 2:]).all()
    assert (mix(a, b, 6) == a).all()


@BOTH
def test_labels_change_the_picture(architecture: str) -> None:
    generator = small(architecture, classes=3)
    z = generator.latents([1, 1])
    w = generator.map(z, [0, 2])
    assert np.abs(w[0] - w[1]).max() > 1e-3
    np.testing.assert_array_equal(generator.of_class(2).map(z), generator.map(z, [2, 2]))
    assert generator.label is None


def test_a_lower_output_is_what_the_higher_blocks_add_to() -> None:
    values = small().values()
    for name in ("weight", "bias"):
        values[f"synthesis.b16.torgb.{name}"] *= 0
    generator = Generator(small().config, values)
    w = generator.map(generator.latents([1, 2]))
    part = generator.lower(8)
    assert (part.config.resolution, part.lower(8)) == (8, part)
    below = part.apply(ops.convert_to_tensor(w), part.noise_maps())
    np.testing.assert_allclose(
        ops.convert_to_numpy(upsample(below)), generator.synthesize(w), atol=1e-5
    )
    np.testing.assert_allclose(part.synthesize(w[:, : part.num_ws]), below, atol=1e-6)
    assert part.at_once(10**6) > generator.at_once(10**6)


def test_what_has_no_lower_output_is_whole() -> None:
    for generator, side in ((small("stylegan"), 8), (small(), 9), (small(), 99)):
        assert generator.lower(side) is generator


def test_labels_change_the_score() -> None:
    judge = Discriminator(DiscriminatorConfig(channels=(8, 8), classes=3))
    images = np.random.default_rng(0).standard_normal((1, 8, 8, 3), "float32")
    scores = [judge(images, np.eye(3, dtype="float32")[[i]]).numpy().item() for i in range(3)]
    assert len(set(scores)) == 3


@BOTH
def test_bfloat16_is_near_float32(architecture: str) -> None:
    w = small(architecture).map(small(architecture).latents(range(4)))
    exact = small(architecture).synthesize(w)
    rough = small(architecture, precision="bfloat16").synthesize(w)
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).mean() < 0.02 * np.abs(exact).mean() + 0.02


@BOTH
def test_gradients_reach_the_latents_and_every_trainable_parameter(architecture: str) -> None:
    tf = pytest.importorskip("tensorflow")
    generator = small(architecture)
    w = tf.constant(generator.map(generator.latents([1, 2])))
    learnt = {k: v for k, v in generator.parameters.items() if v.trainable and "mapping" not in k}
    with tf.GradientTape() as tape:
        tape.watch(w)
        loss = ops.mean(ops.square(generator.apply(w, generator.noise_maps())))
    slopes = tape.gradient(loss, [w, *(v.value for v in learnt.values())])
    for name, slope in zip(["w", *learnt], slopes, strict=True):
        # a map that is normalised afterwards does not feel a constant added to all of it
        assert slope is not None, name
        assert np.isfinite(slope).all(), name
    assert np.abs(slopes[0]).max() > 0


def test_a_step_along_the_slope_brings_the_picture_nearer() -> None:
    tf = pytest.importorskip("tensorflow")
    generator = small()
    target = generator.synthesize(generator.map(generator.latents([9])), "none")
    w = tf.Variable(generator.map(generator.latents([1])))
    losses = []
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = ops.mean(ops.square(generator.apply(w) - target))
        w.assign_sub(0.1 * tf.math.l2_normalize(tape.gradient(loss, w)))
        losses.append(float(loss))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: g.map(np.zeros((2, 5))), "z is"),
        (lambda g: g.map(np.full((1, 12), np.nan)), "not finite"),
        (lambda g: g.map(np.zeros((1, 12)), [0]), "0 classes"),
        (lambda g: g.of_class(0), "has no classes"),
        (lambda g: small(classes=2).of_class(2), "from 0 to 1"),
        (lambda g: g.synthesize(np.zeros((1, 3, 10))), "w is"),
        (lambda g: g.synthesize(np.zeros((1, 10)), "loud"), "expected const"),
        (lambda g: mix(np.zeros((1, 6, 10)), np.zeros((2, 6, 10)), 1), "cannot mix"),
    ],
)
def test_refusals(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(small())  # type: ignore[operator]


@pytest.mark.parametrize(
    "change",
    [
        {"channels": []},
        {"channels": [8] * 20},
        {"channels": [10**9]},
        {"channels": "8888"},
        {"channels": [True]},
        {"w_dim": 0},
        {"w_dim": 10**12},
        {"mapping_layers": 1.5},
        {"architecture": "stylegan9"},
        {"clamp": -1},
        {"classes": None},
        {"surprise": 1},
    ],
)
def test_configs_that_no_network_has_are_refused(change: dict[str, object]) -> None:
    text = json.dumps({"channels": [8, 8], **change})
    with pytest.raises(WeightsError):
        GeneratorConfig.from_json(text, "config.json")


def test_the_bound_on_activations_holds_after_the_gain() -> None:
    """As the official networks with ``conv_clamp`` have it."""
    generator = Generator(GeneratorConfig(channels=(8,), z_dim=4, w_dim=4, clamp=0.5))
    values = generator.values()
    for name in ("conv1", "torgb"):
        values[f"synthesis.b4.{name}.affine.weight"][:] = 0
        values[f"synthesis.b4.{name}.affine.bias"][:] = 1
    values["synthesis.b4.conv1.bias"][:] = 1000
    values["synthesis.b4.torgb.weight"][:] = 0.01
    values["synthesis.b4.torgb.bias"][:] = 0
    bounded = Generator(generator.config, values)
    made = ops.convert_to_numpy(bounded.synthesize(np.zeros((1, 2, 4), np.float32), "none"))
    assert np.allclose(made, 8 * 0.5 * 0.01 / np.sqrt(8), atol=1e-6)


@pytest.mark.parametrize(("gain", "bound"), [(np.sqrt(2), 0.5), (1.0, 0.5 / np.sqrt(2))])
def test_the_discriminator_s_bound_is_smaller_in_a_residual(gain: float, bound: float) -> None:
    p = {"a.weight": np.zeros((1, 1, 2, 2), np.float32), "a.bias": np.full(2, 1000, np.float32)}
    x = np.ones((1, 4, 4, 2), np.float32)
    assert np.allclose(ops.convert_to_numpy(_conv(p, "a", x, conv, 0.5, gain)), bound)


def test_numbers_that_do_not_fit_are_refused() -> None:
    generator = small()
    values = generator.values()
    name = "synthesis.b8.conv0.weight"
    for change, message in (
        ({name: values[name][:2]}, "expected"),
        ({name: values[name] * np.nan}, "not finite"),
        ({"more": values[name]}, "has 'more'"),
    ):
        with pytest.raises(WeightsError, match=message):
            Generator(generator.config, {**values, **change})
    del values[name]
    with pytest.raises(WeightsError, match="lacks"):
        Generator(generator.config, values)


def test_a_config_survives_json() -> None:
    config = small("stylegan", classes=2).config
    assert GeneratorConfig.from_json(config.to_json(), "x") == config


def test_a_latent_is_mapped_the_same_among_any_others() -> None:
    generator = stylegan.load()
    z = generator.latents(range(70))
    together = generator.map(z)
    for some in (slice(3, 4), slice(40, 45), slice(0, 33)):
        np.testing.assert_array_equal(generator.map(z[some]), together[some])
    assert generator.map(z[:0]).shape == (0, generator.num_ws, generator.config.w_dim)


def test_large_pictures_are_made_a_few_at_a_time() -> None:
    """At 1024 px a picture under way takes 0.7 GB, and 2.7 GB with gradients."""

    class Unbuilt(Generator):
        def __init__(self, resolution: int) -> None:
            self.config = GeneratorConfig(channels=standard_channels(resolution))

    for resolution, drawn, learnt in ((64, 32, 19), (256, 13, 3), (1024, 3, 1)):
        assert Unbuilt(resolution).at_once(32) == drawn
        assert Unbuilt(resolution).at_once(32, gradients=True) == learnt
    assert Unbuilt(1024).at_once(1) == 1
