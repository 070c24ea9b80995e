"""``python -m anonfaces.cluster photos/ --k 5``: the main job, from photographs to the page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anonbase import cli
from anonbase.errors import InputError
from anonbase.options import (
    MAX_PIXELS,
    SURROGATE_METHODS,
    ChipSize,
    Debug,
    Gallery,
    Generator,
    Jobs,
    Label,
    MaxPixels,
    Overwrite,
    Psi,
    Quiet,
    Scheduler,
    SeedBesideKey,
    Weights,
    option,
)
from anonbase.text import pluralize

if TYPE_CHECKING:
    from anonfaces.condensation.at_scale import CondensedAtScale
    from anonfaces.condensation.job import Condensed
    from anonfaces.report import Summary

_EXAMPLES = """
Condense photographs of people into groups of at least k people and one surrogate face a group.

INPUT is a folder of photographs or its address (s3://bucket/photos), a faces.h5, or embeddings
(.npy, .npz, .csv, .parquet). Without it, the sample that ships is taken: people who do not exist.

\b
Examples:
  python -m anonfaces.cluster
  python -m anonfaces.cluster photos/ --k 5 -o condensed/
  python -m anonfaces.cluster photos/ --k 10 --identity csv:people.csv:name
  python -m anonfaces.cluster photos/ --identity csv:people.csv:name --l-diversity age:3
  python -m anonfaces.cluster faces.h5 --k 20 -o condensed20/
  python -m anonfaces.cluster table.csv --k 5 --identity none --masked released.csv
  python -m anonfaces.cluster vectors.parquet --k 5 --scheduler local
  python -m anonfaces.cluster photos/ --k 5 --scheduler tcp://host:8786
  python -m anonfaces.cluster s3://bucket/photos --k 5

Stopped at any moment, the same command goes on; groups alone are looked for anew. Open report.html
in the output folder: it says what holds, what was lost, and which files may leave the building.
"""

app = typer.Typer(add_completion=False)

_Input = Annotated[
    str | None, typer.Argument(metavar="INPUT", help="what to condense", show_default=False)
]
_K = Annotated[int, option("least number of people in a group", "--k", "-k")]
_Output = Annotated[Path, option("the folder to make; outside of INPUT", "--output", "-o")]
_Identity = Annotated[
    str | None,
    option(
        "who is who: folder (one folder a person), csv:FILE:COLUMN, regex:PATTERN; column:NAME"
        " of a table of embeddings; estimate (from embeddings: weaker); none (every face"
        " counts as a person: weaker still). Default: what INPUT says, the rest estimated",
        show_default=False,
    ),
]
_Method = Annotated[
    str | None,
    option(
        "how to group: anneal (default) or local_search; to compare with: mdav, v_mdav,"
        " k_member, oka, kmeans, ward, average, complete, nearest, nearest_farthest,"
        " nearest_densest, random",
        show_default=False,
    ),
]
_Effort = Annotated[str, option("how hard to look for good groups: fast, default, best")]
_TimeLimit = Annotated[
    float | None,
    option(
        "seconds after which the best groups so far are taken; the answer then depends on"
        " the machine",
        show_default=False,
    ),
]
_LDiversity = Annotated[
    list[str] | None,
    option(
        "COLUMN:L, as age:3: the people of every group have at least L different values there;"
        " may be given for several columns",
        show_default=False,
    ),
]
_TCloseness = Annotated[
    list[str] | None,
    option(
        "COLUMN:T, as gender:0.2: every group's values there are distributed as everybody's"
        " but for a distance T, 0 to 1; may be given for several columns",
        show_default=False,
    ),
]
_Same = Annotated[
    list[str] | None,
    option(
        "COLUMN: groups never mix its values; whoever sees a group then knows its value",
        show_default=False,
    ),
]
_LeaveOut = Annotated[
    list[str] | None,
    option(
        "COLUMN of a table of embeddings that is no part of them; may be given several times",
        show_default=False,
    ),
]
_Masked = Annotated[
    Path | None,
    option(
        "FILE (.csv or .parquet) to write too: the table with each group's means in place of"
        " its rows, in its own units and types. Exact means: weaker against whoever knows all"
        " of a group but one",
        show_default=False,
    ),
]
_MaskedOrder = Annotated[
    Literal["shuffled", "kept"],
    option("rows of --masked: shuffled, or kept (weaker: tells which row is whose)"),
]
_Certify = Annotated[
    float | None,
    option(
        "seconds to spend on a sharper proof of how good the groups are; Ctrl-C ends it early,"
        " and the run goes on with what is proven (once more ends the run)",
        show_default=False,
    ),
]
_SamePerson = Annotated[
    float | None,
    option(
        "distance of embeddings below which two faces may be one person's, where that is"
        " estimated; default 0.5 for dlib's",
        show_default=False,
    ),
]
_Extractor = Annotated[str, option("embedding: dlib, dlib-reference, facenet, pca")]
_Detector = Annotated[
    str,
    option(
        "auto (HOG, then MTCNN), hog, mtcnn, cnn (dlib's network), onnx:FILE (CenterFace,"
        " YuNet, SCRFD), or several joined by +"
    ),
]
_Faces = Annotated[
    str | None,
    option(
        "faces to keep of a photograph: largest (default where identities are known) or all",
        show_default=False,
    ),
]
_Upsample = Annotated[
    int | None,
    option(
        "how often a photograph is doubled first to find smaller faces; default by its size",
        min=0,
        max=4,
        show_default=False,
    ),
]
_Surrogate = Annotated[
    str | None,
    option(
        f"how a face is made of a group: {SURROGATE_METHODS}; default optimised, and stylegan"
        " is quicker. Vectors have no faces to make any of",
        show_default=False,
    ),
]
_Region = Annotated[int, option("with --scheduler: people that one task groups at a time", min=100)]
_SecretKey = Annotated[
    Path | None,
    option(
        "owner/secret.key of another dataset: the same input, seed and key give the same"
        " bytes. Default: a new one, kept when a dataset is replaced",
        show_default=False,
    ),
]


@app.command(help=_EXAMPLES)
def cluster(
    context: typer.Context,
    source: _Input = None,
    k: _K = 5,
    output: _Output = Path("condensed"),
    identity: _Identity = None,
    method: _Method = None,
    effort: _Effort = "default",
    time_limit: _TimeLimit = None,
    l_diversity: _LDiversity = None,
    t_closeness: _TCloseness = None,
    same: _Same = None,
    leave_out: _LeaveOut = None,
    masked: _Masked = None,
    masked_order: _MaskedOrder = "shuffled",
    certify: _Certify = None,
    seed: SeedBesideKey = 0,
    same_person: _SamePerson = None,
    extractor: _Extractor = "dlib",
    weights: Weights = None,
    detector: _Detector = "auto",
    faces: _Faces = None,
    upsample: _Upsample = None,
    max_pixels: MaxPixels = MAX_PIXELS,
    chip_size: ChipSize = 256,
    surrogate: _Surrogate = None,
    generator: Generator = None,
    label: Label = None,
    psi: Psi = None,
    gallery: Gallery = None,
    jobs: Jobs = None,
    scheduler: Scheduler = None,
    region: _Region = 65_536,
    secret_key: _SecretKey = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    from anonfaces.cluster.masked import check_masked, write_masked
    from anonfaces.condensation.options import holds_photographs
    from encoders.photographs.remote import photograph_root

    started = time.monotonic()
    root = photograph_root(source or _sample())
    here, given = root if isinstance(root, Path) else Path(), {**context.params, "source": root}
    if masked is not None:
        check_masked(here, masked, masked_order)
    if scheduler is not None and not holds_photographs(root):
        message = _result(_at_scale(given, _given(context)), time.monotonic() - started)
    else:
        if scheduler is not None and "region" in _given(context):
            raise InputError("--region is of embeddings in a file, and INPUT holds photographs")
        done = _condensed(given)
        if masked is not None:
            write_masked(here, done.groups, done.columns, masked, order=masked_order)
        message = _result(done, time.monotonic() - started)
    if not quiet:
        print(message)


#: Options that go on to ``condense`` and to ``EncodingOptions`` as they are.
_PLAIN = (
    *("method", "effort", "time_limit", "seed", "identity", "same_person", "certify", "surrogate"),
)
_OF_SURROGATES = ("generator", "label", "psi", "gallery", "seed", "jobs")
_OF_ENCODING = (
    *("extractor", "detector", "faces", "chip_size", "weights", "jobs", "upsample", "max_pixels"),
)


def _condensed(given: dict[str, Any]) -> Condensed:
    from anonfaces.cluster.constraints.constraint import bounds
    from anonfaces.condensation.job import EncodingOptions, condense
    from anonfaces.synthesize.options import SurrogateOptions

    return condense(
        given["source"],
        given["k"],
        given["output"],
        leave_out=given["leave_out"] or (),
        same=given["same"] or (),
        l_diversity=bounds("--l-diversity", given["l_diversity"] or ()),
        t_closeness=bounds("--t-closeness", given["t_closeness"] or ()),
        surrogate_options=SurrogateOptions(**{name: given[name] for name in _OF_SURROGATES}),
        encoding=EncodingOptions(**{name: given[name] for name in _OF_ENCODING}),
        key=given["secret_key"],
        scheduler=given["scheduler"],
        overwrite=given["overwrite"],
        progress=not given["quiet"],
        **{name: given[name] for name in _PLAIN},
    )


def _given(context: typer.Context) -> set[str]:
    """Names of the options that were given, not left at their default."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if getattr(source, "name", "") != "DEFAULT"}


def _at_scale(asked: dict[str, Any], given: set[str]) -> CondensedAtScale:
    """What --scheduler asks for; an option that would not be heeded is refused."""
    from anonfaces.condensation.at_scale import condense_at_scale

    names = ("scheduler", "identity", "seed", "effort", "region", "overwrite")
    rest = sorted(given - {*names, "source", "k", "output", "secret_key", "quiet", "debug"})
    if rest:
        message = ", ".join("--" + {"label": "class"}.get(n, n).replace("_", "-") for n in rest)
        raise InputError(f"--scheduler groups embeddings of a file, and does not take {message}")
    return condense_at_scale(
        asked["source"],
        asked["k"],
        asked["output"],
        progress=not asked["quiet"],
        key=asked["secret_key"],
        **{name: asked[name] for name in names},
    )


def _sample() -> Path:
    package = Path(__file__).resolve().parent.parent
    for place in (package.parent / "datasets" / "sample", package / "_sample"):
        if place.is_dir():
            return place
    raise InputError("the sample did not come with this installation: name an INPUT")


def _result(done: Condensed | CondensedAtScale, seconds: float) -> str:
    from anonfaces.report.words import (
        identity_scope_text,
        kept,
        next_step_text,
        optimality_gap_text,
    )

    summary = done.summary
    facts = {
        "groups": f"{summary.groups:,} of at least {summary.k} {_unit(summary)}",
        "faces": f"{summary.faces:,} of {_people(summary)}{_pictures(summary)}",
        "vectors": _columns(done.columns),
        "not found": _not_found(summary),
        "set aside": pluralize(summary.bystanders, "bystander") if summary.bystanders else "",
        "loss": f"{summary.information_loss:.1f} % of the information"
        f" (random groups: {summary.random_loss:.1f} %)",
        "bound": optimality_gap_text(summary),
        "guarantee": identity_scope_text(summary),
        "kept": "\n           ".join(kept(summary)),
        "hint": next_step_text(summary),
        "took": f"{seconds:.0f} s",
        "secret": "all of owner/",
        "page": (done.folder / "report.html").as_uri(),
    }
    return "\n".join(f"{name:<10} {fact}" for name, fact in facts.items() if fact)


def _columns(columns: tuple[str, ...]) -> str:
    if not columns:
        return ""
    from anonfaces.cluster.inputs import non_embedding_columns

    odd = non_embedding_columns(columns)
    alike = tuple(name for name in columns if name not in odd)
    message = (
        f"{pluralize(len(columns), 'column is', 'columns are')} the embedding: {_few(alike, 6)}"
    )
    if odd:
        message += f"{', and also ' if alike else ''}{_few(odd, 20)}"
        message += f" (--leave-out {odd[0]} leaves that out)"
    return message


def _few(names: tuple[str, ...], most: int) -> str:
    return ", ".join(names if len(names) <= most else (*names[: most - 2], "…", names[-1]))


def _unit(summary: Summary) -> str:
    return "people" if summary.identity != "none" else "faces counted as people"


def _people(summary: Summary) -> str:
    if summary.identity == "none":
        return pluralize(summary.people, "face counted as a person", _unit(summary))
    return pluralize(summary.people, "person", "people")


def _pictures(summary: Summary) -> str:
    return "" if summary.pictures is None else f" in {pluralize(summary.pictures, 'picture')}"


def _not_found(summary: Summary) -> str:
    message = ", ".join(f"{count:,} {why}" for why, count in summary.not_found.items())
    return f"{message}; by name in owner/not_found.csv" if message else ""


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
