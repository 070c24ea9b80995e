"""``python -m anonfaces.publish condensed/ -o release/``: a release, verified, and its key."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.errors import InputError
from anonbase.options import Debug, Overwrite, Quiet, Scheduler, option

if TYPE_CHECKING:
    from anonfaces.publish.job import Published
    from anonfaces.publish.key import Sealer

_EXAMPLES = """
Publish a condensed dataset: a folder that may be handed to strangers, with a certificate that says
what was promised and measured, checked before it is there. Who is in which record is written to a
sealed key beside it, which is yours alone.

\b
Examples:
  python -m anonfaces.publish condensed/ -o release/ --passphrase-file secret.txt
  python -m anonfaces.publish condensed/ -o release/ --key-recipient age1...
  python -m anonfaces.publish condensed/ -o release/ --layout per-image --key-recipient age1...
  python -m anonfaces.publish condensed/ -o release/ --column age --column gender --no-key
  python -m anonfaces.publish condensed/ --no-key --scheduler tcp://host:8786
  python -m anonfaces.publish condensed2/ --previous release.key --passphrase-file secret.txt

Check a release, yours or a stranger's: python -m anonfaces.verify release/
"""

_CROSSING = (
    "releases elsewhere cannot be seen from here: whoever holds two of the same people in other"
    " groups can cross them (--previous KEY)"
)

app = typer.Typer(add_completion=False)


_Condensed = Annotated[
    Path, typer.Argument(metavar="CONDENSED", help="a condensed dataset", show_default=False)
]
_Output = Annotated[Path, option("the folder to make", "--output", "-o")]
_Layout = Annotated[str, option("condensed (one record a group) or per-image (one a face)")]
_PictureFormat = Annotated[str, option("png or jpeg", "--format")]
_Splits = Annotated[str, option("shares of the groups in train, val and test")]
_Column = Annotated[
    list[str] | None,
    option("a column to release; default all that can be", "--column", show_default=False),
]
_NoColumns = Annotated[bool, option("release no column", "--no-columns")]
_Key = Annotated[
    Path | None, option("the file of the sealed key; default OUTPUT.key", show_default=False)
]
_KeyRecipient = Annotated[
    list[str] | None,
    option("seal the key to an age recipient, age1...", show_default=False),
]
_PassphraseFile = Annotated[
    Path | None,
    option(
        "seal the key with the first line of this file; a lost passphrase is final",
        show_default=False,
    ),
]
_NoKey = Annotated[
    bool,
    option("keep no key: nobody can ever tell who is where, nor take it back", "--no-key"),
]
_Previous = Annotated[
    list[Path] | None,
    option(
        "sealed key of an earlier release of the same people: refuse where the two, crossed,"
        " leave fewer than k; opened with --passphrase-file or --key-identity",
        show_default=False,
    ),
]
_KeyIdentity = Annotated[
    Path | None, option("an age identity that opens --previous", show_default=False)
]
_Sign = Annotated[
    Path | None,
    option("sign the certificate with this key (anonfaces.publish.keys)", show_default=False),
]
_Evaluation = Annotated[
    Path | None,
    option("evaluation.json, to go into the certificate; default: CONDENSED's", show_default=False),
]
_Faces = Annotated[
    Path | None,
    option("the faces.h5 that was grouped, if not in CONDENSED/owner", show_default=False),
]
_Title = Annotated[str, option("title on the card")]
_Creator = Annotated[str, option("who publishes it, on the card")]
_License = Annotated[str, option("SPDX name of the license", "--license")]
_Url = Annotated[str, option("address of the dataset", show_default=False)]


@app.command(help=_EXAMPLES)
def publish(
    condensed: _Condensed,
    output: _Output = Path("release"),
    layout: _Layout = "condensed",
    picture_format: _PictureFormat = "png",
    splits: _Splits = "0.8,0.1,0.1",
    column: _Column = None,
    no_columns: _NoColumns = False,
    key: _Key = None,
    key_recipient: _KeyRecipient = None,
    passphrase_file: _PassphraseFile = None,
    no_key: _NoKey = False,
    previous: _Previous = None,
    key_identity: _KeyIdentity = None,
    sign: _Sign = None,
    evaluation: _Evaluation = None,
    faces: _Faces = None,
    title: _Title = "A face dataset of surrogates",
    creator: _Creator = "not stated",
    license_: _License = "other",
    url: _Url = "",
    scheduler: Scheduler = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    from anonfaces.publish.card import About
    from anonfaces.publish.job import PublishOptions
    from anonfaces.publish.job import publish as release
    from anonfaces.publish.key import Opener

    started = time.monotonic()
    options = PublishOptions(
        layout=layout,
        picture_format=picture_format,
        shares=_shares(splits),
        columns=() if no_columns else column,
        about=About(title, creator, license_, url),
        evaluation=evaluation,
        signing_key=sign,
        previous=tuple(previous or ()),
    )
    sealer = _sealer(key_recipient, passphrase_file, no_key)
    done = release(
        condensed,
        output,
        sealer,
        key=key,
        options=options,
        opener=Opener(key_identity, passphrase_file),
        faces=faces,
        overwrite=overwrite,
        scheduler=scheduler,
        progress=not quiet,
        before_writing=None if sealer is None else _tell_of_loss,
    )
    if not quiet:
        print(_result(done, time.monotonic() - started))


def _shares(text: str) -> dict[str, float]:
    from anonfaces.publish.names import SPLITS

    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != len(SPLITS):
        raise InputError(f"--splits takes the shares of {', '.join(SPLITS)}, as 0.8,0.1,0.1")
    return dict(zip(SPLITS, values, strict=True))


def _sealer(recipients: list[str] | None, passphrase: Path | None, no_key: bool) -> Sealer | None:
    """How the key is sealed; None where none is kept."""
    from anonfaces.publish.key import Sealer

    if no_key:
        if recipients or passphrase:
            raise InputError("--no-key keeps no key to seal: leave the other options away")
        return None
    return Sealer(tuple(recipients or ()), passphrase)


def _tell_of_loss() -> None:
    from anonfaces.publish.key import LOST

    print(f"note: {LOST}", file=sys.stderr)


def _result(done: Published, seconds: float) -> str:
    numbers, promise = done.certificate["numbers"], done.certificate["promise"]
    size = f"{numbers['records']:,} records of {numbers['groups']:,} groups"
    facts = {
        "release": f"{done.folder} ({size})",
        "promise": f"at least {promise['k']} {promise['unit']} a group. {promise['whose']}",
        "checks": _checks(done),
        "key": f"{done.key}: keep it apart from the release" if done.key else "none was kept",
        "crossing": _CROSSING,
        "took": f"{seconds:.0f} s",
        "check it": f"python -m anonfaces.verify {done.folder}",
    }
    return "\n".join(f"{name:<10} {fact}" for name, fact in facts.items())


def _checks(done: Published) -> str:
    from anonfaces.publish.checks.registry import LEFT_OUT, PASSED

    passed = sum(one.status == PASSED for one in done.outcomes)
    left = [one.name for one in done.outcomes if one.status == LEFT_OUT]
    return f"{passed} passed" + (f", not checked: {', '.join(left)}" if left else "")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
