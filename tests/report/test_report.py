"""The page says what holds, from the publishable files alone, and always in the same bytes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from anonbase.errors import InputError
from anonfaces.dataset.summary import is_summary
from anonfaces.report import Summary, write_report
from anonfaces.report.figures import sizes_figure
from anonfaces.report.tiles import MOST_TILES, evenly

Maker = Callable[..., Path]


KEPT = {"column": "age", "numbers": True}


class Page(HTMLParser):
    """The words of a page, its pictures, and whatever would make a browser ask for a file."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.words, self.pictures, self.addresses, self.tags = "", [], [], set()
        self._quiet = False
        self.feed(path.read_text(encoding="utf-8"))
        self.words = " ".join(self.words.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self._quiet = tag == "style"
        if tag == "img":
            self.pictures.append(dict(attrs))
        self.addresses += [v for name, v in attrs if name in ("src", "href", "xlink:href") and v]

    def handle_endtag(self, tag: str) -> None:
        self._quiet = False

    def handle_data(self, data: str) -> None:
        self.words += "" if self._quiet else data


def test_the_page_needs_no_other_file_and_no_script(dataset: Maker) -> None:
    page = Page(write_report(dataset()))
    assert "script" not in page.tags
    assert all(a.startswith(("data:", "#")) for a in page.addresses)
    assert {"h1", "h2", "svg", "img"} <= page.tags


def test_every_picture_has_words_for_those_who_do_not_see_it(dataset: Maker) -> None:
    path = write_report(dataset(groups=12))
    page = Page(path)
    assert len(page.pictures) == 12 + 6
    assert all("Surrogate face of group" in picture["alt"] for picture in page.pictures)
    labels = re.findall(r'<svg [^>]*role="img" aria-label="([^"]+)"', path.read_text())
    assert [label.split(":")[0] for label in labels] == [
        "Information loss",
        "Group sizes",
    ]


def test_the_guarantee_and_the_numbers_are_there(dataset: Maker) -> None:
    folder = dataset()
    summary = Summary.read(folder / "summary.json")
    words = Page(write_report(folder)).words
    for expected in (
        "every group has at least 5 people",
        "with probability at most 1/5 from that record",
        "It is not differential privacy.",
        "It does not compose over several releases of overlapping people.",
        f"{summary.faces} faces of {summary.people} people",
        f"{summary.groups} surrogate faces",
        "Information loss 46.2 %",
        "Random groups would have lost 91.3 %",
        "no face was found",
        "7 files",
        "4 faces",
        "can be undone by subtraction",
        summary.command,
        summary.extractor_sha256,
    ):
        assert expected in words


@pytest.mark.parametrize(
    ("changes", "expected", "absent"),
    [
        ({"identity": "folder"}, "one folder, one person", "What weakens it here"),
        ({"constraints": ()}, "A method has to beat it to be worth anything.", "held to the same"),
        ({"identity": "estimate"}, "what could be one person counts as one", "one folder"),
        ({"identity": "none"}, "It does not hold for people here", "has at least 5 people"),
        ({"estimated_faces": 3}, "For 3 faces without a name it was estimated", "It does not hold"),
        ({"privacy_warnings": ("this is weak",)}, "What weakens it here this is weak", "nothing"),
        (
            {"constraints": (KEPT | {"kind": "l_diversity", "bound": 3, "reached": 4.0},)},
            "at least 3 different values of age (the fewest here: 4). Close numbers",
            "earth mover",
        ),
        (
            {"constraints": (KEPT | {"kind": "l_diversity", "bound": 3, "reached": 4.0},)},
            "drawn without what is asked of these groups by age, so the two are not held",
            "earth mover",
        ),
        (
            {"constraints": (KEPT | {"kind": "t_closeness", "bound": 0.2, "reached": 0.15},)},
            "up to a distance of 0.2 (the farthest here: 0.150; earth mover's distance)",
            "different values",
        ),
        (
            {"constraints": (KEPT | {"kind": "same", "bound": 1, "reached": 1.0},)},
            "No group mixes two values of age",
            "Everybody is in one group",
        ),
        (
            {"lower_bound": 37.0},
            "can lose less than 37.0 %: at most 20.0 % of what was lost could have been kept",
            "What every group keeps beside",
        ),
        ({"groups": 1}, "Everybody is in one group: ask less of the groups", "can lose less"),
        (
            {"surrogate": None, "pictures": None, "chip_size": None},
            "The input was bare embeddings",
            "What was not found",
        ),
        ({"not_found": {}, "bystanders": 0}, "Nothing: a face was found in every", "None of these"),
        (
            {"withheld_attributes": {"full name": "too few share it"}},
            "full name: too few share it",
            "nothing",
        ),
    ],
)
def test_the_page_says_what_holds_here(
    dataset: Maker, changes: dict[str, object], expected: str, absent: str
) -> None:
    words = Page(write_report(dataset(**changes))).words
    assert expected in words
    assert absent not in words


def test_the_histogram_counts_every_group_once() -> None:
    sizes = {str(size): size % 3 for size in range(20, 400)}
    drawn = sizes_figure({"5": 3, "8": 1}, 5)
    assert "groups, 3 of 5 people, 1 of 8 people." in drawn
    counts = re.findall(r"(\d+) of \d+–\d+ people", sizes_figure(sizes, 20))
    assert sum(map(int, counts)) == sum(sizes.values())
    assert len(counts) <= 31


def test_the_same_files_give_the_same_bytes(dataset: Maker) -> None:
    folder = dataset()
    first = write_report(folder).read_bytes()
    assert write_report(folder).read_bytes() == first


def test_thousands_of_groups_make_a_page_of_bounded_size(dataset: Maker) -> None:
    page = write_report(dataset(groups=1000))
    assert page.stat().st_size < 5 * 2**20
    assert len(Page(page).pictures) == MOST_TILES + 6
    assert "240 of the 1,000 surrogates" in Page(page).words


@pytest.mark.parametrize(("count", "most"), [(1, 240), (239, 240), (240, 240), (241, 240), (9, 4)])
def test_tiles_are_evenly_chosen(count: int, most: int) -> None:
    chosen = evenly(count, most)
    assert len(chosen) == min(count, most)
    assert chosen[0] == 0
    assert chosen[-1] == count - 1 or most == 1
    assert (chosen[1:] > chosen[:-1]).all()


def test_what_the_input_says_cannot_become_markup(dataset: Maker) -> None:
    bad = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    folder = dataset(privacy_warnings=(bad,), command=bad, not_found={bad: 1}, extractor=bad)
    page = Page(write_report(folder))
    assert "script" not in page.tags
    assert "x" not in page.addresses


@pytest.mark.parametrize("text", ["", "[]", "{", '{"format": "other"}', "[" * 100_000])
def test_what_is_not_a_summary_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "summary.json").write_text(text)
    assert not is_summary(tmp_path / "summary.json")
    with pytest.raises(InputError, match=r"summary\.json is not the summary"):
        write_report(tmp_path)


def test_a_summary_survives_its_file(dataset: Maker) -> None:
    path = dataset() / "summary.json"
    text = path.read_text()
    assert Summary.read(path).to_json() == text
    assert json.loads(text)["format"] == "anonfaces condensed dataset"
