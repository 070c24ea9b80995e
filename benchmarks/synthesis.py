"""How fast pictures are made: ``python -m benchmarks.synthesis``.

StyleGAN2 config-f with random weights at 256 and 1024 px, ours in float32 and bfloat16, beside
the quickest of the usual ways to write it in PyTorch, if that is installed: maps are scaled
before and after one convolution for the whole batch. (NVIDIA's code may not be kept here, so the
peer is ours, in that formulation; weights modulated for every image, in one grouped convolution,
are slower.) Each engine has a process of its own for its peak of memory, with an allocator that
keeps what it has, since much of the peer's time goes there otherwise. The two take turns, and the
peer's pictures must equal ours. ``--network stylegan3-t`` (or ``-r``) takes a
StyleGAN3 instead, without a peer.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.tables import print_table

PACKAGES = ("numpy", "keras", "tensorflow-cpu")
HEAD = ("px", "batch", "engine", "numbers", "images/s", "ms/image", "peak MB", "times the peer")
#: glibc's: nothing goes back to the system.
_ALLOCATOR = {
    "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "99999999999",
    "MALLOC_TOP_PAD_": "268435456",
}  # fmt: skip
Pictures = NDArray[np.float32]
Run = Callable[[], Pictures]


def main() -> None:
    """Print the table."""
    options = _options()
    paired = options.network == "stylegan2" and find_spec("torch")
    engines = [options.network, *(["peer"] if paired else [])]
    packages = (*PACKAGES, "torch") if len(engines) == 2 else PACKAGES
    print(f"{describe(packages)}\n")
    rows = []
    for px in options.px:
        batch = options.batch or (4 if px <= 256 else 1)
        rows += _at(px, batch, engines, options.rounds)
    print_table(HEAD, rows)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synthesis", description=__doc__)
    parser.add_argument(
        "--network", choices=("stylegan2", "stylegan3-t", "stylegan3-r"), default="stylegan2"
    )
    parser.add_argument("--px", type=int, nargs="*", default=[256, 1024])
    parser.add_argument("--batch", type=int, help="(default: 4 up to 256 px, else 1)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    return parser.parse_args()


def _at(px: int, batch: int, engines: list[str], rounds: int) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for numbers in ("float32", "bfloat16"):
        seconds, peaks, pictures = _side_by_side(engines, px, batch, numbers, rounds)
        if len(engines) == 2 and numbers == "float32":
            _same(*pictures)
        for engine, taken, peak in zip(engines, seconds, peaks, strict=True):
            times = f"{seconds[1] / taken:.2f}" if len(engines) == 2 else "-"
            rate, each = f"{batch / taken:.2f}", f"{1000 * taken / batch:.0f}"
            whose = engine if engine == "peer" else f"our {engine}"
            rows.append((px, batch, whose, numbers, rate, each, peak, times))
    return rows


def _side_by_side(
    engines: list[str], px: int, batch: int, numbers: str, rounds: int
) -> tuple[list[float], list[int], list[Pictures]]:
    """Engines take turns, so that whatever else the machine does hits both alike."""
    os.environ.update(_ALLOCATOR)  # which processes read when they start
    pools = [ProcessPoolExecutor(1, get_context("spawn")) for _ in engines]
    try:
        pictures = [
            pool.submit(_prepare, engine, px, batch, numbers).result()
            for pool, engine in zip(pools, engines, strict=True)
        ]
        turns = [[pool.submit(_turn).result() for pool in pools] for _ in range(rounds)]
        peaks = [pool.submit(_peak).result() for pool in pools]
    finally:
        for pool in pools:
            pool.shutdown()
    return [statistics.median(taken) for taken in zip(*turns, strict=True)], peaks, pictures


_RUN: list[Run] = []  # what this process measures


def _prepare(engine: str, px: int, batch: int, numbers: str) -> Pictures:
    make = _peer if engine == "peer" else partial(_ours, engine)
    _RUN.append(make(px, batch, numbers))
    return _RUN[0]()[0]


def _turn() -> float:
    start = time.perf_counter()
    _RUN[0]()
    return time.perf_counter() - start


def _peak() -> int:
    """The most memory that this process held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _same(ours: Pictures, theirs: Pictures) -> None:
    apart = float(np.abs(ours - theirs).max() / np.abs(ours).max())
    print(f"largest difference of a pixel between ours and the peer, of the range: {apart:.1e}")
    if apart > 1e-3:
        raise SystemExit("the peer makes other pictures: its speed says nothing")


