"""What a job would take, by rates of a small sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import run_command

from anonbase.errors import GuaranteeError, InputError
from anonfaces.condensation.options import EncodingOptions
from anonfaces.condensation.planning import JobPlan, StagePlan, _each, plan_job
from benchmarks.faces import face_like

#: Without TensorFlow.
QUICK = EncodingOptions(extractor="dlib-reference", detector="hog")


def test_photographs_people_and_groups_are_counted_and_the_rest_is_measured(
    sample: Path, everybody: list[list[Path]]
) -> None:
    made = plan_job(
        sample, 5, identity="folder", effort="fast", surrogate="k-same", encoding=QUICK, sample=4
    )
    assert made.photographs == sum(map(len, everybody))
    assert (made.people, made.groups) == (len(everybody), len(everybody) // 5)
    assert [stage.name for stage in made.stages] == ["encode", "group", "surrogates"]
    encode, _, drawn = made.stages
    assert 0 < encode.core_seconds / made.photographs < 5
    assert 50_000 < encode.disk / made.photographs < 1_000_000
    assert 10_000 < drawn.disk / made.groups < 200_000  # bytes of a PNG of 256 px
    assert made.disk == sum(stage.disk for stage in made.stages)
    assert made.information_loss is None


@pytest.mark.parametrize(
    ("few", "many", "each"),
    [
        (3.0, 5.0, 0.1),  # the start takes 2.8 s
        (5.0, 4.4, 0.2),  # the machine was busy with the first: all of the second, start included
        (5.0, 5.0, 5 / 22),
    ],
)
def test_one_more_takes_the_difference_and_never_nothing(
    few: float, many: float, each: float
) -> None:
    assert _each(few, many, 2, 22) == pytest.approx(each)
    assert _each(few, many, 22, 22) == pytest.approx(many / 22)


def test_a_file_of_vectors_is_planned_with_the_loss_to_expect(tmp_path: Path) -> None:
    from anonfaces.cluster import group

    vectors = face_like(400, 8)
    np.save(tmp_path / "v.npy", vectors)
    made = plan_job(tmp_path / "v.npy", 5, effort="fast")
    assert (made.faces, made.people, made.groups) == (400, 400, 80)
    loss = group(vectors, 5, np.arange(400), effort="fast").information_loss
    assert made.information_loss == pytest.approx(loss, rel=0.1)
    done = run_command("anonfaces", "plan", "v.npy", "--effort", "fast", cwd=tmp_path)
    assert done.code == 0, done.err
    assert "400 faces of 400 people, 80 groups" in done.out
    assert "core-hours" in done.out
    assert [path.name for path in tmp_path.iterdir()] == ["v.npy"]


def test_a_stage_takes_whole_tasks() -> None:
    stages = (
        StagePlan(name="a", tasks=10, core_seconds=3600, memory=1, disk=2),
        StagePlan(name="b", tasks=1, core_seconds=3600, memory=1, disk=3),
    )
    made = JobPlan(measured="", photographs=0, faces=9, people=9, groups=1, stages=stages)
    assert (made.core_hours, made.disk) == (2, 5)
    assert made.hours(1) == pytest.approx(2)
    assert made.hours(4) == pytest.approx(1.3)  # three rounds of a tenth of an hour, and one hour
    assert made.hours(100) == pytest.approx(1.1)


def test_what_cannot_be_condensed_cannot_be_planned(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", face_like(3, 8))
    with pytest.raises(InputError, match="needs at least 5 people, and there are 3"):
        plan_job(tmp_path / "v.npy", 5)
    with pytest.raises(InputError, match="no such file"):
        plan_job(tmp_path / "gone", 5)
    with pytest.raises(GuaranteeError):
        plan_job(tmp_path / "v.npy", 1)
    with pytest.raises(InputError, match="no surrogate method 'blur'"):
        plan_job(tmp_path / "v.npy", 2, surrogate="blur")
