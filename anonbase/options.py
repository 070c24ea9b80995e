"""Options that several commands have, each with one name, one type and one help text.

A command takes them as annotations of its parameters:

>>> def command(seed: Seed = 0, quiet: Quiet = False, debug: Debug = False) -> None: ...
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = [
    "MAX_PIXELS",
    "SURROGATE_METHODS",
    "ChipSize",
    "Debug",
    "Gallery",
    "Generator",
    "Jobs",
    "KeyIdentity",
    "KeyPassphrase",
    "Label",
    "MaxPixels",
    "Overwrite",
    "Psi",
    "Quiet",
    "Scheduler",
    "Seed",
    "SeedBesideKey",
    "Weights",
    "option",
]

#: Pixels of the largest photograph that is decoded unless more are asked for: some 400 MB as
#: float32, and more than any phone's camera makes in one shot.
MAX_PIXELS = 100_000_000


#: The names of ``anonfaces.synthesize.SURROGATES``, for helps; nothing above is imported here.
SURROGATE_METHODS = (
    "optimised, stylegan, stylegan-weighted, stylegan-random, k-same, k-same-eigen, k-same-m,"
    " k-same-net or gallery"
)


def option(text: str, *names: str, **more: Any) -> Any:
    """A typer option with the help ``text``; a default of None is not shown."""
    return typer.Option(*names, help=text, **more)


Scheduler = Annotated[
    str | None,
    option(
        "have it done by Dask's workers: local, or the address of a scheduler in a network that you"
        " trust (tcp://host:8786)",
        show_default=False,
    ),
]
Seed = Annotated[int, option("seed of all random choices")]
SeedBesideKey = Annotated[
    int, option("seed of all random choices; faces that a secret key draws also need the same key")
]
Quiet = Annotated[bool, option("print nothing but warnings and errors", "--quiet")]
Debug = Annotated[bool, option("show the traceback of an error", "--debug")]
Jobs = Annotated[
    int | None, option("number of worker processes; default: one a core", min=1, show_default=False)
]
MaxPixels = Annotated[
    int, option("limit on the pixels of a photograph; larger ones are not decoded")
]
ChipSize = Annotated[int, option("side of chips and of surrogates in pixels")]
Weights = Annotated[
    Path | None, option("file with weights of the extractor; default: its own", show_default=False)
]
Generator = Annotated[
    Path | None,
    option("StyleGAN checkpoint; default: the one that ships", show_default=False),
]
Gallery = Annotated[
    Path | None,
    option(
        "a folder of pictures of people who do not exist, whose faces are taken",
        show_default=False,
    ),
]
Psi = Annotated[
    float | None,
    option(
        "how far a face may lie from the generator's mean face, as a share; 1 leaves it: faces vary"
        " more, and more are torn (default: 0.75 with the owner's key, which every command has;"
        " 1 without one)",
        show_default=False,
    ),
]
Label = Annotated[
    int | None,
    option("class of the images, if the generator has classes", "--class", show_default=False),
]
Overwrite = Annotated[bool, option("replace the output of an earlier run", "--overwrite")]
KeyPassphrase = Annotated[
    Path | None, option("opens the key by the file's first line", show_default=False)
]
KeyIdentity = Annotated[
    Path | None, option("an age identity that opens the key", show_default=False)
]
