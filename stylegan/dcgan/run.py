"""The run: what ``stylegan.train`` does for a StyleGAN, with sheets of every epoch."""

from __future__ import annotations

from stylegan.dcgan.sheets import write_beside, write_curves, write_film, write_samples
from stylegan.train.loop import Run
from stylegan.train.state import State

__all__ = ["DcganRun"]


class DcganRun(Run):
    """``grids/epoch-NNN.png``, ``epochs.gif``, ``beside.png`` and ``curves.png`` in the folder."""

    def _show(self, state: State) -> None:
        """At the end of an epoch only: the same latents, so that the grids can be compared."""
        if state.count("step"):
            return
        found, grids = self.networks.found(state), self.folder / "grids"
        write_samples(found, grids / f"epoch-{state.count('phase'):03d}.png")
        write_beside(found, self.pictures, self.networks.recipe.seed, self.folder / "beside.png")
        write_film(sorted(grids.glob("epoch-*.png")), self.folder / "epochs.gif")
        write_curves(self.folder / "log.csv", self.folder / "curves.png")
