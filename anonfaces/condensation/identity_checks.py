"""Names that may be wrong, for the owner to look at: a table each, and a warning."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from anonbase.files import write_text
from anonbase.notices import warn_user
from anonbase.text import pluralize

if TYPE_CHECKING:
    import pandas as pd

    from anonfaces.condensation.gather import GroupingInput

__all__ = ["write_doubts"]


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
