"""What was covered in a video, how much of the picture that takes, and when to look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

__all__ = ["FrameFacts", "Moment", "cover_share", "describe_video", "find_moments", "time_code"]

#: Part of the picture under covers from which a frame is to be looked at.
_MUCH = 0.3
#: Seconds between two frames of the same reason that are one moment.
_ONE_MOMENT = 0.5
#: Moments that the terminal lists; the record has all.
_LISTED = 8

_SECOND_LOOK = "the second look covered a place where a face was missed or still matched"
_GUESS = "a face was covered by its place in other frames: it was not found in these"
_LARGE = "covers take more than 30 % of the picture"


@dataclass(frozen=True)
class FrameFacts:
    """Of one frame: part under covers 0 to 1, guessed places, places of the second look."""

    share: float
    guesses: int
    second_look: int

    def reasons(self) -> list[str]:
        """Why a person should look at the frame."""
        why = {_SECOND_LOOK: self.second_look, _GUESS: self.guesses, _LARGE: self.share > _MUCH}
        return [text for text, holds in why.items() if holds]


@dataclass(frozen=True)
class Moment:
    """A part of the written video to look at: first and last frame, their time codes, and why."""

    first_frame: int
    last_frame: int
    start: str
    end: str
    reason: str


def cover_share(facts: Sequence[FrameFacts]) -> dict[str, float]:
    """How many frames hold covers, and what share of the picture these take, mean and max.

    The mean is over all frames of the video.
    """
    shares = np.array([fact.share for fact in facts], float)
    return {
        "frames_with_covers": int((shares > 0).sum()),
        "mean_share": round(float(shares.mean()), 4),
        "max_share": round(float(shares.max()), 4),
    }


def find_moments(facts: Sequence[FrameFacts], times: Sequence[Fraction]) -> list[Moment]:
    """The moments to look at, by time; ``times`` are the frames', in seconds."""
    stretches: list[tuple[str, int, int]] = []
    for reason in (_SECOND_LOOK, _GUESS, _LARGE):
        here = [number for number, fact in enumerate(facts) if reason in fact.reasons()]
        apart = [times[b] - times[a] for a, b in pairwise(here)]
        parts = np.flatnonzero([seconds > _ONE_MOMENT for seconds in apart]) + 1
        for part in np.split(np.array(here, int), parts) if here else []:
            stretches.append((reason, int(part[0]), int(part[-1])))
    begin = times[0]
    return [
        Moment(first, last, time_code(times[first] - begin), time_code(times[last] - begin), reason)
        for reason, first, last in sorted(stretches, key=lambda moment: moment[1:])
    ]


def time_code(seconds: Fraction | float) -> str:
    """Minutes, seconds and hundredths.

    >>> time_code(75.5)
    '1:15.50'
    """
    minutes, rest = divmod(float(seconds), 60)
    return f"{int(minutes)}:{rest:05.2f}"


def describe_video(record: dict[str, Any]) -> list[str]:
    """Lines for the terminal about one video's record."""
    covers = record["covers"]
    holding = covers["frames_with_covers"]
    lines = [
        f"{record['output']}: {holding:,} of {record['frames']:,} frames"
        f" {'holds' if holding == 1 else 'hold'} covers; they take {covers['mean_share']:.1%} of"
        f" the picture in the mean and {covers['max_share']:.0%} at most; {record['sound']}"
    ]
    moments = record["moments"]
    lines += [f"  look at {m['start']} to {m['end']}: {m['reason']}" for m in moments[:_LISTED]]
    more = len(moments) - _LISTED
    if more > 0:
        lines.append(f"  and at {more} further moment{'s' * (more > 1)} that the record lists")
    return lines
