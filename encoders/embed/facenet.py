"""FaceNet: Inception-ResNet-v1, chips of 160 px, 128 or 512 numbers of length 1.

Its weights do not ship, since they are their makers' to publish. ``SOURCES`` says where they
are and what to call them, and so does the error if there are none.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anonbase.errors import WeightsError
from anonbase.files import cache_folder
from encoders.embed.facenet_files import read_facenet
from encoders.embed.network import NetworkEmbedder
from encoders.embed.weights import check_hash

__all__ = ["ALIGNMENT", "SOURCES", "Source", "load_facenet"]

#: The crop of the box with a margin of 32 px, on which the originals were tested.
ALIGNMENT = "mtcnn-160-32"

#: SHA-256 of files that the makers vouch for. Their projects publish none, so it is empty, and
#: every file is named by a warning.
KNOWN: dict[str, str] = {}


@dataclass(frozen=True)
class Source:
    """A file of weights: its name, who publishes it where, its size and what it makes."""

    file: str
    project: str
    size: str
    dim: int


_PYTORCH = "https://github.com/timesler/facenet-pytorch (releases, v2.2.9)"
_SANDBERG = "https://github.com/davidsandberg/facenet (README, pre-trained models: {}.zip)"
_NYOKI = "https://github.com/nyoki-mtl/keras-facenet (README, pretrained model)"

#: In the order in which they are looked for.
SOURCES = (
    Source("20180402-114759-vggface2.pt", _PYTORCH, "107 MB", 512),
    Source("20180408-102900-casia-webface.pt", _PYTORCH, "111 MB", 512),
    Source("20180402-114759.pb", _SANDBERG.format("20180402-114759"), "about 95 MB", 512),
    Source("20180408-102900.pb", _SANDBERG.format("20180408-102900"), "about 95 MB", 512),
    Source("20170512-110547.pb", _SANDBERG.format("20170512-110547"), "about 95 MB", 128),
    Source("facenet_keras.h5", _NYOKI, "about 92 MB", 128),
)


def load_facenet(weights: Path | None = None) -> NetworkEmbedder:
    """FaceNet with the weights of a file, or of the first of ``SOURCES`` in the cache folder.

    Raises
    ------
    WeightsError
        There is no such file (the message says where to get it and where to put
        it), or it is damaged, or of another network.

    Warns
    -----
    WeightsWarning
        Always, with the file's SHA-256: no project publishes one to compare.
    """
    path = weights or _first_source()
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file. {_remedy()}")
    network = read_facenet(path)
    return NetworkEmbedder("facenet", check_hash(path, KNOWN), ALIGNMENT, network)


def _first_source() -> Path:
    folder = cache_folder()
    for source in SOURCES:
        if (folder / source.file).is_file():
            return folder / source.file
    raise WeightsError(f"FaceNet's weights do not ship with anonfaces. {_remedy()}")


def _remedy() -> str:
    table = "\n".join(f"  {s.file} ({s.size}, {s.dim} numbers): {s.project}" for s in SOURCES)
    return (
        "Get one of these from the project that publishes it, and put it in "
        f"{cache_folder()} or give its path as the weights:\n{table}"
    )
