"""What is compiled once is told of once."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from anonfaces.cluster import group
from anonfaces.cluster.compiling import compiling_first


def test_after_a_search_nothing_has_to_be_compiled() -> None:
    group(np.eye(12), 3, np.arange(12), effort="fast")
    assert not compiling_first()


def test_in_an_empty_cache_it_has(tmp_path: Path) -> None:
    code = "from anonfaces.cluster.compiling import compiling_first; print(compiling_first())"
    message = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert message.stdout.split() == ["True"]
