"""What is promised, in words: the same on the page, in the terminal and in the files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anonbase.text import pluralize
from anonfaces.dataset.summary import Summary

__all__ = [
    "NOT_PROMISED",
    "OUTCOMES",
    "about",
    "guarantee",
    "identity_scope_text",
    "kept",
    "limits_of",
    "next_step_text",
    "optimality_gap_text",
    "unlike",
]

NOT_PROMISED = (
    "It is not differential privacy.",
    "It does not compose over several releases of overlapping people. Another k is another release:"
    " who holds two of them can cross the groups, and single people out. Publish one.",
    "It does not hide that somebody is in the set.",
    "What is preserved on purpose (pose, expression, background when a face is pasted back) is"
    " outside it.",
)

OUTCOMES = {
    "no face": "no face was found",
    "unreadable": "could not be read as a picture",
    "too large": "more pixels than the limit",
    "not a file": "not a regular file",
    "refused": "a link, which is not followed",
}

_SOURCES = {
    "folder": "It holds for people as the folders tell them apart: one folder, one person.",
    "csv": "It holds for people as the CSV column tells them apart.",
    "regex": "It holds for people as the file names tell them apart.",
    "given": "It holds for people as the identity column of the input tells them apart.",
    "estimate": "It holds for people as their embeddings tell them apart: who is who was estimated,"
    " and what could be one person counts as one.",
    "none": "It does not hold for people here. No identity was given, so every face counts as a"
    " person: somebody with several pictures may be a whole group on their own.",
}

_ABOUT = {
    "gallery": "Each is a picture of a gallery of people who do not exist, or the least mixture of"
    " two, that our recogniser finds farther than 0.6 from every member and about equally far from"
    " all of them.",
    "k-same": "Each is the pixel mean of a group's aligned faces, every person with equal weight"
    " (k-Same; Newton, Sweeney and Malin, 2005).",
    "k-same-eigen": "Each is a group's mean in the space of eigenfaces of other people, every"
    " person with equal weight (k-Same-Eigen; Newton, Sweeney and Malin, 2005).",
    "k-same-m": "Each has the mean shape and the mean texture of a group's faces, every person with"
    " equal weight, moved away from its members (k-Same-M; Gross and others, 2006).",
    "k-same-net": "Each is drawn by a network as a mixture of other people who resemble the group"
    " (k-Same-Net; Meden and others, 2018).",
    "stylegan": "Each is what a StyleGAN draws at the mean of a group's latents, every person with"
    " equal weight (AnonFACES; Le and others, 2020).",
    "stylegan-weighted": "Each is what a StyleGAN draws at a weighted mean of a group's latents,"
    " weights chosen against re-identification (AnonFACES; Le and others, 2020).",
    "stylegan-random": "Each is what a StyleGAN draws at a randomly weighted mean of a group's"
    " latents (AnonFACES; Le and others, 2020).",
    "optimised": "Each is what a StyleGAN draws near the mean of a group's latents, moved until our"
    " recogniser finds every member farther than 0.6 and all of them about equally far.",
}

_SHARED = (
    "What all members share stays visible: if everybody in a group wears glasses, or is of one"
    " age, sex or skin colour, so is the surrogate."
)
_MEANS = (
    "They look soft because they are averages: no pixel of a single person is copied, and no"
    " detail that only one person has survives at full strength.",
    "What all members share stays visible: if everybody in a group wears glasses, or is of one"
    " age, sex or skin colour, so is the average.",
    "The average can be undone by subtraction: who holds the very photographs of all members"
    " of a group but one can compute the missing face almost exactly, at any usual k.",
)
_STEPPED = (
    "Shape and texture are averages before a step away from the members: who holds the very"
    " photographs of all members of a group but one, and guesses the step, can compute the missing"
    " face nearly, at any usual k."
)
_DRAWN_ANEW = (
    _SHARED,
    "They are drawn anew, with no pixel of a photograph in them; but a recogniser may still take"
    " one for a member: the promise above is about who of the group, not about likeness.",
    "A generator brings what it was trained on: its own range of ages, skin tones and hair.",
)
_KEYED = (
    *_DRAWN_ANEW,
    "Who runs our public code on the very photographs of a group could make its face again: so the"
    " owner's secret key goes into it. Keep that key, and release one set made with it.",
    "Against whoever runs our own encoder, or holds the very photographs of all members but one,"
    " that key is what protects: of 300 people of a public set such an attacker found the group in"
    " 11 of 100 cases at k = 2 and the last member hardly more often than without the release. In"
    " few and large groups more is found, since what all members share, as age and sex, is not"
    " hidden. What attackers reach here is told below, where they were tried.",
)
_UNKEYED = (
    *_DRAWN_ANEW,
    "Who runs our public code on the very photographs of a group can make its face again, and so"
    " confirm a guess: no secret of the owner goes into it.",
)
_LIMITS = {
    "gallery": (
        "They are pictures of people who do not exist, as the owner's gallery has them: whoever"
        " holds that gallery finds them there, and learns nothing of a group by it. Its terms of"
        " use hold for them.",
        "Perceived age and gender and the tone of skin are about those of the group as far as the"
        " gallery has such faces: of people whom it hardly shows, surrogates look like others. What"
        " else members share, as glasses, is not kept.",
        "The owner's secret key decides which faces a group could get, so that nobody can choose"
        " again without it. But who holds photographs of all members of a group can see that a face"
        " is about equally far from all of them, and so guess which one is theirs.",
        "A face of the gallery may be like somebody who is not in the set at all.",
    ),
    "k-same": (
        *_MEANS,
        "An average is a weak stand-in for training: texture is blurred, hair and background are"
        " taken away, as they would tell who was there.",
    ),
    "k-same-eigen": (
        *_MEANS[1:],
        "Eigenfaces show what is common to faces, at 64 px: no hair, no glasses, little texture.",
    ),
    "k-same-m": (
        _MEANS[1],
        _STEPPED,
        "The face is sharp, as landmarks lie on landmarks; hair and background are taken away, as"
        " they would tell who was there.",
    ),
    "k-same-net": _UNKEYED,
    "stylegan": _KEYED,
    "stylegan-weighted": _KEYED,
    "stylegan-random": _KEYED,
    "optimised": _KEYED,
}


def guarantee(k: int, identity: str) -> tuple[str, ...]:
    """The guarantee for this ``k`` and source of identities, sentence by sentence."""
    if identity == "none":
        return (
            "A group is a set of faces, because no identity was given.",
            f"Every group has at least {k} faces; they may all be one person's.",
            "A released record depends on its group alone.",
            "So an attacker links it to one photographed face with probability at most"
            f" 1/{k} from that record. Of people it promises nothing.",
        )
    return (
        "A group is a set of people.",
        f"All faces of a person are in one group; every group has at least {k} people.",
        "A released record (the surrogate's bytes and the released columns) depends on its group"
        " alone.",
        "So an attacker who knows everybody in the closed set and how the release was made links a"
        f" released face to a person with probability at most 1/{k} from that record.",
    )


def identity_scope_text(summary: Summary) -> str:
    """For whom the guarantee holds, given where the identities came from."""
    text = _SOURCES[summary.identity]
    if summary.estimated_faces and summary.identity not in ("estimate", "none"):
        text += (
            f" For {pluralize(summary.estimated_faces, 'face')} without a name it was estimated."
        )
    return text


def about(surrogate: str | None) -> str:
    """How a method makes a face of a group, in a sentence with its paper."""
    return _ABOUT.get(surrogate or "", "")


def limits_of(surrogate: str | None) -> tuple[str, ...]:
    """What a method of making surrogates does not protect, or costs."""
    return _LIMITS.get(surrogate or "", ())


def kept(summary: Summary) -> tuple[str, ...]:
    """What every group keeps beside k, a sentence a constraint, with what the worst group has."""
    return tuple(_KEPT[one["kind"]](one) for one in summary.constraints)


def _kept_l(one: Mapping[str, Any]) -> str:
    near = " Close numbers count as different." if one["numbers"] else ""
    return (
        f"The people of every group have at least {one['bound']:g} different values of"
        f" {one['column']} (the fewest here: {one['reached']:g}).{near}"
    )


def _kept_t(one: Mapping[str, Any]) -> str:
    how = "earth mover's distance" if one["numbers"] else "total variation"
    return (
        f"{one['column']} is distributed in every group as among everybody up to a distance of"
        f" {one['bound']:g} (the farthest here: {one['reached']:.3f}; {how})."
    )


def _kept_same(one: Mapping[str, Any]) -> str:
    return f"No group mixes two values of {one['column']}, so whoever sees a group knows its value."


_KEPT = {"l_diversity": _kept_l, "t_closeness": _kept_t, "same": _kept_same}


def unlike(summary: Summary) -> str:
    """That random groups keep less than these where more than k is asked; empty otherwise."""
    if not summary.constraints:
        return ""
    columns = ", ".join(dict.fromkeys(str(one["column"]) for one in summary.constraints))
    return (
        f"The random groups keep {summary.k} people each and nothing beside: they were drawn"
        f" without what is asked of these groups by {columns}, so the two are not held to the same."
    )


def optimality_gap_text(summary: Summary) -> str:
    """How far from the best possible the groups may be, as far as that is proven."""
    if summary.lower_bound <= 0:
        return ""
    return (
        f"No groups of at least {summary.k} people can lose less than {summary.lower_bound:.1f} %:"
        f" at most {_gap(summary):.1f} % of what was lost could have been kept."
    )


def _gap(summary: Summary) -> float:
    if summary.information_loss <= 0:
        return 0.0
    return 100 * (1 - summary.lower_bound / summary.information_loss)


def next_step_text(summary: Summary) -> str:
    """What to do where nothing of the differences is left; empty where groups are."""
    if summary.groups > 1:
        return ""
    return "Everybody is in one group: ask less of the groups, take a smaller k, or add people."
