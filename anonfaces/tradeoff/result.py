"""What a grid found: a table of cells, the Pareto front, and the smallest k that is enough."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonbase.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MEASURES", "Tradeoff", "read_tradeoff"]

FORMAT = "anonfaces tradeoff"
_MOST_BYTES = 64 * 2**20

#: What may be asked for by ``--want``: the column, and what it is called.
MEASURES = {
    "ri": "share of people whom the judge takes for their surrogate outright",
    "rank1": "share of people whom the judge puts first for their surrogate",
    "group": "share of surrogates for which the judge names a member first",
    "worst": "share of the worst group's people taken for their surrogate",
}


@dataclass(frozen=True)
class Tradeoff:
    """The measured cells.

    Attributes
    ----------
    rows : tuple of dict
        One a cell, as ``Bench.measure`` gives it.
    about : dict
        The people, the judges and the command.
    """

    rows: tuple[dict[str, Any], ...] = field(repr=False)
    about: dict[str, Any] = field(repr=False)

    def __repr__(self) -> str:
        return f"Tradeoff({len(self.rows)} cells of {self.about['people']:,} people)"

    @property
    def judge(self) -> str:
        """Whose numbers are shown: the first judge that took no part in any cell and is able.

        Where there is none it is the first of all.
        """
        for place, verdict in enumerate(self.rows[0]["judges"]):
            column = [row["judges"][place] for row in self.rows]
            if not any(one["took_part"] for one in column) and all(one["able"] for one in column):
                return str(verdict["judge"])
        return str(self.rows[0]["judges"][0]["judge"])

    @property
    def independent(self) -> bool:
        """Whether ``judge`` took no part and can recognize people."""
        verdicts = [self._verdict(row, self.judge) for row in self.rows]
        return not any(one["took_part"] or not one["able"] for one in verdicts)

    def to_pandas(self, judge: str | None = None) -> pd.DataFrame:
        """One row a cell: how it was made, what a judge recognizes (with intervals), what is kept.

        Of several galleries the hardest on us is taken: the one in which most people come first.
        """
        import pandas as pd

        return pd.DataFrame([self._flat(row, judge or self.judge) for row in self.rows])

    def smallest_k(self, measure: str, bound: float) -> pd.DataFrame:
        """For each way of making faces the smallest k at which ``measure`` is at most ``bound``.

        One row a way, with ``k`` (None where no k that was tried is enough) and the loss there. The
        bound is held by the measured rate; its interval is in the table.
        """
        import pandas as pd

        if measure not in MEASURES:
            raise InputError(f"--want {measure}: choose of {', '.join(MEASURES)}")
        rows = []
        for how, cells in self.to_pandas().groupby(list(_HOW), sort=False):
            enough = cells[cells[measure] <= bound].sort_values("k")
            best = enough.iloc[0] if len(enough) else None
            row = dict(zip(_HOW, how, strict=True))
            for name in ("k", measure, f"{measure}_low", f"{measure}_high", "information_loss"):
                row[name] = None if best is None or name not in best else best[name]
            rows.append(row)
        return pd.DataFrame(rows)

    def pareto(self, measure: str = "ri", loss: str = "information_loss") -> pd.DataFrame:
        """The cells than which none is better in both ``measure`` and ``loss``, by rising loss."""
        table = self.to_pandas().sort_values([loss, measure])
        lowest = table[measure].cummin().shift(fill_value=np.inf)
        return table[table[measure] < lowest]

    def to_json(self) -> str:
        """JSON text that is the same for the same numbers."""
        document = {"format": FORMAT, "format_version": 1, **self.about, "cells": list(self.rows)}
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    def _verdict(self, row: dict[str, Any], judge: str) -> dict[str, Any]:
        return next(one for one in row["judges"] if one["judge"] == judge)

    def _flat(self, row: dict[str, Any], judge: str) -> dict[str, Any]:
        verdict = self._verdict(row, judge)
        people = verdict["reidentification"]["people"]
        named = max(verdict["identification"], key=lambda one: one["ranks"]["1"]["rate"])
        first, group = named["ranks"]["1"], named["groups_found"]
        flat = {name: row[name] for name in (*_HOW, "k", "groups", "information_loss")}
        flat |= {"distance": verdict["mean_distance"], "judge": judge}
        for name, rate in (("ri", people), ("rank1", first), ("group", group)):
            ends = {f"{name}_low": rate["low"], f"{name}_high": rate["high"]}
            flat |= {name: rate["rate"]} | ends
        flat["worst"] = verdict["reidentification"]["worst_groups"][0]["rate"]
        flat["without_a_face"] = verdict["surrogates_without_a_face"]
        return flat | row["utility"] | {"seconds": row["seconds"]}


_HOW = ("embedding", "method", "surrogate")


def read_tradeoff(path: Path | str) -> Tradeoff:
    """Read a ``tradeoff.json``; ``InputError`` where it is not one of ours."""
    place = Path(path)
    try:
        if place.stat().st_size > _MOST_BYTES:
            raise ValueError("too large")
        document = json.loads(place.read_text(encoding="utf-8"))
        if document.pop("format") != FORMAT or document.pop("format_version") != 1:
            raise ValueError("of another format")
        rows = tuple(document.pop("cells"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{place} is no trade-off of this version: {error}") from error
    return Tradeoff(rows, document)
