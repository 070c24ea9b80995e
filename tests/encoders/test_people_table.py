"""Tables of people as spreadsheets and people write them."""

from __future__ import annotations

import unicodedata
import warnings
from pathlib import Path

import pytest

from anonbase.errors import InputError, PrivacyWarning
from encoders.identity import Identities, find_identities
from encoders.people_table import match_photographs

NFC, NFD = (unicodedata.normalize(form, "José") for form in ("NFC", "NFD"))
ROWS = [("anna/0.jpg", "Anna", "30"), ("anna/1.jpg", "Anna", "31"), ("bert/0.jpg", "Bert", "40")]
PATHS = [path for path, _, _ in ROWS]
ROOT = Path("/data/photos")


def _text(separator: str = ",", path: str = "{}") -> str:
    rows = [("image", "pid", "age"), *((path.format(p), n, a) for p, n, a in ROWS)]
    return "\n".join(separator.join(row) for row in rows) + "\n"


def _read(folder: Path, data: bytes, paths: list[str] = PATHS) -> Identities:
    file = folder / "people.csv"
    file.write_bytes(data)
    return find_identities(f"csv:{file}:pid", paths, ROOT)


@pytest.mark.parametrize(
    "data",
    [
        _text().encode(),
        _text(";").encode(),
        _text("\t").encode(),
        _text("|").encode(),
        _text().encode("utf-8-sig"),
        _text().encode("utf-16"),
        b"\xfe\xff" + _text().encode("utf-16-be"),
        _text().encode("utf-16-le"),
        _text().replace("\n", "\r\n").encode(),
        _text(path="./{}").encode(),
        _text(path="/data/photos/{}").encode(),
        _text().replace("/", "\\").encode(),
        _text().replace(".jpg", ".JPG").encode(),
        _text().replace("image,pid,age", " image , pid,age ").encode(),
        ('"' + _text().replace(",", '","').strip().replace("\n", '"\n"') + '"').encode(),
    ],
    ids=lambda data: data[:28].decode("latin1"),
)
def test_one_table_in_many_ways(tmp_path: Path, data: bytes) -> None:
    identities = _read(tmp_path, data)
    assert identities.of == {path: name for path, name, _ in ROWS}
    assert list(identities.columns["age"].values()) == ["30", "31", "40"]


def test_latin_1_is_said(tmp_path: Path) -> None:
    with pytest.warns(PrivacyWarning, match="read as Latin-1"):
        identities = _read(tmp_path, _text().replace("Anna", "Ännä").encode("latin1"))
    assert identities.of["anna/0.jpg"] == "Ännä"


def test_a_table_in_nfc_finds_files_in_nfd(tmp_path: Path) -> None:
    table = f"image,pid\n{NFC}/0.jpg,{NFC}\n{NFC}/1.jpg,{NFD}\n".encode()
    identities = _read(tmp_path, table, [f"{NFD}/0.jpg", f"{NFD}/1.jpg"])
    assert set(identities.of.values()) == {NFC}


def test_a_conflict_names_the_photograph_and_both_people(tmp_path: Path) -> None:
    table = _text() + "anna/0.jpg,Bert,50\n"
    with pytest.raises(InputError, match=r"anna/0\.jpg has two .*'pid': 'Anna' and 'Bert'"):
        _read(tmp_path, table.encode())


def test_photographs_without_a_row_and_rows_without_a_photograph_are_told(tmp_path: Path) -> None:
    table = "image,pid\nanna/0.jpg,Anna\nanna/7.jpg,Anna\n"
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        _read(tmp_path, table.encode())
    messages = [str(warning.message) for warning in heard]
    assert all(warning.category is PrivacyWarning for warning in heard)
    assert any("2 photographs have no name" in m and "anna/1.jpg" in m for m in messages)
    assert any("1 row names no photograph" in m and "line 3" in m for m in messages)


def test_an_absolute_path_elsewhere_is_none_of_these(tmp_path: Path) -> None:
    assert match_photographs(["/else/anna/0.jpg"], PATHS, ROOT) == [None]
    with pytest.raises(InputError, match=r"/else/anna/0\.jpg"):
        _read(tmp_path, _text(path="/else/{}").encode())


@pytest.mark.parametrize(
    ("value", "paths", "expected"),
    [
        ("0.jpg", PATHS, None),  # two have that name
        ("1.jpg", PATHS, "anna/1.jpg"),
        ("1.JPG", PATHS, "anna/1.jpg"),
        ("carl/1.jpg", PATHS, None),  # another folder is another photograph
        ("a.JPG", ["a.jpg", "a.JPG"], "a.JPG"),
        ("a.Jpg", ["a.jpg", "a.JPG"], None),
        ("Ann Lee/0.jpg", ["Ann\u00a0Lee/0.jpg"], "Ann\u00a0Lee/0.jpg"),
        ("", [""], None),
    ],
)
def test_what_a_name_in_a_table_means(value: str, paths: list[str], expected: str | None) -> None:
    assert match_photographs([value], paths) == [expected]


@pytest.mark.parametrize(
    "paths",
    [
        [f"{NFC}/0.jpg", f"{NFD}/0.jpg"],
        ["Ann Lee/0.jpg", "Ann\u00a0Lee/0.jpg", "Ann  Lee/1.jpg", " Ann Lee /0.jpg"],
    ],
)
def test_folders_of_one_name_are_one_person(paths: list[str]) -> None:
    assert len(set(find_identities("folder", paths).of.values())) == 1


def test_a_pattern_finds_either_unicode_form() -> None:
    paths = [f"{NFC}_1.jpg", f"{NFD}_2.jpg"]
    for typed in (NFC, NFD):
        assert set(find_identities(f"regex:^({typed})_", paths).of.values()) == {NFC}


def test_names_that_may_be_one_person_are_listed() -> None:
    with pytest.warns(PrivacyWarning, match="'ann lee', .* 2 people|'Ann-Lee', 'ann lee'"):
        find_identities("folder", ["Ann-Lee/0.jpg", "ann lee/0.jpg", "Bob/0.jpg"])


def test_the_cases(cases: Path, tmp_path: Path) -> None:
    """Each table of ``shared/cases`` is read to the same people, or refused by name."""
    truth = {f"person_000/{n}.jpg" for n in range(3)}
    paths = [f"person_{n // 4:03d}/{n % 4}.jpg" for n in range(28)]
    for file in sorted((cases / "people_csv").iterdir()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PrivacyWarning)
            if "conflict" in file.name:
                with pytest.raises(InputError, match=r"person_000/0\.jpg"):
                    find_identities(f"csv:{file}:pid", paths, tmp_path)
            else:
                people = find_identities(f"csv:{file}:pid", paths, tmp_path).of
                assert truth <= set(people), file.name
                assert len({people[path] for path in truth}) == 1, file.name
