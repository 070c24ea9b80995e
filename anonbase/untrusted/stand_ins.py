"""What is often saved in place of a file of weights, and called by its name."""

from __future__ import annotations

from pathlib import Path

from anonbase.untrusted.guard import UnsafeContentError

__all__ = ["refuse_stand_in"]

#: Bytes at the beginning that tell what a file is.
_HEAD = 512
_POINTER = b"version https://git-lfs"
_PAGES = (b"<!doctype html", b"<html", b"<?xml", b"<head")


def refuse_stand_in(path: Path) -> None:
    """Raise UnsafeContentError where a file is empty, a web page, or a pointer of git-lfs."""
    with path.open("rb") as file:
        head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not head:
        raise UnsafeContentError("the file is empty: download it again")
    if head.startswith(_POINTER):
        raise UnsafeContentError(
            "a pointer of git-lfs in place of the file: fetch the file itself (git lfs pull)"
        )
    if head.startswith(_PAGES):
        raise UnsafeContentError(
            "a web page in place of the file: its address shows a page to sign in or to confirm a"
            " download; open it in a browser"
        )
