"""Where the tests find their faces, what is deselected, and what a worker may take of a machine."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
ONE_THREAD = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".cache" / "numba"))
if "PYTEST_XDIST_WORKER" in os.environ:
    # the workers keep all cores busy; commands under test inherit it
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in its background so, and the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what needs research data, leave the exhaustive out; workers begin with the slow files.

    xdist hands out whole files in this order, so that no worker has a long one left at the end.
    """
    for item in items:
        if "shared_data" in getattr(item, "fixturenames", ()):
            item.add_marker("research_data")
    if "exhaustive" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        items.sort(key=lambda item: -slow[item.path])


def missing_data(reason: str) -> None:
    """Skip, or fail where ``CI_RESEARCH_DATA=1`` says that the research data should be there."""
    if os.environ.get("CI_RESEARCH_DATA") == "1":
        pytest.fail(f"CI_RESEARCH_DATA=1, but {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def sample() -> Path:
    """The synthetic people that ship: a folder a person, pictures of 256 px."""
    return ROOT / "datasets" / "sample"


@pytest.fixture(scope="session")
def everybody(sample: Path) -> list[list[Path]]:
    """The pictures of each of the sample's people, in the order of their names."""
    folders = sorted(path for path in sample.iterdir() if path.is_dir())
    return [sorted(folder.iterdir()) for folder in folders]


@pytest.fixture(scope="session")
def portraits(everybody: list[list[Path]]) -> list[Path]:
    """One picture of each of the sample's people."""
    return [pictures[0] for pictures in everybody]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real faces under research terms, which are not in the repository."""
    if not SHARED_DATA.is_dir():
        missing_data(f"no research data at {SHARED_DATA}: it may not be redistributed")
    return SHARED_DATA


@pytest.fixture(scope="session")
def lfw(shared_data: Path) -> Path:
    """Half of Labeled Faces in the Wild: 6,274 JPEG of 250 px, a folder a person."""
    return shared_data / "lfw"
