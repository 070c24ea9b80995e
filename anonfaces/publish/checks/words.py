"""Looks for many words in many bytes at once."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

__all__ = ["WordFinder", "telling_words"]

#: A word is looked for by its first four bytes, so shorter ones are not looked for.
_PREFIX = 4
#: Digits alone are found by chance in hashes and numbers unless there are many.
_LEAST_DIGITS = 6
_SEPARATORS = re.compile(r"[\W_]+")


def telling_words(names: Iterable[str], paths: Iterable[str]) -> set[str]:
    """The words by which people and photographs could be told: lower case, four letters or more.

    Of a name itself, with spaces for its separators, and its parts joined; of a path itself, each
    folder, the file and the file without its ending.
    """
    words: set[str] = set()
    for name in names:
        parts = [part for part in _SEPARATORS.split(name) if part]
        words |= {name, " ".join(parts), "".join(parts)}
    for path in paths:
        parts = path.split("/")
        words |= {path, *parts, *(_stem(part) for part in parts)}
    return {word.lower() for word in words if _tells(word)}


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _tells(word: str) -> bool:
    """'2.jpg' does not: such names are everywhere."""
    stem = _stem(word)
    return len(stem) >= (_LEAST_DIGITS if stem.isdigit() else _PREFIX)


class WordFinder:
    """Finds any of many words in bytes; case of ASCII letters does not matter."""

    def __init__(self, words: Iterable[str]) -> None:
        self._words: dict[int, dict[int, set[bytes]]] = defaultdict(lambda: defaultdict(set))
        for word in words:
            data = word.lower().encode("utf-8", "surrogatepass")
            self._words[int.from_bytes(data[:_PREFIX], "little")][len(data)].add(data)
        self._prefix = np.array(sorted(self._words), np.uint32)

    def find(self, data: bytes, least: int = _PREFIX, apart: bool = True) -> Iterator[bytes]:
        """Yield every word that is there, of ``least`` bytes at least.

        ``apart``: letters or digits right before or after it make it another word.
        """
        data = data.lower()
        if len(data) < _PREFIX or not len(self._prefix):
            return
        codes = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, np.uint8), _PREFIX)
        codes = codes @ (256 ** np.arange(_PREFIX, dtype=np.uint32))
        at = np.searchsorted(self._prefix, codes)
        hits = np.flatnonzero(self._prefix[np.minimum(at, len(self._prefix) - 1)] == codes)
        for place in hits.tolist():
            for length, words in self._words[int(codes[place])].items():
                word = data[place : place + length]
                there = length >= least and word in words
                if there and (not apart or _stands_alone(data, place, place + length)):
                    yield word


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    before, after = data[max(start - 1, 0) : start], data[end : end + 1]
    return not (before.isalnum() or after.isalnum())
