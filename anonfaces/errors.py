"""The public name of the errors and warnings, which live on the ground floor."""

from anonbase.errors import (
    AnonfacesError,
    GuaranteeError,
    InputError,
    MixedExtractorsError,
    OutputError,
    PrivacyWarning,
    UtilityWarning,
    WeightsError,
    WeightsWarning,
)

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
