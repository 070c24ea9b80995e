"""Names: too few of them, or such as may be wrong, which the owner is to look at."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anonbase.errors import GuaranteeError
from anonbase.files import write_text
from anonbase.notices import warn_user
from anonbase.text import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from anonfaces.condensation.gather import GroupingInput
    from encoders.photographs.remote import PhotographRoot

__all__ = ["refuse_too_few", "write_doubts"]


def write_doubts(folder: Path, gathered: GroupingInput) -> None:
    """Write ``lookalikes.csv`` and ``strangers.csv`` where there is anything to be in them.

    PrivacyWarning for each, with how many, and never a name.
    """
    if gathered.identity is not None:
        _write(folder / "lookalikes.csv", _lookalikes(gathered, gathered.identity))
        _write(folder / "strangers.csv", _strangers(gathered, gathered.identity))


def _write(path: Path, table: pd.DataFrame) -> None:
    from anonfaces.dataset.tables import to_csv

    path.unlink(missing_ok=True)  # that of an earlier run
    if len(table):
        write_text(path, to_csv(table))


def _lookalikes(gathered: GroupingInput, identity: np.ndarray) -> pd.DataFrame:
    """Which names may be one person."""
    from anonfaces.cluster.lookalikes import LOOKALIKE, find_lookalikes

    distance = LOOKALIKE if gathered.extractor.startswith("dlib") else 0.0
    pairs = find_lookalikes(gathered.embedding, identity, distance)
    message = {side: _where(gathered)[pairs[side]] for side in ("first", "second")}
    named = {f"{side}_identity": identity[pairs[side]] for side in message}
    return pairs.assign(**message, **named)


def _strangers(gathered: GroupingInput, identity: np.ndarray) -> pd.DataFrame:
    """Which faces may be somebody else than their name says; of dlib's vectors alone."""
    import pandas as pd

    from encoders.identity_outliers import find_strangers

    rows = np.zeros(0, np.int64)
    if gathered.extractor.startswith("dlib"):
        rows = find_strangers(gathered.embedding, identity)
    if len(rows):
        warn_user(
            f"{pluralize(len(rows), 'face does', 'faces do')} not look like the rest of their"
            " person (owner/strangers.csv): where a bystander was taken for the person, one is"
            " under another's name and may be in two groups; take such pictures away, or crop them"
        )
    return pd.DataFrame({"face": _where(gathered)[rows], "identity": identity[rows]})


def _where(gathered: GroupingInput) -> np.ndarray:
    return np.arange(len(gathered)) if gathered.image is None else gathered.image


def refuse_too_few(photos: PhotographRoot, identity: str | None, k: int) -> None:
    """GuaranteeError where photographs are of fewer than ``k`` people, before any is looked at.

    Nothing is said where who is on some of them has to be found out from the faces.
    """
    from encoders.identity import find_identities
    from encoders.photographs.walk import find_photographs

    if identity in ("estimate", "none"):
        return
    paths = [photograph.path for photograph in find_photographs(photos).photographs]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they come when the photographs are looked at
        names = find_identities(identity or "auto", paths, photos).of
    people = {names.get(path, "") for path in paths}
    if paths and "" not in people and len(people) < k:
        raise GuaranteeError(
            f"k = {k} needs at least {k} people, and these photographs are of {len(people)}"
            f" ({pluralize(len(paths), 'photograph')}): take a smaller k or more people"
        )
