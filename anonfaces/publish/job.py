"""The last step: a condensed dataset in, a folder that may be handed to strangers out."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from anonbase.dask_workers import DaskWorkers, by_workers
from anonbase.errors import GuaranteeError, InputError
from anonbase.files import sha256
from anonfaces.dataset.files import EVALUATION, find_file
from anonfaces.dataset.tables import to_csv
from anonfaces.publish.card import (
    CARD,
    CHECKSUMS,
    CITATION,
    About,
    checksums_text,
    citation,
    dataset_card,
)
from anonfaces.publish.certificate import CERTIFICATE, Facts, make_certificate, read_json
from anonfaces.publish.columns import ReleasedColumns, release_columns
from anonfaces.publish.croissant import CROISSANT, croissant_text
from anonfaces.publish.earlier import check_earlier
from anonfaces.publish.key import Opener, ReleaseKey, Sealer
from anonfaces.publish.layouts import CONDENSED, LAYOUTS, Records, lay_out, people_of
from anonfaces.publish.ledger import note_release, warn_of_other_releases
from anonfaces.publish.names import check_shares
from anonfaces.publish.pictures import FORMATS, read_pixels, write_pictures
from anonfaces.publish.place import Place, check_place, equalize, release_files
from anonfaces.publish.signing import SIGNATURE, public_key, sign
from anonfaces.publish.source import Source, read_source

if TYPE_CHECKING:
    from anonfaces.publish.checks import Outcome

__all__ = ["PublishOptions", "Published", "publish"]

SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


@dataclass(frozen=True, kw_only=True)
class PublishOptions:
    """What a release is to be.

    Attributes
    ----------
    layout : ``condensed`` (one record a group) or ``per-image`` (one a face)
    picture_format : ``png`` or ``jpeg``
    shares : split -> share of the groups
    columns : the owner's columns to release; None is all that can be, () is none
    about : title, creator, license and address, which are published as they stand
    evaluation : a file that ``anonfaces.evaluate`` wrote; None: ``evaluation.json`` of the
        condensed dataset, where there is one
    signing_key : a file with a secret key for signatures, or None
    previous : sealed keys of earlier releases of the same people
    """

    layout: str = CONDENSED
    picture_format: str = "png"
    shares: Mapping[str, float] = field(default_factory=lambda: dict(SHARES))
    columns: Sequence[str] | None = None
    about: About = field(default_factory=About)
    evaluation: Path | None = None
    signing_key: Path | None = None
    previous: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Published:
    """A release: where it and its key lie, its certificate, and what the checks said."""

    folder: Path
    key: Path | None
    certificate: dict[str, Any]
    outcomes: tuple[Outcome, ...]


def publish(
    condensed: Path | str,
    output: Path | str,
    sealer: Sealer | None,
    *,
    key: Path | str | None = None,
    options: PublishOptions | None = None,
    opener: Opener | None = None,
    faces: Path | str | None = None,
    overwrite: bool = False,
    scheduler: str | None = None,
    progress: bool = False,
    before_writing: Callable[[], None] | None = None,
) -> Published:
    """Make a release of the condensed dataset in ``condensed``, verified, whole or not at all.

    Parameters
    ----------
    condensed : a folder that ``anonfaces.condense`` made
    output : the folder to make; it lies apart from ``condensed``
    sealer : how the key is sealed; None keeps no key, and nobody can ever tell who is where
    key : where the sealed key goes, outside of ``output``; None is ``<output>.key``
    opener : what opens the keys of ``options.previous``
    faces : the faces.h5 that was grouped, where it is not in ``condensed/owner``
    scheduler : address of a Dask scheduler whose workers write and check pictures, or ``local``;
        they see ``condensed``, ``output`` and ``faces`` under the same names. None: this machine
    before_writing : called when the input has been checked, before anything is written

    Raises
    ------
    GuaranteeError : a group has fewer than k people, or crossed with an earlier release it would
    InputError, OutputError : what cannot be used; then nothing is there that was not before

    Warns
    -----
    PrivacyWarning : the same people were released in other groups, as far as datasets beside this
        one and beside ``output`` tell; other releases it cannot see

    >>> from anonfaces.publish import Sealer, publish
    >>> sealer = Sealer(passphrase_file="secret.txt")  # needs a file  # doctest: +SKIP
    >>> done = publish("condensed/", "release/", sealer)  # needs a dataset  # doctest: +SKIP
    >>> done.certificate["promise"]["k"]  # of that dataset  # doctest: +SKIP
    5
    """
    chosen, origin = options or PublishOptions(), Path(condensed)
    _check(chosen)
    where = None if sealer is None else Path(key) if key else Path(f"{Path(output)}.key")
    source = read_source(origin, None if faces is None else Path(faces))
    place = check_place(Path(output), where, origin, overwrite)
    if sealer is not None:
        sealer.check()
    released = _columns(source, chosen)
    told = check_earlier(source, chosen.previous, opener or Opener())
    records = lay_out(source, chosen.layout, chosen.shares, FORMATS[chosen.picture_format])
    near = [one.parent for one in (place.output, place.key) if one is not None]
    warn_of_other_releases(source, near, told)
    if before_writing is not None:
        before_writing()
    with by_workers(scheduler) as workers, place.made() as folder:
        made = _make(folder, source, records, released, chosen, progress, workers)
        equalize(folder)
        outcomes = _verified(folder, made, source, faces, chosen, progress, workers)
        place.finish(None if sealer is None else sealer.seal(made))
    note_release(source, made.certificate_sha256)
    return Published(place.output, place.key, _certificate(place), outcomes)


def _check(chosen: PublishOptions) -> None:
    check_shares(chosen.shares)
    for value, known, what in (
        (chosen.layout, LAYOUTS, "layout"),
        (chosen.picture_format, FORMATS, "format"),
    ):
        if value not in known:
            raise InputError(f"no {what} {value!r}; there are: {', '.join(known)}")
    if chosen.signing_key is not None:
        public_key(chosen.signing_key)


def _columns(source: Source, chosen: PublishOptions) -> ReleasedColumns:
    members = source.groups.to_pandas()
    return release_columns(source.attribute, members, source.summary.k, chosen.columns)


def _make(
    folder: Path,
    source: Source,
    records: Records,
    released: ReleasedColumns,
    chosen: PublishOptions,
    progress: bool,
    workers: DaskWorkers | None,
) -> ReleaseKey:
    """Write all of the release into ``folder``; return its key."""
    write_pictures(folder, source, records.table, chosen.picture_format, progress, workers)
    tables = _write_tables(folder, source, records, released)
    facts = _facts(source, records, released, chosen)
    draft = make_certificate(source.summary, facts)  # but for the files, it is what is described
    _write(folder, CARD, dataset_card(chosen.about, draft, list(released.columns)))
    _write(folder, CITATION, citation(chosen.about))
    _write(folder, CROISSANT, croissant_text(chosen.about, draft, released.columns, tables))
    _sweep(folder, {*records.table["path"], *(f"data/{s}/metadata.csv" for s in tables)})
    digests = _digests(folder)
    _write(folder, CHECKSUMS, checksums_text(digests))
    sizes = {name: (folder / name).stat().st_size for name in digests}
    document = {**draft, "files": _files(sizes, sha256(folder / CHECKSUMS))}
    _write(folder, CERTIFICATE, _json(document))
    if chosen.signing_key is not None:
        text = sign((folder / CERTIFICATE).read_bytes(), chosen.signing_key)
        _write(folder, SIGNATURE, text)
    return _key(folder, source, records, digests)


def _write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def _json(document: Mapping[str, Any]) -> str:
    import json

    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _write_tables(
    folder: Path, source: Source, records: Records, released: ReleasedColumns
) -> dict[str, tuple[str, int]]:
    """Write each split's table; its SHA-256 and its bytes."""
    written, people = {}, people_of(source)
    for split in records.table["split"].unique():
        path = folder / "data" / split / "metadata.csv"
        path.write_text(to_csv(records.metadata(split, people, released.table)), encoding="utf-8")
        written[str(split)] = (sha256(path), path.stat().st_size)
    return written


