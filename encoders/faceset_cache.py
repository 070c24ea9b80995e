"""The FaceSet that was read last, for many tasks of one process over one file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from encoders.faceset import FaceSet

__all__ = ["cached_faces"]


def cached_faces(path: Path | str) -> FaceSet:
    """Read a ``faces.h5``, or take it as it was read before if the file is still the same.

    A worker lives longer than a run, and the next run may have other faces under the same name.
    """
    status = Path(path).stat()
    return _read(str(path), status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=1)
def _read(path: str, size: int, mtime_ns: int, inode: int) -> FaceSet:
    return FaceSet.read(path)
