from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from pictures import small_chips

from anonbase.errors import InputError
from encoders.faceset import FaceSet
from encoders.faceset_file import pack_chip


def test_what_is_written_is_what_is_read(small_faces: FaceSet, tmp_path: Path) -> None:
    again = small_faces.write(tmp_path / "again.h5")
    for name in ("embedding", "image", "box", "landmark", "identity", "quality"):
        np.testing.assert_array_equal(getattr(again, name), getattr(small_faces, name))
        assert getattr(again, name).dtype == getattr(small_faces, name).dtype
    pd.testing.assert_frame_equal(again.ledger, small_faces.ledger)
    pd.testing.assert_frame_equal(again.bystanders, small_faces.bystanders)
    assert again.attribute["age"].tolist() == [30, 40, 50]
    assert again.attribute["mood"].tolist() == ["glad", "", "sad"]
    assert again.meta == small_faces.meta
    np.testing.assert_array_equal(again.chips(), small_chips())
    assert (tmp_path / "again.h5").read_bytes() == (tmp_path / "faces.h5").read_bytes()


def test_chips_of_some_faces_in_any_order(small_faces: FaceSet) -> None:
    rows = np.array([2, 0, 2])
    np.testing.assert_array_equal(small_faces.chips(rows), small_chips()[rows])


@pytest.mark.parametrize(
    "rows", [np.array([2, 0]), np.array([True, False, True]), np.array([], int)]
)
def test_a_selection_is_a_faceset_of_its_own(
    small_faces: FaceSet, tmp_path: Path, rows: np.ndarray
) -> None:
    chosen = small_faces.select(rows)
    written = chosen.write(tmp_path / "chosen.h5")
    for some in (chosen, written):
        np.testing.assert_array_equal(some.chips(), small_chips()[rows])
        np.testing.assert_array_equal(some.embedding, small_faces.embedding[rows])
        assert some.identity.tolist() == small_faces.identity[rows].tolist()


def test_too_few_chips_leave_nothing_behind(small_faces: FaceSet, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="chips given: 2, faces: 3"):
        small_faces.write(tmp_path / "other.h5", small_chips()[:2])
    assert [path.name for path in tmp_path.iterdir()] == ["faces.h5"]


def _replaced(name: str, **options: Any) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        del file[name]
        file.create_dataset(name, **options)

    return harm


def _linked(name: str, link: Any) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        del file[name]
        file[name] = link

    return harm


def _removed(name: str) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        del file[name]

    return harm


def _marked(name: str, value: Any) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        if value is None:
            del file.attrs[name]
        else:
            file.attrs[name] = value

    return harm


def _external(file: h5py.File) -> None:
    del file["box"]
    file.create_dataset("box", (3, 4), np.int32, external=[("/etc/passwd", 0, 48)])


def _virtual(file: h5py.File) -> None:
    del file["box"]
    layout = h5py.VirtualLayout((3, 4), np.int32)
    layout[:] = h5py.VirtualSource("/tmp/elsewhere.h5", "box", (3, 4))  # noqa: S108
    file.create_virtual_dataset("box", layout)


def _sparse(file: h5py.File) -> None:
    """A billion vectors in a file of some kilobytes."""
    del file["embedding"]
    file.create_dataset("embedding", (10**8, 128), np.float32)


def _bomb(file: h5py.File) -> None:
    del file["chip"]
    file.attrs["chip_size"] = 2048
    file.create_dataset("chip", (3, 2048, 2048, 3), np.uint8, chunks=(3, 2048, 2048, 3))


def _not_finite(name: str, value: float) -> Callable[[h5py.File], None]:
    def harm(file: h5py.File) -> None:
        file[name][0] = value

    return harm


def _bytes_of_no_text(file: h5py.File) -> None:
    del file["identity"]
    file.create_dataset("identity", data=[b"\xff", b"a", b"b"], dtype=h5py.string_dtype())


def _damaged_chip(file: h5py.File) -> None:
    file["chip"].id.write_direct_chunk((1, 0, 0, 0), b"no deflate stream")