def _facts(
    source: Source, records: Records, released: ReleasedColumns, chosen: PublishOptions
) -> Facts:
    beside = source.folder / EVALUATION
    measured = chosen.evaluation or (beside if beside.is_file() else None)
    evaluation = measured and read_json(measured, "evaluation")
    return Facts(
        layout=chosen.layout,
        picture_format=chosen.picture_format,
        picture_size=len(read_pixels(source.surrogate(0))),
        table=records.table,
        columns=released,
        evaluation=evaluation,
        earlier_releases=len(chosen.previous),
        files={},
        checksums_sha256="",
        command=_command(source, chosen),
    )


def _command(source: Source, chosen: PublishOptions) -> str:
    """The commands without names of files, which could name people."""
    parts = [f"python -m anonfaces.publish CONDENSED --layout {chosen.layout}"]
    if chosen.picture_format != "png":
        parts.append(f"--format {chosen.picture_format}")
    shares = ",".join(f"{chosen.shares.get(name, 0):g}" for name in SHARES)
    parts += [f"--splits {shares}"] if dict(chosen.shares) != SHARES else []
    parts += [f"--column {name}" for name in chosen.columns or ()]
    parts += ["--no-columns"] if chosen.columns is not None and not chosen.columns else []
    parts += ["--previous KEY"] * len(chosen.previous)
    return f"{source.summary.command}; {' '.join(parts)}"


