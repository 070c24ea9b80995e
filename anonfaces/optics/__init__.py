"""A camera that never saw the face, and faces of nobody drawn from its pictures.

A phase mask in front of the lens is learned together with the network that reads landmarks through
it, while a recognizer looks on. An encoder into the generator's latents then draws a face that
stands as the hidden one does, in the style of a reference. After J. Lopez, C. Hinojosa, H.
Arguello, B. Ghanem, "Privacy-preserving optics for enhancing protection in face de-identification",
CVPR 2024; see docs/optics.md.

>>> from anonfaces.optics import load_camera, load_deidentifier
>>> camera, network = load_camera(), load_deidentifier()  # TensorFlow  # doctest: +SKIP
>>> private = camera(frames)  # frames float32 (n, 64, 64, 3) in 0..1  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from anonbase.keras_backend import load_engine

_HOME = {
    "Camera": "camera",
    "CameraConfig": "camera",
    "Deidentifier": "deidentify",
    "Lens": "lens",
    "Recipe": "job",
    "Sensor": "sensor",
    "attack_run": "job",
    "baseline": "baselines",
    "estimate_psf": "lab",
    "load_camera": "store",
    "load_deidentifier": "deidentify",
    "train_run": "job",
    "write_report": "report",
}

__all__ = [
    "Camera",
    "CameraConfig",
    "Deidentifier",
    "Lens",
    "Recipe",
    "Sensor",
    "attack_run",
    "baseline",
    "estimate_psf",
    "load_camera",
    "load_deidentifier",
    "train_run",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.optics' has no attribute {name!r}")
    load_engine()
    return getattr(import_module(f"anonfaces.optics.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
