"""The owner's key hides a group's latent: the same for one key, another for another."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from anonbase.errors import InputError, PrivacyWarning
from anonfaces.dataset.files import SECRET_KEY
from anonfaces.synthesize import (
    SELF_CONTAINED,
    SurrogateOptions,
    load_surrogate,
    warn_if_unkeyed,
)
from anonfaces.synthesize.generator.latents import GroupLatents
from anonfaces.synthesize.hiding import KEYED_PSI, Hiding, seed_of
from anonfaces.synthesize.owners_key import with_owners_key
from encoders.attributes import load_attributes
from encoders.frame import CropAlignment
from stylegan import Generator

ONE, OTHER = bytes(32), bytes([1] * 32)


@pytest.fixture(scope="module")
def generator(method: Callable[[str], Any]) -> Generator:
    """The one that ships, as the methods share it: what it compiled is not compiled again."""
    return method("stylegan").generator


@pytest.fixture(scope="module")
def groups(generator: Generator) -> list[GroupLatents]:
    """Eight groups of five of the generator's own faces."""
    w = generator.map(generator.latents(range(40)))
    return [GroupLatents(latent=w[5 * g : 5 * g + 5], key=bytes([g] * 32)) for g in range(8)]


@pytest.fixture(scope="module")
def means(groups: list[GroupLatents]) -> np.ndarray:
    return np.stack([group.latent.mean(axis=0) for group in groups])


@pytest.fixture(scope="module")
def framing(method: Callable[[str], Any]) -> CropAlignment:
    return method("stylegan").invert.framing


def test_one_key_gives_one_face_and_another_another(
    generator: Generator, groups: list[GroupLatents], means: np.ndarray, framing: CropAlignment
) -> None:
    first = Hiding(generator, ONE, framing, candidates=1)(means, groups)
    np.testing.assert_array_equal(
        first, Hiding(generator, ONE, framing, candidates=1)(means, groups)
    )
    other = Hiding(generator, OTHER, framing, candidates=1)(means, groups)
    apart = np.linalg.norm((first - other)[:, 0], axis=1)
    assert (apart > 0.5 * np.linalg.norm(means[:, 0] - means[::-1, 0], axis=1)).all()
    assert first.shape == means.shape
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, first[:, :1].repeat(first.shape[1], axis=1))


def test_a_group_is_hidden_by_what_it_holds_not_by_its_place(
    generator: Generator, groups: list[GroupLatents], means: np.ndarray, framing: CropAlignment
) -> None:
    hide = Hiding(generator, ONE, framing, candidates=1)
    both = hide(means, groups)
    np.testing.assert_allclose(hide(means[::-1], groups[::-1])[::-1], both, atol=1e-5)
    np.testing.assert_allclose(hide(means[3:4], groups[3:4])[0], both[3], atol=1e-5)


def test_age_and_gender_stay_and_the_rest_is_hidden(
    generator: Generator, groups: list[GroupLatents], means: np.ndarray, framing: CropAlignment
) -> None:
    hide = Hiding(generator, ONE, framing, candidates=1)
    mean = np.asarray(generator.values()["mapping.w_avg"])
    before, after = means[:, 0] - mean, hide(means, groups)[:, 0] - mean
    _, readings = hide._traits
    assert readings.shape[1] == 2
    np.testing.assert_allclose(after @ readings, before @ readings, atol=1e-3)
    rest = [x - hide._along_traits(x) for x in (before, after)]
    cosine = (rest[0] * rest[1]).sum(axis=1)
    cosine /= np.linalg.norm(rest[0], axis=1) * np.linalg.norm(rest[1], axis=1)
    assert np.abs(cosine).max() < 0.75
    assert np.linalg.norm(rest[1], axis=1).mean() > np.linalg.norm(rest[0], axis=1).mean()


def test_of_more_candidates_one_with_a_likelier_age_and_gender_is_taken(
    generator: Generator, groups: list[GroupLatents], means: np.ndarray, framing: CropAlignment
) -> None:
    one, several = (Hiding(generator, ONE, framing, candidates=c)(means, groups) for c in (1, 4))
    w = np.concatenate([means, one, several]).astype(np.float32)
    seen = load_attributes()(generator.pictures(w, batch=32), framing)
    looks = np.stack([seen["age"] / 20, seen["female"]], axis=1).reshape(3, len(groups), 2)
    off = np.abs(looks[1:] - looks[0]).sum(axis=2)
    assert (off[1] <= off[0] + 1e-6).all()
    assert off[1].sum() < 0.8 * off[0].sum()


def test_all_kept_is_the_mean_itself(
    generator: Generator, groups: list[GroupLatents], means: np.ndarray, framing: CropAlignment
) -> None:
    kept = Hiding(generator, ONE, framing, kept=1.0, candidates=1)(means, groups)
    np.testing.assert_allclose(kept, means, atol=1e-4)


def test_a_seed_needs_the_key() -> None:
    assert seed_of(ONE, b"group") == seed_of(ONE, b"group")
    assert seed_of(ONE, b"group") != seed_of(OTHER, b"group")
    assert seed_of(ONE, b"group") != seed_of(ONE, b"another")


def test_the_datasets_key_is_taken_and_never_shown(tmp_path) -> None:  # type: ignore[no-untyped-def]
    plain = SurrogateOptions(seed=3)
    assert with_owners_key(plain, tmp_path) is plain
    (tmp_path / "owner").mkdir()
    (tmp_path / SECRET_KEY).write_bytes(b"secretsecretsecretsecretsecret!!")
    owned = with_owners_key(plain, tmp_path)
    assert owned.key == b"secretsecretsecretsecretsecret!!"
    assert "secret" not in repr(owned)
    assert owned.to_cli("stylegan", 3) == plain.to_cli("stylegan", 3)
    owned.refuse_all_but("k-same")
    (tmp_path / SECRET_KEY).write_bytes(b"short")
    with pytest.raises(InputError, match="32 random bytes"):
        with_owners_key(plain, tmp_path)


@pytest.mark.parametrize("name", SELF_CONTAINED)
def test_drawing_without_a_key_is_warned_of(name: str) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PrivacyWarning)
        warn_if_unkeyed(name, SurrogateOptions())
        warn_if_unkeyed(name, SurrogateOptions(key=ONE))
    assert [str(one.message) for one in heard] == [
        str(one.message) for one in heard if "without the owner's key" in str(one.message)
    ]
    assert len(heard) == (not name.startswith("k-same"))


@pytest.mark.parametrize(
    ("options", "psi"),
    [
        ({}, 1.0),
        ({"key": ONE}, KEYED_PSI),
        ({"key": ONE, "psi": 1.0}, 1.0),
        ({"psi": 0.6}, 0.6),
    ],
)
def test_what_a_key_moved_lies_nearer_to_the_mean_face(
    groups: list[GroupLatents], means: np.ndarray, options: dict[str, Any], psi: float
) -> None:
    drawer = load_surrogate("stylegan", SurrogateOptions(**options))
    moved = means if drawer.hide is None else drawer.hide(means, groups)
    np.testing.assert_allclose(drawer.means(groups), drawer.mean + psi * (moved - drawer.mean),
                               rtol=1e-5, atol=1e-5)  # fmt: skip
