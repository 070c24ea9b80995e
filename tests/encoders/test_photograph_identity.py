from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import InputError, PrivacyWarning
from encoders.identity import find_identities

PATHS = ["anna/1.jpg", "anna/deep/2.jpg", "bert/1.jpg"]
FLAT = ["anna_1.jpg", "anna_2.jpg", "7.jpg"]
ALL = np.ones(3, bool)


@pytest.mark.parametrize(
    ("source", "paths", "kind", "expected"),
    [
        ("auto", PATHS, "folder", ["anna", "anna", "bert"]),
        ("auto", [*PATHS[:2], "7.jpg"], "none", ["", "", ""]),
        ("folder", [*PATHS[:2], "7.jpg"], "folder", ["anna", "anna", ""]),
        ("none", PATHS, "none", ["", "", ""]),
        ("regex:^([a-z]+)_", FLAT, "regex:^([a-z]+)_", ["anna", "anna", ""]),
        ("regex:(?P<n>.)_|(?P<identity>7)", FLAT, "regex:(?P<n>.)_|(?P<identity>7)", ["", "", "7"]),
        ("regex:[a-z]+", [*FLAT[:2], "bert.jpg"], "regex:[a-z]+", ["anna", "anna", "bert"]),
    ],
)
def test_who_is_in_a_photograph(
    source: str, paths: list[str], kind: str, expected: list[str]
) -> None:
    identities = find_identities(source, paths)
    assert identities.source == kind
    assert identities.labels(paths, ALL).tolist() == expected


def _table(folder: Path, text: str) -> str:
    path = folder / "people.csv"
    path.write_text(text, encoding="utf-8")
    return f"csv:{path}:name"


def test_a_table_names_people_and_brings_attributes(tmp_path: Path) -> None:
    rows = ["file,name,age,mood", "anna/1.jpg,Ánna,30,glad", "2.jpg,Ánna,31,", "none.jpg,X,9,sad"]
    with pytest.warns(PrivacyWarning, match="1 photograph has no name|1 row names no photograph"):
        identities = find_identities(_table(tmp_path, "\n".join(rows)), PATHS)
    assert identities.labels(PATHS, ALL).tolist() == ["Ánna", "Ánna", ""]
    attributes = identities.attributes(PATHS, ALL)
    assert attributes["mood"].tolist() == ["glad", "", ""]
    np.testing.assert_array_equal(attributes["age"], [30, 31, np.nan])


def test_a_bystander_has_neither_the_name_nor_the_attributes(tmp_path: Path) -> None:
    source = _table(tmp_path, "path,name,age\nanna/1.jpg,Anna,30\n")
    identities = find_identities(source, ["anna/1.jpg"])
    faces, known = ["anna/1.jpg", "anna/1.jpg"], np.array([True, False])
    assert identities.labels(faces, known).tolist() == ["Anna", ""]
    np.testing.assert_array_equal(identities.attributes(faces, known)["age"], [30, np.nan])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,who\nanna/1.jpg,Anna\n", "no column 'name'"),
        ("file,name\nelse.jpg,Anna\n", "no column names a photograph"),
        ("name\nAnna\n", "no column names a photograph"),
        ("file,name\nanna/1.jpg,Anna\nanna/1.jpg,Bert\n", "two different"),
        ("", "not a readable CSV"),
        ('file,name\n"anna', "not a readable CSV"),
    ],
)
def test_a_table_that_cannot_be_used(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_identities(_table(tmp_path, text), PATHS)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("people", "expected folder"),
        ("csv:people.csv", "expected folder"),
        ("csv:/no/such.csv:name", "there is no such file"),
        ("regex:", "expected folder"),
        ("regex:(", "unterminated"),
        ("regex:(zzz)", "matches no photograph"),
    ],
)
def test_a_source_that_cannot_be_used(source: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        find_identities(source, PATHS)


def test_a_pattern_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encoders.identity._PATTERN_SECONDS", 1)
    with pytest.raises(InputError, match="simplify"):
        find_identities("regex:^(a+)+$", ["a" * 60 + "!"])
