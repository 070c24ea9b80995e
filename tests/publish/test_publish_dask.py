"""A release by workers: the same to the byte, by tasks here and by real ones, one killed."""

from __future__ import annotations

from pathlib import Path

import pytest
from release_data import contents
from support import InlineWorkers, dask_losing_a_worker, run_command

from anonbase.dask_workers import DaskWorkers
from anonfaces.publish import Published, PublishOptions, Sealer, pictures, publish
from anonfaces.publish.checks import originals
from anonfaces.publish.checks import pictures as look


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_GROUPS_A_TASK", 2)
    monkeypatch.setattr(look, "_PICTURES_A_TASK", 5)
    monkeypatch.setattr(originals, "_FACES_A_TASK", 20)


@pytest.mark.parametrize("layout", ["condensed", "per-image"])
def test_a_release_by_workers_is_the_same_to_the_byte(
    layout: str,
    condensed: Path,
    sealer: Sealer,
    made: dict[str, Published],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers, asked = InlineWorkers(), PublishOptions(layout=layout)
    monkeypatch.setattr("anonbase.dask_workers.connected", workers.connected)
    done = publish(condensed, tmp_path / "r", sealer, options=asked, scheduler="local")
    assert contents(done.folder) == contents(made[layout].folder)
    assert done.outcomes == made[layout].outcomes
    kinds = [name.split("-")[0] for name in workers.done]
    assert min(kinds.count(kind) for kind in ("write", "pictures", "compare")) >= 3


def test_an_original_among_the_pictures_is_found_by_workers(
    condensed: Path, made: dict[str, Published]
) -> None:
    from encoders import FaceSet

    faces = condensed / "owner" / "faces.h5"
    last = FaceSet.read(faces).chips()[-1]
    own = originals.hashed([last, last[::-1].copy()])
    release = originals.Release(
        folder=made["condensed"].folder, originals=faces, workers=InlineWorkers()
    )
    parts = list(originals._compared(release, own))
    assert len(parts) > 1
    assert [one.same.tolist() for one in parts].count([True, False]) == 1
    assert min(int(one.bits[0]) for one in parts) == 0


def test_a_killed_worker_changes_no_byte_of_a_release(
    condensed: Path,
    sealer: Sealer,
    made: dict[str, Published],
    tmp_path: Path,
) -> None:
    pytest.importorskip("distributed", reason="pip install -e '.[distributed]'")
    with dask_losing_a_worker(tmp_path / "dask", DaskWorkers, "run") as (address, ended):
        done = publish(condensed, tmp_path / "r", sealer, scheduler=address)
    assert len(ended) >= 9
    assert contents(done.folder) == contents(made["condensed"].folder)


def test_where_nobody_answers_nothing_is_released(condensed: Path, tmp_path: Path) -> None:
    words = (condensed, "-o", "r", "--no-key", "--scheduler", "nonsense")
    done = run_command("anonfaces.publish", *words, cwd=tmp_path)
    assert done.code == 2
    assert "nonsense is no address of a Dask scheduler" in done.err
    assert list(tmp_path.iterdir()) == []
