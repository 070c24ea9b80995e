"""Photographs at an address: what is listed, read, refused and kept out of files."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from hdfs_server import Server, serving
from pictures import jpeg
from PIL import Image

from anonbase.errors import InputError
from anonbase.files import sha256
from encoders import encode
from encoders.identity import find_identities
from encoders.photographs import reading, remote
from encoders.photographs.reading import UnreadableImageError, read_bytes
from encoders.photographs.remote import RemoteFolder, hide_secrets, photograph_root
from encoders.photographs.walk import find_photographs

fsspec = pytest.importorskip("fsspec", reason="pip install -e '.[distributed]'")
PICTURE = jpeg(Image.new("RGB", (64, 48), (9, 99, 200)))
USER = "ada:open-sesame"


@pytest.fixture
def memory() -> Iterator[RemoteFolder]:
    """Files in memory, of all kinds."""
    system = fsspec.filesystem("memory")
    for name in ("Ada/1.JPG", "Ada/2.jpg", "Grace/1.png", "no suffix", ".hidden/1.jpg", "a.txt"):
        system.pipe(f"/photos/{name}", PICTURE)
    for name in ("clip.mp4", "raw.nef"):
        system.pipe(f"/photos/{name}", b"no")
    yield RemoteFolder("memory://photos")
    system.store.clear()


@pytest.fixture
def hdfs(everybody: list[list[Path]], tmp_path: Path) -> Iterator[Server]:
    """Two people, a photograph each, and a text that is none."""
    for pictures in everybody[:2]:
        own = tmp_path / "disk" / "photos" / pictures[0].parent.name
        own.mkdir(parents=True)
        shutil.copy(pictures[0], own)
    (tmp_path / "disk" / "photos" / own.name / "text.jpg").write_text("no picture")
    (tmp_path / "disk" / "secret.jpg").write_bytes(PICTURE)
    with serving(tmp_path / "disk") as server:
        yield server


def test_what_is_at_an_address_is_classified_as_in_a_folder(memory: RemoteFolder) -> None:
    walk = find_photographs(memory)
    assert [p.path for p in walk.photographs] == ["Ada/1.JPG", "Ada/2.jpg", "Grace/1.png"]
    assert [(r.path, r.outcome) for r in walk.refused] == [
        ("clip.mp4", "video"),
        ("raw.nef", "unreadable"),
    ]
    assert len(walk.ignored) == 2
    assert all(p.size == len(PICTURE) and p.mtime_ns > 10**18 for p in walk.photographs)
    assert read_bytes(memory, "Ada/1.JPG")[0] == PICTURE


def test_people_are_told_by_folder_and_by_a_table_of_addresses(
    memory: RemoteFolder, tmp_path: Path
) -> None:
    paths = [p.path for p in find_photographs(memory).photographs]
    assert set(find_identities("auto", paths, memory).of.values()) == {"Ada", "Grace"}
    table = tmp_path / "people.csv"
    lines = [f"{memory}/{path},P{number}" for number, path in enumerate(paths)]
    table.write_text("\n".join(["file,name", *lines]))
    found = find_identities(f"csv:{table}:name", paths, memory).of
    assert found == {path: f"P{number}" for number, path in enumerate(paths)}


def test_a_changed_photograph_is_another(memory: RemoteFolder) -> None:
    before = find_photographs(memory).photographs
    fsspec.filesystem("memory").pipe("/photos/Ada/2.jpg", PICTURE)
    after = find_photographs(memory).photographs
    assert [p.path for p, q in zip(before, after, strict=True) if p != q] == ["Ada/2.jpg"]


@pytest.mark.parametrize("name", ["../secret.jpg", "Ada/../../secret.jpg", "Ada//1.jpg"])
def test_a_name_that_leads_out_is_refused(name: str, memory: RemoteFolder) -> None:
    system = fsspec.filesystem("memory")
    system.store[f"/photos/{name}"] = system.store["/photos/Ada/1.JPG"]
    (refused,) = [r for r in find_photographs(memory).refused if r.outcome == "refused"]
    assert "leads out" in refused.reason
    with pytest.raises(UnreadableImageError, match="leads out"):
        read_bytes(memory, name)


def test_a_file_that_is_too_large_gone_or_empty_folder(
    memory: RemoteFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "LARGEST_FILE", 10)
    with pytest.raises(UnreadableImageError, match="at most 10 are read"):
        read_bytes(memory, "Ada/1.JPG")
    with pytest.raises(UnreadableImageError, match="no such file"):
        read_bytes(memory, "Ada/3.jpg")
    with pytest.raises(InputError, match="no photograph in it"):
        find_photographs(RemoteFolder("memory://elsewhere"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/photos", "s3://bucket/photos"),
        ("s3://key:sec/ret@bucket/photos", "s3://bucket/photos"),
        ("https://host:80/a@b/c?t=1", "https://host:80/a@b/c"),
        ("zip://a::s3://u:p@bucket/b.zip", "zip://bucket/b.zip"),
        ("https://ada:p%40ss@host:8/photos", "https://host:8/photos"),
        ("https://token@host/photos", "https://host/photos"),
        ("-w 'gs://a:b@c/d e.h5' sftp://u:p@h/x?sig=abc#d -q", "-w 'gs://c/d e.h5' sftp://h/x -q"),
    ],
)
def test_secrets_of_an_address_are_not_shown(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://host/photos?sig=abc", "host/photos: an address of photographs ends before"),
        ("zip://a::s3://u:abc@bucket/photos.zip", "not a chain"),
        ("nonsense://bucket/photos", "nonsense"),
        ("s3://u:abc@bucket/photos", "pip install fsspec s3fs"),
    ],
)
def test_an_address_that_cannot_be_read_is_refused(
    text: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(InputError, match=message) as refused:
        find_photographs(photograph_root(text))
    assert "abc" not in str(refused.value)


def test_a_file_address_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "my photos"
    assert photograph_root(f"local://{folder}") == folder
    assert photograph_root(folder.as_uri()) == folder
    assert photograph_root("photos/") == Path("photos")


def test_storage_that_fails_is_asked_again_and_then_stops_the_run(
    hdfs: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "_WAITS", (0.0, 0.0))
    folder = RemoteFolder(hdfs.address("photos", USER))
    path = find_photographs(folder).photographs[0].path
    hdfs.failing = 2
    assert len(read_bytes(folder, path)[0]) > 1000
    hdfs.failing = 3
    with pytest.raises(OSError, match="cannot be read now") as stopped:
        read_bytes(folder, path)
    assert "sesame" not in str(stopped.value)


def test_a_folder_that_cannot_be_listed_loses_no_photograph(hdfs: Server) -> None:
    hdfs.away = max(path.name for path in (hdfs.root / "photos").iterdir())
    with pytest.raises(InputError, match="cannot be listed"):
        find_photographs(RemoteFolder(hdfs.address("photos")))


@pytest.mark.slow
def test_a_faceset_of_an_address_holds_no_password_and_reads_what_is_new_alone(
    hdfs: Server, tmp_path: Path
) -> None:
    how = {"extractor": "dlib-reference", "detector": "hog", "jobs": 1, "progress": False}
    address, local = hdfs.address("photos", USER), hdfs.root / "photos"
    faces = encode(address, tmp_path / "f.h5", command=f"encoders {address}", **how)
    assert faces.meta["identity"] == "folder"
    assert faces.meta["root"] == hdfs.address("photos")
    assert b"sesame" not in (tmp_path / "f.h5").read_bytes()
    hdfs.opened.clear()
    first = sorted(local.rglob("*.jpg"))[0]
    shutil.copy(first, first.with_name("new.jpg"))
    faces = encode(address, tmp_path / "f.h5", **how)
    assert {Path(name).name for name in hdfs.opened} == {"new.jpg"}
    assert faces.ledger["outcome"].tolist().count("faces") == len(faces) == 3
    there = {path: sha256(local / path) for path in faces.ledger["path"]}
    assert dict(zip(faces.ledger["path"], faces.ledger["sha256"], strict=True)) == there


@pytest.mark.parametrize("name", ["Ada Ä/1 #?.jpg", "%2e%2e/1.jpg"])
def test_a_page_of_links_is_a_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("aiohttp", reason="pip install aiohttp")
    path = tmp_path / "photos" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(PICTURE)
    (tmp_path / "secret.jpg").write_bytes(PICTURE)
    (tmp_path / "photos" / "index.jpg").write_bytes(PICTURE)
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *given: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        folder = RemoteFolder(f"http://127.0.0.1:{server.server_port}/photos")
        walk = find_photographs(folder)
        assert [p.path for p in walk.photographs] == [name, "index.jpg"]
        assert {read_bytes(folder, p.path)[0] for p in walk.photographs} == {PICTURE}
        with pytest.raises(UnreadableImageError):
            read_bytes(folder, "../secret.jpg")
        server.shutdown()
