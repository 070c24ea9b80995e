"""The emulator and the quick search: what they say, where they look, what is refused."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonfaces.synthesize.generator import __main__ as command
from anonfaces.synthesize.generator import emulator_fit
from anonfaces.synthesize.generator.emulated_search import _ROUNDS, FaceViewer, _Path
from anonfaces.synthesize.generator.emulator import (
    KIND,
    Emulator,
    emulator_file,
    find_emulator,
)
from anonfaces.synthesize.generator.emulator_fit import Samples, fit_emulator, samples_of
from anonfaces.synthesize.generator.latents import GroupLatents
from anonfaces.synthesize.generator.objective import SEEN, TARGET
from anonfaces.synthesize.generator.optimized import THRESHOLD, Optimized
from encoders import weights_file
from stylegan import Generator
from stylegan.networks.config import GeneratorConfig

viewer = cache(FaceViewer)
"""One for all tests: what it compiled is not compiled again."""

SMALL = Generator(GeneratorConfig(channels=(4, 4), z_dim=6, w_dim=6))


def test_what_it_tells_is_near_to_what_is_seen(ours: Optimized) -> None:
    """On faces that it did not learn from, nearer than their mean is by far."""
    w = ours.generator.map(ours.generator.latents(range(10**9, 10**9 + 40)), psi=0.7)
    seen = viewer(ours.generator, ours.invert.framing)(w)
    emulator = find_emulator(ours.generator, None)
    assert emulator is not None
    told = np.asarray(emulator(w.mean(axis=1).astype(np.float64)))
    assert told.shape == seen.shape == (40, SEEN)
    for part in (slice(0, 128), slice(128, 131), slice(131, 132), slice(132, 133)):
        left = np.square(told - seen)[:, part].sum()
        assert left < 0.5 * np.square(seen - seen.mean(axis=0))[:, part].sum()


def test_a_groups_face_does_not_depend_on_those_beside_it(
    ours: Optimized, people: list[GroupLatents]
) -> None:
    together = ours.place(people)
    alone = [ours.place([group])[0] for group in people]
    np.testing.assert_array_equal(together, alone)


def test_the_exact_search_serves_a_generator_without_an_emulator(
    ours: Optimized, people: list[GroupLatents], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both bring the nearest member to about the same distance, by other ways."""
    quick = ours.place(people[:1])
    monkeypatch.setattr(Optimized, "_quick", None)
    exact = ours.place(people[:1])
    assert not np.array_equal(quick, exact)
    for w in (quick, exact):
        near, _ = ours._standing(w, people[:1])
        assert THRESHOLD < near[0] < TARGET + 0.05


def test_an_error_that_is_linear_is_known_along_the_ways_that_were_gone() -> None:
    rng = np.random.default_rng(0)
    slope, constant = rng.normal(size=(7, 4)), rng.normal(size=4)
    path, offsets = _Path(2), rng.normal(size=(_ROUNDS, 2, 7))
    for number, offset in enumerate(offsets):
        path.note(offset, offset @ slope + constant, np.array([3.0 - number, float(number)]))
    error = path.error()
    np.testing.assert_array_equal(error["at"], [offsets[-1][0], offsets[0][1]])  # least cost
    np.testing.assert_allclose(error["there"], error["at"] @ slope + constant)
    for group in range(2):
        for offset in offsets:
            gone = offset[group] - error["at"][group]
            told = (error["ways"][group] @ gone) @ error["change"][group]
            np.testing.assert_allclose(told, gone @ slope, atol=0.35 * np.linalg.norm(gone @ slope))


def test_after_one_look_the_error_is_the_same_everywhere() -> None:
    path = _Path(2)
    path.note(np.ones((2, 5)), np.full((2, 3), 0.5), np.zeros(2))
    error = path.error()
    assert not error["ways"].any()
    assert not error["change"].any()
    np.testing.assert_array_equal(error["there"], np.full((2, 3), 0.5))


def samples(count: int, w_dim: int = 6) -> Samples:
    """What is seen is linear in w."""
    rng = np.random.default_rng(1)
    w = rng.normal(size=(count, w_dim)).astype(np.float32)
    return Samples(w, (w @ rng.normal(size=(w_dim, SEEN)) + 3).astype(np.float32))


