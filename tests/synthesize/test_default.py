"""Whoever names no method gets the optimised surrogate, from every way in."""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from anonfaces import condense
from anonfaces.commands.condense import app as cluster
from anonfaces.commands.synthesize import app as synthesize
from anonfaces.condensation.options import CondenseOptions
from anonfaces.evaluate import recognize
from anonfaces.report import Summary
from anonfaces.synthesize import DEFAULT_SURROGATE
from encoders.embed import load_embedder
from encoders.faceset import FaceSet


def test_both_commands_and_the_function_have_one_default() -> None:
    (of_cluster,) = (one.callback for one in cluster.registered_commands)
    (of_synthesize,) = (one.callback for one in synthesize.registered_commands)
    found = {
        inspect.signature(each).parameters["surrogate"].default  # type: ignore[arg-type]
        for each in (of_cluster, of_synthesize, CondenseOptions)
    }
    assert found <= {
        None,
        DEFAULT_SURROGATE,
    }  # None is the usual one, where there are faces to make it of
    assert DEFAULT_SURROGATE == "optimised"


@pytest.mark.filterwarnings("ignore:--surrogate optimised:anonfaces.errors.PrivacyWarning")
def test_a_condensed_dataset_has_generated_faces_that_are_nobody_of_their_group(
    few: FaceSet, tmp_path: Path
) -> None:
    assert few.path is not None
    done = condense(few.path, 4, tmp_path / "out")
    assert Summary.read(done.folder / "summary.json").surrogate == "optimised"
    pictures = (
        np.asarray(Image.open(done.folder / "surrogates" / f"{number}.png").convert("RGB"))
        for number in range(done.summary.groups)
    )
    for number, vector in enumerate(recognize(pictures, load_embedder("dlib"))):
        own = few.embedding[done.groups.labels == number]
        assert np.linalg.norm(own - vector, axis=1).min() > 0.5
