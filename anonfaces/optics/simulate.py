"""Photographs through a camera: private pictures, as its sensor would have taken them."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anonbase.errors import InputError, OutputError, PrivacyWarning, UtilityWarning
from anonbase.notices import warn_user
from anonfaces.optics.names import OutputNames
from anonfaces.optics.pictures import (
    aligned,
    is_picture,
    pictures_in,
    save_picture,
    squared,
)

__all__ = ["Simulated", "simulate"]

_COPIES = (
    "a simulation hides a face in the copy alone: the sharp photographs are still there. Only a"
    " camera with the mask in front of it never sees the face"
)


@dataclass(frozen=True)
class Simulated:
    """One private picture: its name, where it lies, and whether it was there already."""

    name: str
    path: Path
    kept: bool


def simulate(
    source: Path,
    output: Path,
    camera: Any,
    align: bool = False,
    seed: int = 0,
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
        Hold the camera up to the main face as in training; pictures without one are passed over.
        False: to the middle square of the picture.
    seed : int
        Of the sensor's noise; each picture has its own, drawn from its name.
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
        The output cannot be one, or its pictures have other names, or the first that is there
        is not what this camera makes of the photograph with these options.

    Warns
    -----
    PrivacyWarning
        Always: the sharp photographs exist. Without ``rename``: names may be people's.
    """
    from anonbase.output import resolve_output

    place = resolve_output(output, source if source.is_dir() else None)
    names = OutputNames(source, place, rename, seed)
    warn_user(_COPIES, PrivacyWarning)
    psf = camera.psf()
    taken, checked = 0, False
    for name, image in pictures_in(source, max_pixels, names):
        path = place / name
        kept = path.is_file() and not overwrite
        if kept and checked:
            taken += 1
            yield Simulated(name, path, True)
            continue
        size = camera.config.size
        frame = aligned(image, size) if align else squared(image, size)
        if frame is None and not kept:
            warn_user(f"{name}: no face was found to hold the camera up to", UtilityWarning)
            continue
        camera.reseed(zlib.crc32(name.encode()) ^ seed)
        private: Any = None if frame is None else np.asarray(camera.take(frame[None], psf))[0]
        if kept and (private is None or not is_picture(path, private)):
            raise OutputError(
                f"{path} was made by another camera, or with other options, and may be sharp:"
                " --overwrite makes all anew, or take another folder"
            )
        taken, checked = taken + 1, checked or kept
        if not kept:
            names.write_record()
            save_picture(place, name, private)
        yield Simulated(name, path, kept)
    if not taken:
        raise InputError(
            f"{source}: no picture shows a face to hold the camera up to, so nothing was written:"
            " without --align it takes the middle square of every picture"
        )
