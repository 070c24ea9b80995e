"""A person withdraws and their group is kept: it gets another face, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import PrivacyWarning
from anonfaces import condense
from anonfaces.cluster import Groups
from anonfaces.withdraw import find_person, withdraw
from encoders.faceset import FaceSet


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")  # TensorFlow's own
def test_a_group_that_keeps_k_gets_a_face_without_who_went(few: FaceSet, tmp_path: Path) -> None:
    assert few.path is not None
    condense(few.path, 5, tmp_path / "before", surrogate="stylegan", effort="fast")
    before = Groups.read(tmp_path / "before")
    sizes = before.sizes().set_index("group")["people"]
    group = int(sizes.idxmax())  # 12 people by fives: one group has a person to spare
    name = str(before.identity[before.labels == group][0])
    assert find_person(name, tmp_path / "before").keeps_k
    with pytest.warns(PrivacyWarning, match="remade without somebody who went"):
        after = withdraw(name, tmp_path / "before", tmp_path / "after", remake=True, faces=few.path)
    assert (after.groups, after.people) == (before.n_groups, 11)
    assert name not in set(Groups.read(tmp_path / "after").identity)
    for number in range(before.n_groups):
        old, new = (
            (tmp_path / folder / "surrogates" / f"{number}.png").read_bytes()
            for folder in ("before", "after")
        )
        assert (old != new) == (number == group)
    kept = (tmp_path / "after" / "owner" / "secret.key").read_bytes()
    assert kept == (tmp_path / "before" / "owner" / "secret.key").read_bytes()
    assert np.array_equal(
        np.unique(Groups.read(tmp_path / "after").labels), np.unique(before.labels)
    )
