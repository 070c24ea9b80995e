"""The main job for embeddings beyond memory: a file in, a condensed dataset out, by Dask."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.checks import check_seed
from anonbase.errors import InputError, OutputError
from anonbase.files import atomic_write, mark_resumable, write_text
from anonbase.notices import collect_warnings
from anonfaces.cluster.budget import Budget, Effort
from anonfaces.cluster.checks import check_k
from anonfaces.cluster.compiling import tell_of_compiling
from anonfaces.cluster.scale import REGION, Job, ScaledGroups, connected, group_file, open_rows
from anonfaces.dataset.files import (
    make_owner_folder,
    make_secret_key,
    open_files,
    random_numbers,
    secret_files,
)
from anonfaces.dataset.summary import Summary, versions
from anonfaces.dataset.workplace import check_output, workplace
from anonfaces.report import write_report

if TYPE_CHECKING:
    import pandas as pd

    from anonfaces.cluster.scale import Progress

__all__ = ["CondensedAtScale", "condense_at_scale"]

_PASSES = 2
_ROWS = 1 << 20
_OURS = re.compile(
    r"(look|sample|gather|people|faces|centres|partition|deal|group|result)-\d+"
    r"\.(run|npz|report\.npz)|\.[a-z]+-\d+\.[a-z.]+\.\w+\.new"
)


@dataclass(frozen=True)
class CondensedAtScale:
    """A condensed dataset that was made in pieces: where it lies, its numbers and its groups."""

    folder: Path
    summary: Summary
    groups: ScaledGroups
    columns: tuple[str, ...] = ()


def condense_at_scale(
    source: Path | str,
    k: int,
    output: Path | str,
    *,
    scheduler: str = "local",
    identity: str | None = None,
    seed: int = 0,
    effort: Effort = "default",
    region: int = REGION,
    key: Path | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> CondensedAtScale:
    """Make a condensed dataset of embeddings that need not fit into memory or one machine.

    ``source``
        ``.npy``, ``.h5``, ``.parquet`` (or a folder of them) or ``.zarr``; see ``open_rows``. It
        and the folder of ``output`` lie where all workers see them under the same name.
    ``scheduler``
        Address of a Dask scheduler (``tcp://host:8786``), or ``local``: a process a core.
    ``identity``
        ``column:NAME``, or ``none``: every row is a person. None takes the column ``identity``.
    ``region``
        People that one task groups at a time: 65,536 of 128 numbers took 0.5 GB.
    ``key``
        A file of 32 random bytes that the numbers of the groups depend on: see ``condense``.

    A run that was stopped goes on when it is called again with the same arguments: what tasks
    made lies in a folder beside ``output`` until it is done. It holds embeddings: keep it as
    safe as the input.

    Raises ``GuaranteeError``, ``InputError`` and ``OutputError``; then no dataset is written.
    """
    if region < 4 * check_k(k):
        raise InputError(f"a region of {region} people is too small for k = {k}: 4 k at least")
    Budget(effort)
    place, origin = check_output(Path(output), Path(source), overwrite), Path(source).resolve()
    column = _column(identity)
    rows = open_rows(origin, column)
    if not rows.named and identity != "none":
        raise InputError(f"{source} does not say who is who: --identity column:NAME, or none")
    if progress:
        tell_of_compiling()
    warned: list[str] = []
    with workplace(place) as folder, _scratch(place) as scratch:
        job = Job(
            str(origin), column, identity != "none", rows.dimensions, k, check_seed(seed), effort,
            _PASSES, str(scratch / _fingerprint(origin, identity, k, seed, effort, region)),
        )  # fmt: skip
        _begin(Path(job.scratch))
        with collect_warnings(warned), connected(scheduler) as workers, _bar(progress) as message:
            grouped = group_file(rows, job, workers, region=region, progress=message)
        secret = make_secret_key(folder, key, place)
        summary = _write(folder, grouped, job, tuple(warned), secret)
    return CondensedAtScale(place, summary, grouped)


def _column(identity: str | None) -> str | None:
    if identity in (None, "none"):
        return None
    kind, _, name = str(identity).partition(":")
    if kind != "column" or not name:
        raise InputError(f"with --scheduler, --identity is column:NAME or none, not {identity}")
    return name


@contextmanager
def _scratch(place: Path) -> Iterator[Path]:
    """The folder for what lies between stages; it is removed when all is done."""
    folder = place.with_name(f".{place.name}.scratch")
    folder.mkdir(exist_ok=True)
    try:
        yield folder
    except BaseException as stop:
        if any(folder.glob("*/*.run")):
            mark_resumable(stop)
        else:  # refused before anything was made
            _remove(folder)
        raise
    _remove(folder)


def _remove(folder: Path) -> None:
    for own in sorted(folder.iterdir()):
        for file in own.iterdir():
            if _OURS.fullmatch(file.name) is None:
                raise OutputError(f"{file} is not ours, and its folder is not deleted: move it")
            file.unlink()
        own.rmdir()
    folder.rmdir()


def _fingerprint(origin: Path, *facts: Any) -> str:
    """Another input or option, another folder: nothing of another run is ever gone on from."""
    files = sorted(origin.rglob("*")) if origin.is_dir() else [origin]
    stats = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr((stats, facts)).encode()).hexdigest()[:16]


def _begin(scratch: Path) -> None:
    scratch.mkdir(exist_ok=True)
    for half in scratch.glob(".*.new"):
        half.unlink()


@contextmanager
def _bar(shown: bool) -> Iterator[Progress]:
    from tqdm import tqdm

    with tqdm(disable=not shown, mininterval=0.5, unit="task") as bar:

        def tell(stage: str, done: int, total: int) -> None:
            if done == 1:
                bar.reset(total)
                bar.set_description(stage, refresh=False)
            bar.update(1)

        yield tell


def _write(
    folder: Path, grouped: ScaledGroups, job: Job, warned: tuple[str, ...], key: bytes
) -> Summary:
    own, number = make_owner_folder(folder), _numbers(grouped, key)
    _write_groups(own / "groups.parquet", grouped, number)
    _write_centroids(own / "centroids.h5", grouped, number, job)
    table = _table(grouped, number)
    write_text(own / "group_facts.csv", table.sort_values("spread").to_csv())
    write_text(folder / "condensed.csv", table.drop(columns="spread").to_csv())
    sizes, counts = np.unique(grouped.people, return_counts=True)
    summary = Summary(
        k=job.k,
        groups=len(grouped.people),
        people=int(grouped.people.sum()),
        faces=len(grouped.labels),
        information_loss=grouped.information_loss,
        random_loss=grouped.random_loss,
        people_per_group={str(s): c for s, c in zip(sizes.tolist(), counts.tolist(), strict=True)},
        method="anneal",
        seed=job.seed,
        identity="given" if job.named else "none",
        privacy_warnings=warned,
        publishable=open_files(surrogates=False),
        secret=secret_files(folder),
        versions=versions(),
        command=f"python -m anonfaces.cluster INPUT --k {job.k} --effort {job.effort}"
        f" --seed {job.seed} --scheduler ADDRESS",
    )
    write_text(folder / "summary.json", summary.to_json())
    write_report(folder)
    return summary


def _numbers(grouped: ScaledGroups, key: bytes) -> np.ndarray:
    """The number that each group gets, int64 (g,), which only the key tells."""
    about = hashlib.sha256(np.ascontiguousarray(grouped.labels).data)
    return random_numbers(key, len(grouped.people), about.digest())


def _write_groups(path: Path, grouped: ScaledGroups, number: np.ndarray) -> None:
    """One row a face, in the order of the input: row, group."""
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    schema = pa.schema([("row", pa.int64()), ("group", pa.int64())])
    with atomic_write(path) as beside, ParquetWriter(beside, schema) as writer:
        for first in range(0, len(grouped.labels), _ROWS):
            group = number[grouped.labels[first : first + _ROWS]]
            row = np.arange(first, first + len(group))
            writer.write_table(pa.table([row, group], schema=schema))


def _write_centroids(path: Path, grouped: ScaledGroups, number: np.ndarray, job: Job) -> None:
    import h5py

    facts = {"k": job.k, "information_loss": grouped.information_loss, "lower_bound": 0.0}
    shape = (len(grouped.people), job.dimensions)
    with atomic_write(path) as beside, h5py.File(beside, "w") as file:
        stored = file.create_dataset("centroid", shape, np.float32)
        stored.attrs.update(facts | {"method": "anneal", "seed": job.seed})
        stored[:1] = 0  # has its place in the file from here on
        file.flush()
        place = np.memmap(beside, np.float32, "r+", stored.id.get_offset(), shape)
        for numbers, centres in grouped.centroids():
            place[number[numbers]] = centres
        place.flush()


def _table(grouped: ScaledGroups, number: np.ndarray) -> pd.DataFrame:
    import pandas as pd

    spread = np.round(np.sqrt(grouped.error / grouped.faces), 6)
    columns = {"people": grouped.people, "faces": grouped.faces, "spread": spread}
    return pd.DataFrame(columns, index=number).rename_axis("group").sort_index()
