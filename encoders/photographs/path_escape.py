r"""File names as text that any file, table or page can hold.

A name on disk is bytes: it may hold a newline, or bytes that are no UTF-8. In a FaceSet, a ledger
and a report it is written as UTF-8 text in which each control character and each byte that is
not part of valid UTF-8 stands as ``\xNN``, and a backslash as ``\\``. ``unescape`` gives back
the name that ``open`` takes, so nothing is lost.

>>> escape("a\nb"), unescape(escape("a\nb")) == "a\nb"
('a\\x0ab', True)
"""

from __future__ import annotations

import os
import re

__all__ = ["escape", "unescape"]

_SPECIAL = re.compile("[\x00-\x1f\x7f\\\\\udc80-\udcff]")
_ESCAPED = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")


def escape(name: str) -> str:
    r"""Turn a name as the operating system gives it (``os.fsdecode``) into plain text."""
    return _SPECIAL.sub(_as_escape, name)


def unescape(text: str) -> str:
    r"""Turn what ``escape`` wrote back into the name that the operating system takes."""
    return os.fsdecode(_ESCAPED.sub(_as_byte, text.encode("utf-8", "surrogateescape")))


def _as_escape(match: re.Match[str]) -> str:
    if match[0] == "\\":
        return "\\\\"
    return f"\\x{ord(match[0]) & 0xFF:02x}"


def _as_byte(match: re.Match[bytes]) -> bytes:
    return b"\\" if match[1] is None else bytes.fromhex(match[1].decode())
