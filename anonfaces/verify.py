"""``python -m anonfaces.verify release/``: does a release keep what its certificate says?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.errors import InputError
from anonbase.options import Debug, KeyIdentity, KeyPassphrase, Quiet, option

if TYPE_CHECKING:
    from anonfaces.publish.checks.registry import Outcome
    from anonfaces.publish.checks.release import Judge
    from anonfaces.publish.key import Opener

__all__ = ["app", "verify"]

FAILED_EXIT = 3
_EXAMPLES = """
Check a release: its files, its pictures, its table and its certificate. With the owner's key, the
people; with the owner's originals, that no picture is one of them. Ends with 0 where every check
that could be made passed, with 3 where one failed, and with 2 where RELEASE is no release or an
option cannot be used.

\b
Examples:
  python -m anonfaces.verify release/
  python -m anonfaces.verify release/ --public-key signing.pub
  python -m anonfaces.verify release/ --key release.key --passphrase-file secret.txt
  python -m anonfaces.verify release/ --originals condensed/owner/faces.h5 --judge dlib
  python -m anonfaces.verify release/ --json
"""

app = typer.Typer(add_completion=False)


def verify(
    release: Path | str,
    *,
    key: Path | str | None = None,
    opener: Opener | None = None,
    originals: Path | str | None = None,
    judge: Judge | None = None,
    public_key: str | None = None,
    progress: bool = False,
) -> tuple[Outcome, ...]:
    """What every check says of the folder ``release``.

    Parameters
    ----------
    key, opener : the sealed key and what opens it
    originals : the owner's photographs (a folder), or the faces.h5 made of them
    judge : a recogniser, RGB pictures -> vectors; see ``anonfaces.evaluate.recognize``
    public_key : whose signature it must have, 64 hexadecimal digits

    Raises ``InputError`` where something that was given cannot be read.
    """
    from anonfaces.publish.checks import Release, run_checks
    from anonfaces.publish.key import Opener

    folder = Path(release)
    if not folder.is_dir():
        what = "a file, and a release is a folder" if folder.exists() else "there is no such folder"
        raise InputError(f"{folder}: {what} (python -m anonfaces.publish makes one)")
    if originals is not None and not Path(originals).exists():
        raise InputError(f"{originals}: there are no such originals")
    opened = None if key is None else (opener or Opener()).open(Path(key))
    return tuple(
        run_checks(
            Release(
                folder=folder,
                key=opened,
                originals=None if originals is None else Path(originals),
                judge=judge,
                public_key=public_key,
                progress=progress,
            )
        )
    )


_Release = Annotated[Path, typer.Argument(metavar="RELEASE", help="a release", show_default=False)]
_Key = Annotated[Path | None, option("its sealed key", show_default=False)]
_Originals = Annotated[
    Path | None,
    option("the photographs, or the faces.h5 made of them", show_default=False),
]
_Judge = Annotated[
    str | None,
    option("look with a recogniser too: dlib, pca, ... (slower)", show_default=False),
]
_PublicKey = Annotated[
    str | None,
    option("whose signature it must have: 64 digits, or a file of them", show_default=False),
]
_Html = Annotated[Path | None, option("write a page that says the same", show_default=False)]
_AsJson = Annotated[bool, option("print JSON", "--json")]


@app.command(help=_EXAMPLES)
def command(
    release: _Release,
    key: _Key = None,
    passphrase_file: KeyPassphrase = None,
    key_identity: KeyIdentity = None,
    originals: _Originals = None,
    judge: _Judge = None,
    public_key: _PublicKey = None,
    html: _Html = None,
    as_json: _AsJson = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    from anonfaces.publish.key import Opener

    _check_release(release)
    outcomes = verify(
        release,
        key=key,
        opener=Opener(key_identity, passphrase_file),
        originals=originals,
        judge=None if judge is None else _judge(judge),
        public_key=None if public_key is None else _public_key(public_key),
        progress=not (quiet or as_json),
    )
    if html is not None:
        _write_page(html, release, outcomes)
    print(_as_json(release, outcomes) if as_json else _table(outcomes, quiet))
    if not passed(outcomes):
        raise typer.Exit(FAILED_EXIT)


def _check_release(folder: Path) -> None:
    """Say it where somebody named another folder, before eleven checks fail."""
    from anonfaces.publish.card import CHECKSUMS
    from anonfaces.publish.certificate import CERTIFICATE

    if folder.is_dir() and not any((folder / n).exists() for n in (CERTIFICATE, CHECKSUMS)):
        raise InputError(
            f"{folder}: it is no release: neither {CERTIFICATE} nor {CHECKSUMS} is in it"
            " (python -m anonfaces.publish makes a release)"
        )


def passed(outcomes: Sequence[Outcome]) -> bool:
    """Whether no check failed; those that were not made do not count."""
    from anonfaces.publish.checks.registry import FAILED

    return all(outcome.status != FAILED for outcome in outcomes)


def _judge(name: str) -> Judge:
    from anonfaces.evaluate import recognize
    from encoders.embed import load_embedder

    embedder = load_embedder(name)
    return lambda pictures: recognize(pictures, embedder)


def _public_key(text: str) -> str:
    path = Path(text)
    word = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else text
    try:
        return bytes.fromhex(word.strip()).hex()
    except ValueError as error:
        raise InputError(f"--public-key {text} is no public key: 64 hexadecimal digits") from error


def _as_json(release: Path, outcomes: Sequence[Outcome]) -> str:
    document = {
        "release": release.name,
        "passed": passed(outcomes),
        "checks": [asdict(outcome) for outcome in outcomes],
    }
    return json.dumps(document, indent=2, ensure_ascii=False)


def _table(outcomes: Sequence[Outcome], quiet: bool) -> str:
    from anonfaces.publish.checks.registry import FAILED

    shown = [one for one in outcomes if not quiet or one.status == FAILED]
    lines = [f"{one.status:<11}  {one.name:<12} {one.message or one.about}" for one in shown]
    return "\n".join([*lines, _verdict(outcomes)])


def _verdict(outcomes: Sequence[Outcome]) -> str:
    from anonfaces.publish.checks.registry import FAILED, PASSED

    count = {status: sum(o.status == status for o in outcomes) for status in (PASSED, FAILED)}
    left = len(outcomes) - sum(count.values())
    word = "the release does not keep its promise" if count[FAILED] else "the release is whole"
    return f"{word}: {count[PASSED]} checks passed, {count[FAILED]} failed, {left} were not made"


def _write_page(path: Path, release: Path, outcomes: Sequence[Outcome]) -> None:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from anonbase.files import write_text

    environment = Environment(
        loader=PackageLoader("anonfaces.publish"), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("verification.html").render(
        name=release.name, outcomes=outcomes, verdict=_verdict(outcomes), passed=passed(outcomes)
    )
    write_text(path, page)


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
