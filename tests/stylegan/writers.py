"""Checkpoints as others write them, made without their code: the same classes by name only.

Each function takes our numbers (kernels HWIO, dense layers (in, out)) and goes the other way.
"""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch_writer
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float32]]
SOURCE = "import os\nos.system('touch hacked')\nopen('hacked', 'w').close()\n"


@contextmanager
def named(**objects: Any) -> Iterator[None]:
    """While this lasts, ``pickle`` finds the objects under these names (dots as ``__``)."""
    kept: dict[str, types.ModuleType | None] = {}
    for full, thing in objects.items():
        module, _, name = full.replace("__", ".").rpartition(".")
        parts = module.split(".")
        for package in [".".join(parts[:i]) for i in range(1, len(parts) + 1)]:
            if package not in kept:
                kept[package] = sys.modules.get(package)
                sys.modules[package] = types.ModuleType(package)
        thing.__module__, thing.__qualname__, thing.__name__ = module, name, name
        setattr(sys.modules[module], name, thing)
    try:
        yield
    finally:
        for module, before in kept.items():
            del sys.modules[module]
            if before is not None:
                sys.modules[module] = before


# ---- NVIDIA, TensorFlow


class _Network:
    def __init__(self, **state: Any) -> None:
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        return self.state


class _EasyDict(dict):
    pass


def _network(name: str, variables: Arrays, **components: Any) -> _Network:
    return _Network(
        version=4,
        name=name,
        static_kwargs=_EasyDict(resolution=16, func_name="training.networks"),
        components=_EasyDict(components),
        build_module_src=SOURCE,
        build_func_name="G_main",
        variables=[(key, np.asarray(value)) for key, value in variables.items()],
    )


def tensorflow_pickle(top: Arrays, mapping: Arrays, synthesis: Arrays, judge: Arrays) -> bytes:
    """A tuple G, D, Gs; G has other numbers, so that taking the wrong one shows."""
    with named(dnnlib__tflib__network__Network=_Network, dnnlib__util__EasyDict=_EasyDict):
        parts = {"mapping": _network("m", mapping), "synthesis": _network("s", synthesis)}
        worse = {key: np.zeros_like(value) for key, value in synthesis.items()}
        other = {"mapping": parts["mapping"], "synthesis": _network("s", worse)}
        networks = (
            _network("G", top, **other),
            _network("D", judge),
            _network("Gs", {"lod": np.float32(0), **top}, **parts),
        )
        return pickle.dumps(networks, protocol=4)


def stylegan2_variables(values: Arrays) -> tuple[Arrays, Arrays, Arrays]:
    """Our StyleGAN2 generator as TensorFlow's variables: of Gs, of the mapping, of synthesis."""
    synthesis = {"4x4/Const/const": values["synthesis.b4.const"].transpose(2, 0, 1)[None]}
    number = 0
    for name, value in values.items():
        _, block, *rest = [*name.split("."), ""]
        if not block.startswith("b") or name == "synthesis.b4.const":
            continue
        layer = {"conv0": "Conv0_up", "conv1": "Conv" if block == "b4" else "Conv1"}
        place = f"{block[1:]}x{block[1:]}/{layer.get(rest[0], 'ToRGB')}"
        part = ".".join(rest[1:]).rstrip(".")
        if part == "noise_const":
            synthesis[f"noise{number}"] = value[None, None]
            number += 1
        elif part == "affine.bias":
            synthesis[f"{place}/mod_bias"] = value - np.float32(1)
        elif part == "affine.weight":
            synthesis[f"{place}/mod_weight"] = value
        elif rest[0] == "conv0" and part == "weight":
            synthesis[f"{place}/weight"] = value[::-1, ::-1]
        else:
            synthesis[f"{place}/{part}"] = value
    return {"dlatent_avg": values["mapping.w_avg"]}, _dense(values, 1.0), synthesis


