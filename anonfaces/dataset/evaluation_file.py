"""Reading ``evaluation.json``, which may come from anybody."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from anonbase.errors import InputError

__all__ = ["FORMAT", "FORMAT_VERSION", "read_evaluation_document"]

FORMAT = "anonfaces evaluation"
FORMAT_VERSION = 1
#: Bytes of the largest file that is read: curves of a dozen judges come to less than one.
_MOST_BYTES = 16 * 2**20


def read_evaluation_document(path: Path) -> dict[str, Any]:
    """What an ``evaluation.json`` holds; ``InputError`` where it is not one of ours."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        document = json.loads(path.read_text(encoding="utf-8"))
        ours = document["format"] == FORMAT and document["format_version"] == FORMAT_VERSION
        if not ours or not isinstance(document["judges"], list):
            raise ValueError("of another format or version")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(f"{path} is no evaluation of this version: {error}") from error
    return dict(document)
