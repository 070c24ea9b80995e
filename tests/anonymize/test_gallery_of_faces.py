"""``fresh`` out of a gallery: pictures of people who do not exist, never somebody of the input."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonbase.errors import InputError
from anonfaces.anonymize import anonymize
from anonfaces.anonymize.detection import FaceAnalyzer, Faces, distances
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.sources.fresh import SyntheticFaces
from anonfaces.anonymize.sources.pictures import draws_of_gallery


@pytest.fixture(scope="module")
def gallery(portraits: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten people of the sample, and what is no picture of one."""
    folder = tmp_path_factory.mktemp("nobodies")
    for path in portraits[-10:]:
        shutil.copy(path, folder / f"{path.parent.name}.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    Image.new("RGB", (900, 600), (90, 90, 90)).save(folder / "wall.png")
    return folder


def test_pictures_come_in_an_order_by_seed_each_once_and_none_is_large(gallery: Path) -> None:
    first, again, other = (
        [named for draw in draws_of_gallery(seed, gallery) for named in draw] for seed in (0, 0, 1)
    )
    assert [name for name, _ in first] == [name for name, _ in again]
    assert [name for name, _ in first] != [name for name, _ in other]
    assert len({name for name, _ in first}) == len(first) == 11
    shapes = {Path(name).name: picture.shape for name, picture in first}
    assert shapes.pop("wall.png") == (341, 512, 3)
    assert set(shapes.values()) == {(256, 256, 3)}


def test_faces_are_those_of_the_gallery_and_of_nobody_there(
    gallery: Path, two: np.ndarray, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    source = SyntheticFaces(analyzer, two_faces.embedding, 0, None, gallery)
    offered = list(source.candidates(two, two_faces, 0, 0))
    known = [picture for draw in draws_of_gallery(0, gallery) for _, picture in draw]
    assert offered
    for face in offered:
        assert any(np.array_equal(face.picture, picture) for picture in known)
    (_, seen), *_ = analyzer.portraits([offered[0].picture])
    assert distances(seen.embedding, two_faces.embedding).min() > 0.6


def test_a_gallery_with_somebody_of_the_input_is_refused_by_name(
    portraits: list[Path], tmp_path: Path, analyzer: FaceAnalyzer
) -> None:
    picture = np.asarray(Image.open(portraits[0]).convert("RGB"))
    ((_, own),) = analyzer.portraits([picture])
    shutil.copy(portraits[0], tmp_path / "me.png")
    source = SyntheticFaces(analyzer, own.embedding, 0, None, tmp_path)
    with pytest.raises(InputError, match=r"(?s)1 picture so near.*me\.png \(0\.\d\d\)"):
        next(source.candidates(picture, own, 0, 0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gallery": Path(), "surrogate": "solid"}, "--gallery is for --surrogate fresh"),
        ({"gallery": Path(), "generator": Path("a.pkl")}, "name one"),
        ({"gallery": Path("nowhere")}, "nowhere: expected a folder"),
    ],
)
def test_options_that_do_not_go_with_a_gallery_are_refused(
    options: dict, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        anonymize(tmp_path / "a.png", tmp_path / "out", **options)


def test_another_gallery_makes_another_run(gallery: Path, tmp_path: Path) -> None:
    one, other = (AnonymizationOptions(gallery=folder).recipe() for folder in (gallery, tmp_path))
    assert one != other
    assert one != AnonymizationOptions().recipe()


def test_a_donor_with_a_smear_over_brows_and_forehead_comes_last(
    portraits: list[Path], tmp_path: Path, two: np.ndarray, two_faces: Faces, analyzer: FaceAnalyzer
) -> None:
    """Whoever it suits: in another's place it would be a face with a band on it."""
    rng = np.random.default_rng(0)
    for number, path in enumerate(portraits[-6:]):
        face = np.asarray(Image.open(path).convert("RGB").resize((256, 256))).copy()
        if number == 0:
            noise = rng.integers(40, 90, (8, 8, 3)).astype(np.uint8)
            band = np.asarray(Image.fromarray(noise).resize((220, 60), Image.Resampling.BICUBIC))
            face[44:104, 18:238] = band
        Image.fromarray(face).save(tmp_path / f"{number}.png")
    source = SyntheticFaces(analyzer, two_faces.embedding, 0, None, tmp_path)
    offered = list(source.candidates(two, two_faces, 0, 0))
    (pool,) = source._drawn
    assert pool.broken.sum() >= 1
    assert not pool.broken.all()
    order = [next(i for i, f in enumerate(pool.source_faces) if f is one) for one in offered]
    flags = pool.broken[list(dict.fromkeys(order))]  # when all were offered, they are once more
    assert (np.sort(flags) == flags).all()
