"""Training: it learns, it goes on exactly where it was, and its parts do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from anonbase.errors import InputError, WeightsError
from anonbase.keras_backend import load_engine
from stylegan.train import TrainingConfig, train

load_engine()

from keras import ops  # noqa: E402

import stylegan  # noqa: E402
from anonbase.keras_backend import compiled, input_gradient, value_and_gradients  # noqa: E402
from encoders.training_images import parse_square, read_pictures  # noqa: E402
from stylegan.networks.mapping import map_latents  # noqa: E402
from stylegan.networks.parameters import initial  # noqa: E402
from stylegan.train import (  # noqa: E402
    adversarial,
    augment,
    autoencode,
    latents,
    mapping_phase,
)
from stylegan.train.autoencode import mixed  # noqa: E402
from stylegan.train.data import Pictures, split  # noqa: E402
from stylegan.train.feature_discriminator import head_specs, hinge, judged  # noqa: E402
from stylegan.train.latents import Latents, normal_of  # noqa: E402
from stylegan.train.losses import reconstruction, sliced_wasserstein  # noqa: E402
from stylegan.train.mapping_phase import Match, normal_mapping, shifted  # noqa: E402
from stylegan.train.networks import Networks  # noqa: E402
from stylegan.train.state import State, adam, moments, read_state, write_state  # noqa: E402

TINY = TrainingConfig(
    resolution=8,
    channel_base=64,
    channel_max=8,
    z_dim=8,
    w_dim=8,
    mapping_layers=2,
    autoencode_kimg=0.32,
    match_steps=6,
    adversarial_kimg=0.032,
    batch=8,
    head_start=2,
    r1_every=2,
    path_weight=2.0,
    path_every=2,
    precision="float32",
    autoencode_rate=0.01,
)


@pytest.fixture(autouse=True, scope="module")
def _compiled_once() -> Iterator[None]:
    """Runs of one recipe share their compiled steps: of so small a network these take the most.

    A step is a function of its tensors and the recipe; what a phase remembers stays its own. How
    long phases last, and the rates, which are tensors, do not make another step.
    """
    steps: dict[object, object] = {}
    outside = {"match_rate": TINY.match_rate, "head_start": 0, "latent_faces": 20}
    outside |= {"latent_steps": FITTED.latent_steps}

    def shared(step: object) -> object:
        phase = getattr(step, "__self__", None)
        if phase is None:
            return compiled(step)  # type: ignore[arg-type]
        features = type(getattr(phase, "features", None))
        recipe = replace(phase.networks.recipe, **outside).fixed()
        key = (step.__qualname__, recipe, features)  # type: ignore[attr-defined]
        return steps.setdefault(key, compiled(step))  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        for module in (adversarial, autoencode, latents, mapping_phase):
            patched.setattr(module, "compiled", shared)
        yield


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty squares of one colour, half of them brighter above."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = np.full((12, 12, 3), rng.integers(40, 200, 3), np.uint8)
        pixels[:6] += np.uint8(40 * (i % 2))
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def run(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pixels, folder = read_pictures([photographs], 8), tmp_path_factory.mktemp("run")
    return train(pixels, folder, TINY, progress=False)


def logged(folder: Path) -> list[list[str]]:
    lines = (folder / "log.csv").read_text(encoding="utf-8").splitlines()
    return [line.split(",") for line in lines[1:]]


def test_what_a_run_leaves_is_a_generator_an_encoder_and_a_discriminator(run: Path) -> None:
    generator = stylegan.load(run)
    w = generator.map(generator.latents(range(3)))
    assert generator.pictures(w).shape == (3, 8, 8, 3)
    assert stylegan.load_encoder(run)(generator.pictures(w)).shape == (3, 8)
    assert stylegan.load_discriminator(run)(generator.synthesize(w)).shape == (3, 1)
    assert list((run / "grids").glob("*.png"))


def test_what_ships_is_trained_on_with_the_latent_encoders_w(photographs: Path) -> None:
    from anonfaces.commands.train import _with_encoder
    from encoders.latent import load_latent_encoder
    from stylegan.checkpoint import SHIPPED, read

    assert read(SHIPPED).encoder is None
    found, latent = _with_encoder(SHIPPED), load_latent_encoder()
    assert found.encoder == latent.config.trunk
    recipe = TrainingConfig(resolution=128, channel_base=4096)
    encoder = Networks(recipe).start(found).tensors["encoder"]
    wanted = (
        latent.to_single_w().values()["out.weight"],
        ops.convert_to_numpy(encoder["out.weight"]),
    )
    np.testing.assert_array_equal(*wanted)


def test_every_phase_is_in_the_log(run: Path) -> None:
    found = {(row[0], row[3]) for row in logged(run)}
    assert found >= {
        ("autoencode", "pixels"),
        ("match", "sliced"),
        ("adversarial", "generator"),
        ("adversarial", "discriminator"),
        ("adversarial", "r1"),
        ("adversarial", "paths"),
    }


def test_a_run_that_was_stopped_ends_as_one_that_was_not(
    run: Path, photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped by Ctrl-C in the first and in the last phase."""
    from stylegan.train.adversarial import Adversarial
    from stylegan.train.autoencode import Autoencode

    for phase, number in ((Autoencode, 17), (Adversarial, 3)):
        with monkeypatch.context() as patched:
            patched.setattr(phase, "step", _stopped(phase.step, number))
            with pytest.raises(KeyboardInterrupt):
                train(read_pictures([photographs], 8), tmp_path / "run", TINY, progress=False)
    train(read_pictures([photographs], 8), tmp_path / "run", TINY, progress=False)
    one, other = (stylegan.load(folder).values() for folder in (run, tmp_path / "run"))
    assert all(np.allclose(one[name], other[name], atol=1e-6) for name in one)


