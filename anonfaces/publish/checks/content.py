"""The table, the certificate and the pictures say the same, and no more than they may."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from anonfaces.publish.certificate import schema_problems
from anonfaces.publish.checks.registry import Problems, check
from anonfaces.publish.checks.release import Release
from anonfaces.publish.layouts import CONDENSED, PER_IMAGE
from anonfaces.report.words import NOT_PROMISED, guarantee

_OWN = {"file_name", "group", "people", "split", "path"}
_BAND = re.compile(r"(-?[0-9.e+-]+) to (-?[0-9.e+-]+)")
_ROUNDING = 0.005  # of a share, which has two digits
_SHOWN = 10


@check("schema", "the certificate has the form that its schema says")
def schema(release: Release) -> Problems:
    """JSON Schema 2020-12, in the repository."""
    return schema_problems(release.certificate)


@check("certificate", "the certificate says of the records what they are")
def certificate(release: Release) -> Problems:
    """Numbers, splits and words of the promise are those of the content."""
    document, table = release.certificate, release.records
    numbers, groups = document["numbers"], table.drop_duplicates("group")
    found = {
        "records": len(table),
        "groups": len(groups),
        "people": int(groups["people"].sum()),
        "people_per_group": {str(n): c for n, c in sorted(Counter(groups["people"]).items())},
        "splits": {
            str(split): {"groups": int(rows["group"].nunique()), "records": len(rows)}
            for split, rows in table.groupby("split")
        },
    }
    wrong = [name for name, value in found.items() if numbers[name] != value]
    problems = [f"{name} is {numbers[name]}, and the records say {found[name]}" for name in wrong]
    return problems + _promise_problems(document["promise"], document["layout"], table)


def _promise_problems(promise: dict[str, Any], layout: str, table: pd.DataFrame) -> Problems:
    words = guarantee(promise["k"], promise["identity"])
    unit = "faces" if promise["identity"] == "none" else "people"
    problems = []
    if tuple(promise["sentences"][: len(words)]) != words or promise["unit"] != unit:
        problems.append(f"the promise is not worded as it is for k = {promise['k']}")
    if tuple(promise["not_promised"]) != NOT_PROMISED:
        problems.append("what is not promised is not worded as it is")
    if layout == CONDENSED and table["group"].duplicated().any():
        problems.append("a group has several records in the layout of one record a group")
    return problems


@check("records", "table and pictures are one to one, a group is in one split and has one face")
def records(release: Release) -> Problems:
    """No picture without a line, no line without a picture, no group in two splits."""
    table = release.records
    listed, there = set(table["path"]), set(release.pictures)
    twice = table.loc[table["path"].duplicated(), "path"]
    several = table.groupby("group")["split"].nunique()
    return [
        *(f"{name} has no line in a table" for name in sorted(there - listed)[:_SHOWN]),
        *(f"{name} is in a table and not there" for name in sorted(listed - there)[:_SHOWN]),
        *(f"{name} has two lines" for name in twice[:_SHOWN]),
        *(f"group {name} is in several splits" for name in several.index[several > 1][:_SHOWN]),
        *_face_problems(release),
    ]


def _face_problems(release: Release) -> Problems:
    """Every record of a group has the same bytes, and no two groups have."""
    table = release.records
    digest = table["path"].map(release.checksums)
    faces = pd.DataFrame({"group": table["group"], "digest": digest}).dropna().drop_duplicates()
    mixed, shared = faces["group"].duplicated(), faces["digest"].duplicated()
    problems = [f"the records of group {g} differ" for g in faces.loc[mixed, "group"][:_SHOWN]]
    if release.certificate["layout"] == PER_IMAGE:
        folder = table["file_name"].str.partition("/")[0]
        problems += [
            f"{p} is in another group's folder" for p in table.loc[folder != table["group"], "path"]
        ]
    return problems + [f"group {g} has another's face" for g in faces.loc[shared, "group"][:_SHOWN]]


@check("order", "records come in the order of their random names")
def order(release: Release) -> Problems:
    """The order of a table is that of names that were drawn, not that of the owner's files."""
    tables = release.records.groupby("split")["file_name"]
    return [
        f"the table of {split} is not in the order of its names"
        for split, names in tables
        if not names.is_monotonic_increasing
    ]


@check("k", "every group has at least k people by the table")
def least(release: Release) -> Problems:
    """Without the key the table's own word is all there is."""
    k, table = release.certificate["promise"]["k"], release.records
    low = table.loc[table["people"] < k, "group"].unique()
    varying = table.groupby("group")["people"].nunique()
    return [
        *(f"group {name} has fewer than {k} people" for name in low[:_SHOWN]),
        *(f"group {name} has several sizes" for name in varying.index[varying > 1][:_SHOWN]),
    ]


@check("columns", "every column is a band or a share, the same for all records of a group")
def columns(release: Release) -> Problems:
    """A value that differs within a group would tell something of one face."""
    table, listed = release.records, release.certificate["columns"]
    names = {column["name"] for column in listed}
    problems = [f"column {name} is not in the certificate" for name in set(table) - _OWN - names]
    problems += [f"column {name} is missing" for name in names - set(table)]
    there = sorted(names & set(table))
    varying = table.groupby("group")[there].nunique(dropna=False).max() if there else pd.Series()
    problems += [f"column {n} differs within a group" for n in varying.index[varying > 1]]
    for column in listed:
        if column["name"] in there:
            problems += _column_problems(column, table[column["name"]])
    return problems


def _column_problems(column: dict[str, Any], values: pd.Series) -> Problems:
    name = column["name"]
    if column["kind"] == "share":
        share = pd.to_numeric(values, errors="coerce")
        fine = share.between(0, 1) & np.isclose(share, share.round(2))
        return [] if fine.all() else [f"column {name} is no share of two digits"]
    ends = values.astype(str).str.extract(_BAND)
    low, high = (pd.to_numeric(ends[side], errors="coerce") for side in (0, 1))
    width = column["width"]
    fine = np.isclose(high - low, width) & np.isclose(low / width, (low / width).round(), atol=1e-3)
    return [] if fine.all() else [f"column {name} is no band of {width:g}"]


@check("constraints", "l-diversity and t-closeness hold of the released shares")
def constraints(release: Release) -> Problems:
    """Counted on the released table: values that are there, distance to everybody's shares."""
    document, groups = release.certificate, release.records.drop_duplicates("group")
    problems = []
    for one in document["constraints"]:
        names = [
            c["name"]
            for c in document["columns"]
            if c["of"] == one["column"] and c["kind"] == "share"
        ]
        if not names:
            continue  # a band hides the values: with the key and the originals they were counted
        shares, weights = groups[names].to_numpy(float), groups["people"].to_numpy(float)
        problems += _constraint_problems(one, shares, weights / weights.sum())
    return problems


def _constraint_problems(one: dict[str, Any], shares: np.ndarray, weights: np.ndarray) -> Problems:
    message = f"{one['kind']} of {one['column']}"
    if one["kind"] == "l_diversity" and not one.get("numbers"):
        fewest = int((shares > 0).sum(axis=1).min())
        return [f"{message}: a group has {fewest} values"] if fewest < one["bound"] else []
    if one["kind"] == "t_closeness" and not one.get("numbers"):
        distance = 0.5 * np.abs(shares - weights @ shares).sum(axis=1)
        slack = _ROUNDING * shares.shape[1]
        far = float(distance.max())
        return [f"{message}: a group is {far:.3f} away"] if far > one["bound"] + slack else []
    if one["kind"] == "same" and (shares.max(axis=1) < 1 - _ROUNDING).any():
        return [f"{message}: a group mixes values"]
    return []
