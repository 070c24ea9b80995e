"""A refusal of k names the photographs that gave no face."""

from __future__ import annotations

import re
from dataclasses import replace

import pandas as pd
import pytest

from anonbase.errors import GuaranteeError
from anonfaces.condensation.unread import naming_unread, no_face_text
from encoders.faceset import FaceSet
from encoders.faceset_file import LEDGER_COLUMNS


def _rows(*rows: tuple[str, str, str]) -> pd.DataFrame:
    whole = [(path, 1, 1, "", outcome, reason, 0, 0, 0.0) for path, outcome, reason in rows]
    return pd.DataFrame(whole, columns=list(LEDGER_COLUMNS))


def test_who_could_not_be_read_is_named(tiny_faces: FaceSet) -> None:
    ledger = _rows(
        ("a.jpg", "faces", ""),
        ("b.jpg", "unreadable", "the file is empty"),
        ("c.jpg", "no face", ""),
    )
    with (
        pytest.raises(GuaranteeError, match=r"k = 2.*; 2 photographs gave no face: b\.jpg .*empty"),
        naming_unread(replace(tiny_faces, ledger=ledger)),
    ):
        raise GuaranteeError("k = 2 needs at least 2 people, and there are 1")


def test_nothing_is_added_where_all_were_read(tiny_faces: FaceSet) -> None:
    with (
        pytest.raises(GuaranteeError, match=r"^k = 2$"),
        naming_unread(replace(tiny_faces, ledger=_rows(("a.jpg", "faces", "")))),
    ):
        raise GuaranteeError("k = 2")
    with pytest.raises(GuaranteeError, match=r"^k = 2$"), naming_unread(None):
        raise GuaranteeError("k = 2")


def test_without_a_face_the_way_out_is_that_of_the_reasons(tiny_faces: FaceSet) -> None:
    empty, faceless = ("a.jpg", "unreadable", "the file is empty"), ("b.jpg", "no face", "")
    for rows, ends in (
        ((empty,), r"a\.jpg \(the file is empty\); convert .* folder$"),
        ((faceless,), r"b\.jpg \(no face\); --detector .* smaller faces$"),
        ((empty, faceless), r"smaller faces; convert .* folder$"),
    ):
        assert re.search(ends, no_face_text(replace(tiny_faces, ledger=_rows(*rows))))


@pytest.fixture
def tiny_faces() -> FaceSet:
    import numpy as np

    return FaceSet(
        embedding=np.zeros((1, 4), np.float32),
        image=np.array(["a.jpg"]),
        box=np.zeros((1, 4), np.int32),
        landmark=np.zeros((1, 68, 2), np.float32),
        identity=np.array(["A"]),
        quality=np.ones(1, np.float32),
        ledger=_rows(),
        bystanders=pd.DataFrame(),
        meta={},
    )
