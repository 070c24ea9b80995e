"""Any ONNX recogniser as an embedder: chips in, vectors of length 1 out.

The file is taken for hostile: it has at most a gigabyte, it is handed to onnxruntime as bytes, so
that it can name no other file, and no library of custom operators is loaded.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.untrusted.stand_ins import check_weights_file
from encoders.embed.network import check_chips

__all__ = ["OnnxEmbedder", "Preprocessing", "load_onnx"]

#: A recogniser of 100 layers has 260 MB; four times that is no recogniser of faces.
MOST_BYTES = 2**30
#: Chips that one run of the network sees; a network whose batch is fixed sees that many.
BATCH = 32
_COLORS = ("rgb", "bgr")


@dataclass(frozen=True)
class Preprocessing:
    """How levels 0 to 255 become the network's input: ``(level - mean) / scale``.

    Attributes
    ----------
    mean, scale : float
        ArcFace's 127.5 and 127.5 by default.
    color : str
        ``rgb`` or ``bgr``, the order of the channels.
    """

    mean: float = 127.5
    scale: float = 127.5
    color: str = "rgb"

    def __post_init__(self) -> None:
        if self.color not in _COLORS:
            raise InputError(f"--onnx-color is rgb or bgr, not {self.color!r}")
        if not np.isfinite([self.mean, self.scale]).all() or self.scale == 0:
            raise InputError("--onnx-mean and --onnx-scale are numbers, the second not 0")


class OnnxEmbedder:
    """An ONNX network as an :class:`encoders.embed.Embedder`; its chips are ArcFace's."""

    def __init__(self, session: Any, sha256: str, prepare: Preprocessing, path: Path) -> None:
        self.name, self.sha256 = f"onnx:{path.name}", sha256
        self._session, self._prepare = session, prepare
        first = session.get_inputs()[0]
        self._input = first.name
        self._channels_first, self.chip_size = _layout(first.shape, path)
        self.alignment = f"arcface-{self.chip_size}"
        fixed = first.shape[0] if isinstance(first.shape[0], int) else 0
        self._batch = fixed if fixed > 0 else BATCH
        self.dim = self._vectors(np.zeros((1, self.chip_size, self.chip_size, 3), np.uint8)).shape[
            1
        ]

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB chips uint8 (n, s, s, 3) to vectors float32 (n, dim) of length 1."""
        chips = check_chips(chips, self.chip_size)
        parts = [np.empty((0, self.dim), np.float32)]
        parts += [
            self._vectors(chips[start : start + self._batch])
            for start in range(0, len(chips), self._batch)
        ]
        return np.concatenate(parts)

    def _vectors(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        full = np.resize(chips, (self._batch, *chips.shape[1:])).astype(np.float32)
        full = full[..., ::-1] if self._prepare.color == "bgr" else full
        full = (full - np.float32(self._prepare.mean)) / np.float32(self._prepare.scale)
        fed = full.transpose(0, 3, 1, 2) if self._channels_first else full
        (output, *_) = self._session.run(None, {self._input: np.ascontiguousarray(fed)})
        vector = np.asarray(output, np.float32).reshape(self._batch, -1)[: len(chips)]
        length = np.linalg.norm(vector, axis=1, keepdims=True)
        return vector / np.maximum(length, np.float32(1e-12))


def load_onnx(path: Path, prepare: Preprocessing | None = None) -> OnnxEmbedder:
    """Read a recogniser from an ONNX file.

    Raises
    ------
    WeightsError
        onnxruntime is not installed, there is no such file, it is too large, it is no ONNX
        network, or its input is not one square RGB picture.
    """
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise WeightsError("onnx: needs onnxruntime: pip install onnxruntime") from error
    content = _content(path)
    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        return OnnxEmbedder(
            session, hashlib.sha256(content).hexdigest(), prepare or Preprocessing(), path
        )
    except (WeightsError, InputError):
        raise
    except Exception as error:  # onnxruntime has a dozen kinds of its own
        first = str(error).splitlines()[0][:200]
        raise WeightsError(f"{path}: onnxruntime cannot run it: {first}") from error


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file; --judge onnx:FILE names one")
    if path.stat().st_size > MOST_BYTES:
        raise WeightsError(f"{path}: larger than a gigabyte, which no recogniser of faces is")
    check_weights_file(path)
    return path.read_bytes()


def _layout(shape: list[Any], path: Path) -> tuple[bool, int]:
    """Whether channels come first, and the side; 112 where the file leaves the side open."""
    if len(shape) == 4 and 3 in (shape[1], shape[3]):
        first = shape[1] == 3
        sides = {side for side in (shape[2:] if first else shape[1:3]) if isinstance(side, int)}
        if len(sides) <= 1 and all(16 <= side <= 1024 for side in sides):
            return first, sides.pop() if sides else 112
    raise WeightsError(f"{path}: its input is {shape}, not one square RGB picture")
