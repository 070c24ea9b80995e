"""What a baseline is called on the command line: its name, and how strongly it hides."""

from __future__ import annotations

import math

from anonbase.errors import InputError

__all__ = ["BASELINES", "baselines_help", "check_baseline", "parse_baseline"]

#: The names of baselines, and what the number after them means.
BASELINES = {
    "none": "the lens without a mask",
    "defocus": "waves RMS of defocus",
    "low": "pixels of the side of a sensor of so few, each as noisy as one of the usual one",
    "binned": "pixels of the side after those of the usual sensor were added up",
    "box": "pixels of the box's side, of the sensor's",
}
#: How each is written.
_EXAMPLES = {
    "none": "none", "defocus": "defocus:1", "low": "low:16", "binned": "binned:16", "box": "box:9",
}  # fmt: skip


def baselines_help() -> str:
    """Every baseline as it is written, with what its number means."""
    return "; ".join(f"{_EXAMPLES[name]} ({meaning})" for name, meaning in BASELINES.items())


def check_baseline(name: str) -> None:
    """``InputError`` unless there is a baseline of this name."""
    if name not in BASELINES:
        raise InputError(f"there is no baseline {name!r}: {', '.join(BASELINES)} are known")


def parse_baseline(spec: str) -> tuple[str, float]:
    """The name and the strength of ``NAME:STRENGTH``, or of ``none``, which has none.

    Raises
    ------
    InputError
        There is no such baseline, its strength is missing or no number, or ``none`` has one.

    Examples
    --------
    >>> parse_baseline("box:9"), parse_baseline("none")
    (('box', 9.0), ('none', 0.0))
    """
    name, colon, strength = spec.partition(":")
    check_baseline(name)
    if name == "none":
        if colon:
            raise InputError(f"baseline {spec!r}: 'none' has no strength: give it alone, as none")
        return name, 0.0
    way = f"{BASELINES[name]}; as {_EXAMPLES[name]}"
    if not strength:
        raise InputError(f"baseline {spec!r}: its strength is missing: {way}")
    try:
        number = float(strength)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"baseline {spec!r}: its strength {strength!r} is no number: {way}")
    return name, number
