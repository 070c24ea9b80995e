"""Booby-trapped pickles: nothing runs, nothing large is allocated, and the error is clear."""

from __future__ import annotations

import builtins
import operator
import os
import pickle
import pickletools
import re
import struct
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch_writer
import writers
from test_networks import small

import stylegan
from anonbase.errors import WeightsError
from stylegan import checkpoint

START = b"\x80\x04"
MEGABYTE = 1 << 20


class Trap:
    """Calls ``function(*arguments)`` when a careless reader unpickles it."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def call(module: str, name: str, *arguments: bytes) -> bytes:
    return text(module) + text(name) + b"\x93(" + b"".join(arguments) + b"tR"


def number(value: int) -> bytes:
    return b"\x8a\x09" + value.to_bytes(9, "little", signed=True)


def array(shape: tuple[int, ...], code: str, content: bytes) -> bytes:
    """An ndarray's pickle that may lie about its shape or type."""
    kind = call("numpy", "dtype", text(code), b"\x89", b"\x88")
    kind += b"(" + b"K\x03" + text("<") + b"NNN" + number(-1) * 2 + b"K\x00tb"
    shell = call("numpy.core.multiarray", "_reconstruct", text("x"))
    sides = b"(" + b"".join(map(number, shape)) + b"t"
    packed = b"B" + struct.pack("<I", len(content)) + content
    return shell + b"(K\x01" + sides + kind + b"\x89" + packed + b"tb"


def nested(step: bytes, times: int) -> bytes:
    return b")" + step * times


def snapshot(**extra: Any) -> bytes:
    """A good snapshot, and something more."""
    good = pickletools.optimize(writers.ada_pickle(small().values()))
    entries = b"".join(text(key) + value for key, value in extra.items())
    return good[:-1] + b"(" + entries + b"u."


