"""How many cores this process may use, and how much memory it took."""

from __future__ import annotations

import os
import sys

__all__ = ["count_cores", "peak_memory"]


def count_cores() -> int:
    """Cores that this process may run on: in a container or under ``taskset`` fewer than exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_memory() -> int:
    """Most bytes of memory that this process ever had; 0 where that is not told."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
