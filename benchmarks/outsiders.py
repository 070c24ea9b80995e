"""``python -m benchmarks.outsiders --faces released.h5 --gallery others.h5 --strangers s.h5``

Method x k x judge: who is recognized, with intervals; with ``--attacks`` what attackers reach, with
the owner's key and without. Groups, galleries and latents are shared by all rows. A row is printed
when it is done.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Galleries, Subject
    from encoders.faceset import FaceSet

#: A secret for measuring; a real one is drawn by chance and shown to nobody.
KEY = bytes(range(32))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[2])
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--gallery", type=Path)
    parser.add_argument("--strangers", type=Path)
    parser.add_argument("--k", type=int, nargs="+", default=[2, 5, 10, 20])
    parser.add_argument("--methods", nargs="+", default=["stylegan", "k-same-m"])
    parser.add_argument("--judge", nargs="+", default=["dlib", "faceres"])
    parser.add_argument("--key", nargs="+", choices=["none", "owner"], default=["owner"])
    parser.add_argument("--kept", type=float, nargs="+", help="shares that are kept, in turn")
    parser.add_argument("--psi", type=float, help="of the surrogates; default theirs")
    parser.add_argument("--attacks", choices=["all", "latents"], help="which, if any")
    parser.add_argument(
        "--corrections",
        type=int,
        default=0,
        metavar="STEPS",
        help="how often the attackers by latents correct each (load_latent_corrector)",
    )
    parser.add_argument("-o", "--output", type=Path, help="JSON lines, one a row")
    asked = parser.parse_args()
    faces, galleries = _read(asked)
    from anonfaces.evaluate.judges.judge import load_judge

    judges = [load_judge(name, faces) for name in asked.judge]
    for k in asked.k:
        for subject, about in _subjects(faces, k, asked):
            _measured(subject, judges, galleries, about, asked)


def _read(asked: argparse.Namespace) -> tuple[FaceSet, Galleries]:
    from anonfaces.evaluate.subject import Galleries, read_faces

    faces, other, strangers = (
        None if path is None else read_faces(path)
        for path in (asked.faces, asked.gallery, asked.strangers)
    )
    assert faces is not None  # noqa: S101 - argparse requires it
    return faces, Galleries(other=other, strangers=strangers)


def _subjects(faces: FaceSet, k: int, asked: argparse.Namespace) -> Any:
    from anonfaces import group
    from anonfaces.synthesize import SurrogateOptions, load_surrogate, surrogates

    groups = group(faces.embedding, k, faces.identity, effort="fast")
    for method in asked.methods:
        for key in asked.key:
            for kept in asked.kept if key == "owner" and asked.kept else [None]:
                started = time.monotonic()
                surrogate_options = SurrogateOptions(
                    key=KEY if key == "owner" else None, psi=asked.psi
                )
                drawer = load_surrogate(method, surrogate_options)
                if kept is not None and getattr(drawer, "hide", None) is not None:
                    drawer.hide.kept = kept  # type: ignore[attr-defined]
                drawn = surrogates(faces, groups.labels, faces.identity, drawer)
                images = tuple(face for _, face in drawn)
                about = {"method": method, "k": k, "key": key, "kept": kept}
                about["seconds"] = round(time.monotonic() - started, 1)
                yield subject_of(faces, groups.labels, k, method, images), about


def subject_of(
    faces: FaceSet, labels: np.ndarray, k: int, method: str, images: tuple[np.ndarray, ...]
) -> Subject:
    """Surrogates that lie in memory as what is judged."""
    from anonfaces.evaluate.subject import Subject

    numbers = tuple(map(str, range(len(images))))
    return Subject(
        kind="condensed", k=k, faces=faces, labels=labels, numbers=numbers, surrogate=method,
        images=images,
    )  # fmt: skip


def _measured(
    subject: Subject,
    judges: list[Judge],
    galleries: Galleries,
    about: dict[str, Any],
    asked: argparse.Namespace,
) -> None:
    from anonfaces.evaluate.attacks import try_attacks
    from anonfaces.evaluate.verdict import judge_surrogates

    verdicts = [judge_surrogates(subject, judge, galleries) for judge in judges]
    row = {**about, "judges": [verdict.to_dict() for verdict in verdicts]}
    for verdict in row["judges"]:
        verdict["reidentification"].pop("curve")
        print(_line(about, verdict), flush=True)
    if asked.attacks:
        if asked.attacks == "all":
            row["attacks"] = try_attacks(subject, judges, galleries)
        else:
            row["attacks"] = _in_latents(subject, galleries, asked.corrections)
        for one in row["attacks"]:
            print(_attack(about, one), flush=True)
    if asked.output:
        with asked.output.open("a") as file:
            file.write(json.dumps(row) + "\n")


def _in_latents(subject: Subject, galleries: Galleries, corrections: int) -> list[Any]:
    """The attacks by our own encoder alone, which are those that the owner's key is against."""
    from anonfaces.evaluate.attacks.linkage import find_group, find_last_member, tell_membership
    from anonfaces.evaluate.attacks.spaces import spaces_of

    latents = spaces_of(subject, [], galleries, corrections=corrections)[1]
    tried = (find_group, find_last_member, tell_membership)
    return [one.to_dict() for attack in tried for one in attack(latents, subject.group)]


def _line(about: dict[str, Any], verdict: dict[str, Any]) -> str:
    people, t = verdict["reidentification"]["people"], verdict["threshold"]
    first = [
        f"{_span(one['ranks']['1'])}, group {one['groups_found']['rate']:.3f}"
        for one in verdict["identification"]
    ]
    return (
        f"| {_told(about)} | {verdict['judge']} | t {t['distance']:.3f} (TMR"
        f" {t['true_match_rate']}) | RI {_span(people)} | {' | '.join(first)} | no face"
        f" {verdict['surrogates_without_a_face']} | {about['seconds']} s |"
    )


def _attack(about: dict[str, Any], one: dict[str, Any]) -> str:
    without, wrong = one["baseline"]["rate"], one["control"]["rate"]
    return (
        f"| {_told(about)} | {one['attack']} | {one['sees']} | {_span(one['main'])} |"
        f" {without:.3f} | {wrong:.3f} |"
    )


def _told(about: dict[str, Any]) -> str:
    return f"{about['method']} | {about['k']} | {about['key']} {about['kept'] or ''}"


def _span(rate: dict[str, Any]) -> str:
    return f"{rate['rate']:.3f} ({rate['low']:.3f}-{rate['high']:.3f})"


if __name__ == "__main__":
    main()
