"""k-Same-M and k-Same-Eigen: warps that keep what they should, means that keep their distance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonfaces.synthesize import Members
from anonfaces.synthesize.k_same import appearance_model, eigenfaces
from anonfaces.synthesize.k_same.appearance_model import load_appearance
from anonfaces.synthesize.k_same.average import KSame
from anonfaces.synthesize.k_same.eigen import KSameEigen
from anonfaces.synthesize.k_same.eigenfaces import load_eigenfaces
from anonfaces.synthesize.k_same.model import KSameM, stepped
from anonfaces.synthesize.k_same.warp import Sheet, to_pixels, to_sides
from encoders import FaceSet, encode
from encoders.detect.pool import enlarged


@pytest.fixture(scope="module")
def faces(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> FaceSet:
    """Twelve of the synthetic people, a picture or more each."""
    root = tmp_path_factory.mktemp("people")
    for pictures in everybody[:12]:
        person = root / pictures[0].parent.name
        person.mkdir()
        for picture in pictures[:2]:
            (person / picture.name).write_bytes(picture.read_bytes())
    return encode(root, root / "faces.h5", chip_size=96, jobs=1)


def members(faces: FaceSet, *who: int) -> Members:
    names = np.unique(faces.identity)
    return Members(faces, tuple(np.flatnonzero(faces.identity == names[i]) for i in who))


def ramp(size: int) -> NDArray[np.float32]:
    """A picture that holds its own coordinates, in sides."""
    across, down = np.meshgrid(*[to_sides(np.arange(size), size)] * 2)
    return np.stack([across, down, down], axis=-1).astype(np.float32)


def test_a_warp_to_its_own_shape_changes_nothing() -> None:
    mean, rng = load_appearance().mean_shape, np.random.default_rng(0)
    chips = rng.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    warped = Sheet(mean, mean, 64).warp(chips, np.broadcast_to(mean, (3, 68, 2)))
    np.testing.assert_array_equal(warped, chips)


def test_landmarks_land_where_the_target_has_them() -> None:
    mean, rng = load_appearance().mean_shape, np.random.default_rng(1)
    source = mean + rng.normal(0, 0.01, (5, 68, 2))
    target = mean + rng.normal(0, 0.005, (68, 2))
    warped = Sheet(mean, target, 128).warp(np.repeat(ramp(128)[None], 5, axis=0), source)
    at = np.rint(to_pixels(target, 128)).astype(int)[17:]  # the jaw lies at large triangles
    for one, landmark in zip(warped, source, strict=True):
        found = one[at[:, 1], at[:, 0], :2]
        np.testing.assert_allclose(found, landmark[17:], atol=0.02)


def test_many_faces_are_warped_as_one_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    from anonfaces.synthesize.k_same import warp

    mean, rng = load_appearance().mean_shape, np.random.default_rng(2)
    chips = rng.integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    shapes = mean + rng.normal(0, 0.02, (7, 68, 2))
    sheet = Sheet(mean, mean, 32)
    together = sheet.warp(chips, shapes)
    alone = [sheet.warp(chips[i : i + 1], shapes[i : i + 1])[0] for i in range(7)]
    np.testing.assert_array_equal(together, alone)
    monkeypatch.setattr(warp, "_LONGEST", 70)  # two chips a part
    np.testing.assert_array_equal(sheet.warp(chips, shapes), together)


def test_a_folded_shape_leaves_no_hole() -> None:
    mean = load_appearance().mean_shape
    folded = mean.copy()
    folded[30] = [0.9, 0.1]
    warped = Sheet(mean, folded, 48).warp(np.full((1, 48, 48, 3), 200, np.uint8), mean[None])
    assert (warped == 200).all()


@pytest.mark.parametrize("p", [2, 5, 19])
@pytest.mark.parametrize("margin", [0.5, 8.0, 20.0])
def test_the_mean_is_moved_the_margin_away_and_nearer_to_nobody(p: int, margin: float) -> None:
    people = np.random.default_rng(p).normal(size=(p, 60)) * 0.6 + 0.3
    step = stepped(people, margin)
    before = np.linalg.norm(people - people.mean(axis=0), axis=1)
    after = np.linalg.norm(people - people.mean(axis=0) - step, axis=1)
    assert after.min() == pytest.approx(max(margin, before.min()))
    np.testing.assert_allclose(after**2 - before**2, np.square(step).sum(), atol=1e-9)
    if step.any():
        # towards the average face, and no farther from it than need be
        assert step @ people.mean(axis=0) < 0


def test_a_group_larger_than_the_model_or_of_equals_is_moved_as_well() -> None:
    many = np.random.default_rng(0).normal(size=(90, 12))
    assert np.linalg.norm(stepped(many, 9.0)) > 5
    assert np.linalg.norm(stepped(np.zeros((3, 12)), 2.0)) == pytest.approx(2.0)


def test_a_margin_moves_the_face_and_none_is_the_mean(faces: FaceSet) -> None:
    group = members(faces, 0, 1, 2)
    plain, moved = KSameM(0.0)(group), KSameM(12.0)(group)
    assert plain.shape == moved.shape == (96, 96, 3)
    hidden = load_appearance().mask == 0
    assert np.abs(plain.astype(int) - moved)[~hidden].mean() > 4
    # a group of one, moved nowhere, is that person again but for the warp there and back
    one = members(faces, 3)
    photograph = KSame()(one)
    again = KSameM(0.0)(one)
    assert np.abs(photograph.astype(int) - again).mean() < 6


def test_k_same_m_is_sharper_than_k_same(faces: FaceSet) -> None:
    group = members(faces, *range(8))
    inside = load_appearance().mask[..., None] > 0.5

    def detail(face: NDArray[np.uint8]) -> float:
        steps = np.abs(np.diff(face.astype(float), axis=0))
        return float((steps * inside[1:]).sum())

    assert detail(KSameM(0.0)(group)) > detail(KSame()(group))


def test_eigenfaces_give_back_what_they_can_say(faces: FaceSet) -> None:
    basis = load_eigenfaces()
    np.testing.assert_allclose(basis.faces @ basis.faces.T, np.eye(len(basis.faces)), atol=2e-3)
    chips = faces.chips()
    cut = eigenfaces.FACE.cut(chips, eigenfaces.FACE_SIZE).astype(float)
    found = basis.project(cut.reshape(len(cut), -1))
    near = np.stack([basis.picture(c) for c in found]) - cut
    far = basis.picture(np.zeros(len(basis.faces))) - cut
    assert np.abs(near).mean() < 0.6 * np.abs(far).mean()


def test_k_same_eigen_is_the_mean_that_its_paper_says(faces: FaceSet) -> None:
    group, basis = members(faces, 1, 0, 4), load_eigenfaces()
    cut = eigenfaces.FACE.cut(faces.chips(), eigenfaces.FACE_SIZE)
    found = basis.project(cut.reshape(len(cut), -1))
    people = [found[rows].mean(axis=0) for rows in group.rows]
    assert len(group.rows[0]) > len(group.rows[1])
    face = basis.picture(np.mean(people, axis=0))
    np.testing.assert_allclose(KSameEigen()(group), enlarged(face, 96), atol=1)


@pytest.mark.parametrize(
    ("module", "load"), [(appearance_model, "load_appearance"), (eigenfaces, "load_eigenfaces")]
)
def test_models_that_are_missing_or_others_are_refused(
    module: object, load: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from encoders.weights_file import write

    reader = getattr(module, load).__wrapped__
    monkeypatch.setattr(module, "SHIPPED", tmp_path)
    with pytest.raises(WeightsError, match=r"missing.*fitting"):
        reader()
    path = tmp_path / module.NAME  # type: ignore[attr-defined]
    write(path, module.KIND, {}, {"mean": np.zeros(3)})  # type: ignore[attr-defined]
    with pytest.raises(WeightsError, match="holds"):
        reader()
    path.write_bytes(b"no model")
    with pytest.raises(WeightsError):
        reader()


def test_models_are_fitted_again(faces: FaceSet, monkeypatch: pytest.MonkeyPatch) -> None:
    from anonfaces.synthesize.k_same import fitting

    with pytest.raises(InputError, match="at least 500"):
        fitting.fit(Path(str(faces.path)))
    for name in ("_SHAPES", "_TEXTURES", "_EIGENFACES"):
        monkeypatch.setattr(fitting, name, 5)
    shapes = fitting.fit_appearance(faces)
    assert shapes["shapes"].shape == (5, 136)
    assert shapes["textures"].shape == (5, 96 * 96 * 3)
    model = appearance_model.Appearance(**shapes)
    landmark = np.stack([members(faces, i).landmarks(0).mean(axis=0) for i in range(12)])
    assert np.abs(to_sides(landmark, 96).mean(axis=0) - model.mean_shape).max() < 0.03
    assert fitting.fit_eigenfaces(faces)["faces"].shape == (5, 64 * 64 * 3)
