"""Where shots begin, and what a video's record says of covers and moments."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest
from clips import CLOSE, FAR, cut_and_close_up

from anonfaces.anonymize.video.shots import change, find_cuts, thumbnail
from anonfaces.anonymize.video.summary import (
    FrameFacts,
    cover_share,
    describe_video,
    find_moments,
    time_code,
)


def test_the_cuts_of_a_clip_are_found_and_no_others(portraits: list[Path]) -> None:
    small = [thumbnail(image) for image in cut_and_close_up(portraits)]
    changes = [0.0, *(change(a, b) for a, b in pairwise(small))]
    assert find_cuts(changes) == [FAR, FAR + CLOSE]


@pytest.mark.parametrize(
    ("changes", "cuts"),
    [
        ([0, 1, 1, 50, 1, 1], [3]),
        ([0, 20, 22, 21, 20, 22], []),  # a moving camera
        ([0, 20, 22, 80, 20, 22], [3]),  # a cut between two moving shots
        ([0, 2, 3, 9, 2, 2], []),  # noise
        ([0, 30, 1, 1], [1]),  # after the first frame
        ([0], []),
        ([0, 12], [1]),
    ],
)
def test_a_cut_stands_out_of_its_neighbors(changes: list[float], cuts: list[int]) -> None:
    assert find_cuts(changes) == cuts


def test_share_and_moments() -> None:
    facts = [FrameFacts(0.0, 0, 0)] * 4 + [FrameFacts(0.4, 0, 0)] * 2 + [FrameFacts(0.2, 1, 0)]
    times = [Fraction(n, 10) + 3 for n in range(7)]
    share = cover_share(facts)
    assert share == {"frames_with_covers": 3, "mean_share": 0.1429, "max_share": 0.4}
    moments = find_moments(facts, times)
    assert [(m.first_frame, m.last_frame, m.start, m.end) for m in moments] == [
        (4, 5, "0:00.40", "0:00.50"),
        (6, 6, "0:00.60", "0:00.60"),
    ]
    assert "30 %" in moments[0].reason
    assert "other frames" in moments[1].reason


def test_two_frames_far_apart_are_two_moments() -> None:
    facts = [FrameFacts(0.1, 0, int(n in (0, 1, 30))) for n in range(31)]
    moments = find_moments(facts, [Fraction(n, 10) for n in range(31)])
    assert [(m.first_frame, m.last_frame) for m in moments] == [(0, 1), (30, 30)]


def test_the_terminal_says_share_sound_and_moments() -> None:
    moment = {"start": "0:01.00", "end": "0:02.00", "reason": "why"}
    covers = {"frames_with_covers": 3, "mean_share": 0.1, "max_share": 0.5}
    record = {"output": "a.mp4", "frames": 9, "covers": covers, "sound": "no sound"}
    lines = describe_video({**record, "moments": [moment] * 10})
    assert lines[0].startswith("a.mp4: 3 of 9 frames hold covers; they take 10.0% of the picture")
    assert "50% at most; no sound" in lines[0]
    assert lines[1] == "  look at 0:01.00 to 0:02.00: why"
    assert lines[-1] == "  and at 2 further moments that the record lists"
    assert len(lines) == 10


def test_time_codes() -> None:
    assert [time_code(s) for s in (0, 59.996, 61.5)] == ["0:00.00", "0:60.00", "1:01.50"]
