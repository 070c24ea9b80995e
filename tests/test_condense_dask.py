"""The main job by a real scheduler and two real worker processes, one of which is killed."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import dask_cluster, run_command

import anonfaces
from anonbase.errors import InputError
from anonfaces.condensation.options import EncodingOptions
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


@pytest.fixture
def people(everybody: list[list[Path]], tmp_path: Path) -> Path:
    root = tmp_path / "people"
    for pictures in everybody[:8]:
        shutil.copytree(pictures[0].parent, root / pictures[0].parent.name)
    (root / "text.jpg").write_text("no picture")
    return root


def content(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.mark.filterwarnings("ignore::anonbase.errors.PrivacyWarning")
def test_a_killed_worker_changes_no_byte(
    people: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "secret.key"
    key.write_bytes(bytes(range(32)))
    anonfaces.condense(people, 2, tmp_path / "here", key=key, **QUICK)
    monkeypatch.setattr(pipeline, "_PHOTOGRAPHS_A_PART", 2)
    monkeypatch.setattr(pipeline, "_BLOCKS_A_TASK", 2)
    monkeypatch.setattr(distributed, "_AT_ONCE", 1)
    (tmp_path / "dask").mkdir()
    with dask_cluster(tmp_path / "dask") as cluster:
        lost, whole, ended = cluster.workers[0], pipeline._Run._by_dask, []

        def killing(run: Any, *given: Any) -> Iterator[int]:
            for photographs in whole(run, *given):
                ended.append(photographs)
                if len(ended) == 1:
                    lost.send_signal(signal.SIGKILL)
                    lost.wait()
                yield photographs

        monkeypatch.setattr(pipeline._Run, "_by_dask", killing)
        anonfaces.condense(
            people, 2, tmp_path / "there", key=key, scheduler=cluster.address, **QUICK
        )
        assert lost.returncode == -signal.SIGKILL
        assert cluster.workers[1].poll() is None
    assert len(ended) >= 4
    here, there = content(tmp_path / "here"), content(tmp_path / "there")
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []


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
