"""Reads pickles as data: nothing that a pickle names is imported, and nothing in it is run.

A pickle is a program for a small stack machine. This module interprets its opcodes without
importing or calling anything. Numbers, text, containers and NumPy arrays come out as themselves;
every other class or call comes out as an ``OpaqueObject``, a record of its name and arguments.
Lengths are checked against the bytes that are left, so that no file makes us allocate more than it
holds.
"""

from __future__ import annotations

import pickletools
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from anonbase.text import pluralize
from anonbase.untrusted.arrays import KEYS, REBUILD, Pending, Rebuild
from anonbase.untrusted.guard import DECODE_ERRORS, UnsafeContentError

__all__ = ["Global", "OpaqueObject", "Stream", "load"]

_MAX_STEPS = 500_000
_MAX_LINE = 1 << 16
_ALLOWANCE, _TIMES_THE_FILE = 16 << 20, 8

# Nothing here would run anyway: the list makes the refusal plain instead of puzzling.
_SYSTEM = """
    __builtin__ _pickle asyncio bdb builtins cloudpickle code codeop commands concurrent ctypes
    dill http idlelib importlib inspect io joblib linecache marshal multiprocessing nt operator os
    pdb pickle pip pkgutil platform posix profile pty pydoc runpy shutil signal site smtplib
    socket subprocess sys tempfile threading timeit trace types urllib venv webbrowser
"""
_NEVER_IN_WEIGHTS = frozenset(_SYSTEM.split())
_HARMLESS = {"object", "type", "bool", "int", "float", "str", "bytes", "tuple", "dict"}


@dataclass(frozen=True)
class Global:
    """The name of a class or function that a pickle refers to."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"


@dataclass(eq=False, kw_only=True)
class OpaqueObject:
    """An object that a pickle wanted to make by calling ``kind`` with ``args``. Nobody called it.

    ``state`` is what it would have got afterwards; ``items`` and ``entries`` are what would have
    been appended to it or set in it.
    """

    kind: object
    args: tuple[Any, ...] = ()
    state: Any = None
    items: list[Any] = field(default_factory=list)
    entries: dict[Any, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The last part of the class's name, such as ``Network``."""
        return self.kind.name if isinstance(self.kind, Global) else ""

    @property
    def module(self) -> str:
        """The module that the class would have come from."""
        return self.kind.module if isinstance(self.kind, Global) else ""


