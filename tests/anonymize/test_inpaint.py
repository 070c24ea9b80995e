"""A hole filled to suit its border: what goes in, what comes out."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError, PrivacyWarning
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.inpainting import starts
from anonfaces.anonymize.inpainting.ask import side_by_side
from anonfaces.anonymize.inpainting.holes import border_hole, box_hole, leveled
from anonfaces.anonymize.inpainting.options import InpaintOptions, Proposal
from anonfaces.anonymize.inpainting.search import alikeness
from anonfaces.anonymize.inpainting.starts import agreement, draw
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.paste import SourceFace, outline, paste
from anonfaces.anonymize.replace import replace as replace_faces
from anonfaces.anonymize.sources.inpaint import InpaintedFaces

pytestmark = pytest.mark.filterwarnings("ignore::anonfaces.errors.WeightsWarning")

STEPS = 12


@pytest.fixture(autouse=True, scope="module")
def _few_samples() -> Iterator[None]:
    """To draw and to look at fifty for each face takes longer than the search."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(starts, "MOST_DRAWS", 16)
        yield


@pytest.fixture(scope="module")
def source(analyzer: FaceAnalyzer, tmp_path_factory: pytest.TempPathFactory) -> InpaintedFaces:
    options = AnonymizationOptions(
        surrogate="inpaint", latents=2, inpaint=InpaintOptions(iterations=STEPS)
    )
    return InpaintedFaces(analyzer, options, tmp_path_factory.mktemp("steps") / "films")


@pytest.fixture(scope="module")
def boxed(source: InpaintedFaces) -> InpaintedFaces:
    """The second version, on the same networks."""
    manner = InpaintOptions(framing="box", iterations=8, traits=True)
    options = replace(source.options, inpaint=manner)
    made = copy(source)
    made.options, made._manner, made._film, made.steps = options, manner, None, None
    made._ready = None
    return made


