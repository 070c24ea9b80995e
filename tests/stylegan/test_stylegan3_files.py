"""StyleGAN3 checkpoints: what is written the official way is read, and nothing else is."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import writers
from PIL import Image
from test_hostile import Trap, call, text
from test_stylegan_commands import run
from test_synthesis3 import tiny

import stylegan
from anonbase.errors import WeightsError
from stylegan import checkpoint, convert, generate
from stylegan.checkpoint import Checkpoint
from stylegan.generator import Generator, generator_specs
from stylegan.networks.config import AliasFreeConfig, GeneratorConfig, alias_free_channels
from stylegan.networks.filters3 import layers
from stylegan.networks.parameters import initial

KINDS = ("stylegan3-t", "stylegan3-r")
Values = dict[str, np.ndarray]


def filters(config: GeneratorConfig) -> Values:
    """As the official modules keep them, beside the weights."""
    assert isinstance(config, AliasFreeConfig)
    return {
        f"synthesis.{layer.name}.{part}": taps.astype("float32")
        for layer in layers(config)
        if not layer.colours
        for part, taps in (("up_filter", layer.up_taps), ("down_filter", layer.down_taps))
    }


def small(kind: str = "stylegan3-t", classes: int = 0) -> tuple[AliasFreeConfig, Values]:
    config = AliasFreeConfig(kind, (4, 4, 5), 8, 6, classes=classes, size=16)
    values = initial(generator_specs(config), np.random.default_rng(1))
    return config, {k: np.asarray(v) for k, v in values.items()}


def written(path: Path, config: AliasFreeConfig, values: Values, **more: Any) -> Path:
    path.write_bytes(writers.alias_free_pickle(values, filters(config), config.clamp, **more))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_a_snapshot_gives_back_config_and_numbers_and_runs_nothing(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    generator = tiny(kind)
    path = written(tmp_path / "net.pkl", generator.config, generator.values())  # type: ignore[arg-type]
    assert writers.SOURCE.encode() in path.read_bytes()
    again = stylegan.load(path)
    assert again.config == generator.config
    assert again.values().keys() == generator.values().keys()
    for name, value in generator.values().items():
        np.testing.assert_array_equal(again.values()[name], value, err_msg=name)
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.pkl"]


def test_labels_and_other_widths_and_bounds_are_read_off(tmp_path: Path) -> None:
    config = AliasFreeConfig(
        "stylegan3-r", alias_free_channels(32, 256, 12), 8, 6, 3, 4, clamp=None, size=32
    )
    values = initial(generator_specs(config), np.random.default_rng(1))
    found = checkpoint.read(written(tmp_path / "net.pkl", config, values))  # type: ignore[arg-type]
    assert found.generator == config
    assert len(config.channels) == 14


@pytest.mark.parametrize("filtered", [True, False])
def test_arrays_by_official_names_are_read(filtered: bool, tmp_path: Path) -> None:
    config, values = small()
    theirs = {f"G/{k}": v.transpose(3, 2, 0, 1) if v.ndim == 4 else v for k, v in values.items()}
    theirs |= {k: v.T for k, v in theirs.items() if k.endswith("weight") and v.ndim == 2}
    beside = {f"G/{k}": v for k, v in filters(config).items()} if filtered else {}
    np.savez(tmp_path / "net.npz", **theirs, **beside)  # type: ignore[arg-type]
    found = checkpoint.checked(checkpoint.read(tmp_path / "net.npz"), "net.npz")
    assert found.generator.architecture == "stylegan3-t"
    for name, value in values.items():
        np.testing.assert_array_equal(found.generator_values[name], value.astype("f4"))


def test_converted_and_generated_as_any_other(tmp_path: Path) -> None:
    config, values = small("stylegan3-r")
    path = written(tmp_path / "net.pkl", config, values)
    message = run(convert.app, path, tmp_path / "ours")
    assert "stylegan3-r, 16 px" in message
    for source in (path, tmp_path / "ours"):
        words = ("--seeds", "5", "--batch", 1, "--generator", source)
        run(generate.app, *words, "-o", tmp_path / source.stem)
    made = [tmp_path / name / "seed0005.png" for name in ("net", "ours")]
    assert made[0].read_bytes() == made[1].read_bytes()
    expected = Generator(config, values)
    w = expected.map(expected.latents([5]), psi=0.7)
    np.testing.assert_array_equal(np.asarray(Image.open(made[0])), expected.pictures(w, batch=1)[0])


# ---- refusals

Change = Callable[[Values], None]


def _without(name: str) -> Change:
    return lambda values: values.__delitem__(name)


def _instead(name: str, value: object) -> Change:
    return lambda values: values.update({name: np.asarray(value, "f4")})


def _renamed(old: str, new: str) -> Change:
    def change(values: Values) -> None:
        for name in [name for name in values if f".{old}." in name]:
            values[name.replace(old, new)] = values.pop(name)

    return change


REFUSED = [
    (_without("synthesis.L1_36_4.bias"), "lacks synthesis.L1_36_4.bias"),
    (_without("synthesis.L1_36_4.magnitude_ema"), "lacks synthesis.L1_36_4.magnitude_ema"),
    (_without("synthesis.L1_36_4.weight"), "lacks layers"),
    (_without("synthesis.L3_16_3.weight"), "lacks layers"),
    (_without("synthesis.input.freqs"), "lacks synthesis.input.freqs"),
    (_without("synthesis.input.weight"), "no synthesis.input.weight"),
    (_without("mapping.fc0.weight"), "no mapping.fc0.weight"),
    (_instead("synthesis.input.phases", np.zeros(7)), "expected"),
    (_instead("synthesis.input.freqs", np.full((4, 2), np.nan)), "not finite"),
    (_instead("synthesis.L1_36_4.weight", np.zeros((3, 3, 4, 9))), "expected"),
    (_instead("synthesis.L0_36_4.weight", np.zeros((5, 5, 4, 4))), "5 x 5 kernels"),
    (_instead("synthesis.more", np.zeros(3)), "which the network does not have"),
    (_renamed("L3_16_3", "L3_16_1"), "1 colours"),
    (_renamed("L1_36_4", "L1_40_4"), "other settings"),
    (_renamed("L1_36_4", "L1_36_9999"), "other settings|other filters|expected"),
    (_renamed("L3_16_3", "L3_24_3"), "power of two"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), REFUSED)
def test_what_is_missing_or_of_another_shape_is_refused(
    change: Change, message: str, tmp_path: Path
) -> None:
    _, values = small()
    change(values)
    (tmp_path / "net.pkl").write_bytes(writers.alias_free_pickle(values, {}))
    with pytest.raises(WeightsError, match=message):
        checkpoint.checked(checkpoint.read(tmp_path / "net.pkl"), "net.pkl")


@pytest.mark.parametrize(
    "setting",
    [{"output_scale": 1.0}, {"margin_size": 8}, {"num_critical": 0}, {"output_scale": {"x": 1}}],
)
def test_settings_that_no_array_tells_are_refused(
    setting: dict[str, object], tmp_path: Path
) -> None:
    path = written(tmp_path / "net.pkl", *small(), **setting)
    with pytest.raises(WeightsError, match=f"{next(iter(setting))} of synthesis"):
        checkpoint.read(path)


@pytest.mark.parametrize("other", ["radial", "longer", "wider"])
def test_filters_that_are_not_the_published_ones_are_refused(other: str, tmp_path: Path) -> None:
    config, values = small()
    taps = filters(config)
    name = "synthesis.L0_36_4.down_filter"
    line = taps[name]
    changed = {
        "radial": np.outer(line, line),
        "longer": np.pad(line, 2),
        "wider": line**2 / sum(line**2),
    }
    taps[name] = changed[other]
    (tmp_path / "net.pkl").write_bytes(writers.alias_free_pickle(values, taps))
    with pytest.raises(WeightsError, match="down_filter of L0_36_4 is not the published"):
        checkpoint.read(tmp_path / "net.pkl")


@pytest.mark.parametrize("place", ["beside", "instead of a tensor", "in the source"])
def test_a_booby_trap_does_not_go_off(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config, values = small()
    good = writers.alias_free_pickle(values, filters(config))
    if place == "beside":
        made = good[:-1] + b"(" + text("more") + call("os", "system", text("touch hacked")) + b"u."
    elif place == "instead of a tensor":
        made = writers.alias_free_pickle(values, {}, trap=Trap(os.system, "touch hacked"))
    else:
        made = good
    (tmp_path / "net.pkl").write_bytes(made)
    if place == "in the source":
        checkpoint.read(tmp_path / "net.pkl")
    else:
        with pytest.raises(WeightsError, match="Nothing was run"):
            checkpoint.read(tmp_path / "net.pkl")
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.pkl"]
    pickle.loads(pickle.dumps(Trap(os.system, "touch hacked")))  # noqa: S301 - the trap is one
    assert (tmp_path / "hacked").exists()


@pytest.mark.parametrize(
    "change",
    [{"size": 24}, {"size": 1 << 20}, {"size": 8}, {"channels": [4, 4]}, {"channels": [4] * 99},
     {"channels": [10**9] * 4}, {"architecture": "stylegan3"}, {"clamp": 0}, {"surprise": 1}],
)  # fmt: skip
def test_configs_that_no_network_has_are_refused(change: dict[str, object]) -> None:
    config = json.loads(small()[0].to_json())
    with pytest.raises(WeightsError):
        GeneratorConfig.from_json(json.dumps({**config, **change}), "config.json")


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_ours_keeps_it(kind: str, tmp_path: Path) -> None:
    config, values = small(kind, classes=2)
    checkpoint.write(Checkpoint(config, values), tmp_path / "out")
    found = checkpoint.checked(checkpoint.read(tmp_path / "out"), "out")
    assert found.generator == config
    assert found.generator_values.keys() == values.keys()
