"""Reader of TensorFlow.js graph models: a JSON of nodes, and the weights in files beside it.

The layout is that of ``tensorflowjs_converter``: ``modelTopology`` is a GraphDef as JSON,
``weightsManifest`` lists the weights in the order in which they lie in the files of ``paths``,
as 32-bit numbers, as float16, or as integers of 8 or 16 bits times a scale plus a minimum.
(The ``tensorflowjs`` package would read it too; it wants JAX, Flax and TensorFlow Decision
Forests beside an older TensorFlow.)

The files are treated as hostile: nothing outside of the folder is read, no size is believed
before it was compared with the bytes that are there, and nothing in them is executed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.untrusted.stand_ins import check_weights_file

__all__ = ["Damaged", "Graph", "Node", "read_graph", "require"]

_LARGEST_JSON, _LARGEST_SHARDS = 16 << 20, 256 << 20
_MOST_NODES, _MOST_WEIGHTS, _MOST_SIDES = 5000, 5000, 6
_PLAIN = {"float32": "<f4", "int32": "<i4"}
_QUANTISED = {"float16": "<f2", "uint8": "<u1", "uint16": "<u2"}


class Damaged(Exception):  # noqa: N818 - never leaves the readers: it becomes a WeightsError
    """What is wrong with the file, for the message."""


@dataclass(frozen=True)
class Node:
    """One operation: ``attr`` is the JSON of its attributes, of which nothing is known yet."""

    name: str
    op: str
    inputs: tuple[str, ...]
    attr: Mapping[str, Any]

    def text(self, name: str, default: str = "") -> str:
        """An attribute that is a string (base64 in the file); ``default`` where there is none."""
        value = self._value(name, "s", None)
        return default if value is None else _text(value, f"{name} of {self.name}")

    def texts(self, name: str) -> tuple[str, ...]:
        """An attribute that is a list of strings; empty where there is none."""
        return tuple(_text(one, f"{name} of {self.name}") for one in self._list(name, "s"))

    def numbers(self, name: str) -> tuple[int, ...]:
        """An attribute that is a list of whole numbers (strings in the file)."""
        return tuple(_whole(one, f"{name} of {self.name}") for one in self._list(name, "i"))

    def flag(self, name: str) -> bool:
        """An attribute that is true or false; false where there is none."""
        value = self._value(name, "b", False)
        require(isinstance(value, bool), f"{name} of {self.name} is neither true nor false")
        return bool(value)

    def shape(self) -> tuple[int, ...]:
        """The shape of a placeholder, -1 where a side is free."""
        shape = _mapping(self._value("shape", "shape", {}), f"the shape of {self.name}")
        sides = _listed(shape.get("dim", []), f"the shape of {self.name}")
        return tuple(_whole(_mapping(s, "a side").get("size"), "a side") for s in sides)

    def _value(self, name: str, kind: str, default: Any) -> Any:
        value = _mapping(self.attr.get(name, {}), f"{name} of {self.name}")
        return value.get(kind, default)

    def _list(self, name: str, kind: str) -> list[Any]:
        value = _mapping(self._value(name, "list", {}), f"{name} of {self.name}")
        return _listed(value.get(kind, []), f"{name} of {self.name}")


@dataclass(frozen=True)
class Graph:
    """Nodes and weights (float32 or int32) by their names.

    ``sha256`` is that of the JSON followed by the files of weights, in the order of the manifest.
    """

    path: Path
    nodes: Mapping[str, Node]
    weights: Mapping[str, NDArray[Any]]
    sha256: str


def read_graph(path: Path) -> Graph:
    """Read the graph model ``path`` (the JSON) and the weights that lie beside it.

    Raises:
        WeightsError: a file is missing, too large, damaged, or no TensorFlow.js graph model.
    """
    content = _read(path, _LARGEST_JSON)
    try:
        model = _mapping(_parsed(path, content), "the file")
        nodes = _nodes(_mapping(model.get("modelTopology"), "modelTopology"))
        manifest = _listed(model.get("weightsManifest"), "weightsManifest")
        groups = [_mapping(group, "a group of weights") for group in manifest]
        shards = _shards(path, groups)
        weights = _weights(groups, shards)
    except Damaged as damage:
        raise WeightsError(f"{path}: a damaged TensorFlow.js graph model ({damage})") from damage
    digest = hashlib.sha256(b"".join([content, *shards])).hexdigest()
    return Graph(path, nodes, weights, digest)


def require(fact: bool, otherwise: str) -> None:
    """Raise ``Damaged`` with the message unless ``fact``."""
    if not fact:
        raise Damaged(otherwise)


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise WeightsError(f"{path}: no file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise WeightsError(f"{path}: cannot be read ({error.strerror or error})") from error
    if len(content) > limit:
        raise WeightsError(f"{path}: larger than {limit >> 20} MiB")
    return content


def _parsed(path: Path, content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        if not content.lstrip().startswith(b"{"):  # then it is no document in its place
            check_weights_file(path)
        raise WeightsError(f"{path}: no JSON of a TensorFlow.js graph model") from error


def _nodes(topology: Mapping[str, Any]) -> dict[str, Node]:
    entries = _listed(topology.get("node"), "the list of nodes")
    require(len(entries) <= _MOST_NODES, f"more than {_MOST_NODES} nodes")
    nodes = [_node(_mapping(entry, "a node")) for entry in entries]
    by_name = {node.name: node for node in nodes}
    require(len(by_name) == len(nodes), "two nodes have one name")
    return by_name


def _node(entry: Mapping[str, Any]) -> Node:
    name, op = (_string(entry.get(key), f"the {key} of a node") for key in ("name", "op"))
    inputs = _listed(entry.get("input", []), f"the inputs of {name}")
    attr = _mapping(entry.get("attr", {}), f"the attributes of {name}")
    return Node(name, op, tuple(_source(_string(i, f"an input of {name}")) for i in inputs), attr)


def _source(name: str) -> str:
    """The node whose first output is meant."""
    return name.removesuffix(":0")


def _shards(path: Path, groups: list[Mapping[str, Any]]) -> list[bytes]:
    """The bytes of each group's files, all of them together no more than is allowed."""
    contents, left = [], _LARGEST_SHARDS
    for group in groups:
        parts = []
        for name in _listed(group.get("paths"), "the paths of weights"):
            parts.append(_read(_beside(path, _string(name, "a path of weights")), left))
            left -= len(parts[-1])
        contents.append(b"".join(parts))
    return contents