class Stream:
    """A binary file that refuses to be asked for more than it has left."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        here = file.tell()
        self._end = file.seek(0, 2)
        self.size = self._end - here
        file.seek(here)

    def tell(self) -> int:
        """Position in bytes."""
        return self._file.tell()

    def read(self, count: int) -> bytes:
        """Exactly ``count`` bytes, or ``UnsafeContentError``."""
        left = self._end - self._file.tell()
        if not 0 <= count <= left:
            claimed = pluralize(count, "byte is", "bytes are")
            raise UnsafeContentError(f"it ends too early: {claimed} claimed, {left:,} are left")
        return self._file.read(count)

    def readline(self) -> bytes:
        """A line of at most 64 KiB."""
        return self._file.readline(_MAX_LINE)


def load(
    stream: Stream,
    rebuild: Mapping[str, Rebuild] | None = None,
    persistent: Callable[[Any], Any] | None = None,
    file_size: int = 0,
) -> Any:
    """Read one pickle from ``stream`` and stop behind it.

    ``rebuild`` adds functions for names (``"torch._utils._rebuild..."``): they get the arguments of
    the call and must treat them as hostile. ``persistent`` answers persistent identifiers.
    ``file_size`` is that of the file if the stream is only a part of it. Call this inside of
    ``untrusted_input``, which names the file in the error.
    """
    allowance = _ALLOWANCE + _TIMES_THE_FILE * max(file_size, stream.size)
    return _Machine({**REBUILD, **(rebuild or {})}, persistent, allowance).run(stream)


class _Machine:
    def __init__(
        self,
        rebuild: Mapping[str, Rebuild],
        persistent: Callable[[Any], Any] | None,
        allowance: int,
    ) -> None:
        self._rebuild, self._persistent, self._allowance = rebuild, persistent, allowance
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []
        self._memo: dict[int, Any] = {}

    def run(self, stream: Stream) -> Any:
        try:
            return self._run(stream)
        except DECODE_ERRORS:
            where = f"what it holds before byte {stream.tell():,} makes no sense"
            raise UnsafeContentError(f"not a complete pickle: {where}") from None

    def _run(self, stream: Stream) -> Any:
        for step, (opcode, value, _) in enumerate(pickletools.genops(stream)):  # type: ignore[arg-type]
            if step > _MAX_STEPS:
                raise UnsafeContentError(f"more than {_MAX_STEPS} steps, not weights")
            if opcode.name == "STOP":
                break
            if opcode.name in _PUSHED_AS_READ:
                self._stack.append(value)
            elif opcode.name not in _IGNORED:
                self._step(opcode.name, value)
        return self._stack.pop()

    def _step(self, name: str, value: Any) -> None:
        action = _ACTIONS.get(name)
        if action is None:
            raise UnsafeContentError(f"holds the opcode {name}, which weights never need")
        action(self, value)

    def mark(self, _: Any) -> None:
        self._marked.append(self._stack)
        self._stack = []

    def _since_mark(self) -> list[Any]:
        found, self._stack = self._stack, self._marked.pop()
        return found

    def pop(self, _: Any) -> None:
        if self._stack:
            self._stack.pop()
        else:
            self._since_mark()

    def pop_mark(self, _: Any) -> None:
        self._since_mark()

    def duplicate(self, _: Any) -> None:
        self._stack.append(self._stack[-1])

    def put(self, key: Any) -> None:
        self._remember(int(key))

    def memoize(self, _: Any) -> None:
        self._remember(len(self._memo))

    def _remember(self, key: int) -> None:
        value = self._memo[key] = self._stack[-1]
        if isinstance(value, Pending):
            value.memo_keys.append(key)

    def get(self, key: Any) -> None:
        self._stack.append(self._memo[int(key)])

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def list_of_marked(self, _: Any) -> None:
        found = self._since_mark()
        self._stack.append(found)

    def tuple_of_marked(self, _: Any) -> None:
        found = self._since_mark()
        self._stack.append(tuple(found))

    def tuple_of(self, count: int) -> None:
        if len(self._stack) < count:
            raise ValueError("stack underflow")
        self._stack[-count:] = [tuple(self._stack[-count:])]

    def dict_of_marked(self, _: Any) -> None:
        found = self._since_mark()
        self._stack.append(self._pairs(found))

    def frozenset_of_marked(self, _: Any) -> None:
        found = self._since_mark()
        self._stack.append(frozenset(self._key(item) for item in found))

    def append(self, _: Any) -> None:
        item = self._stack.pop()
        self._extend([item])

    def appends(self, _: Any) -> None:
        self._extend(self._since_mark())

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        (target.items if isinstance(target, OpaqueObject) else target).extend(items)

    def set_item(self, _: Any) -> None:
        value, key = self._stack.pop(), self._stack.pop()
        self._update([key, value])

    def set_items(self, _: Any) -> None:
        self._update(self._since_mark())

    def _update(self, flat: list[Any]) -> None:
        target = self._stack[-1]
        (target.entries if isinstance(target, OpaqueObject) else target).update(self._pairs(flat))

    def add_items(self, _: Any) -> None:
        items = self._since_mark()
        self._stack[-1].update(self._key(item) for item in items)

    def _pairs(self, flat: list[Any]) -> dict[Any, Any]:
        if len(flat) % 2:
            raise ValueError("a key without a value")
        return {self._key(k): v for k, v in zip(flat[::2], flat[1::2], strict=True)}

    def _key(self, key: Any) -> Any:
        """Check that a key is plain: hashing tuples nested n deep can take 2**n steps."""
        flat = key if isinstance(key, tuple) else (key,)
        if not all(isinstance(part, KEYS) for part in flat):
            raise UnsafeContentError(
                f"a key of type {type(key).__name__}, which weights never need"
            )
        return key

    def named(self, value: str) -> None:
        module, _, name = value.partition(" ")
        self._stack.append(self._global(module, name))

    def stack_named(self, _: Any) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._stack.append(self._global(module, name))

    def _global(self, module: Any, name: Any) -> Global:
        if not (isinstance(module, str) and isinstance(name, str)):
            raise ValueError("a class whose name is not text")
        found = Global(module, name)
        system = module.split(".")[0] in _NEVER_IN_WEIGHTS
        if system and str(found) not in self._rebuild and name not in _HARMLESS:
            raise UnsafeContentError(
                f"asks for {found}, which weights never need. Nothing was run; "
                "do not open this file with anything else"
            )
        return found

    def reduce(self, _: Any) -> None:
        arguments, function = self._stack.pop(), self._stack.pop()
        self._stack.append(self._call(function, arguments))

    def new_object_ex(self, _: Any) -> None:
        keywords, arguments, kind = self._stack.pop(), self._stack.pop(), self._stack.pop()
        made = OpaqueObject(kind=kind, args=tuple(arguments))
        made.entries.update(keywords)
        self._stack.append(made)

    def instance(self, value: str) -> None:
        module, _, name = value.partition(" ")
        arguments = self._since_mark()
        self._stack.append(OpaqueObject(kind=self._global(module, name), args=tuple(arguments)))

    def object_of_marked(self, _: Any) -> None:
        kind, *arguments = self._since_mark()
        self._stack.append(OpaqueObject(kind=kind, args=tuple(arguments)))

    def _call(self, function: Any, arguments: Any) -> Any:
        if not isinstance(arguments, tuple):
            raise ValueError("a call without a tuple of arguments")
        known = self._rebuild.get(str(function)) if isinstance(function, Global) else None
        return (
            self._paid(known(*arguments)) if known else OpaqueObject(kind=function, args=arguments)
        )

    def _paid(self, made: Any) -> Any:
        """One long text in the file could be turned into bytes a million times."""
        self._allowance -= max(sys.getsizeof(made), getattr(made, "nbytes", 0))
        if self._allowance < 0:
            raise UnsafeContentError(
                "unpacks to much more than its own size, which weights never do"
            )
        return made

    def build(self, _: Any) -> None:
        state, target = self._stack.pop(), self._stack[-1]
        if isinstance(target, Pending):
            self._stack[-1] = finished = self._paid(target.finish(state))
            self._memo.update(dict.fromkeys(target.memo_keys, finished))
        elif isinstance(target, OpaqueObject):
            target.state = state

    def persistent_text(self, value: Any) -> None:
        self._stack.append(value)
        self.persistent(None)

    def persistent(self, _: Any) -> None:
        if self._persistent is None:
            raise UnsafeContentError("refers to data outside the pickle")
        self._stack[-1] = self._persistent(self._stack[-1])


_IGNORED = frozenset({"PROTO", "FRAME"})
_VALUES = """
    INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING
    UNICODE BINUNICODE BINUNICODE8 SHORT_BINUNICODE BINBYTES BINBYTES8 SHORT_BINBYTES BYTEARRAY8
    NONE
