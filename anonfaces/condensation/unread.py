"""What a refusal says of photographs that could not be used."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anonbase.errors import GuaranteeError
from anonbase.text import pluralize
from encoders.faceset import FaceSet

__all__ = ["naming_unread", "no_face_text"]

_NAMED = 5
_CONVERT = "convert what cannot be read to JPEG or PNG, or give another folder"
_LOOK_HARDER = "--detector hog+cnn+mtcnn and --upsample 2 find more and smaller faces"


@contextmanager
def naming_unread(faces: FaceSet | None) -> Iterator[None]:
    """Add to a GuaranteeError of the block which photographs gave no face, and why.

    People are missing whose photographs are damaged or show no face that was found: whoever is
    told that k is too large for what is left should know of them.
    """
    try:
        yield
    except GuaranteeError as refused:
        missing = "" if faces is None else _missing(faces)
        if not missing:
            raise
        raise type(refused)(f"{refused}; {missing}") from refused


def no_face_text(faces: FaceSet) -> str:
    """Why there is no face at all, photograph by photograph, and the way out."""
    outcomes = set(faces.ledger["outcome"])
    way_out = [_LOOK_HARDER] if "no face" in outcomes else []
    way_out += [_CONVERT] if outcomes - {"no face", "faces"} else []
    missing = _missing(faces) or "there is no photograph"
    return "; ".join([f"no face was found in any picture: {missing}", *way_out])


def _missing(faces: FaceSet) -> str:
    rows = faces.ledger[faces.ledger["outcome"] != "faces"]
    if not len(rows):
        return ""
    reasons = rows["outcome"].where(rows["reason"] == "", rows["reason"])
    named = [f"{path} ({why})" for path, why in zip(rows["path"], reasons, strict=True)]
    more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
    count = pluralize(len(named), "photograph gave no face", "photographs gave no face")
    return f"{count}: {', '.join(named[:_NAMED])}{more}"
