"""A local page on which a person corrects what ``anonymize`` did to photographs.

>>> from anonfaces.review import ReviewSession
>>> session = ReviewSession("out/")  # needs a folder  # doctest: +SKIP
>>> session.apply(0, [FaceDecision((40, 30, 90, 95), "cover")])  # in it  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "FaceDecision": "anonfaces.review.session",
    "ReviewSession": "anonfaces.review.session",
    "make_app": "anonfaces.review.server",
}

__all__ = ["FaceDecision", "ReviewSession", "make_app"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.review' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
