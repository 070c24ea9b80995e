"""``python -m anonfaces.cluster photos/ --k 5``: the main job, from photographs to the page."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbase import cli
from anonbase.errors import InputError
from anonbase.text import pluralize

if TYPE_CHECKING:
    from anonfaces.condensation.at_scale import CondensedAtScale
    from anonfaces.condensation.job import Condensed
    from anonfaces.report import Summary

_EXAMPLES = """
Condense photographs of people into groups of at least k people and one surrogate face a group.

INPUT is a folder of photographs, a faces.h5, or bare embeddings (.npy, .npz, .csv, .parquet).
Without it, the sample that ships is taken: people who do not exist.

\b
Examples:
  python -m anonfaces.cluster
  python -m anonfaces.cluster photos/ --k 5 -o condensed/
  python -m anonfaces.cluster photos/ --k 10 --identity csv:people.csv:name
  python -m anonfaces.cluster photos/ --identity csv:people.csv:name --l-diversity age:3
  python -m anonfaces.cluster photos/ --k 5 --identity 'regex:^(?P<identity>[^_]+)_'
  python -m anonfaces.cluster faces.h5 --k 20 -o condensed20/
  python -m anonfaces.cluster vectors.npz --k 5 --identity none
  python -m anonfaces.cluster vectors.parquet --k 5 --scheduler local

