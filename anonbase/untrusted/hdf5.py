"""Reading an array from an HDF5 file of unknown origin."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.untrusted.stand_ins import refuse_stand_in

__all__ = ["dataset", "open_hdf5", "read_floats"]


@contextmanager
def open_hdf5(path: Path) -> Iterator[Any]:
    """Open an HDF5 file for reading; UnsafeContentError tells what lies in its place.

    Raises
    ------
    OSError
        It cannot be opened, or is damaged.
    """
    import h5py

    refuse_stand_in(path, archives=False)
    with h5py.File(path, "r") as file:
        yield file


def dataset(file: Any, path: str) -> Any:
    """Find the dataset of floating point numbers at ``path``, stored in this very file.

    Raises
    ------
    KeyError
        There is none, or HDF5 would follow a link to another file or load a plugin to decode it.
    """
    import h5py

    place = file
    for step in path.split("/"):
        inside = isinstance(place, h5py.Group) and step in place
        if not inside or not isinstance(place.get(step, getlink=True), h5py.HardLink):
            raise KeyError(path)
        place = place[step]
    if not isinstance(place, h5py.Dataset) or place.dtype.kind != "f" or not place.shape:
        raise KeyError(f"{path} made of floating point numbers")
    if place.is_virtual or place.external or not _plainly_stored(place):
        raise KeyError(f"{path} stored in this file, by deflate or as it is")
    return place


def read_floats(file: Any, path: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Read the numbers at ``path`` as float32, after a check of their shape."""
    found = dataset(file, path)
    if found.shape != shape:
        raise KeyError(f"{path} of shape {shape} (it is {found.shape})")
    return found.astype(np.float32)[()]


def _plainly_stored(place: Any) -> bool:
    import h5py

    properties = place.id.get_create_plist()
    filters = {properties.get_filter(i)[0] for i in range(properties.get_nfilters())}
    return filters <= {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}
