"""``python -m anonfaces.optics simulate|train|deidentify|attack|report``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from anonbase import cli
from anonbase.keras_backend import load_engine
from anonbase.options import MAX_PIXELS, Debug, MaxPixels, Overwrite, Quiet, Seed, option
from anonbase.text import pluralize
from anonfaces.optics.baseline_spec import baselines_help
from anonfaces.optics.resumable import STATE, resumable

_ABOUT = """
A camera that never saw the face: a phase mask in front of the lens blurs who is seen before the
sensor; networks read where the face's parts are, and draw a face of nobody there.

Pictures are small, 64 px, and so are the networks. docs/optics.md says what was measured.
"""
_SIMULATE = """
Take photographs and videos through the camera: private pictures as PNG, frames of a video in a
folder of its name. Stopped at any moment, the same command goes on. Each picture has its own
noise, from a secret that is not kept: who knows the seed of a run can subtract its noise.

\b
Examples:
  python -m anonfaces.optics simulate photos/ -o private/ --align
  python -m anonfaces.optics simulate film.mp4 -o private/ --camera run/
  python -m anonfaces.optics simulate photos/ -o blurred/ --baseline box:15
"""
_TRAIN = """
Learn a mask and the networks that belong to it: landmarks through the mask, and faces.

FACES are FaceSets with dlib's vectors; one person in twenty is held out. Stopped at any moment,
the same command goes on. --lab takes pairs of a real camera in place of a learned mask.

\b
Examples:
  python -m encoders photos/ -o faces.h5 --identity folder
  python -m anonfaces.optics train faces.h5 -o run/
  python -m anonfaces.optics train faces.h5 -o run/ --most-rms 0.7 --joint 3000
  python -m anonfaces.optics train faces.h5 -o run/ --lab pairs/
"""
_DEIDENTIFY = """
Draw a face of nobody for each private picture: it stands as the face behind the blur does, and
looks in the style of a reference, or of a seed. Videos: frames out. Stopped at any moment, the
same command goes on; the output is there when all is drawn.

\b
Examples:
  python -m anonfaces.optics deidentify private/ --reference styles/ -o out/
  python -m anonfaces.optics deidentify private/ --seeds 4 -o out/ --every --strip
  python -m anonfaces.optics deidentify private/ --seeds 4 -o out/ --overwrite
"""
_ATTACK = """
Measure a run and attack it: Wiener, Richardson-Lucy, and a network trained on pairs, beside blur
and few pixels at about the same error of landmarks. Numbers go to RUN/measured.json.

RUN is a folder that train wrote: what ships has no networks of the baselines, and is not enough.
FACES are those that train was given: who is held out is measured by, one person in twenty.

\b
Example:
  python -m anonfaces.optics attack run/ faces.h5
"""
_REPORT = """
One page of a run: the camera, the trade-off, the attacks, sheets of pictures, and the metrics.
The page shows faces of those whose photographs were measured: it is for their owner alone.

RUN is a folder that train wrote and attack measured; what ships is not enough.

\b
Example:
  python -m anonfaces.optics report run/ faces.h5
