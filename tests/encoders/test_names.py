from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders.photographs.path_escape import escape, unescape


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (b"plain.jpg", "plain.jpg"),
        ("Zoë/ü.jpg".encode(), "Zoë/ü.jpg"),
        (b"new\nline", "new\\x0aline"),
        (b"back\\x0aslash", "back\\\\x0aslash"),
        (b"\xff\x80.jpg", "\\xff\\x80.jpg"),
        (b"\xc3\xa9\xc3", "é\\xc3"),
    ],
)
def test_a_name_as_text(name: bytes, text: str) -> None:
    assert escape(os.fsdecode(name)) == text
    assert os.fsencode(unescape(text)) == name


@given(st.binary(max_size=40).filter(lambda name: b"\0" not in name))
def test_every_name_comes_back(name: bytes) -> None:
    text = escape(os.fsdecode(name))
    text.encode("utf-8")
    assert text.isprintable() or not any(character < " " for character in text)
    assert os.fsencode(unescape(text)) == name
