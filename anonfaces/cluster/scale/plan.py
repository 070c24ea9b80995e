"""What grouping many more faces would take, from what it took for some."""

from __future__ import annotations

import math
from dataclasses import dataclass

from anonfaces.cluster.scale.record_files import face_record, person_record
from anonfaces.cluster.scale.scheduler import REGION, ScaledGroups, StageStats, cells_of

__all__ = ["Plan", "Step", "plan"]

_PIECE = 1 << 17  # faces
_CUT = 0.02  # of the loss, at a million faces in 16 regions
_WALKED = 200  # centres that the walk to the nearest one passes
_KEPT = 48  # bytes a face in the driver: group and person, as read, in order, and checked
_COUNTED = 5 * 4  # bytes a run and cell there


@dataclass(frozen=True)
class Step:
    """One stage: its tasks, hours of one core in all, bytes of memory of one task."""

    stage: str
    tasks: int
    core_hours: float
    memory: int


@dataclass(frozen=True)
class Plan:
    """What a run would take, and what it would lose.

    Attributes:
        steps: the stages.
        disk: bytes on the shared disk.
        driver: bytes of memory of the command itself.
        information_loss: percent to expect, if the faces are of the kind that was measured: what
            those lost, and what the borders of more regions than they had would add.
    """

    steps: tuple[Step, ...]
    disk: int
    driver: int
    information_loss: float

    def hours(self, cores: int) -> float:
        """Hours on so many cores; a stage begins when the one before has ended."""
        return sum(s.core_hours / s.tasks * -(-s.tasks // cores) for s in self.steps)


def plan(measured: ScaledGroups, faces: int, dimensions: int, region: int = REGION) -> Plan:
    """What ``faces`` would take, as many a person as there were in ``measured``.

    The work of a stage grows with its faces or people; that of dealing them by cells, and of
    placing the cells, also with the centres that each is compared with. The memory of a task
    stays: ``measured`` has to have had regions of the same size.

    Args:
        measured: what ``group_file`` gave.
        faces: how many there would be.
        dimensions: d.
        region: people a region.
    """
    times = faces / len(measured.labels)
    had = int(measured.people.sum())
    people = round(had * times)
    cells, regions, pieces = cells_of(people), -(-people // region), -(-faces // _PIECE)
    compared = _compared(cells) / _compared(cells_of(had))
    growth = {"deal": times * compared, "partition": cells / cells_of(had) * compared}
    tasks = {"partition": measured.spent["partition"].tasks, "group": regions, "group 1": regions}
    steps = tuple(
        _step(name, spent, growth.get(name, times), tasks.get(name, pieces))
        for name, spent in measured.spent.items()
    )
    disk = 2 * people * person_record(dimensions).itemsize
    if "gather" in measured.spent:
        disk += faces * face_record(dimensions).itemsize
    driver = _KEPT * faces + _COUNTED * max(regions, pieces) * cells
    borders = _borders(regions) - _borders(measured.spent["group"].tasks)
    return Plan(steps, disk, driver, measured.information_loss * (1 + borders))


def _borders(regions: int) -> float:
    """Share of the loss that comes of being cut into regions: none with one, most from 16 on."""
    return _CUT * min(1.0, math.log2(regions) / 4)


def _step(stage: str, spent: StageStats, growth: float, tasks: int) -> Step:
    return Step(stage, tasks, spent.seconds * growth / 3600, spent.memory)


def _compared(cells: int) -> float:
    """Centres that one vector is compared with: see ``regions.Cells``."""
    if cells <= 4096:
        return cells
    lists = min(4 * cells**0.5, cells / 44)
    return lists + 8 * cells / lists + _WALKED
