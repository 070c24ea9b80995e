"""A grid from input to page; what was finished is kept, and the same call goes on from it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import InputError, OutputError
from anonbase.files import atomic_write, lock, mark_resumable, write_text
from anonfaces.tradeoff.result import Tradeoff
from encoders.photographs.reading import refuse_photograph

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Galleries
    from anonfaces.tradeoff.cells import Bench
    from anonfaces.tradeoff.grid import Cell, Grid
    from encoders.faceset import FaceSet

__all__ = ["measure_tradeoff"]

_MARK, _KEY = "anonfaces.tradeoff", "owner.key"


def measure_tradeoff(
    source: Path | str,
    grid: Grid,
    output: Path | str,
    *,
    gallery: Path | str | None = None,
    strangers: Path | str | None = None,
    want: tuple[str, float] | None = None,
    command: str = "",
    progress: bool = False,
) -> Tradeoff:
    """Measure every cell of ``grid`` on the people of ``source``; write the report.

    Parameters
    ----------
    source : path
        A folder of photographs, a folder a person, or a ``faces.h5``.
    grid : Grid
        What is tried.
    output : path
        The report's folder: ``tradeoff.html``, ``.json``, ``.csv``, ``.tex``, ``figures/``. It is
        for the owner: several surrogates of one group together tell more than one.
    gallery, strangers : path, optional
        Other photographs of the same people, and of others, as for ``evaluate``.
    want : pair of str and float, optional
        A measure of ``result.MEASURES`` and its bound: the page says the smallest k for it.

    Raises
    ------
    InputError, GuaranteeError, OutputError
        Before anything is measured. A run that is stopped later keeps its finished cells.
    """
    if not Path(source).exists():
        raise InputError(f"{source}: there is no such file or folder")
    refuse_photograph(Path(source), "python -m anonfaces.tradeoff")
    place = Path(output)
    with _held(place):
        faces, galleries = _read(Path(source), gallery, strangers, place)
        grid.check_people(len(np.unique(faces.identity)))
        judges = _judges(grid, faces)
        print_ = grid.fingerprint(faces, galleries.other, galleries.strangers)
        try:
            rows = _measured(grid, faces, judges, galleries, place, print_, progress)
        except BaseException as stop:
            mark_resumable(stop)
            raise
        about = {
            "people": len(np.unique(faces.identity)),
            "faces": len(faces),
            "command": command,
            "seed": grid.seed,
        }
        result = Tradeoff(tuple(rows), about)
        _write(result, place, want)
    return result


@contextmanager
def _held(place: Path) -> Iterator[None]:
    """The report's folder, for one run at a time; it goes where an error left nothing in it."""
    there = place.is_dir()
    _prepare(place)
    with (place / _MARK).open("a") as mark:
        lock(mark, place)
        try:
            yield
        except BaseException:
            _remove_unused(place)
            if not there and not any(place.iterdir()):
                place.rmdir()
            raise


def _remove_unused(place: Path) -> None:
    """Remove what every run begins with, where nothing that a later one can use was added."""
    ours = {_MARK, _KEY, "cells"}
    if any((place / "cells").iterdir()) or {path.name for path in place.iterdir()} - ours:
        return
    (place / "cells").rmdir()
    (place / _KEY).unlink(missing_ok=True)
    (place / _MARK).unlink()


def _prepare(place: Path) -> None:
    if place.exists() and not place.is_dir():
        raise OutputError(f"{place} is a file: name a folder")
    if place.is_dir() and any(place.iterdir()) and not (place / _MARK).is_file():
        raise OutputError(f"{place} holds something else: name a new or an empty folder")
    try:
        (place / "cells").mkdir(parents=True, exist_ok=True)
        (place / _MARK).touch()
    except OSError as error:
        raise OutputError(f"{place}: {error.strerror or error}") from error