def _stopped(step: object, at: int) -> object:
    def wrapped(self: object, state: object, number: int, *rest: object) -> object:
        if number == at:
            raise KeyboardInterrupt
        return step(self, state, number, *rest)  # type: ignore[operator]

    return wrapped


def test_the_autoencoder_learns_to_draw(photographs: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, autoencode_kimg=1.6, match_steps=0, adversarial_kimg=0, head_start=0)
    folder = train(read_pictures([photographs], 8), tmp_path / "run", recipe, progress=False)
    faces = read_pictures([photographs], 8)
    made = stylegan.load(folder).pictures(stylegan.load_encoder(folder)(faces), "none")
    off = np.abs(made.astype(float) - faces).mean()
    assert off < 0.6 * np.abs(faces - faces.mean(axis=0)).mean()


class _Layers:
    """What the smallest network with layers sees: the picture, and its mean colour."""

    shapes = ((8, 8, 3), (1, 1, 3))

    def maps(self, images: object, cut: object = None) -> list[object]:
        return [images / 14.0, ops.mean(images, axis=(1, 2), keepdims=True)]

    def __call__(self, images: object) -> object:
        return ops.reshape(images, (images.shape[0], -1))


def test_heads_on_layers_take_part_in_the_first_phase(photographs: Path, tmp_path: Path) -> None:
    recipe = replace(TINY, autoencode_kimg=0.16, match_steps=0, adversarial_kimg=0, head_start=0)
    train(read_pictures([photographs], 8), tmp_path, recipe, features=_Layers(), progress=False)
    names = {row[3] for row in logged(tmp_path)}
    assert names >= {"pixels", "features", "fooled", "heads"}
    state = read_state(tmp_path / "state.h5", recipe.fixed())
    fresh = initial(head_specs(_Layers.shapes), np.random.default_rng(recipe.seed))
    assert all(np.any(ops.convert_to_numpy(state.tensors["heads"][k]) != fresh[k]) for k in fresh)


def test_w_of_nobody_lie_as_the_encoded_ones_do_and_teach_the_encoder_nothing() -> None:
    rng = np.random.default_rng(0)
    w = (rng.standard_normal((24, 3)) @ np.diag([3.0, 1.0, 0.2]) + [5.0, 0.0, -2.0]).astype("f4")
    mixes = rng.standard_normal((20_000, 24)).astype(np.float32)
    found = ops.convert_to_numpy(mixed(ops.convert_to_tensor(w), ops.convert_to_tensor(mixes)))
    assert np.allclose(found.mean(axis=0), w.mean(axis=0), atol=0.1)
    assert np.allclose(np.cov(found.T), np.cov(w.T), rtol=0.05, atol=0.05)
    some = ops.convert_to_tensor(mixes[:8])
    _, gradients = value_and_gradients(
        lambda p: (ops.sum(mixed(p["w"], some)) + ops.sum(0 * p["w"]), {}),
        {"w": ops.convert_to_tensor(w)},
    )
    assert not np.any(ops.convert_to_numpy(gradients["w"]))


FITTED = replace(
    TINY,
    autoencode_kimg=0.16,
    latent_kimg=0.08,
    latent_faces=20,
    latent_steps=25,
    match_steps=0,
    adversarial_kimg=0,
)


