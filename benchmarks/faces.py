"""Vectors that look like face embeddings, as many as are wanted."""

from __future__ import annotations

import numpy as np

__all__ = ["face_like"]


def face_like(n: int, d: int = 128, *, faces: int = 20, seed: int = 0) -> np.ndarray:
    """Unit-norm float32 (n, d): people spread in the sphere, about ``faces`` vectors a person.

    A person is a direction drawn from a Gaussian whose spectrum falls like that of dlib's
    vectors; a face is the person plus an isotropic error, on the sphere again.
    """
    rng = np.random.default_rng(seed)
    people = max(1, n // faces)
    scale = 1 / np.sqrt(1 + np.arange(d) / 8)
    centre = rng.standard_normal((people, d), dtype=np.float32) * scale.astype(np.float32)
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    out = rng.standard_normal((n, d), dtype=np.float32)
    out *= np.float32(0.653 / np.sqrt(d))
    out += centre[rng.integers(people, size=n)]
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    return out
