"""The page in a real browser: it is quiet, asks for nothing, and fits a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium_pipe import CHROMIUM, Browser, browser

from anonfaces.report import write_report

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (Debian package chromium)")

Maker = Callable[..., Path]
SIZES = [(360, 740), (390, 844), (820, 1180), (1280, 900)]


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as it:
        yield it


@pytest.fixture(scope="module")
def pages(dataset: Maker) -> dict[str, Path]:
    long = "a warning with a wordwithoutanyplacetobreakit" + "x" * 200
    return {
        "photographs": write_report(dataset(groups=300, privacy_warnings=(long,))),
        "embeddings": write_report(dataset(surrogate=None, pictures=None, command="x" * 300)),
    }


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("kind", ["photographs", "embeddings"])
def test_the_page_fits_the_screen(
    chromium: Browser, pages: dict[str, Path], kind: str, width: int, height: int
) -> None:
    chromium.open(pages[kind], width, height)
    wide, inner = chromium.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert inner == width
    assert wide <= inner
    spill = "[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right"
    assert chromium.evaluate(f"{spill} > innerWidth + 1).map(e => e.outerHTML.slice(0, 80))") == []


@pytest.mark.parametrize("kind", ["photographs", "embeddings"])
def test_the_page_is_quiet_and_asks_for_nothing(
    chromium: Browser, pages: dict[str, Path], kind: str
) -> None:
    chromium.requests.clear()
    chromium.complaints.clear()
    chromium.open(pages[kind], 1280, 900)
    blank = "[...document.images].filter(i => !i.complete || !i.naturalWidth).length"
    assert chromium.evaluate(blank) == 0
    asked = [url for url in chromium.requests if not url.startswith("data:")]
    assert asked == [pages[kind].resolve().as_uri()]
    assert chromium.complaints == []


def test_dark_mode_changes_the_ink(chromium: Browser, pages: dict[str, Path]) -> None:
    colours = []
    for dark in (False, True):
        chromium.open(pages["photographs"], 1280, 900, dark)
        colours.append(
            chromium.evaluate(
                "[document.body, document.querySelector('svg text')]"
                ".map(e => getComputedStyle(e).fill + getComputedStyle(e).backgroundColor)"
            )
        )
    light, dark_ones = colours
    assert light[0] != dark_ones[0]
    assert light[1] != dark_ones[1]
