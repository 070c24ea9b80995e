"""Where the tests find their faces: the sample that ships, and the research data where it lies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in its background so, and the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


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
        pytest.skip(f"no research data at {SHARED_DATA}: it may not be redistributed")
    return SHARED_DATA


@pytest.fixture(scope="session")
def lfw(shared_data: Path) -> Path:
    """Half of Labeled Faces in the Wild: 6,274 JPEG of 250 px, a folder a person."""
    return shared_data / "lfw"


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small inputs that went wrong once, which are not in the repository."""
    folder = SHARED_DATA.parent / "cases"
    if not folder.is_dir():
        pytest.skip(f"no {folder}")
    return folder
