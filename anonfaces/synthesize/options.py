"""What a user may ask of a surrogate method."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

from anonbase.checks import check_seed
from anonbase.errors import InputError

__all__ = ["DEFAULT_SURROGATE", "SurrogateOptions"]

DEFAULT_SURROGATE = "optimised"
"""The method that is taken where none is named."""

#: Options that the command line calls by another name.
_CLI = {"label": "class"}
_OF_EVERY_METHOD = ("seed", "jobs", "key", "progress")


@dataclass(frozen=True, kw_only=True)
class SurrogateOptions:
    """How surrogates are drawn. Methods that use no generator take ``seed`` and ``jobs`` alone.

    ``generator``
        A StyleGAN checkpoint; None for the one that ships.
    ``label``
        The class of the generator's images, where it has classes.
    ``psi``
        How far a latent may lie from the generator's mean face, as a share of where it lies; 1
        leaves it, 0.7 is safer and more alike. None is 1, and 0.75 with a ``key``.
    ``seed``
        Mixed with a group's content where a method draws by chance.
    ``jobs``
        Processes that look for faces in what was drawn; None for one a core.
    ``key``
        The owner's secret, which goes into the faces of a generator (see ``hiding``), or into what
        of a gallery a group may choose (see ``portraits.dealing``), and is told nowhere; None
        hides nothing.
    ``per``
        ``"group"`` or ``"dataset"``: over what the methods with weights count re-identification.
    ``gallery``
        For ``gallery``: a folder of pictures of people who do not exist.
    ``progress``
        Tell how long what comes before the first face takes. It changes no face.
    """

    generator: Path | None = None
    label: int | None = None
    psi: float | None = None
    seed: int = 0
    jobs: int | None = None
    per: Literal["group", "dataset"] = "group"
    gallery: Path | None = None
    key: bytes | None = field(default=None, repr=False)
    progress: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        check_seed(self.seed)
        if self.label is not None and self.generator is None:
            raise InputError("--class is one of a --generator's; the one that ships has no classes")
        if self.psi is not None and not 0 < self.psi <= 2:
            raise InputError(f"--psi is a number above 0 and up to 2, not {self.psi:g}")
        if self.jobs is not None and self.jobs < 1:
            raise InputError(f"--jobs is a number of processes, at least 1, not {self.jobs}")
        if self.per not in ("group", "dataset"):
            raise InputError(f"--per is group or dataset, not {self.per!r}")

    def refuse_all_but(self, method: str, *known: str) -> None:
        """``InputError`` for an option that was given and that ``method`` does not have."""
        default = SurrogateOptions()
        for name in (one.name for one in fields(self)):
            changed = getattr(self, name) != getattr(default, name)
            if changed and name not in (*known, *_OF_EVERY_METHOD):
                raise InputError(f"--surrogate {method} has no --{_CLI.get(name, name)}")

    def refuse_without_faces(self, method: str | None, source: str) -> None:
        """``InputError`` where a method was named, or an option given, for vectors alone."""
        given = self.to_cli(method or "", self.seed)[method is None :]
        if given:
            raise InputError(
                f"{' '.join(given)}: {source} holds vectors, which have no faces to make surrogates"
                " of: leave that out (in Python surrogate, surrogate_options), or give"
                " photographs or a faces.h5"
            )

    def to_cli(self, method: str, seed: int | None = None) -> list[str]:
        """``--surrogate method`` with the options that differ from their defaults.

        A seed is told where it is not ``seed``. The files of generator and gallery are not named.
        """
        message = [f"--surrogate {method}"]
        if self.generator is not None:
            message.append("--generator FILE")
        if self.label is not None:
            message.append(f"--class {self.label}")
        if self.psi is not None:
            message.append(f"--psi {self.psi:g}")
        if self.per != "group":
            message.append(f"--per {self.per}")
        if self.gallery is not None:
            message.append("--gallery FOLDER")
        return message + ([] if self.seed == seed else [f"--surrogate-seed {self.seed}"])

    def fingerprint(self) -> str:
        """SHA-256 of the generator's files: other weights under the same name draw other faces."""
        from anonbase.files import sha256
        from stylegan.checkpoint import SHIPPED

        place = self.generator or SHIPPED
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        return " ".join(sha256(path) for path in files if path.is_file())
