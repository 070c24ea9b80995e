"""Figures of a camera and of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "camera_figure", "depth_figure", "log_figure", "save_figure", "sheet", "tradeoff_figure",
]  # fmt: skip

Images = NDArray[np.float32]
_DEPTHS = (0.4, 0.75, 1.5, 5.0)
_GAP = 2
_MARKS = {"mask": "*", "none": "o", "defocus": "s", "low": "^", "binned": "v", "box": "D"}


def camera_figure(camera: Any, images: Images) -> Figure:
    """Phase mask, PSF (linear and logarithmic), MTF, and pictures before and after."""
    figure = _figure(9.6, 5.4)
    axes = figure.subplots(2, 3)
    psf = np.asarray(camera.psf())
    _image(figure, axes[0, 0], _mask_height(camera), "mask: waves of 550 nm", "twilight_shifted")
    _image(figure, axes[0, 1], psf.mean(axis=2), "PSF, mean of the channels", "magma")
    log = np.log10(np.maximum(psf.mean(axis=2) / psf.mean(axis=2).max(), 1e-5))
    _image(figure, axes[0, 2], log, "PSF, powers of ten", "magma")
    _mtf(axes[1, 0], psf)
    from anonfaces.optics.per_camera import photograph

    private = photograph(camera, images[:4])
    for place, rows, title in ((1, images[:4], "before"), (2, private, "after")):
        axes[1, place].imshow(np.clip(_grid(rows, 2), 0, 1))
        axes[1, place].set_title(title, fontsize=9)
        axes[1, place].axis("off")
    return figure


def depth_figure(camera: Any, image: Images) -> Figure:
    """PSF and one picture with the object at several distances."""
    figure = _figure(9.6, 4.2)
    axes = figure.subplots(2, len(_DEPTHS))
    for column, depth in enumerate(_DEPTHS):
        psf = camera.psf(depth)
        shown = np.log10(np.maximum(np.asarray(psf).mean(axis=2), 1e-7))
        axes[0, column].imshow(shown, cmap="magma")
        axes[0, column].set_title(f"{depth:g} m", fontsize=9)
        axes[1, column].imshow(np.clip(np.asarray(camera.take(image[None], psf))[0], 0, 1))
        for row in (0, 1):
            axes[row, column].axis("off")
    return figure


def tradeoff_figure(curve: Sequence[Mapping[str, Any]], judges: Sequence[str]) -> Figure:
    """Error of landmarks against recognition, a panel a judge: down and left is better."""
    figure = _figure(4.8 * len(judges), 4.0)
    for axes, judge in zip(np.atleast_1d(figure.subplots(1, len(judges))), judges, strict=True):
        for family, mark in _MARKS.items():
            of = [row for row in curve if str(row["camera"]).partition(":")[0] == family]
            of.sort(key=lambda row: row["landmark_px"])
            x, y = ([row[key] for row in of] for key in ("landmark_px", f"{judge}_rank1"))
            label = "learned mask" if family == "mask" else family
            axes.plot(x, y, marker=mark, label=label, ms=12 if family == "mask" else 6, lw=1)
        axes.set(
            xlabel="landmark error, px of 256",
            ylabel="put first among all (rank 1)",
            ylim=(0, 1.02),
        )
        axes.set_title(judge, fontsize=10)
        axes.legend(frameon=False, fontsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def log_figure(path: Path) -> Figure:
    """The losses of ``log.csv`` over the steps, a panel a loss."""
    import pandas as pd

    log = pd.read_csv(path)
    names = [name for name in log["name"].unique() if log.loc[log["name"] == name, "value"].any()]
    figure = _figure(9.6, 1.7 * -(-len(names) // 4) + 0.3)
    axes = np.atleast_1d(figure.subplots(-(-len(names) // 4), 4)).ravel()
    for panel, name in zip(axes, names, strict=False):
        start = 0
        for phase, part in log[log["name"] == name].groupby("phase", sort=False):
            panel.plot(start + part["step"], part["value"], label=str(phase), lw=1)
            start += int(log.loc[log["phase"] == phase, "step"].max())
        panel.set_title(name, fontsize=9)
        panel.tick_params(labelsize=7)
    for panel in axes[len(names) :]:
        panel.axis("off")
    axes[0].legend(fontsize=7, frameon=False)
    return figure


def sheet(rows: Sequence[Images], zoom: int = 2) -> NDArray[np.uint8]:
    """Rows of pictures (n, s, s, 3) in 0..1 below each other, enlarged ``zoom`` times."""
    side = max(row.shape[1] for row in rows)
    lines = [_line(row, side) for row in rows]
    width = max(line.shape[1] for line in lines)
    filled = [
        np.pad(x, ((0, _GAP), (0, width - x.shape[1]), (0, 0)), constant_values=1) for x in lines
    ]
    levels = np.clip(np.rint(np.concatenate(filled) * 255), 0, 255).astype(np.uint8)
    return levels.repeat(zoom, axis=0).repeat(zoom, axis=1)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, all of it or nothing."""
    with atomic_write(path) as beside:
        figure.savefig(beside, format="png", dpi=110, metadata={"Software": None})


def _line(row: Images, side: int) -> Images:
    factor = side // row.shape[1]
    large = row.repeat(factor, axis=1).repeat(factor, axis=2)
    return np.concatenate(
        [np.pad(x, ((0, 0), (0, _GAP), (0, 0)), constant_values=1) for x in large], axis=1
    )


def _grid(images: Images, columns: int) -> Images:
    rows = [
        np.concatenate(list(images[i : i + columns]), axis=1)
        for i in range(0, len(images), columns)
    ]
    return np.concatenate(rows)


def _mask_height(camera: Any) -> Images:
    """Waves of the mask over the aperture at the design wavelength; NaN outside."""
    pupil = camera.pupil()
    middle = len(pupil.aperture) // 2
    height = pupil.basis[middle] @ np.asarray(camera.waves)
    return np.where(pupil.aperture[middle] > 0, height, np.nan)


def _mtf(axes: Any, psf: Images) -> None:
    for channel, color in enumerate(("tab:red", "tab:green", "tab:blue")):
        gain = np.abs(np.fft.fft2(psf[..., channel]))
        frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(len(psf))] * 2))
        edges = np.linspace(0, 0.5, 17)
        mean = [gain[(frequency >= a) & (frequency < b)].mean() for a, b in pairwise(edges)]
        axes.plot((edges[1:] + edges[:-1]) / 2, mean, color=color)
    axes.set(xlabel="cycles a pixel", ylim=(0, 1))
    axes.set_title("MTF", fontsize=9)


def _image(figure: Figure, axes: Any, values: Images, title: str, colors: str) -> None:
    shown = axes.imshow(values, cmap=colors)
    axes.set_title(title, fontsize=9)
    axes.axis("off")
    figure.colorbar(shown, ax=axes, fraction=0.046)


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")
