"""More people than memory or one machine holds: read in pieces, grouped in regions by Dask.

``rows`` reads a file in pieces, ``runs`` keeps what lies between two stages, ``regions`` cuts
the people into parts that hang together, ``tasks`` is what a worker does, ``workers`` where it
is done, ``drive`` the stages in their order, ``plan`` what they would take for many more.
"""

from __future__ import annotations

from anonfaces.cluster.scale.plan import Plan, plan
from anonfaces.cluster.scale.rows import Rows, open_rows
from anonfaces.cluster.scale.scheduler import REGION, Progress, ScaledGroups, group_file
from anonfaces.cluster.scale.tasks import Job
from anonfaces.cluster.scale.workers import connected

__all__ = [
    "REGION",
    "Job",
    "Plan",
    "Progress",
    "Rows",
    "ScaledGroups",
    "connected",
    "group_file",
    "open_rows",
    "plan",
]
