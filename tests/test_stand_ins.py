"""What lies in place of a file of weights or faces is told by its content, with the way out."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch_writer
from PIL import Image

from anonbase.errors import InputError, WeightsError
from anonbase.untrusted.stand_ins import stand_in
from anonbase.untrusted.torch_files import read_torch
from anonfaces.cluster.inputs import read_input
from anonfaces.cluster.scale.rows import open_rows
from encoders import weights_file
from encoders.detect.onnx import OnnxDetector
from encoders.embed.dlib_file import read_dlib
from encoders.embed.facenet_files import read_facenet
from encoders.embed.pca import load_pca
from encoders.faceset import FaceSet
from stylegan import checkpoint

ROOT = Path(__file__).resolve().parent.parent
READERS: dict[str, Callable[[Path], object]] = {
    "a checkpoint": checkpoint.read,
    "a file of anonfaces": lambda path: weights_file.read(path, "x", "y"),
    "dlib's": read_dlib,
    "facenet's": read_facenet,
    "principal components": load_pca,
    "a detector": lambda path: OnnxDetector(path),
    "faces": FaceSet.read,
}


def picture(kind: str) -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (8, 8)).save(made, kind)
    return made.getvalue()


def archive(**members: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as written:
        for name, content in members.items():
            written.writestr(name, content)
    return made.getvalue()


def tar() -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as written:
        written.addfile(tarfile.TarInfo("network.pkl"))
    return made.getvalue()


def safetensors() -> bytes:
    header = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(4)


S3 = b"""<?xml version="1.0" encoding="UTF-8"?>
<Error><Code>AccessDenied</Code><Message>Request has expired</Message><HostId>x</HostId></Error>"""
KINDS = {
    "page": (b"\n<!DOCTYPE html><title>Too many downloads</title>", "a web page.*in a browser"),
    "xhtml": (b'<?xml version="1.0"?><html xmlns="x"/>', "a web page"),
    "s3": (S3, r"error document \(AccessDenied: Request has expired\).*address"),
    "xml": (b"\xef\xbb\xbf<?xml version='1.0'?><rows/>", "an XML document"),
    "json error": (b'{"error": {"message": "Invalid token"}}', r"error document \(Invalid token\)"),
    "json": (b'[{"id": 1}]', "a JSON document.*download it again"),
    "long json": (b'{"names": [' + b'"a", ' * 5000 + b'"b"]}', "a JSON document"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", r"git lfs pull"),
    "zip": (archive(a="1", b="2"), r"a zip archive of 'a' and 1 more.*unpack it"),
    "part of a zip": (archive(a="1" * 999)[:500], "a part of a zip archive.*download it again"),
    "gzip": (gzip.compress(b"weights"), r"an archive \(gzip\).*unpack it"),
    "tar": (tar(), r"an archive \(tar\)"),
    "bzip2": (b"BZh91AY&SY", r"an archive \(bzip2\)"),
    "safetensors": (safetensors(), r"safetensors.*torch\.save\(safetensors\.torch\.load_file"),
    "jpeg": (picture("JPEG"), r"a picture \(JPEG\).*another order"),
    "png": (picture("PNG"), r"a picture \(PNG\)"),
    "bmp": (picture("BMP"), r"a picture \(BMP\)"),
    "webp": (picture("WEBP"), r"a picture \(WebP\)"),
    "tiff": (picture("TIFF"), r"a picture \(TIFF\)"),
    "nothing": (b"", "the file is empty: download it again"),
}


@pytest.mark.parametrize(("content", "words"), KINDS.values(), ids=KINDS)
def test_every_reader_tells_what_lies_in_place_of_the_file(
    content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    for name, read in READERS.items():
        kind = InputError if name == "faces" else WeightsError
        with pytest.raises(kind, match=rf"(?s)weights\.bin: .*{words}"):
            read(path)


def test_a_folder_of_ours_with_a_pointer_in_it(tmp_path: Path) -> None:
    (tmp_path / "generator.json").write_text(
        (checkpoint.SHIPPED / "generator.json").read_text(encoding="utf-8"), encoding="utf-8"
    )
    (tmp_path / "generator.h5").write_bytes(KINDS["lfs"][0])
    with pytest.raises(WeightsError, match="a pointer of git-lfs"):
        checkpoint.read(tmp_path)


def test_embeddings_too(tmp_path: Path) -> None:
    for name, read in (("x.npz", read_input), ("x.csv", read_input), ("x.h5", open_rows)):
        (tmp_path / name).write_bytes(KINDS["page"][0])
        with pytest.raises(InputError, match=rf"{name}: a web page"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["torch_zip.pt", "torch_stream.pt"])
def test_what_torch_writes_is_none_under_any_name(name: str, tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    path.write_bytes((ROOT / "tests" / "data" / name).read_bytes())
    assert stand_in(path) is None
    assert read_torch(path)


def test_a_checkpoint_in_place_of_faces_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "faces.h5"
    path.write_bytes(torch_writer.state_dict({"a": np.ones(2, "f4")}))
    with pytest.raises(InputError, match=r"a file of torch\.save in place.*python -m encoders"):
        FaceSet.read(path)


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_and_arrays_are_what_they_are(protocol: int, tmp_path: Path) -> None:
    for content in ({}, [], {"a": [{}]}, ()):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(content, protocol))
        assert stand_in(tmp_path / "a.pkl") is None
    np.savez(tmp_path / "a.npz", embedding=np.ones((2, 2)))
    np.save(tmp_path / "a.npy", np.ones((2, 2)))
    (tmp_path / "a.csv").write_text("[a],{b}\n1,2\n", encoding="utf-8")
    assert [stand_in(tmp_path / f"a.{end}") for end in ("npz", "npy", "csv")] == [None] * 3


def test_none_of_the_files_that_ship_is_one() -> None:
    ours = [path for path in (ROOT / "datasets").rglob("*.h5") if path.is_file()]
    assert ours
    assert {stand_in(path, archives=False) for path in ours} == {None}


@pytest.mark.parametrize(
    "content",
    [
        archive(**{"\x1b[2J" + "x" * 5000: "1"}),
        json.dumps({"error": "\x1b[2J" + "x" * 5000}).encode(),
        b"<Error><Code>\x1b[2J" + b"\xff" * 5000 + b"</Code></Error>",
        b'{"a":' * 2000,
    ],
)
def test_what_a_message_quotes_is_short_and_obeyed_by_no_terminal(
    content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        checkpoint.read(path)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
