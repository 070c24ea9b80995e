"""Running a Keras network on any number of chips, always in batches of one size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError

__all__ = ["BATCH", "NetworkEmbedder", "check_chips"]

#: Chips a run of the network: a multiple of 24. A chip's vector must not depend on its place, and
#: kernels take rows by 12 (AVX2) or by 8 (AVX-512). With AVX2 the last two of 32 ended in other
#: bits than elsewhere in the batch and none of 12, 24, 36 and 48 did; with AVX-512 some of 12 and
#: of 36 (FaceRes) and none of 8, 16, 24, 32, 40, 48 and 64. Measured with 1 to 8 threads there,
#: with 1 and 2 here.
BATCH = 24


class NetworkEmbedder:
    """A network with its weights, as an ``encoders.embed.Embedder``.

    The last batch is filled up with black chips, so the network sees one shape only. It is compiled
    once, and the vector of a chip does not depend on how many others are in the call.
    """

    def __init__(
        self, name: str, sha256: str, alignment: str, network: Any, batch: int = BATCH
    ) -> None:
        self.name = name
        self.sha256 = sha256
        self.alignment = alignment
        self.network = network
        self.batch = batch
        self.chip_size: int = network.input_shape[1]
        self.dim: int = network.output_shape[-1]
        self._run = _compiled(network)

    def __call__(self, chips: NDArray[np.uint8]) -> NDArray[np.float32]:
        """RGB chips uint8 (n, s, s, 3) to float32 (n, dim).

        Floating point levels from 0 to 255 are taken as they are.
        """
        chips = check_chips(chips, self.chip_size)
        vectors = np.empty((len(chips), self.dim), np.float32)
        batch = np.zeros((self.batch, *chips.shape[1:]), np.float32)
        for start in range(0, len(chips), self.batch):
            some = chips[start : start + self.batch]
            batch[: len(some)] = some
            batch[len(some) :] = 0
            vectors[start : start + self.batch] = self._run(batch)[: len(some)]
        return vectors


def check_chips(chips: NDArray[Any], size: int) -> NDArray[Any]:
    """Check that ``chips`` are levels of 0 to 255 of shape (n, size, size, 3), and return them."""
    chips = np.asarray(chips)
    if chips.ndim != 4 or chips.shape[1:] != (size, size, 3):
        raise InputError(f"expected RGB chips of shape (n, {size}, {size}, 3), got {chips.shape}")
    if chips.dtype != np.uint8 and chips.dtype.kind != "f":
        raise InputError(f"expected chips of type uint8 or float, got {chips.dtype}")
    if chips.dtype.kind == "f" and chips.size:
        _check_levels(chips)
    return chips


def _check_levels(chips: NDArray[np.floating]) -> None:
    highest = float(chips.max())
    if not np.isfinite(chips).all():
        raise InputError("chips hold values that are not finite: expected levels of 0 to 255")
    if 0 < highest <= 1:
        raise InputError(
            f"expected chips with levels of 0 to 255, got floats of at most {highest:g}: multiply"
            " them by 255"
        )


def _compiled(network: Any) -> Any:
    if not network.compiled:  # of a shared one this would throw away what is traced
        network.compile(jit_compile=False)
    return network.predict_on_batch
