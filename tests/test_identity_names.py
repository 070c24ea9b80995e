"""When two spellings of a name are one name, and when they may be one person."""

import unicodedata

import pytest

from anonbase.identity_names import confusable_names, fold_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("Ann Lee", "Ann Lee"),
        ("Ann\u00a0Lee", "Ann Lee"),
        ("Ann  Lee", "Ann Lee"),
        ("\tAnn Lee\r\n", "Ann Lee"),
        ("Ann\u3000Lee", "Ann Lee"),
        (unicodedata.normalize("NFD", "José Schröder"), "José Schröder"),
        ("Ann\u200b Lee", "Ann Lee"),
        ("\ufeffAnn", "Ann"),
        (" \u00a0", ""),
        ("007", "007"),
        ("Straße", "Straße"),
    ],
)
def test_a_name_has_one_spelling(typed, name):
    assert fold_name(typed) == name
    assert fold_name(name) == name


@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["Ann", "Bob"], []),
        (["Ann", "ANN", "Ann"], [["ANN", "Ann"]]),
        (["Zoë", "Zoe", "O'Neil", "ONeil"], [["O'Neil", "ONeil"], ["Zoe", "Zoë"]]),
        (["A. B. Smith", "A B Smith", "a_b_smith"], [["A B Smith", "A. B. Smith", "a_b_smith"]]),
        (["STRASSE", "straße"], [["STRASSE", "straße"]]),
        (["", "", "-", "+"], []),
        (["p1", "p2", "p12"], []),
        (["1_12", "11_2", "1.2", "12"], []),
        (["7_1", "7-1"], [["7-1", "7_1"]]),
    ],
)
def test_names_that_differ_by_case_accents_or_punctuation_alone(names, groups):
    assert confusable_names(names) == groups
