"""The lines that end a run say what to look at, how near faces are, and why many are covered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anonfaces.anonymize.quality import MOST_UNCLEAR
from anonfaces.anonymize.result import make_result
from anonfaces.anonymize.summary import describe_all_faces

REVIEW = Path("out.review.html")
WORSE = "every surrogate that was tried looks worse there than a cover"


def replaced(distance: float = 0.8, unclear: float = 0.0) -> dict[str, Any]:
    return {"outcome": "replaced", "reason": "", "distance": distance, "unclear": unclear}


def covered(reason: str) -> dict[str, Any]:
    return {"outcome": "covered", "reason": reason, "distance": 1.0}


@pytest.mark.parametrize(
    ("faces", "surrogate", "said"),
    [
        ([], "fresh", []),
        ([covered("")] * 9, "solid", []),
        ([replaced()], "fresh", ["is 0.800 from an original"]),
        ([replaced(0.61), replaced(0.75)], "fresh", ["is 0.610 from", "and 1 lies at most 0.02"]),
        ([replaced(0.24), replaced(0.61)], "fresh", ["1 lies at most", "1 of them lies at 0.6"]),
        ([replaced(), replaced(unclear=MOST_UNCLEAR + 0.01)], "fresh", ["1 of the 2", REVIEW]),
        ([replaced()] * 7 + [covered(WORSE)] * 3, "fresh", ["3 of 10 faces are covered", WORSE]),
        ([replaced()] * 7 + [covered(WORSE)] * 3, "group", ["a group has one face"]),
    ],
)  # fmt: skip
def test_a_run_ends_with_what_to_look_at(
    faces: list[dict[str, Any]], surrogate: str, said: list[Any]
) -> None:
    text = "\n".join(describe_all_faces([{"faces": faces}], REVIEW, surrogate))
    assert bool(text) == bool(said)
    assert all(str(part) in text for part in said)


def test_faces_of_videos_have_lines_of_their_own() -> None:
    tracks = [replaced(0.61), replaced(unclear=MOST_UNCLEAR + 0.01), {"outcome": "replaced"}]
    video = {"frames": 9, "faces": [*tracks, *[covered(WORSE)] * 3]}
    lines = describe_all_faces([{"faces": [replaced()]}, video], REVIEW, "fresh")
    assert len(lines) == 4
    assert "nearest of the 1 faces that were put in is 0.800 from" in lines[0]
    assert "1 of the 3 faces that were put into videos look doubtful" in lines[1]
    assert "0.610 from an original of its video" in lines[2]
    assert "3 of 6 faces of videos are covered" in lines[3]


def test_what_is_rare_is_not_said() -> None:
    lines = describe_all_faces(
        [{"faces": [replaced()] * 20 + [covered(WORSE)] * 2}], REVIEW, "group"
    )
    assert len(lines) == 1
    assert "and 0 lie at most 0.02" in lines[0]


def test_the_result_of_a_run_holds_the_lines() -> None:
    record = {"input": "a.jpg", "output": "a.jpg", "outcome": "written", "faces": [replaced(0.61)]}
    done = make_result(Path("out"), Path("out.detections.json"), REVIEW, [record])
    assert any("0.610" in line for line in done.notes)
