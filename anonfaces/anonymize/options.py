"""What was asked for, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anonbase.errors import InputError
from anonbase.notices import warn_user
from anonfaces.anonymize.cover import COVERS
from anonfaces.anonymize.detection import DETECTOR, THRESHOLD, detectors_of
from anonfaces.anonymize.inpainting.options import InpaintOptions
from encoders.detect import check_detector

__all__ = ["AUDIO", "DEFAULT_K", "MODES", "AnonymizationOptions"]

MODES = ("fresh", "group", "inpaint", "semantic", "solid", "mosaic", "blur")
AUDIO = ("drop", "keep")
_COARSE = ("mosaic", "blur")
DEFAULT_K = 5
_LATENTS = 4
_SURROUNDINGS = "keeps hair and what is around a face"


@dataclass(frozen=True)
class AnonymizationOptions:
    """The options of ``anonfaces.anonymize.anonymize``, which explains them.

    Raises InputError for a value that is none; warns of those that weaken the promise.
    """

    surrogate: str = "fresh"
    k: int | None = None
    method: str | None = None
    secret_key: Path | None = None
    latents: int = _LATENTS
    steps: Path | None = None
    seed: int = 0
    generator: Path | None = None
    semantic: Path | None = None
    gallery: Path | None = None
    keep: tuple[Path, ...] = ()
    keep_faceless: bool = False
    rename: bool = False
    overwrite: bool = False
    progress: bool = False
    max_pixels: int = 100_000_000
    detector: str = DETECTOR
    threshold: float = THRESHOLD
    scale: float = 1.0
    start: float | None = None
    end: float | None = None
    audio: str = "drop"
    inpaint: InpaintOptions = field(default_factory=InpaintOptions)

    def __post_init__(self) -> None:
        if self.surrogate not in MODES:
            raise InputError(f"--surrogate {self.surrogate!r}: expected {', '.join(MODES)}")
        if self.audio not in AUDIO:
            raise InputError(f"--audio {self.audio!r}: expected {' or '.join(AUDIO)}")
        if not 0 <= self.seed < 2**32:
            raise InputError(f"--seed {self.seed}: expected a whole number from 0 to 2**32 - 1")
        if self.max_pixels < 1:
            raise InputError(f"--max-pixels {self.max_pixels}: expected 1 or more")
        check_detector(detectors_of(self.detector))
        if not 0 < self.threshold < 1:
            raise InputError(f"--threshold {self.threshold}: expected more than 0, less than 1")
        if not 0.5 <= self.scale <= 4:
            raise InputError(f"--scale {self.scale}: expected 0.5 to 4")
        self._check_inpainting()
        self._check_modes()
        self._check_times()
        if self.surrogate == "group" and self.k is None:
            object.__setattr__(self, "k", DEFAULT_K)

    def _check_inpainting(self) -> None:
        if not 1 <= self.latents <= 64:
            raise InputError(f"--latents {self.latents}: expected 1 to 64")
        if self.surrogate == "inpaint":
            return
        given = self.inpaint != InpaintOptions() or self.inpaint.accept is not None
        if given or self.latents != _LATENTS:
            raise InputError(f"options of inpainting do not go with --surrogate {self.surrogate}")

    def recipe(self) -> dict[str, Any]:
        """All that the pixels depend on besides the input, as JSON has it."""
        return {
            "surrogate": self.surrogate,
            "k": self.k,
            "method": self.method if self.surrogate == "group" else None,
            "secret_key": self.secret_key and str(self.secret_key.resolve()),
            "latents": self.latents if self.surrogate == "inpaint" else None,
            "inpaint": self.inpaint.recipe() if self.surrogate == "inpaint" else None,
            "seed": self.seed,
            "generator": self.generator and str(self.generator.resolve()),
            "semantic": self.semantic and str(self.semantic.resolve()),
            "gallery": self.gallery and str(self.gallery.resolve()),
            "keep_faceless": self.keep_faceless,
            "rename": self.rename,
            "max_pixels": self.max_pixels,
            "detector": detectors_of(self.detector),
            "threshold": self.threshold,
            "scale": self.scale,
            "start": self.start,
            "end": self.end,
            "audio": self.audio,
        }

    def warn(self) -> None:
        """A PrivacyWarning for each option that makes the promise weaker."""
        message = {
            f"{self.surrogate} keeps 4 x 4 colours of a face, by which a recogniser that was"
            " trained on such pictures may tell people apart: solid keeps none": self.surrogate
            in _COARSE,
            f"fresh {_SURROUNDINGS}: of 200 faces that were pasted so FaceRes, which took no part,"
            " took 22 % for their source (dlib: 1 %)": self.surrogate == "fresh",
            f"group {_SURROUNDINGS}, by which people are known": self.surrogate == "group",
            "semantic keeps expression, hair and what is around a face: of 200 faces FaceRes,"
            " which took no part, took 27.5 % for their source (dlib: 1.5 %)": self.surrogate
            == "semantic",
            "photographs without a face are written as they are: a face that was missed is open"
            " in them; look at each": self.keep_faceless,
            f"faces of which the detectors are less sure than {self.threshold:g} stay open, and at"
            f" {THRESHOLD:g} more would be covered": self.threshold > THRESHOLD,
            f"masks of {self.scale:g} of the size of a head leave parts of it open": self.scale < 1,
            "films and sheets of --steps show the originals: keep them to yourself": bool(
                self.steps
            ),
            "the sound is kept, and a voice identifies who speaks": self.audio == "keep",
        }
        for text, holds in message.items():
            if holds:
                warn_user(text)
        self.inpaint.warn()

    def _check_modes(self) -> None:
        """Options of one mode are not for another."""
        only = {
            "steps": "inpaint",
            "semantic": "semantic",
            "k": "group",
            "method": "group",
            "secret_key": "group",
            "gallery": "fresh",
        }
        for name, mode in only.items():
            if getattr(self, name) is not None and self.surrogate != mode:
                option = name.replace("_", "-")
                raise InputError(f"--{option} is for --surrogate {mode}, not {self.surrogate}")
        if self.generator and self.surrogate in ("semantic", *COVERS):
            raise InputError(f"--generator is for fresh, group and inpaint, not {self.surrogate}")
        if self.gallery and self.generator:
            raise InputError("--gallery gives the faces that --generator would draw: name one")
        if self.gallery and not self.gallery.is_dir():
            raise InputError(f"--gallery {self.gallery}: expected a folder of pictures of faces")

    def _check_times(self) -> None:
        for name in ("start", "end"):
            seconds = getattr(self, name)
            if seconds is not None and not 0 <= seconds < float("inf"):
                raise InputError(f"--{name} {seconds}: expected seconds from the beginning")
        if self.end is not None and self.end <= (self.start or 0):
            raise InputError(f"--end {self.end}: expected more than --start {self.start or 0}")
