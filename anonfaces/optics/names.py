"""What pictures are called in an output: as in the input, or by numbers that name nobody."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

from anonbase.errors import InputError, OutputError, PrivacyWarning
from anonbase.files import sha256
from anonbase.notices import warn_user
from anonfaces.anonymize.inputs import Inputs, find_inputs
from encoders.photographs.path_escape import unescape

__all__ = ["OutputNames"]

#: A name of digits, as ``--rename`` gives, in folders of such names: it names nobody.
_NAMELESS = re.compile(r"(\d+/)*(frame_)?\d+(\.\w+)?")
_KEPT = (
    "the pictures keep the names of their files and folders, which may be names of people:"
    " --rename numbers them"
)
#: Digits of a number at least.
_WIDTH = 4


class OutputNames:
    """The pictures of an input, and what each is called in the folder ``output``.

    With ``rename`` they are numbered, in an order that follows the content of all files and
    ``seed``: neither a list of the names nor one of the photographs alone tells which number is
    whose. Who is who lies beside the output in ``OUTPUT.names.json``, for the owner alone; what
    has no picture at the end is in a list of its own there, ``not_written``.

    Raises
    ------
    InputError
        The input holds no photograph and no video.
    InputError
        Without ``rename``: two photographs would share one picture.
    OutputError
        With ``rename``: the output holds pictures of other names.

    Warns
    -----
    PrivacyWarning
        Without ``rename``: names are kept, and may name people.
    """

    def __init__(self, source: Path, output: Path, rename: bool, seed: int) -> None:
        self.inputs = find_inputs(source)
        self._record = output.with_name(f"{output.name}.names.json")
        self._names = _numbered(self.inputs, seed) if rename else _own_names(self.inputs)
        self._inputs = {name: path for path, name in self._names.items()}
        occupied = output.is_dir() and any(output.iterdir())
        self._rename, self._unwritten = rename, rename and not occupied
        if rename and occupied:
            self._refuse_others(output)
        elif occupied and self._record.is_file():
            raise OutputError(
                f"{output} was numbered (--rename), and names would stand beside the numbers: go on"
                " with --rename, or take another folder"
            )
        elif not rename and not all(_NAMELESS.fullmatch(path) for path in self._names):
            warn_user(_KEPT, PrivacyWarning)

    def __getitem__(self, path: str) -> str:
        """The name of a photograph's picture, or of the folder of a video's frames."""
        return self._names[path]

    def source(self, name: str) -> str:
        """What a picture of the output is of, as the input calls it: a file, or a video's frame."""
        folder, _, file = name.rpartition("/")
        if name in self._inputs:
            return self._inputs[name]
        number = file.removeprefix("frame_").removesuffix(".png")
        return f"{self._inputs[folder]}, frame {int(number)}"

    def bases(self) -> set[str]:
        """The names of all pictures without ``.png``, and of the folders of videos."""
        return {name.removesuffix(".png") for name in self._names.values()}

    def contents(self) -> dict[str, str]:
        """The SHA-256 of each photograph and video; '' of one that cannot be read."""
        return _contents(self.inputs)

    def write_record(self) -> None:
        """Write who is who, where pictures are numbered, before the first of them is written."""
        from anonfaces.anonymize.workplace import write_secret

        if self._unwritten:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            write_secret(self._record, _json(pictures=self._names))
            self._unwritten = False

    def close_record(self, output: Path) -> None:
        """Write who is who anew, with those apart for which nothing lies in ``output``."""
        from anonfaces.anonymize.workplace import write_secret

        if not self._rename or self._unwritten:
            return
        there = {path.name.partition(".")[0] for path in output.iterdir()}
        written = {p: n for p, n in self._names.items() if n.partition(".")[0] in there}
        others = {p: n for p, n in self._names.items() if p not in written}
        write_secret(self._record, _json(pictures=written, not_written=others))

    def _is_recorded(self) -> bool:
        """Whether the record that is there has these very numbers, written or not."""
        try:
            record = json.loads(self._record.read_text(encoding="utf-8"))
            listed = [*record["pictures"], *record.get("not_written", [])]
            return {one["input"]: one["output"] for one in listed} == self._names
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def _refuse_others(self, output: Path) -> None:
        if not self._is_recorded():
            raise OutputError(
                f"{output} holds pictures under other names, or was numbered for other photographs"
                " or another --seed: name another output"
            )


def _json(**lists: dict[str, str]) -> str:
    entries = {
        key: [{"output": name, "input": path} for path, name in names.items()]
        for key, names in lists.items()
    }
    return json.dumps(entries, indent=1, ensure_ascii=False)


def _own_names(inputs: Inputs) -> dict[str, str]:
    """The picture of each photograph by the photograph's name, and the folder of each video."""
    pictures = {p: p if p.lower().endswith(".png") else f"{p}.png" for p in inputs.photographs}
    of: dict[str, str] = {}
    for path, name in pictures.items():
        if (other := of.setdefault(name, path)) != path:
            raise InputError(
                f"{other} and {path} would share one picture, {name}: --rename numbers them, or"
                " rename one"
            )
    return pictures | {path: path for path in inputs.videos}


def _numbered(inputs: Inputs, seed: int) -> dict[str, str]:
    """Numbers in an order that only whoever holds all of the files can tell."""
    content = _contents(inputs)
    paths = list(content)
    key = " ".join([str(seed), *sorted(content.values())])
    rank = {path: hashlib.sha256(f"{key} {content[path]}".encode()).digest() for path in paths}
    width = max(_WIDTH, len(str(len(paths))))
    ordered = sorted(paths, key=lambda path: (rank[path], path))
    numbers = {path: f"{number:0{width}d}" for number, path in enumerate(ordered)}
    return {path: f"{numbers[path]}.png" for path in inputs.photographs} | {
        path: numbers[path] for path in inputs.videos
    }


def _contents(inputs: Inputs) -> dict[str, str]:
    paths = [*inputs.photographs, *inputs.videos]
    return {path: _digest(inputs.root / unescape(path)) for path in paths}


def _digest(path: Path) -> str:
    """The file's SHA-256; '' where it cannot be read, which is told when it is decoded."""
    try:
        return sha256(path)
    except OSError:
        return ""
