"""Names, order and splits of a release: drawn from the owner's secret, so they carry nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["SPLITS", "check_shares", "random_names", "release_seed", "split_groups"]

SPLITS = ("train", "val", "test")
#: Bytes of a name: among a million names two are the same by chance once in 30 million releases.
_NAME_BYTES = 8


def release_seed(secret_key: bytes, layout: str) -> bytes:
    """32 bytes that the names of a release come from; other layouts have other names."""
    return hashlib.blake2b(layout.encode(), key=secret_key, digest_size=32).digest()


def random_names(seed: bytes, purpose: str, about: Iterable[str]) -> list[str]:
    """A name of 16 hexadecimal digits for each text of ``about``.

    Equal texts get equal names, and nobody can tell a text by its name without ``seed`` (BLAKE2b
    with a key, RFC 7693).

    >>> one, other = random_names(bytes(32), "record", ["a/1.jpg", "a/2.jpg"])
    >>> len(one), one == other
    (16, False)
    """
    key = hashlib.blake2b(purpose.encode(), key=seed, digest_size=32).digest()
    return [
        hashlib.blake2b(
            text.encode("utf-8", "surrogatepass"), key=key, digest_size=_NAME_BYTES
        ).hexdigest()
        for text in about
    ]


def check_shares(shares: Mapping[str, float]) -> None:
    """InputError unless the shares of train, val and test are 0 or more and sum to 1."""
    values = np.array([shares.get(name, 0.0) for name in SPLITS])
    if set(shares) - set(SPLITS) or not (values >= 0).all() or abs(values.sum() - 1) > 1e-9:
        message = ", ".join(f"{name} {share:g}" for name, share in shares.items())
        raise InputError(f"shares of {', '.join(SPLITS)} are 0 or more and sum to 1, not {message}")


def split_groups(names: Sequence[str], shares: Mapping[str, float]) -> NDArray[np.str_]:
    """The split of each group, str (g,): by the rank of its random name.

    Whole groups go to a split, so no person and no surrogate is in two of them. A split whose
    share is above 0 gets at least a group where there are enough.
    """
    rank = np.argsort(np.argsort(np.array(names)))
    wanted = [name for name in SPLITS if shares.get(name, 0.0) > 0]
    ends = np.rint(np.cumsum([shares[name] for name in wanted]) * len(names)).astype(int)
    if len(names) >= len(wanted):
        ends = _at_least_one(ends, len(names))
    return np.array(wanted)[np.searchsorted(ends, rank, side="right")]


def _at_least_one(ends: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    places = np.arange(1, len(ends) + 1)
    ends = np.maximum.accumulate(np.maximum(ends, places))
    return np.minimum(ends, count - len(ends) + places)
