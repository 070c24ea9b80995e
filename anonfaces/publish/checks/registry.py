"""The registry of checks, and how they are run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anonfaces.publish.checks.release import Release

__all__ = ["CHECKS", "FAILED", "LEFT_OUT", "PASSED", "Check", "Outcome", "check", "run_checks"]

PASSED, FAILED, LEFT_OUT = "passed", "failed", "not checked"
_SHOWN = 5

Problems = list[str]


@dataclass(frozen=True)
class Check:
    """One thing that must hold of a release.

    ``needs`` names what must be given for it: ``key``, ``originals``, ``judge``, ``signature``.
    """

    name: str
    about: str
    needs: tuple[str, ...]
    run: Callable[[Release], Problems]


@dataclass(frozen=True)
class Outcome:
    """What became of a check; ``message`` says what is wrong, or what was lacking."""

    name: str
    about: str
    status: str
    message: str = ""


CHECKS: dict[str, Check] = {}
"""Every check by its name, in the order in which they are run."""


def check(
    name: str, about: str, *needs: str
) -> Callable[[Callable[[Release], Problems]], Callable[[Release], Problems]]:
    """Register a function as the check ``name``; ``about`` says what holds when it passes."""

    def register(run: Callable[[Release], Problems]) -> Callable[[Release], Problems]:
        CHECKS[name] = Check(name, about, needs, run)
        return run

    return register


def run_checks(release: Release) -> Iterator[Outcome]:
    """Yield the outcome of every check; one that cannot read the release fails."""
    for one in CHECKS.values():
        lacking = [need for need in one.needs if not release.has(need)]
        if lacking:
            yield Outcome(one.name, one.about, LEFT_OUT, f"needs {' and '.join(lacking)}")
            continue
        try:
            problems = one.run(release)
        except Exception as error:  # a folder that lies can raise anything
            problems = [f"cannot be checked: {type(error).__name__}: {error}"]
        status = FAILED if problems else PASSED
        yield Outcome(one.name, one.about, status, _message(problems))


def _message(problems: Problems) -> str:
    more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
    return "; ".join(problems[:_SHOWN]) + more
