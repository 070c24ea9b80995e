"""How long a video file says it is, in bytes: what lacks any was cut off, wherever that was.

Times tell it less well: the sound may outlast the pictures, and so may the last of them.
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

__all__ = ["lacks_bytes"]

_HEADER, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_MOST_BOXES = 10_000


def lacks_bytes(path: Path) -> bool:
    """Whether a Matroska segment, or an MP4's pictures and sound, run beyond the file's end.

    False where the file does not say how long they are, as one that was streamed does not.
    """
    with path.open("rb") as file:
        matroska = file.read(len(_HEADER)) == _HEADER
        end = _end_of_segment(file) if matroska else _end_of_boxes(file)
    return path.stat().st_size < end


def _end_of_segment(file: BinaryIO) -> int:
    """RFC 8794: a header and then a segment, each with its length."""
    file.seek(_number(file), 1)
    if file.read(len(_SEGMENT)) != _SEGMENT:
        return 0
    size = _number(file)
    return file.tell() + size if size else 0


def _number(file: BinaryIO) -> int:
    """A length of one to eight bytes, as its first bit that is set says; 0 where it is unknown."""
    first = file.read(1) or b"\0"
    size = 9 - first[0].bit_length()
    most = (1 << 7 * size) - 1
    value = int.from_bytes(first + file.read(size - 1)) & most
    return 0 if value == most or size > 8 else value


def _end_of_boxes(file: BinaryIO) -> int:
    """ISO/IEC 14496-12: boxes, each with its length and kind; where the last ``mdat`` ends."""
    end, place = 0, 0
    for _ in range(_MOST_BOXES):
        file.seek(place)
        head = file.read(16)
        size = int.from_bytes(head[:4])
        size = int.from_bytes(head[8:]) if size == 1 else size
        if size < 8 or place + size >= 1 << 63:  # to the end of the file, or nonsense
            break
        place += size
        end = place if head[4:8] == b"mdat" else end
    return end