TRAPS = {
    "os.system": pickle.dumps(Trap(os.system, "touch hacked")),
    "os.system, protocol 0": pickle.dumps(Trap(os.system, "touch hacked"), 0),
    "eval": pickle.dumps(Trap(builtins.eval, "open('hacked', 'w')")),
    "exec": pickle.dumps(Trap(builtins.exec, "open('hacked', 'w')")),
    "open": pickle.dumps(Trap(builtins.open, "hacked", "w")),
    "getattr": pickle.dumps(Trap(builtins.getattr, "text", "format")),
    "attrgetter": pickle.dumps(Trap(operator.attrgetter("system"), "touch hacked")),
    "methodcaller": pickle.dumps(Trap(operator.methodcaller, "system", "touch hacked")),
    "pickle in a pickle": pickle.dumps(Trap(pickle.loads, pickle.dumps(Trap(os.system, "x")))),
    "a dotted name": START + text("torch") + text("os.system") + b"\x93" + text("x") + b"\x85R.",
    "numpy runs strings": START
    + call("numpy.testing._private.utils", "runstring", text("open('hacked', 'w')"), b"}")
    + b".",
    "numpy loads objects": START + call("numpy", "load", text("/etc/passwd")) + b".",
    "an old instance": b"(S'touch hacked'\nios\nsystem\n.",
    "an object": b"(cos\nsystem\nS'touch hacked'\no.",
    "setstate": START + text("dnnlib.tflib.network") + text("Network") + b"\x93)\x81}b.",
    "a list of networks": START + text("os") + text("system") + b"\x93)\x81\x85.",
    "in a good file": snapshot(more=call("os", "system", text("touch hacked"))),
    "eval in a good file": snapshot(more=call("builtins", "eval", text("open('hacked', 'w')"))),
    "an extension code": START + b"\x82\x01.",
    "data from outside": START + text("x") + b"Q.",
    "a buffer from outside": b"\x80\x05\x97.",
    "an array of objects": START + array((1,), "O8", b"12345678") + b".",
    "a pickled object array": pickle.dumps(np.array([Trap(os.system, "touch hacked")], object)),
    "a structured array": pickle.dumps(np.zeros(2, [("a", "f4"), ("b", "O")])),
    "an array of 2**50": START + array((1 << 50,), "f4", b"1234") + b".",
    "an array of negative sides": START + array((-1, -1), "f4", b"1234") + b".",
    "an array of 2**60 nothings": START + array((1 << 60, 0), "f4", b"") + b".",
    "a bytearray of 2**40": START + call("builtins", "bytearray", number(1 << 40)) + b".",
    "2**62 bytes": START + b"\x8e" + struct.pack("<Q", 1 << 62) + b".",
    "2**62 letters": START + b"\x8d" + struct.pack("<Q", 1 << 62) + b".",
    "2**62 changeable bytes": b"\x80\x05\x96" + struct.pack("<Q", 1 << 62) + b".",
    "a number of 2**31 digits": START + b"\x8b" + struct.pack("<i", 2**31 - 1) + b".",
    "a frame of 2**63": START + b"\x95" + struct.pack("<Q", 1 << 63) + b".",
    "place 2**32 of the memo": START + b"Nr\xff\xff\xff\xff.",
    "tuples in tuples as a key": START + b"}(" + nested(b"\x85", 100_000) + b"Nu.",
    "doubled tuples as a key": START + b"}" + nested(b"2\x86", 64) + b"Ns.",
    "doubled tuples in a set": START + b"\x8f(" + nested(b"2\x86", 64) + b"\x90.",
    "a text made bytes a million times": START
    + text("x" * MEGABYTE)
    + b"\x940"
    + text("_codecs")
    + text("encode")
    + b"\x93\x940("
    + b"h\x01h\x00\x85R" * 300_000
    + b"t.",
    "one array copied a million times": START
    + array((MEGABYTE // 4,), "f4", bytes(MEGABYTE))
    + b"\x940"
    + text("torch._utils")
    + text("_rebuild_tensor_v2")
    + b"\x93\x940("
    + b"(h\x00K\x00"
    + number(MEGABYTE // 4)
    + b"\x85K\x01\x85\x89}t\x940"
    + b"h\x01h\x02R" * 100_000
    + b"t.",
    "an array of 1,000 axes": START + array((2,) * 1000, "f4", b"1234") + b".",
    "axes without end": START
    + array((1,), "f4", b"1234").replace(number(1), b"\x8b\xff\xff\x00\x00" + b"\x01" * 65535)
    + b".",
    "a terminal's commands": START + text("os\x1b[2J") + text("x") + b"\x93)R.",
    "many empty sets": START + b"\x8f" * 600_000 + b".",
    "lists in lists": START + b"]" * 300_000 + b"a" * 299_999 + b".",
    "marks without an end": START + b"(" * 300_000 + b".",
    "a line without an end": b"c" + b"x" * 300_000,
    "nothing": b"",
    "a stop": b".",
    "an underflow": START + b"R.",
    "text": b"this is no pickle",
    "a web page": b"<!DOCTYPE html><title>Too many downloads</title>",
    "a plain number": pickle.dumps(7),
    "an empty dictionary": pickle.dumps({}),
    "empty networks": pickle.dumps({"G_ema": None, "D": None}),
}


@pytest.mark.parametrize("content", TRAPS.values(), ids=TRAPS.keys())
def test_nothing_runs_and_nothing_large_is_made(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "network.pkl"
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError) as caught:
            checkpoint.read(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "network.pkl" in str(caught.value)
    assert not re.search(r"\w(Error|Exception)\b", str(caught.value))
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()
    assert peak < 320 * MEGABYTE
    assert [entry.name for entry in tmp_path.iterdir()] == ["network.pkl"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "the file is empty"),
        ("a stop", "not a complete pickle"),
        ("an underflow", "not a complete pickle"),
        ("text", "a text in place of the file"),
        ("a web page", "a web page in place of the file"),
    ],
)
def test_what_is_no_pickle_is_called_so(name: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(TRAPS[name])
    with pytest.raises(WeightsError, match=rf"network\.pkl: {message}"):
        checkpoint.read(path)


@pytest.mark.parametrize(
    "name", ["os.system", "eval", "exec", "open", "attrgetter", "in a good file"]
)
def test_what_asks_for_the_system_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(TRAPS[name])
    with pytest.raises(WeightsError, match=r"asks for \w+\.\w+.*Nothing was run"):
        checkpoint.read(path)


def test_the_traps_do_work_on_a_careless_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pickle.loads(TRAPS["os.system"])  # noqa: S301
    assert (tmp_path / "hacked").exists()


def test_the_source_in_a_persistent_module_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = writers.ada_pickle(small().values())
    assert writers.SOURCE.encode() in content
    (tmp_path / "network.pkl").write_bytes(content)
    stylegan.load(tmp_path / "network.pkl")
    assert [entry.name for entry in tmp_path.iterdir()] == ["network.pkl"]


def _reach_inside(kind: str) -> bytes:
    inner = torch_writer.START + call("os", "system", text("touch hacked")) + b"."
    if kind == "storage":
        return snapshot(more=call("torch.storage", "_load_from_bytes", b"B" + _sized(inner)))
    legacy = pickle.dumps(0x1950A86A20F9469CFC6C, 2) + pickle.dumps(1001, 2) + inner
    return snapshot(more=call("torch.storage", "_load_from_bytes", b"B" + _sized(legacy)))


def _sized(content: bytes) -> bytes:
    return struct.pack("<I", len(content)) + content


@pytest.mark.parametrize("kind", ["storage", "after the header"])
def test_a_trap_inside_of_a_tensor(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "network.pkl").write_bytes(_reach_inside(kind))
    with pytest.raises(WeightsError):
        checkpoint.read(tmp_path / "network.pkl")
    assert [entry.name for entry in tmp_path.iterdir()] == ["network.pkl"]


def test_tensors_inside_of_tensors_end(tmp_path: Path) -> None:
    content = b"\x80\x02N."
    for _ in range(200):
        content = START + call("torch.storage", "_load_from_bytes", b"B" + _sized(content)) + b"."
    (tmp_path / "network.pkl").write_bytes(content)
    with pytest.raises(WeightsError):
        checkpoint.read(tmp_path / "network.pkl")


def test_a_module_that_holds_itself_ends(tmp_path: Path) -> None:
    kind = text("torch_utils.persistence") + text("_reconstruct_persistent_obj") + b"\x93"
    of_state = kind + b"}" + text("state") + b"h\x00s\x85R"
    state = b"}\x94" + text("_modules") + b"}" + text("self") + of_state + b"ss"
    made = START + state + b"0}" + text("G_ema") + of_state + b"s."
    (tmp_path / "network.pkl").write_bytes(made)
    with pytest.raises(WeightsError, match="modules in modules"):
        checkpoint.read(tmp_path / "network.pkl")


@pytest.mark.parametrize("changes", [60, pytest.param(6000, marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("kind", ["tensorflow", "pytorch"])
def test_no_changed_byte_raises_anything_else(
    kind: str, changes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    values = small().values()
    content = (
        writers.ada_pickle(values)
        if kind == "pytorch"
        else writers.tensorflow_pickle(*writers.stylegan2_variables(values), {})
    )
    rng = np.random.default_rng(0)
    path = tmp_path / "network.pkl"
    for place in rng.integers(0, len(content), changes):
        changed = bytearray(content)
        changed[place] ^= 1 << rng.integers(8)
        path.write_bytes(changed)
        with suppress(WeightsError):
            checkpoint.checked(checkpoint.read(path), "network.pkl")
    assert [entry.name for entry in tmp_path.iterdir()] == ["network.pkl"]
