"""A real scheduler and two real worker processes on loopback, one of which is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from support import Cluster, dask_cluster, run_command, wait_until

from anonbase.errors import GuaranteeError, InputError
from anonfaces.cluster.scale import Job, ScaledGroups, connected, group_file, open_rows
from anonfaces.condensation.at_scale import condense_at_scale
from benchmarks.faces import face_like

pytest.importorskip("distributed", reason="pip install -e '.[distributed]'")

FACES = face_like(2400, 8)
WHO = [f"p{i % 1000}" for i in range(2400)]
REGION = 150


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as made:
        yield made


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faces") / "faces.parquet"
    frame = pd.DataFrame(FACES, columns=[f"e{i}" for i in range(8)])
    frame.assign(identity=WHO).to_parquet(path, index=False, row_group_size=500)
    return path


@pytest.fixture(scope="module")
def undisturbed(faces: Path) -> ScaledGroups:
    return group_file(open_rows(faces), job(faces, "here"), region=REGION)


def job(faces: Path, name: str) -> Job:
    scratch = faces.parent / name
    scratch.mkdir()
    return Job(str(faces), None, True, 8, 5, 0, "fast", 2, str(scratch))


def test_a_killed_worker_changes_nothing(
    cluster: Cluster, faces: Path, undisturbed: ScaledGroups
) -> None:
    lost = cluster.workers[0]

    def kill(stage: str, done: int, total: int) -> None:
        if stage == "group" and done == 2 and lost.poll() is None:
            assert total > 4
            lost.send_signal(signal.SIGKILL)
            lost.wait()

    with connected(cluster.address) as workers:
        found = group_file(
            open_rows(faces), job(faces, "killed"), workers, region=REGION, progress=kill
        )
    assert lost.returncode == -signal.SIGKILL
    assert cluster.workers[1].poll() is None
    found.verify()
    np.testing.assert_array_equal(found.labels, undisturbed.labels)
    assert found.information_loss == undisturbed.information_loss


def test_the_command_interrupted_goes_on_to_the_same_groups_and_leaves_nothing_else(
    cluster: Cluster, faces: Path, undisturbed: ScaledGroups, tmp_path: Path
) -> None:
    output, scratch = tmp_path / "condensed", tmp_path / ".condensed.scratch"
    command = [sys.executable, "-m", "anonfaces.cluster", str(faces), "--k", "5", "-o", str(output)]
    command += ["--scheduler", cluster.address, "--region", str(REGION), "--effort", "fast"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: list(scratch.glob("*/group-*.report.npz")) or first.poll() is not None)
    first.send_signal(signal.SIGINT)
    assert "the same command to go on" in first.communicate()[1]
    assert first.returncode == 130
    assert [path.name for path in tmp_path.iterdir()] == [scratch.name]

    done = run_command("anonfaces.cluster", *command[3:], cwd=tmp_path)
    assert done.code == 0, done.err
    assert "of at least 5 people" in done.out
    table = pd.read_parquet(output / "owner" / "groups.parquet")
    assert table["row"].tolist() == list(range(2400))
    number = {*zip(undisturbed.labels.tolist(), table["group"].tolist(), strict=True)}
    assert len(number) == len(undisturbed.people)  # the same groups under other numbers
    renumbered = np.array([new for _, new in sorted(number)])
    assert sorted(renumbered) == list(range(len(renumbered)))
    assert list(renumbered) != sorted(renumbered)
    condensed = pd.read_csv(output / "condensed.csv")
    np.testing.assert_array_equal(condensed["people"][renumbered], undisturbed.people)
    with h5py.File(output / "owner" / "centroids.h5") as file:
        centroids = file["centroid"][:]
    for numbers, centres in undisturbed.centroids():
        np.testing.assert_array_equal(centroids[renumbered[numbers]], centres)
    assert [path.name for path in tmp_path.iterdir()] == ["condensed"]
    assert {path.name for path in output.iterdir()} == {
        *("condensed.csv", "owner", "report.html", "summary.json")
    }


def test_nobody_at_the_address_is_said_and_not_waited_for() -> None:
    message = "no Dask scheduler answers at tcp://127.0.0.1:9"
    with pytest.raises(InputError, match=message), connected("tcp://127.0.0.1:9"):
        pass


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"identity": "regex:(.*)"}, "column:NAME or none"),
        ({"identity": "column:who"}, "no column 'who'"),
        ({"scheduler": "nonsense"}, "nonsense is no address of a Dask scheduler"),
        ({"k": 1}, "2 or more"),
        ({"k": 2000, "effort": "no"}, "effort is fast"),
        ({"region": 3}, "region of 3 people"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_made(
    faces: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises((InputError, GuaranteeError), match=message):
        condense_at_scale(faces, output=tmp_path / "out", **{"k": 5} | options)
    assert not list(tmp_path.iterdir())


def test_an_option_that_would_not_be_heeded_is_refused(faces: Path, tmp_path: Path) -> None:
    words = (faces, "-o", tmp_path / "out", "--scheduler", "local", "--method", "mdav")
    done = run_command("anonfaces.cluster", *words, cwd=tmp_path)
    assert done.code == 2
    assert "does not take --method" in done.err
    assert not list(tmp_path.iterdir())
