"""The parser: label maps of faces without landmarks, by a small network that knows edges.

After EAGRNet (G. Te et al., "Edge-aware graph representation learning and reasoning for face
parsing", ECCV 2020): an edge branch looks at three depths, its edges weigh what is pooled to
4 x 4 nodes without the rim, the nodes reason as a graph, and what they found is given back to the
pixels. The trunk is ours and small.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, WeightsError
from anonbase.keras_backend import load_engine
from encoders import weights_file
from encoders.embed.network import check_chips
from encoders.frame import CropSquare
from encoders.parsing.classes import CLASSES

__all__ = ["FRAME", "SIZE", "Parser", "build_parser", "load_parser"]

_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parent / "_parsing"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parents[1] / "datasets" / "parsing"
KIND = "face parser"
FILE = "parser.h5"
REMEDY = "python -m encoders.parsing train FACES -o FOLDER"
#: Side in px of the pictures that the network sees; its maps have half of it.
SIZE = 128
#: What they show of an FFHQ-aligned chip: hairline to chin, as the semantic generator sees faces.
FRAME = CropSquare(0.5, 0.6, 0.62)
#: Feature maps at 64, 32, 16 and 8 px.
_WIDTHS = (24, 40, 64, 96)
#: Side of the plane of nodes, and the numbers that a node has.
_NODES, _STATES = 4, 64
_BATCH = 16


class Parser:
    """The parser with its weights; call it with pictures."""

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Parse faces.

        Parameters
        ----------
        pictures : uint8 (n, 128, 128, 3)
            RGB, a face each: the square ``FRAME`` of its FFHQ-aligned chip.

        Returns
        -------
        uint8 (n, 128, 128)
            A class of ``CLASSES`` for every pixel.
        """
        parts = [np.empty((0, SIZE, SIZE), np.uint8)]
        for scores in self._scores(pictures):
            parts.append(scores.argmax(axis=-1).astype(np.uint8))
        return np.concatenate(parts)

    def uncertainty(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """How unsure the parser is of every pixel: the entropy of its classes' probabilities.

        Parameters
        ----------
        pictures : uint8 (n, 128, 128, 3)
            As a call takes them.

        Returns
        -------
        float32 (n, 128, 128)
            In nats: 0 where it is sure, log(10) where all classes are as likely.
        """
        parts = [np.empty((0, SIZE, SIZE), np.float32)]
        for scores in self._scores(pictures):
            odds = scores - scores.max(axis=-1, keepdims=True)
            weight = np.exp(odds)
            total = weight.sum(axis=-1)
            parts.append(np.log(total) - (weight * odds).sum(axis=-1) / total)
        return np.concatenate(parts)

    def _scores(self, pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.float32]]:
        """Log odds float32 (m, 128, 128, 10) of the classes, a batch at a time."""
        if np.shape(pictures)[1:] != (SIZE, SIZE, 3):
            raise InputError(
                f"expected RGB pictures of shape (n, {SIZE}, {SIZE}, 3), got {np.shape(pictures)}:"
                f" FRAME.cut(chips, {SIZE}) cuts FFHQ-aligned chips"
            )
        check_chips(pictures, SIZE)
        for start in range(0, len(pictures), _BATCH):
            some = pictures[start : start + _BATCH]
            full = np.resize(some, (_BATCH, *some.shape[1:])).astype(np.float32)
            scores, _ = self.network.predict_on_batch(full)
            yield np.asarray(scores, np.float32)[: len(some)]

    def save(self, path: Path, **facts: Any) -> None:
        """Write the weights as float16, with ``facts`` beside them as JSON."""
        arrays = {f"{i:03d}": array for i, array in enumerate(self.network.get_weights())}
        weights_file.write(path, KIND, facts, arrays)


def build_parser() -> Any:
    """The Keras model: levels 0 to 255 float (n, 128, 128, 3) to scores of the classes
    (n, 128, 128, 10) and to the log odds of an edge (n, 64, 64, 1)."""
    load_engine()
    from keras import Input, Model, layers

    pictures = Input((SIZE, SIZE, 3))
    x, depths = layers.Rescaling(1 / 127.5, -1)(pictures), []
    for width in _WIDTHS:
        x = _convolved(_convolved(x, width, strides=2), width)
        depths.append(x)
    edges = _edges(depths[:3])
    x = _reasoned(_joined(depths[3], depths[2]), edges)
    for below in (depths[1], depths[0]):
        x = _joined(x, below)
    scores = layers.Conv2D(len(CLASSES), 1)(layers.Concatenate()([x, edges]))
    large = layers.UpSampling2D(2, interpolation="bilinear")(scores)
    network = Model(pictures, [large, edges], name="parser")
    network.compile(jit_compile=False)
    return network