"""
app = typer.Typer(add_completion=False, help=_ABOUT, no_args_is_help=True)

_Source = Annotated[Path, typer.Argument(metavar="INPUT", help="a photograph, video or folder")]
_Output = Annotated[Path, option("the folder to write to", "--output", "-o")]
_Run = Annotated[Path, typer.Argument(metavar="RUN", help="a folder that train wrote")]
_Faces = Annotated[list[Path], typer.Argument(metavar="FACES", help="FaceSets (.h5)")]
_Networks = Annotated[
    Path | None, option("folder of a run; default: what ships", show_default=False)
]
_Rename = Annotated[
    bool, option("number the pictures; who is who goes to OUTPUT.names.json, yours", "--rename")
]
_Most = Annotated[int | None, option("read at most so many faces of each FaceSet", min=40)]


@app.command(help=_SIMULATE)
def simulate(
    source: _Source,
    output: _Output,
    camera: _Networks = None,
    baseline: Annotated[
        str | None,
        option(f"a baseline in place of the mask, NAME:STRENGTH or none: {baselines_help()}"),
    ] = None,
    distance: Annotated[
        float | None, option("meters to the object, more than 0; default: the lens's")
    ] = None,
    align: Annotated[
        bool, option("hold the camera up to the main face; others are left out", "--align")
    ] = False,
    rename: _Rename = False,
    figures: Annotated[Path | None, option("folder for figures of the camera")] = None,
    seed: Annotated[
        int | None,
        option(
            "makes a run repeatable; whoever knows it can subtract the noise (default: a secret)",
            show_default=False,
        ),
    ] = None,
    overwrite: Overwrite = False,
    max_pixels: MaxPixels = MAX_PIXELS,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Load, take, write."""
    with resumable(output, "*.png"):
        load_engine()
        from anonfaces.optics.job import camera_named
        from anonfaces.optics.simulate import simulate as take

        lens = camera_named(camera, baseline, distance)
        made = take(source, output, lens, align, seed, overwrite, max_pixels, rename)
        kinds = [one.kept for one in _counted(made, "picture", quiet)]
        if figures is not None:
            from anonfaces.optics.report import write_camera_figures

            write_camera_figures(lens, source, figures)
    if not quiet:
        there = f", {sum(kinds)} of them there before" if any(kinds) else ""
        print(
            f"{pluralize(len(kinds), 'picture')} {_through(camera, baseline)}{there}; in {output}"
        )


def _through(camera: Path | None, baseline: str | None) -> str:
    """What pictures went through, without a word on how well it hides."""
    if baseline is not None:
        return f"through the baseline '{baseline}', without a mask"
    return "through the mask that ships" if camera is None else f"through the camera of {camera}"