def test_what_is_linear_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emulator_fit, "_EPOCHS", 15)
    monkeypatch.setattr(emulator_fit, "_HIDDEN", 64)
    known = samples(3000)
    arrays, explained = fit_emulator(known)
    assert min(explained.values()) > 0.98
    told = np.asarray(Emulator(arrays)(known.w[:9].astype(np.float64)))
    np.testing.assert_allclose(told, known.seen[:9], atol=1.0)


def test_few_samples_are_refused() -> None:
    with pytest.raises(InputError, match="1999 samples: an emulator needs 2000 at least"):
        fit_emulator(samples(1999))


def test_kept_samples_are_gone_on_from(
    ours: Optimized, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(emulator_fit, "FaceViewer", viewer)
    monkeypatch.setattr(emulator_fit, "_PART", 3)
    monkeypatch.setattr(emulator_fit, "framing_of", lambda _: ours.invert.framing)
    place = tmp_path / "kept" / "samples.npz"
    whole = samples_of(ours.generator, 6)
    samples_of(ours.generator, 3, kept=place)
    went_on = samples_of(ours.generator, 6, kept=place)
    np.testing.assert_array_equal(went_on.w, whole.w)
    np.testing.assert_array_equal(went_on.seen, whole.seen)
    assert len(np.unique(whole.w, axis=0)) == 6


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ({"generator": "another", "w": [1.0], "seen": [1.0]}, "samples of another generator"),
        ({"w": [1.0]}, "does not hold samples of a generator"),
        ({"generator": {"a": 1}}, "does not hold samples of a generator"),  # a pickle
    ],
)
def test_a_file_that_holds_something_else_is_refused(
    tmp_path: Path, held: dict[str, object], message: str
) -> None:
    place = tmp_path / "samples.npz"
    np.savez(place, **{name: np.array(value) for name, value in held.items()})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        samples_of(SMALL, 3, kept=place)


def arrays_of(change: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    shapes = {
        "mean": (6,),
        "white": (6, 6),
        "first.weight": (6, 5),
        "first.bias": (5,),
        "second.weight": (5, 5),
        "second.bias": (5,),
        "out.weight": (16, SEEN),
        "out.bias": (SEEN,),
    }
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()} | change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"mean": np.ones(7, np.float32)}, "not the arrays of an emulator"),
        ({"more": np.ones(7, np.float32)}, "not the arrays of an emulator"),
        ({"first.bias": np.full(5, np.nan, np.float32)}, "values that are not finite"),
    ],
)
def test_a_damaged_emulator_is_refused(
    tmp_path: Path, change: dict[str, NDArray[np.float32]], message: str
) -> None:
    checkpoint = tmp_path / "mine.pt"
    assert find_emulator(SMALL, checkpoint) is None
    facts = {"generator": weights_file.digest(SMALL)}
    weights_file.write(emulator_file(checkpoint), KIND, facts, arrays_of({}))
    assert find_emulator(SMALL, checkpoint) is not None
    weights_file.write(emulator_file(checkpoint), KIND, facts, arrays_of(change))
    with pytest.raises(WeightsError, match=rf"mine\.pt\.emulator\.h5.*{message}"):
        find_emulator(SMALL, checkpoint)


def test_an_emulator_of_another_generator_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "mine.pt"
    weights_file.write(emulator_file(checkpoint), KIND, {"generator": "0" * 64}, arrays_of({}))
    with pytest.raises(WeightsError, match=r"fitted to another generator.*synthesize\.generator"):
        find_emulator(SMALL, checkpoint)


def test_the_command_writes_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(emulator_fit, "samples_of", lambda *_, **__: samples(2000, 256))
    monkeypatch.setattr(emulator_fit, "_EPOCHS", 1)
    place = tmp_path / "emulator.h5"
    command.fit(output=place, quiet=True)
    assert f"in {place}" in capsys.readouterr().out
    meta, _ = weights_file.read(place, KIND, "")
    assert meta["samples"] == 2000
    assert set(meta["explained"]) == {"vector", "color", "age", "gender", "tint"}
