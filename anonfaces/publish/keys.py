"""``python -m anonfaces.publish.keys DIR``: what seals keys of releases, and what signs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from anonbase import cli
from anonbase.errors import OutputError
from anonbase.files import atomic_write

__all__ = ["app", "make_keys"]

_EXAMPLES = """
Make two pairs of keys in the folder DIR, for your eyes alone: an age identity that opens the keys
of your releases (release.identity; its recipient goes on the command line of publish), and a key
that signs certificates (signing.key; its public half, signing.pub, may be given to everybody).

\b
Examples:
  python -m anonfaces.publish.keys ~/keys
  python -m anonfaces.publish condensed/ --key-recipient age1... --sign ~/keys/signing.key
"""
_NAMES = ("release.identity", "release.recipient", "signing.key", "signing.pub")

app = typer.Typer(add_completion=False)


def make_keys(folder: Path) -> dict[str, str]:
    """Write both pairs into ``folder`` (mode 0700); the public halves by the names of their files.

    OutputError where one is there already: keys are never replaced.
    """
    import pyrage

    from anonfaces.publish.signing import new_signing_key

    there = [name for name in _NAMES if (folder / name).exists()]
    if there:
        raise OutputError(f"{folder / there[0]} is there already, and keys are never replaced")
    identity, (secret, public) = pyrage.x25519.Identity.generate(), new_signing_key()
    texts = dict(
        zip(_NAMES, (str(identity), str(identity.to_public()), secret, public), strict=True)
    )
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in texts.items():
        with atomic_write(folder / name) as beside:
            beside.write_text(text + "\n", encoding="ascii")
        (folder / name).chmod(0o600)
    return {name: texts[name] for name in _NAMES[1::2]}


@app.command(help=_EXAMPLES)
def keys(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="the folder to make them in", show_default=False)
    ],
    debug: Annotated[bool, typer.Option("--debug", help="show where an error arose")] = False,
) -> None:
    from anonfaces.publish.key import LOST

    for name, text in make_keys(folder).items():
        print(f"{name:<18} {text}")
    print(f"keep {folder} safe, with a copy elsewhere: {LOST}")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
