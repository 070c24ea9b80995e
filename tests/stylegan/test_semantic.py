"""The semantic networks: what they see, where they begin, and that a run learns and goes on."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from anonbase.errors import InputError, WeightsError
from anonbase.keras_backend import load_engine

load_engine()

from keras import ops  # noqa: E402

from stylegan.networks.config import GeneratorConfig  # noqa: E402
from stylegan.networks.parameters import initial  # noqa: E402
from stylegan.networks.synthesis2 import synthesize  # noqa: E402
from stylegan.semantic import run as runs  # noqa: E402
from stylegan.semantic.config import SemanticConfig  # noqa: E402
from stylegan.semantic.discriminators import MARGIN, contrastive, judged, score_loss  # noqa: E402
from stylegan.semantic.generator import SemanticGenerator, generator_specs, shown  # noqa: E402
from stylegan.semantic.training import Batch, SemanticTraining, specs_of  # noqa: E402

SIDE, W = 16, 8
DECODER = GeneratorConfig(channels=(8, 8, 8), z_dim=W, w_dim=W, mapping_layers=1)
TINY = SemanticConfig(DECODER, hidden=(8, 8, 6))
RECIPE = SemanticTraining(kpictures=0.032, batch=4, recognized=1, rate=5e-3, warm=0.1)


class Means:
    """Features that cost nothing: a small picture, and 128 numbers of its mean color."""

    def maps(self, images: Any, cut: Any = None) -> list[Any]:
        mean = ops.mean(images, axis=(1, 2))
        return [ops.average_pool(images, 4, 4), ops.tile(mean, (1, 43))[:, None, None, :128]]

    def wandering(self, rng: np.random.Generator) -> Any:
        return ops.convert_to_tensor(np.float32(0))


def faces(rng: np.random.Generator, count: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Pictures with a square of another color, and maps that say where it is."""
    pictures = np.full((count, SIDE, SIDE, 3), -0.5, np.float32)
    maps = np.zeros((count, SIDE, SIDE, 10), np.float32)
    for i, at in enumerate(rng.integers(2, 7, count)):
        pictures[i, at : at + 7, at : at + 7] = (0.6, 0.2, 0.0)
        maps[i, at : at + 7, at : at + 7, 1] = 1
    maps[..., 0] = 1 - maps[..., 1:].sum(axis=-1)
    return pictures, maps


def batches(rng: np.random.Generator) -> Batch:
    pictures, maps = faces(rng)
    vectors = rng.standard_normal((4, 128)).astype(np.float32) * 0.1
    w = rng.standard_normal((4, W)).astype(np.float32)
    same = np.array([1, 1, 0, 0], np.float32)
    looks = rng.random((4, 2), np.float32)
    return Batch(pictures, maps, vectors, vectors[::-1].copy(), w, vectors, vectors, same, looks)


class Colors:
    """Red as age, green as gender: what the attribute network is to real pictures."""

    def __call__(self, images: Any, cut: Any = None) -> Any:
        return ops.mean(images, axis=(1, 2))[:, :2]

    def wandering(self, rng: np.random.Generator) -> Any:
        return ops.convert_to_tensor(np.float32(0))


@pytest.fixture(scope="module")
def network() -> SemanticGenerator:
    return SemanticGenerator(TINY, seed=3)


def test_nothing_of_the_face_is_seen_and_nothing_around_it_changes(
    network: SemanticGenerator,
) -> None:
    rng = np.random.default_rng(0)
    pictures, maps = faces(rng)
    where = ops.convert_to_numpy(shown(ops.convert_to_tensor(pictures), maps)[1])
    other = np.where(where > 0, rng.random(pictures.shape, np.float32), pictures)
    w = rng.standard_normal((4, W)).astype(np.float32)
    made = ops.convert_to_numpy(network(pictures, maps, w))
    np.testing.assert_array_equal(made, ops.convert_to_numpy(network(other, maps, w)))
    np.testing.assert_array_equal(made * (1 - where), pictures * (1 - where))
    assert (where[maps[..., :1] < 1] == 1).all()


def test_it_begins_as_the_generator_that_it_is_made_of(network: SemanticGenerator) -> None:
    rng = np.random.default_rng(1)
    pictures, maps = faces(rng)
    everywhere = np.zeros_like(maps)
    everywhere[..., 1] = 1
    w = rng.standard_normal((4, W)).astype(np.float32)
    wide = ops.convert_to_tensor(np.repeat(w[:, None], DECODER.num_ws, axis=1))
    plain = synthesize(network.parameters, DECODER, wide, None)
    made = network(pictures, everywhere, w)
    np.testing.assert_allclose(ops.convert_to_numpy(made), ops.convert_to_numpy(plain), atol=1e-5)


def test_a_map_steers_what_is_drawn() -> None:
    values = initial(generator_specs(TINY), np.random.default_rng(2))
    rng = np.random.default_rng(3)
    steered = {k: rng.standard_normal(v.shape).astype(np.float32) * 0.3
               for k, v in values.items() if k.startswith("spade.")}  # fmt: skip
    network = SemanticGenerator(TINY, values | steered)
    pictures, maps = faces(rng, 1)
    other = maps.copy()
    other[..., 1], other[..., 6] = maps[..., 6], maps[..., 1]
    w = np.zeros((1, W), np.float32)
    made = [ops.convert_to_numpy(network(pictures, m, w)) for m in (maps, other)]
    assert np.abs(made[0] - made[1]).max() > 0.01


