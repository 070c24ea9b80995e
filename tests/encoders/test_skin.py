"""The lightness of skin that is guessed from dlib's vector."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from anonbase.errors import WeightsError
from encoders import weights_file
from encoders.attributes import skin


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
    found = skin.cheek_lightness(Painted())  # type: ignore[arg-type]
    np.testing.assert_allclose(found, wanted, atol=0.1)


def test_the_regression_finds_what_vectors_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 0.1, (600, 128)).astype(np.float32)
    wanted = 50 + 40 * vectors[:, 3] + rng.normal(0, 1, 600)
    faces = type("Faces", (), {"embedding": vectors})()
    monkeypatch.setattr(skin, "cheek_lightness", lambda _: wanted)
    weights, bias, explained = skin.fit([faces])
    assert abs(weights[3]) > 5 * np.abs(np.delete(weights, 3)).mean()
    assert bias == pytest.approx(50, abs=1)
    assert 0.7 < explained < 1


def test_a_file_of_other_arrays_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skin, "SHIPPED", tmp_path)
    skin._shipped.cache_clear()
    with pytest.raises(WeightsError, match="is missing: python -m encoders"):
        skin.skin_lightness(np.zeros((1, 128), np.float32))
    weights_file.write(tmp_path / skin.FILE, skin.KIND, {}, {"weights": np.zeros(3)})
    with pytest.raises(WeightsError, match="not those of"):
        skin.skin_lightness(np.zeros((1, 128), np.float32))
    skin._shipped.cache_clear()
