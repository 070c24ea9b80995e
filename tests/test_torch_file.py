"""PyTorch's state dicts: what PyTorch 2.13 wrote is read, and hostile files run nothing."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch_writer as w

from anonbase.errors import WeightsError
from anonbase.untrusted.torch_files import read_torch

DATA = Path(__file__).parent / "data"
LAYOUTS = ["torch_zip.pt", "torch_stream.pt"]
FLOATS = np.arange(4, dtype="<f4").tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_pytorch_wrote_is_read(layout: str) -> None:
    state = read_torch(DATA / layout)
    base = np.arange(24, dtype=np.float32).reshape(4, 6)
    expected = {
        "0.weight": np.arange(6, dtype=np.float32).reshape(3, 2, 1, 1),
        "1.running_var": np.ones(3, np.float32),
        "1.num_batches_tracked": np.array(0),
        "float": base,
        "transposed": base.T,
        "part": base[1:3, 2:5],
        "half": np.array([1.5, -2.0], np.float16),
        "double": np.array([[0.1]]),
        "count": np.array(7),
        "flags": np.array([True, False]),
        "parameter": np.array([3.0], np.float32),
        "empty": np.empty((0, 5), np.float32),
    }
    assert set(expected) < set(state)
    for name, values in expected.items():
        np.testing.assert_array_equal(state[name], values, err_msg=name)
        assert state[name].dtype == values.dtype
        assert state[name].flags.owndata


def test_what_the_tests_write_is_read(tmp_path: Path) -> None:
    path = tmp_path / "state.pt"
    path.write_bytes(w.state_dict({"a": np.eye(3, dtype=np.float32)}))
    np.testing.assert_array_equal(read_torch(path)["a"], np.eye(3))


def _one(entry: bytes, content: bytes = FLOATS) -> bytes:
    return w.archive(w.pickled({"a": entry}), {"0": content})


def _tensor(shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> bytes:
    return _one(w.tensor(w.storage("0", 4), offset, shape, strides))


def _calls(symbol: bytes) -> bytes:
    return w.archive(w.START + symbol + w.tuple_of(w.text("touch hacked")) + b"R" + w.STOP, {})


def _nested_key() -> bytes:
    deep = b")" + b"\x85" * 200_000  # a tuple in a tuple in a tuple
    return w.archive(w.START + b"}(" + deep + b"Nu" + w.STOP, {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (lambda: b"", "too early"),
        (lambda: b"not at all", "not a state dict"),
        (lambda: b"PK\x03\x04 and no more", "zip"),
        (lambda: w.archive(b"", {}), "too early"),
        (lambda: w.archive(w.START + b"N" + w.STOP, {}), "holds no dictionary"),
        (lambda: w.archive(w.pickled({}), {}), "holds no dictionary"),
        (lambda: _one(b"N"), "'a' is not a tensor"),
        (lambda: _calls(b"cposix\nsystem\n"), "asks for posix.system"),
        (lambda: _calls(b"cbuiltins\neval\n"), "asks for builtins.eval"),
        (
            lambda: _calls(w.text("os") + w.text("system") + b"\x93"),
            "asks for os.system",
        ),
        (lambda: _calls(b"N"), "holds no dictionary"),
        (lambda: w.archive(w.START + b"cos\nsystem\n)\x81" + w.STOP, {}), "asks for os.system"),
        (lambda: w.archive(w.START + b"(S'ls'\nios\nsystem\n.", {}), "asks for os.system"),
        (lambda: w.archive(w.START + b"(" + w.STOP, {}), "not a state dict"),
        (lambda: w.archive(w.START + b"t" + w.STOP, {}), "not a state dict"),
        (lambda: w.archive(w.START + b"h\x07" + w.STOP, {}), "not a state dict"),
        (lambda: w.archive(w.START + b"N}u" + w.STOP, {}), "not a state dict"),
        (_nested_key, "a key of type tuple"),
        (lambda: _one(w.tensor(w.storage("0", 4, "SecretStorage"), 0, (4,), (1,))), "Secret"),
        (lambda: _one(w.tensor(w.storage("7", 4), 0, (4,), (1,))), "archive/data/7"),
        (lambda: _one(w.tensor(w.storage("../0", 4), 0, (4,), (1,))), "archive/data/../0"),
        (lambda: _one(w.tensor(w.storage("0", 2**60), 0, (4,), (1,))), "do not add up"),
        (lambda: _one(w.tensor(w.storage("0", -4), 0, (4,), (1,))), "invalid key or size"),
        (lambda: _one(w.tensor(b"N", 0, (4,), (1,))), "has no storage"),
        (lambda: _one(w.tensor(w.storage("0", 3), 0, (3,), (1,))), "larger than it should be"),
        (lambda: _one(w.tensor(w.storage("0", 4), 0, (4,), (1,)), FLOATS[:8]), "larger than its"),
        (lambda: _tensor((5,), (1,)), "larger than its storage"),
        (lambda: _tensor((2,), (4,)), "larger than its storage"),
        (lambda: _tensor((4,), (1,), offset=1), "larger than its storage"),
        (lambda: _tensor((4,), (1,), offset=-1), "an invalid size"),
        (lambda: _tensor((2,), (-1,), offset=2), "an invalid size"),
        (lambda: _tensor((2**40,), (0,)), "larger than its storage"),
        (lambda: _tensor((2, 2), (1,)), "invalid dimensions"),
        (lambda: _tensor((1,) * 9, (1,) * 9), "invalid dimensions"),
        (lambda: w.archive(w.pickled({}), {}, compressed=True), "is compressed"),
        (lambda: w.archive(w.START + w.text("x" * (5 << 20)) + w.STOP, {}), "larger than"),
        (lambda: b"\x80\x02K\x07." * 3, "does not start like"),
        (lambda: (DATA / "torch_stream.pt").read_bytes()[:-3], "too early"),
        (lambda: (DATA / "torch_zip.pt").read_bytes()[:-3], "zip"),
    ],
)
def test_hostile_files_are_refused(
    content: Callable[[], bytes], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "state.pt"
    path.write_bytes(content())
    with pytest.raises(WeightsError, match=message) as error:
        read_torch(path)
    assert str(path) in str(error.value)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_changed_byte_raises_anything_else(layout: str, tmp_path: Path) -> None:
    content = (DATA / layout).read_bytes()
    path = tmp_path / "state.pt"
    for place in range(0, len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 1 << (place % 8)
        path.write_bytes(changed)
        with suppress(WeightsError):
            read_torch(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        read_torch(tmp_path / "nowhere.pt")
