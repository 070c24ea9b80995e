"""More than one release: what somebody learns who holds two of them and crosses their groups."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError, InputError
from anonbase.notices import warn_user
from anonfaces.publish.key import Opener, ReleaseKey
from anonfaces.publish.source import Source

__all__ = ["WITHOUT_NAMES", "check_earlier", "earlier_groups", "too_few"]

_NOWHERE = ""
WITHOUT_NAMES = ("estimate", "none")
"""Where names come from (``Summary.identity``) that mean nothing outside of one dataset."""


def earlier_groups(
    identity: NDArray[np.str_], keys: Sequence[ReleaseKey], names: Sequence[str] = ()
) -> NDArray[np.str_]:
    """For each person of ``identity`` the groups of earlier releases, in one text; str (n,).

    '' stands for a release that a person is not in. People with one text cannot be told apart by
    the earlier releases. InputError where an earlier release does not know people by name.
    """
    columns = []
    for number, key in enumerate(keys):
        if key.identity in WITHOUT_NAMES:
            name = names[number] if number < len(names) else f"release {number + 1}"
            raise InputError(
                f"{name}: its people have no names (identity {key.identity}), so who of them is in"
                " another release cannot be told"
            )
        group = key.members.drop_duplicates("identity").set_index("identity")["group"]
        columns.append(group.reindex(identity).fillna(_NOWHERE).to_numpy(dtype=str))
    return np.array([" ".join(row) for row in zip(*columns, strict=True)] or [""] * len(identity))


def too_few(members: pd.DataFrame, earlier: NDArray[np.str_], k: int) -> int:
    """How many people stand among fewer than ``k`` once all releases are crossed.

    ``members`` has one row a person: group, identity.
    """
    crossed = pd.DataFrame({"group": members["group"].to_numpy(), "earlier": earlier})
    size = crossed.groupby(["group", "earlier"]).size()
    return int(size[size < k].sum())


def check_earlier(source: Source, previous: Sequence[Path], opener: Opener) -> list[str]:
    """GuaranteeError where groups crossed with earlier releases have fewer than k people.

    Returns the SHA-256 of the certificates of these releases.

    PrivacyWarning where people of an earlier release are not in this one: who knows that they are
    gone can look for them among those who went.
    """
    if not previous:
        return []
    if source.summary.identity in WITHOUT_NAMES:
        raise InputError(
            f"{source.folder} does not know people by name (identity {source.summary.identity}):"
            " it cannot be crossed with earlier releases"
        )
    keys = [opener.open(path) for path in previous]
    members, k = source.members, source.summary.k
    earlier = earlier_groups(
        members["identity"].to_numpy(dtype=str), keys, list(map(str, previous))
    )
    alone = too_few(members, earlier, k)
    if alone:
        raise GuaranteeError(
            f"{alone} of {len(members)} people would stand among fewer than {k} for somebody who"
            " also holds an earlier release. Groups that keep the earlier ones together: python -m"
            " anonfaces.publish.together --help, or publish one release only"
        )
    _warn_of_those_who_went(keys, set(members["identity"]))
    return [key.certificate_sha256 for key in keys]


def _warn_of_those_who_went(keys: Sequence[ReleaseKey], here: set[str]) -> None:
    gone = {who for key in keys for who in key.members["identity"]} - here
    if gone:
        warn_user(
            f"{len(gone)} people of an earlier release are not in this one: who holds both, and"
            " knows that they went, finds them among those who went from their group"
        )
