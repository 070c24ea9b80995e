"""The tree of errors, as its map says, and the way a command ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support import Result, run_command, run_here

import anonfaces
from anonbase import errors


def test_every_public_name_of_the_tree_is_an_error_or_a_warning() -> None:
    for name in errors.__all__:
        kind = getattr(errors, name)
        assert issubclass(kind, errors.AnonfacesError | UserWarning)


def test_errors_are_also_the_builtin_that_a_caller_would_expect() -> None:
    assert issubclass(errors.InputError, ValueError)
    assert issubclass(errors.GuaranteeError, ValueError)
    assert issubclass(errors.OutputError, OSError)


def test_the_public_names_are_sorted_and_all_of_them_load() -> None:
    assert anonfaces.__all__ == sorted(anonfaces.__all__)
    for name in anonfaces.__all__:
        assert getattr(anonfaces, name) is not None


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = anonfaces.no_such_name  # type: ignore[attr-defined]


ENDINGS = [
    ("raise E.InputError('photo.jpg is not a picture')", 2, "error: photo.jpg is not a picture\n"),
    ("raise E.GuaranteeError('k is 1')", 2, "error: k is 1\n"),
    ("raise KeyError('x')", 1, "internal error (KeyError): 'x'; --debug shows where\n"),
    ("raise OSError(28, 'No space left on device', 'out/x')", 2, "error: No space left on device"),
    ("raise OSError('of ours')", 1, "internal error (OSError): of ours"),
    ("raise KeyboardInterrupt", 130, "interrupted: no work was finished"),
    ("keeping(KeyboardInterrupt())", 130, "interrupted: finished work is kept"),
    ("keeping(OSError(28, 'Full'))", 2, "error: Full; fix that first (finished work is kept"),
    ("keeping(E.InputError('x'))", 2, "error: x\nthe work finished before that is kept"),
    (
        "keeping(E.InputError('x'), '/out/.o.partial')",
        *(2, "error: x\nthe work finished before that is kept for the next run in /out/.o.partial"),
    ),
    ("typed(keeping)", 130, "interrupted: finished work is kept"),
    ("typed(lambda stop: None)", 130, "interrupted: no work was finished"),
    ("import warnings; warnings.warn('weak', E.PrivacyWarning)", 0, "PrivacyWarning: weak\n"),
]


@pytest.mark.parametrize(("body", "code", "message"), ENDINGS)
def test_a_command_ends_as_the_house_promises(body: str, code: int, message: str) -> None:
    done = _command(body)
    assert done.code == code
    assert done.err.startswith(message)
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("body", "code", "message"), [ENDINGS[0], ENDINGS[5], ENDINGS[9]])
def test_the_shell_sees_how_a_command_ends(body: str, code: int, message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _program(body)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr.startswith(message)) == (code, True)


def test_a_mistyped_command_is_told_with_the_one_that_was_meant(tmp_path: Path) -> None:
    for module, word, meant in (
        ("anonfaces", "clustr", "cluster"),
        ("anonfaces.optics", "simulat", "simulate"),
    ):
        done = run_command(module, word, cwd=tmp_path)
        assert done.code == 2
        assert f"id you mean '{meant}'?" in done.err
    assert "did you mean" not in run_command("anonfaces", "xyzzy", cwd=tmp_path).err


@pytest.mark.parametrize("words", [("anonfaces.verify",), ("anonfaces.optics", "simulate")])
def test_a_flag_has_no_type_in_a_help(words: tuple[str, ...], tmp_path: Path) -> None:
    told = run_command(*words, "--help", cwd=tmp_path).out
    assert "--debug" in told
    assert "<path>" in told
    assert "bool" not in told.lower()


def test_the_help_of_verify_names_all_its_exit_codes(tmp_path: Path) -> None:
    told = " ".join(run_command("anonfaces.verify", "--help", cwd=tmp_path).out.split())
    assert all(f"with {code} where" in told for code in (0, 2, 3))


def test_debug_shows_the_traceback() -> None:
    assert "Traceback" in _command("raise E.InputError('x')", "--debug").err


_HEAD = """
import anonbase.errors as E
import typer
from anonbase.cli import run
from anonbase.files import mark_resumable

def keeping(stop, folder=None):
    mark_resumable(stop, folder)
    raise stop

def typed(tell):
    app = typer.Typer()
    @app.command()
    def stopped(debug: bool = False):
        stop = KeyboardInterrupt()
        tell(stop)
        raise stop
    app()

"""


def _command(body: str, *options: str) -> Result:
    program = compile(_program(body), "<command>", "exec")
    return run_here(lambda: exec(program, {"__name__": "__main__"}), "-c", *options)  # noqa: S102


def _program(body: str) -> str:
    return f"{_HEAD}def command():\n    {body}\nrun(command)\n"


def test_the_command_that_weights_keep_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from anonbase.cli import command_line

    words = ["x", "train", "/home/ada/lfw.h5", "faces.h5", "-o", "runs/one", "--tone", "0.5"]
    monkeypatch.setattr("sys.argv", words)
    assert command_line("anonfaces.semantic") == (
        "python -m anonfaces.semantic train -o --tone 0.5"
    )
