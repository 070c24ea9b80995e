"""``python -m anonfaces.evaluate condensed/``: who would be recognized, and what was kept."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbase import cli
from anonbase.options import Debug, Quiet, Scheduler, Seed, option

if TYPE_CHECKING:
    from anonfaces.evaluate.evaluation import Evaluation

_EXAMPLES = """
Judge surrogates: who would be recognized by whom, what attackers can do, and what was kept.

FOLDER is a condensed dataset as its owner has it (python -m anonfaces.cluster makes one), or a
folder of anonymized photographs together with --originals. A judge is a recognizer: dlib, facenet,
faceres, pca, fisherfaces, or any ONNX network (onnx:FILE). One that took part in making the
surrogates is asked as well, and said to have taken part.

\b
Examples:
  python -m anonfaces.evaluate --get faceres
  python -m anonfaces.evaluate condensed/ --judge dlib --judge faceres
  python -m anonfaces.evaluate condensed/ --gallery others/ --strangers strangers.h5 --attacks
  python -m anonfaces.evaluate condensed/ --judge onnx:w600k_r50.onnx --onnx-color bgr
  python -m anonfaces.evaluate anonymized/ --originals photos/ -o evaluation/
  python -m anonfaces.evaluate condensed/ --utility --scheduler tcp://host:8786

The result is evaluation.json, and a part of report.html; with -o a page of its own.
"""

app = typer.Typer(add_completion=False)


_Folder = Annotated[
    Path | None, typer.Argument(metavar="FOLDER", help="what is judged", show_default=False)
]
_Judge = Annotated[
    list[str] | None,
    option(
        "a judge, NAME or NAME:FILE; may be repeated; default: those at hand",
        "--judge",
        show_default=False,
    ),
]
_Gallery = Annotated[
    Path | None,
    option("other photographs of the same people, or their faces.h5", show_default=False),
]
_Strangers = Annotated[
    Path | None, option("photographs of other people, or their faces.h5", show_default=False)
]
_Originals = Annotated[
    Path | None,
    option("the originals of a folder of anonymized photographs", show_default=False),
]
_Faces = Annotated[
    Path | None,
    option("the faces.h5 of the groups, if it lies elsewhere", show_default=False),
]
_Attacks = Annotated[bool, option("try attacks as well", "--attacks")]
_OtherRelease = Annotated[
    Path | None,
    option("another condensed dataset of the same people, for --attacks", show_default=False),
]
_Utility = Annotated[bool, option("measure what was kept", "--utility")]
_Hifd = Annotated[
    Path | None,
    option("FILE for HiFD's scores too, as its authors' scores.json", show_default=False),
]
_FalseMatchRate = Annotated[float, option("share of strangers that a judge's threshold lets pass")]
_Output = Annotated[
    Path | None,
    option(
        "a folder for the result; default: FOLDER and its page",
        "--output",
        "-o",
        show_default=False,
    ),
]
_OnnxMean = Annotated[float, option("subtracted from levels 0 to 255")]
_OnnxScale = Annotated[float, option("what they are divided by then")]
_OnnxColor = Annotated[str, option("order of channels: rgb or bgr")]
_Get = Annotated[
    str | None,
    option("fetch a judge's weights by the user's npm, and end: faceres", show_default=False),
]


@app.command(help=_EXAMPLES)
def main_command(
    folder: _Folder = None,
    judge: _Judge = None,
    gallery: _Gallery = None,
    strangers: _Strangers = None,
    originals: _Originals = None,
    faces: _Faces = None,
    attacks: _Attacks = False,
    other_release: _OtherRelease = None,
    utility: _Utility = False,
    hifd: _Hifd = None,
    false_match_rate: _FalseMatchRate = 1e-3,
    output: _Output = None,
    onnx_mean: _OnnxMean = 127.5,
    onnx_scale: _OnnxScale = 127.5,
    onnx_color: _OnnxColor = "rgb",
    get: _Get = None,
    scheduler: Scheduler = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fetch or judge."""
    from anonbase.errors import InputError

    if get is not None:
        from anonfaces.evaluate.packages import fetch

        print(fetch(get))
        return
    if folder is None:
        raise InputError("name the folder that is to be judged (--help shows examples)")
    if other_release is not None and not attacks:
        raise InputError("--other-release is an attacker's: it goes with --attacks")
    from anonfaces.evaluate.job import EvaluationOptions, evaluate
    from anonfaces.evaluate.onnx_embedder import Preprocessing

    started = time.monotonic()
    options = EvaluationOptions(
        judges=tuple(judge or ()),
        false_match_rate=false_match_rate,
        attacks=attacks,
        utility=utility,
        hifd=hifd,
        preprocessing=Preprocessing(onnx_mean, onnx_scale, onnx_color),
        seed=seed,
    )
    evaluation = evaluate(
        folder, originals=originals, gallery=gallery, strangers=strangers, other=other_release,
        faces=faces, output=output, options=options, scheduler=scheduler, progress=not quiet,
    )  # fmt: skip
    if not quiet:
        print(_result(evaluation))
        print(f"took       {time.monotonic() - started:.0f} s")
        page = (output / "evaluation.html") if output else folder / "report.html"
        print(f"page       {page.resolve().as_uri()}")


def _result(evaluation: Evaluation) -> str:
    lines = [evaluation.statement, ""]
    for verdict in evaluation.document["judges"]:
        t, people = verdict["threshold"], verdict["reidentification"]["people"]
        part = f"took part: {verdict['part']}" if verdict["took_part"] else "took no part"
        lines.append(
            f"{verdict['judge']} ({part}): threshold {t['distance']:.3f}, RI of people"
            f" {_span(people)}, {verdict['surrogates_without_a_face']} without a face"
        )
        for one in verdict["identification"]:
            lines.append(
                f"  {one['gallery']} ({one['candidates']:,} people): rank-1"
                f" {_span(one['ranks']['1'])}, within the group {one['chance']:.3f}; group found"
                f" {one['groups_found']['rate']:.3f}, by chance {one['chance_of_groups']:.3f}"
            )
    lines += [_attack(one) for one in evaluation.document["attacks"]]
    return "\n".join(lines)


def _attack(one: dict[str, Any]) -> str:
    return (
        f"{one['attack']} ({one['sees']}): {_span(one['main'])}, baseline"
        f" {one['baseline']['rate']:.3f}, control {one['control']['rate']:.3f}"
    )


def _span(rate: dict[str, Any]) -> str:
    return f"{rate['rate']:.3f} ({rate['low']:.3f} to {rate['high']:.3f})"


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