def _files(sizes: Mapping[str, int], digest: str) -> dict[str, Any]:
    return {"count": len(sizes), "bytes": sum(sizes.values()), "checksums_sha256": digest}


def _sweep(folder: Path, wanted: set[str]) -> None:
    """Remove pictures that a killed run with other options left."""
    for name in release_files(folder) - wanted - {CARD, CITATION, CROISSANT}:
        (folder / name).unlink()
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


def _digests(folder: Path) -> dict[str, str]:
    names = sorted(release_files(folder))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(names, pool.map(lambda n: sha256(folder / n), names), strict=True))


def _key(folder: Path, source: Source, records: Records, digests: Mapping[str, str]) -> ReleaseKey:
    members, table = source.members, records.table
    first = table.drop_duplicates("group")
    return ReleaseKey(
        certificate_sha256=sha256(folder / CERTIFICATE),
        identity=source.summary.identity,
        members=pd.DataFrame(
            {
                "group": [records.group_name[number] for number in members["group"]],
                "identity": members["identity"],
            }
        ),
        records=table[["path", "group", "source"]],
        pictures=dict(zip(first["group"], first["path"].map(digests), strict=True)),
    )


def _verified(
    folder: Path,
    key: ReleaseKey,
    source: Source,
    faces: Path | str | None,
    chosen: PublishOptions,
    progress: bool,
    workers: DaskWorkers | None,
) -> tuple[Outcome, ...]:
    """What the checks say before anything is released; GuaranteeError where one fails."""
    from anonfaces.publish.checks import Release, run_checks
    from anonfaces.publish.checks.registry import FAILED

    there = Path(faces) if faces is not None else find_file(source.folder, "faces.h5")
    release = Release(
        folder=folder,
        key=key,
        originals=there if there.is_file() else None,
        public_key=None if chosen.signing_key is None else public_key(chosen.signing_key),
        progress=progress,
        workers=workers,
    )
    outcomes = tuple(run_checks(release))
    failed = [f"{one.name}: {one.message}" for one in outcomes if one.status == FAILED]
    if failed:
        raise GuaranteeError(f"nothing was released, as a check failed: {'; '.join(failed)}")
    return outcomes


def _certificate(place: Place) -> dict[str, Any]:
    document: dict[str, Any] = read_json(place.output / CERTIFICATE, "certificate")
    return document
