"""Blocks of photographs, from files to finished parts: the work of a run, wherever it is done.

A run on one machine does all its blocks by as many processes as it has cores. On many machines a
Dask task does a few of them: ``encode_blocks``. Photographs are examined in a process of their own
there too, so that a file that crashes a decoder costs no worker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from anonbase.dask_workers import check_surroundings
from anonbase.errors import WeightsError
from anonbase.worker_pool import WorkerPool
from encoders.embed import Embedder, load_embedder
from encoders.photographs.remote import photograph_root
from encoders.photographs.walk import Photograph
from encoders.run.checkpoints import DETECTED, EMBEDDED, load_part, make_part, part_name
from encoders.run.embedding_stage import EmbeddingStage
from encoders.run.examine import ExaminationOptions, ExaminedPhotograph
from encoders.run.worker import PROGRAM

__all__ = ["BlockJob", "encode_blocks", "examine_blocks"]

Block = Sequence[Photograph]
_CRASHED = "the decoder or the detector crashed on it, or memory ran out"


def examine_blocks(
    blocks: Sequence[Block],
    folder: Path,
    options: ExaminationOptions,
    stage: EmbeddingStage,
    jobs: int,
    finished: Callable[[int], object] = lambda photographs: None,
) -> None:
    """Have ``blocks`` examined by ``jobs`` processes; ``stage`` takes in the part of each.

    ``finished`` is told of photographs that are done. A block of which a process died is halved
    until it is one photograph, which is called unreadable.
    """
    with WorkerPool(jobs, PROGRAM) as pool:
        left = _hand_out(pool, blocks, folder, options)
        while left:
            task, answer = pool.next_result()
            photographs = [Photograph(*values) for values in task["photographs"]]
            if answer is None and len(photographs) > 1:
                half = len(photographs) // 2
                halves = [photographs[:half], photographs[half:]]
                left += _hand_out(pool, halves, folder, options) - 1
                continue
            if answer is None:
                crashed = ExaminedPhotograph(photographs[0], "", "unreadable", _CRASHED)
                make_part([crashed], options.alignment_size).save(Path(task["part"]))
            stage.add(Path(task["part"]))
            finished(len(photographs))
            left -= 1
        stage.finish()


def _hand_out(
    pool: WorkerPool, blocks: Sequence[Block], folder: Path, options: ExaminationOptions
) -> int:
    for block in blocks:
        part = folder / (part_name(block) + DETECTED)
        listed = [(p.path, p.size, p.mtime_ns) for p in block]
        pool.submit({"look": options.to_dict(), "photographs": listed, "part": str(part)})
    return len(blocks)


@dataclass(frozen=True, kw_only=True)
class BlockJob:
    """What every task of a run knows.

    ``folder`` takes the parts; ``extractor`` is None where vectors are made later, otherwise its
    weights are those of ``sha256``. All paths are the same on every machine.
    """

    options: ExaminationOptions
    folder: str
    extractor: str | None
    weights: Path | None
    sha256: str
    versions: dict[str, str]


def encode_blocks(job: BlockJob, blocks: Sequence[Block]) -> int:
    """Finish the parts of ``blocks`` that are not there yet; the number of photographs.

    Raises
    ------
    InputError
        This machine has other versions, or does not see the photographs or the parts.
    WeightsError
        It has other weights.
    """
    root = photograph_root(job.options.root)
    check_surroundings(job.versions, [job.folder, *([str(root)] if isinstance(root, Path) else [])])
    stage = EmbeddingStage(_embedder(job), job.options)
    folder, left = Path(job.folder), []
    for block in blocks:
        part = folder / (part_name(block) + EMBEDDED)
        if not (part.exists() and load_part(part, without_chips=True)):
            left.append(block)
    if left:
        examine_blocks(left, folder, job.options, stage, jobs=1)
    return sum(map(len, blocks))


def _embedder(job: BlockJob) -> Embedder | None:
    if job.extractor is None:
        return None
    embedder = _loaded(job.extractor, job.weights)
    if embedder.sha256 != job.sha256:
        raise WeightsError(f"a worker has other weights of {job.extractor} than the command")
    return embedder


@lru_cache(maxsize=1)
def _loaded(extractor: str, weights: Path | None) -> Embedder:
    return load_embedder(extractor, weights)
