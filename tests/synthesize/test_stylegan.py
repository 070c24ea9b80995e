"""Generated surrogates: a function of the group alone, with a face, each its own."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from few_steps import few_steps
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonfaces.synthesize import Members, SurrogateOptions, load_surrogate, surrogates
from anonfaces.synthesize.generator import regression
from anonfaces.synthesize.generator import weighted as weighted_module
from anonfaces.synthesize.generator.inversion import load_inversion
from anonfaces.synthesize.generator.latents import people_of
from anonfaces.synthesize.generator.mean_latent import StyleGan
from anonfaces.synthesize.generator.offset_search import offset_search
from anonfaces.synthesize.generator.optimized import TARGET, Optimized
from anonfaces.synthesize.generator.recognizer import RenderedEmbedder, distances, rendered_embedder
from anonfaces.synthesize.generator.regression import fit_regression, kept_regression
from anonfaces.synthesize.generator.weighted import THRESHOLD, Weighted
from encoders.detect import pool as pool_module
from encoders.detect.pool import FaceDetectorPool, enlarged, shows_a_face
from encoders.faceset import FaceSet
from stylegan import checkpoint
from stylegan.checkpoint import Checkpoint
from stylegan.generator import Generator
from stylegan.networks.config import GeneratorConfig

METHODS = ("stylegan", "stylegan-random", "stylegan-weighted", "optimised")
# the mean face of the generator that ships looks like its synthetic people, and steps are few
MAY_WARN = pytest.mark.filterwarnings(
    "ignore:.*(after 3 rounds|--surrogate optimised):anonfaces.errors.PrivacyWarning"
)
Faces = dict[int, NDArray[np.uint8]]


@pytest.fixture(scope="module")
def drawn(few: FaceSet, method: Any) -> Any:
    """What each method makes of the three groups, in few steps."""

    def draw(name: str) -> Faces:
        with few_steps():
            return made(few, method(name))

    return cache(draw)


def three_groups(faces: FaceSet) -> NDArray[np.int64]:
    return np.array([int(who.split("_")[1]) % 3 for who in faces.identity])


def made(faces: FaceSet, method: Any, labels: NDArray[np.int64] | None = None) -> Faces:
    chosen = three_groups(faces) if labels is None else labels
    return dict(surrogates(faces, chosen, faces.identity, method))


@MAY_WARN
@pytest.mark.parametrize("name", METHODS)
def test_every_group_has_its_own_face_of_the_size_of_the_chips(drawn: Any, name: str) -> None:
    faces = drawn(name)
    assert list(faces) == [0, 1, 2]
    for face in faces.values():
        assert (face.dtype, face.shape) == (np.uint8, (256, 256, 3))
        assert shows_a_face(face)
    assert len({face.tobytes() for face in faces.values()}) == 3


@MAY_WARN
@pytest.mark.parametrize("name", METHODS)
def test_a_face_depends_on_neither_order_nor_names_nor_other_groups(
    few: FaceSet, method: Any, drawn: Any, name: str
) -> None:
    rows = np.random.default_rng(0).permutation(np.flatnonzero(three_groups(few) != 2))
    some = few.select(rows)
    renamed = replace(some, identity=np.array([f"z{who[::-1]}" for who in some.identity]))
    with few_steps():
        again = dict(surrogates(renamed, 5 - three_groups(some), renamed.identity, method(name)))
    assert sorted(again) == [4, 5]
    for group in (0, 1):
        np.testing.assert_array_equal(drawn(name)[group], again[5 - group])


def test_one_group_alone_is_drawn_as_among_others(few: FaceSet, method: Any, drawn: Any) -> None:
    labels = three_groups(few)
    rows = [np.flatnonzero((few.identity == who) & (labels == 1)) for who in set(few.identity)]
    members = Members(few, tuple(r for r in rows if len(r)))
    np.testing.assert_array_equal(method("stylegan")(members), drawn("stylegan")[1])


def test_the_mean_gives_people_equal_weight(few: FaceSet, method: Any) -> None:
    names, counts = np.unique(few.identity, return_counts=True)
    one, three = names[counts == 1][0], names[counts == 3][0]
    rows = tuple(np.flatnonzero(few.identity == who) for who in (one, three))
    invert = method("stylegan").invert
    (people,) = people_of([Members(few, rows)], invert)
    means = [invert(few.chips(r)).mean(axis=0) for r in rows]
    np.testing.assert_allclose(
        method("stylegan").place([people])[0], np.mean(means, axis=0), atol=1e-5
    )


def test_chance_is_by_seed_and_content(few: FaceSet, method: Any) -> None:
    invert = method("stylegan").invert
    groups = [Members(few, tuple(np.array([i]) for i in r)) for r in ([0, 1], [2, 3])]
    one, two = people_of(groups, invert)
    assert (one.draw(1).random(9) == people_of(groups[:1], invert)[0].draw(1).random(9)).all()
    assert (one.draw(1).random(9) != one.draw(2).random(9)).any()
    assert (one.draw(1).random(9) != two.draw(1).random(9)).any()


def people_with_faces(few: FaceSet, invert: Any) -> list[Any]:
    labels = three_groups(few)
    groups = []
    for number in range(3):
        people = np.unique(few.identity[labels == number])
        rows = tuple(np.flatnonzero(few.identity == who) for who in people)
        groups.append(Members(few, rows))
    return people_of(groups, invert, needs=("vectors", "color", "looks"))


def test_optimised_faces_are_evenly_far_from_all_members(few: FaceSet, method: Any) -> None:
    ours: Optimized = method("optimised")
    groups = people_with_faces(few, ours.invert)
    mirror = rendered_embedder(ours.generator, ours.invert.framing)
    mean, moved = (mirror(m.place(groups)) for m in (method("stylegan"), ours))
    spreads = []
    for group, before, after in zip(groups, mean, moved, strict=True):
        near, nearer = (
            np.array([d.min() for d in distances(shown, group)]) for shown in (before, after)
        )
        assert np.abs(nearer - TARGET).max() < np.abs(near - TARGET).max()
        assert nearer.min() > THRESHOLD
        spreads.append((np.ptp(near), np.ptp(nearer)))
    # of one group the mean's face may happen to be as far from all, but farther than need be
    assert np.mean(spreads, axis=0)[1] < np.mean(spreads, axis=0)[0]


STRICT = 0.75


def test_weights_move_until_the_rate_is_at_most_one_in_k(
    few: FaceSet, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a recognizer that takes more for one person than dlib at 0.6, where equal weights do."""
    monkeypatch.setattr(weighted_module, "THRESHOLD", STRICT)
    weighted: Weighted = method("stylegan-weighted")
    groups = people_with_faces(few, weighted.invert)
    equal = method("stylegan").place(groups)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PrivacyWarning)
        adjusted = weighted.place(groups)
    rate = partial(rates, rendered_embedder(weighted.generator, weighted.invert.framing), groups)
    before, after = rate(equal), rate(adjusted)
    fine = before <= 1 / 4
    np.testing.assert_allclose(adjusted[fine], equal[fine], atol=1e-5)
    assert not fine.all()
    assert (after <= before).all()
    assert heard or (after <= 1 / 4).all()


