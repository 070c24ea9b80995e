"""The figures about detail: of the same pictures they are the same, of blurred ones less."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmarks import detail
from stylegan.train.texture import BLOCKS


@pytest.fixture
def small_trunk(monkeypatch: pytest.MonkeyPatch) -> None:
    """VGG16's shape with random weights and a sixteenth of its width: the sums are the same."""
    rng, inputs, trunk = np.random.default_rng(0), 3, []
    for count, width in BLOCKS:
        block = []
        for _ in range(count):
            kernel = rng.standard_normal((3, 3, inputs, width // 16), np.float32)
            bias = np.zeros(width // 16, np.float32)
            block.append((kernel * np.float32(np.sqrt(2 / (9 * inputs))), bias))
            inputs = width // 16
        trunk.append(block)
    monkeypatch.setattr("stylegan.train.texture.read_trunk", lambda: trunk)


def test_blurred_pictures_are_farther_and_have_less_power(small_trunk: None) -> None:
    rng = np.random.default_rng(0)
    noise = [
        cv2.GaussianBlur(one, (3, 3), 0) for one in rng.integers(0, 255, (160, 32, 32, 3), np.uint8)
    ]
    held = np.stack(noise)
    soft = np.stack([cv2.GaussianBlur(one, (9, 9), 0) for one in held[80:]])
    floor, same, blurred = detail.rows(held, {"same": held[:80], "soft": soft}, 32)
    assert float(same[2]) == pytest.approx(0, abs=0.1)
    assert same[4] == "100 %"
    assert float(blurred[2]) > 2 * float(floor[2])
    assert float(blurred[3]) < 0.1 * float(floor[3])


def test_smaller_pictures_are_enlarged() -> None:
    pictures = np.random.default_rng(0).integers(0, 255, (2, 16, 16, 3), np.uint8)
    assert detail.enlarged(pictures, 32).shape == (2, 32, 32, 3)
    assert detail.enlarged(pictures, 16) is pictures
