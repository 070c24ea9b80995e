"""Photographs through a camera: private pictures, as its sensor would have taken them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, OutputError, PrivacyWarning, UtilityWarning
from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.optics.names import OutputNames
from anonfaces.optics.pictures import (
    Pixels,
    Source,
    framed,
    is_one_of,
    is_picture,
    pictures_in,
    pictures_of,
    save_picture,
    squared,
)
from anonfaces.optics.sharpness import passes_detail

__all__ = ["Simulated", "simulate"]

Frame = NDArray[np.float32]

_COPIES = (
    "a simulation changes a copy alone: the sharp photographs are still there. Only a camera with"
    " the mask in front of it never sees the face"
)
_SHARP = (
    "this camera lets fine detail through: its pictures are sharp, not private, and whoever is on"
    " them can be recognized"
)
#: Bytes of the secret that noise is drawn from where no seed is given.
_SECRET = 32
#: Takes of a frame that tell how far noise alone moves its picture.
_DRAWS = 32
#: Names in a message.
_NAMED = 3


@dataclass(frozen=True)
class Simulated:
    """One private picture: its name, where it lies, and whether it was there already.

    ``left_out`` is how many faces of the photograph beside the main one are not on it.
    """

    name: str
    path: Path
    kept: bool
    left_out: int = 0


def simulate(
    source: Path,
    output: Path,
    camera: Any,
    align: bool = False,
    seed: int | None = None,
    overwrite: bool = False,
    max_pixels: int = 100_000_000,
    rename: bool = False,
) -> Iterator[Simulated]:
    """Take every photograph and every frame of a video in ``source``; PNG files in ``output``.

    Parameters
    ----------
    source : path
        A photograph, a video, or a folder of them.
    output : path
        A folder; what lies there already is kept, so a stopped run goes on. It is made when
        there is a picture to put into it.
    camera : Camera
        The camera.
    align : bool
        Hold the camera up to the main face as in training; pictures without one are passed over,
        other faces are left out. False: to the middle square of the picture.
    seed : int, optional
        Of the sensor's noise, with the picture's name, and of the order of ``rename``: whoever
        knows it can subtract the noise. None: the noise is drawn from a secret that is not kept.
    overwrite : bool
        Make what is there anew.
    max_pixels : int
        Larger photographs are not decoded.
    rename : bool
        Number the pictures, in an order that tells nobody's name; see `OutputNames`.

    Raises
    ------
    InputError
        No picture was taken: there is none, none can be read, or, with ``align``, none shows a
        face.
    OutputError
        The output cannot be one, or its pictures have other names, or one of those that are
        looked at is not what this camera makes of the photograph with these options. Looked at
        are the first, middle and last photograph that is there, and a frame of the first and of
        the last video.

    Warns
    -----
    PrivacyWarning
        Always: the sharp photographs exist, or the pictures are sharp themselves. Without
        ``rename``: names may be people's.
    UtilityWarning
        A picture without a face is passed over; faces beside the main one are left out.
    """
    from anonbase.output import resolve_output

    place = resolve_output(output, source if source.is_dir() else None)
    names = OutputNames(source, place, rename, seed or 0)
    warn_user(_SHARP if passes_detail(camera) else _COPIES, PrivacyWarning)
    taker = _Taker(camera, align, seed)
    if not overwrite:
        _check_kept(place, names, taker, max_pixels)
    taken: list[Simulated] = []
    try:
        for name, image in pictures_in(source, max_pixels, names):
            one = _take(place, name, image, names, taker, overwrite)
            if one is not None:
                taken.append(one)
                yield one
    finally:  # the run that goes on does not look at these again
        names.close_record(place)
        _tell_left_out(taken, names)
    if not taken:
        raise InputError(
            f"{source}: no picture shows a face to hold the camera up to, so nothing was written:"
            " without --align it takes the middle square of every picture"
        )


class _Taker:
    """A camera held up to photographs in one way, with the noise of one seed or secret."""

    def __init__(self, camera: Any, align: bool, seed: int | None) -> None:
        self._camera, self._align, self._psf = camera, align, camera.psf()
        self._known = seed is not None
        self._key = secrets.token_bytes(_SECRET) if seed is None else str(seed).encode()

    def frame(self, image: Pixels) -> tuple[Frame | None, int]:
        """What the camera is held up to, and how many faces are left out; None without a face."""
        size = self._camera.config.size
        return framed(image, size) if self._align else (squared(image, size), 0)

    def take(self, name: str, frames: Frame) -> Frame:
        """Frames (n, s, s, 3) as the sensor gives them, with the noise of this name."""
        digest = hashlib.blake2b(name.encode(), key=self._key, digest_size=8).digest()
        self._camera.reseed(int.from_bytes(digest))
        return np.asarray(self._camera.take(frames, self._psf))

    def may_have_taken(self, path: Path, name: str, image: Pixels) -> bool:
        """Whether the picture at ``path`` is what this camera makes of a photograph."""
        frame, _ = self.frame(image)
        if frame is None:
            return False
        if self._known:
            return is_picture(path, self.take(name, frame[None])[0])
        return is_one_of(path, self.take(name, np.repeat(frame[None], _DRAWS, axis=0)))


def _take(
    place: Path, name: str, image: Pixels, names: OutputNames, taker: _Taker, overwrite: bool
) -> Simulated | None:
    """Write one picture where it is not kept; None where no face was found."""
    path = place / name
    if path.is_file() and not overwrite:
        return Simulated(name, path, True)
    frame, left_out = taker.frame(image)
    if frame is None:
        of = names.source(name)
        warn_user(f"{of}: no face was found to hold the camera up to", UtilityWarning)
        return None
    names.write_record()
    save_picture(place, name, taker.take(name, frame[None])[0])
    return Simulated(name, path, False, left_out)


def _check_kept(place: Path, names: OutputNames, taker: _Taker, max_pixels: int) -> None:
    for name, image in _some_kept(place, names, max_pixels):
        if not taker.may_have_taken(place / name, name, image):
            raise OutputError(
                f"{place / name} was made by another camera, or with other options, and may be"
                " sharp: --overwrite makes all anew, or take another folder"
            )


def _some_kept(place: Path, names: OutputNames, max_pixels: int) -> Iterator[Source]:
    """Some sources whose pictures are there: photographs, and a frame each of some videos."""
    nothing = replace(names.inputs, photographs=[], videos=[], refused=[])
    photographs = [path for path in names.inputs.photographs if (place / names[path]).is_file()]
    some = replace(nothing, photographs=_spread(photographs))
    yield from pictures_of(some, names, max_pixels)
    videos = [path for path in names.inputs.videos if any((place / names[path]).glob("*.png"))]
    for video in _spread(videos):
        frames = pictures_of(replace(nothing, videos=[video]), names, max_pixels)
        yield from islice((one for one in frames if (place / one[0]).is_file()), 1)


def _spread(paths: list[str]) -> list[str]:
    """The first, the middle and the last."""
    chosen = (paths[:1], paths[len(paths) // 2 :][:1], paths[-1:])
    return list(dict.fromkeys(path for some in chosen for path in some))


def _tell_left_out(taken: list[Simulated], names: OutputNames) -> None:
    groups = [one for one in taken if one.left_out]
    if groups:
        count = sum(one.left_out for one in groups)
        more = ", …" if len(groups) > _NAMED else ""
        named = ", ".join(names.source(one.name) for one in groups[:_NAMED])
        warn_user(
            f"{pluralize(count, 'face')} beside the main one in"
            f" {pluralize(len(groups), 'picture')} are on no picture that was written now:"
            f" {named}{more}",
            UtilityWarning,
        )
