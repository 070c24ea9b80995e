"""Surrogates out of a gallery: dealt by the key, each used once, far from all members and alike."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support import build_once, missing_data

from anonbase.errors import InputError, PrivacyWarning, UtilityWarning
from anonfaces import condense
from anonfaces.condensation.resurrogate import resurrogate
from anonfaces.report import Summary
from anonfaces.synthesize import (
    Members,
    SurrogateOptions,
    check_surrogate,
    groups_of,
    load_surrogate,
    surrogates,
)
from anonfaces.synthesize.generator.latents import GroupLatents
from anonfaces.synthesize.portraits.candidates import Candidates
from anonfaces.synthesize.portraits.dealing import dealt, seats_of, secret_of
from anonfaces.synthesize.portraits.known import KNOWN
from anonfaces.synthesize.portraits.morph import Portrait, morph
from anonfaces.synthesize.portraits.portraits import Portraits
from anonfaces.synthesize.portraits.surrogate import Gallery
from encoders.faceset import FaceSet

KEY, OTHER = bytes([7] * 32), bytes([1] * 32)
MAY_WARN = pytest.mark.filterwarnings(
    "ignore:--surrogate (gallery|k-same):anonbase.errors.PrivacyWarning"
)
FACES = 24


def test_every_face_is_in_one_hand_and_hands_are_equal() -> None:
    for n, count in ((40, 7), (12, 12), (5, 2), (9, 3)):
        hands = dealt(np.arange(n), count, KEY)
        assert sorted(np.concatenate(hands).tolist()) == list(range(n))
        assert {len(hand) for hand in hands} <= {n // count, n // count + 1}


def test_a_hand_has_faces_of_all_kinds() -> None:
    hands = dealt(np.arange(60), 10, KEY)  # ordered by kind: 0 to 9 are alike, 10 to 19, ...
    assert all((np.sort(hand) // 10 == np.arange(6)).all() for hand in hands)


def test_who_sits_where_is_decided_by_the_key_and_by_what_a_group_holds() -> None:
    contents = [bytes([i]) for i in range(20)]
    seats = seats_of(contents, secret_of(KEY, 0))
    assert sorted(seats) == list(range(20))
    assert seats_of(contents[::-1], secret_of(KEY, 0)) == seats[::-1]
    for secret in (secret_of(OTHER, 0), secret_of(KEY, 1), secret_of(None, 0)):
        assert seats_of(contents, secret) != seats
        assert not all(
            np.array_equal(*pair)
            for pair in zip(
                dealt(np.arange(60), 20, secret),
                dealt(np.arange(60), 20, secret_of(KEY, 0)),
                strict=True,
            )
        )


def group_of(vectors: list[list[float]], years: float = 30, odds: float = 2) -> GroupLatents:
    """A group of as many people, one photograph each."""
    n = len(vectors)
    return GroupLatents(
        latent=np.zeros((n, 1, 1), np.float32),
        key=b"",
        vectors=tuple(padded([own]) for own in vectors),
        tone=np.zeros((n, 3), np.float32),
        looks=np.tile(np.float32([years, odds]), (n, 1)),
    )


def padded(vectors: list[list[float]]) -> NDArray[np.float32]:
    return np.stack([np.pad(np.float32(vector), (0, 128 - len(vector))) for vector in vectors])


def candidate(vector: list[float], years: float = 30, odds: float = 2, tone: float = 0) -> Any:
    return Candidates(padded([vector]), np.float32([[years, odds]]), np.full((1, 3), tone, "f"))


@pytest.mark.parametrize(
    ("face", "fits"),
    [
        (candidate([0, 0.7]), True),
        (candidate([0, 0.5]), False),  # too near
        (candidate([0.2, 0.7]), False),  # nearer to one than to the other
        (candidate([0, 0.7], years=50), False),
        (candidate([0, 0.7], years=38), True),
        (candidate([0, 0.7], odds=-2), False),
        (candidate([0, 0.7], tone=-0.5), False),
        (candidate([0, 0.7], tone=-0.1), True),
    ],
)
def test_a_face_fits_that_is_far_from_all_equally_and_alike(face: Any, fits: bool) -> None:
    fit = face.fit(group_of([[0.3, 0], [-0.3, 0]]))
    assert fit.fits.tolist() == [fits]
    good = candidate([0, 0.7]).fit(group_of([[0.3, 0], [-0.3, 0]]))
    assert (fit.cost > good.cost).all() or fits


def test_what_a_mixture_is_like_lies_between() -> None:
    one, other = candidate([0.4, 0.6], years=20), candidate([-0.4, 0.6], years=40)
    mixed = one.mixed(other, 0.5)
    np.testing.assert_allclose(mixed.vector[0, :2], [0, 0.6], atol=1e-6)
    assert mixed.looks[0, 0] == 30
    assert mixed.fit(group_of([[0.3, 0], [-0.3, 0]])).fits.all()
    assert not one.fit(group_of([[0.3, 0], [-0.3, 0]])).fits.any()


SIDE = 64


def drawn_face(shift: float, level: int) -> Portrait:
    """Landmarks on a circle, a bright dot at one of them, on an even ground."""
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    circle = SIDE / 2 + np.stack([np.cos(angle), np.sin(angle)], axis=1) * SIDE / 4
    circle[33] = (SIDE / 2 + shift, SIDE / 2)
    picture = np.full((SIDE, SIDE, 3), level, np.uint8)
    x, y = np.rint(circle[33]).astype(int)
    picture[y - 1 : y + 2, x - 1 : x + 2] = 255
    return Portrait(picture, circle.astype(np.float32))


def test_landmarks_of_a_mixture_lie_between_and_light_is_the_first_faces() -> None:
    one, other = drawn_face(-8, 90), drawn_face(8, 160)
    mixed = morph(one, other, 0.5)
    dot = np.argwhere(mixed[..., 0] == mixed[..., 0].max()).mean(axis=0)
    np.testing.assert_allclose(dot, [SIDE / 2, SIDE / 2], atol=1.5)
    assert np.median(mixed) == 90
    assert abs(mixed.mean() - one.picture.mean()) < 6
    np.testing.assert_allclose(morph(one, other, 0.0), one.picture, atol=1)


def portraits(vectors: list[list[float]]) -> Portraits:
    n = len(vectors)
    looks = np.tile(np.float32([30, 1]), (n, 1))
    return Portraits(
        root=Path("nobodies"),
        image=np.array([f"{i}.jpg" for i in range(n)]),
        landmark=np.zeros((n, 68, 2), np.float32),
        candidates=Candidates(padded(vectors), looks, np.zeros((n, 3), np.float32)),
    )


def prepared(few: FaceSet, folder: Path, vectors: list[list[float]]) -> str:
    method = Gallery(SurrogateOptions(gallery=folder, key=KEY), portraits(vectors))
    labels = np.array([int(who.split("_")[1]) % 3 for who in few.identity])
    return method.prepare(few, list(groups_of(few, labels, few.identity)))


@pytest.mark.filterwarnings("ignore:--surrogate gallery:anonbase.errors.UtilityWarning")
def test_a_gallery_with_a_face_of_the_input_is_refused_by_name(
    few: FaceSet, tmp_path: Path
) -> None:
    known = few.embedding[3].tolist()
    with pytest.raises(InputError, match=r"(?s)1 picture so near .*nobodies/1\.jpg \(0\.00\)$"):
        prepared(few, tmp_path, [[5.0], known, [6.0]])
    beside = [*known]
    beside[0] += KNOWN + 0.01
    assert prepared(few, tmp_path, [[5.0], beside, [6.0]])


def test_a_gallery_with_too_few_faces_is_refused(few: FaceSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 pictures with a single face for 3 groups"):
        prepared(few, tmp_path, [[5.0], [6.0]])
    with pytest.warns(UtilityWarning, match="leave each 2 to choose from"):
        prepared(few, tmp_path, [[5.0 + i] for i in range(7)])


def test_what_all_faces_depend_on_changes_with_gallery_key_and_groups(
    few: FaceSet, tmp_path: Path
) -> None:
    vectors = [[5.0 + i] for i in range(24)]
    first = prepared(few, tmp_path, vectors)
    assert prepared(few, tmp_path, vectors) == first
    assert prepared(few, tmp_path, [[4.0], *vectors[1:]]) != first
    assert prepared(few.select(np.arange(len(few))[::-1]), tmp_path, vectors) == first


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gallery", {}, "--surrogate gallery needs --gallery FOLDER"),
        ("stylegan", {"gallery": Path()}, "--surrogate stylegan has no --gallery"),
        ("gallery", {"gallery": Path(), "psi": 0.5}, "--surrogate gallery has no --psi"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    name: str, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        check_surrogate(name, SurrogateOptions(**options))


def test_a_gallery_that_is_no_folder_is_refused(few: FaceSet, tmp_path: Path) -> None:
    options = SurrogateOptions(gallery=tmp_path / "none", key=KEY)
    with pytest.raises(InputError, match="none: expected a folder of pictures"):
        load_surrogate("gallery", options)
    assert options.to_cli("gallery", 0) == ["--surrogate gallery", "--gallery FOLDER"]


@pytest.fixture(scope="module")
def drawn(method: Callable[[str], Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces that the generator draws, a PNG each."""

    def build(folder: Path) -> None:
        generator = method("stylegan").generator
        w = generator.map(generator.latents(range(900, 900 + FACES)), psi=0.8)
        for number, picture in enumerate(generator.pictures(w)):
            large = Image.fromarray(picture).resize((256, 256), Image.Resampling.BICUBIC)
            large.save(folder / f"{number:02d}.png")

    return build_once(tmp_path_factory, "gallery-of-drawn-faces", build)


