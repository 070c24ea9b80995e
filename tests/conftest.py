"""Where the tests find their faces, what is deselected, and what a worker may take of a machine."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from support import missing_data
from xdist.scheduler import LoadFileScheduling

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"
ONE_THREAD = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)

SLOW_FIXTURES = {
    *("analyzer", "few", "shared_data"),  # networks; searches on published tables
    *("undisturbed", "photos", "made", "chromium"),  # whole runs of a command, or a browser
}
SLOW_FILES = {  # under tests/: what loads networks, trains, or starts processes throughout
    "anonymize": (
        *("crowd", "cut_and_close_up", "donors", "folders", "gallery_of_faces", "grouped"),
        *("hostile_inputs", "inpaint", "names_and_frames", "video", "whole_photographs"),
    ),
    "cluster": ("blocks", "columns", "dask", "scale"),
    "encoders": (
        *("align", "attributes", "detect", "detectors_joined", "embed_dlib", "embed_facenet"),
        *(
            "encode",
            "frame",
            "latent",
            "latent_correction",
            "mmod",
            "perceptual",
            "photograph_blocks",
            "tiles",
        ),
    ),
    "evaluate": (
        *(
            "attacks",
            "command",
            "evaluate_dask",
            "faceres",
            "graph_model",
            "judge",
            "measures",
            "onnx_judge",
        ),
        *("pictures", "utility"),
    ),
    "optics": ("camera", "drawn", "parts", "training"),
    "publish": ("earlier", "publish", "publish_dask", "tampering", "verify"),
    "report": ("browser", "contact"),
    "review": ("browser_review", "session"),
    "semantic": ("redraw", "semantic_train", "trusted_maps"),
    "stylegan": (
        *("adversarial", "checkpoint", "dcgan", "dcgan_shipped", "hostile", "networks"),
        *("population", "project"),
        *("refine", "semantic", "stylegan3_files", "stylegan_commands", "synthesis3", "train"),
    ),
    "synthesize": (
        *("default", "emulator", "gallery", "hiding", "k_same", "k_same_family", "k_same_net"),
        *("optimised", "portraits", "stylegan", "withdrawal"),
    ),
    "tests": (
        *(
            "benchmarks_detail",
            "cases",
            "commands",
            "condense",
            "condense_dask",
            "docstrings",
            "engine",
        ),
        *("notebooks", "planning", "sample", "torch_file", "wheel"),
    ),
    "tradeoff": ("tradeoff",),
}

#: Folders whose files share networks that take long to compile: one worker has them all.
TOGETHER = ("tests/synthesize/",)

#: Folders whose tests draw faces without an owner's key, so that a seed alone decides on them; that
#: this is warned of has a test of its own.
WITHOUT_A_KEY = ("synthesize", "anonymize", "report")
_UNKEYED = "ignore:.*without the owner's key:anonbase.errors.PrivacyWarning"
#: What every run of these modes of ``anonymize`` warns of; a test of its own asserts it.
_SURROUNDINGS = "ignore:(fresh|group) keeps hair:anonbase.errors.PrivacyWarning"

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".cache" / "numba"))
if "PYTEST_XDIST_WORKER" in os.environ:
    # the workers keep all cores busy; commands under test inherit it
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
# a busy machine is no failure
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # a shell starts what runs in its background so, and the commands under test would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """What is slow as a whole is not even imported for ``-m "not slow"``: that takes seconds."""
    return True if config.option.markexpr == "not slow" and _is_slow(collection_path) else None


def _is_slow(path: Path) -> bool:
    return path.stem.removeprefix("test_") in SLOW_FILES.get(path.parent.name, ())


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what is slow or needs research data, leave out the exhaustive, begin with the slow.

    xdist hands out whole files in this order, so that no worker has a long one left at the end.
    """
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if {"shared_data", "cases"} & fixtures:
            item.add_marker("research_data")
        if SLOW_FIXTURES & fixtures or _is_slow(item.path):
            item.add_marker("slow")
        if item.path.parent.name in WITHOUT_A_KEY:
            item.add_marker(pytest.mark.filterwarnings(_UNKEYED), append=False)
        if item.path.parent.name == "anonymize":
            item.add_marker(pytest.mark.filterwarnings(_SURROUNDINGS), append=False)
    if "exhaustive" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("exhaustive")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("exhaustive")]
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
        items.sort(key=lambda item: -slow[item.path])


class _Scheduling(LoadFileScheduling):
    """A worker gets a whole file, or all files of a folder in ``TOGETHER``."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return next((folder for folder in TOGETHER if file.startswith(folder)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling | None:
    """What hands out the tests, for ``--dist loadfile``."""
    return _Scheduling(config, log) if config.option.dist == "loadfile" else None


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


@pytest.fixture(scope="session")
def cases() -> Path:
    """Small inputs that went wrong once, which are not in the repository."""
    folder = SHARED_DATA.parent / "cases"
    if not folder.is_dir():
        missing_data(f"no {folder}")
    return folder
