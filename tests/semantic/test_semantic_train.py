"""Training as a user begins it: from the generator that ships, on a FaceSet."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from anonbase.errors import InputError
from anonbase.keras_backend import load_engine
from encoders import encode

load_engine()

import stylegan  # noqa: E402
from anonfaces.semantic import learn  # noqa: E402
from anonfaces.semantic.weights import load_generator  # noqa: E402
from stylegan.semantic.training import SemanticTraining  # noqa: E402


@pytest.mark.parametrize(("own", "side"), [(True, 64), (False, 128)])
def test_a_run_begins_takes_a_step_and_leaves_what_it_says(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool, side: int
) -> None:
    """With a decoder of its own at 64 px, or with that which ships, which its file leaves out."""
    monkeypatch.setattr(learn, "_NOBODIES", 60)
    photos = tmp_path / "photos"
    for number in range(30):
        person = photos / f"person_{number:03d}"
        person.mkdir(parents=True)
        for picture in (sample / person.name).iterdir():
            (person / picture.name).write_bytes(picture.read_bytes())
    encode(photos, tmp_path / "faces.h5", identity="folder")
    recipe = SemanticTraining(kpictures=0.004, batch=4, recognized=2)
    faces = [tmp_path / "faces.h5"]
    place = learn.train(faces, tmp_path / "run", recipe, own_decoder=own, progress=False)
    network = load_generator(place)
    assert network.config.resolution == side
    with h5py.File(place) as file:
        assert any(name.startswith("synthesis.") for name in file) == own
    if not own:
        shipped = stylegan.load().values()
        assert all(
            np.array_equal(v, shipped[k])
            for k, v in network.values().items()
            if k.startswith("synthesis.")
        )
    assert all(np.isfinite(values).all() for values in network.values().values())
    left = {path.name for path in (tmp_path / "run").iterdir()}
    assert left >= {"semantic.h5", "state.h5", "log.csv", "sheets", "faces.npz"}
    assert list((tmp_path / "run" / "sheets").glob("*.png"))


def test_a_source_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        learn.train([tmp_path / "nothere.h5"], tmp_path / "run", progress=False)