def _beside(path: Path, name: str) -> Path:
    """The file ``name`` in the folder of ``path``, and nowhere else."""
    plain = name not in (".", "..") and not set(name) & set("/\\:\0")
    require(plain, f"the weights {name!r} do not lie in its folder")
    beside = path.parent / name
    require(not beside.is_symlink(), f"the weights {name!r} are a link")
    return beside


def _weights(groups: list[Mapping[str, Any]], shards: list[bytes]) -> dict[str, NDArray[Any]]:
    weights: dict[str, NDArray[Any]] = {}
    for group, content in zip(groups, shards, strict=True):
        entries = _listed(group.get("weights"), "a list of weights")
        require(len(weights) + len(entries) <= _MOST_WEIGHTS, f"more than {_MOST_WEIGHTS} weights")
        place = 0
        for entry in entries:
            name, values, place = _weight(_mapping(entry, "a weight"), content, place)
            require(name not in weights, f"two weights are called {name}")
            weights[name] = values
        require(place == len(content), "bytes follow the last weight")
    return weights


def _weight(entry: Mapping[str, Any], content: bytes, place: int) -> tuple[str, NDArray[Any], int]:
    """Name and values of a weight that starts at ``place``, and where it ends."""
    name = _string(entry.get("name"), "the name of a weight")
    sides = _listed(entry.get("shape"), f"the shape of {name}")
    shape = tuple(_whole(side, f"the shape of {name}") for side in sides)
    require(len(shape) <= _MOST_SIDES and min(shape, default=1) > 0, f"{name} has no shape")
    dtype, quantised = entry.get("dtype"), entry.get("quantization")
    kinds, kind = (_PLAIN, dtype) if quantised is None else _quantised(name, dtype, quantised)
    require(isinstance(kind, str) and kind in kinds, f"{name} is stored as {kind!r}")
    stored = np.dtype(kinds[str(kind)])
    end = place + math.prod(shape) * stored.itemsize
    require(end <= len(content), f"the weights end before {name}")
    values = np.frombuffer(content[place:end], stored).reshape(shape)
    return name, _restored(name, values, quantised), end


def _quantised(name: str, dtype: Any, quantised: Any) -> tuple[Mapping[str, str], Any]:
    require(dtype == "float32", f"{name} is {dtype!r} and quantised")
    return _QUANTISED, _mapping(quantised, f"the quantization of {name}").get("dtype")


def _restored(name: str, values: NDArray[Any], quantised: Any) -> NDArray[Any]:
    if values.dtype.kind == "i":
        return values.astype(np.int32)
    restored = values.astype(np.float32)
    if values.dtype.kind == "u":
        scale, least = (_number(quantised.get(key), f"{key} of {name}") for key in ("scale", "min"))
        restored = restored * np.float32(scale) + np.float32(least)
    require(bool(np.isfinite(restored).all()), f"{name} is not made of finite numbers")
    return restored


# ---- JSON of which nothing is known


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    require(isinstance(value, dict), f"{what} is missing or no object")
    return value


def _listed(value: Any, what: str) -> list[Any]:
    require(isinstance(value, list), f"{what} is missing or no list")
    return value


def _string(value: Any, what: str) -> str:
    require(isinstance(value, str) and 0 < len(value) <= 1000, f"{what} is missing or no text")
    return str(value)


def _whole(value: Any, what: str) -> int:
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    require(text.removeprefix("-").isdecimal() and len(text) < 12, f"{what} is no whole number")
    return int(text)


def _number(value: Any, what: str) -> float:
    plain = isinstance(value, int | float) and abs(value) < 1e30
    require(plain, f"{what} is no number")
    return float(value)


def _text(value: Any, what: str) -> str:
    try:
        return base64.b64decode(_string(value, what), validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise Damaged(f"{what} is no text") from error
