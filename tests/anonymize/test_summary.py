"""The lines that end a run say what to look at, how near faces are, and why some are covered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anonfaces.anonymize.quality import MOST_UNCLEAR
from anonfaces.anonymize.result import AnonymizationResult, make_result
from anonfaces.anonymize.summary import describe_all_faces

REVIEW = Path("out.review.html")
SMALL = "too small to judge"
WORSE = "every surrogate that was tried looks worse there than a cover"


def replaced(distance: float = 0.8, unclear: float = 0.0) -> dict[str, Any]:
    return {"outcome": "replaced", "reason": "", "distance": distance, "unclear": unclear}


def covered(reason: str) -> dict[str, Any]:
    return {"outcome": "covered", "reason": reason, "distance": 1.0}


DOUBTFUL = replaced(unclear=MOST_UNCLEAR + 0.01)


@pytest.mark.parametrize(
    ("faces", "surrogate", "said"),
    [
        ([], "fresh", []),
        ([covered("")] * 9, "solid", []),
        ([covered(WORSE)], "solid", []),
        ([covered(WORSE)], "fresh", ["1 of 1 face is covered, not replaced: " + WORSE]),
        ([replaced()], "fresh", ["the face that was put in is 0.800 from an original"]),
        ([replaced(0.24)], "fresh", ["0.240 from", "it lies at 0.6 or below", "look at it on"]),
        ([DOUBTFUL], "fresh", ["put in looks doubtful: look at it"]),
        ([replaced(0.61), replaced(0.75)], "fresh", ["is 0.610 from", "and 1 lies at most 0.02"]),
        ([replaced(0.24), replaced(0.61)], "fresh", ["1 lies at most", "1 of them lies at 0.6"]),
        ([replaced(), DOUBTFUL], "fresh", ["1 of the 2", "looks", REVIEW]),
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
    tracks = [replaced(0.61), DOUBTFUL, {"outcome": "replaced"}]
    video = {"frames": 9, "faces": [*tracks, *[covered(WORSE)] * 3]}
    lines = describe_all_faces([{"faces": [replaced()]}, video], REVIEW, "fresh")
    assert len(lines) == 4
    assert "recogniser the face that was put in is 0.800 from" in lines[0]
    assert "1 of the 3 faces that were put into videos looks doubtful" in lines[1]
    assert "0.610 from an original of its video" in lines[2]
    assert "3 of 6 faces of videos are covered" in lines[3]


def test_few_covers_have_their_reasons_but_no_other_mode_is_named() -> None:
    faces = [replaced()] * 20 + [covered(SMALL), covered(WORSE), covered(WORSE)]
    nearest, why = describe_all_faces([{"faces": faces}], REVIEW, "group")
    assert why == f"3 of 23 faces are covered, not replaced: {WORSE} (2); {SMALL} (1)"
    assert "counts as the same person. Another" in nearest
    assert " 0 " not in nearest


def video(*faces: dict[str, Any]) -> dict[str, Any]:
    covers = {"frames_with_covers": 1, "mean_share": 0.1, "max_share": 0.2}
    about = {"frames": 9, "covers": covers, "moments": [], "sound": "no sound"}
    return {"input": "a.mp4", "output": "a.mp4", "outcome": "written", "faces": [*faces], **about}


def photograph(*faces: dict[str, Any]) -> dict[str, Any]:
    return {"input": "a.jpg", "output": "a.jpg", "outcome": "written", "faces": [*faces]}


def result(*records: dict[str, Any], surrogate: str = "fresh") -> AnonymizationResult:
    page = Path("out.detections.json")
    return make_result(Path("out"), page, REVIEW, [*records], surrogate=surrogate)


def test_the_result_of_a_run_holds_the_lines() -> None:
    assert any("0.610" in line for line in result(photograph(replaced(0.61))).notes)


def test_the_result_of_a_short_video_says_why_and_what_is_doubtful() -> None:
    faces = covered(WORSE), DOUBTFUL, covered(SMALL)
    notes = result(video(*faces), surrogate="semantic").notes
    assert any("the face that was put into videos looks doubtful" in line for line in notes)
    assert any(
        line.startswith("2 of 3 faces of videos are covered") and WORSE in line and SMALL in line
        for line in notes
    )
    assert any("1 of 9 frames holds covers" in line for line in notes)


def test_counts_have_one_order() -> None:
    kept, blurred = ({"outcome": word, "reason": ""} for word in ("kept", "blur"))
    faces = [kept, blurred, covered(WORSE), replaced()]
    refused = {"input": "b.jpg", "outcome": "no face", "reason": "none"}
    for one in (faces, faces[::-1]):
        done = result(refused, photograph(*one))
        assert list(done.faces) == ["replaced", "covered", "blur", "kept"]
        assert list(done.pictures) == ["written", "no face"]