@pytest.fixture(scope="module")
def out(few: FaceSet, drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve people in groups of four, with surrogates out of the drawn faces."""
    folder = tmp_path_factory.mktemp("gallery") / "out"
    assert few.path is not None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", (PrivacyWarning, UtilityWarning))
        condense(
            few.path, 4, folder, surrogate="gallery",
            surrogate_options=SurrogateOptions(gallery=drawn),
        )  # fmt: skip
    return folder


def test_every_group_gets_a_face_of_its_own_and_the_owner_a_note(out: Path) -> None:
    summary = Summary.read(out / "summary.json")
    assert summary.surrogate == "gallery"
    assert "--gallery FOLDER" in summary.command
    assert "owner/faces.gallery.h5" in summary.secret
    lines = (out / "owner" / "surrogate_distances.csv").read_text().splitlines()[1:]
    assert len(lines) == summary.groups == len(list((out / "surrogates").iterdir())) == 3
    for line in lines:
        _, near, far = map(float, line.split(","))
        assert 0.5 < near <= far < 1


@MAY_WARN
@pytest.mark.filterwarnings("ignore:--surrogate gallery:anonbase.errors.UtilityWarning")
def test_the_way_back_by_the_same_key_gives_the_same_bytes(
    out: Path, drawn: Path, few: FaceSet, tmp_path: Path
) -> None:
    again = Path(shutil.copytree(out, tmp_path / "again"))
    resurrogate(again, "gallery", SurrogateOptions(gallery=drawn), faces=few.path)
    for path in (out / "surrogates").iterdir():
        assert (again / "surrogates" / path.name).read_bytes() == path.read_bytes()
    resurrogate(again, "k-same", faces=few.path)
    assert not (again / "owner" / "faces.gallery.h5").exists()


@MAY_WARN
def test_pictures_of_another_generator_come_out_as_they_are(
    few: FaceSet, tmp_path: Path, shared_data: Path
) -> None:
    pictures = sorted((shared_data / "synthetic256").glob("omi_*.jpg"))[:8]
    if len(pictures) < 8:
        missing_data("there are no synthetic faces")
    for path in pictures:
        shutil.copy(path, tmp_path)
    shutil.copy(pictures[0], tmp_path / "copy.jpg")  # which counts once
    method = load_surrogate("gallery", SurrogateOptions(gallery=tmp_path, key=KEY))
    labels = np.zeros(len(few), np.int64)
    ((_, face),) = surrogates(few, labels, few.identity, method)
    known = [np.asarray(Image.open(path).convert("RGB")) for path in pictures]
    whole = any(np.array_equal(face, picture) for picture in known)
    message = method.report_line()  # type: ignore[attr-defined]
    assert message.startswith(
        f"{'0 faces are mixtures' if whole else '1 face is a mixture'} of two"
    )
    assert ", of 8 in the gallery" in message
    assert face.shape == (256, 256, 3)
    members = Members(few, tuple(np.flatnonzero(few.identity == who) for who in set(few.identity)))
    np.testing.assert_array_equal(method(members), face)
