"""The release: what may be handed to strangers, with a certificate, and a key for its owner.

>>> from anonfaces.publish import Sealer, publish
>>> sealer = Sealer(passphrase_file="secret.txt")  # needs a file  # doctest: +SKIP
>>> publish("condensed/", "release/", sealer)  # needs a dataset  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "About": "card",
    "Opener": "key",
    "PublishOptions": "job",
    "Published": "job",
    "ReleaseKey": "key",
    "Sealer": "key",
    "publish": "job",
}

__all__ = [
    "About",
    "Opener",
    "PublishOptions",
    "Published",
    "ReleaseKey",
    "Sealer",
    "publish",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.publish' has no attribute {name!r}")
    return getattr(import_module(f"anonfaces.publish.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
