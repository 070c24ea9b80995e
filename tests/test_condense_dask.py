"""The main job by a real scheduler and two real worker processes, one of which is killed."""

from __future__ import annotations

import os
import shutil
import signal
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hdfs_server import serving
from support import dask_cluster, dask_losing_a_worker, run_command, wait_until

import anonfaces
from anonbase.errors import InputError, PrivacyWarning
from anonfaces.condensation.options import EncodingOptions
from anonfaces.condensation.resurrogate import resurrogate
from anonfaces.synthesize import SurrogateOptions, distributed
from encoders.run import pipeline

pytest.importorskip("distributed", reason="pip install -e '.[distributed]'")

#: Without TensorFlow, which each worker would load.
QUICK: dict[str, Any] = {
    "encoding": EncodingOptions(extractor="dlib-reference", detector="hog"),
    "surrogate": "k-same",
    "identity": "folder",
    "method": "random",  # nothing is compiled for it
}


@pytest.fixture(scope="module")
def people(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("spread") / "people"
    for pictures in everybody[:8]:
        shutil.copytree(pictures[0].parent, root / pictures[0].parent.name)
    (root / "text.jpg").write_text("no picture")
    return root


@pytest.fixture(scope="module")
def key(people: Path) -> Path:
    path = people.with_name("secret.key")
    path.write_bytes(bytes(range(32)))
    return path


@pytest.fixture(scope="module")
def here(people: Path, key: Path) -> Path:
    """The condensed dataset of a run without Dask."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        anonfaces.condense(people, 2, people.with_name("here"), key=key, **QUICK)
    return people.with_name("here")


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.filterwarnings("ignore::anonbase.errors.PrivacyWarning")
def test_a_killed_worker_changes_no_byte(
    people: Path, key: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "_PHOTOGRAPHS_A_PART", 2)
    monkeypatch.setattr(pipeline, "_BLOCKS_A_TASK", 2)
    monkeypatch.setattr(distributed, "_AT_ONCE", 1)
    with dask_losing_a_worker(tmp_path / "dask", pipeline._Run, "_by_dask") as (address, ended):
        anonfaces.condense(people, 2, tmp_path / "there", key=key, scheduler=address, **QUICK)
    assert len(ended) >= 4
    assert_same(here, tmp_path / "there")


def assert_same(here: Path, there: Path) -> None:
    one, other = content(here), content(there)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def when_told(place: Path) -> Callable[..., Any]:
    """Draws groups in a worker: it says that a task has begun, and waits for a file ``go``."""

    def draw(job: distributed.DrawJob, groups: list[Any]) -> Any:
        (place / str(os.getpid())).touch()
        while not (place / "go").exists():
            time.sleep(0.01)
        return distributed.draw_groups(job, groups)

    return draw  # a function within one travels whole: workers cannot import this file


@pytest.mark.filterwarnings("ignore::anonbase.errors.PrivacyWarning")
def test_a_worker_killed_while_it_draws_changes_no_byte(
    here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("alone", "spread"):
        shutil.copytree(here, tmp_path / name)
    for name in ("begun", "dask"):
        (tmp_path / name).mkdir()
    resurrogate(tmp_path / "alone", "k-same-eigen")
    monkeypatch.setattr(distributed, "_AT_ONCE", 1)
    with dask_cluster(tmp_path / "dask") as cluster:
        lost = cluster.workers[0]

        def kill() -> None:
            wait_until((tmp_path / "begun" / str(lost.pid)).exists)
            lost.kill()
            lost.wait()
            (tmp_path / "begun" / "go").touch()

        with ThreadPoolExecutor(1) as pool:
            killed = pool.submit(kill)
            monkeypatch.setattr(distributed, "draw_groups", when_told(tmp_path / "begun"))
            resurrogate(tmp_path / "spread", "k-same-eigen", scheduler=cluster.address)
            killed.result()
        assert lost.returncode == -signal.SIGKILL
        assert cluster.workers[1].poll() is None
    assert_same(tmp_path / "alone", tmp_path / "spread")


@pytest.mark.filterwarnings("ignore::anonbase.errors.PrivacyWarning")
def test_workers_read_photographs_at_an_address(
    people: Path, key: Path, here: Path, tmp_path: Path
) -> None:
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask") as cluster, serving(people) as server:
        address = server.address(user="ada:open-sesame")
        anonfaces.condense(
            address, 2, tmp_path / "there", key=key, scheduler=cluster.address, **QUICK
        )
        assert len(set(server.opened)) == len(server.opened) > 8
    one, other = content(here), content(tmp_path / "there")
    assert one.keys() == other.keys()
    # which holds the root and, to the nanosecond, the times of the photographs
    assert [name for name in one if one[name] != other[name]] == ["owner/faces.h5"]
    assert not [name for name in other if b"sesame" in other[name]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scheduler", "local", "--jobs", "2"], "none is expected"),
        (["--scheduler", "local", "--region", "200"], "--region is of embeddings"),
        (["--scheduler", "nonsense"], "nonsense is no address of a Dask scheduler"),
    ],
)
def test_what_workers_cannot_heed_is_refused(
    words: list[str], message: str, people: Path, tmp_path: Path
) -> None:
    quick = ("--extractor", "dlib-reference", "--detector", "hog", "--surrogate", "k-same")
    done = run_command("anonfaces.cluster", people, "-o", "out", *words, *quick, cwd=tmp_path)
    assert done.code == 2
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_a_method_that_looks_at_all_groups_at_once_is_not_spread() -> None:
    with pytest.raises(InputError, match="--per dataset looks at all groups"):
        distributed.DrawJob(
            name="stylegan-weighted", options=SurrogateOptions(per="dataset"), folder="", faces="",
            fingerprint="", versions={},
        )  # fmt: skip
