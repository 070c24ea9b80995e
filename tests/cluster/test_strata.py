"""People who must not be mixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from anonbase.errors import GuaranteeError, InputError, PrivacyWarning
from anonfaces.cluster import group

TABLE = np.random.default_rng(0).normal(size=(60, 4))
IDENTITY = np.arange(60) // 2
SEX = np.where(IDENTITY % 3 == 0, "f", "m")


def test_no_group_mixes_two_values() -> None:
    with pytest.warns(PrivacyWarning, match="knows its members' value"):
        groups = group(TABLE, 3, IDENTITY, same=SEX, effort="fast")
    groups.verify()
    assert all(len(set(SEX[groups.labels == g])) == 1 for g in range(groups.n_groups))
    assert groups.sizes()["people"].between(3, 5).all()
    assert 0 < groups.lower_bound <= groups.information_loss
    assert groups.information_loss > group(TABLE, 3, IDENTITY, effort="fast").information_loss


@pytest.mark.parametrize(
    ("same", "error", "message"),
    [
        (np.where(IDENTITY < 3, "f", "m"), GuaranteeError, "'f' has 3, 2 short"),
        (np.where(np.arange(60) % 2, "f", "m"), InputError, "another value"),
        (["f"], InputError, "one value a face"),
    ],
)
def test_what_cannot_be_kept_apart_is_refused(
    same: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        group(TABLE, 5, IDENTITY, same=same)
