"""A condensed dataset without one of its people."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError, InputError
from anonbase.files import write_text
from anonbase.notices import collect_warnings, warn_user
from anonbase.text import pluralize
from anonfaces.dataset.files import find_file, make_owner_folder, owner_file, refuse_old_layout
from anonfaces.dataset.summary import Summary, is_summary
from anonfaces.dataset.tables import condensed_table, group_facts, read_csv, to_csv
from anonfaces.dataset.workplace import check_output, workplace
from anonfaces.report import write_report

if TYPE_CHECKING:
    from anonfaces.cluster import Groups
    from encoders.faceset import FaceSet

__all__ = ["Withdrawal", "find_person", "withdraw"]

_BOX = ("left", "top", "right", "bottom")
_DIGITS = 9


@dataclass(frozen=True)
class Withdrawal:
    """What has to change when a person goes.

    Attributes
    ----------
    group : number of their group in the condensed dataset
    faces : how many of its faces are theirs
    left : how many people their group has without them
    k : how many a group must have
    """

    group: int
    faces: int
    left: int
    k: int

    @property
    def keeps_k(self) -> bool:
        """Whether the group is large enough without them."""
        return self.left >= self.k


def find_person(name: str, condensed: Path | str) -> Withdrawal:
    """Where ``name`` is in a condensed dataset; InputError where nobody is called so."""
    groups = _groups(Path(condensed))
    theirs = groups.identity == name
    if not theirs.any():
        raise InputError(
            f"nobody in {condensed} is called {name!r}: names are those of owner/groups.csv"
        )
    group = int(groups.labels[theirs][0])
    people = len(np.unique(groups.identity[groups.labels == group]))
    return Withdrawal(group, int(theirs.sum()), people - 1, groups.k)


def withdraw(
    name: str,
    condensed: Path | str,
    output: Path | str,
    *,
    remake: bool = False,
    faces: Path | str | None = None,
    overwrite: bool = False,
) -> Summary:
    """Write the condensed dataset without ``name`` to ``output``; its numbers.

    The group goes as a whole, and with it its surrogate, which was made of that person too. All
    other groups stay as they are.

    Parameters
    ----------
    remake : keep the group, where it has k people without them, with a new surrogate. Whoever
        kept the old one can compare the two.
    faces : the faces.h5 that was grouped, where it is not in ``condensed/owner``

    Raises
    ------
    InputError : nobody is called so, or the faces are not there
    GuaranteeError : the group has fewer than k people without them and is to be kept, its
        surrogate is an average, so that old and new give away the one who went, no group is
        left, or the others no longer keep a constraint
    """
    origin = Path(condensed)
    found = find_person(name, origin)
    refuse_old_layout(origin)
    summary, groups = Summary.read(origin / "summary.json"), _groups(origin)
    place = check_output(Path(output), origin, overwrite)
    rows = _rows_that_stay(groups, found, name, remake, summary)
    before = _faces(origin, faces, groups)
    kept = _without(before, rows, name)
    smaller, number = _smaller(groups, rows, kept)
    warned = list(summary.privacy_warnings)
    with workplace(place) as folder, collect_warnings(warned):
        own = make_owner_folder(folder)
        shutil.copyfile(owner_file(origin, "secret.key"), own / "secret.key")
        written = replace(kept.write(own / "faces.h5"), identity=smaller.identity)
        _copy_surrogates(origin, folder, number)
        if remake:
            _remake(folder, written, smaller, number[found.group], summary)
        _warn(remake)
        _write_tables(origin, folder, smaller, written, number)
        _write_lists(origin, own, name, set(before.image) - set(kept.image))
        after = _summary(folder, summary, smaller, written, warned)
    return after


def _groups(folder: Path) -> Groups:
    from anonfaces.cluster import Groups

    if not is_summary(folder / "summary.json"):
        raise InputError(
            f"{folder} is no condensed dataset (python -m anonfaces.cluster makes one)"
        )
    return Groups.read(folder)


def _rows_that_stay(
    groups: Groups, found: Withdrawal, name: str, remake: bool, summary: Summary
) -> NDArray[np.bool_]:
    from anonfaces.synthesize import SURROGATES

    if not remake:
        rows = groups.labels != found.group
        if not rows.any():
            raise GuaranteeError("there is no other group: without this one nothing is left")
        return rows
    if not found.keeps_k:
        raise GuaranteeError(
            f"the group would have {pluralize(found.left, 'person', 'people')}, k = {found.k} were"
            " promised: it can only go as a whole (without --remake)"
        )
    if summary.surrogate is not None and SURROGATES[summary.surrogate].inversion_attack:
        raise GuaranteeError(
            f"--surrogate {summary.surrogate} is an average: the new one subtracted from the old is"
            " the face of who went. The group can only go as a whole (without --remake)"
        )
    return groups.identity != name


def _faces(folder: Path, given: Path | str | None, groups: Groups) -> FaceSet:
    from encoders.faceset import FaceSet

    path = find_file(folder, "faces.h5") if given is None else Path(given)
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; --faces names the one that was grouped")
    faces = FaceSet.read(path)
    if len(faces) != len(groups):
        raise InputError(f"{path}: the groups of {folder} were made of other faces")
    return faces


def _without(faces: FaceSet, rows: NDArray[np.bool_], name: str) -> FaceSet:
    """The faces that stay, and of the ledger what is not of the person who goes."""
    kept = faces.select(np.flatnonzero(rows))
    gone = set(faces.image[~rows]) - set(kept.image)
    ledger, beside = faces.ledger, faces.bystanders
    stays = ~(ledger["path"].isin(gone) | _of_folder(ledger["path"], name))
    return replace(
        kept,
        ledger=ledger[stays].reset_index(drop=True),
        bystanders=beside[~beside["image"].isin(gone)].reset_index(drop=True),
    )


def _of_folder(path: pd.Series, name: str) -> pd.Series:
    return path.str.contains(rf"(?:^|/){re.escape(name)}/", regex=True)


def _smaller(
    groups: Groups, rows: NDArray[np.bool_], faces: FaceSet
) -> tuple[Groups, Mapping[int, int]]:
    """The groups that stay, verified, and old -> new number."""
    labels, identity = groups.labels[rows], groups.identity[rows]
    old = np.unique(labels)
    number = {int(before): now for now, before in enumerate(old)}
    new = np.searchsorted(old, labels)
    X = faces.embedding.astype(np.float64)
    centroids = np.zeros((len(old), X.shape[1]))
    np.add.at(centroids, new, X)
    centroids /= np.bincount(new)[:, None]
    error, total = ((X - centroids[new]) ** 2).sum(), ((X - X.mean(axis=0)) ** 2).sum()
    smaller = replace(
        groups,
        labels=new,
        identity=identity,
        centroids=centroids,
        information_loss=float(100 * error / total) if total else 0.0,
        lower_bound=0.0,
        attributes={column: values[rows] for column, values in groups.attributes.items()},
    )
    return smaller.checked(), number


def _copy_surrogates(origin: Path, folder: Path, number: Mapping[int, int]) -> None:
    (folder / "surrogates").mkdir()
    for before, now in number.items():
        shutil.copyfile(
            origin / "surrogates" / f"{before}.png", folder / "surrogates" / f"{now}.png"
        )


def _remake(folder: Path, faces: FaceSet, groups: Groups, group: int, summary: Summary) -> None:
    from anonfaces.synthesize import SurrogateOptions, load_surrogate, surrogates
    from anonfaces.synthesize.gallery import encoded
    from anonfaces.synthesize.owners_key import with_owners_key

    if "--generator" in summary.command:
        raise InputError("the surrogates are of a generator of your own: condense anew instead")
    if summary.surrogate == "gallery":
        raise InputError("the surrogates are of a gallery: condense anew instead")
    psi = re.findall(r"--psi (\S+)", summary.command)
    drawing = SurrogateOptions(psi=float(psi[-1]) if psi else None, seed=summary.seed)
    method = load_surrogate(str(summary.surrogate), with_owners_key(drawing, folder))
    every = set(range(groups.n_groups))
    skip = set() if getattr(method, "of_the_set", False) else every - {group}
    for number, face in surrogates(faces, groups.labels, groups.identity, method, skip=skip):
        (folder / "surrogates" / f"{number}.png").write_bytes(encoded(face))


def _warn(remade: bool) -> None:
    if remade:
        warn_user(
            "a surrogate was remade without somebody who went: whoever kept the old one can compare"
            " the two, and learns something of them alone"
        )


def _write_tables(
    origin: Path,
    folder: Path,
    groups: Groups,
    faces: FaceSet,
    number: Mapping[int, int],
) -> None:
    own = make_owner_folder(folder)
    boxes = dict(zip(_BOX, faces.box.T, strict=True))
    groups.write(own, image=faces.image, **boxes)
    facts = group_facts(faces.embedding, groups.labels, groups.identity)
    write_text(own / "group_facts.csv", to_csv(facts))
    table, _ = condensed_table(groups.labels, groups.identity, faces.attribute, groups.k)
    write_text(folder / "condensed.csv", to_csv(table))
    _copy_distances(origin, own, number)


def _write_lists(origin: Path, own: Path, name: str, gone: set[str]) -> None:
    """The owner's lists without the lines that are of the person, or of their photographs."""
    for file in ("not_found.csv", "lookalikes.csv", "strangers.csv"):
        _copy_without(find_file(origin, file), own / file, name, gone)


