"""A person's decisions, and the photograph alone that they are about done again."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from anonbase.errors import InputError
from anonfaces.review import FaceDecision, ReviewSession, make_app
from anonfaces.review import __main__ as command
from anonfaces.review.server import HEADER

Pixels = NDArray[np.uint8]
TOKEN, PORT = "t0ken", 8123
HOST = f"127.0.0.1:{PORT}"


def load(path: Path) -> Pixels:
    return np.asarray(Image.open(path).convert("RGB"))


def decisions(session: ReviewSession, number: int, action: str = "cover") -> list[FaceDecision]:
    faces = session.records[number]["faces"]
    return [FaceDecision(tuple(face["box"]), action) for face in faces]


def test_a_face_that_was_missed_is_covered_and_no_other_picture_is_touched(output: Path) -> None:
    other = (output / "b.png").read_bytes()
    session = ReviewSession(output)
    drawn = FaceDecision((250, 60, 350, 160), "cover")
    session.apply(0, [*decisions(session, 0), drawn])
    made = load(output / "a.png")
    assert (made[60:160, 250:350] == 128).all(axis=2).mean() > 0.9
    assert (made[100, 100] == 128).all()
    assert (output / "b.png").read_bytes() == other
    record = json.loads(output.with_name("out.detections.json").read_text())["pictures"][0]
    assert record["reviewed"]
    assert [face["box"] for face in record["faces"]][-1] == [250, 60, 350, 160]
    assert output.with_name("out.detections.json").stat().st_mode & 0o777 == 0o600


def test_what_is_no_face_is_as_it_was(output: Path) -> None:
    session = ReviewSession(output)
    session.apply(0, decisions(session, 0, "open"))
    np.testing.assert_array_equal(load(output / "a.png"), session.original(0))
    assert session.records[0]["faces"][0]["outcome"] == "kept"


def test_a_surrogate_in_place_of_a_cover(output: Path) -> None:
    session = ReviewSession(output)
    session.apply(1, decisions(session, 1, "surrogate"))
    (face,) = session.records[1]["faces"]
    assert face["outcome"] in ("replaced", "covered")
    assert face["outcome"] == "covered" or face["distance"] > 0.6
    assert not np.array_equal(load(output / "b.png"), session.original(1))


def test_a_photograph_without_a_face_is_written_once_one_is_drawn(output: Path) -> None:
    session = ReviewSession(output)
    assert session.records[2]["outcome"] == "no face"
    assert session.result(2) is None
    session.apply(2, [FaceDecision((60, 40, 120, 110), "cover")])
    assert (load(output / "c.png")[75, 90] == 128).all()
    assert session.records[2]["outcome"] == "written"


def cards(output: Path) -> dict[str, dict[str, Any]]:
    page = output.with_name("out.review.html").read_text()
    data = page.split('id="data">')[1].split("</script>")[0]
    return {card["title"]: card for card in json.loads(data)}


def test_the_review_page_follows_and_other_cards_stay(output: Path) -> None:
    before = cards(output)
    session = ReviewSession(output)
    session.apply(0, decisions(session, 0, "open"))
    after = cards(output)
    assert after["b.png"] == before["b.png"]
    assert after["a.png"]["before"] == before["a.png"]["before"] == after["a.png"]["after"]
    assert before["a.png"]["after"] != after["a.png"]["after"]
    assert [box["outcome"] for box in after["a.png"]["boxes"]] == ["kept"]
    assert after["a.png"]["doubt"] == 0
    assert list(after) == ["b.png", "a.png"]
    assert output.with_name("out.review.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", [None, "", '<script type="application/json" id="data">[7]</script>']
)
def test_a_review_page_that_is_gone_or_damaged_is_made_anew(output: Path, text: str | None) -> None:
    page = output.with_name("out.review.html")
    page.unlink()
    if text is not None:
        page.write_text(text)
    session = ReviewSession(output)
    session.apply(2, [FaceDecision((60, 40, 120, 110), "cover")])
    assert set(cards(output)) == {"a.png", "b.png", "c.png"}
    assert "c.png: no face" not in page.read_text()


def test_a_photograph_that_has_changed_is_refused(output: Path) -> None:
    session = ReviewSession(output)
    Image.new("RGB", (400, 220)).save(output.parent / "photographs" / "a.png")
    before = (output / "a.png").read_bytes()
    with pytest.raises(InputError, match="changed"):
        session.apply(0, [])
    assert (output / "a.png").read_bytes() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"options": {}, "root": 1, "pictures": []}'])
def test_what_is_no_record_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "out.detections.json").write_text(text)
    with pytest.raises(InputError, match="record"):
        ReviewSession(tmp_path / "out")


def test_a_folder_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name the folder that anonymize wrote"):
        ReviewSession(tmp_path / "out")


@pytest.mark.parametrize(
    "value",
    [
        None,
        {"box": [0, 0, 9, 9]},
        {"box": [0, 0, 9], "action": "cover"},
        {"box": [0, 0, float("inf"), 9], "action": "cover"},
        {"box": [0, 0, float("nan"), 9], "action": "cover"},
        {"box": [0, 0, 2, 9], "action": "cover"},
        {"box": [900, 0, 950, 9], "action": "cover"},
        {"box": [0, 0, 10**9, 9], "action": "cover"},
        {"box": [0, 0, 9, 9], "action": "publish"},
        {"box": "abcd", "action": "cover"},
    ],
)
def test_a_decision_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InputError):
        FaceDecision.from_json(value, 400, 220)


@pytest.fixture
def client(output: Path):
    return make_app(ReviewSession(output), TOKEN, PORT).test_client()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", f"/{TOKEN}/", {"Host": HOST}, 200),
        ("GET", f"/{TOKEN}/pictures", {"Host": HOST}, 200),
        ("GET", f"/{TOKEN}/before/0", {"Host": HOST}, 200),
        ("GET", f"/{TOKEN}/after/0", {"Host": f"localhost:{PORT}"}, 200),
        ("GET", f"/{TOKEN}/after/2", {"Host": HOST}, 204),
        ("GET", "/another/", {"Host": HOST}, 403),
        ("GET", "/another/before/0", {"Host": HOST}, 403),
        ("GET", "/", {"Host": HOST}, 403),
        ("GET", f"/{TOKEN}/", {"Host": "evil.example"}, 403),
        ("GET", f"/{TOKEN}/before/0", {"Host": f"evil.example:{PORT}"}, 403),
        ("GET", f"/{TOKEN}/before/99", {"Host": HOST}, 400),
        ("POST", f"/{TOKEN}/apply/0", {"Host": HOST}, 403),
        ("POST", f"/{TOKEN}/apply/0", {"Host": HOST, HEADER: "guess"}, 403),
        ("POST", f"/{TOKEN}/apply/0", {"Host": HOST, HEADER: TOKEN, "Origin": "http://evil"}, 403),
        ("POST", f"/{TOKEN}/apply/99", {"Host": HOST, HEADER: TOKEN}, 400),
    ],
)
def test_who_is_answered(client, method: str, path: str, headers: dict, status: int) -> None:
    answer = client.open(path, method=method, headers=headers, json=_body(method))
    assert answer.status_code == status
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def _body(method: str) -> dict | None:
    return {"faces": []} if method == "POST" else None


def test_a_form_of_another_page_changes_nothing(client, output: Path) -> None:
    before = (output / "a.png").read_bytes()
    headers = {"Host": HOST, HEADER: TOKEN}
    answer = client.post(f"/{TOKEN}/apply/0", data={"faces": "[]"}, headers=headers)
    assert answer.status_code == 403
    assert (output / "a.png").read_bytes() == before


def test_flask_comes_with_the_rest_and_its_lack_is_named(
    output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = (Path(__file__).parents[2] / "requirements.txt").read_text("utf-8")
    assert any(line.startswith("flask") for line in wanted.splitlines())
    monkeypatch.setitem(sys.modules, "flask", None)
    with pytest.raises(InputError, match="pip install flask"):
        CliRunner().invoke(command.app, [str(output)], catch_exceptions=False)
