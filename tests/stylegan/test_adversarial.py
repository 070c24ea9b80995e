"""StyleGAN2's own training beside an anchor and with heads on features, and wider networks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anonbase.keras_backend import load_engine
from stylegan.train import train

load_engine()

from keras import ops  # noqa: E402

import stylegan  # noqa: E402
from stylegan import checkpoint  # noqa: E402
from stylegan.networks import ops as our_ops  # noqa: E402
from stylegan.networks.parameters import initial  # noqa: E402
from stylegan.train.feature_discriminator import head_specs  # noqa: E402
from stylegan.train.networks import Networks  # noqa: E402
from stylegan.train.state import read_state  # noqa: E402
from tests.stylegan.test_refine import PHOTOGRAPHS, Colors  # noqa: E402
from tests.stylegan.test_refine import SMALL as REFINED  # noqa: E402

SMALL = replace(
    REFINED,
    refine_kimg=0,
    adversarial_kimg=0.064,
    keep_weight=0.0,
    head_start=2,
    generator_rate=0.5,
    path_weight=1.0,
)


@pytest.fixture(autouse=True, scope="module")
def _eagerly() -> Iterator[None]:
    """Step by step: compiling would take far longer than some steps of so small a network."""
    tf = pytest.importorskip("tensorflow")
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(before)


@pytest.fixture(scope="module")
def anchor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A generator of random weights, which is also where the runs begin."""
    folder = tmp_path_factory.mktemp("anchor")
    networks = Networks(replace(SMALL, seed=5))
    checkpoint.write(networks.found(networks.start()), folder, "float32")
    return folder


def _pictures(folder: Path) -> NDArray[np.float64]:
    generator = stylegan.load(folder)
    return generator.pictures(generator.map(generator.latents(range(32)), psi=1)).astype(float)


def test_with_an_anchor_faces_stay_and_the_mapping_network_too(
    anchor: Path, tmp_path: Path
) -> None:
    off = {}
    for name, kept in (("kept", anchor), ("free", None)):
        recipe = replace(SMALL, anchor_weight=200.0)
        folder = train(
            PHOTOGRAPHS, tmp_path / name, recipe, start=anchor, anchor=kept, progress=False
        )
        off[name] = np.abs(_pictures(folder) - _pictures(anchor)).mean()
    assert 0 < off["kept"] < 0.7 * off["free"]
    before, after, free = (
        stylegan.load(one).values() for one in (anchor, tmp_path / "kept", tmp_path / "free")
    )
    names = [name for name in before if name.startswith("mapping.")]
    assert all(np.array_equal(before[n], after[n]) for n in names)
    assert not all(np.array_equal(before[n], free[n]) for n in names)


def test_heads_on_features_learn_beside_the_discriminator(anchor: Path, tmp_path: Path) -> None:
    recipe = replace(SMALL, heads_weight=0.3)
    train(PHOTOGRAPHS, tmp_path, recipe, start=anchor, features=Colors(), progress=False)  # type: ignore[arg-type]
    names = {line.split(",")[3] for line in (tmp_path / "log.csv").read_text().splitlines()[1:]}
    assert names >= {"generator", "discriminator", "heads", "told_apart", "paths"}
    state = read_state(tmp_path / "state.h5", recipe.fixed())
    fresh = initial(head_specs(Colors.shapes), np.random.default_rng(recipe.seed))
    assert all(np.any(ops.convert_to_numpy(state.tensors["heads"][k]) != fresh[k]) for k in fresh)


def test_a_run_beside_an_anchor_that_was_stopped_ends_as_one_that_was_not(
    anchor: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stylegan.train.adversarial import Adversarial

    def run(name: str) -> Path:
        return train(
            PHOTOGRAPHS,
            tmp_path / name,
            replace(SMALL, heads_weight=0.3),
            start=anchor,
            anchor=anchor,
            features=Colors(),  # type: ignore[arg-type]
            progress=False,
        )

    def stopped(self: Adversarial, state: object, number: int, *rest: object) -> object:
        if number == 4:
            raise KeyboardInterrupt
        return step(self, state, number, *rest)  # type: ignore[arg-type]

    whole, step = run("whole"), Adversarial.step
    with monkeypatch.context() as patched:
        patched.setattr(Adversarial, "step", stopped)
        with pytest.raises(KeyboardInterrupt):
            run("stopped")
    one, other = (stylegan.load(folder).values() for folder in (whole, run("stopped")))
    assert all(np.allclose(one[name], other[name], atol=1e-6) for name in one)


def test_a_wider_network_draws_what_the_narrower_did(anchor: Path) -> None:
    wide = replace(SMALL, channel_base=128, channel_max=16)
    state = Networks(wide).start(checkpoint.read(anchor))
    values = {k: ops.convert_to_numpy(v) for k, v in state.tensors["generator"].items()}
    grown = stylegan.generator.Generator(wide.generator, values)
    narrow = stylegan.load(anchor)
    assert wide.channels > SMALL.channels
    w = narrow.map(narrow.latents(range(4)), psi=1)
    wanted = ops.convert_to_numpy(narrow.synthesize(w))
    assert np.allclose(ops.convert_to_numpy(grown.synthesize(w)), wanted, atol=1e-4)


def test_filters_as_shifts_are_the_filters() -> None:
    """XLA gets them so; the usual path is a depthwise convolution."""
    x = ops.convert_to_tensor(np.random.default_rng(0).standard_normal((2, 6, 6, 3), np.float32))
    twice = our_ops._doubled(our_ops._doubled(x, 1), 2)
    assert np.allclose(*map(ops.convert_to_numpy, (twice, our_ops.upsample(x))), atol=1e-6)
    taps = (1.0, 3.0, 3.0, 1.0)
    padded = ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    half = our_ops._shifted(our_ops._shifted(padded, 1, taps, 2), 2, taps, 2)
    assert np.allclose(*map(ops.convert_to_numpy, (half, our_ops.downsample(x))), atol=1e-6)
