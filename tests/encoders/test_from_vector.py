"""The lightness of skin, and gender, that are guessed from dlib's vector."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from support import run_here

from anonbase.errors import InputError, WeightsError
from encoders import weights_file
from encoders.attributes import from_vector


class Painted:
    """Two faces whose chips are of one gray each."""

    grays = (60, 200)
    landmark = np.tile(np.random.default_rng(0).uniform(40, 90, (68, 2)), (2, 1, 1))

    def __len__(self) -> int:
        return len(self.grays)

    def chips(self, rows: np.ndarray) -> np.ndarray:
        return np.stack([np.full((128, 128, 3), self.grays[i], np.uint8) for i in rows])


def test_cheeks_are_as_light_as_they_are_painted() -> None:
    gray = np.array(Painted.grays, np.float32).reshape(1, 2, 1) / 255
    wanted = cv2.cvtColor(np.repeat(gray, 3, axis=2), cv2.COLOR_RGB2LAB)[0, :, 0]
    found = from_vector.cheek_lightness(Painted())  # type: ignore[arg-type]
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_the_regression_finds_what_vectors_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 0.1, (600, 128)).astype(np.float32)
    wanted = 50 + 40 * vectors[:, 3] + rng.normal(0, 1, 600)
    faces = type("Faces", (), {"embedding": vectors})()
    monkeypatch.setattr(from_vector, "cheek_lightness", lambda _: wanted)
    weights, bias, explained = from_vector.fit_lightness([faces])
    assert abs(weights[3]) > 5 * np.abs(np.delete(weights, 3)).mean()
    assert bias == pytest.approx(50, abs=1)
    assert 0.7 < explained < 1


def test_gender_is_learnt_from_the_names(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, 900)
    vectors = rng.normal(0, 0.1, (900, 128)).astype(np.float32)
    vectors[:, 5] += 0.4 * (label - 0.5)
    names = [f"30_{sex}_0_{i}.jpg" for i, sex in enumerate(label)]
    faces = type("Faces", (), {"embedding": vectors, "image": names})()
    weights, _, agree = from_vector.fit_female(faces)
    assert np.argmax(weights) == 5
    assert agree > 0.9
    faces.image = ["ada.jpg", *names[1:]]
    with pytest.raises(InputError, match="expected a name as UTKFace's"):
        from_vector.fit_female(faces)


def test_a_file_of_other_arrays_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_vector, "SHIPPED", tmp_path)
    from_vector._shipped.cache_clear()
    one = np.zeros((1, 128), np.float32)
    with pytest.raises(WeightsError, match="is missing: python -m encoders"):
        from_vector.skin_lightness(one)
    place = tmp_path / from_vector.FILE
    weights_file.write(place, from_vector.KIND, {}, {"weights": np.zeros(3)})
    with pytest.raises(WeightsError, match="not those of"):
        from_vector.female(one)
    from_vector._shipped.cache_clear()


def test_the_command_writes_what_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    from encoders import encode

    photos = tmp_path / "photos"
    photos.mkdir()
    for path in sorted((shared_data / "utkface128").glob("2*.jpg"))[:120]:
        (photos / path.name).write_bytes(path.read_bytes())
    encode(photos, tmp_path / "utk.h5", chip_size=128, faces="largest", identity="none")
    done = run_here(from_vector.main, "from_vector", tmp_path / "utk.h5", "-o", tmp_path)
    assert done.code == 0, done.err
    assert "gender: agrees with" in done.out
    monkeypatch.setattr(from_vector, "SHIPPED", tmp_path)
    from_vector._shipped.cache_clear()
    told = from_vector.female(np.random.default_rng(0).normal(0, 0.1, (5, 128)).astype(np.float32))
    assert ((told > 0) & (told < 1)).all()
    from_vector._shipped.cache_clear()
