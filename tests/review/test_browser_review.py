"""The review in a real browser: a face is drawn with the mouse, and the picture done again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from chromium_pipe import CHROMIUM, Browser, browser
from numpy.typing import NDArray
from PIL import Image
from werkzeug.serving import make_server

from anonfaces.review import ReviewSession, make_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium (Debian package chromium)")

Pixels = NDArray[np.uint8]
TOKEN = "a-token-of-the-test"  # noqa: S105 (no secret)
PATIENCE = 240  # seconds that a picture may take on a machine that is busy


@pytest.fixture
def address(output: Path) -> Iterator[str]:
    session = ReviewSession(output)
    server = make_server("127.0.0.1", 0, lambda *_: [], threaded=True)
    server.app = make_app(session, TOKEN, server.port)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}/{TOKEN}/"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as it:
        yield it


def wait(page: Browser, expression: str) -> None:
    until = time.monotonic() + PATIENCE
    while not page.evaluate(expression):
        assert time.monotonic() < until, page.evaluate("document.body.innerText")
        time.sleep(0.1)


def place(page: Browser, x: float, y: float) -> dict[str, float]:
    """Where a point of the photograph is in the window."""
    area = page.evaluate(
        "(a => [a.left, a.top, a.width, a.height])"
        "(document.getElementById('drawing').getBoundingClientRect())"
    )
    return {"x": area[0] + x / 400 * area[2], "y": area[1] + y / 220 * area[3]}


def mouse(page: Browser, kind: str, at: dict[str, float]) -> None:
    page.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)


def load(path: Path) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_person_draws_a_missed_face_and_removes_a_false_one(
    chromium: Browser, address: str, output: Path
) -> None:
    chromium.complaints.clear()
    chromium.requests.clear()
    chromium.visit(address, 1280, 900)
    wait(chromium, "document.querySelectorAll('rect').length === 1")
    title = chromium.evaluate("document.getElementById('title').textContent")
    other = {"a.png": "b.png", "b.png": "a.png"}[title]
    untouched = (output / other).read_bytes()
    wait(chromium, "[...document.images].every(i => i.complete && i.naturalWidth)")
    mouse(chromium, "mousePressed", place(chromium, 250, 60))
    mouse(chromium, "mouseMoved", place(chromium, 300, 100))
    mouse(chromium, "mouseMoved", place(chromium, 350, 160))
    mouse(chromium, "mouseReleased", place(chromium, 350, 160))
    wait(chromium, "document.querySelectorAll('rect').length === 2")
    chromium.evaluate("document.getElementById('apply').click() ?? true")
    wait(chromium, "document.getElementById('where').textContent.includes('reviewed')")
    assert (load(output / title)[80:140, 270:330] == 128).all(axis=2).mean() > 0.9
    chromium.evaluate(
        "(s => { s.value = 'open'; return s.dispatchEvent(new Event('change')) })"
        "(document.querySelector('select'))"
    )
    wait(chromium, "!document.getElementById('apply').disabled")
    chromium.evaluate("document.getElementById('apply').click() ?? true")
    wait(chromium, "document.getElementById('where').textContent.includes('reviewed')")
    assert chromium.evaluate("document.querySelectorAll('rect.open').length") == 1
    original = load(output.parent / "photographs" / title)
    np.testing.assert_array_equal(load(output / title)[60:140, 60:140], original[60:140, 60:140])
    assert (output / other).read_bytes() == untouched
    assert chromium.complaints == []
    assert all(url.startswith(address) for url in chromium.requests)


def test_the_page_that_anonymize_writes_steps_by_keys_and_asks_for_nothing(
    chromium: Browser, output: Path
) -> None:
    page = output.with_name("out.review.html")
    chromium.complaints.clear()
    chromium.requests.clear()
    chromium.open(page, 1280, 900)
    asked = [url for url in chromium.requests if not url.startswith("data:")]
    assert asked == [page.resolve().as_uri()]
    assert chromium.complaints == []
    first = chromium.evaluate("document.getElementById('title').textContent")
    key = {"key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}
    chromium.call("Input.dispatchKeyEvent", type="keyDown", **key)
    second = chromium.evaluate("document.getElementById('title').textContent")
    assert {first, second} == {"a.png", "b.png"}
    assert chromium.evaluate("document.querySelectorAll('rect').length") == 2
    assert "c.png: no face" in chromium.evaluate("document.body.innerText")
    wide = chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert wide


def test_the_page_fits_a_phone(chromium: Browser, output: Path) -> None:
    chromium.open(output.with_name("out.review.html"), 360, 740)
    assert chromium.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_of_files_are_no_markup(
    chromium: Browser, portraits: list[Path], tmp_path: Path
) -> None:
    from anonfaces.anonymize import anonymize

    photographs = tmp_path / "in"
    photographs.mkdir()
    name = "<img src=x onerror=alert(1)><!--<script>.png"
    (photographs / name).write_bytes(portraits[0].read_bytes())
    done = anonymize(photographs, tmp_path / "out", surrogate="solid", detector="mtcnn")
    chromium.complaints.clear()
    chromium.open(done.review, 1280, 900)
    assert chromium.evaluate("document.getElementById('title').textContent") == name
    assert chromium.evaluate("document.querySelectorAll('img').length") == 2
    assert chromium.complaints == []
    data = chromium.evaluate("document.getElementById('data').textContent")
    assert json.loads(data)[0]["title"] == name
