"""The folder beside the output in which an unfinished run keeps its work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from anonbase.errors import InputError, OutputError
from anonbase.files import lock, mark_resumable, remove_stale, write_text
from encoders.run.checkpoints import DETECTED, EMBEDDED

__all__ = ["Workplace", "check_output"]

_RECIPE = "recipe.json"
_RENAME = "--overwrite replaces it, or choose another output"


class Workplace:
    """``OUTPUT.partial/``, held by one run at a time; to be used in a ``with`` statement.

    After an error it stays where parts are in it, from which the same run goes on.

    Raises OutputError if another run holds it, InputError if what it holds was made by another
    recipe (other options or weights) and ``overwrite`` is not set.
    """

    def __init__(self, output: Path, recipe: dict[str, Any], overwrite: bool) -> None:
        self.folder = output.absolute().with_name(output.name + ".partial")
        self._recipe, self._overwrite, self._output = recipe, overwrite, output.absolute()
        self._lock: Any = None

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be written ({error.strerror})") from error
        try:
            lock(self._lock, self.folder)
            self._settle()
        except BaseException:
            self._lock.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and (self.found() or self.done()):
            mark_resumable(error)
        elif error is not None:
            self.remove()
        self._lock.close()

    def found(self) -> list[Path]:
        """Parts that are to be finished."""
        return sorted(self.folder.glob(f"*{DETECTED}"))

    def done(self) -> list[Path]:
        """Parts that are finished."""
        return sorted(self.folder.glob(f"*{EMBEDDED}"))

    def remove(self) -> None:
        """Everything is in the output: the folder can go."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _settle(self) -> None:
        """Remove what was half-written when a run was killed, or what another recipe left."""
        for output in (self._output, self._output.with_suffix(".pca.h5")):
            remove_stale(output)
        written = self.folder / _RECIPE
        recipe = json.dumps(self._recipe, sort_keys=True, indent=1)
        before = written.read_text(encoding="utf-8") if written.is_file() else recipe
        if before != recipe and not self._overwrite:
            message = _difference(before, self._recipe)
            raise InputError(
                f"{self.folder} holds an unfinished run made with {message}; {_RENAME}"
            )
        kept = {"lock", _RECIPE} if before == recipe else {"lock"}
        for path in self.folder.iterdir():
            if path.name not in kept and (
                before != recipe or path.suffix not in (EMBEDDED, DETECTED)
            ):
                path.unlink()
        write_text(written, recipe)


def check_output(output: Path, made_by: dict[str, Any] | None, recipe: dict[str, Any]) -> None:
    """Raise InputError unless an existing output was made by the same recipe.

    ``made_by`` is the recipe of the existing output, None if there is no output.
    """
    if made_by is not None and made_by != recipe:
        message = _difference(json.dumps(made_by), recipe)
        raise InputError(f"{output} was made with {message}; {_RENAME}")


def _difference(before: str, recipe: dict[str, Any]) -> str:
    try:
        old = dict(json.loads(before))
    except (ValueError, TypeError):
        return "unknown options"
    keys = sorted(key for key in {*old, *recipe} if old.get(key) != recipe.get(key))
    return ", ".join(f"{key} {old.get(key)} (now {recipe.get(key)})" for key in keys)
