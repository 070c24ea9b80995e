"""Groups of at least k people: k-anonymous microaggregation of embeddings.

``group`` is the plain function, ``KAnonymousClustering`` the scikit-learn estimator beside it,
``Groups`` what both make. Names are loaded when they are first used (numba and scikit-learn
take their time).
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "Budget": "anonfaces.cluster.budget",
    "Groups": "anonfaces.cluster.groups",
    "KAnonymousClustering": "anonfaces.cluster.estimator",
    "METHODS": "anonfaces.cluster.methods",
    "Vectors": "anonfaces.cluster.inputs",
    "estimate_identity": "anonfaces.cluster.identity",
    "group": "anonfaces.cluster.grouping",
    "random_loss": "anonfaces.cluster.people",
    "read_input": "anonfaces.cluster.inputs",
}

__all__ = [
    "METHODS",
    "Budget",
    "Groups",
    "KAnonymousClustering",
    "Vectors",
    "estimate_identity",
    "group",
    "random_loss",
    "read_input",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'anonfaces.cluster' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
