"""Blending: whose people, whose detail, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_networks import small
from typer.testing import CliRunner

import stylegan
from anonbase.errors import WeightsError
from stylegan import blend as command
from stylegan import checkpoint
from stylegan.blend import blend, offset
from stylegan.checkpoint import Checkpoint
from stylegan.generator import Generator
from stylegan.train.mapping_phase import shifted

OFF = np.linspace(-2, 2, 10).astype(np.float32)


def elsewhere() -> Checkpoint:
    """The small generator with its w moved, and filters that are a little different."""
    generator = small()
    values, rng = shifted(generator.values(), OFF), np.random.default_rng(0)
    for name, value in values.items():
        if name.startswith("synthesis.") and name.endswith("conv1.weight"):
            values[name] = value + rng.normal(0, 0.2, value.shape).astype(np.float32)
    return Checkpoint(generator.config, values)


def test_how_far_w_moved_is_found() -> None:
    np.testing.assert_allclose(
        offset(small().values(), elsewhere().generator_values), OFF, atol=1e-3
    )


def test_nothing_of_the_other_is_the_one_and_all_of_it_is_the_other_for_its_w() -> None:
    generator, fine = small(), elsewhere()
    coarse = Checkpoint(generator.config, generator.values())
    w = generator.map(generator.latents(range(3)), psi=1)
    for share, wanted in (
        (0.0, generator.synthesize(w)),
        (1.0, Generator(fine.generator, fine.generator_values).synthesize(w + OFF)),
    ):
        made = Generator(generator.config, blend(coarse, fine, share).generator_values)
        np.testing.assert_allclose(made.map(made.latents(range(3)), psi=1), w, atol=1e-5)
        np.testing.assert_allclose(made.synthesize(w), wanted, atol=5e-3)


def test_the_command_as_typed(tmp_path: Path) -> None:
    generator, fine = small(), elsewhere()
    checkpoint.write(Checkpoint(generator.config, generator.values()), tmp_path / "a")
    checkpoint.write(fine, tmp_path / "b")
    words = [str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(tmp_path / "c"), "--share", "1"]
    done = CliRunner().invoke(command.app, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert stylegan.load(tmp_path / "c").config == generator.config


def test_two_strangers_are_not_mixed() -> None:
    generator = small()
    coarse = Checkpoint(generator.config, generator.values())
    other = small(classes=2)
    with pytest.raises(WeightsError, match="trained on from the other"):
        blend(coarse, Checkpoint(other.config, other.values()), 0.5)
