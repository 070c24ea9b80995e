"""The review page: every picture before and after, what was done, and the doubtful ones first.

It is one file that needs nothing else, for the owner alone: it holds the originals.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.doubt import face_doubts, picture_doubt
from anonfaces.anonymize.pictures import jpeg
from anonfaces.anonymize.workplace import Place, write_secret
from encoders.photographs.path_escape import unescape
from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

__all__ = ["ReviewCard", "update_review", "write_review"]

#: Longest side in pixels of the pictures on the page, by how many there are at most.
_SIDES = ((200, 1000), (1000, 640), (10**9, 320))
_TEMPLATE = Path(__file__).parent / "templates" / "review.html"
_DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)
_REVIEWED = "a person looked at it in the review, and it was done again"


@dataclass(frozen=True, kw_only=True)
class ReviewCard:
    """One picture, or one frame of a video, on the page.

    Attributes:
        title: the file, and the time in it.
        doubt: how doubtful it is; the page begins with the most.
        width, height: of the picture, in pixels.
        before, after: JPEG as data URIs; ``before`` is empty where the file has changed since.
        boxes: of each face its box, what was done, why, and the reasons to doubt it.
        notes: lines about the picture.
    """

    title: str
    doubt: int
    width: int
    height: int
    before: str
    after: str
    boxes: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def write_review(
    path: Path, root: Path, place: Place, records: list[dict[str, Any]], max_pixels: int
) -> None:
    """Write the page to ``path`` (mode 0600), before ``place`` is finished.

    ``records`` are those of the files under ``root``, as the record of a run has them.
    """
    _write(path, list(_cards(root, place, records, max_pixels)), records)


def update_review(
    path: Path,
    root: Path,
    pictures: Path,
    records: list[dict[str, Any]],
    number: int,
    max_pixels: int,
) -> None:
    """Write the page anew after photograph ``number`` was done again; other cards stay.

    ``pictures`` is the folder that the run wrote. Where the page is gone or damaged, all
    photographs get a new card; videos get none, since their frames are not kept.
    """
    side = _side(records)
    earlier = _read_cards(path)
    if earlier is None:
        again = [r for r in records if "output" in r and "frames" not in r]
        others = []
    else:
        again = [records[number]]
        others = [card for card in earlier if card.title != records[number]["input"]]
    new = [_photograph_card(root, pictures, record, max_pixels, side) for record in again]
    _write(path, others + new, records)


def _write(path: Path, cards: list[ReviewCard], records: list[dict[str, Any]]) -> None:
    import jinja2

    cards = sorted(cards, key=lambda card: -card.doubt)
    absent = [f"{r['input']}: {r['outcome']}, {r['reason']}" for r in records if "output" not in r]
    data = json.dumps([asdict(card) for card in cards]).replace("<", "\\u003c")
    template = jinja2.Environment(autoescape=True).from_string(_TEMPLATE.read_text("utf-8"))
    write_secret(path, template.render(data=data, pictures=len(cards), absent=absent))


def _read_cards(path: Path) -> list[ReviewCard] | None:
    """The cards of a page, None where it is not there or none of ours."""
    try:
        held = _DATA.search(path.read_text(encoding="utf-8"))
        return [ReviewCard(**card) for card in json.loads(held[1])] if held else None
    except (OSError, ValueError, TypeError):
        return None


def _side(records: list[dict[str, Any]]) -> int:
    """Longest side in pixels of the pictures on a page about so many files."""
    return next(side for most, side in _SIDES if len(records) <= most)


def _cards(
    root: Path, place: Place, records: list[dict[str, Any]], max_pixels: int
) -> Iterator[ReviewCard]:
    side = _side(records)
    videos = 0
    for record in records:
        if "frames" in record:
            yield from _video_cards(place.inner(videos), record)
        elif "output" in record:
            yield _photograph_card(root, place.pictures, record, max_pixels, side)
        videos += _is_video(record)


def _is_video(record: dict[str, Any]) -> bool:
    from anonfaces.anonymize.inputs import VIDEOS

    return Path(record["input"]).suffix.lower() in VIDEOS and record["outcome"] != "refused"


def _photograph_card(
    root: Path, pictures: Path, record: dict[str, Any], max_pixels: int, side: int
) -> ReviewCard:
    width, height = record["width"], record["height"]
    faces = record["faces"] + [
        {**place, "outcome": "covered", "second_look": True} for place in record["second_look"]
    ]
    boxes = [_box(face, width, height) for face in faces]
    further = record.get("frames_not_written", 0)
    notes = [f"{further} further pictures of this file were not looked at"] if further else []
    reviewed = record.get("reviewed", False)
    return ReviewCard(
        title=record["input"],
        doubt=0 if reviewed else picture_doubt([box["doubts"] for box in boxes]),
        width=width,
        height=height,
        before=_uri(_original(root, record, max_pixels), side),
        after=_uri(_written(pictures / unescape(record["output"]), max_pixels), side),
        boxes=boxes,
        notes=[*notes, *([_REVIEWED] if reviewed else [])],
    )


def _box(face: dict[str, Any], width: int, height: int) -> dict[str, Any]:
    return {
        "box": face["box"],
        "outcome": face["outcome"],
        "reason": face.get("reason", ""),
        "confidence": face.get("confidence"),
        "doubts": face_doubts(face, width, height),
    }


def _video_cards(place: Place, record: dict[str, Any]) -> Iterator[ReviewCard]:
    from anonfaces.anonymize.video.snapshots import snapshots

    for number, before, after in snapshots(place):
        moments = [m for m in record["moments"] if m["first_frame"] <= number <= m["last_frame"]]
        boxes = [_box(face, record["width"], record["height"]) for face in _at(record, number)]
        yield ReviewCard(
            title=f"{record['input']}, frame {number} of {record['frames']}",
            doubt=5 * len(moments) + picture_doubt([box["doubts"] for box in boxes]),
            width=record["width"],
            height=record["height"],
            before=_data_uri(before.read_bytes()),
            after=_data_uri(after.read_bytes()),
            boxes=boxes,
            notes=[f"{m['start']} to {m['end']}: {m['reason']}" for m in moments],
        )


def _at(record: dict[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """The faces of a frame, and what the second look covered there."""
    for face in record["faces"]:
        row = number - face["first_frame"]
        if 0 <= row < len(face["boxes"]):
            judged = {name: face[name] for name in ("distance", "unclear") if name in face}
            yield {
                "box": face["boxes"][row],
                "outcome": face["outcome"],
                "reason": face.get("reason", ""),
                **judged,
            }
    for place in record["second_look"]:
        if place["frame"] == number:
            yield {**place, "outcome": "covered", "second_look": True}


def _original(root: Path, record: dict[str, Any], max_pixels: int) -> NDArray[np.uint8] | None:
    """The file as it was when it was done, None where it has changed since."""
    try:
        data, digest = read_bytes(root, record["input"])
        return decode(data, max_pixels) if digest == record.get("sha256", digest) else None
    except UnreadableImageError:
        return None


def _written(path: Path, max_pixels: int) -> NDArray[np.uint8]:
    return decode(path.read_bytes(), max_pixels)


def _uri(image: NDArray[np.uint8] | None, side: int) -> str:
    return "" if image is None else _data_uri(jpeg(image, side))


def _data_uri(data: bytes) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(data).decode("ascii")
