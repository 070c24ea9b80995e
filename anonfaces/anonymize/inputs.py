"""What an input holds: photographs, videos, and what is neither read nor passed over in silence."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anonbase.errors import InputError
from encoders.photographs.path_escape import escape, unescape
from encoders.photographs.reading import is_photograph
from encoders.photographs.walk import VIDEO, ScanResult, find_photographs, formats

__all__ = ["VIDEOS", "Inputs", "find_inputs"]

VIDEOS = {".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi"}
"""Extensions of the videos that are read."""

_NOT_READ = {
    *(".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".3g2", ".mts", ".m2ts", ".ogv", ".vob", ".asf"),
    *(".rm", ".rmvb", ".mxf", ".gifv"),
}


@dataclass(frozen=True)
class Inputs:
    """Paths relative to ``root`` and escaped, in order; ``refused`` are records of the ledger."""

    root: Path
    photographs: list[str] = field(default_factory=list)
    videos: list[str] = field(default_factory=list)
    refused: list[dict[str, Any]] = field(default_factory=list)

    def digest(self) -> str:
        """SHA-256 of what is here; of a video also its size and the time of its last change."""
        changed = [self._changed(path) for path in self.videos]
        message = json.dumps([str(self.root.resolve()), self.photographs, self.videos, changed])
        return hashlib.sha256(message.encode()).hexdigest()

    def _changed(self, path: str) -> list[int]:
        status = (self.root / unescape(path)).stat()
        return [status.st_size, status.st_mtime_ns]


def find_inputs(source: Path) -> Inputs:
    """The photographs and videos of a file or of a folder and the folders in it.

    Raises InputError where there is none. Of a file its first bytes are looked at.
    """
    if not source.is_dir():
        return _one(source)
    videos, refused = _find_videos(source)
    try:
        walk = find_photographs(source)
    except InputError:
        if not videos:
            raise
        walk = ScanResult()
    others = [r for r in walk.refused if r.outcome != VIDEO]  # videos are found here
    refused += [_refusal(r.path, r.outcome, r.reason) for r in others]
    photographs = [photograph.path for photograph in walk.photographs]
    known = {record["input"]: record for record in refused}  # a link is seen by both
    return Inputs(source, photographs, videos, [known[path] for path in sorted(known)])


def _one(source: Path) -> Inputs:
    real = source.resolve()
    if not real.is_file():
        raise InputError(f"{source}: there is no such file or folder")
    path, suffix = [escape(real.name)], source.suffix.lower()
    if suffix in VIDEOS:
        return Inputs(real.parent, videos=path)
    if suffix in _NOT_READ:
        raise InputError(f"{source}: {_unread(suffix)}")
    if not is_photograph(real):
        raise InputError(
            f"{source}: neither a photograph ({', '.join(formats())}) nor a video"
            f" ({', '.join(sorted(VIDEOS))})"
        )
    return Inputs(real.parent, photographs=path)


def _find_videos(root: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """Videos under ``root``, and records of those of a kind that is not read."""
    videos: list[str] = []
    refused: list[dict[str, Any]] = []
    inside = os.path.realpath(root)
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(name for name in files if not name.startswith(".")):
            path = Path(folder) / name
            text = escape(path.relative_to(root).as_posix())
            suffix = path.suffix.lower()
            if suffix in VIDEOS and _is_inside(path, inside):
                videos.append(text)
            elif suffix in VIDEOS:
                refused.append(_refusal(text, "refused", "a link that leads out of the folder"))
            elif suffix in _NOT_READ:
                refused.append(_refusal(text, "unreadable", _unread(suffix)))
    return videos, refused


def _unread(suffix: str) -> str:
    return f"{suffix[1:]} is not read: convert it to MP4"


def _is_inside(path: Path, inside: str) -> bool:
    """Whether it is a file that is no link out of the folder."""
    real = os.path.realpath(path)
    return Path(real).is_file() and os.path.commonpath([inside, real]) == inside


def _refusal(path: str, outcome: str, reason: str) -> dict[str, Any]:
    return {"input": path, "outcome": outcome, "reason": reason}
