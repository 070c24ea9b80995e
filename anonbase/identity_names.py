"""Names of people: when two spellings are one name, and when they may be one person."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

__all__ = ["confusable_names", "fold_name"]


def fold_name(name: str) -> str:
    """The one spelling of a name that looks the same in several: NFC, white space folded.

    A letter with an accent is one code point or two (NFC and NFD of Unicode Standard Annex 15),
    and a blank may be a no-break one, doubled, or stand at an end. Such names are one name.
    Invisible characters (zero-width blanks, byte order marks) go. Letters, accents and
    punctuation stay: two people may differ by them, see `confusable_names`.

    Parameters
    ----------
    name : str
        As somebody typed it, or as a file system gave it.

    Returns
    -------
    str
        '' where nothing but white space was given.

    Examples
    --------
    >>> fold_name("  Jose\\u0301\\u00a0 Lee ")
    'José Lee'
    """
    if name.isascii() and name.isalnum():
        return name
    seen = "".join(c for c in name if c not in _INVISIBLE)
    return " ".join(unicodedata.normalize("NFC", seen).split())


def confusable_names(names: Iterable[str]) -> list[list[str]]:
    """Different names that differ by case, accents, punctuation or blanks alone.

    They may be one person's, and then a group that counts them as two has one person fewer
    than it says. Nothing is merged: that is the owner's to say.

    Parameters
    ----------
    names : iterable of str
        Names after `fold_name`; '' and names that come again are left out.

    Returns
    -------
    list of list of str
        One list of two or more names, sorted, for each person that they may be; sorted.

    Examples
    --------
    >>> confusable_names(["Ann-Lee", "ann lee", "Bob", "José", "Jose"])
    [['Ann-Lee', 'ann lee'], ['Jose', 'José']]
    """
    alike: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        if name:
            alike.setdefault(_skeleton(name), []).append(name)
    return sorted(sorted(group) for group in alike.values() if len(group) > 1)


#: Characters that take no room: a name with one looks like the name without.
#: Joiners (U+200C, U+200D) are among them: some scripts write with them, none tells people apart.
_INVISIBLE = frozenset("\u00ad\u200b\u200c\u200d\u2060\ufeff")


#: What stands between two digits is kept as one sign: 1-12 and 11-2 are two numbers.
_BETWEEN_DIGITS = re.compile(r"(?<=\d)[^\d\w]+(?=\d)")


def _skeleton(name: str) -> str:
    """Letters and digits alone, without accents and case; the name itself where none is left."""
    plain = unicodedata.normalize("NFKD", name.casefold()).replace("_", " ")
    parted = _BETWEEN_DIGITS.sub("|", plain)
    kept = "".join(c for c in parted if c == "|" or unicodedata.category(c)[0] in "LN")
    return kept or name