def test_the_siamese_loss_is_hadsells() -> None:
    a = ops.convert_to_tensor(np.array([[0.0, 0.0], [0.0, 0.0]], np.float32))
    b = ops.convert_to_tensor(np.array([[3.0, 4.0], [1.0, 0.0]], np.float32))
    same = ops.convert_to_tensor(np.array([1.0, 0.0], np.float32))
    wanted = 0.5 * (25.0 + (MARGIN - 1) ** 2) / 2
    assert float(contrastive(a, b, same)) == pytest.approx(wanted, rel=1e-4)


def test_scores_do_not_grow_with_the_filters() -> None:
    values = initial(specs_of(TINY)["critic"], np.random.default_rng(0))
    pictures, maps = faces(np.random.default_rng(0))
    scores = [judged({k: v * f if k.endswith("weight") else v for k, v in values.items()},
                     pictures, maps)[-1] for f in (1, 50)]  # fmt: skip
    np.testing.assert_allclose(*map(ops.convert_to_numpy, scores), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("kind", "right"), [("hinge", 2.0), ("lsgan", 1.0)])
def test_a_judge_is_not_punished_where_it_is_right(kind: str, right: float) -> None:
    sure = ops.convert_to_tensor(np.full((1, 2, 2, 1), right, np.float32))
    assert float(score_loss(sure, True, kind)) == 0
    assert float(score_loss(sure, False, kind)) > 0


def test_a_run_learns_and_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown_names: list[str] = []

    def run(folder: Path, recipe: SemanticTraining) -> dict[str, np.ndarray]:
        work = runs.SemanticRun(
            folder, TINY, recipe, Means(), Colors(), batches,
            lambda _, name: shown_names.append(name), progress=False,
        )  # fmt: skip
        return work.go(dict)

    whole = run(tmp_path / "whole", RECIPE)
    steps = RECIPE.steps

    halves = runs.SemanticRun(
        tmp_path / "halves", TINY, RECIPE, Means(), Colors(), batches, lambda *_: None,
        progress=False,
    )  # fmt: skip
    taken, count = halves._taken, 0

    def some(state: Any, number: int) -> Any:
        nonlocal count
        count += 1
        if count > steps // 2:
            raise KeyboardInterrupt
        return taken(state, number)

    monkeypatch.setattr(halves, "_taken", some)
    with pytest.raises(KeyboardInterrupt):
        halves.go(dict)
    rest = run(tmp_path / "halves", RECIPE)
    for name, values in whole.items():
        np.testing.assert_allclose(rest[name], values, rtol=1e-3, atol=1e-4, err_msg=name)
    assert shown_names
    with pytest.raises(WeightsError, match="another recipe"):
        run(tmp_path / "whole", replace(RECIPE, push=0.5))


@pytest.mark.parametrize(
    "wrong", [{"batch": 5}, {"batch": 2}, {"adversarial": "none"}, {"recognized": 9}]
)
def test_a_recipe_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        SemanticTraining(**wrong)


@pytest.mark.parametrize(
    "values",
    [{}, {"decoder": {}, "classes": 10, "hidden": [1]}, {"decoder": 3},
     TINY.to_json() | {"hidden": [10**9] * 3}, TINY.to_json() | {"classes": "many"}],
)  # fmt: skip
def test_sizes_of_no_network_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(WeightsError):
        SemanticConfig.from_json(values, "file")


def test_sizes_come_back() -> None:
    assert SemanticConfig.from_json(TINY.to_json(), "file") == TINY


def test_a_shared_decoder_stays_what_it_is_and_the_rest_learns(tmp_path: Path) -> None:
    shared = replace(TINY, shared=True)
    begun = initial(generator_specs(shared), np.random.default_rng(3))
    work = runs.SemanticRun(
        tmp_path, shared, RECIPE, Means(), Colors(), batches, lambda *_: None, progress=False
    )
    after = work.go(lambda: begun)
    for name, values in after.items():
        same = np.array_equal(values, begun[name])
        assert same == name.startswith("synthesis.") or not values.size, name


def test_results_are_led_to_what_the_target_looks_like(tmp_path: Path) -> None:
    """With the looks alone to learn, red and green go where they are wanted."""
    zero = dict.fromkeys(
        [f.name for f in fields(SemanticTraining) if f.name.endswith("_weight")], 0.0
    )
    recipe = replace(
        RECIPE, **{**zero, "age_weight": 5.0, "gender_weight": 5.0}, kpictures=0.32, rate=0.02
    )

    def wanted(rng: np.random.Generator) -> Batch:
        return batches(rng)._replace(looks=np.tile(np.float32([0.5, 1.0]), (4, 1)))

    work = runs.SemanticRun(
        tmp_path, TINY, recipe, Means(), Colors(), wanted, lambda *_: None, progress=False
    )
    work.go(dict)
    with (tmp_path / "log.csv").open() as file:
        rows = [line.strip().split(",") for line in file]
    gender = [float(row[4]) for row in rows if row[3] == "gender"]
    assert gender[-1] < 0.95 * 5.0 * np.log(2.0)


def test_the_average_follows_a_short_run(tmp_path: Path) -> None:
    """Of 0.998 a step it would hardly have moved in 8."""
    begun = initial(generator_specs(TINY), np.random.default_rng(3))
    work = runs.SemanticRun(
        tmp_path, TINY, RECIPE, Means(), Colors(), batches, lambda *_: None, progress=False
    )
    average = work.go(lambda: begun)
    with h5py.File(tmp_path / "state.h5") as file:
        ended = {k: np.asarray(file["generator"][k]) for k in average}
    moved, whole = (
        sum(float(np.abs(end[k] - begun[k]).sum()) for k in begun) for end in (average, ended)
    )
    assert 0.3 * whole < moved < whole