HARM: list[tuple[str, Callable[[h5py.File], None], str]] = [
    ("no such field", _removed("landmark"), "landmark"),
    ("no ledger", _removed("ledger"), "ledger"),
    ("no column", _removed("ledger/outcome"), "ledger/outcome"),
    ("no chips", _removed("chip"), "chip"),
    ("rows", _replaced("box", data=np.zeros((2, 4), np.int32)), "box"),
    ("width", _replaced("box", data=np.zeros((3, 5), np.int32)), "box"),
    ("type", _replaced("box", data=np.zeros((3, 4), np.float32)), "box"),
    ("rank", _replaced("landmark", data=np.zeros((3, 136), np.float32)), "landmark"),
    ("scalar", _replaced("quality", data=np.float32(1)), "quality"),
    ("no dimension", _replaced("embedding", data=np.zeros((3, 0), np.float32)), "embedding"),
    ("wide", _replaced("embedding", data=np.zeros((3, 20000), np.float32)), "embedding"),
    ("names", _replaced("image", data=np.zeros(3)), "image"),
    ("few names", _replaced("image", data=["a"], dtype=h5py.string_dtype()), "image"),
    ("long", _replaced("image", data=["a" * 20000] * 3, dtype=h5py.string_dtype()), "image"),
    ("no text", _bytes_of_no_text, "identity"),
    ("not a number", _not_finite("embedding", np.nan), "embedding"),
    ("infinite", _not_finite("landmark", np.inf), "landmark"),
    ("filtered", _replaced("box", data=np.zeros((3, 4), np.int32), compression="lzf"), "box"),
    ("packed", _replaced("box", data=np.zeros((3, 4), np.int32), compression="gzip"), "box"),
    ("link out", _linked("box", h5py.ExternalLink("/etc/passwd", "/box")), "box"),
    ("soft link", _linked("box", h5py.SoftLink("/landmark")), "box"),
    ("link for a group", _linked("ledger", h5py.ExternalLink("other.h5", "/")), "ledger"),
    ("external bytes", _external, "box"),
    ("virtual", _virtual, "box"),
    ("sparse", _sparse, "embedding"),
    ("chunks of many", _bomb, "chip"),
    ("chips missing", _replaced("chip", shape=(3, 16, 16, 3), dtype=np.uint8,
                                chunks=(1, 16, 16, 3), compression="gzip"), "chip"),
    ("chip size", _marked("chip_size", 17), "chip"),
    ("chip size text", _marked("chip_size", "large"), "chip_size"),
    ("extractor", _marked("extractor", None), "extractor"),
    ("version", _marked("format_version", 99), "99"),
    ("other format", _marked("format", "something"), "not one that anonfaces wrote"),
    ("damaged chip", _damaged_chip, "damaged"),
]  # fmt: skip


@pytest.mark.parametrize(("harm", "said"), [row[1:] for row in HARM], ids=[r[0] for r in HARM])
def test_a_hostile_file_is_refused_by_file_and_field(
    small_faces: FaceSet, harm: Callable[[h5py.File], None], said: str
) -> None:
    path = Path(str(small_faces.path))
    with h5py.File(path, "r+") as file:
        harm(file)
    with pytest.raises(InputError, match=said) as message:
        FaceSet.read(path).chips()
    assert path.name in str(message.value)


@pytest.mark.parametrize("cut", [0, 100, 3000])
def test_a_cut_off_file_is_refused(small_faces: FaceSet, cut: int) -> None:
    path = Path(str(small_faces.path))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"faces\.h5"):
        FaceSet.read(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, what in (
        (tmp_path, "a folder, not a FaceSet"),
        (tmp_path / "none.h5", "no such file"),
    ):
        with pytest.raises(InputError, match=what):
            FaceSet.read(path)


def test_a_packed_chip_is_smaller_than_a_plain_one() -> None:
    assert len(pack_chip(np.zeros((64, 64, 3), np.uint8))) < 200
