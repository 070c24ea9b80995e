"""The owner's secret key, which lies in the folder of a condensed dataset."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from anonfaces.dataset.files import SECRET_KEY, read_secret_key
from anonfaces.synthesize.options import SurrogateOptions

__all__ = ["with_owners_key"]


def with_owners_key(options: SurrogateOptions, folder: Path) -> SurrogateOptions:
    """``options`` with the secret key of the dataset in ``folder``, where there is one."""
    path = folder / SECRET_KEY
    if options.key is not None or not path.is_file():
        return options
    return replace(options, key=read_secret_key(path))
