"""A film of pictures: H.264 in MP4, which every browser shows."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import OutputError
from anonbase.files import atomic_write

__all__ = ["write_film"]


def write_film(path: Path, pictures: Iterable[NDArray[np.uint8]], rate: int = 24) -> None:
    """Write RGB uint8 (side, side, 3), of an even side, ``rate`` a second.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    import av

    try:
        with atomic_write(path) as beside, av.open(str(beside), "w", format="mp4") as container:
            stream = container.add_stream("libx264", rate=Fraction(rate))
            stream.pix_fmt = "yuv420p"
            for number, picture in enumerate(pictures):
                if not number:
                    stream.height, stream.width = picture.shape[:2]
                frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from None
