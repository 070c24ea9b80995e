"""The file of a semantic generator: sizes, numbers as float16, and what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import WeightsError
from anonbase.keras_backend import load_engine
from encoders import weights_file

__all__ = ["FILE", "REMEDY", "SHIPPED", "load_generator", "mix_generators", "save_generator"]

KIND = "semantic generator"
_SHARED = "synthesis."
FILE = "semantic.h5"
REMEDY = "python -m anonfaces.semantic train FACES -o FOLDER"
_HERE = Path(__file__).resolve().parent
_IN_WHEEL = _HERE.parent / "_semantic"
SHIPPED = _IN_WHEEL if _IN_WHEEL.is_dir() else _HERE.parent.parent / "datasets" / "semantic"


def save_generator(
    path: Path, config: Any, values: dict[str, NDArray[np.float32]], **facts: Any
) -> None:
    """Write numbers and sizes, all of it or nothing.

    Of one whose synthesis network is the generator's that ships, these numbers are left out, and
    the file names that generator.
    """
    meta = {"sizes": config.to_json(), **facts}
    if config.shared:
        values = {k: v for k, v in values.items() if not k.startswith(_SHARED)}
        meta["generator"] = weights_file.digest(_drawing())
    weights_file.write(path, KIND, meta, values)


def load_generator(path: Path | None = None) -> Any:
    """A ``SemanticGenerator``; by default the one that ships.

    Raises:
        WeightsError: the file is missing, damaged, hostile, of another network, or it draws with a
            generator other than the one that ships.
    """
    load_engine()
    from stylegan.semantic.config import SemanticConfig
    from stylegan.semantic.generator import SemanticGenerator

    source = SHIPPED / FILE if path is None else Path(path)
    source = source / FILE if source.is_dir() else source
    meta, arrays = weights_file.read(source, KIND, REMEDY)
    sizes = meta.get("sizes")
    if not isinstance(sizes, dict):
        raise WeightsError(f"{source}: it does not say its sizes")
    config = SemanticConfig.from_json(sizes, str(source))
    if config.shared:
        arrays |= _shared_values(source, meta, config)
    return SemanticGenerator(config, arrays, source=str(source))


def _shared_values(source: Path, meta: Mapping[str, Any], config: Any) -> dict[str, Any]:
    """The synthesis network of the generator that ships, for a file that draws with it."""
    from stylegan.semantic.generator import generator_specs

    generator = _drawing()
    weights_file.check_generator(source, meta, generator, REMEDY)
    specs = generator_specs(config)
    return {k: v for k, v in generator.values().items() if k.startswith(_SHARED) and k in specs}


def _drawing() -> Any:
    import stylegan

    return stylegan.load()


def mix_generators(start: Path, end: Path, place: Path, share: float, **facts: Any) -> None:
    """Write a generator between two of one size: ``share`` of the way from ``start`` to ``end``.

    Raises:
        WeightsError: a file is no semantic generator, or their sizes differ.
    """
    first, last = load_generator(start), load_generator(end)
    if first.config != last.config:
        raise WeightsError(f"{end}: of another size than {start}; only a run of it can be mixed")
    one, other = first.values(), last.values()
    mixed = {name: (1 - share) * one[name] + share * other[name] for name in one}
    save_generator(place, first.config, mixed, share=share, **facts)