def _generator(network: str, px: int, numbers: str) -> Any:
    import stylegan
    from stylegan.networks import config as configs

    if network == "stylegan2":
        config = configs.GeneratorConfig(channels=configs.standard_channels(px))
    else:
        times = 2 if network == "stylegan3-r" else 1
        widths = configs.alias_free_channels(px, 32768 * times, 512 * times)
        config = configs.AliasFreeConfig(network, widths, size=px)
    return stylegan.Generator(config, precision=numbers)


def _ours(network: str, px: int, batch: int, numbers: str) -> Run:
    generator = _generator(network, px, numbers)
    w = generator.map(generator.latents(range(batch)))
    return lambda: generator.synthesize(w, "none")


def _peer(px: int, batch: int, numbers: str) -> Run:
    import torch

    generator = _generator("stylegan2", px, "float32")
    w = torch.from_numpy(generator.map(generator.latents(range(batch))))
    values = {name: torch.from_numpy(_torch_layout(a)) for name, a in generator.values().items()}
    sizes = generator.config.sizes
    del generator
    peer = _Peer(values, sizes, getattr(torch, numbers))

    def run() -> Pictures:
        with torch.inference_mode():
            return peer(w).permute(0, 2, 3, 1).numpy()

    return run


def _torch_layout(array: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.ascontiguousarray(array.transpose(3, 2, 0, 1) if array.ndim == 4 else array)


class _Peer:
    """StyleGAN2 with maps scaled before and after one convolution for the batch."""

    def __init__(self, values: dict[str, Any], sizes: tuple[int, ...], dtype: Any) -> None:
        import torch

        self.values, self.sizes, self.dtype = values, sizes, dtype
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.taps = torch.outer(taps, taps)

    def __call__(self, w: Any) -> Any:
        const = self.values["synthesis.b4.const"].permute(2, 0, 1)
        x = const[None].repeat(len(w), 1, 1, 1).to(self.dtype)
        image, layer = None, 0
        for size in self.sizes:
            for name in ("conv0", "conv1") if size > 4 else ("conv1",):
                x = self._layer(f"synthesis.b{size}.{name}", x, w[:, layer], name == "conv0")
                layer += 1
            rgb = self._to_rgb(f"synthesis.b{size}.torgb", x, w[:, layer])
            image = rgb if image is None else self._upsampled(image) + rgb
        return image

    def _style(self, name: str, w: Any) -> Any:
        weight, bias = (self.values[f"{name}.affine.{part}"] for part in ("weight", "bias"))
        return w @ weight / math.sqrt(len(weight)) + bias

    def _layer(self, name: str, x: Any, w: Any, up: bool) -> Any:
        from torch.nn import functional

        weight, style = self.values[f"{name}.weight"], self._style(name, w)
        scale = (style.square() @ weight.square().sum((2, 3)).T + 1e-8).rsqrt()
        x = self._convolved(x * _of_maps(style, x), weight.to(x.dtype), up)
        bias = self.values[f"{name}.bias"].to(x.dtype)[None, :, None, None]
        return functional.leaky_relu(x * _of_maps(scale, x) + bias, 0.2) * math.sqrt(2)

    def _convolved(self, x: Any, weight: Any, up: bool) -> Any:
        from torch.nn import functional

        if not up:
            return functional.conv2d(x, weight, padding=weight.shape[-1] // 2)
        made = functional.conv_transpose2d(x, weight.transpose(0, 1), stride=2)
        return self._filtered(made, 1)

    def _filtered(self, x: Any, pad: int) -> Any:
        from torch.nn import functional

        channels = x.shape[1]
        kernel = (self.taps * 4).to(x.dtype).expand(channels, 1, 4, 4)
        return functional.conv2d(x, kernel, padding=pad, groups=channels)

    def _to_rgb(self, name: str, x: Any, w: Any) -> Any:
        weight = self.values[f"{name}.weight"]
        style = self._style(name, w) / math.sqrt(weight.shape[1])
        made = self._convolved(x * _of_maps(style, x), weight.to(x.dtype), False)
        return made.float() + self.values[f"{name}.bias"][None, :, None, None]

    def _upsampled(self, image: Any) -> Any:
        import torch
        from torch.nn import functional

        n, c, h, w = image.shape
        stuffed = torch.zeros(n, c, h, 2, w, 2)
        stuffed[:, :, :, 0, :, 0] = image
        padded = functional.pad(stuffed.reshape(n, c, 2 * h, 2 * w), (2, 1, 2, 1))
        return self._filtered(padded, 0)


def _of_maps(scale: Any, x: Any) -> Any:
    return scale.to(x.dtype)[:, :, None, None]


if __name__ == "__main__":
    main()
