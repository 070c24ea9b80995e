"""``evaluate``: the judgement of one folder, from reading to writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import InputError, OutputError
from anonbase.files import write_text
from anonfaces.evaluate.evaluation import Evaluation
from anonfaces.evaluate.roc import FALSE_MATCH_RATE

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.onnx_embedder import Preprocessing
    from anonfaces.evaluate.subject import Galleries, Subject

__all__ = ["EvaluationOptions", "evaluate"]

FILE, PAGE = "evaluation.json", "evaluation.html"


@dataclass(frozen=True, kw_only=True)
class EvaluationOptions:
    """What is measured and by whom.

    Attributes
    ----------
    judges : tuple of str
        ``NAME`` or ``NAME:FILE``; empty for those at hand.
    false_match_rate : float
        At which thresholds are taken.
    attacks, utility : bool
        Whether attacks are tried, and what is kept is measured.
    preprocessing : Preprocessing or None
        Of ONNX judges.
    hifd : Path or None
        A file for the scores of HiFD, in the layout of its authors.
    seed : int
        The same seed gives the same bytes.
    """

    judges: tuple[str, ...] = ()
    false_match_rate: float = FALSE_MATCH_RATE
    attacks: bool = False
    utility: bool = False
    preprocessing: Preprocessing | None = None
    hifd: Path | None = None
    seed: int = 0


def evaluate(
    folder: Path | str,
    *,
    originals: Path | str | None = None,
    gallery: Path | str | None = None,
    strangers: Path | str | None = None,
    other: Path | str | None = None,
    faces: Path | str | None = None,
    output: Path | str | None = None,
    options: EvaluationOptions | None = None,
    progress: bool = False,
) -> Evaluation:
    """Judge the surrogates of a condensed dataset, or anonymized photographs.

    Parameters
    ----------
    folder : path
        A condensed dataset as its owner has it; or anonymized photographs, with ``originals``.
    originals : path, optional
        The photographs that ``folder`` was made of, under the same names.
    gallery : path, optional
        Other photographs of the same people (a folder a person, named alike, or a ``faces.h5``).
    strangers : path, optional
        Photographs of others, among whom the people are looked for.
    other : path, optional
        Another condensed dataset of the same people, for the attack by two releases.
    faces : path, optional
        The ``faces.h5`` of the groups, where it does not lie in ``folder``.
    output : path, optional
        A folder for ``evaluation.json`` and ``evaluation.html``; by default ``folder`` itself,
        whose ``report.html`` gains a part.

    Returns
    -------
    Evaluation

    Raises
    ------
    InputError
        What was given cannot be read or does not belong together; nothing is written then.

    Examples
    --------
    >>> from anonfaces.evaluate import evaluate
    >>> evaluate("condensed/", gallery="others/").statement  # needs both  # doctest: +SKIP
    """
    asked, place = options or EvaluationOptions(), Path(folder)
    target = _target(place, originals, output)
    subject = _subject(place, originals, faces)
    galleries = _galleries(subject, gallery, strangers)
    judges = _judges(subject, asked)
    verdicts = _verdicts(subject, judges, galleries, asked, progress)
    tried = _attacks(subject, judges, galleries, other, asked, progress) if asked.attacks else []
    kept = _utility(subject, galleries, progress) if asked.utility else {}
    command = _command(asked, originals, gallery, strangers, other)
    evaluation = Evaluation.of(subject, verdicts, tried, kept, command)
    _write(evaluation, target, inside=output is None)
    if asked.hifd is not None:
        _write_hifd(subject, judges, asked.hifd)
    return evaluation


def _target(place: Path, originals: Path | str | None, output: Path | str | None) -> Path:
    if output is None and originals is not None:
        raise InputError("an evaluation of anonymized photographs wants a folder: -o evaluation/")
    target = place if output is None else Path(output)
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file: name a folder")
    return target


def _subject(place: Path, originals: Path | str | None, faces: Path | str | None) -> Subject:
    from anonfaces.evaluate.subject import read_anonymized, read_condensed

    if originals is not None:
        return read_anonymized(place, Path(originals))
    return read_condensed(place, None if faces is None else Path(faces))


def _galleries(
    subject: Subject, gallery: Path | str | None, strangers: Path | str | None
) -> Galleries:
    """Strangers are those whom the people and their other photographs do not name."""
    from anonfaces.evaluate.subject import Galleries, read_faces

    other = None if gallery is None else read_faces(Path(gallery))
    if strangers is None:
        return Galleries(other=other)
    others = read_faces(Path(strangers))
    known = {*subject.identity.tolist(), *([] if other is None else other.identity.tolist())}
    alone = others.select(np.array([name not in known for name in others.identity], bool))
    if not len(alone):
        raise InputError(f"{strangers}: everybody there is among the people themselves")
    return Galleries(other=other, strangers=alone)


def _judges(subject: Subject, asked: EvaluationOptions) -> list[Judge]:
    from anonfaces.evaluate.judges.judge import load_judge, usual_judges

    names = asked.judges or tuple(usual_judges())
    return [load_judge(name, subject.faces, asked.preprocessing) for name in names]


def _verdicts(
    subject: Subject,
    judges: Sequence[Judge],
    galleries: Galleries,
    asked: EvaluationOptions,
    progress: bool,
) -> list[Any]:
    from tqdm import tqdm

    from anonfaces.evaluate.verdict import judge_surrogates

    bar = tqdm(judges, desc="judges", unit="judge", disable=not progress)
    return [judge_surrogates(subject, one, galleries, asked.false_match_rate) for one in bar]


def _attacks(
    subject: Subject,
    judges: Sequence[Judge],
    galleries: Galleries,
    other: Path | str | None,
    asked: EvaluationOptions,
    progress: bool,
) -> list[dict[str, Any]]:
    from anonfaces.evaluate.attacks import try_attacks
    from anonfaces.evaluate.subject import read_condensed

    second = None if other is None else read_condensed(Path(other))
    return try_attacks(subject, judges, galleries, second, seed=asked.seed, progress=progress)


def _utility(subject: Subject, galleries: Galleries, progress: bool) -> dict[str, Any]:
    from anonfaces.evaluate.utility import measure_utility

    return measure_utility(subject, real=galleries.other, progress=progress)


def _write_hifd(subject: Subject, judges: Sequence[Judge], path: Path) -> None:
    from anonfaces.evaluate.hifd import hifd_json, measure_hifd

    text = hifd_json({subject.surrogate or subject.kind: measure_hifd(subject, judges)})
    try:
        write_text(path, text)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}") from error


def _command(asked: EvaluationOptions, *given: Path | str | None) -> str:
    """The command without the names of files, which could name people."""
    names = ("originals", "gallery", "strangers", "other-release")
    parts = ["python -m anonfaces.evaluate FOLDER"]
    parts += [f"--{n} FOLDER" for n, path in zip(names, given, strict=True) if path is not None]
    for judge in asked.judges:
        name, _, file = judge.partition(":")
        parts.append(f"--judge {name}{':FILE' if file else ''}")
    if asked.false_match_rate != FALSE_MATCH_RATE:
        parts.append(f"--false-match-rate {asked.false_match_rate:g}")
    parts += [f"--{name}" for name in ("attacks", "utility") if getattr(asked, name)]
    return " ".join([*parts, f"--seed {asked.seed}"])


def _write(evaluation: Evaluation, target: Path, inside: bool) -> None:
    from anonfaces.dataset.summary import Summary
    from anonfaces.report import write_report
    from anonfaces.report.evaluation import write_evaluation_page

    try:
        target.mkdir(parents=True, exist_ok=True)
        write_text(target / FILE, evaluation.to_json())
    except OSError as error:
        raise OutputError(f"{target}: {error.strerror or error}") from error
    if not inside:
        write_evaluation_page(target / PAGE, evaluation.document)
        return
    summary = Summary.read(target / "summary.json")
    if FILE not in summary.publishable:
        publishable = (*summary.publishable, FILE)
        write_text(target / "summary.json", replace(summary, publishable=publishable).to_json())
    write_report(target)