def stylegan_variables(values: Arrays) -> tuple[Arrays, Arrays, Arrays]:
    """Our StyleGAN generator as TensorFlow's variables."""
    parts = {
        "affine.weight": "StyleMod/weight",
        "affine.bias": "StyleMod/bias",
        "noise_strength": "Noise/weight",
    }
    synthesis = {
        "lod": np.float32(0),
        "4x4/Const/const": values["synthesis.b4.const"].transpose(2, 0, 1)[None],
        "ToRGB_lod0/weight": values["synthesis.torgb.weight"],
        "ToRGB_lod0/bias": values["synthesis.torgb.bias"],
        "ToRGB_lod1/weight": np.ones((1, 1, 4, 3), np.float32),
    }
    number = 0
    for name, value in values.items():
        _, block, *rest = [*name.split("."), ""]
        if not block.startswith("b") or name == "synthesis.b4.const":
            continue
        first = {"conv0": "Const", "conv1": "Conv"}
        layer = (first if block == "b4" else {"conv0": "Conv0_up", "conv1": "Conv1"})[rest[0]]
        part = ".".join(rest[1:]).rstrip(".")
        if part == "noise_const":
            synthesis[f"noise{number}"] = value[None, None]
            number += 1
        else:
            synthesis[f"{block[1:]}x{block[1:]}/{layer}/{parts.get(part, part)}"] = value
    return {"dlatent_avg": values["mapping.w_avg"]}, _dense(values, np.sqrt(2)), synthesis


def _dense(values: Arrays, gain: float) -> Arrays:
    found = {k.split(".", 1)[1]: v for k, v in values.items() if k.startswith("mapping.fc")}
    return {
        f"Dense{k[2]}/{k[4:]}": v * np.float32(gain if k.endswith("bias") else 1)
        for k, v in found.items()
    }


def discriminator_variables(values: Arrays) -> Arrays:
    """Our discriminator as TensorFlow's variables."""
    names = {"fromrgb": "FromRGB", "conv0": "Conv0", "conv1": "Conv1_down", "skip": "Skip"}
    ends = {"conv": "4x4/Conv", "fc": "4x4/Dense0", "out": "Output"}
    found = {}
    for name, value in _flattened_as_theirs(values).items():
        block, layer, part = name.split(".")
        place = ends[layer] if block == "b4" else f"{block[1:]}x{block[1:]}/{names[layer]}"
        found[f"{place}/{part}"] = value
    return found


def _flattened_as_theirs(values: Arrays) -> dict[str, NDArray[np.float32]]:
    """The dense layer behind the 4 x 4 map takes (C, 4, 4) there and (4, 4, C) here."""
    rows = values["b4.fc.weight"]
    split = rows.reshape(4, 4, -1, rows.shape[-1]).transpose(2, 0, 1, 3)
    return {**values, "b4.fc.weight": split.reshape(rows.shape)}


# ---- PyTorch


def official(values: Arrays) -> dict[str, NDArray[np.float32]]:
    """Our numbers as StyleGAN2-ADA's state dict has them (NCHW), filters included."""
    found = {}
    fixed = _flattened_as_theirs(values) if "b4.fc.weight" in values else values
    for name, value in fixed.items():
        if name.endswith(".const"):
            value = value.transpose(2, 0, 1)
        elif name.endswith("weight"):
            value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
        found[name] = np.ascontiguousarray(value).reshape(value.shape)
    first = next(iter(found))
    return {**found, f"{first.split('.')[0]}.b4.conv1.resample_filter": TAPS}


TAPS = np.outer([1, 3, 3, 1], [1, 3, 3, 1]).astype(np.float32) / 64


class _Storage:
    def __init__(self, content: bytes) -> None:
        self.content = content

    def __reduce__(self) -> tuple[Any, ...]:
        return _load_from_bytes, (self.content,)


class _FloatStorage:
    pass


def _load_from_bytes(content: bytes) -> None:
    raise AssertionError("a test read its own pickle by running it")


def _rebuild_tensor_v2(*_: Any) -> None:
    raise AssertionError("a test read its own pickle by running it")


def _rebuild_parameter(*_: Any) -> None:
    raise AssertionError("a test read its own pickle by running it")


def _reconstruct_persistent_obj(_: Any) -> None:
    raise AssertionError("a test read its own pickle by running it")


