"""``evaluate``: the judgement of one folder, from reading to writing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.dask_workers import DaskWorkers, by_workers
from anonbase.errors import InputError, OutputError
from anonbase.files import write_text
from anonfaces.evaluate.evaluation import Evaluation
from anonfaces.evaluate.roc import FALSE_MATCH_RATE

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.onnx_embedder import Preprocessing
    from anonfaces.evaluate.subject import Galleries, RemoteEncoding, Subject
    from anonfaces.evaluate.utility import Perception

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
    scheduler: str | None = None,
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
    scheduler : str, optional
        Who looks at faces and surrogates: the address of a Dask scheduler (``tcp://host:8786``),
        or ``local``; None: this process. All that is judged, and the output, lie where workers
        see them under the same name; the evaluation is the same.

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
    with _encoding(target, scheduler) as by:
        subject = _subject(place, originals, faces, by)
        galleries = _galleries(subject, gallery, strangers, by)
        with by_workers(scheduler) as workers:
            judged = _Judged(subject, galleries, asked, workers, progress)
            verdicts = judged.verdicts()
            tried = judged.attacks(other) if asked.attacks else []
            kept = judged.utility() if asked.utility else {}
            command = _command(asked, originals, gallery, strangers, other)
            evaluation = Evaluation.of(subject, verdicts, tried, kept, command)
            scores = judged.hifd() if asked.hifd is not None else ""
    _write(evaluation, target, inside=output is None)
    if asked.hifd is not None:
        _write_hifd(asked.hifd, scores)
    return evaluation


@contextmanager
def _encoding(target: Path, scheduler: str | None) -> Iterator[RemoteEncoding | None]:
    """How photographs are encoded; what workers make of them lies beside the output meanwhile."""
    from anonfaces.evaluate.subject import RemoteEncoding

    if scheduler is None:
        yield None
        return
    beside = next(folder for folder in target.absolute().parents if folder.is_dir())
    with ExitStack() as stack:
        yield RemoteEncoding(scheduler=scheduler, place=beside, stack=stack)


def _target(place: Path, originals: Path | str | None, output: Path | str | None) -> Path:
    if output is None and originals is not None:
        raise InputError("an evaluation of anonymized photographs wants a folder: -o evaluation/")
    target = place if output is None else Path(output)
    if target.exists() and not target.is_dir():
        raise OutputError(f"{target} is a file: name a folder")
    return target


def _subject(
    place: Path, originals: Path | str | None, faces: Path | str | None, by: RemoteEncoding | None
) -> Subject:
    from anonfaces.evaluate.subject import read_anonymized, read_condensed

    if originals is not None:
        return read_anonymized(place, Path(originals), by)
    return read_condensed(place, None if faces is None else Path(faces))


def _galleries(
    subject: Subject,
    gallery: Path | str | None,
    strangers: Path | str | None,
    by: RemoteEncoding | None,
) -> Galleries:
    """Strangers are those whom the people and their other photographs do not name."""
    from anonfaces.evaluate.subject import Galleries, read_faces

    other = None if gallery is None else read_faces(Path(gallery), by)
    if strangers is None:
        return Galleries(other=other)
    others = read_faces(Path(strangers), by)
    known = {*subject.identity.tolist(), *([] if other is None else other.identity.tolist())}
    alone = others.select(np.array([name not in known for name in others.identity], bool))
    if not len(alone):
        raise InputError(f"{strangers}: everybody there is among the people themselves")
    return Galleries(other=other, strangers=alone)


class _Judged:
    """What is measured of one subject, by judges that look here or by workers."""

    def __init__(
        self,
        subject: Subject,
        galleries: Galleries,
        asked: EvaluationOptions,
        workers: DaskWorkers | None,
        progress: bool,
    ) -> None:
        from anonfaces.evaluate.judges.judge import usual_judges

        self._subject, self._galleries, self._asked = subject, galleries, asked
        names = asked.judges or tuple(usual_judges())
        self._judges = [_judge(name, subject, asked, workers) for name in names]
        self._perception = _perception(workers)
        self._workers, self._progress = workers, progress

    def verdicts(self) -> list[Any]:
        from tqdm import tqdm

        from anonfaces.evaluate.verdict import judge_surrogates

        bar = tqdm(self._judges, desc="judges", unit="judge", disable=not self._progress)
        rate = self._asked.false_match_rate
        return [judge_surrogates(self._subject, one, self._galleries, rate) for one in bar]

    def attacks(self, other: Path | str | None) -> list[dict[str, Any]]:
        from anonfaces.evaluate.attacks import try_attacks
        from anonfaces.evaluate.subject import read_condensed

        second = None if other is None else read_condensed(Path(other))
        return try_attacks(
            self._subject, self._judges, self._galleries, second, seed=self._asked.seed,
            perception=self._perception, progress=self._progress,
        )  # fmt: skip

    def utility(self) -> dict[str, Any]:
        from anonfaces.evaluate.utility import measure_utility

        return measure_utility(
            self._subject, judge=self._dlib, real=self._galleries.other,
            perception=self._perception, progress=self._progress,
        )  # fmt: skip

    @property
    def _dlib(self) -> Judge:
        """The judge whose vectors say how far faces lie apart: the one who looked already."""
        there = (judge for judge in self._judges if judge.name == "dlib")
        return next(there, None) or _judge("dlib", self._subject, self._asked, self._workers)

    def hifd(self) -> str:
        from anonfaces.evaluate.hifd import hifd_json, measure_hifd

        subject = self._subject
        scores = measure_hifd(subject, self._judges, self._perception)
        return hifd_json({subject.surrogate or subject.kind: scores})


def _judge(
    name: str, subject: Subject, asked: EvaluationOptions, workers: DaskWorkers | None
) -> Judge:
    from anonfaces.evaluate.judges.judge import load_judge

    judge = load_judge(name, subject.faces, asked.preprocessing)
    if workers is None:
        return judge
    from anonfaces.evaluate.distributed import RemoteJudge

    return RemoteJudge.of(judge, name, asked.preprocessing, workers)


def _perception(workers: DaskWorkers | None) -> Perception | None:
    if workers is None:
        return None
    from anonfaces.evaluate.distributed import RemotePerception

    return RemotePerception(workers)


def _write_hifd(path: Path, text: str) -> None:
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


def _attacked(path: Path) -> bool:
    """Whether an evaluation that lies there tells of attacks."""
    from anonfaces.dataset.evaluation_file import read_evaluation_document

    with suppress(InputError):
        return path.is_file() and bool(read_evaluation_document(path)["attacks"])
    return False


def _write(evaluation: Evaluation, target: Path, inside: bool) -> None:
    from anonfaces.dataset.summary import Summary
    from anonfaces.report import write_report
    from anonfaces.report.evaluation import write_evaluation_page

    if not evaluation.document["attacks"] and _attacked(target / FILE):
        warnings.warn(
            "the evaluation that is replaced had attacks, this one has none: --attacks tries them",
            stacklevel=3,
        )
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
