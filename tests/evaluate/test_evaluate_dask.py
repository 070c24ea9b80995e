"""An evaluation by a real scheduler and two real worker processes, one of which is killed."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest
from support import dask_losing_a_worker
from test_onnx_judge import network

from anonbase.dask_workers import DaskWorkers
from anonbase.errors import InputError, PrivacyWarning
from anonfaces import condense
from anonfaces.condensation.options import EncodingOptions
from anonfaces.evaluate import EvaluationOptions, distributed, evaluate

pytest.importorskip("distributed", reason="pip install -e '.[distributed]'")
pytestmark = pytest.mark.filterwarnings("ignore::anonbase.errors.PrivacyWarning")


@pytest.fixture(scope="module")
def condensed(everybody: list[list[Path]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight people, whom no network of TensorFlow's looked at."""
    root = tmp_path_factory.mktemp("few")
    for pictures in everybody[:8]:
        own = root / "people" / pictures[0].parent.name
        own.mkdir(parents=True)
        for path in pictures[:2]:
            shutil.copy(path, own)
    quick = EncodingOptions(extractor="dlib-reference", detector="hog")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PrivacyWarning)
        condense(
            root / "people", 2, root / "condensed",
            encoding=quick, surrogate="k-same", method="random",
        )  # fmt: skip
    return root / "condensed"


def test_a_killed_worker_changes_no_byte_of_an_evaluation(
    condensed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = network(tmp_path / "mean.onnx", ["n", 3, 112, 112])
    asked = EvaluationOptions(judges=("pca", f"onnx:{file}"), false_match_rate=0.2)
    evaluate(condensed, output=tmp_path / "alone", options=asked)
    monkeypatch.setattr(distributed, "_AT_ONCE", 2)
    with dask_losing_a_worker(tmp_path / "dask", DaskWorkers, "run") as (address, ended):
        evaluate(condensed, output=tmp_path / "spread", options=asked, scheduler=address)
    assert len(ended) >= 8
    one, other = (tmp_path / name / "evaluation.json" for name in ("alone", "spread"))
    assert one.read_bytes() == other.read_bytes()


def test_nothing_is_written_where_nobody_answers(condensed: Path, tmp_path: Path) -> None:
    asked = EvaluationOptions(judges=("pca",))
    with pytest.raises(InputError, match="no address of a Dask scheduler"):
        evaluate(condensed, output=tmp_path / "e", options=asked, scheduler="nonsense")
    assert not (tmp_path / "e").exists()
