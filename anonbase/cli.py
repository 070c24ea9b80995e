"""How every command ends: one exit code for each cause, and no traceback for a user's mistake."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import traceback
import warnings
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from importlib import import_module
from typing import TextIO

from anonbase.errors import AnonfacesError
from anonbase.files import is_resumable, kept_in

__all__ = ["command_line", "did_you_mean", "hand_over", "run"]

_USERS_MISTAKE, _OURS, _INTERRUPTED = 2, 1, 130
_GOES_ON = "finished work is kept; run the same command to go on"
_KEPT = "the work finished before that is kept for the next run"
_BEGINS_ANEW = "no work was finished; the same command starts from the beginning"
_SURROUNDINGS = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EMFILE}


def command_line(module: str) -> str:
    """The options as they were typed, without the names of files, which could name people."""
    words = [word for word in sys.argv[1:] if "/" not in word and not word.endswith(".h5")]
    return shlex.join(["python", "-m", module, *words])


def run(command: Callable[[], object]) -> None:
    """Run a typer app (or any callable) and exit with the code of its outcome.

    0: all went well. 2: a mistake of the user (any ``AnonfacesError``), with a message on stderr.
    1: a fault of ours. 130: Ctrl-C. A traceback is printed only with ``--debug`` on the command
    line or ``ANONFACES_DEBUG=1`` in the environment.
    """
    warnings.showwarning = _show_warning
    try:
        _flags_without_type(command)()
    except KeyboardInterrupt as stop:
        _end(f"interrupted: {_then(stop)}", _INTERRUPTED)
    except SystemExit as end:
        if end.code == _INTERRUPTED:  # typer handled Ctrl-C without a message
            print(f"interrupted: {_then(end)}", file=sys.stderr)
        raise
    except BrokenPipeError:
        sys.exit(_OURS)
    except AnonfacesError as error:
        kept = f"\n{_KEPT}{_in(error)}" if is_resumable(error) else ""
        _end(f"error: {error}{kept}", _USERS_MISTAKE)
    except OSError as error:
        if error.errno not in _SURROUNDINGS:
            _end(_fault(error), _OURS)
        message = f"error: {error.strerror}{_where(error)}; fix that first ({_then(error)})"
        _end(message, _USERS_MISTAKE)
    except Exception as error:
        _end(_fault(error), _OURS)


def _flags_without_type(command: Callable[[], object]) -> Callable[[], object]:
    """The command of a typer app, whose ``--help`` shows no ``<bool>`` beside its flags."""
    import typer

    if not isinstance(command, typer.Typer):
        return command
    top = typer.main.get_command(command)
    for each in (top, *getattr(top, "commands", {}).values()):
        for option in each.get_params(typer.Context(each)):  # --help is among them
            if getattr(option, "is_bool_flag", False):
                option.metavar = ""
    return top


def _in(stop: BaseException) -> str:
    place = kept_in(stop)
    return (
        f" in {place}, with faces of real people: delete it if there will be no next run"
        if place
        else ""
    )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """What a message on a mistyped word ends with: those of the known ones that are like it.

    Examples
    --------
    >>> did_you_mean("clustr", ["cluster", "verify"]), did_you_mean("magic", ["cluster"])
    (": did you mean 'cluster'?", '')
    """
    alike = " or ".join(map(repr, get_close_matches(word, known)))
    return f": did you mean {alike}?" if alike else ""


def hand_over(command: str) -> None:
    """Run the command of another module, for the ``python -m`` name that users know.

    A command that needs several packages lives above all of them; its name may be that of a lower
    package. The module is named and not imported, so no library code imports upwards.
    """
    run(import_module(command).app)


def _then(stop: BaseException) -> str:
    return _GOES_ON if is_resumable(stop) else _BEGINS_ANEW


def _fault(error: Exception) -> str:
    return f"internal error ({type(error).__name__}): {error}; --debug shows where"


def _where(error: OSError) -> str:
    return f": {error.filename}" if error.filename else ""


def _end(message: str, code: int) -> None:
    if "--debug" in sys.argv or os.environ.get("ANONFACES_DEBUG"):
        traceback.print_exc()
    print(message, file=sys.stderr)
    sys.exit(code)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"{category.__name__}: {message}", file=file or sys.stderr)