def test_the_hole_is_empty_and_does_not_depend_on_the_inner_face(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    landmark = two_faces.landmark[0]
    hole = source.hole(two, landmark)
    assert hole is not None
    assert not hole.picture[hole.weight[..., 0] == 0].any()
    assert 0.1 < (hole.weight > 0).mean() < 0.9
    other = two.copy()
    inner = cv2.fillConvexPoly(np.zeros(two.shape[:2], np.uint8), outline(landmark), 1)
    other[cv2.erode(inner, np.ones((9, 9), np.uint8)) > 0] = 255
    same = source.hole(other, landmark)
    assert same is not None
    np.testing.assert_allclose(same.picture, hole.picture, atol=1e-6)


def test_the_fillings_come_nearer_to_the_border_and_the_best_is_first(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    filling = source._filling(two, two_faces, 0, 7, 0)
    assert filling is not None
    search, side = filling.search, filling.holes[0].picture.shape[0]
    assert search.pictures.shape == (2, side, side, 3)
    assert search.curve.shape == (STEPS, 3, 2)
    assert (search.curve[-1, 0] < search.curve[0, 0]).all()
    assert search.loss[0] <= search.loss[1]
    off = [
        (np.abs(drawn / 127.5 - 1 - filling.holes[0].picture) * filling.holes[0].weight).sum()
        for drawn in (search.pictures[0], search.first[0])
    ]
    assert off[0] < off[1]
    assert alikeness(search.pictures) > 0
    assert alikeness(search.pictures[:1]) == 0


def test_films_sheets_and_curves_are_left(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    for index in range(len(two_faces)):
        next(source.candidates(two, two_faces, index, 0))
    assert source.steps is not None
    names = {path.name for path in source.steps.iterdir()}
    numbers = ("1-original", "2-boxes", "3-squares", "4-holes", "5-replaced")
    assert {f"00000-{name}.png" for name in numbers} <= names
    assert {"00000.gif", "00000.mp4", "00000-000.gif", "00000-001-curves.png"} <= names
    with Image.open(source.steps / "00000-000.gif") as gif:
        assert gif.n_frames >= 10
    with Image.open(source.steps / "00000.gif") as gif:
        assert gif.n_frames > 2 + 3 * len(two_faces)
    lines = (source.steps / "00000-000.csv").read_text().splitlines()
    assert lines[0] == "step,candidate,contextual,prior,total"
    assert len(lines) == 1 + STEPS * 2


def test_a_square_hole_keeps_its_border_and_goes_back_where_it_was(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    landmark = two_faces.landmark[0]
    for border in (0.1, 0.25):
        hole = border_hole(two, landmark, source._frame, 64, border=border, blend="raw")
        assert hole is not None
        assert hole.patch is not None
        kept = int(256 * border) // 4
        assert not hole.weight[kept + 1 : 63 - kept, kept + 1 : 63 - kept].any()
        assert (hole.weight[: kept - 1] > 0).mean() > 0.5
        white = SourceFace(np.full((256, 256, 3), 255, np.uint8), hole.landmark, hole.patch)
        made = paste(two, landmark, white)
        assert made is not None
        changed = (made != two).any(axis=2)
        assert (made[changed] == 255).all()
        inside = cv2.warpAffine(hole.patch.mask, hole.patch.affine, two.shape[1::-1],
                                flags=cv2.WARP_INVERSE_MAP)  # fmt: skip
        assert not changed[cv2.dilate(inside, np.ones((5, 5), np.uint8)) == 0].any()


def test_poisson_takes_the_color_of_what_is_around(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    landmark = two_faces.landmark[0]
    hole = border_hole(two, landmark, source._frame, 64, border=0.2, blend="poisson")
    assert hole is not None
    white = SourceFace(np.full((256, 256, 3), 255, np.uint8), hole.landmark, hole.patch)
    made = paste(two, landmark, white)
    assert made is not None
    assert made[(made != two).any(axis=2)].mean() < 230


def test_the_second_version_levels_the_eyes_and_frames_by_the_candidates_own_face(
    two: np.ndarray, two_faces: Faces, source: InpaintedFaces
) -> None:
    landmark = two_faces.landmark[0]
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    level = leveled((landmark @ turn.T).astype(np.float32))
    moved = landmark @ turn.T @ level[:, :2].T
    left, right = moved[36:42].mean(axis=0), moved[42:48].mean(axis=0)
    assert abs(left[1] - right[1]) < 1e-3
    sample = source._frame * 0.8 + 20
    hole = box_hole(two, landmark, sample, 64, border=0.15, blend="poisson")
    assert hole is not None
    np.testing.assert_allclose(hole.landmark.min(0), sample.min(0), atol=0.5)
    np.testing.assert_allclose(hole.landmark.max(0), sample.max(0), atol=0.5)


def test_all_faces_of_a_picture_are_searched_for_at_once(
    boxed: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    offered = [next(boxed.candidates(two, two_faces, index, 3)) for index in range(2)]
    assert boxed._ready is not None
    assert set(boxed._ready.fillings) == {0, 1}
    assert all(face.patch is not None for face in offered)


def test_whoever_is_asked_can_have_others_drawn(
    boxed: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    asked: list[Proposal] = []

    def accept(proposal: Proposal) -> bool:
        asked.append(proposal)
        return len(asked) == 4

    asking = copy(boxed)
    asking._manner = replace(boxed._manner, accept=accept, iterations=2)
    next(asking.candidates(two, two_faces, 0, 3))
    assert len(asked) == 4
    assert [len(proposal.others) for proposal in asked] == [1, 0, 1, 0]
    assert asked[0].before.shape == asked[0].after.shape
    assert (asked[0].before != asked[0].after).any()
    sheet = side_by_side(asked[0])
    assert sheet.shape[1] == 3 * asked[0].before.shape[1] + 2 * 6


def test_samples_that_agree_with_the_face_come_first() -> None:
    looks = np.array([[60.0, 0.9], [25.0, 0.2], [29.0, 0.9], [24.0, 0.8]])
    off = agreement(looks, np.array([22.0, 0.7]))
    assert off[2] == off[3] == 0
    assert off[0] < off[1]


def test_samples_are_drawn_with_their_landmarks(
    source: InpaintedFaces, analyzer: FaceAnalyzer
) -> None:
    rng = np.random.default_rng(0)
    samples = draw(source._generator, analyzer, rng, 3, face=None, landmarks=True)
    assert len(samples) == 3
    assert all(sample.landmark is not None for sample in samples)


def test_a_filled_face_is_not_the_original(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    one = Faces(
        two_faces.box[:1], two_faces.landmark[:1], two_faces.embedding[:1], two_faces.by[:1]
    )
    half = np.ascontiguousarray(two[:, two.shape[1] // 2 :])  # the face on the right comes first
    shift = np.array([two.shape[1] // 2, 0])
    moved = Faces(
        (one.box - np.tile(shift, 2)).astype(np.int32),
        (one.landmark - shift).astype(np.float32),
        one.embedding,
        one.by,
    )
    work = replace_faces(half, moved, source, analyzer)
    assert work.outcome[0] in ("replaced", "covered")
    away = np.linalg.norm(analyzer.embed(work.image, moved.box) - moved.embedding)
    assert away > 0.6 or work.outcome[0] == "covered"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"surrogate": "inpaint", "latents": 0}, "1 to 64"),
        ({"surrogate": "inpaint", "latents": 65}, "1 to 64"),
        ({"latents": 9}, "options of inpainting do not go with --surrogate fresh"),
        ({"surrogate": "solid", "steps": Path("x")}, "--steps"),
        ({"surrogate": "solid", "inpaint": InpaintOptions(prior=0.2)}, "inpainting"),
    ],
)
def test_a_wrong_option_of_inpaint_is_told(options: dict, names: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=names):
        anonymize(tmp_path / "a.png", tmp_path / "out", **options)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"framing": "oval"}, "--framing"),
        ({"framing": "border", "border": 0.5}, "0.02 to 0.4"),
        ({"border": 0.1}, "--border is for"),
        ({"framing": "box", "blend": "matched"}, "poisson or raw"),
        ({"blend": "raw"}, "--blend is for"),
        ({"iterations": 0}, "--iterations"),
        ({"rate": 0.0}, "--rate"),
        ({"prior": -1.0}, "--prior"),
        ({"every": -1}, "--every"),
    ],
)
def test_a_wrong_manner_of_inpainting_is_told(options: dict, names: str) -> None:
    with pytest.raises(InputError, match=names):
        InpaintOptions(**options)


def test_a_hole_that_is_too_small_is_warned_of() -> None:
    with pytest.warns(PrivacyWarning, match="keeps much of the face"):
        AnonymizationOptions(
            surrogate="inpaint", inpaint=InpaintOptions(framing="border", border=0.25)
        ).warn()
