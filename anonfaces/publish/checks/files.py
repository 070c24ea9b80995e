"""The files: those that are listed and no other, unchanged, signed, and all of one time."""

from __future__ import annotations

import hashlib
import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from anonbase.files import sha256
from anonfaces.publish.card import CARD, CHECKSUMS, CITATION
from anonfaces.publish.certificate import CERTIFICATE
from anonfaces.publish.checks.registry import Problems, check
from anonfaces.publish.checks.release import Release
from anonfaces.publish.croissant import CROISSANT
from anonfaces.publish.place import TIME
from anonfaces.publish.signing import SIGNATURE, signature_problem

_PATH = re.compile(r"data/(train|val|test)/(metadata\.csv|([0-9a-f]{16}/)?[0-9a-f]{16}\.(png|jpg))")
_TOP = {CARD, CITATION, CERTIFICATE, CHECKSUMS, CROISSANT, SIGNATURE}
_NEEDED = {CARD, CERTIFICATE, CHECKSUMS, CROISSANT}


@check("files", "every file is listed, and every listed file is there")
def stray_files(release: Release) -> Problems:
    """Neither a stray nor a missing file, no link, no name that could say something."""
    listed, files = set(release.checksums), release.files
    expected = listed | {CERTIFICATE, CHECKSUMS, SIGNATURE}
    return [
        *(f"{name} is not listed" for name in sorted(files - expected)),
        *(f"{name} is missing" for name in sorted((listed | _NEEDED) - files)),
        *(f"{name} is no plain file" for name in sorted(files - release.regular)),
        *(
            f"{name} has a name that a release does not have"
            for name in sorted(files | listed)
            if name not in _TOP and not _PATH.fullmatch(name)
        ),
        *_empty_folders(release),
    ]


def _empty_folders(release: Release) -> Problems:
    full = {str(Path(name).parent) for name in release.files}
    full |= {str(parent) for name in full for parent in Path(name).parents}
    folders = {
        path.relative_to(release.folder).as_posix()
        for path in release.folder.rglob("*")
        if path.is_dir() and not path.is_symlink()
    }
    return [f"{name}/ holds nothing" for name in sorted(folders - full)]


@check("hashes", "every file has the bytes that the certificate vouches for")
def hashes(release: Release) -> Problems:
    """The certificate holds the hash of the list, and the list the hash of every file."""
    wanted = release.certificate["files"]
    if hashlib.sha256(release.read(CHECKSUMS)).hexdigest() != wanted["checksums_sha256"]:
        return [f"{CHECKSUMS} is not the list that the certificate vouches for"]
    names = sorted(set(release.checksums) & release.regular)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        digests = dict(
            zip(names, pool.map(lambda n: sha256(release.folder / n), names), strict=True)
        )
    changed = [name for name in names if digests[name] != release.checksums[name]]
    size = sum((release.folder / name).stat().st_size for name in names)
    problems = [f"{name} was changed" for name in changed]
    if (len(release.checksums), size) != (wanted["count"], wanted["bytes"]) and not problems:
        problems.append("number or size of the files is not as the certificate says")
    return problems


@check(
    "signature",
    "the certificate is signed: by the key of --public-key, else by one that it names",
    "signature",
)
def signature(release: Release) -> Problems:
    """Ed25519 over the certificate's bytes, which vouch for all else."""
    if SIGNATURE not in release.regular:
        return [f"there is no {SIGNATURE}"]
    certificate = release.read(CERTIFICATE)
    text = release.read(SIGNATURE).decode("utf-8", "replace")
    problem = signature_problem(certificate, text, release.public_key)
    return [problem] if problem else []


@check("times", "all files have one time, which says nothing")
def times(release: Release) -> Problems:
    """Which file was made first, or changed last, cannot be told.

    A copy or a download has times of its own, which are not the release's: it passes where no
    file has the release's time.
    """
    times = {name: int((release.folder / name).lstat().st_mtime) for name in release.files}
    if TIME not in times.values():
        return []
    odd = sorted(name for name, time in times.items() if time != TIME)
    return [f"{name} has another time than the release" for name in odd]
