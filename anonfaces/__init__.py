"""anonfaces: publish a face dataset that protects the people in it.

Photographs are found, aligned and embedded (``encoders``), the people grouped so that every
group holds at least k of them (``anonfaces.cluster``), and each group gets one surrogate face
(``anonfaces.synthesize``). The names below are loaded when they are first used, so that
``import anonfaces`` and ``--help`` stay quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "AnonfacesError": "anonfaces.errors",
    "Groups": "anonfaces.cluster",
    "GuaranteeError": "anonfaces.errors",
    "InputError": "anonfaces.errors",
    "KAnonymousClustering": "anonfaces.cluster",
    "PrivacyWarning": "anonfaces.errors",
    "condense": "anonfaces.condensation.job",
    "group": "anonfaces.cluster",
}

__all__ = [
    "AnonfacesError",
    "Groups",
    "GuaranteeError",
    "InputError",
    "KAnonymousClustering",
    "PrivacyWarning",
    "condense",
    "group",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
