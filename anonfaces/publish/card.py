"""The dataset card, the citation and the list of checksums: for people and for their tools."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CARD", "CHECKSUMS", "CITATION", "About", "checksums_text", "citation", "dataset_card"]

CARD, CITATION, CHECKSUMS = "README.md", "CITATION.cff", "checksums.sha256"
_SIZES = {10**3: "n<1K", 10**4: "1K<n<10K", 10**5: "10K<n<100K", 10**6: "100K<n<1M"}
#: Hugging Face calls this split so; folders keep the short name.
HUB_SPLIT = {"train": "train", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class About:
    """What the owner says of the dataset: it is published as it stands.

    ``license`` is an SPDX name (``cc-by-nc-4.0``), or ``other``.
    """

    title: str = "A face dataset of surrogates"
    creator: str = "not stated"
    license: str = "other"
    url: str = ""


def dataset_card(about: About, certificate: Mapping[str, Any], columns: list[Any]) -> str:
    """``README.md`` with the front matter that Hugging Face reads."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("anonfaces.publish"),
        autoescape=False,  # noqa: S701 - Markdown, whose fields are quoted as JSON or plain
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quoted"] = lambda text: json.dumps(text, ensure_ascii=False)
    environment.filters["plain"] = _plain
    numbers = certificate["numbers"]
    return environment.get_template("card.md").render(
        about=about,
        c=certificate,
        columns=columns,
        hub_split=HUB_SPLIT,
        size=next((name for most, name in _SIZES.items() if numbers["records"] < most), "n>1M"),
    )


def citation(about: About) -> str:
    """``CITATION.cff`` (Citation File Format 1.2.0)."""
    lines = [
        "cff-version: 1.2.0",
        "type: dataset",
        "message: Please cite this dataset as below.",
        f"title: {json.dumps(about.title, ensure_ascii=False)}",
        "authors:",
        f"  - name: {json.dumps(about.creator, ensure_ascii=False)}",
    ]
    lines += [f"url: {json.dumps(about.url)}"] if about.url else []
    return "\n".join([*lines, ""])


def checksums_text(digests: Mapping[str, str]) -> str:
    """Lines that ``sha256sum -c checksums.sha256`` reads."""
    return "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))


def read_checksums(path: Path) -> dict[str, str]:
    """Name -> digest of the lines of a list of checksums; lines that are none are left out."""
    digests = {}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) == 2 * hashlib.sha256().digest_size and name:
            digests[name] = digest
    return digests


def _plain(text: Any) -> str:
    """Words of the owner in a line of Markdown: no markup, no table, no second line."""
    plain = " ".join(str(text).split())
    return "".join(f"\\{letter}" if letter in "\\`*_[]<>|#{}" else letter for letter in plain)