def _read(
    source: Path, gallery: Path | str | None, strangers: Path | str | None, place: Path
) -> tuple[FaceSet, Galleries]:
    """The faces, kept beside the cells where they had to be found in photographs."""
    from anonfaces.evaluate.subject import Galleries, read_faces
    from encoders import encode

    if source.is_dir():
        encode(source, place / "faces.h5", faces="largest", progress=True)
        source = place / "faces.h5"
    faces = read_faces(source)
    other = None if gallery is None else read_faces(Path(gallery))
    beside = None if strangers is None else read_faces(Path(strangers))
    if beside is not None:
        known = {*faces.identity.tolist(), *([] if other is None else other.identity.tolist())}
        beside = beside.select(np.array([name not in known for name in beside.identity], bool))
    return faces, Galleries(other=other, strangers=beside)


def _judges(grid: Grid, faces: FaceSet) -> list[Judge]:
    from anonfaces.evaluate.judges.judge import load_judge, usual_judges

    return [load_judge(name, faces) for name in grid.judge or usual_judges()]


def _measured(
    grid: Grid,
    faces: FaceSet,
    judges: Sequence[Judge],
    galleries: Galleries,
    place: Path,
    fingerprint: str,
    progress: bool,
) -> list[dict[str, Any]]:
    from tqdm import tqdm

    from anonfaces.tradeoff.cells import Bench

    bench = Bench(faces, judges, galleries, grid.effort, grid.seed, _owners_key(place))
    cells = list(grid)
    done = {cell: row for cell in cells if (row := _kept(place, cell, fingerprint)) is not None}
    bar = tqdm(total=len(cells), initial=len(done), desc="cells", unit="cell", disable=not progress)
    with bar:
        for cell in cells:
            if cell in done:
                continue
            bar.set_postfix_str(f"k = {cell.k}, {cell.surrogate}")
            done[cell] = _measure(bench, cell, place, fingerprint)
            bar.update()
    return [done[cell] for cell in cells]


def _measure(bench: Bench, cell: Cell, place: Path, fingerprint: str) -> dict[str, Any]:
    from PIL import Image

    row, strip = bench.measure(cell)
    with atomic_write(place / "cells" / f"{cell.name}.png") as beside:
        Image.fromarray(strip).save(beside, "PNG")
    text = json.dumps({"fingerprint": fingerprint, "row": row})
    write_text(place / "cells" / f"{cell.name}.json", text + "\n")
    return json.loads(text)["row"]


def _kept(place: Path, cell: Cell, fingerprint: str) -> dict[str, Any] | None:
    """The row of a cell that an earlier run finished on the same people by the same judges."""
    path = place / "cells" / f"{cell.name}.json"
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept["row"] if kept["fingerprint"] == fingerprint else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _owners_key(place: Path) -> bytes:
    """A secret for these surrogates, drawn once: a run that goes on makes the same faces."""
    path = place / _KEY
    if not path.is_file():
        with atomic_write(path) as beside:
            beside.write_bytes(secrets.token_bytes(32))
        path.chmod(0o600)
    return path.read_bytes()


def _write(result: Tradeoff, place: Path, want: tuple[str, float] | None) -> None:
    from anonfaces.tradeoff.figures import write_figures
    from anonfaces.tradeoff.page import write_page

    write_text(place / "tradeoff.json", result.to_json())
    table = result.to_pandas()
    write_text(place / "tradeoff.csv", table.to_csv(index=False, lineterminator="\n"))
    write_text(place / "tradeoff.tex", _latex(table))
    write_page(result, place, write_figures(result, place / "figures"), want)


def _latex(table: Any) -> str:
    """A booktabs table of the columns that a paper shows."""
    names = ["surrogate", "k", "information_loss", "ri", "ri_low", "ri_high", "rank1", "worst"]
    shown = table[names].map(lambda v: f"{v:.3f}" if isinstance(v, float) else str(v))
    rows = [" & ".join(row) + r" \\" for row in shown.to_numpy().tolist()]
    head = " & ".join(name.replace("_", r"\_") for name in names) + r" \\"
    body = "\n".join([r"\toprule", head, r"\midrule", *rows, r"\bottomrule"])
    return f"\\begin{{tabular}}{{l{'r' * (len(names) - 1)}}}\n{body}\n\\end{{tabular}}\n"
