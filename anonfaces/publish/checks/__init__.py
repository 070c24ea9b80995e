"""What is checked of a release: a registry of small checks, a function and a message each.

A check gets the release and returns what is wrong, nothing where all is well. One that needs the
key, the originals or a judge is left out, and said to be, where these were not given.
"""

from __future__ import annotations

from anonfaces.publish.checks import (  # noqa: F401 - each registers its checks
    content,
    files,
    originals,
    people,
    pictures,
    secrets,
)
from anonfaces.publish.checks.registry import CHECKS, Check, Outcome, run_checks
from anonfaces.publish.checks.release import Release

_ORDER = (
    *("files", "hashes", "signature", "schema", "certificate", "records", "order", "k", "columns"),
    *("constraints", "pictures", "times", "places", "names", "key", "people", "assignment"),
    *("originals", "judge"),
)
for _name in _ORDER:  # as a reader asks: the files, what they say, and what only the owner can see
    CHECKS[_name] = CHECKS.pop(_name)

__all__ = ["CHECKS", "Check", "Outcome", "Release", "run_checks"]
