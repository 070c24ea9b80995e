"""``python -m encoders photos/ -o faces.h5``: photographs to vectors."""

from __future__ import annotations

import shlex
import sys
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbase import cli
from anonbase.options import MAX_PIXELS, Debug, Jobs, MaxPixels, Quiet, Scheduler, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

_EXAMPLES = """
Detect the faces in a folder of photographs, align them and embed each as a vector.

\b
Examples:
  python -m encoders photos/ -o faces.h5
  python -m encoders photos/ -o faces.h5 --identity folder --jobs 8
  python -m encoders photos/ -o faces.h5 --identity csv:people.csv:name
  python -m encoders photos/ -o faces.h5 --identity 'regex:^(?P<identity>[^_]+)_'
  python -m encoders photos/ -o faces.h5 --detector cnn --faces all
  python -m encoders photos/ -o faces.h5 --scheduler tcp://host:8786
  python -m encoders s3://bucket/photos -o faces.h5

A command that was stopped at any moment goes on when you run it again. Over a finished output, it
looks only at photographs that are new or changed, and drops those that are gone.
"""

app = typer.Typer(add_completion=False)


class _Extractor(StrEnum):
    dlib = "dlib"
    dlib_reference = "dlib-reference"
    facenet = "facenet"
    pca = "pca"


class _Faces(StrEnum):
    all = "all"
    largest = "largest"


@app.command(help=_EXAMPLES)
def encode(
    photos: Annotated[
        str,
        typer.Argument(help="folder of photographs, or its address, as s3://bucket/photos",
                       show_default=False),
    ],
    output: Annotated[Path, option("the FaceSet to write", "--output", "-o")] = Path("faces.h5"),
    extractor: Annotated[_Extractor, option("the embedder")] = _Extractor.dlib,
    weights: Annotated[
        Path | None, option("file with weights of the extractor; default: its own")
    ] = None,
    detector: Annotated[
        str,
        option("auto: dlib HOG, then MTCNN where that found nothing; hog, mtcnn, cnn (dlib's "
                "network), onnx:FILE (CenterFace, YuNet, SCRFD), or several joined by +"),
    ] = "auto",
    upsample: Annotated[
        int | None,
        option("how often dlib's detectors double a photograph first; each time finds smaller "
                "faces and is 4 times as slow; default: by its size", min=0, max=4),
    ] = None,
    identity: Annotated[
        str, option("folder, csv:FILE:COLUMN, regex:PATTERN, none; auto: folder if every "
                     "photograph lies in a subfolder, else none")
    ] = "auto",
    faces: Annotated[
        _Faces | None,
        option("which faces of a photograph to keep; default: largest if identities are known, "
                "else all", show_default=False),
    ] = None,
    chip_size: Annotated[int, option("side of the stored chips in pixels")] = 256,
    max_pixels: MaxPixels = MAX_PIXELS,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    overwrite: Annotated[
        bool, option("replace an output that was made with other options", "--overwrite")
    ] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    from encoders.run.pipeline import encode as run

    started = time.monotonic()
    result = run(
        photos,
        output,
        extractor=extractor.value,
        weights=weights,
        detector=detector,
        upsample=upsample,
        identity=identity,
        faces=None if faces is None else faces.value,
        chip_size=chip_size,
        max_pixels=max_pixels,
        jobs=jobs,
        scheduler=scheduler,
        overwrite=overwrite,
        progress=not quiet,
        command=shlex.join(["python", "-m", "encoders", *sys.argv[1:]]),
    )
    if not quiet:
        print(_summary(result, output, time.monotonic() - started))


def _summary(faces: FaceSet, output: Path, seconds: float) -> str:
    from collections import Counter

    from encoders.photographs.path_escape import escape

    ledger = faces.ledger
    people = set(faces.identity) - {""}
    unknown = int((faces.identity == "").sum())
    lines = [
        f"photographs  {len(ledger)}",
        f"faces        {len(faces)} kept ({faces.meta['faces']} of a photograph), "
        f"{pluralize(len(faces.bystanders), 'bystander')}",
        f"people       {len(people)} by {faces.meta['identity']}, "
        f"{pluralize(unknown, 'face')} without a name",
    ]
    rest = ledger[ledger["outcome"] != "faces"]
    for outcome, count in Counter(rest["outcome"]).most_common():
        lines.append(f"  {outcome:<10} {count}{_examples(rest[rest['outcome'] == outcome])}")
    lines += _strangers(faces)
    lines.append(f"took         {seconds:.1f} s; in {escape(str(output))}")
    return "\n".join(lines)


def _strangers(faces: FaceSet) -> list[str]:
    """Photographs in which a bystander may have been taken for the person, by name."""
    from encoders.identity_outliers import find_strangers

    if not str(faces.meta["extractor"]).startswith("dlib"):
        return []  # of others no distance is known
    rows = find_strangers(faces.embedding, faces.identity)
    if not len(rows):
        return []
    message = (
        f"{pluralize(len(rows), 'face does', 'faces do')} not look like the rest of their person"
    )
    files = "".join(f"\n  {image}" for image in faces.image[rows])
    return [f"look at      {message}; each may be a bystander's:{files}"]


def _examples(rows: Any) -> str:
    from collections import Counter

    reasons = Counter(reason for reason in rows["reason"] if reason)
    said = [f"{count} x {reason}" if count > 1 else reason for reason, count in
            reasons.most_common(3)]  # fmt: skip
    more = ["..."] if len(reasons) > 3 else []
    return f" ({'; '.join(said + more)})" if said else ""


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
