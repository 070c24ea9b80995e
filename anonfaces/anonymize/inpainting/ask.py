"""``--ask``: somebody at the terminal accepts a filled face, or has another drawn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anonbase.files import atomic_write
from anonfaces.anonymize.inpainting.options import Accept, Proposal

__all__ = ["ask_with_picture", "side_by_side"]

Pixels = NDArray[np.uint8]

_GAP = 6  # px of white between two pictures
_MOST_OTHERS = 4


def ask_with_picture(path: Path) -> Accept:
    """A question a face, on the terminal; ``path`` is the picture to look at, and is written anew.

    It shows the original, so it is to be kept where the originals are.
    """

    def accept(proposal: Proposal) -> bool:
        import typer
        from PIL import Image

        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as beside:
            Image.fromarray(side_by_side(proposal)).save(beside, "PNG")
        what = f"picture {proposal.picture + 1}, face {proposal.face + 1}: see {path}. Keep it?"
        return typer.confirm(what, default=True, err=True)

    return accept


def side_by_side(proposal: Proposal) -> Pixels:
    """The original, the proposal, and at most four that would come after it."""
    parts = [proposal.before, proposal.after, *proposal.others[:_MOST_OTHERS]]
    height, width = proposal.before.shape[:2]
    sheet = np.full((height, len(parts) * (width + _GAP) - _GAP, 3), 255, np.uint8)
    for number, part in enumerate(parts):
        sheet[:, number * (width + _GAP) :][:, :width] = part
    return sheet