class _Tensor:
    def __init__(self, array: NDArray[np.float32]) -> None:
        self.array = np.asarray(array, "<f4")

    def __reduce__(self) -> tuple[Any, ...]:
        shape = self.array.shape
        strides = tuple(step // 4 for step in np.empty(shape, np.float32).strides)
        storage = _Storage(_stream(self.array))
        return _rebuild_tensor_v2, (storage, 0, shape, strides, False, OrderedDict())


class _Parameter(_Tensor):
    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild_parameter, (_Tensor(self.array), True, OrderedDict())


def _stream(array: NDArray[np.float32]) -> bytes:
    """A storage as ``torch.save`` wrote it before version 1.6."""
    out = io.BytesIO()
    for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
        pickle.dump(part, out, protocol=2)

    class Pickler(pickle.Pickler):
        def persistent_id(self, thing: Any) -> Any:
            if thing is not array:
                return None
            return ("storage", _FloatStorage, "94", "cpu", array.size, None)

    Pickler(out, protocol=2).dump(array)
    pickle.dump(["94"], out, protocol=2)
    return out.getvalue() + struct.pack("<q", array.size) + array.tobytes()


_BUFFERS = {"w_avg", "noise_const", "transform", "freqs", "phases", "magnitude_ema"}


class _Module:
    """A persistent module: its source goes into the pickle beside its state."""

    def __init__(self, **attributes: Any) -> None:
        self.state = {
            "training": False,
            "_parameters": OrderedDict(),
            "_buffers": OrderedDict(),
            "_modules": OrderedDict(),
            "_init_args": (),
            "_init_kwargs": {},
            **attributes,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        meta = {
            "type": "class",
            "version": 6,
            "module_src": SOURCE,
            "class_name": "Generator",
            "state": self.state,
        }
        return _reconstruct_persistent_obj, (meta,)


def _module(values: Mapping[str, NDArray[np.float32]], clamp: float | None) -> _Module:
    top = _Module(conv_clamp=clamp)
    for name, value in values.items():
        *path, last = name.split(".")
        module = top
        for part in path:
            module = module.state["_modules"].setdefault(part, _Module(conv_clamp=clamp))
        buffer = last in _BUFFERS or last.endswith("_filter")
        kept = module.state["_buffers" if buffer else "_parameters"]
        kept[last] = (_Tensor if buffer else _Parameter)(value)
    return top


def module_at(module: _Module, path: str) -> dict[str, Any]:
    """The attributes of the module below ``module`` at ``path``."""
    for part in path.split("."):
        module = module.state["_modules"][part]
    return module.state


def generator_alone(values: Arrays, **settings: Any) -> bytes:
    """A pickle of G_ema itself; ``settings`` are attributes by path, dots as ``__``."""
    module = _module(official(values), None)
    for place, value in settings.items():
        path, _, name = place.replace("__", ".").rpartition(".")
        module_at(module, path)[name] = value
    return _persistent(module)


def ada_pickle(generator: Arrays, judge: Arrays | None = None, clamp: float | None = None) -> bytes:
    """A snapshot of StyleGAN2-ADA's PyTorch training; G has other numbers than G_ema."""
    content = {
        "training_set_kwargs": {"class_name": "training.dataset.ImageFolderDataset"},
        "G": _module({k: np.zeros_like(v) for k, v in official(generator).items()}, clamp),
        "D": None if judge is None else _module(official(judge), clamp),
        "G_ema": _module(official(generator), clamp),
        "augment_pipe": None,
    }
    return _persistent(content)


def alias_free_pickle(
    values: Arrays, filters: Arrays, clamp: float | None = 256.0, **settings: Any
) -> bytes:
    """A snapshot of StyleGAN3's training; ``settings`` are attributes of its synthesis."""
    theirs = {k: v.transpose(3, 2, 0, 1) if v.ndim == 4 else _rows(k, v) for k, v in values.items()}
    module = _module({**theirs, **filters}, clamp)
    module.state["_modules"]["synthesis"].state |= {"output_scale": 0.25, **settings}
    other = _module({k: np.zeros_like(v) for k, v in theirs.items()}, clamp)
    return _persistent({"G": other, "D": None, "G_ema": module, "training_set_kwargs": {}})


def _rows(name: str, value: NDArray[np.float32]) -> NDArray[np.float32]:
    return value.T if name.endswith("weight") else value


def _persistent(content: Any) -> bytes:
    with named(
        torch__FloatStorage=_FloatStorage,
        torch__storage___load_from_bytes=_load_from_bytes,
        torch___utils___rebuild_tensor_v2=_rebuild_tensor_v2,
        torch___utils___rebuild_parameter=_rebuild_parameter,
        torch_utils__persistence___reconstruct_persistent_obj=_reconstruct_persistent_obj,
    ):
        return pickle.dumps(content)


# ---- rosinality


def rosinality_names(values: Arrays) -> dict[str, NDArray[np.float32]]:
    """Our StyleGAN2 generator under the names of stylegan2-pytorch."""
    theirs = official(values)
    found = {"input.input": theirs["synthesis.b4.const"][None]}
    sizes = sorted({int(n.split(".")[1][1:]) for n in theirs if n.startswith("synthesis.b")})
    for name, value in theirs.items():
        if name.startswith("mapping.fc"):
            found[f"style.{int(name[10]) + 1}.{name[12:]}"] = value
    layer = 0
    for size in sizes:
        for conv in ("conv1",) if size == 4 else ("conv0", "conv1"):
            ours, place = f"synthesis.b{size}.{conv}", f"convs.{layer - 1}" if layer else "conv1"
            found |= _modulated(theirs, ours, place, gain=True)
            found[f"{place}.noise.weight"] = theirs[f"{ours}.noise_strength"].reshape(1)
            found[f"{place}.activate.bias"] = theirs[f"{ours}.bias"]
            found[f"noises.noise_{layer}"] = theirs[f"{ours}.noise_const"][None, None]
            layer += 1
        place = "to_rgb1" if size == 4 else f"to_rgbs.{sizes.index(size) - 1}"
        found |= _modulated(theirs, f"synthesis.b{size}.torgb", place, gain=False)
        found[f"{place}.bias"] = theirs[f"synthesis.b{size}.torgb.bias"].reshape(1, 3, 1, 1)
    return found


def _modulated(theirs: Arrays, ours: str, place: str, gain: bool) -> dict[str, Any]:
    weight = theirs[f"{ours}.weight"]
    scale = np.sqrt(np.prod(weight.shape[1:])) if gain else 1.0
    return {
        f"{place}.conv.weight": weight[None] * np.float32(scale),
        f"{place}.conv.modulation.weight": theirs[f"{ours}.affine.weight"],
        f"{place}.conv.modulation.bias": theirs[f"{ours}.affine.bias"],
    }


def rosinality_discriminator(values: Arrays) -> dict[str, NDArray[np.float32]]:
    """Our discriminator under the names of stylegan2-pytorch."""
    theirs = official(values)
    sizes = sorted({int(n.split(".")[0][1:]) for n in values}, reverse=True)
    parts = {"conv0.weight": "conv1.0.weight", "conv0.bias": "conv1.1.bias"}
    parts |= {"conv1.weight": "conv2.1.weight", "conv1.bias": "conv2.2.bias"}
    parts |= {"skip.weight": "skip.1.weight"}
    ends = {"conv.weight": "final_conv.0.weight", "conv.bias": "final_conv.1.bias"}
    ends |= {"fc.weight": "final_linear.0.weight", "fc.bias": "final_linear.0.bias"}
    ends |= {"out.weight": "final_linear.1.weight", "out.bias": "final_linear.1.bias"}
    found = {f"final_conv.0.{k}": np.ones((4, 4), np.float32) for k in ("kernel",)}
    for kind, number in (("weight", 0), ("bias", 1)):
        found[f"convs.0.{number}.{kind}"] = theirs[f"b{sizes[0]}.fromrgb.{kind}"]
    for i, size in enumerate(sizes[:-1]):
        found |= {f"convs.{i + 1}.{n}": theirs[f"b{size}.{o}"] for o, n in parts.items()}
    return found | {n: theirs[f"b4.{o}"] for o, n in ends.items()}


def rosinality_file(average: NDArray[np.float32] | None, **groups: Arrays) -> bytes:
    """A .pt of nested state dicts, with an ``argparse.Namespace`` as that trainer adds.

    That trainer writes no ``average``; who converts NVIDIA's files does.
    """
    storages: dict[str, bytes] = {}

    def tensor(array: NDArray[np.float32]) -> bytes:
        key = str(len(storages))
        storages[key] = np.ascontiguousarray(array, "<f4").tobytes()
        strides = tuple(step // 4 for step in np.empty(array.shape, np.float32).strides)
        return torch_writer.tensor(torch_writer.storage(key, array.size), 0, array.shape, strides)

    body = b"" if average is None else torch_writer.text("latent_avg") + tensor(average)
    for name, arrays in groups.items():
        inner = b"".join(torch_writer.text(k) + tensor(v) for k, v in arrays.items())
        body += torch_writer.text(name) + b"}(" + inner + b"u"
    arguments = torch_writer.text("batch") + torch_writer.number(16)
    body += torch_writer.text("args") + b"cargparse\nNamespace\n)\x81}(" + arguments + b"ub"
    pickled = torch_writer.START + b"}(" + body + b"u" + torch_writer.STOP
    return torch_writer.archive(pickled, storages)
