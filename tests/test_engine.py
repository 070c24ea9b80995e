"""TensorFlow loads without a word, and a failure to load is still told."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anonbase import keras_backend
from anonbase.keras_backend import quick_dtype
from stylegan.train.recipe import TrainingConfig


def _python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )


def test_the_engine_loads_without_a_word() -> None:
    done = _python("from anonbase.keras_backend import load_engine; load_engine(); import keras")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_was_said_before_a_failure_is_shown() -> None:
    done = _python(
        "import os, anonbase.keras_backend as backend\n"
        "with backend._silent():\n    os.write(2, b'the reason\\n')\n    raise ImportError('no')\n"
    )
    assert done.returncode == 1
    assert "the reason" in done.stderr
    assert "no" in done.stderr


@pytest.mark.parametrize(
    ("processor", "dtype"),
    [
        ("flags : fpu sse avx2 fma", "float32"),
        ("flags : fpu avx512f avx512_bf16", "bfloat16"),
        ("Features : fp asimd bf16", "bfloat16"),
        (None, "float32"),
    ],
)
def test_bfloat16_is_taken_where_the_processor_has_it(
    processor: str | None, dtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if processor is not None:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\n{processor}\n")
    monkeypatch.setattr(keras_backend, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setitem(keras_backend._ACCELERATED, "tensorflow", lambda: False)
    quick_dtype.cache_clear()
    try:
        assert quick_dtype() == dtype
        assert TrainingConfig().dtype == dtype
        assert TrainingConfig(precision="bfloat16").dtype == "bfloat16"
    finally:
        quick_dtype.cache_clear()
