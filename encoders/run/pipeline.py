"""From a folder of photographs to a FaceSet: workers examine, this process embeds and writes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from anonbase.cores import count_cores
from anonbase.dask_workers import DaskTask, connected, package_versions
from anonbase.errors import InputError, OutputError
from anonbase.text import pluralize
from encoders.detect import check_detector
from encoders.embed import Embedder, load_embedder
from encoders.embed.pca import PcaEmbedder, fit_pca
from encoders.faceset import FaceSet
from encoders.faceset_file import is_faceset, write_faceset
from encoders.identity import Identities, find_identities
from encoders.photographs.path_escape import escape
from encoders.photographs.reading import MAX_PIXELS, UnreadableImageError, read_bytes
from encoders.photographs.remote import PhotographRoot, address_of, hide_secrets, photograph_root
from encoders.photographs.walk import Photograph, ScanResult, find_photographs
from encoders.run.blocks import BlockJob, encode_blocks, examine_blocks
from encoders.run.checkpoints import load_part, part_name
from encoders.run.embedding_stage import EmbeddingStage
from encoders.run.examine import MAIN_FACE, ExaminationOptions
from encoders.run.merge import Merged, merge, table_rows
from encoders.run.workplace import Workplace, check_output

__all__ = ["encode"]

_PHOTOGRAPHS_A_PART = 32
_BYTES_A_PART = 16 * 2**20
#: Parts of one Dask task: some ten seconds of a core, beside which its start is short.
_BLOCKS_A_TASK = 8


@dataclass(frozen=True)
class _RunConfig:
    """Everything besides the photographs that the stored values depend on."""

    extractor: str
    extractor_sha256: str
    alignment: str
    alignment_size: int
    detector: str
    upsample: int | None
    keep_all: bool
    chip_size: int
    max_pixels: int


def encode(
    photos: PhotographRoot | str,
    output: Path | str,
    *,
    extractor: str = "dlib",
    weights: Path | None = None,
    detector: str = "auto",
    upsample: int | None = None,
    identity: str = "auto",
    faces: Literal["all", "largest"] | None = None,
    chip_size: int = 256,
    max_pixels: int = MAX_PIXELS,
    jobs: int | None = None,
    overwrite: bool = False,
    progress: bool = True,
    command: str = "",
    scheduler: str | None = None,
) -> FaceSet:
    """Find, align and embed the faces of all photographs in a folder, and write a FaceSet.

    A run that was killed at any moment goes on when the same call is made again. Over a finished
    output, it looks only at new and changed photographs, and drops those that are gone.

    Parameters
    ----------
    photos : path or str
        The folder of photographs, or an address that fsspec reads (``s3://bucket/photos``).
    output : path
        The FaceSet to write, ``*.h5``.
    extractor : str
        The embedder, one of ``encoders.embed.EMBEDDERS``. "pca" without ``weights`` is fitted on
        these photographs and kept beside ``output`` as ``*.pca.h5``.
    weights : path, optional
        The weights of the extractor, if not its own.
    detector : str
        "auto" (dlib HOG, then MTCNN where that found nothing), or what
        ``encoders.detect.load_detector`` takes, such as "cnn" or "hog+cnn+mtcnn".
    upsample : int, optional
        How often dlib's detectors double a photograph first. None: by its size.
    identity : str
        Where names come from, see ``encoders.identity.find_identities``.
    faces : {"all", "largest"}, optional
        "largest" keeps one face a photograph, the one that has most of it and of its middle, and
        lists the others as bystanders. "all" keeps all; only that one gets the photograph's
        identity. None: "largest" if identities are known, else "all".
    chip_size : int
        Side of the stored chips in pixels.
    max_pixels : int
        Larger photographs are not decoded, and the ledger says so.
    jobs : int, optional
        Worker processes. None: one a core.
    overwrite : bool
        Replace an output, or an unfinished run, that was made with other options.
    progress : bool
        Show a bar and a few lines.
    command : str
        What the user typed; the file keeps it.
    scheduler : str, optional
        Who examines and embeds: the address of a Dask scheduler (``tcp://host:8786``), or
        ``local``; None: processes of this machine. Photographs, weights and the folder of
        ``output`` lie where all workers see them under the same name; the file is the same.

    Returns
    -------
    FaceSet
        The faces, as they lie in ``output``.

    Raises
    ------
    InputError
        There is no photograph, an option cannot be used, or what is there was made with others.
    OutputError
        The output is no FaceSet, or cannot be written.
    WeightsError
        The embedder's weights are missing or damaged.

    Examples
    --------
    >>> faces = encode("photos/", "faces.h5")  # needs photographs  # doctest: +SKIP
    """
    root, output = photograph_root(photos), Path(output)
    _check_options(detector, upsample, faces, chip_size, max_pixels, jobs, scheduler)
    _check_replaceable(output)
    walk = find_photographs(root)
    identities = find_identities(identity, [p.path for p in walk.photographs], root)
    keep_all = faces == "all" or (faces is None and identities.source == "none")
    embedder: Embedder | None = None
    if extractor != "pca" or weights is not None:
        embedder = load_embedder(extractor, weights)
    eats = embedder or PcaEmbedder
    recipe = _RunConfig(
        extractor, embedder.sha256 if embedder else "fitted on these photographs",
        eats.alignment, eats.chip_size, detector, upsample, keep_all, chip_size, max_pixels,
    )  # fmt: skip
    meta = _meta(recipe, identities, command, root)
    run = _Run(
        root=root.absolute(), output=output, walk=walk, recipe=recipe, embedder=embedder,
        jobs=jobs or count_cores(), progress=progress, weights=weights, scheduler=scheduler,
    )  # fmt: skip
    return run.go(identities, meta, overwrite)


@dataclass(frozen=True, kw_only=True)
class _Run:
    """One run over one folder of photographs."""

    root: PhotographRoot
    output: Path
    walk: ScanResult
    recipe: _RunConfig
    embedder: Embedder | None  # None: PCA, fitted when all faces are found
    jobs: int
    progress: bool
    weights: Path | None
    scheduler: str | None

    def go(self, identities: Identities, meta: dict[str, Any], overwrite: bool) -> FaceSet:
        """Do what is left to do, and write the output if anything in it is new."""
        old = self._old(overwrite)
        with Workplace(self.output, asdict(self.recipe), overwrite) as place:
            todo = self._todo(old, place)
            if done := len(self.walk.photographs) - len(todo):
                message = pluralize(done, "photograph is", "photographs are")
                self._say(f"{message} done already, {len(todo)} to go")
            self._examine(todo, place)
            merged = merge(self.walk, old, place.done(), identities, meta)
            if self.embedder is None and old is None:
                merged = self._fitted(merged)
            if old is None or _differ(merged.faces, old):
                self._write(merged, place)
            else:
                self._say("nothing is new: the faces are those of the earlier run")
            place.remove()
        return FaceSet.read(self.output)

    def _old(self, overwrite: bool) -> FaceSet | None:
        """The output of an earlier run, if this run can build on it."""
        if not self.output.exists():
            return None
        old = FaceSet.read(self.output)
        recipe = json.loads(old.meta.get("recipe", "{}"))
        if not overwrite:
            check_output(self.output, recipe, asdict(self.recipe))
        if recipe != asdict(self.recipe):
            return None
        old = self._refreshed(old)
        if self.embedder is None and not self._covers(old):
            self._say("the components are fitted on all photographs, so all are examined again")
            return None
        return old

    def _covers(self, old: FaceSet) -> bool:
        columns = (old.ledger[name] for name in ("path", "size", "mtime_ns"))
        seen = {Photograph(*row) for row in zip(*columns, strict=True)}
        refused = {Photograph(refused.path, 0, 0) for refused in self.walk.refused}
        return seen - refused == set(self.walk.photographs)

    def _fitted(self, merged: Merged) -> Merged:
        """Fit the principal components on all chips, keep them beside the output, use them."""
        fitted = fit_pca(merged.aligned())
        fitted.save(self.output.with_suffix(".pca.h5"))
        vectors = np.concatenate([fitted(chips) for chips in merged.aligned()])
        meta = {**merged.faces.meta, "extractor_sha256": fitted.sha256}
        return replace(merged, faces=replace(merged.faces, embedding=vectors, meta=meta))

    def _refreshed(self, old: FaceSet) -> FaceSet:
        """The old output, with the present time on photographs whose bytes are the same."""
        now = {p.path: p for p in self.walk.photographs}
        ledger = old.ledger.copy()
        for row in ledger.itertuples():
            photograph = now.get(str(row.path))
            if photograph and photograph.mtime_ns != row.mtime_ns and self._same(photograph, row):
                ledger.loc[row.Index, "mtime_ns"] = photograph.mtime_ns
        return replace(old, ledger=ledger[ledger["sha256"] != ""])

    def _same(self, photograph: Photograph, row: Any) -> bool:
        try:
            return photograph.size == row.size and (
                read_bytes(self.root, photograph.path)[1] == row.sha256
            )
        except UnreadableImageError:
            return False

    def _todo(self, old: FaceSet | None, place: Workplace) -> list[Photograph]:
        rows = [] if old is None else table_rows(old.ledger)
        for path in [*place.found(), *place.done()]:
            part = load_part(path, without_chips=True)
            rows += part.ledger if part else _forget(path)
        known = {(row["path"], row["size"], row["mtime_ns"]) for row in rows}
        return [p for p in self.walk.photographs if (p.path, p.size, p.mtime_ns) not in known]

    def _examine(self, todo: list[Photograph], place: Workplace) -> None:
        """Have ``todo`` examined by workers; finish what they, or an earlier run, found."""
        stage = EmbeddingStage(self.embedder, self._options())
        for path in place.found():
            stage.add(path)
        blocks = _blocks(todo)
        with self._bar(len(todo)) as bar:
            if self.scheduler is None:
                examine_blocks(blocks, place.folder, self._options(), stage, self.jobs, bar.update)
                return
            stage.finish()
            for photographs in self._by_dask(blocks, place) if blocks else ():
                bar.update(photographs)

    def _by_dask(self, blocks: Sequence[list[Photograph]], place: Workplace) -> Iterator[int]:
        """Numbers of photographs, as tasks end."""
        job = BlockJob(
            options=self._options(),
            folder=str(place.folder),
            extractor=None if self.embedder is None else self.recipe.extractor,
            weights=None if self.weights is None else self.weights.absolute(),
            sha256=self.recipe.extractor_sha256,
            versions=package_versions(),
        )
        some = [blocks[i : i + _BLOCKS_A_TASK] for i in range(0, len(blocks), _BLOCKS_A_TASK)]
        tasks = [DaskTask(f"encode-{part_name(own[0])}", (job, own)) for own in some]
        with connected(str(self.scheduler)) as workers:
            for _, photographs in workers.run(encode_blocks, tasks):
                yield photographs

    def _options(self) -> ExaminationOptions:
        recipe = self.recipe
        return ExaminationOptions(
            root=address_of(self.root),
            detector=self._of_workers(),
            upsample=recipe.upsample,
            again=recipe.detector == "auto" or self._of_workers() is None,
            keep_all=recipe.keep_all,
            max_pixels=recipe.max_pixels,
            chip_size=recipe.chip_size,
            alignment=recipe.alignment,
            alignment_size=recipe.alignment_size,
            second="mtcnn" if recipe.detector == "auto" else recipe.detector,
        )

    def _of_workers(self) -> str | None:
        """The detector of the workers; None where it needs TensorFlow, which runs here."""
        recipe = self.recipe
        if recipe.detector == "auto":
            return "hog" if recipe.keep_all or recipe.upsample is not None else MAIN_FACE
        here = any(name in recipe.detector for name in ("mtcnn", "cnn"))
        return None if here else recipe.detector

    def _write(self, merged: Merged, place: Workplace) -> None:
        # In the workplace first, so that a kill leaves nothing beside the output.
        whole = place.folder / "faces.h5"
        write_faceset(whole, merged.faces, merged.packed_chips())
        whole.replace(self.output)

    def _bar(self, total: int) -> Any:
        from tqdm import tqdm

        return tqdm(total=total, unit=" photographs", disable=not (self.progress and total))

    def _say(self, text: str) -> None:
        if self.progress:
            print(text, file=sys.stderr)


def _check_options(
    detector: str,
    upsample: int | None,
    faces: str | None,
    chip_size: int,
    max_pixels: int,
    jobs: int | None,
    scheduler: str | None,
) -> None:
    choices = {
        f"faces {faces!r}: all or largest": faces in ("all", "largest", None),
        f"upsample {upsample}: 0 to 4": upsample is None or 0 <= upsample <= 4,
        f"chip_size {chip_size}: 32 to 1024 px": 32 <= chip_size <= 1024,
        f"max_pixels {max_pixels}: at least 1": max_pixels >= 1,
        f"jobs {jobs}: at least 1": jobs is None or jobs >= 1,
        f"jobs {jobs} beside a scheduler: none": jobs is None or scheduler is None,
    }
    if detector != "auto":
        check_detector(detector)
    wrong = [message for message, right in choices.items() if not right]
    if wrong:
        raise InputError(f"{wrong[0]} is expected")


def _check_replaceable(output: Path) -> None:
    if output.exists() and not is_faceset(output):
        raise OutputError(f"{output} is not a FaceSet and is not replaced: choose another output")
    if not output.absolute().parent.is_dir():
        raise OutputError(f"{output.absolute().parent}: no such folder to write {output.name} in")


def _meta(
    recipe: _RunConfig, identities: Identities, command: str, root: PhotographRoot
) -> dict[str, Any]:
    return {
        "extractor": recipe.extractor,
        "extractor_sha256": recipe.extractor_sha256,
        "alignment": recipe.alignment,
        "chip_alignment": f"ffhq-68-{recipe.chip_size}",
        "chip_size": recipe.chip_size,
        "detector": recipe.detector,
        "faces": "all" if recipe.keep_all else "largest",
        "identity": identities.source,
        "root": escape(str(root)),
        "command": escape(hide_secrets(command)),
        "recipe": json.dumps(asdict(recipe), sort_keys=True),
    }


def _blocks(photographs: Sequence[Photograph]) -> list[list[Photograph]]:
    """Photographs in order, some dozens or some megabytes at a time."""
    blocks: list[list[Photograph]] = []
    size = 0
    for photograph in photographs:
        size += photograph.size
        if not blocks or len(blocks[-1]) == _PHOTOGRAPHS_A_PART or size > _BYTES_A_PART:
            blocks.append([])
            size = photograph.size
        blocks[-1].append(photograph)
    return blocks


def _forget(path: Path) -> list[dict[str, Any]]:
    path.unlink()
    return []


def _differ(new: FaceSet, old: FaceSet) -> bool:
    """Whether anything but the command differs; chips follow from the photographs."""
    fields = ("embedding", "image", "box", "landmark", "identity", "quality")
    same = all(np.array_equal(getattr(new, name), getattr(old, name)) for name in fields)
    same = same and new.attribute.keys() == old.attribute.keys()
    same = same and all(_equal(new.attribute[n], old.attribute[n]) for n in new.attribute)
    tables = new.ledger.reset_index(drop=True).equals(old.ledger.reset_index(drop=True))
    return not (same and tables and new.meta["identity"] == old.meta.get("identity"))


def _equal(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=one.dtype.kind == other.dtype.kind == "f")
