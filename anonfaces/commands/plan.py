"""``anonfaces plan photos/ --k 5``: what the main job would take, before it is begun."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from anonbase import cli
from anonbase.options import SURROGATE_METHODS, Debug, Generator, Label, Weights, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    from anonfaces.condensation.planning import JobPlan

_EXAMPLES = """
Say what python -m anonfaces.cluster would take for INPUT: tasks, hours, memory and disk.

INPUT is a folder of photographs, a faces.h5, or embeddings (.npy, .csv, .parquet, ...). A dozen
photographs are encoded and a few surrogates drawn, which takes a minute or two; nothing is
written.

\b
Examples:
  anonfaces plan photos/ --k 5
  anonfaces plan s3://bucket/photos --k 5
  anonfaces plan photos/ --k 10 --surrogate stylegan --sample 40
  anonfaces plan faces.h5 --k 5 --generator ffhq.pkl
  anonfaces plan vectors.parquet --k 5 --effort fast
"""
_CORES = (2, 16, 128)
app = typer.Typer(add_completion=False)

_Input = Annotated[
    str, typer.Argument(metavar="INPUT", help="what would be condensed", show_default=False)
]


@app.command(help=_EXAMPLES)
def plan(
    source: _Input,
    k: Annotated[int, option("least number of people in a group", "--k", "-k")] = 5,
    identity: Annotated[str, option("who is who, as for python -m encoders")] = "auto",
    effort: Annotated[
        Literal["fast", "default", "best"], option("how hard groups are looked for")
    ] = "default",
    surrogate: Annotated[
        str, option(f"how a face is made of a group: {SURROGATE_METHODS}")
    ] = "optimised",
    generator: Generator = None,
    label: Label = None,
    extractor: Annotated[str, option("embedding: dlib, dlib-reference, facenet")] = "dlib",
    weights: Weights = None,
    detector: Annotated[str, option("as for python -m encoders")] = "auto",
    sample: Annotated[int, option("photographs to measure by", min=1, max=1000)] = 12,
    debug: Debug = False,
) -> None:
    from anonfaces.condensation.options import EncodingOptions
    from anonfaces.condensation.planning import plan_job
    from anonfaces.synthesize.options import SurrogateOptions

    made = plan_job(
        source,
        k,
        identity=identity,
        effort=effort,
        surrogate=surrogate,
        surrogate_options=SurrogateOptions(generator=generator, label=label),
        encoding=EncodingOptions(extractor=extractor, weights=weights, detector=detector),
        sample=sample,
    )
    print("\n".join(_lines(made)))


def _lines(made: JobPlan) -> list[str]:
    photographs = f"{made.photographs:,} photographs, " if made.photographs else ""
    head = ("stage", "tasks", "core-hours", "GB a task", "GB of disk")
    rows = [
        (s.name, f"{s.tasks:,}", _hours(s.core_seconds / 3600), _gb(s.memory), _gb(s.disk))
        for s in made.stages
    ]
    rows.append(("all", "", _hours(made.core_hours), "", _gb(made.disk)))
    hours = ", ".join(f"{_hours(made.hours(cores))} on {cores} cores" for cores in _CORES)
    lines = [
        f"input      {photographs}{pluralize(made.faces, 'face')} of"
        f" {pluralize(made.people, 'person', 'people')}, {pluralize(made.groups, 'group')}",
        f"measured   {made.measured}; other machines are faster or slower",
        "",
        *(_row(row) for row in (head, *rows)),
        "",
        f"hours      {hours}; start-up not counted",
    ]
    if made.information_loss is not None:
        lines.append(f"loss       {made.information_loss:.1f} % of the information, about")
    return lines


def _row(cells: tuple[str, ...]) -> str:
    return f"{cells[0]:<18}" + "".join(f"{cell:>12}" for cell in cells[1:])


def _hours(hours: float) -> str:
    return f"{hours:,.1f}" if hours >= 1 else f"{hours:.3f}"


def _gb(count: int) -> str:
    return f"{count / 1e9:,.2f}"


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