Stopped at any moment, the same command goes on from the faces and surrogates that are done; groups
are looked for anew. Open report.html in the output folder: it says what holds, what was lost, and
which files may leave the building.
"""

app = typer.Typer(add_completion=False)


def _option(text: str, *names: str, **more: Any) -> Any:
    return typer.Option(*names, help=text, **more)


@app.command(help=_EXAMPLES)
def cluster(
    context: typer.Context,
    source: Annotated[
        Path | None, typer.Argument(metavar="INPUT", help="what to condense", show_default=False)
    ] = None,
    k: Annotated[int, _option("people that every group has at least", "--k", "-k")] = 5,
    output: Annotated[
        Path, _option("the folder to make; outside of INPUT", "--output", "-o")
    ] = Path("condensed"),
    identity: Annotated[
        str | None,
        _option(
            "who is who: folder (one folder a person), csv:FILE:COLUMN, regex:PATTERN; column:NAME"
            " of a table of embeddings; estimate (from embeddings: weaker); none (every face"
            " counts as a person: weaker still). Default: what INPUT says, the rest estimated",
            show_default=False,
        ),
    ] = None,
    method: Annotated[
        str | None,
        _option(
            "how to group: anneal (default) or local_search; to compare with: mdav, v_mdav,"
            " k_member, oka, kmeans, ward, average, complete, nearest, nearest_farthest,"
            " nearest_densest, random",
            show_default=False,
        ),
    ] = None,
    effort: Annotated[
        str, _option("how hard to look for good groups: fast, default, best")
    ] = "default",
    time_limit: Annotated[
        float | None,
        _option(
            "seconds after which the best groups so far are taken; the answer then depends on"
            " the machine",
            show_default=False,
        ),
    ] = None,
    l_diversity: Annotated[
        list[str] | None,
        _option(
            "COLUMN:L, as age:3: the people of every group have at least L different values there;"
            " may be given for several columns",
            show_default=False,
        ),
    ] = None,
    t_closeness: Annotated[
        list[str] | None,
        _option(
            "COLUMN:T, as gender:0.2: every group's values there are distributed as everybody's"
            " but for a distance T, 0 to 1; may be given for several columns",
            show_default=False,
        ),
    ] = None,
    same: Annotated[
        list[str] | None,
        _option(
            "COLUMN: groups never mix its values; whoever sees a group then knows its value",
            show_default=False,
        ),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        _option(
            "COLUMN of a table of embeddings that is no part of them; may be given several times",
            show_default=False,
        ),
    ] = None,
    certify: Annotated[
        float | None,
        _option(
            "seconds to spend on a sharper proof of how good the groups are; Ctrl-C ends it early,"
            " and the run goes on with what is proven (once more ends the run)",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, _option("the same seed gives the same bytes")] = 0,
    same_person: Annotated[
        float | None,
        _option(
            "distance of embeddings below which two faces may be one person's, where that is"
            " estimated; default 0.5 for dlib's",
            show_default=False,
        ),
    ] = None,
    extractor: Annotated[str, _option("embedding: dlib, dlib-reference, facenet, pca")] = "dlib",
    weights: Annotated[
        Path | None, _option("weights of the extractor, if not its own", show_default=False)
    ] = None,
    detector: Annotated[
        str,
        _option(
            "auto (HOG, then MTCNN), hog, mtcnn, cnn (dlib's network), onnx:FILE (CenterFace,"
            " YuNet, SCRFD), or several joined by +"
        ),
    ] = "auto",
    faces: Annotated[
        str | None,
        _option(
            "faces to keep of a photograph: largest (default where identities are known) or all",
            show_default=False,
        ),
    ] = None,
    upsample: Annotated[
        int | None,
        _option(
            "how often a photograph is doubled first to find smaller faces; default by its size",
            min=0,
            max=4,
            show_default=False,
        ),
    ] = None,
    max_pixels: Annotated[int, _option("larger photographs are not decoded")] = 100_000_000,
    chip_size: Annotated[int, _option("side of the surrogates in pixels")] = 256,
    surrogate: Annotated[
        str | None,
        _option(
            "how a face is made of a group: optimised (default), stylegan (ten times as fast),"
            " k-same, …; a wrong name lists all. Vectors have no faces to make any of",
            show_default=False,
        ),
    ] = None,
    generator: Annotated[
        Path | None,
        _option("a StyleGAN checkpoint in place of the one that ships", show_default=False),
    ] = None,
    psi: Annotated[
        float | None,
        _option("how far a generated face may lie from the generator's mean", show_default=False),
    ] = None,
    jobs: Annotated[
        int | None, _option("worker processes; default one a core", min=1, show_default=False)
    ] = None,
    scheduler: Annotated[
        str | None,
        _option(
            "group embeddings beyond memory (.npy, .h5, .parquet, .zarr) by Dask: local, or the"
            " address of a scheduler in a network that you trust (tcp://host:8786)",
            show_default=False,
        ),
    ] = None,
    region: Annotated[
        int, _option("with --scheduler: people that one task groups at a time", min=100)
    ] = 65_536,
    secret_key: Annotated[
        Path | None,
        _option(
            "owner/secret.key of another dataset: the same input, seed and key give the same"
            " bytes. Default: a new one, kept when a dataset is replaced",
            show_default=False,
        ),
    ] = None,
    overwrite: Annotated[
        bool, _option("replace a condensed dataset that is there", "--overwrite")
    ] = False,
    quiet: Annotated[bool, _option("print nothing but warnings and errors", "--quiet")] = False,
    debug: Annotated[bool, _option("show where an error arose", "--debug")] = False,
) -> None:
    from anonfaces.cluster.constraints.constraint import bounds
    from anonfaces.condensation.job import EncodingOptions, condense
    from anonfaces.synthesize.options import SurrogateOptions

    started = time.monotonic()
    if scheduler is not None:
        _at_scale(context.params, started, _given(context))
        return
    done = condense(
        _sample() if source is None else source,
        k,
        output,
        method=method,
        effort=effort,  # type: ignore[arg-type]
        time_limit=time_limit,
        seed=seed,
        identity=identity,
        same_person=same_person,
        leave_out=leave_out or (),
        same=same or (),
        l_diversity=bounds("--l-diversity", l_diversity or ()),  # type: ignore[arg-type]
        t_closeness=bounds("--t-closeness", t_closeness or ()),
        certify=certify,
        surrogate=surrogate,
        drawing=SurrogateOptions(generator, psi, seed, jobs),
        encoding=EncodingOptions(
            extractor, detector, faces, chip_size, weights, jobs, upsample, max_pixels
        ),
        key=secret_key,
        overwrite=overwrite,
        progress=not quiet,
    )
    if not quiet:
        print(_result(done, time.monotonic() - started))


def _given(context: typer.Context) -> set[str]:
    """Names of the options that were given, not left at their default."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if getattr(source, "name", "") != "DEFAULT"}


def _at_scale(asked: dict[str, Any], started: float, given: set[str]) -> None:
    """What --scheduler asks for; an option that would not be heeded is refused."""
    from anonfaces.condensation.at_scale import condense_at_scale

    names = ("scheduler", "identity", "seed", "effort", "region", "overwrite")
    odd = sorted(given - {*names, "source", "k", "output", "secret_key", "quiet", "debug"})
    if odd or asked["source"] is None:
        message = ", ".join(f"--{name.replace('_', '-')}" for name in odd) or "the sample"
        raise InputError(f"--scheduler groups embeddings of a file, and does not take {message}")
    options = {name: asked[name] for name in names} | {"key": asked["secret_key"]}
    quiet = asked["quiet"]
    done = condense_at_scale(
        asked["source"], asked["k"], asked["output"], progress=not quiet, **options
    )
    if not quiet:
        print(_result(done, time.monotonic() - started))


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