def rates(mirror: RenderedEmbedder, groups: list[Any], w: Any) -> NDArray[np.float64]:
    """The share of each group's faces that dlib finds in its surrogate."""
    shown = zip(mirror(w), groups, strict=True)
    return np.array([(np.concatenate(distances(*pair)) <= STRICT).mean() for pair in shown])


def test_counting_over_the_set_is_warned_of(few: FaceSet) -> None:
    method = load_surrogate("stylegan-weighted", SurrogateOptions(per="dataset"))
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", PrivacyWarning)
        assert len(made(few, method)) == 3
    assert any("not on its group alone" in str(warning.message) for warning in heard)


def test_vectors_of_the_chips_stand_in_where_the_set_has_others(few: FaceSet, method: Any) -> None:
    other = replace(few, meta={**few.meta, "extractor": "pca"})
    invert = method("stylegan").invert
    members = [Members(faces, (np.arange(len(few)),)) for faces in (few, other)]
    (own,), (seen,) = (people_of([m], invert, needs=("vectors", "color", "looks")) for m in members)
    off = np.linalg.norm(own.vectors[0] - seen.vectors[0], axis=1)
    assert 0 < np.median(off) < 0.45


def test_a_generator_without_an_encoder_is_regressed_on(few: FaceSet, method: Any) -> None:
    generator = method("stylegan").generator
    fitted = fit_regression(generator, method("stylegan").invert.framing, 200)
    w = fitted(few.chips(np.arange(8)))
    mirror, embedding = rendered_embedder(generator, fitted.framing), few.embedding[:8]
    own = np.linalg.norm(mirror(w) - embedding, axis=1)
    others = np.linalg.norm(mirror(w) - np.roll(embedding, 4, axis=0), axis=1)
    assert own.mean() < others.mean()


