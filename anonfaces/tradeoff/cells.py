"""One cell: people are grouped, faces are made, judges look, and what is kept is measured."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import UtilityWarning

if TYPE_CHECKING:
    from anonfaces.cluster import Groups
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Galleries
    from anonfaces.synthesize import Surrogate
    from anonfaces.tradeoff.grid import Cell
    from encoders.faceset import FaceSet

__all__ = ["PEOPLE_SHOWN", "Bench"]

#: People whose surrogates are shown along k: the first by name, so they are the same everywhere.
PEOPLE_SHOWN = 6
_TILE = 96


@dataclass
class Bench:
    """What cells share: faces, judges, galleries, looks, latents, and groups as they are made."""

    faces: FaceSet
    judges: Sequence[Judge]
    galleries: Galleries
    effort: str
    seed: int
    key: bytes
    _latents: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    _groups: dict[tuple[str, str, int], Groups] = field(default_factory=dict)
    _looks: NDArray[np.float32] | None = None
    _vectors: dict[str, NDArray[np.float32]] = field(default_factory=dict)

    def measure(self, cell: Cell) -> tuple[dict[str, Any], NDArray[np.uint8]]:
        """The numbers of a cell, and the faces of some people's groups, (96, 6 * 96, 3)."""
        from anonfaces.evaluate.subject import Subject
        from anonfaces.evaluate.utility import measure_utility
        from anonfaces.evaluate.verdict import judge_surrogates

        groups = self._grouped(cell)
        started = time.monotonic()
        images = self._surrogates(cell, groups)
        seconds = time.monotonic() - started
        subject = Subject(
            kind="condensed", k=cell.k, faces=self.faces, labels=groups.labels,
            numbers=tuple(map(str, range(len(images)))), surrogate=cell.surrogate, images=images,
        )  # fmt: skip
        verdicts = [judge_surrogates(subject, one, self.galleries).to_dict() for one in self.judges]
        for verdict in verdicts:
            verdict["reidentification"].pop("curve")
        with warnings.catch_warnings():  # of few pictures: the same in every cell, and in the table
            warnings.simplefilter("ignore", UtilityWarning)
            kept = measure_utility(subject, judge=self.judges[0], looks=self._seen_looks())
        row = {
            "embedding": cell.embedding, "method": cell.method, "k": cell.k,
            "surrogate": cell.surrogate, "groups": groups.n_groups,
            "information_loss": round(groups.information_loss, 6), "judges": verdicts,
            "utility": {name: one["value"] for name, one in kept.items()},
            "seconds": round(seconds, 1),
        }  # fmt: skip
        return row, _strip(images, groups)

    def _grouped(self, cell: Cell) -> Groups:
        from anonfaces.cluster import group

        about = (cell.embedding, cell.method, cell.k)
        if about not in self._groups:
            self._groups = {
                about: group(
                    self._embedding(cell.embedding), cell.k, self.faces.identity,
                    method=cell.method, effort=self.effort, seed=self.seed,
                )
            }  # fmt: skip
        return self._groups[about]

    def _embedding(self, name: str) -> NDArray[np.float32]:
        """Vectors of the faces by the embedder ``name``; the set's own where it has them."""
        from anonfaces.evaluate.judges.judge import load_judge

        if name == self.faces.meta.get("extractor"):
            return self.faces.embedding
        if name not in self._vectors:
            self._vectors[name] = load_judge(name, self.faces).of_faces(self.faces)
        return self._vectors[name]

    def _surrogates(self, cell: Cell, groups: Groups) -> tuple[NDArray[np.uint8], ...]:
        from anonfaces.synthesize import surrogates

        maker = _maker(cell.surrogate, self.seed, self.key)
        if hasattr(maker, "invert") and not isinstance(maker.invert, _SharedLatents):
            maker.invert = _SharedLatents(maker.invert, self._latents)
        drawn = surrogates(self.faces, groups.labels, self.faces.identity, maker)
        return tuple(face for _, face in drawn)

    def _seen_looks(self) -> NDArray[np.float32]:
        from anonfaces.evaluate.utility import looks_of

        if self._looks is None:
            self._looks = looks_of(self.faces)
        return self._looks


@lru_cache(maxsize=4)
def _maker(name: str, seed: int, key: bytes) -> Surrogate:
    from anonfaces.synthesize import SurrogateOptions, load_surrogate

    return load_surrogate(name, SurrogateOptions(seed=seed, key=key))


class _SharedLatents:
    """An ``Inversion`` that encodes each chip once, whatever cell asks for it."""

    def __init__(self, inversion: Any, known: dict[str, NDArray[np.float32]]) -> None:
        self._inversion, self._known = inversion, known
        self.framing = inversion.framing

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        from hashlib import sha256

        names = [sha256(chip.tobytes()).hexdigest() for chip in chips]
        new = [i for i, name in enumerate(names) if name not in self._known]
        if new:
            latents = self._inversion(chips[new])
            self._known |= {names[i]: latent for i, latent in zip(new, latents, strict=True)}
        return np.stack([self._known[name] for name in names])


def _strip(images: Sequence[NDArray[np.uint8]], groups: Groups) -> NDArray[np.uint8]:
    """The surrogates of the first people by name, side by side."""
    from encoders.detect.pool import enlarged

    names, first = np.unique(groups.identity, return_index=True)
    some = np.unique(np.linspace(0, len(names) - 1, PEOPLE_SHOWN).round().astype(np.int64))
    return np.concatenate([enlarged(images[groups.labels[first[i]]], _TILE) for i in some], axis=1)
