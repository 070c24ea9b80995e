"""The numbers of a condensed dataset: what ``summary.json`` holds and the page is made from."""

from __future__ import annotations

import json
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from anonbase.errors import InputError
from anonfaces import __version__

__all__ = ["FORMAT", "FORMAT_VERSION", "Summary", "is_summary", "versions"]

FORMAT = "anonfaces condensed dataset"
FORMAT_VERSION = 1
#: Bytes of the largest summary that is read: a thousand times what a million groups come to.
MAX_BYTES = 16 * 2**20
#: Distributions whose versions decide the numbers of a dataset.
_PACKAGES = (
    *("numpy", "numba", "scipy", "pillow", "opencv-python-headless", "dlib-bin", "mtcnn"),
    *("keras", "tensorflow", "tensorflow-cpu"),
)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counts, losses and settings; never the name of a file or of a person.

    ``identity`` says where people came from: ``folder``, ``csv``, ``regex`` or ``given`` (a
    column of the input), ``estimate``, or ``none`` where every face counts as a person.
    ``estimated_faces`` is how many faces had to be told apart by their embeddings. Losses are
    100 SSE / SST in percent; ``random_loss`` is what random groups of people would have lost,
    ``lower_bound`` what any groups of k people lose at least (0 claims nothing). ``constraints``
    are what groups keep beside k: kind, column, bound, reached (by the worst group), numbers.
    ``notes`` say what makes the groups worth less than they could be, or less proven.
    ``not_found`` counts files by outcome. Pictures, chips and surrogates are None for bare
    embeddings.
    """

    k: int
    groups: int
    people: int
    faces: int
    information_loss: float
    random_loss: float
    people_per_group: dict[str, int]
    method: str
    seed: int
    identity: str
    estimated_faces: int = 0
    privacy_warnings: tuple[str, ...] = ()
    pictures: int | None = None
    bystanders: int = 0
    not_found: dict[str, int] = field(default_factory=dict)
    surrogate: str | None = None
    chip_size: int | None = None
    extractor: str = ""
    extractor_sha256: str = ""
    alignment: str = ""
    detector: str = ""
    withheld_attributes: dict[str, str] = field(default_factory=dict)
    publishable: tuple[str, ...] = ()
    secret: tuple[str, ...] = ()
    lower_bound: float = 0.0
    constraints: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    command: str = ""

    def to_json(self) -> str:
        """JSON text that is the same for the same numbers."""
        document = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, path: Path) -> Summary:
        """Read a ``summary.json``; ``InputError`` where it is not one of ours."""
        if not path.is_file():
            raise InputError(_missing(path))
        document = _document(path)
        if document is None or document.get("format_version") != FORMAT_VERSION:
            raise InputError(f"{path} is not the summary of a condensed dataset of this version")
        names = {f.name for f in fields(cls)}
        return cls(**{name: value for name, value in document.items() if name in names})


def _missing(path: Path) -> str:
    if not path.parent.exists():
        return f"{path.parent}: there is no such folder"
    return f"{path.parent} is no condensed dataset: it holds no {path.name}"


def is_summary(path: Path) -> bool:
    """Whether ``path`` is the summary of a condensed dataset, of whatever version."""
    return _document(path) is not None


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of what else decides the numbers."""
    known = {"anonfaces": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            known[package] = version(package)
    return known


def _document(path: Path) -> dict[str, Any] | None:
    try:
        if path.is_symlink() or path.stat().st_size > MAX_BYTES:
            return None
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    ours = isinstance(document, dict) and document.get("format") == FORMAT
    return document if ours else None
