"""Pictures that the tests make: good ones, and those that should do no harm."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image


def save(picture: Image.Image, path: Path, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path, **options)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims to be that large, and holds one row's worth of nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(b"\0" * 64)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def crowd(portraits: list[Path]) -> Image.Image:
    """Twenty synthetic people in one photograph of 1280 x 1024."""
    picture = Image.new("RGB", (1280, 1024))
    for place, path in enumerate(portraits[:20]):
        tile = Image.open(path).resize((256, 256))
        picture.paste(tile, (place % 5 * 256, place // 5 * 256))
    return picture


def jpeg(picture: Image.Image, **options: object) -> bytes:
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=95, **options)
    return data.getvalue()


def damaged(folder: Path, face: Image.Image) -> None:
    folder.mkdir()
    whole = jpeg(face)
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("I am a picture, honestly")
    (folder / "huge.png").write_bytes(png_header(50_000, 50_000))
    (folder / "lying.png").write_bytes(png_header(4000, 4000))
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic")
    os.mkfifo(folder / "pipe.jpg")


def unusual(folder: Path, face: Image.Image) -> None:
    folder.mkdir()
    grey = np.asarray(face.convert("L")).astype(np.uint16) * 257
    save(Image.fromarray(grey), folder / "sixteen.png")
    save(face.convert("CMYK"), folder / "cmyk.jpg", quality=95)
    save(face.convert("P"), folder / "palette.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    save(face.transpose(Image.Transpose.ROTATE_90), folder / "turned.jpg", exif=turned, quality=95)
    dark = Image.new("RGB", face.size)
    save(face, folder / "moving.gif", save_all=True, append_images=[dark])


def names(folder: Path, face: Image.Image) -> None:
    folder.mkdir()
    odd = Path(os.fsdecode(os.fsencode(folder) + b"/not\xffutf8.png"))
    plain = ("new\nline.png", "back\\x41slash.png", ".hidden.png", "no_extension")
    for path in (odd, *(folder / name for name in plain)):
        face.save(path, "PNG")


def links(folder: Path, outside: Path) -> None:
    folder.mkdir()
    (folder / "out.png").symlink_to(outside / "secret.png")
    (folder / "outside").symlink_to(outside, target_is_directory=True)
    (folder / "loop").symlink_to(folder.parent, target_is_directory=True)
    (folder / "nowhere.png").symlink_to(folder / "gone.png")
    (folder / "inside.png").symlink_to(folder.parent / "names/no_extension")


def small_chips() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
