"""``python -m anonfaces.publish.together faces.h5 --previous KEY``: groups that fit earlier ones.

Two releases of the same people can be crossed. They cannot where no new group mixes people of two
groups of an earlier release, and those whom it does not know are apart. This writes the faces with
a column that says where each person was, by which the grouping keeps them together (``--same``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from anonbase import cli
from anonbase.errors import InputError
from anonbase.options import Debug, KeyIdentity, KeyPassphrase, option
from anonbase.text import pluralize
from anonfaces.dataset.tables import EARLIER
from anonfaces.publish.earlier import earlier_groups
from anonfaces.publish.key import Opener

__all__ = ["app", "keep_together"]

_EXAMPLES = """
Write the faces of FACES with a column, earlier_releases, that says in which groups of earlier
releases each person was. Grouped with --same earlier_releases, the new groups can be crossed with
the old ones without leaving anybody among fewer than k; where that cannot be, the grouping says by
how many people. The column is secret and is never released.

\b
Example:
  python -m anonfaces.publish.together condensed/owner/faces.h5 --previous release.key \\
      --passphrase-file secret.txt -o faces2.h5
  python -m anonfaces.cluster faces2.h5 --k 5 --same earlier_releases -o condensed2/
  python -m anonfaces.publish condensed2/ --previous release.key --passphrase-file secret.txt
"""

app = typer.Typer(add_completion=False)


def keep_together(
    faces: Path | str, previous: Sequence[Path], opener: Opener, output: Path | str
) -> int:
    """Write the faces with their column to ``output``; how many sorts of people there are.

    People of one sort were together in every earlier release, or in none. InputError where faces
    have no names, or a key cannot be opened.
    """
    from encoders.faceset import FaceSet

    faceset = FaceSet.read(faces)
    if (faceset.identity == "").any():
        raise InputError(
            f"{faces}: faces without a name cannot be found in an earlier release: give identities"
        )
    if not previous:
        raise InputError("no earlier release was given (--previous KEY)")
    keys = [opener.open(Path(path)) for path in previous]
    names, row = np.unique(faceset.identity, return_inverse=True)
    sort = earlier_groups(names, keys, list(map(str, previous)))
    column = np.where(sort == " " * (len(keys) - 1), "in none", sort)[row]
    marked = replace(faceset, attribute={**faceset.attribute, EARLIER: column})
    marked.write(Path(output))
    return len(np.unique(column))


_Faces = Annotated[Path, typer.Argument(metavar="FACES", help="a faces.h5", show_default=False)]
_Previous = Annotated[
    list[Path], option("sealed key of an earlier release; may be given several times")
]
_Output = Annotated[Path, option("the faces.h5 to write", "--output", "-o")]


@app.command(help=_EXAMPLES)
def together(
    faces: _Faces,
    previous: _Previous,
    output: _Output,
    passphrase_file: KeyPassphrase = None,
    key_identity: KeyIdentity = None,
    debug: Debug = False,
) -> None:
    sorts = keep_together(faces, previous, Opener(key_identity, passphrase_file), output)
    print(f"{output}: {pluralize(sorts, 'sort')} of people; group them with --same {EARLIER}")


def main() -> None:
    """Run the command; see ``anonbase.cli.run`` for how it ends."""
    cli.run(app)


if __name__ == "__main__":
    main()
