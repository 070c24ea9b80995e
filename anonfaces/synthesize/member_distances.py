"""How far a surrogate stands from the members of its group, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from anonbase.notices import warn_user

__all__ = ["THRESHOLD", "TOLD_BY", "TOLERANCE", "describe_distances", "warn_of_distances"]

#: The methods that look at how far each of their faces stands from the members.
TOLD_BY = ("optimised", "gallery")

#: Distance of dlib's vectors up to which dlib takes two faces for one person's.
THRESHOLD = 0.6
#: The largest and the smallest distance of a group's members differ by no more than this.
TOLERANCE = 0.1


def describe_distances(member_distances: Mapping[int, tuple[float, float]]) -> str:
    """In a line: where faces stand to the nearest and to the farthest member of their groups."""
    near, far = np.array([*member_distances.values()]).reshape(-1, 2).T
    if not len(near):
        return "no surrogate was made"
    spread = far - near
    return (
        f"members' distances in dlib's embedding {near.min():.2f} to {far.max():.2f};"
        f" farthest less nearest of a group {np.median(spread):.3f} in the median,"
        f" {spread.max():.3f} at most"
    )


def warn_of_distances(name: str, member_distances: Mapping[int, tuple[float, float]]) -> None:
    """A PrivacyWarning that counts groups with a member too near, or one nearer than others."""
    near = [group for group, (nearest, _) in member_distances.items() if nearest <= THRESHOLD]
    uneven = [g for g, (nearest, far) in member_distances.items() if far - nearest > TOLERANCE]
    for groups, message in (
        (near, "dlib takes the surrogate for one of its own members"),
        (
            uneven,
            f"the surrogate is nearer to some members than to others by over {TOLERANCE:g}",
        ),
    ):
        if groups:
            warn_user(
                f"--surrogate {name}: in {len(groups)} of {len(member_distances)} groups"
                f" {message} (owner/surrogate_distances.csv says in which)",
            )
