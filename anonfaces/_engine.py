"""Loading TensorFlow without the notices that it prints before it can be told not to."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["load_engine"]

_STDERR = 2


def load_engine() -> None:
    """Import Keras and the engine that it runs on; quick when that was done before.

    ``TF_CPP_MIN_LOG_LEVEL=0`` in the environment lets TensorFlow say all that it has to say.
    """
    loud = os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0"
    if loud or "keras" in sys.modules:
        import keras

        return
    with _silent():
        import keras  # noqa: F401


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what C++ libraries write to stderr, and show it only if the import fails."""
    sys.stderr.flush()
    kept = os.dup(_STDERR)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), _STDERR)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(kept, said.read())
            raise
        finally:
            os.dup2(kept, _STDERR)
            os.close(kept)