def test_fitted_w_draw_their_faces_better_than_encoded_ones(photographs: Path) -> None:
    networks = Networks(FITTED)
    state, phase = networks.start(), Latents(networks, _Layers())
    pixels = read_pictures([photographs], 8)
    phase.prepare(state, pixels)
    before = state.tensors["latents"]["w"]
    rng = np.random.default_rng(0)
    images = pixels[:8].astype(np.float32) / 127.5 - 1

    def drawn_wrong(w: object) -> float:
        made = networks.synthesize(state.tensors["generator"], networks.broadcast_w(w))
        chosen = np.random.default_rng((0, 1)).choice(len(pixels), 20, replace=False)
        wanted = pixels[np.sort(chosen)].astype(np.float32) / 127.5 - 1
        return float(reconstruction(made, ops.convert_to_tensor(wanted)))

    first = drawn_wrong(before)
    for number in range(3):  # 20 faces by batches of 8
        phase.step(state, number, rng, images)
    fitted = drawn_wrong(state.tensors["latents"]["w"])
    assert fitted < 0.9 * first
    kernel = state.tensors["generator"]["synthesis.b4.const"]
    phase.step(state, 3, rng, images)
    assert np.any(kernel != state.tensors["generator"]["synthesis.b4.const"])


def test_the_mapping_network_follows_the_fitted_w(photographs: Path, tmp_path: Path) -> None:
    recipe = replace(FITTED, match_steps=1, match_rate=0.0)
    _fitted_run(photographs, tmp_path, recipe)
    state = read_state(tmp_path / "state.h5", recipe.fixed())
    fitted = ops.convert_to_numpy(state.tensors["latents"]["w"])
    generator = stylegan.load(tmp_path)
    w = generator.map(generator.latents(range(400)), psi=1)[:, 0]
    assert np.allclose(w.mean(axis=0), fitted.mean(axis=0), atol=0.3 * fitted.std())
    assert np.allclose(np.cov(w.T), np.cov(fitted.T), atol=0.3 * fitted.var(axis=0).max())


