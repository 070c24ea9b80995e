"""``python -m benchmarks.sheet portraits/ -o sheet.png``: one photograph by every way of hiding it.

Each of the photographs, of one person each, stands in a row with what ``anonfaces.anonymize`` makes
of it: nobody's face, a group's face by three methods, a face that a DCGAN paints into a hole, the
face drawn anew from its label map. Gray is what was covered, since the result still looked like the
original. The sheet holds the originals: keep one of real people.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.anonymize.inpainting.options import InpaintOptions

WAYS: dict[str, dict[str, Any]] = {
    "fresh": {"surrogate": "fresh"},
    "group k-same-m": {"surrogate": "group", "method": "k-same-m"},
    "group stylegan": {"surrogate": "group", "method": "stylegan"},
    "group optimised": {"surrogate": "group", "method": "optimised"},
    "inpaint dcgan": {
        **{"surrogate": "inpaint", "generator": Path("dcgan"), "latents": 4},
        "inpaint": InpaintOptions(framing="box", traits=True),
    },
    "semantic": {"surrogate": "semantic"},
}
_SIDE, _TEXT = 160, 14


def main() -> None:
    """Run every way, and write the sheet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photos", type=Path, nargs="+", help="photographs, one person each")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--k", type=int, default=3, help="of the groups (default: %(default)s)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "photos"
        folder.mkdir()
        for number, path in enumerate(asked.photos):
            (folder / f"{number:03d}{path.suffix}").write_bytes(path.read_bytes())
        columns = {"photograph": _pictures(folder)}
        for name, options in WAYS.items():
            started = time.monotonic()
            columns[name] = _by(folder, Path(scratch) / name.replace(" ", "-"), asked.k, options)
            each = (time.monotonic() - started) / len(asked.photos)
            print(f"{name}: {each:.1f} s a photograph", flush=True)
    _write(asked.output, columns)


def _by(photos: Path, output: Path, k: int, options: dict[str, Any]) -> list[NDArray[np.uint8]]:
    from anonfaces.anonymize import anonymize

    groups = {"k": k} if options["surrogate"] == "group" else {}
    anonymize(photos, output, keep_faceless=True, progress=False, **groups, **options)
    return _pictures(output)


def _pictures(folder: Path) -> list[NDArray[np.uint8]]:
    from PIL import Image

    way = Image.Resampling.LANCZOS
    return [
        np.asarray(Image.open(path).convert("RGB").resize((_SIDE, _SIDE), way))
        for path in sorted(folder.iterdir())
    ]


def _write(path: Path, columns: dict[str, list[NDArray[np.uint8]]]) -> None:
    from PIL import Image, ImageDraw, ImageFont

    pictures = np.concatenate([np.concatenate(one) for one in columns.values()], axis=1)
    sheet = Image.new("RGB", (pictures.shape[1], pictures.shape[0] + 2 * _TEXT), "white")
    sheet.paste(Image.fromarray(pictures), (0, 2 * _TEXT))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(_TEXT)
    for number, name in enumerate(columns):
        pen.text((number * _SIDE + 4, _TEXT // 2), name, "black", font)
    sheet.save(path)


if __name__ == "__main__":
    main()
