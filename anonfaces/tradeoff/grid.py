"""The cells of a grid: every k with every embedding, method and kind of surrogate."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product
from typing import TYPE_CHECKING

from anonbase.errors import GuaranteeError, InputError

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

__all__ = ["Cell", "Grid"]

#: Vectors by which people may be grouped here: those that need nothing from the user.
EMBEDDINGS = ("dlib", "pca", "facenet", "faceres")


@dataclass(frozen=True, order=True)
class Cell:
    """One release of the grid: how people are grouped, by how many, and how faces are made."""

    embedding: str
    method: str
    k: int
    surrogate: str

    @property
    def name(self) -> str:
        """The name of its file, without the ending."""
        return f"{self.embedding}-{self.method}-{self.surrogate}-k{self.k}"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """What is tried.

    Attributes
    ----------
    k : tuple of int
        People that every group has at least.
    surrogate, embedding, method : tuple of str
        How faces are made, by whose vectors people are grouped, and how.
    judge : tuple of str
        Who measures; the first that took no part and can recognize people is shown.
    effort : str
        Of the grouping: ``fast``, ``default`` or ``best``.
    seed : int
        The same seed gives the same bytes.
    """

    k: tuple[int, ...] = (2, 3, 5, 10, 20)
    surrogate: tuple[str, ...] = ("stylegan", "k-same-m")
    embedding: tuple[str, ...] = ("dlib",)
    method: tuple[str, ...] = ("local_search",)
    judge: tuple[str, ...] = ()
    effort: str = "fast"
    seed: int = 0

    def __post_init__(self) -> None:
        from anonfaces.cluster.methods import find
        from anonfaces.synthesize import SurrogateOptions, check_surrogate

        for name in ("k", "surrogate", "embedding", "method"):
            if not getattr(self, name):
                raise InputError(f"--{name}: name one at least")
        if min(self.k) < 2:
            raise GuaranteeError(f"k is 2 or more, not {min(self.k)}")
        for name in self.surrogate:
            check_surrogate(name, SurrogateOptions())
        for name in self.embedding:
            if name not in EMBEDDINGS:
                raise InputError(f"--embedding {name}: choose of {', '.join(EMBEDDINGS)}")
        for name in self.method:
            find(name)

    def __iter__(self) -> Iterator[Cell]:
        """Cells that share groups follow one another."""
        embedding, method = dict.fromkeys(self.embedding), dict.fromkeys(self.method)
        groups = product(embedding, method, sorted({*self.k}))
        for (embedding, method, k), surrogate in product(groups, dict.fromkeys(self.surrogate)):
            yield Cell(embedding, method, k, surrogate)

    def check_people(self, people: int) -> None:
        """``GuaranteeError`` where there are fewer people than the largest k."""
        if people < max(self.k):
            raise GuaranteeError(f"k = {max(self.k)} needs as many people, here are {people}")

    def fingerprint(self, *sets: FaceSet | None) -> str:
        """SHA-256 of all that a cell depends on beside its name: faces, judges, effort, seed."""
        from anonfaces import __version__

        about = {name: value for name, value in asdict(self).items() if name in _OF_ALL}
        digest = hashlib.sha256(json.dumps([__version__, about]).encode())
        for faces in sets:
            if faces is None:
                digest.update(b"none")
                continue
            digest.update("\n".join([*faces.image.tolist(), *faces.identity.tolist()]).encode())
            digest.update(faces.embedding.tobytes())
        return digest.hexdigest()


_OF_ALL = ("judge", "effort", "seed")
