"""Which faces of a gallery a group may choose among: they are dealt before anything is chosen.

A face is to be used once, and a released face is to depend on its group and on the owner's secret
alone. Where two groups could choose the same face, what one of them took would tell the other
something: that it was not there any more. So no two groups may have a face in common to choose
from, and the gallery is *dealt*: groups sit down in an order by chance, each gets a hand of its
own, and chooses from that without a look at the others. What a face then depends on beside its
group is how many groups there are and where its group sits, and that is chance which the owner's
key decides: of the others nothing but the number goes into it. So the guarantee allows it.

A min-cost matching of all groups with all faces would be nearer to what each group wishes, and
would let every face depend on every group: one person more in one group moves faces in others, so
who knows all groups but one could compute what the last is like, and two releases that differ in
one person would differ everywhere. Groups that take the best of what is left, one after another,
are the same in part: the last depend on all before them.

Faces are dealt by kind, so that a small hand has all kinds too: they are put in the order of
perceived gender and age and cut into runs of as many faces as there are groups, and everybody gets
one of each run, by chance.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anonfaces.dataset.files import random_numbers

__all__ = ["dealt", "seats_of", "secret_of"]

Rows = NDArray[np.int64]


def secret_of(key: bytes | None, seed: int) -> bytes:
    """What decides the order, 32 bytes: nobody can tell it without ``key``, if there is one."""
    return hmac.new(key or b"", f"gallery {seed}".encode(), hashlib.sha256).digest()


def seats_of(contents: Sequence[bytes], secret: bytes) -> list[int]:
    """Where each of the groups with these ``contents`` sits, 0 to their number less 1.

    A group's place does not follow from its number, nor from what it holds without ``secret``.

    >>> sorted(seats_of([b"one", b"two", b"three"], bytes(32)))
    [0, 1, 2]
    """
    digests = [hmac.new(secret, content, hashlib.sha256).digest() for content in contents]
    order = sorted(range(len(digests)), key=lambda i: digests[i])
    return np.argsort(order).tolist()


def dealt(order: Rows, count: int, secret: bytes) -> list[Rows]:
    """The faces int64 (n,), alike ones beside each other, in ``count`` hands.

    Every face is in one hand; hands differ by one face at most.

    >>> sorted(len(hand) for hand in dealt(np.arange(11), 4, bytes(32)))
    [2, 3, 3, 3]
    """
    spare = random_numbers(secret, len(order), b"spare") < len(order) % count
    runs = order[~spare].reshape(-1, count)
    for number, run in enumerate(runs):
        run[:] = run[random_numbers(secret, count, b"run %d" % number)]
    hands = list(runs.T)
    for seat, face in zip(random_numbers(secret, count, b"seats"), order[spare], strict=False):
        hands[seat] = np.append(hands[seat], face)
    return hands
