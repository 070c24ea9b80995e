"""The plan for many more faces: what grows, what stays."""

from __future__ import annotations

import numpy as np
import pytest

from anonbase.errors import PrivacyWarning
from anonfaces.cluster.scale import Job, ScaledGroups, group_file, open_rows, plan
from benchmarks.faces import face_like


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> ScaledGroups:
    folder = tmp_path_factory.mktemp("plan")
    np.save(folder / "a.npy", face_like(500, 8))
    job = Job(str(folder / "a.npy"), None, False, 8, 5, 0, "fast", 2, str(folder))
    with pytest.warns(PrivacyWarning):
        return group_file(open_rows(folder / "a.npy"), job, region=100)


def test_a_plan_for_as_many_faces_is_what_was_measured(measured: ScaledGroups) -> None:
    made = plan(measured, 500, 8, region=100)
    assert [step.stage for step in made.steps] == ["look", "partition", "deal", "group", "group 1"]
    for step in made.steps:
        spent = measured.spent[step.stage]
        assert step.tasks == spent.tasks
        assert step.core_hours == pytest.approx(spent.seconds / 3600)
        assert step.memory == spent.memory > 1e6


def test_tasks_and_hours_grow_and_the_memory_of_a_task_does_not(measured: ScaledGroups) -> None:
    small, large = (plan(measured, n, 8, region=65_536) for n in (1_000_000, 100_000_000))
    by_stage = {step.stage: step for step in large.steps}
    assert by_stage["look"].tasks == 763
    assert by_stage["group"].tasks == by_stage["group 1"].tasks == 1526
    for before, after in zip(small.steps, large.steps, strict=True):
        assert after.memory == before.memory
        assert after.core_hours > before.core_hours
    assert large.steps[3].core_hours == pytest.approx(100 * small.steps[3].core_hours)
    assert large.hours(1000) < large.hours(10) < small.hours(1) * 1000
    assert large.disk == 2 * 100_000_000 * (4 * 8 + 8 * 4)


def test_the_loss_to_expect_is_the_measured_one_and_that_of_more_borders(
    measured: ScaledGroups,
) -> None:
    loss = measured.information_loss
    assert plan(measured, 500, 8, region=100).information_loss == pytest.approx(loss)
    assert plan(measured, 500, 8, region=500).information_loss < loss * 1.001
    many = plan(measured, 1_000_000, 8, region=500).information_loss
    assert loss < many <= loss * 1.03
