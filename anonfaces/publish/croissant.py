"""``croissant.json``: the release described for machines, in Croissant 1.0 of MLCommons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from anonfaces.publish.card import About
from anonfaces.publish.columns import SHARE, Column

__all__ = ["CROISSANT", "croissant_text"]

CROISSANT = "croissant.json"
_CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
_TERMS = (
    *("citeAs", "column", "extract", "field", "fileProperty", "fileObject", "fileSet", "format"),
    *("includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet"),
    *("references", "regex", "repeated", "replace", "separator", "source", "subField", "transform"),
)
_MIME = {"png": "image/png", "jpeg": "image/jpeg"}
_SUFFIX = {"png": "png", "jpeg": "jpg"}


def croissant_text(
    about: About,
    certificate: Mapping[str, Any],
    columns: tuple[Column, ...],
    tables: Mapping[str, tuple[str, int]],
) -> str:
    """The JSON-LD document; ``tables`` says of each split's table its SHA-256 and its bytes."""
    document = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": _CONFORMS_TO,
        "name": _name(about.title),
        "description": " ".join(certificate["promise"]["sentences"]),
        "license": about.license,
        "creator": {"@type": "sc:Organization", "name": about.creator},
        "version": "1.0.0",
        "citeAs": f"{about.creator}: {about.title}",
        "isLiveDataset": False,
        **({"url": about.url} if about.url else {}),
        "distribution": [*_tables(tables), *_images(certificate)],
        "recordSet": [
            _record_set(split, certificate["layout"], columns) for split in sorted(tables)
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _context() -> dict[str, Any]:
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        **{term: f"cr:{term}" for term in _TERMS},
    }


def _name(title: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in title).strip("-").lower() or "faces"


def _tables(tables: Mapping[str, tuple[str, int]]) -> list[dict[str, Any]]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": f"table-{split}",
            "name": f"table-{split}",
            "contentUrl": f"data/{split}/metadata.csv",
            "contentSize": f"{size} B",
            "encodingFormat": "text/csv",
            "sha256": digest,
        }
        for split, (digest, size) in sorted(tables.items())
    ]


def _images(certificate: Mapping[str, Any]) -> list[dict[str, Any]]:
    form = certificate["picture"]["format"]
    inner = "*/" if certificate["layout"] == "per-image" else ""
    return [
        {
            "@type": "cr:FileSet",
            "@id": f"images-{split}",
            "name": f"images-{split}",
            "encodingFormat": _MIME[form],
            "includes": f"data/{split}/{inner}*.{_SUFFIX[form]}",
        }
        for split in sorted(certificate["numbers"]["splits"])
    ]


def _record_set(split: str, layout: str, columns: tuple[Column, ...]) -> dict[str, Any]:
    table = f"table-{split}"
    fields = [
        _field(split, "file", "file of the record", "sc:Text", _file_name(table)),
        _field(split, "group", "released name of its group", "sc:Text", _column(table, "group")),
        _field(split, "people", "people in the group", "sc:Integer", _column(table, "people")),
        *(
            _field(
                split,
                column.name,
                f"{column.kind} of {column.of}",
                "sc:Float" if column.kind == SHARE else "sc:Text",
                _column(table, column.name),
            )
            for column in columns
        ),
        _field(split, "image", "the surrogate", "sc:ImageObject", _content(split)),
    ]
    fields[0]["references"] = {
        "fileSet": {"@id": f"images-{split}"},
        "extract": {"fileProperty": "filename"},
    }
    return {
        "@type": "cr:RecordSet",
        "@id": split,
        "name": split,
        "description": f"records of the split {split}, layout {layout}",
        "key": {"@id": f"{split}/file"},
        "field": fields,
    }


def _field(
    split: str, name: str, description: str, kind: str, source: dict[str, Any]
) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{split}/{name}",
        "name": f"{split}/{name}",
        "description": description,
        "dataType": kind,
        "source": source,
    }


def _file_name(table: str) -> dict[str, Any]:
    """The file's name without its folder, by which a line of the table finds its picture."""
    return {**_column(table, "file_name"), "transform": {"regex": "^(?:.*/)?([^/]+)$"}}


def _column(table: str, name: str) -> dict[str, Any]:
    return {"fileObject": {"@id": table}, "extract": {"column": name}}


def _content(split: str) -> dict[str, Any]:
    return {"fileSet": {"@id": f"images-{split}"}, "extract": {"fileProperty": "content"}}
