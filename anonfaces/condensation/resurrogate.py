"""New surrogates for a condensed dataset that is there, by another method or other options."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, OutputError, UtilityWarning
from anonbase.files import write_text
from anonbase.notices import collect_warnings, warn_user
from anonfaces.dataset.files import (
    EVALUATION,
    OWNER,
    find_file,
    make_owner_folder,
    refuse_old_layout,
    secret_files,
)
from anonfaces.dataset.workplace import check_output, workplace

if TYPE_CHECKING:
    from anonfaces.report import Summary
    from anonfaces.synthesize import SurrogateOptions
    from encoders.faceset import FaceSet

__all__ = ["resurrogate"]

_BOX = ("left", "top", "right", "bottom")


def resurrogate(
    folder: Path | str,
    surrogate: str,
    surrogate_options: SurrogateOptions | None = None,
    *,
    faces: Path | str | None = None,
    progress: bool = False,
    scheduler: str | None = None,
) -> Summary:
    """Replace the surrogates, the summary and the page of the condensed dataset in ``folder``.

    ``faces``
        The ``faces.h5`` that the groups were made of, where it does not lie in ``owner/``.
    ``scheduler``
        The address of a Dask scheduler whose workers draw, or ``local``; None: this process.

    All of it is replaced or nothing; a run that was killed goes on when it is called again.
    Raises ``InputError``, ``OutputError`` and ``GuaranteeError``. ``UtilityWarning`` where an
    evaluation of the old surrogates went with them.
    """
    from anonfaces.cluster import Groups
    from anonfaces.report import Summary, write_report
    from anonfaces.synthesize import OF_SURROGATES, SurrogateOptions, check_surrogate
    from anonfaces.synthesize.gallery import draw

    chosen, origin = surrogate_options or SurrogateOptions(), Path(folder)
    check_surrogate(surrogate, chosen)
    _check_there(origin)
    place = check_output(origin, None, overwrite=True)
    refuse_old_layout(place)
    groups = Groups.read(place)
    faceset = _faces(place, faces)
    _check_same(faceset, find_file(place, "groups.csv"), groups.labels)
    summary = Summary.read(place / "summary.json")
    warned = [note for note in summary.privacy_warnings if not note.startswith(OF_SURROGATES)]
    judged = (place / EVALUATION).is_file()
    with workplace(place) as made:
        _carry_over(place, made)
        with collect_warnings(warned):
            draw(made, faceset, groups, surrogate, chosen, progress, scheduler)
        message = " ".join(["python -m anonfaces.synthesize FOLDER", *chosen.to_cli(surrogate, 0)])
        summary = replace(
            summary,
            surrogate=surrogate,
            command=f"{_first(summary)}; {message}",
            privacy_warnings=tuple(warned),
            secret=secret_files(made),
            publishable=tuple(name for name in summary.publishable if name != EVALUATION),
        )
        write_text(made / "summary.json", summary.to_json())
        write_report(made)
    if judged:
        warn_user(
            f"{origin / EVALUATION} told of the old surrogates and is gone: python -m"
            f" anonfaces.evaluate {origin} judges the new ones",
            UtilityWarning,
        )
    return summary


def _first(summary: Summary) -> str:
    """The command that grouped, without those that have replaced the surrogates since."""
    return summary.command.partition("; ")[0]


def _check_there(folder: Path) -> None:
    from anonfaces.dataset.summary import is_summary

    if not is_summary(folder / "summary.json"):
        raise InputError(
            f"{folder} is no condensed dataset (python -m anonfaces.cluster makes one)"
        )


def _faces(place: Path, given: Path | str | None) -> FaceSet:
    from encoders.faceset import FaceSet

    path = find_file(place, "faces.h5") if given is None else Path(given)
    if not path.is_file():
        raise InputError(
            f"{path}: there is no such file; --faces names the faces.h5 that was grouped"
            " (bare embeddings have no faces to make surrogates of)"
        )
    return FaceSet.read(path)


def _check_same(faces: FaceSet, table: Path, labels: NDArray[np.int64]) -> None:
    """InputError unless row by row the faces are those of the groups."""
    from anonfaces.dataset.tables import read_csv

    rows = read_csv(table, ["image"])
    known = {"image", *_BOX} <= set(rows.columns) and len(rows) == len(faces) == len(labels)
    same = known and (
        (rows["image"].to_numpy(dtype=str) == faces.image).all()
        and (rows[list(_BOX)].to_numpy() == faces.box).all()
    )
    if not same:
        raise InputError(f"{table}: these groups were made of other faces than {faces.path}")


def _carry_over(place: Path, made: Path) -> None:
    """All that stays as it is: by a second link where the disk has such, as faces.h5 is large."""
    # an evaluation is of the old surrogates
    remade = ("summary.json", "report.html", EVALUATION, "surrogate_distances.csv")
    for folder, other in ((place, made), (place / OWNER, make_owner_folder(made))):
        for path in folder.iterdir():
            if path.is_file() and path.name not in remade and not (other / path.name).exists():
                _link(path, other / path.name)


def _link(path: Path, other: Path) -> None:
    with suppress(OSError):
        os.link(path, other)
        return
    try:
        shutil.copyfile(path, other)
    except OSError as error:
        raise OutputError(f"{other}: {error.strerror or error}") from error
