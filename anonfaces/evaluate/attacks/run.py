"""All attacks on one set of surrogates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anonfaces.evaluate.attacks.inference import infer_gender
from anonfaces.evaluate.attacks.linkage import find_group, find_last_member, tell_membership
from anonfaces.evaluate.attacks.practice import practice_on
from anonfaces.evaluate.attacks.releases import intersect, make_again
from anonfaces.evaluate.attacks.spaces import spaces_of
from anonfaces.evaluate.attacks.trained import find_group_by_training

if TYPE_CHECKING:
    from anonfaces.evaluate.judges.judge import Judge
    from anonfaces.evaluate.subject import Galleries, Subject
    from anonfaces.evaluate.utility import Perception

__all__ = ["try_attacks"]


def try_attacks(
    subject: Subject,
    judges: Sequence[Judge],
    galleries: Galleries,
    other: Subject | None = None,
    *,
    seed: int = 0,
    perception: Perception | None = None,
    progress: bool = False,
) -> list[dict[str, Any]]:
    """Try every attack in every space; plain values for ``evaluation.json``.

    ``other`` is another release of overlapping people; ``perception`` perceives looks. Attacks on
    groups are left out for anonymized photographs, which have none.
    """
    from tqdm import tqdm

    attacks = []
    practice = practice_on(subject, galleries.strangers, seed)
    spaces = spaces_of(subject, judges, galleries, practice)
    for space in tqdm(spaces, desc="attacks", unit="space", disable=not progress):
        attacks += find_group(space, subject.group, seed)
        attacks += find_group_by_training(space, subject.group, seed)
        if subject.k > 1:
            attacks += find_last_member(space, subject.group, seed)
        attacks += tell_membership(space, subject.group, seed)
    if other is not None:
        attacks.append(intersect(subject, other))
    attacks += make_again(subject, seed)
    if subject.k > 1:
        attacks.append(infer_gender(subject, seed, perception))
    return [one.to_dict() for one in attacks]
