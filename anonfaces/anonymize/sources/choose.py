"""The mode that was asked for, made ready for an input."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.cover import COVERS
from anonfaces.anonymize.detection import FaceAnalyzer, Faces
from anonfaces.anonymize.options import AnonymizationOptions
from anonfaces.anonymize.sources.fresh import Source, SyntheticFaces

__all__ = ["check_source", "make_source"]

Pixels = NDArray[np.uint8]


def check_source(options: AnonymizationOptions) -> None:
    """What was named to take faces from is refused before any picture is looked at.

    Raises InputError and WeightsError as ``make_source`` would.
    """
    from anonfaces.synthesize import SurrogateOptions, check_surrogate
    from encoders.photographs.walk import find_photographs

    if options.method is not None:
        check_surrogate(options.method, SurrogateOptions(generator=options.generator))
    if options.gallery is not None:
        find_photographs(options.gallery)
    if options.generator is not None:
        import stylegan

        stylegan.load(options.generator)
    if options.semantic is not None:
        from anonfaces.semantic import load_redrawer

        load_redrawer(options.semantic)


def make_source(
    options: AnonymizationOptions,
    analyzer: FaceAnalyzer,
    detections: Sequence[Faces],
    allowlisted: Sequence[Sequence[int]],
    read: Callable[[int], Pixels],
) -> Source | str:
    """The source of surrogates for pictures with the faces ``detections``.

    ``read`` gives picture i, ``allowlisted`` are the faces of each picture that stay. A mode that
    only covers is its own name.
    """
    hidden = sum(map(len, detections)) - sum(map(len, allowlisted))
    if options.surrogate in COVERS or not hidden:
        return options.surrogate if hidden else "solid"
    if options.surrogate == "group":
        from anonfaces.anonymize.sources.group import GroupFaces

        return GroupFaces(analyzer, detections, allowlisted, read, options)
    if options.surrogate == "inpaint":
        from anonfaces.anonymize.sources.inpaint import InpaintedFaces

        return InpaintedFaces(analyzer, options, options.steps)
    everyone = np.concatenate([faces.embedding for faces in detections])
    if options.surrogate == "semantic":
        from anonfaces.anonymize.sources.semantic import RedrawnFaces

        return RedrawnFaces(analyzer, everyone, options.seed, options.semantic)
    return SyntheticFaces(analyzer, everyone, options.seed, options.generator, options.gallery)
