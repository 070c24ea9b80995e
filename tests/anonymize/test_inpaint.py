"""A hole filled to suit its border: what goes in, what comes out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.paste import outline
from anonfaces.anonymize.replace import replace
from anonfaces.anonymize.sources import inpaint
from anonfaces.anonymize.sources.inpaint import InpaintedFaces

pytestmark = pytest.mark.filterwarnings("ignore::anonfaces.errors.WeightsWarning")


@pytest.fixture(scope="module")
def source(analyzer: FaceAnalyzer, tmp_path_factory: pytest.TempPathFactory) -> InpaintedFaces:
    steps = tmp_path_factory.mktemp("steps") / "gifs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inpaint, "_STEPS", 20)
        made = InpaintedFaces(analyzer, AnonymizationOptions(surrogate="inpaint", latents=2), steps)
        yield made


def test_the_hole_is_empty_and_does_not_depend_on_the_inner_face(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    landmark = two_faces.landmark[0]
    hole = source.hole(two, landmark)
    assert hole is not None
    assert not hole.picture[hole.weight[..., 0] == 0].any()
    assert 0.1 < (hole.weight > 0).mean() < 0.9
    import cv2

    other = two.copy()
    inner = cv2.fillConvexPoly(np.zeros(two.shape[:2], np.uint8), outline(landmark), 1)
    other[cv2.erode(inner, np.ones((9, 9), np.uint8)) > 0] = 255
    same = source.hole(other, landmark)
    assert same is not None
    np.testing.assert_allclose(same.picture, hole.picture, atol=1e-6)


def test_the_fillings_come_nearer_to_the_border_and_the_best_is_first(
    source: InpaintedFaces, two: np.ndarray, two_faces: Faces
) -> None:
    hole = source.hole(two, two_faces.landmark[0])
    assert hole is not None
    made = source.fill(hole, (0, 0))
    assert made.shape == (2, 64, 64, 3)
    off = np.abs(made / 127.5 - 1 - hole.picture) * hole.weight
    (film,) = (source.steps or Path()).glob("*.gif")
    assert film.name == "00000-000.gif"
    with Image.open(film) as gif:
        assert gif.n_frames >= 10
        gif.seek(0)
        first = np.asarray(gif.convert("RGB").crop((256, 0, 512, 256)).resize((64, 64)))
    before = np.abs(first / 127.5 - 1 - hole.picture) * hole.weight
    assert off[0].sum() < before.sum()


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
    work = replace(half, moved, source, analyzer)
    assert work.outcome[0] in ("replaced", "covered")
    away = np.linalg.norm(analyzer.embed(work.image, moved.box) - moved.embedding)
    assert away > 0.6 or work.outcome[0] == "covered"


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"surrogate": "inpaint", "latents": 0}, "1 to 64"),
        ({"surrogate": "inpaint", "latents": 65}, "1 to 64"),
        ({"surrogate": "solid", "steps": Path("x")}, "--steps"),
    ],
)
def test_a_wrong_option_of_inpaint_is_told(options: dict, names: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=names):
        anonymize(tmp_path / "a.png", tmp_path / "out", **options)
