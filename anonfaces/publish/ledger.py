"""Which releases were made of a dataset: its owner's list, by which a second one is noticed.

The list lies in the dataset's ``owner/`` and names nobody: of each release the hash of its
certificate, and one of the groups. Who is in them is told from the dataset itself.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from anonbase.errors import AnonfacesError, UtilityWarning
from anonbase.files import write_text
from anonbase.notices import warn_user
from anonfaces.dataset.files import RELEASES, owner_file, protect
from anonfaces.publish.earlier import WITHOUT_NAMES, too_few
from anonfaces.publish.source import Source, read_source

__all__ = ["note_release", "warn_of_other_releases"]

_CERTIFICATE, _GROUPS = "certificate_sha256", "groups_sha256"
_REMEDY = (
    "Whoever holds both can cross their groups. --previous KEY counts that and refuses; groups that"
    " fit: python -m anonfaces.publish.together --help"
)


@dataclass(frozen=True)
class _Release:
    """One entry of the list."""

    certificate: str
    groups: str


def note_release(source: Source, certificate: str) -> None:
    """Add a release with that hash of its certificate to the list of the dataset.

    UtilityWarning where the list cannot be written: a second release will not be noticed.
    """
    known = _releases(source.folder)
    new = _Release(certificate, _fingerprint(_who(source, _by_image(source))))
    entries = [{_CERTIFICATE: one.certificate, _GROUPS: one.groups} for one in [*known, new]]
    path = owner_file(source.folder, Path(RELEASES).name)
    try:
        write_text(path, json.dumps(entries, indent=1) + "\n")
        protect(source.folder)
    except OSError as error:
        warn_user(
            f"{path}: cannot be written ({error.strerror or error}), so a second release of these"
            " people will not be noticed",
            UtilityWarning,
        )


def warn_of_other_releases(source: Source, places: Iterable[Path], told: Iterable[str]) -> None:
    """PrivacyWarning where the same people were released in other groups.

    Seen are releases of this dataset and of those beside it and in the folders ``places``;
    ``told`` are hashes of certificates of releases that the groups were checked against.
    """
    checked = set(told)
    for folder in _datasets(source.folder, places):
        releases = [one for one in _releases(folder) if one.certificate not in checked]
        why = _crossed(source, folder, releases) if releases else ""
        if why:
            warn_user(f"{why}. {_REMEDY}")


def _datasets(folder: Path, places: Iterable[Path]) -> list[Path]:
    """This dataset and others near it, once each."""
    near = {folder.resolve()}
    for parent in {folder.resolve().parent, *places}:
        with suppress(OSError):
            near |= {one.resolve() for one in parent.iterdir() if (one / RELEASES).is_file()}
    return sorted(one for one in near if not one.name.startswith("."))


def _releases(folder: Path) -> list[_Release]:
    """The entries of a list; none where it is missing or damaged."""
    try:
        entries = json.loads((folder / RELEASES).read_text(encoding="utf-8"))
        return [_Release(str(one[_CERTIFICATE]), str(one[_GROUPS])) for one in entries]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return []


def _crossed(source: Source, folder: Path, releases: list[_Release]) -> str:
    """What is wrong with releases of the dataset ``folder`` beside one of ``source``, or ''."""
    if folder == source.folder.resolve():
        here = _fingerprint(_who(source, _by_image(source)))
        changed = any(one.groups != here for one in releases)
        return f"{folder} was released before, in other groups" if changed else ""
    try:
        other = read_source(folder)
    except AnonfacesError:
        return ""
    by_image = _by_image(source) or _by_image(other)
    members, theirs = _who(source, by_image), _who(other, by_image)
    shared = int(members["who"].isin(theirs["who"]).sum())
    what = "photographs" if by_image else "people"
    now = _fingerprint(_who(other, _by_image(other)))
    if shared and any(one.groups != now for one in releases):
        return f"{shared} {what} are also in {folder}, which was released, then grouped anew"
    earlier = theirs.set_index("who")["group"].astype(str)
    alone = too_few(
        members, earlier.reindex(members["who"]).fillna("").to_numpy(str), source.summary.k
    )
    if not shared or not alone:
        return ""
    return (
        f"{shared} {what} are also in {folder}, which was released: {alone} would stand among"
        f" fewer than {source.summary.k} for somebody who holds both releases"
    )


def _by_image(source: Source) -> bool:
    """Whether people have no names, so that photographs tell who is the same."""
    return source.summary.identity in WITHOUT_NAMES


def _who(source: Source, by_image: bool) -> pd.DataFrame:
    """One row a person, or a photograph: group, who."""
    who = source.image if by_image else source.groups.identity
    table = pd.DataFrame({"group": source.groups.labels, "who": who})
    return table.drop_duplicates("who").reset_index(drop=True)


def _fingerprint(members: pd.DataFrame) -> str:
    """A hash of who is with whom, whatever the groups are called."""
    digest = hashlib.sha256()
    for part in sorted(_parts(members)):
        digest.update(json.dumps(part).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _parts(members: pd.DataFrame) -> Iterator[list[str]]:
    for _, who in members.groupby("group")["who"]:
        yield sorted(map(str, who))
