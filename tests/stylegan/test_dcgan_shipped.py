"""The DCGAN that ships: what its card says of it."""

from __future__ import annotations

import cv2
import h5py
import numpy as np

import stylegan
from encoders.detect import load_detector
from stylegan import checkpoint


def test_generator_and_discriminator_are_small_and_half_precision() -> None:
    for name in ("generator.h5", "discriminator.h5"):
        path = checkpoint.SHIPPED_DCGAN / name
        assert path.stat().st_size < 8 << 20
        with h5py.File(path) as file:
            assert {file[key].dtype for key in file} == {np.dtype(np.float16)}
    assert stylegan.load_discriminator("dcgan").config.resolution == 64


def test_faces_are_found_in_most_samples() -> None:
    generator, find = stylegan.load("dcgan"), load_detector("hog", 0)
    pictures = generator.pictures(generator.map(generator.latents(range(40))), batch=40)
    large = (cv2.resize(p, (256, 256), interpolation=cv2.INTER_CUBIC) for p in pictures)
    assert np.mean([len(find(picture)) > 0 for picture in large]) >= 0.6