@app.command(help=_TRAIN)
def train(
    faces: _Faces,
    output: _Output,
    lab: Annotated[Path | None, option("folder with sharp/ and private/ pairs")] = None,
    size: Annotated[int, option("pixels of the sensor's side", min=16, max=256)] = 64,
    most_rms: Annotated[float, option("waves RMS that the mask is held to", min=0.05)] = 1.0,
    zernikes: Annotated[int, option("polynomials of the mask", min=4, max=300)] = 45,
    electrons: Annotated[
        float, option("that white makes in a pixel; fewer are a shorter exposure", min=0)
    ] = 10_000,
    read_noise: Annotated[float, option("of the sensor, as a share of white", min=0)] = 0.005,
    restored: Annotated[float, option("weight of what Wiener's filter brings back", min=0)] = 1.0,
    attacked: Annotated[
        float, option("weight of what a network brings back that learns beside the mask", min=0)
    ] = 1.0,
    warm: Annotated[int, option("steps of the mask alone", min=1)] = 80,
    joint: Annotated[int, option("steps of mask and network together", min=1)] = 500,
    settle: Annotated[int, option("steps of the network with the mask held", min=1)] = 150,
    own: Annotated[int, option("steps of each camera's own network", min=1)] = 150,
    draw: Annotated[int, option("steps of the encoder into faces", min=1)] = 600,
    identity: Annotated[float, option("weight of the recognizer", min=0)] = 1.0,
    most: _Most = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Read, learn, write."""
    load_engine()
    from anonfaces.optics import job

    recipe = job.recipe(
        size=size, most_rms=most_rms, zernikes=zernikes, electrons=electrons,
        read_noise=read_noise, warm=warm, joint=joint, settle=settle, own=own, draw=draw,
        identity=identity, restored=restored, attacked=attacked, seed=seed,
    )  # fmt: skip
    with resumable(output, STATE), _Bar(quiet) as report:
        learned, held_out = job.read_faces(faces, most)
        job.train_run(
            learned, output, recipe, report, lab,
            learned_from=len(learned), held_out=len(held_out),
            command=cli.command_line("anonfaces.optics"),
        )  # fmt: skip
    if not quiet:
        print(f"{pluralize(len(learned), 'face')} learned from; in {output}")


@app.command(help=_DEIDENTIFY)
def deidentify(
    source: _Source,
    output: _Output,
    reference: Annotated[
        Path | None,
        option("photographs whose look faces take: of people who do not exist, or who agree"),
    ] = None,
    seeds: Annotated[int, option("without references: so many styles of nobody", min=1)] = 8,
    psi: Annotated[float, option("how far those lie from the mean face", min=0, max=1.5)] = 0.7,
    networks: _Networks = None,
    every: Annotated[bool, option("each picture in each style", "--every")] = False,
    strip: Annotated[bool, option("also a strip between two styles", "--strip")] = False,
    bare: Annotated[bool, option("the face alone, not put back", "--bare")] = False,
    corrections: Annotated[
        int, option("pictures drawn of a face to bring its landmarks into place", min=0)
    ] = 12,
    rename: _Rename = False,
    seed: Seed = 0,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Load, draw, write."""
    from anonbase.output import partial_folder

    with resumable(partial_folder(output.expanduser().resolve()), "*.png"):
        load_engine()
        from anonfaces.optics.deidentify import deidentify as draw
        from anonfaces.optics.deidentify import load_deidentifier, reference_styles
        from anonfaces.optics.face_encoder import styles_of_seeds

        network = load_deidentifier(networks, corrections)
        if reference is None:
            styles = styles_of_seeds(range(seed, seed + seeds), psi)
        else:
            styles = reference_styles(reference)[1]
        made = draw(
            source, output, network, styles, every, seed, strip, bare, rename, overwrite
        )  # fmt: skip
        count = sum(1 for _ in _counted(made, "picture", quiet))
    if not quiet:
        print(f"{pluralize(count, 'picture')} in {pluralize(len(styles), 'style')}; in {output}")


@app.command(help=_ATTACK)
def attack(
    run: _Run,
    faces: _Faces,
    own: Annotated[int, option("steps of each camera's own attacker", min=1)] = 250,
    most: _Most = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure, attack, write."""
    load_engine()
    import pandas as pd

    from anonfaces.optics import job
    from anonfaces.optics.store import check_run
    from anonfaces.optics.verdict import warn_if_exposed

    check_run(run)
    with resumable(run / "restorers", STATE), _Bar(quiet) as report:
        learned, held_out = job.read_faces(faces, most)
        found = job.attack_run(learned, held_out, run, job.recipe(attack=own, seed=seed), report)
    if not quiet:
        for table in ("curve", "attacks"):
            print(pd.DataFrame(found[table]).to_string(index=False), end="\n\n")
        print(f"numbers in {run / 'measured.json'}")
    warn_if_exposed(found)


@app.command(help=_REPORT)
def report(
    run: _Run,
    faces: _Faces,
    output: Annotated[Path | None, option("the page (default: RUN/optics.html)", "-o")] = None,
    references: Annotated[int, option("results a source", min=1)] = 10,
    sources: Annotated[int, option("held-out faces to draw for", min=4)] = 100,
    most: _Most = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw, measure, write the page."""
    load_engine()
    from anonfaces.optics import job
    from anonfaces.optics.report import write_report
    from anonfaces.optics.store import check_run

    check_run(run)
    _, held_out = job.read_faces(faces, most)
    page = write_report(held_out, run, output or run / "optics.html", sources, references)
    if not quiet:
        print(f"page       {page.resolve().as_uri()}")


class _Bar:
    """A progress bar over the phases of a run."""

    def __init__(self, quiet: bool) -> None:
        self._quiet, self._phase = quiet, ""
        self._bar: Any = None

    def __enter__(self) -> Any:
        return self._report

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def _report(self, phase: str, step: int, steps: int, losses: dict[str, float]) -> None:
        from tqdm import tqdm

        if phase != self._phase or self._bar is None:
            self.__exit__()
            self._bar = tqdm(
                total=steps, desc=phase, unit="step", disable=True if self._quiet else None
            )
            self._phase = phase
        self._bar.update(step - self._bar.n)
        self._bar.set_postfix({k: f"{v:.3g}" for k, v in losses.items() if v})


def _counted(items: Any, unit: str, quiet: bool) -> Any:
    from tqdm import tqdm

    return tqdm(items, unit=unit, disable=True if quiet else None)


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
