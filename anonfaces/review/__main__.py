"""``python -m anonfaces.review out/``: correct in a browser what ``anonymize`` did."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Annotated

import typer

from anonbase import cli
from anonbase.errors import InputError

_TOKEN_BYTES = 24

_HELP = """
Correct in a browser what anonymize did to photographs.

OUT is the folder that anonymize wrote; OUT.detections.json beside it and the originals must still
be there. Draw a box around a face that was missed, say what is no face, choose a surrogate or a
cover for each, and apply: the picture alone is done again, at once.

\b
Examples:
  python -m anonfaces.review out/
  python -m anonfaces.review out/ --port 8765

The page is served to this machine alone (127.0.0.1), at an address with a random token: whoever
has the address sees the originals, so keep it. Ctrl-C ends it. A new surrogate is nobody's face,
as --surrogate fresh makes them, whatever the run used. OUT.detections.json and OUT.review.html
follow each change. Videos are not corrected here.
"""

app = typer.Typer(add_completion=False)


@app.command(help=_HELP)
def review(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="the folder that anonymize wrote")],
    port: Annotated[int, typer.Option(help="port on 127.0.0.1; 0 takes a free one")] = 0,
    debug: Annotated[bool, typer.Option("--debug", help="show where an error arose")] = False,
) -> None:
    from anonfaces.review.session import ReviewSession

    session = ReviewSession(output)
    try:
        from anonfaces.review.serving import serve

        serve(session, port, secrets.token_urlsafe(_TOKEN_BYTES))
    except ModuleNotFoundError as error:
        if error.name not in ("flask", "werkzeug"):
            raise
        raise InputError(
            "the review needs Flask, which is not installed: pip install flask"
        ) from error
    print(f"{session.applied} pictures were done again")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