"""
_PUSHED_AS_READ = frozenset(_VALUES.split())


def _push(value: Any) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(value)


def _push_empty(kind: type) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.push(kind())


def _push_tuple(count: int) -> Callable[[_Machine, Any], None]:
    return lambda machine, _: machine.tuple_of(count)


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "NEWTRUE": _push(True),
    "NEWFALSE": _push(False),
    "EMPTY_LIST": _push_empty(list),
    "EMPTY_DICT": _push_empty(dict),
    "EMPTY_SET": _push_empty(set),
    "EMPTY_TUPLE": _push_empty(tuple),
    "TUPLE1": _push_tuple(1),
    "TUPLE2": _push_tuple(2),
    "TUPLE3": _push_tuple(3),
    "MARK": _Machine.mark,
    "POP": _Machine.pop,
    "POP_MARK": _Machine.pop_mark,
    "DUP": _Machine.duplicate,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
    "MEMOIZE": _Machine.memoize,
    "LIST": _Machine.list_of_marked,
    "TUPLE": _Machine.tuple_of_marked,
    "DICT": _Machine.dict_of_marked,
    "FROZENSET": _Machine.frozenset_of_marked,
    "APPEND": _Machine.append,
    "APPENDS": _Machine.appends,
    "SETITEM": _Machine.set_item,
    "SETITEMS": _Machine.set_items,
    "ADDITEMS": _Machine.add_items,
    "GLOBAL": _Machine.named,
    "STACK_GLOBAL": _Machine.stack_named,
    "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.reduce,
    "NEWOBJ_EX": _Machine.new_object_ex,
    "INST": _Machine.instance,
    "OBJ": _Machine.object_of_marked,
    "BUILD": _Machine.build,
    "PERSID": _Machine.persistent_text,
    "BINPERSID": _Machine.persistent,
}
