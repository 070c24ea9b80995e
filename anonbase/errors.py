"""The one tree of errors and warnings.

AnonfacesError
├── InputError        something the user gave cannot be used: a file, an option, an array
│   └── MixedExtractorsError  vectors of different extractors or alignments in one set
├── GuaranteeError    what was asked cannot be given: k, a diversity constraint
├── WeightsError      a file of network weights is missing, damaged or not what it says
└── OutputError       the place to write to is not usable

PrivacyWarning        the promise is weaker than the user may think
UtilityWarning        the promise holds, but the result is worth less than the user may think
WeightsWarning        a file of weights works, but nobody has vouched for it
"""

from __future__ import annotations

__all__ = [
    "AnonfacesError",
    "GuaranteeError",
    "InputError",
    "MixedExtractorsError",
    "OutputError",
    "PrivacyWarning",
    "UtilityWarning",
    "WeightsError",
    "WeightsWarning",
]


class AnonfacesError(Exception):
    """Base of every error that anonfaces raises on purpose.

    The message says which file or value, what was expected, and what to do.
    """


class InputError(AnonfacesError, ValueError):
    """A file, option or array that the user gave cannot be used."""


class MixedExtractorsError(InputError):
    """Embeddings of different extractors, weights or alignments cannot be compared."""


class GuaranteeError(AnonfacesError, ValueError):
    """The guarantee that was asked for cannot be given; nothing was written."""


class WeightsError(AnonfacesError, ValueError):
    """A file of network weights is missing, damaged, hostile, or not of this network."""


class OutputError(AnonfacesError, OSError):
    """The output cannot be written there without harming what is there."""


class PrivacyWarning(UserWarning):
    """The promise that holds is weaker than the user may think."""


class UtilityWarning(UserWarning):
    """The promise holds; the result is worth less, or less is proven of it, than it could be."""


class WeightsWarning(UserWarning):
    """A file of weights could be read, but its SHA-256 is not one that we know."""