def test_a_smaller_psi_is_nearer_to_the_mean_face(few: FaceSet, method: Any) -> None:
    plain: StyleGan = method("stylegan")
    mean = plain.draw(np.broadcast_to(plain.mean, (1, plain.generator.num_ws, len(plain.mean))))
    off = []
    for psi in (0.3, 0.7):
        plain.options = SurrogateOptions(psi=psi)
        off.append(np.abs(made(few, plain)[0] - enlarged(mean[0], 256).astype(float)).mean())
    plain.options = SurrogateOptions()
    off.append(np.abs(made(few, plain)[0] - enlarged(mean[0], 256).astype(float)).mean())
    assert off == sorted(off)


class Blind(StyleGan):
    """A generator whose faces are all lost at first, or for good."""

    name = "blind"
    clear_at = 0.0

    def draw(self, w: Any) -> Any:
        pictures = super().draw(w)
        near = np.abs(w - self.mean).max() <= self.clear_at
        return pictures if near else np.zeros_like(pictures)


def test_where_no_face_is_found_others_nearer_to_the_mean_are_tried(few: FaceSet) -> None:
    blind = Blind(SurrogateOptions(jobs=1))
    (people, *_) = people_with_faces(few, blind.invert)
    blind.clear_at = 0.6 * float(np.abs(blind.place([people]) - blind.mean).max())
    one = few.select(np.flatnonzero(three_groups(few) == 0))
    face = made(one, blind)[0]
    expected = blind.draw(blind.truncated(blind.place([people]), 0.5))[0]
    np.testing.assert_array_equal(face, enlarged(expected, 256))


def test_a_group_for_which_none_shows_a_face_is_named(few: FaceSet) -> None:
    with pytest.raises(GuaranteeError, match=r"no face in what the generator draws for group 0, 1"):
        made(few, Blind(SurrogateOptions(jobs=1)))


