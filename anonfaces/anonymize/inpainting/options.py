"""How ``--surrogate inpaint`` makes its hole and fills it, checked."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.notices import warn_user

__all__ = ["BLENDS", "FRAMINGS", "InpaintOptions", "Proposal"]

FRAMINGS = ("landmarks", "border", "box")
BLENDS = ("matched", "poisson", "raw")
_MOST_ITERATIONS = 100_000
#: Above it a warning: at 0.1 no face of 12 is the original's to dlib's recognizer and one is to
#: FaceRes (docs/de-identification.md); more border keeps more of the person.
SAFE_BORDER = 0.1


@dataclass(frozen=True)
class Proposal:
    """A filled face that somebody is asked about.

    Attributes
    ----------
    before, after : uint8 (h, w, 3)
        The part of the picture around the face, and the same with the face replaced.
    others : list of uint8 (h, w, 3)
        What would come after it.
    picture, face : int
        Which picture of the input, and which face of it.
    """

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    others: list[NDArray[np.uint8]]
    picture: int
    face: int


Accept = Callable[[Proposal], bool]


@dataclass(frozen=True, kw_only=True)
class InpaintOptions:
    """The options of inpainting.

    Attributes
    ----------
    framing : {"landmarks", "border", "box"}
        "landmarks": the hole is the outline of the landmarks. "border": a square in the middle
        of the generator's frame, ``border`` of whose side is kept at each side. "box": eyes
        leveled, the face framed by each candidate's own face, a ring of ``border`` inside of that
        box is what must agree.
    border : float
        Share of the side, 0.02 to 0.4. None: 0.1 for "border", 0.15 for "box".
    blend : {"matched", "poisson", "raw"}
        How the filling is put in; "matched" is for "landmarks", and its default.
    iterations : int, optional
        Steps of the search. None: 60 for a StyleGAN, 300 for a DCGAN.
    rate : float, optional
        Adam's first step size, in deviations of the latents; it falls to 0 as a cosine.
    prior : float
        Weight of the discriminator's say, beside the mean distance of what is kept (0 to 2).
    every : int
        Steps between two frames of the films.
    traits : bool
        Begin from samples of about the face's perceived gender and age band.
    accept : callable, optional
        Asked about each filled face; False draws again. See ``Proposal``.

    Raises
    ------
    InputError
        A value is none.
    """

    framing: str = "landmarks"
    border: float | None = None
    blend: str | None = None
    iterations: int | None = None
    rate: float | None = None
    prior: float = 0.1
    every: int = 0
    traits: bool = False
    accept: Accept | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        self._check_words()
        if self.border is not None and not 0.02 <= self.border <= 0.4:
            raise InputError(f"--border {self.border}: expected 0.02 to 0.4")
        if self.iterations is not None and not 1 <= self.iterations <= _MOST_ITERATIONS:
            raise InputError(f"--iterations {self.iterations}: expected 1 to {_MOST_ITERATIONS}")
        if self.rate is not None and not 0 < self.rate <= 10:
            raise InputError(f"--rate {self.rate}: expected above 0, at most 10")
        if not 0 <= self.prior < math.inf:
            raise InputError(f"--prior {self.prior}: expected 0 or more")
        if self.every < 0:
            raise InputError(f"--every {self.every}: expected 0 or more")

    def _check_words(self) -> None:
        if self.framing not in FRAMINGS:
            raise InputError(f"--framing {self.framing!r}: expected {', '.join(FRAMINGS)}")
        if self.blend is not None and self.blend not in BLENDS:
            raise InputError(f"--blend {self.blend!r}: expected {', '.join(BLENDS)}")
        if self.framing == "landmarks" and self.border is not None:
            raise InputError("--border is for --framing border or box")
        if (self.blend or self.way) == "matched" and self.framing != "landmarks":
            raise InputError("--blend matched follows landmarks: with a square, poisson or raw")
        if self.framing == "landmarks" and self.way != "matched":
            raise InputError("--blend is for --framing border or box")

    @property
    def way(self) -> str:
        """How the filling is put in."""
        return self.blend or ("matched" if self.framing == "landmarks" else "poisson")

    @property
    def kept(self) -> float:
        """Share of the side that is kept at each side."""
        return self.border if self.border is not None else {"box": 0.15}.get(self.framing, 0.1)

    def recipe(self) -> dict[str, Any]:
        """All that the pixels depend on, as JSON has it."""
        names = (field.name for field in fields(self))
        return {name: getattr(self, name) for name in names if name not in ("accept", "every")}

    def warn(self) -> None:
        """A PrivacyWarning where the hole leaves much of the face."""
        if self.framing != "landmarks" and self.kept > SAFE_BORDER:
            warn_user(
                f"a border of {self.kept:g} keeps much of the face around the hole, by which some"
                " are still told: faces that the recogniser still takes for the original are"
                " covered, and another recogniser may tell more"
            )
