"""With the key: who is in which group, and which picture stands for it."""

from __future__ import annotations

import hashlib

from anonbase.files import sha256
from anonfaces.publish.certificate import CERTIFICATE
from anonfaces.publish.checks.registry import Problems, check
from anonfaces.publish.checks.release import Release

_SHOWN = 5


@check("key", "the key is that of this very release", "key")
def key_of_release(release: Release) -> Problems:
    """The key holds the hash of the certificate, which vouches for all else."""
    assert release.key is not None  # noqa: S101 - the registry asks for it
    digest = hashlib.sha256(release.read(CERTIFICATE)).hexdigest()
    same = digest == release.key.certificate_sha256
    return [] if same else ["the key belongs to another release, or the certificate was edited"]


@check("people", "every group has k people, and every person is in one group", "key")
def people(release: Release) -> Problems:
    """Counted anew from the names in the key; no name is told."""
    assert release.key is not None  # noqa: S101 - the registry asks for it
    members, k = release.key.members.drop_duplicates(), release.certificate["promise"]["k"]
    size = members.groupby("group")["identity"].nunique()
    several = members.groupby("identity")["group"].nunique()
    table = release.records.drop_duplicates("group").set_index("group")["people"]
    alike = size.reindex(table.index).fillna(0).astype(int) == table
    return [
        *(f"group {g} has {n} people, k = {k}" for g, n in size[size < k].head(_SHOWN).items()),
        *([f"{(several > 1).sum()} people are in several groups"] if (several > 1).any() else []),
        *(f"group {g} has another size in its table" for g in alike.index[~alike][:_SHOWN]),
        *(f"group {g} has no record" for g in sorted(set(size.index) - set(table.index))[:_SHOWN]),
    ]


@check("assignment", "every record shows the face of its group, as the key says", "key")
def assignment(release: Release) -> Problems:
    """Two pictures that changed places would each stand for the other's people."""
    assert release.key is not None  # noqa: S101 - the registry asks for it
    table, wanted = release.records, release.key.records
    pairs = set(zip(table["path"], table["group"], strict=True))
    known = set(zip(wanted["path"], wanted["group"], strict=True))
    problems = [f"{path} is not in the key" for path, _ in sorted(pairs - known)[:_SHOWN]]
    problems += [f"{path} is in the key alone" for path, _ in sorted(known - pairs)[:_SHOWN]]
    first = table.drop_duplicates("group").set_index("group")["path"]
    there = {g: p for g, p in first.items() if p in release.regular}
    shown = {g: sha256(release.folder / p) for g, p in there.items() if g in release.key.pictures}
    wrong = [g for g, digest in shown.items() if digest != release.key.pictures[str(g)]]
    return problems + [f"{there[g]} is not the face of its group" for g in wrong[:_SHOWN]]
