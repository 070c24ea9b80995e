"""Nothing says where, when or of whom: no path, no time, no name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from anonfaces.publish.certificate import SCHEMA
from anonfaces.publish.checks.registry import Problems, check
from anonfaces.publish.checks.release import Release
from anonfaces.publish.checks.words import WordFinder, telling_words
from anonfaces.report import words as words_of_promise

_PATH = re.compile(r"(?<![\w:/.<>*)])/[\w.-]+/[\w./-]+|\b[A-Za-z]:\\\w+|\bfile://")
_TIME = re.compile(r"\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
_IN_PICTURES = 8  # bytes: shorter words are found by chance among compressed pixels
_PACKAGE = Path(__file__).parents[1]
_TEMPLATES = _PACKAGE / "templates"


@check("places", "no text tells a path of a machine, or a time of day")
def places(release: Release) -> Problems:
    """Absolute paths, drive letters, timestamps."""
    problems = []
    for name in _texts(release):
        text = release.read(name).decode("utf-8", "replace")
        problems += [f"{name} holds a path ({hit[0]})" for hit in list(_PATH.finditer(text))[:2]]
        problems += [f"{name} holds a time ({hit[0]})" for hit in list(_TIME.finditer(text))[:2]]
    return problems


@check("names", "no file tells a name of a person, a photograph or a folder", "key")
def names(release: Release) -> Problems:
    """All bytes are searched for every name and path in the key; the message tells none of them."""
    assert release.key is not None  # noqa: S101 - the registry asks for it
    words = telling_words(release.key.members["identity"], set(release.key.records["source"]))
    finder = WordFinder(words - _own_words() - set(release.key.members["group"]))
    problems = []
    for name in [*_texts(release), *release.faces]:
        picture = name in release.pictures
        data = release.read(name)
        found = finder.find(data, _IN_PICTURES if picture else 0, apart=not picture)
        if word := next(found, None):
            problems.append(f"{name} holds a name or a path of the key ({_masked(word)})")
    if any(True for name in release.files for _ in finder.find(name.encode())):
        problems.append("a file's own name is a name or a path of the key")
    return problems


def _masked(word: bytes) -> str:
    """Enough for the owner to find it; the outcome of a check may be shown to others."""
    text = word.decode("utf-8", "replace")
    return f"{len(text)} letters, the first is {text[0]!r}"


def _texts(release: Release) -> list[str]:
    return sorted(release.regular - set(release.pictures))


@cache
def _own_words() -> frozenset[str]:
    """Words that every release has: a person called 'Train' is not given away by a folder."""
    places = [
        SCHEMA,
        Path(words_of_promise.__file__),
        *_TEMPLATES.iterdir(),
        *_PACKAGE.glob("*.py"),
    ]
    text = " ".join(path.read_text(encoding="utf-8") for path in places)
    return frozenset(re.findall(r"\w+", text.lower()))
