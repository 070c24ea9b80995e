"""Files of a camera and of the networks that belong to it: ``datasets/optics``, or a run's folder.

A folder holds ``camera.h5`` (the mask, lens and sensor), ``reader.h5`` (landmarks from private
pictures), ``sharp.h5`` (landmarks from sharp ones), ``faces.h5`` (stage two) and ``attack.h5``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.files import check_there
from anonfaces.optics.baselines import FixedPsf
from anonfaces.optics.camera import Camera, CameraConfig
from anonfaces.optics.heatmaps import build_heatmap_network
from anonfaces.optics.lens import Lens
from anonfaces.optics.sensor import Sensor
from encoders import weights_file

__all__ = [
    "SHIPPED", "check_run", "load_camera", "load_network", "load_reader", "save_camera",
    "save_network",
]  # fmt: skip

_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parent / "_optics"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent.parent / "datasets" / "optics"
REMEDY = "python -m anonfaces.optics train FACES -o FOLDER"
_CAMERA, _KIND = "camera.h5", "optics {}"
#: Values of a PSF are small for float16, in which arrays are kept.
_PSF_SCALE = 1000.0
#: A hostile file must not ask for more.
_LARGEST_SIZE, _LARGEST_GRID, _MOST_ZERNIKES, _LARGEST_WIDTH = 512, 4096, 400, 256


def check_run(folder: Path) -> None:
    """``InputError`` unless ``folder`` holds a whole run: networks of the baselines too."""
    check_there(folder)
    file = folder / "readers" / "mask.h5"
    if not file.is_file():
        raise InputError(
            f"{folder} is no folder that train wrote: {file.relative_to(folder)} is missing in it."
            " attack and report need the networks of all cameras of a run, which are not among"
            f" those that ship: {REMEDY} makes them"
        )


def save_camera(folder: Path, camera: Camera, **facts: Any) -> None:
    """Write ``camera.h5`` into ``folder``, with ``facts`` as JSON."""
    meta = {
        "config": asdict(camera.config), "lens": asdict(camera.lens),
        "sensor": asdict(camera.sensor), **facts,
    }  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {"coefficients": camera.coefficients}
    if isinstance(camera, FixedPsf):
        arrays["psf"] = np.asarray(camera.psf()) * _PSF_SCALE
    weights_file.write(folder / _CAMERA, _KIND.format("camera"), meta, arrays)


def load_camera(folder: Path | None = None, seed: int = 0, **changes: Any) -> Camera:
    """Load the camera of a folder (None: the one that ships); ``changes`` are of its lens.

    Raises
    ------
    WeightsError
        The file is missing, damaged, or no camera's.
    InputError
        There is no lens with these ``changes``.
    """
    path = (folder or SHIPPED) / _CAMERA
    meta, arrays = weights_file.read(path, _KIND.format("camera"), REMEDY)
    try:
        config = CameraConfig(**meta["config"])
        small = 0 < config.size * config.oversampling <= _LARGEST_GRID
        if not (small and 3 < config.zernikes <= _MOST_ZERNIKES):
            raise ValueError(f"{config.size} pixels, {config.zernikes} polynomials")
        sensor = Sensor(**meta["sensor"])
        if "psf" in arrays:
            return _measured(arrays["psf"] / _PSF_SCALE, config, sensor, seed)
        own = Lens(**{**meta["lens"], "wavelengths": tuple(meta["lens"]["wavelengths"])})
        camera = Camera(config, own, sensor, arrays["coefficients"], seed, trainable=False)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its description is not a camera's ({error})") from None
    if not changes:
        return camera
    lens = replace(own, **changes)  # a mistake in these is not the file's
    return Camera(config, lens, sensor, arrays["coefficients"], seed, trainable=False)


def _measured(psf: NDArray[np.floating], config: CameraConfig, sensor: Sensor, seed: int) -> Camera:
    if psf.shape != (config.size, config.size, 3):
        raise ValueError(f"a PSF of {psf.shape} for {config.size} pixels")
    return FixedPsf(psf, config, sensor, seed)


def save_network(folder: Path, name: str, network: Any, **facts: Any) -> None:
    """Write ``name.h5`` into ``folder``: the weights as float16, with ``facts`` as JSON."""
    arrays = {f"{i:03d}": array for i, array in enumerate(network.get_weights())}
    weights_file.write(folder / f"{name}.h5", _KIND.format(name), facts, arrays)


def load_network(
    folder: Path | None, name: str, build: Callable[[dict[str, Any]], Any]
) -> tuple[Any, dict[str, Any]]:
    """A network of a folder, and what is known of it; ``build`` makes it of those facts.

    Raises
    ------
    WeightsError
        The file is missing, damaged, or of another network.
    """
    path = (folder or SHIPPED) / f"{name}.h5"
    meta, arrays = weights_file.read(path, _KIND.format(name), REMEDY)
    try:
        network = build(meta)
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: its description is not a {name}'s ({error})") from None
    values: list[NDArray[np.float32]] = [arrays[key] for key in sorted(arrays)]
    if [array.shape for array in values] != [w.shape for w in network.get_weights()]:
        raise WeightsError(f"{path}: its arrays are not those of the network: {REMEDY} makes it")
    network.set_weights(values)
    network.trainable = False
    return network, meta


def load_reader(folder: Path | None = None, name: str = "reader") -> Any:
    """The heat-map network of a folder: ``reader`` of private pictures, ``sharp`` of sharp ones."""
    return load_network(folder, name, _build_reader)[0]


def _build_reader(meta: dict[str, Any]) -> Any:
    size, width = int(meta["size"]), int(meta["width"])
    if not (16 <= size <= _LARGEST_SIZE and 8 <= width <= _LARGEST_WIDTH):
        raise ValueError(f"{size} pixels, width {width}")
    return build_heatmap_network(size, width)
