"""How fast surrogates are made: ``python -m benchmarks.surrogate_speed --groups 500 --k 5``.

The whole way of ``python -m anonfaces.synthesize``: chips are read, brought into the latent space
and drawn, every picture is looked at by dlib, a PNG and a line of the ledger are written. Groups
are of people drawn by chance from a faces.h5 (without one, the synthetic sample), each of whom may
be in several groups; no two groups hold the same people. ``--stages`` adds the
seconds that each stage takes by itself on the first groups, one after another.

``--generator`` is another checkpoint. ``--write-large 256 FOLDER`` writes one to try with, as large
and as wide as a StyleGAN2 of that side is, that draws the faces of the one that ships, enlarged.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.outsiders import KEY
from benchmarks.tables import print_table

if TYPE_CHECKING:
    from encoders.faceset import FaceSet

SAMPLE = Path(__file__).resolve().parent.parent / "datasets" / "sample"
HEAD = (
    *("method", "k", "groups", "faces", "start-up s", "seconds"),
    *("ms a group", "10,000 groups, minutes", "processor s of this process and of those it starts"),
)
Labels = NDArray[np.int64]
Names = NDArray[np.str_]


def main() -> None:
    """Print the tables."""
    options = _options()
    if options.write_large:
        _write_large(int(options.write_large[0]), Path(options.write_large[1]))
        return
    print(f"{describe(['numpy', 'keras', 'tensorflow-cpu', 'dlib-bin'])}\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        known = _faces(options.faces, Path(scratch))
        for k in options.k:
            chosen = _grouped(known, options.groups, k)
            rows = [
                _row(name, k, *chosen, Path(scratch), options.generator) for name in options.methods
            ]
            print_table(HEAD, rows)
            if options.stages:
                print_table(("stage", "faces or pictures", "ms each"), _stages(*chosen))


def _options() -> argparse.Namespace:
    from anonfaces.synthesize import SELF_CONTAINED

    parser = argparse.ArgumentParser(prog="python -m benchmarks.surrogate_speed")
    parser.add_argument("--faces", type=Path, help="a faces.h5 (default: the synthetic sample)")
    parser.add_argument("--groups", type=int, default=500, help="(default: %(default)s)")
    parser.add_argument("--k", type=int, nargs="+", default=[5], help="people of a group")
    parser.add_argument("--methods", nargs="+", default=["stylegan"], choices=SELF_CONTAINED)
    parser.add_argument("--generator", type=Path, help="a checkpoint (default: what ships)")
    parser.add_argument("--write-large", nargs=2, metavar=("SIDE", "FOLDER"), help="see above")
    parser.add_argument("--stages", action="store_true", help="and each stage by itself")
    return parser.parse_args()


def _faces(path: Path | None, scratch: Path) -> FaceSet:
    from encoders import FaceSet, encode

    if path is not None:
        return FaceSet.read(path)
    return encode(SAMPLE, scratch / "faces.h5", identity="folder")


def _grouped(faces: FaceSet, count: int, k: int) -> tuple[FaceSet, Labels, Names]:
    """``count`` groups of ``k`` people; who is in two groups is a person in each."""
    rng, names = np.random.default_rng(0), np.unique(faces.identity)
    drawn: dict[tuple[str, ...], None] = {}
    while len(drawn) < count:
        drawn[tuple(sorted(rng.choice(names, k, replace=False)))] = None
    rows = [np.flatnonzero(np.isin(faces.identity, people)) for people in drawn]
    labels = np.repeat(np.arange(count), [len(own) for own in rows])
    chosen = faces.select(np.concatenate(rows))
    named = [f"{who} {group}" for who, group in zip(chosen.identity, labels, strict=True)]
    return chosen, labels, np.array(named)


def _row(
    name: str,
    k: int,
    faces: FaceSet,
    labels: Labels,
    names: Names,
    scratch: Path,
    generator: Path | None,
) -> tuple[object, ...]:
    from anonfaces.synthesize import Reporting, SurrogateOptions, load_surrogate
    from anonfaces.synthesize.gallery import write_surrogates

    started = time.monotonic()
    method = load_surrogate(name, SurrogateOptions(key=KEY, generator=generator))
    some = labels < 2  # what is compiled once is compiled here
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        write_surrogates(Path(place), faces.select(some), labels[some], names[some], method, "")
    ready, before = time.monotonic(), _processor_seconds()
    with tempfile.TemporaryDirectory(dir=scratch) as place:
        write_surrogates(Path(place), faces, labels, names, method, "", progress=True)
    taken, groups = time.monotonic() - ready, int(labels[-1]) + 1
    if isinstance(method, Reporting):
        print(f"{name}: {method.report_line()}")
    each = taken / groups
    return (
        *(name, k, groups, len(labels), round(ready - started, 1), round(taken, 1)),
        *(round(1000 * each, 1), round(10_000 * each / 60, 1)),
        round(_processor_seconds() - before, 1),
    )


def _write_large(side: int, folder: Path) -> None:
    from anonbase.keras_backend import load_engine

    load_engine()
    from stylegan import checkpoint
    from stylegan.checkpoint import SHIPPED
    from stylegan.train import TrainingConfig
    from stylegan.train.networks import Networks

    recipe = TrainingConfig(resolution=side, channel_base=16384, channel_max=512)
    networks = Networks(recipe)
    found = networks.found(networks.start(checkpoint.read(SHIPPED)))
    folder.mkdir(parents=True)
    checkpoint.write(replace(found, encoder=None, discriminator=None), folder)


def _processor_seconds() -> float:
    """What was computed so far: on a machine with other work, seconds by the clock say less."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _stages(faces: FaceSet, labels: Labels, names: Names) -> Iterator[tuple[object, ...]]:
    """Each stage of ``stylegan``, by itself in this process."""
    from anonfaces.synthesize import SurrogateOptions, load_surrogate
    from anonfaces.synthesize.gallery import encoded
    from encoders.detect.pool import enlarged, shows_a_face

    method: Any = load_surrogate("stylegan", SurrogateOptions(key=KEY))
    rows = np.flatnonzero(labels < 64)
    method.draw(method.invert(faces.chips(rows[:1])))
    chips, seconds = _timed(lambda: faces.chips(rows))
    yield "read chips", len(rows), 1000 * seconds / len(rows)
    w, seconds = _timed(lambda: method.invert(chips))
    yield "to latents", len(rows), 1000 * seconds / len(rows)
    drawn, seconds = _timed(lambda: method.draw(w[:64]))
    yield "draw", len(drawn), 1000 * seconds / len(drawn)
    _, seconds = _timed(lambda: [shows_a_face(picture) for picture in drawn])
    yield "look for a face, one process", len(drawn), 1000 * seconds / len(drawn)
    _, seconds = _timed(lambda: [encoded(enlarged(p, faces.chip_size)) for p in drawn])
    yield "enlarge and encode as PNG", len(drawn), 1000 * seconds / len(drawn)


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.monotonic()
    return work(), time.monotonic() - started


if __name__ == "__main__":
    main()
