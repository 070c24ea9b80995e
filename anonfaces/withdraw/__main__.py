"""``python -m anonfaces.withdraw NAME condensed/``: somebody takes back their consent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.options import Debug, KeyIdentity, KeyPassphrase, Overwrite, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    from anonfaces.publish.key import Opener
    from anonfaces.withdraw.job import Withdrawal

_EXAMPLES = """
Say what has to change when somebody takes back their consent: which group and which records they
are in, and whether the group is still large enough without them. With --output, write the dataset
without them: their group goes with its surrogate, which was made of them too. Then publish that.

\b
Examples:
  python -m anonfaces.withdraw "Ophelia Quill" condensed/
  python -m anonfaces.withdraw "Ophelia Quill" --key release.key --passphrase-file secret.txt
  python -m anonfaces.withdraw "Ophelia Quill" condensed/ -o condensed2/
  python -m anonfaces.withdraw "Ophelia Quill" condensed/ -o condensed2/ --remake

What was released once is with those who have it: ask them to delete the records that are named.
"""
_SHOWN = 10

app = typer.Typer(add_completion=False)


_Name = Annotated[
    str, typer.Argument(metavar="NAME", help="as in owner/groups.csv", show_default=False)
]
_Condensed = Annotated[Path, typer.Argument(metavar="CONDENSED", help="a condensed dataset")]
_Output = Annotated[
    Path | None,
    option("the dataset without them, to be made", "--output", "-o", show_default=False),
]
_Remake = Annotated[bool, option("keep their group where it has k people without them", "--remake")]
_Key = Annotated[
    Path | None, option("sealed key of a release: names the records", show_default=False)
]
_Faces = Annotated[
    Path | None,
    option("the faces.h5 that was grouped, if not in CONDENSED/owner", show_default=False),
]


@app.command(help=_EXAMPLES)
def command(
    name: _Name,
    condensed: _Condensed = Path("condensed"),
    output: _Output = None,
    remake: _Remake = False,
    key: _Key = None,
    passphrase_file: KeyPassphrase = None,
    key_identity: KeyIdentity = None,
    faces: _Faces = None,
    overwrite: Overwrite = False,
    debug: Debug = False,
) -> None:
    from anonfaces.publish.key import Opener
    from anonfaces.withdraw.job import find_person, withdraw

    person = find_person(name, condensed)
    print(_summary(person))
    if key is not None:
        print(_records(name, key, Opener(key_identity, passphrase_file)))
    if output is not None:
        after = withdraw(name, condensed, output, remake=remake, faces=faces, overwrite=overwrite)
        print(f"without   {output}: {after.groups:,} groups of {after.people:,} people")
        print(f"next      python -m anonfaces.publish {output} ...")


def _summary(person: Withdrawal) -> str:
    enough = "still enough" if person.keeps_k else f"too few for k = {person.k}: it goes as a whole"
    return (
        f"group     {person.group}, with {pluralize(person.faces, 'face')} of theirs\n"
        f"left      {pluralize(person.left, 'person', 'people')}, {enough}"
    )


def _records(name: str, path: Path, opener: Opener) -> str:
    """The records of a release that are made of the person."""
    key = opener.open(path)
    groups = set(key.members.loc[key.members["identity"] == name, "group"])
    records = key.records.loc[key.records["group"].isin(groups), "path"].tolist()
    if not records:
        return "records   none in that release"
    more = f", and {len(records) - _SHOWN} more" if len(records) > _SHOWN else ""
    return f"records   {', '.join(records[:_SHOWN])}{more}"


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
