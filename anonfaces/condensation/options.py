"""What is asked of a condensed dataset, checked before any work is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from anonbase.checks import check_seed
from anonbase.errors import InputError
from anonbase.options import MAX_PIXELS
from anonfaces.cluster.budget import Budget, Effort, check_seconds
from anonfaces.cluster.checks import check_k
from anonfaces.cluster.constraints.constraint import asked
from anonfaces.cluster.methods import DEFAULT, find
from anonfaces.synthesize.options import DEFAULT_SURROGATE, SurrogateOptions
from encoders.photographs.remote import PhotographRoot, RemoteFolder

__all__ = ["CondenseOptions", "EncodingOptions", "holds_photographs"]

#: Kinds of identity whose argument names a file, a pattern or a column, which could name people.
_HIDDEN = {"csv": "csv:FILE:COLUMN", "regex": "regex:PATTERN", "column": "column:NAME"}


def holds_photographs(source: PhotographRoot) -> bool:
    """Whether ``source`` is a folder of photographs, and not one of embeddings."""
    if isinstance(source, RemoteFolder):
        return True
    return source.is_dir() and source.suffix != ".zarr" and not any(source.glob("*.parquet"))


@dataclass(frozen=True, kw_only=True)
class EncodingOptions:
    """How photographs become vectors: the options of ``encoders.encode``."""

    extractor: str = "dlib"
    detector: str = "auto"
    faces: str | None = None
    chip_size: int = 256
    weights: Path | None = None
    jobs: int | None = None
    upsample: int | None = None
    max_pixels: int = MAX_PIXELS

    def to_cli(self) -> list[str]:
        """The options that differ from their defaults; files and processes are not named."""
        default = EncodingOptions()
        named = (f.name for f in fields(self) if f.name not in ("weights", "jobs"))
        return [
            f"--{name.replace('_', '-')} {getattr(self, name)}"
            for name in named
            if getattr(self, name) != getattr(default, name)
        ]


@dataclass(frozen=True, kw_only=True)
class CondenseOptions:
    """What ``anonfaces.condense`` may be asked for; see there for what each option means.

    Raises
    ------
    GuaranteeError
        ``k`` is below 2: a group of one person hides nobody.
    InputError
        An option has a value that it cannot have, or there is no such option.

    Examples
    --------
    >>> CondenseOptions(k=5, effort="fast", seed=3).to_cli(drawn=False)
    'python -m anonfaces.cluster INPUT --k 5 --method anneal --effort fast --seed 3'
    """

    k: int
    method: str | None = None
    effort: Effort = "default"
    time_limit: float | None = None
    seed: int = 0
    identity: str | None = None
    same_person: float | None = None
    leave_out: Sequence[str] = ()
    same: Sequence[str] = ()
    l_diversity: Mapping[str, int] | None = None
    t_closeness: Mapping[str, float] | None = None
    certify: float | None = None
    surrogate: str | None = None
    surrogate_options: SurrogateOptions | None = None
    encoding: EncodingOptions = field(default_factory=EncodingOptions)
    key: Path | str | None = None
    scheduler: str | None = None

    @classmethod
    def from_arguments(cls, k: int, options: Mapping[str, Any]) -> Self:
        """The options of a call; ``InputError`` that lists them all where one is not known."""
        known = [field.name for field in fields(cls)]
        unknown = sorted(set(options) - set(known))
        if unknown:
            raise InputError(f"there is no option {unknown[0]!r}: choose among {', '.join(known)}")
        return cls(k=k, **options)

    def __post_init__(self) -> None:
        from anonfaces.dataset.files import read_secret_key
        from anonfaces.synthesize import check_surrogate

        check_k(self.k)
        check_seed(self.seed)
        find(self.grouping_method)
        Budget(self.effort, self.time_limit)
        check_seconds(self.certify, "certify")
        asked(**self.constraints)
        check_surrogate(self.surrogate_method, self.drawn_by)
        if self.same_person is not None and not self.same_person > 0:
            raise InputError(
                f"--same-person (in Python same_person) is a distance > 0, not {self.same_person:g}"
            )
        if self.key is not None:
            read_secret_key(Path(self.key))

    @property
    def grouping_method(self) -> str:
        """The name of the grouping method, the default where none was named."""
        return self.method or DEFAULT

    @property
    def surrogate_method(self) -> str:
        """The name of the surrogate method, the default where none was named."""
        return self.surrogate or DEFAULT_SURROGATE

    @property
    def drawn_by(self) -> SurrogateOptions:
        """The options of the surrogate method; without any, ``seed`` is theirs as well."""
        return self.surrogate_options or SurrogateOptions(seed=self.seed)

    @property
    def constraints(self) -> dict[str, Any]:
        """What every group keeps beside k, as ``anonfaces.group`` takes it."""
        return {
            "same": tuple(self.same),
            "l_diversity": self.l_diversity,
            "t_closeness": self.t_closeness,
        }

    @property
    def constrained_columns(self) -> tuple[str, ...]:
        """The columns that constraints are about, each once."""
        return tuple(dict.fromkeys(one.column for one in asked(**self.constraints)))

    @property
    def encoding_arguments(self) -> dict[str, Any]:
        """The keyword arguments for ``encoders.encode``."""
        return asdict(self.encoding)

    def to_cli(self, drawn: bool = True) -> str:
        """The command without the names of files, which could name people.

        ``drawn`` says whether there are surrogates.
        """
        words = [f"python -m anonfaces.cluster INPUT --k {self.k} --method {self.grouping_method}"]
        words.append(f"--effort {self.effort} --seed {self.seed}")
        for name in ("time_limit", "certify"):
            if getattr(self, name) is not None:
                words.append(f"--{name.replace('_', '-')} {getattr(self, name):g}")
        words += [f"--leave-out {column}" for column in self.leave_out]
        words += map(str, asked(**self.constraints))
        if self.identity:
            words.append(f"--identity {_HIDDEN.get(self.identity.split(':')[0], self.identity)}")
        if self.same_person is not None:
            words.append(f"--same-person {self.same_person:g}")
        words += self.drawn_by.to_cli(self.surrogate_method, self.seed) if drawn else []
        return " ".join(words + self.encoding.to_cli())