def _copy_distances(origin: Path, own: Path, number: Mapping[int, int]) -> None:
    path = owner_file(origin, "surrogate_distances.csv")
    if path.is_file():
        table = pd.read_csv(path)
        table = table[table["group"].isin(list(number))]
        table["group"] = table["group"].map(number)
        write_text(own / path.name, table.to_csv(index=False))


def _copy_without(path: Path, other: Path, name: str, gone: set[str]) -> None:
    if not path.is_file():
        return
    words = ["path", "face", "first", "second", "identity", "first_identity", "second_identity"]
    table = read_csv(path, words)
    texts = [column for column in words if column in table]
    theirs = np.zeros(len(table), bool)
    for column in texts:
        text = table[column].astype(str)
        theirs |= ((text == name) | text.isin(gone) | _of_folder(text, name)).to_numpy(bool)
    if (~theirs).any():
        write_text(other, to_csv(table[~theirs]))


def _summary(
    folder: Path, before: Summary, groups: Groups, faces: FaceSet, warned: list[str]
) -> Summary:
    from anonfaces.cluster import random_loss
    from anonfaces.dataset.files import secret_files

    sizes = groups.sizes()["people"].value_counts().sort_index()
    loss = random_loss(faces.embedding.astype(np.float64), groups.k, groups.identity)
    after = replace(
        before,
        groups=groups.n_groups,
        people=len(np.unique(groups.identity)),
        faces=len(groups),
        pictures=len(faces.ledger),
        bystanders=len(faces.bystanders),
        information_loss=round(groups.information_loss, _DIGITS),
        random_loss=round(loss, _DIGITS),
        lower_bound=0.0,
        people_per_group={str(size): int(count) for size, count in sizes.items()},
        privacy_warnings=tuple(dict.fromkeys(warned)),
        secret=secret_files(folder),
        command=f"{before.command}; python -m anonfaces.withdraw NAME",
    )
    write_text(folder / "summary.json", after.to_json())
    write_report(folder)
    return after
