"""``certificate.json``: what a release promises, what was measured, and what it consists of."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd

from anonbase.errors import InputError
from anonfaces import __version__
from anonfaces.dataset.summary import Summary
from anonfaces.publish.columns import ReleasedColumns
from anonfaces.report.words import (
    NOT_PROMISED,
    about,
    guarantee,
    identity_scope_text,
    kept,
    limits_of,
)

__all__ = [
    "CERTIFICATE",
    "FORMAT",
    "FORMAT_VERSION",
    "SCHEMA",
    "Facts",
    "make_certificate",
    "promise_of",
    "read_json",
    "schema_problems",
]

CERTIFICATE = "certificate.json"
FORMAT, FORMAT_VERSION = "anonfaces certificate", 1
SCHEMA = Path(__file__).with_name("certificate.schema.json")
#: Digits of a published loss: it depends on everybody's vectors, and more digits would tell more.
_DIGITS = 1
_PACKAGES = ("numpy", "pandas", "pillow", "pyrage", "pynacl", "jsonschema")
#: More than a certificate with a long evaluation has.
_MOST_BYTES = 64 * 2**20
_SHOWN = 10
#: What a warning says to the owner alone.
_OWNERS_FILE = re.compile(r" \(owner/\S+ says in which\)")


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a certificate is made of, beside the dataset's summary.

    Attributes
    ----------
    layout, picture_format, picture_size : what the records are; the side in pixels
    table : one row a record: split, group
    columns : the released columns and those held back
    evaluation : what ``anonfaces.evaluate`` measured, or None
    earlier_releases : how many earlier releases the groups were crossed with
    files : name -> size in bytes of every file but the certificate, the list of checksums and
        the signature
    checksums_sha256 : hash of that list
    command : the command, without names of files
    """

    layout: str
    picture_format: str
    picture_size: int
    table: pd.DataFrame
    columns: ReleasedColumns
    evaluation: Any
    earlier_releases: int
    files: Mapping[str, int]
    checksums_sha256: str
    command: str


def make_certificate(summary: Summary, facts: Facts) -> dict[str, Any]:
    """The document; the same facts give the same one."""
    measured = ("information_loss", "random_loss", "lower_bound")
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "layout": facts.layout,
        "picture": {"format": facts.picture_format, "size": facts.picture_size},
        "promise": promise_of(summary),
        "numbers": _numbers(summary, facts.table),
        "constraints": [dict(one) for one in summary.constraints],
        "columns": [column.to_json() for column in facts.columns.columns],
        "columns_held_back": facts.columns.withheld,
        "surrogate": {"method": summary.surrogate, "about": about(summary.surrogate)},
        "measured": {
            **{name: round(getattr(summary, name), _DIGITS) for name in measured},
            "evaluation": facts.evaluation,
        },
        "earlier_releases": facts.earlier_releases,
        "files": {
            "count": len(facts.files),
            "bytes": sum(facts.files.values()),
            "checksums_sha256": facts.checksums_sha256,
        },
        "versions": _versions(summary),
        "command": facts.command,
    }


def promise_of(summary: Summary) -> dict[str, Any]:
    """What is promised, to whom, and what weakens it."""
    return {
        "k": summary.k,
        "unit": "faces" if summary.identity == "none" else "people",
        "identity": summary.identity,
        "estimated_faces": summary.estimated_faces,
        "sentences": [*guarantee(summary.k, summary.identity), *kept(summary)],
        "whose": identity_scope_text(summary),
        "weakened_by": [_OWNERS_FILE.sub("", one) for one in summary.privacy_warnings],
        "not_promised": list(NOT_PROMISED),
        "limits": list(limits_of(summary.surrogate)),
    }


def _numbers(summary: Summary, table: pd.DataFrame) -> dict[str, Any]:
    splits = table.groupby("split").agg(groups=("group", "nunique"), records=("group", "size"))
    return {
        "groups": summary.groups,
        "records": len(table),
        "people": summary.people,
        "people_per_group": dict(summary.people_per_group),
        "splits": {str(name): row.to_dict() for name, row in splits.iterrows()},
    }


def _versions(summary: Summary) -> dict[str, str]:
    versions = {**summary.versions, "anonfaces": __version__}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return dict(sorted(versions.items()))


def read_json(path: Path, what: str) -> Any:
    """The JSON of a file that somebody else made; InputError where it is too large or none."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path} is too large to be {what}")
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: no {what} can be read there: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no {what}: {error}") from error


def schema_problems(document: Any) -> list[str]:
    """Where a certificate is not as the schema in this folder says (JSON Schema 2020-12)."""
    from jsonschema import Draft202012Validator

    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    errors = Draft202012Validator(schema).iter_errors(document)
    return [f"{error.json_path}: {error.message[:200]}" for error in islice(errors, _SHOWN)]