def load_parser(path: str | Path | None = None) -> Parser:
    """Load a parser that ``python -m encoders.parsing train`` wrote; None: the one that ships.

    Returns
    -------
    Parser
        A callable: pictures uint8 (n, 128, 128, 3) to label maps uint8 (n, 128, 128).

    Raises
    ------
    WeightsError
        The file is missing, damaged, or of another network.

    Examples
    --------
    >>> import numpy as np
    >>> from encoders.parsing import CLASSES, FRAME, load_parser
    >>> chips = np.full((1, 256, 256, 3), 90, np.uint8)  # FaceSet.chips gives some of faces
    >>> labels = load_parser()(FRAME.cut(chips, 128))
    >>> labels.shape, bool(labels.max() < len(CLASSES))
    ((1, 128, 128), True)
    """
    path = SHIPPED / FILE if path is None else Path(path)
    _, arrays = weights_file.read(path, KIND, REMEDY)
    network = build_parser()
    wanted = [array.shape for array in network.get_weights()]
    if [arrays[name].shape for name in sorted(arrays)] != wanted:
        raise WeightsError(f"{path}: its arrays are not those of the parser: {REMEDY} makes it")
    network.set_weights([arrays[name] for name in sorted(arrays)])
    return Parser(network)


def _convolved(x: Any, width: int, strides: int = 1) -> Any:
    from keras import layers

    x = layers.Conv2D(width, 3, strides, padding="same", use_bias=False)(x)
    return layers.LeakyReLU(0.1)(layers.BatchNormalization(momentum=0.9)(x))


def _joined(x: Any, below: Any) -> Any:
    """What lies deeper, twice as large, added to what lies nearer to the picture."""
    from keras import layers

    width = below.shape[-1]
    up = layers.UpSampling2D(2, interpolation="bilinear")(layers.Conv2D(width, 1)(x))
    return _convolved(layers.Add()([up, below]), width)


def _edges(depths: list[Any]) -> Any:
    """Log odds (n, 64, 64, 1) that a border between parts lies there, from three depths."""
    from keras import layers

    seen = [
        layers.UpSampling2D(1 << i, interpolation="bilinear")(layers.Conv2D(8, 1)(depth))
        for i, depth in enumerate(depths)
    ]
    return layers.Conv2D(1, 3, padding="same")(_convolved(layers.Concatenate()(seen), 8))


def _reasoned(x: Any, edges: Any) -> Any:
    """What 16 nodes make of the maps (n, 16, 16, c), given back to the pixels and added."""
    from keras import layers

    side, width = x.shape[1], x.shape[-1]
    weight = layers.AveragePooling2D(edges.shape[1] // side)(layers.Activation("sigmoid")(edges))
    states = layers.Conv2D(_STATES, 1)(x)
    anchor = layers.AveragePooling2D(side // (_NODES + 2))(layers.Multiply()([states, weight]))
    rim = (anchor.shape[1] - _NODES + 1) // 2
    anchor = layers.Cropping2D(((rim, anchor.shape[1] - _NODES - rim),) * 2)(anchor)
    nodes = layers.Reshape((_NODES**2, _STATES))(anchor)
    pixels = layers.Reshape((side * side, _STATES))(states)
    shares = layers.Softmax(axis=1)(layers.Dot(axes=2)([nodes, pixels]))
    graph = layers.Dot(axes=(2, 1))([shares, pixels])
    mixed = layers.Dense(_NODES**2)(layers.Permute((2, 1))(graph))
    graph = layers.Add()([graph, layers.Permute((2, 1))(mixed)])
    graph = layers.LeakyReLU(0.1)(layers.Dense(_STATES)(graph))
    back = layers.Dot(axes=1)([shares, graph])
    back = layers.Conv2D(width, 1)(layers.Reshape((side, side, _STATES))(back))
    return layers.Add()([x, back])