def test_a_run_stopped_while_w_are_fitted_ends_as_one_that_was_not(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped in the fit of w, when all learn together, and by the mapping network."""
    recipe = replace(FITTED, match_steps=4)
    for phase, number in ((Latents, 1), (Latents, 6), (Match, 2)):
        with monkeypatch.context() as patched:
            patched.setattr(phase, "step", _stopped(phase.step, number))
            with pytest.raises(KeyboardInterrupt):
                _fitted_run(photographs, tmp_path / "parts", recipe)
    _fitted_run(photographs, tmp_path / "parts", recipe)
    _fitted_run(photographs, tmp_path / "whole", recipe)
    one, other = (stylegan.load(tmp_path / name).values() for name in ("whole", "parts"))
    assert all(np.allclose(one[name], other[name], atol=1e-6) for name in one)


def _fitted_run(photographs: Path, folder: Path, recipe: TrainingConfig) -> None:
    train(read_pictures([photographs], 8), folder, recipe, features=_Layers(), progress=False)


def test_w_of_nobody_from_fitted_ones_have_their_mean_and_covariance() -> None:
    rng = np.random.default_rng(0)
    w = (rng.standard_normal((50, 3)) @ np.diag([3.0, 1.0, 0.2]) + [5.0, 0.0, -2.0]).astype("f4")
    found = normal_of(w, rng, 20_000)
    assert found.dtype == np.float32
    assert np.allclose(found.mean(axis=0), w.mean(axis=0), atol=0.1)
    assert np.allclose(np.cov(found.T), np.cov(w.T), rtol=0.05, atol=0.05)


def test_fitting_needs_features_with_layers(photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="layers"):
        train(read_pictures([photographs], 8), tmp_path / "run", FITTED, progress=False)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["r1_gamma", "w_noise", "adversarial_kimg", "sampled"])
@pytest.mark.parametrize("number", [-1.0, float("nan"), float("inf")])
def test_numbers_that_no_run_has_are_refused(name: str, number: float) -> None:
    with pytest.raises(InputError, match=name):
        replace(TINY, **{name: number})


def test_heads_learn_to_tell_two_kinds_of_maps() -> None:
    rng = np.random.default_rng(0)
    specs = head_specs([(8, 8, 3), (1, 1, 5)])
    p = {k: ops.convert_to_tensor(v) for k, v in initial(specs, rng).items()}
    averages = moments(p)

    def maps(sign: float) -> list[object]:
        found = [sign + rng.standard_normal((16, s, s, c), np.float32) for s, c in ((8, 3), (1, 5))]
        return [ops.convert_to_tensor(one / np.float32(np.sqrt(one[0].size))) for one in found]

    losses = []
    for step in range(40):
        real, lies = maps(0.5), maps(-0.5)

        def loss(q: object, real: object = real, lies: object = lies) -> object:
            value = hinge(judged(q, real), True) + hinge(judged(q, lies), False)
            return value, {"value": value}

        report, gradients = value_and_gradients(loss, p)
        p, averages = adam(p, gradients, averages, np.float32(step + 1), np.float32(0.02))
        losses.append(float(report["value"]))
    assert losses[-1] < 0.6 * losses[0]


def test_the_mapping_network_begins_with_the_mean_and_covariance_of_w() -> None:
    rng = np.random.default_rng(0)
    w = (rng.normal(size=(500, 8)) * np.geomspace(0.01, 3, 8)) @ rng.normal(size=(8, 8))
    w = (w + 6 * w.std(axis=0)).astype(np.float32)
    for layers in (1, 3):
        config = replace(TINY, mapping_layers=layers).generator
        values = {k: ops.convert_to_tensor(v) for k, v in normal_mapping(w, 8, layers).items()}
        z = ops.convert_to_tensor(rng.standard_normal((20_000, 8), np.float32))
        drawn = ops.convert_to_numpy(map_latents(values, config, z))
        scale = np.cov(w.T).max()
        np.testing.assert_allclose(drawn.mean(axis=0), w.mean(axis=0), atol=0.05 * scale**0.5)
        np.testing.assert_allclose(np.cov(drawn.T), np.cov(w.T), atol=0.12 * scale)


def test_a_generator_whose_w_are_moved_draws_the_same() -> None:
    generator = stylegan.Generator(TINY.generator, seed=3)
    far = np.linspace(-5, 5, 8, dtype=np.float32)
    moved = stylegan.Generator(TINY.generator, shifted(generator.values(), far))
    w = generator.map(generator.latents(range(4)))
    one, other = generator.synthesize(w, "none"), moved.synthesize(w + far, "none")
    np.testing.assert_allclose(one, other, atol=1e-4)


def test_a_run_of_another_recipe_is_not_gone_on_with(run: Path, photographs: Path) -> None:
    with pytest.raises(WeightsError, match="another recipe"):
        train(read_pictures([photographs], 8), run, replace(TINY, r1_gamma=1.0), progress=False)


def test_a_higher_resolution_begins_with_the_pictures_of_the_lower(
    run: Path, photographs: Path, tmp_path: Path
) -> None:
    recipe = replace(TINY, resolution=16, autoencode_kimg=0, match_steps=0, adversarial_kimg=0)
    folder = train(
        read_pictures([photographs], recipe.resolution),
        tmp_path / "run",
        replace(recipe, head_start=0),
        start=run,
        progress=False,
    )
    small, large = stylegan.load(run), stylegan.load(folder)
    w = small.map(small.latents(range(4)))[:, 0]
    halves = large.pictures(w, "none").reshape(4, 8, 2, 8, 2, 3).mean(axis=(2, 4))
    assert np.abs(halves - small.pictures(w, "none")).mean() < 12


def test_other_widths_are_another_network(run: Path, photographs: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="other widths"):
        train(
            read_pictures([photographs], 8),
            tmp_path,
            replace(TINY, channel_max=4),
            start=run,
            progress=False,
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"precision": "float16"}, "precision"),
        ({"batch": 12}, "batch 12"),
        ({"autoencode_kimg": -1.0}, "autoencode_kimg"),
    ],
)
def test_recipes_that_cannot_be(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(TINY, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0.5", "a,b,c", "0.5,0.5,1.2", "0.1,0.5,0.5", "0.5,0.5,0"])
def test_squares_outside_the_picture(text: str) -> None:
    with pytest.raises(InputError, match="square"):
        parse_square(text)


def test_sources_that_hold_no_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    for source, message in (
        (tmp_path, str(tmp_path)),
        (tmp_path / "missing.h5", "there is no such file"),
        (tmp_path / "missing", "there is no such file"),
        (tmp_path / "notes.txt", "expected a folder of images"),
    ):
        with pytest.raises(InputError, match=message):
            read_pictures([source], 8)


def test_held_out_pictures_are_not_learnt_from() -> None:
    pixels = np.arange(20, dtype=np.uint8)[:, None, None, None] * np.ones((4, 4, 3), np.uint8)
    learnt, held = split(Pictures(pixels), 5, seed=1)
    both = sorted([*learnt.pixels[:, 0, 0, 0], *held.pixels[:, 0, 0, 0]])
    assert (len(held), both) == (5, list(range(20)))
    with pytest.raises(InputError, match="hold 20"):
        split(Pictures(pixels), 20, seed=1)


def test_adam_is_kerass() -> None:
    import keras

    rng = np.random.default_rng(0)
    value = rng.standard_normal(7).astype(np.float32)
    variable = keras.Variable(value)
    theirs = keras.optimizers.Adam(0.03, beta_1=0.5, beta_2=0.9, epsilon=1e-8)
    ours = {"x": ops.convert_to_tensor(value)}
    averages = moments(ours)
    for step in range(1, 6):
        gradient = rng.standard_normal(7).astype(np.float32)
        theirs.apply([ops.convert_to_tensor(gradient)], [variable])
        given = {"x": ops.convert_to_tensor(gradient)}
        numbers = ops.convert_to_tensor(float(step)), ops.convert_to_tensor(0.03)
        ours, averages = adam(ours, given, averages, *numbers, betas=(0.5, 0.9))
    assert np.allclose(ops.convert_to_numpy(ours["x"]), variable.numpy(), atol=1e-5)


def test_gradients_of_gradients() -> None:
    """d/dp of |d(p x^3)/dx|^2 is 2 p (3 x^2)^2."""
    x = ops.convert_to_tensor(np.float32([2.0]))

    def loss(p: dict[str, object]) -> tuple[object, dict[str, object]]:
        slope = input_gradient(lambda y: ops.sum(p["a"] * y**3), x)
        value = ops.sum(ops.square(slope))
        return value, {"value": value}

    given = {"a": ops.convert_to_tensor(3.0), "unused": ops.convert_to_tensor(1.0)}
    report, found = value_and_gradients(loss, given)  # type: ignore[arg-type]
    assert float(report["value"]) == pytest.approx((3 * 12) ** 2)
    assert (float(found["a"]), float(found["unused"])) == (pytest.approx(2 * 3 * 144), 0.0)


def test_sliced_wasserstein_of_a_shift_is_its_square() -> None:
    rng = np.random.default_rng(0)
    cloud = rng.standard_normal((50, 3)).astype(np.float32)
    axes = np.eye(3, dtype=np.float32)
    moved = rng.permutation(cloud) + np.float32([1, 0, 0])
    found = sliced_wasserstein(*map(ops.convert_to_tensor, (cloud, moved, axes)))
    assert float(found) == pytest.approx(1 / 3, abs=1e-5)


def test_reconstruction_is_nothing_for_the_same_and_grows() -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2, 8, 8, 3)).astype(np.float32)
    found = [
        float(reconstruction(*map(ops.convert_to_tensor, (images + d, images))))
        for d in (0, 0.1, 1)
    ]
    assert found[0] == 0
    assert found[1] == pytest.approx(0.2, abs=1e-5)
    assert found[2] == pytest.approx(2, abs=1e-4)


def _changed(images: NDArray[np.float32], p: float) -> NDArray[np.float32]:
    change = augment.draw(np.random.default_rng(3), len(images), p, images.shape[1])
    return ops.convert_to_numpy(augment.apply(*map(ops.convert_to_tensor, (images, *change))))


def test_augmentation_changes_nothing_at_0_and_much_at_1() -> None:
    images = np.random.default_rng(0).uniform(-1, 1, (6, 16, 16, 3)).astype(np.float32)
    assert np.allclose(_changed(images, 0.0), images, atol=1e-5)
    assert (np.abs(_changed(images, 1.0) - images).mean(axis=(1, 2, 3)) > 0.1).all()


def test_augmentation_follows_how_sure_the_discriminator_is() -> None:
    assert augment.adapt(0.2, 0.9, 0.6, 1000, 10) == pytest.approx(0.3)
    assert augment.adapt(0.2, 0.3, 0.6, 1000, 10) == pytest.approx(0.1)
    assert augment.adapt(0.0, 0.3, 0.6, 1000, 10) == 0
    assert augment.adapt(0.2, 0.9, 0.6, 1000, 0) == 0.2


def test_a_damaged_state_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.h5"
    write_state(State({"a": {"x": ops.convert_to_tensor(np.float32([1]))}}, {"step": 3}), "r", path)
    assert read_state(path, "r").count("step") == 3
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(WeightsError, match=r"state\.h5"):
        read_state(path, "r")
