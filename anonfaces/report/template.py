"""The templates of pages, with what all of them may call."""

from __future__ import annotations

from typing import Any

from anonbase.text import pluralize

__all__ = ["load_template"]


def load_template(name: str = "page.html") -> Any:
    """A template of this package, with what all of them use."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("anonfaces.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["pluralize"] = pluralize
    return environment.get_template(name)