@pytest.mark.parametrize("here", [0, 4])
def test_onlookers_see_what_there_is(
    here: int, few: FaceSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool_module, "_HERE", here)  # the fourth picture is the last one here
    empty = np.zeros((64, 64, 3), np.uint8)
    chips = few.chips(np.arange(3))
    with FaceDetectorPool(2) as pool:
        pool.submit([empty, *chips[:2]])
        pool.submit([enlarged(chips[2], 512)])
        pool.submit([chips[0], empty])
        pool.submit([])
        assert pool.results().tolist() == [False, True, True]
        assert pool.results().tolist() == [True]
        assert pool.results().tolist() == [True, False]
        assert pool.results().tolist() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"psi": 0.0}, "--psi is a number above 0"),
        ({"psi": 2.1}, "--psi is a number above 0"),
        ({"psi": float("nan")}, "--psi is a number above 0"),
        ({"jobs": 0}, "--jobs is a number of processes"),
        ({"per": "person"}, "--per is group or dataset"),
        ({"seed": -1}, "a seed is a whole number"),
        ({"label": 1}, "--class is one of a --generator's"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        SurrogateOptions(**options)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("blur", {}, r"no surrogate method 'blur'.*k-same.*stylegan"),
        ("k-same", {"psi": 0.7}, "--surrogate k-same has no --psi"),
        ("k-same", {"generator": Path("x.pkl")}, "--surrogate k-same has no --generator"),
        ("k-same", {"generator": Path("x.pkl"), "label": 1}, "--surrogate k-same has no --gen"),
        ("stylegan", {"per": "dataset"}, "--surrogate stylegan has no --per"),
    ],
)
def test_what_a_method_does_not_have_is_refused(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        load_surrogate(name, SurrogateOptions(**options))


def test_what_was_fitted_is_kept_and_read_as_it_was(
    method: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    generator, path = method("stylegan").generator, tmp_path / "g.pkl"
    path.touch()
    fitted = kept_regression(generator, path, 20)
    (kept,) = tmp_path.glob("g.pkl.regression-*.h5")
    monkeypatch.setattr(regression, "framing_of", lambda _: pytest.fail("fitted anew"))
    again = kept_regression(generator, path, 20)
    assert again.framing == fitted.framing
    for name, array in fitted.inverse.arrays.items():
        np.testing.assert_array_equal(again.inverse.arrays[name], array)
    kept.write_bytes(kept.read_bytes()[:-100])  # damaged
    monkeypatch.setattr(regression, "framing_of", lambda _: fitted.framing)
    monkeypatch.setattr(regression, "fit_regression", lambda *_: fitted)
    assert kept_regression(generator, path, 20) is fitted
    assert kept_regression(generator, path, 20) is not fitted  # read again
    regression._keep([path / "no folder.h5", tmp_path / "cache" / "a.h5"], "key", fitted)
    assert (tmp_path / "cache" / "a.h5").is_file()


def test_another_class_or_count_of_samples_is_another_regression() -> None:
    random = Generator(GeneratorConfig(channels=(4, 4), z_dim=4, w_dim=4, classes=2))
    generators = (random, random.of_class(0), random.of_class(1))
    keys = {regression._key(one, count) for one in generators for count in (None, 40)}
    assert len(keys) == 6


def test_the_search_looks_at_a_lower_output_where_the_network_is_twice_the_chip(
    method: Any,
) -> None:
    ours = method("stylegan")
    whole = ours.generator.config.resolution
    for chip_size, side in ((24, 32), (whole // 2, whole), (256, whole), (None, whole)):
        search = offset_search(ours.generator, ours.invert.framing, chip_size)
        assert search.generator.config.resolution == side


@pytest.mark.parametrize(
    ("classes", "label", "message"),
    [
        (3, None, "this generator has 3 classes"),
        (3, 3, "class 3: this generator has those from 0 to 2"),
        (0, 1, "class 1: this generator has no classes: leave that out"),
        (3, 2, "dlib finds a face in 0 of 60 pictures"),  # it is drawn; of random numbers
    ],
)
def test_a_class_is_asked_of_a_generator_with_classes_alone(
    classes: int, label: int | None, message: str, tmp_path: Path
) -> None:
    random = Generator(GeneratorConfig(channels=(4, 4), z_dim=4, w_dim=4, classes=classes))
    checkpoint.write(Checkpoint(random.config, random.values()), tmp_path)
    with pytest.raises(InputError, match=message):
        StyleGan(SurrogateOptions(generator=tmp_path, label=label))


def test_the_class_is_in_the_command_and_so_among_what_a_face_depends_on() -> None:
    options = SurrogateOptions(generator=Path("c.pkl"), label=3)
    command = ["--surrogate stylegan", "--generator FILE", "--class 3"]
    assert options.to_cli("stylegan", 0) == command


def test_the_inversion_is_of_the_generator(method: Any) -> None:
    generator = method("stylegan").generator
    w = generator.map(generator.latents(range(6)), psi=0.8)
    invert = load_inversion(generator, None)
    chips = invert.framing.to_ffhq(generator.pictures(w), 256)
    back = invert(chips)
    off = np.linalg.norm(back.mean(axis=1) - w.mean(axis=1), axis=1)
    apart = np.linalg.norm(back.mean(axis=1) - np.roll(w, 1, axis=0).mean(axis=1), axis=1)
    assert (off < apart).all()
