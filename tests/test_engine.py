"""TensorFlow loads without a word, and a failure to load is still told."""

from __future__ import annotations

import subprocess
import sys


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
