"""StyleGAN3: the picture follows its input, and every part agrees with plain arithmetic.

There is no official picture to compare with. What is compared instead: the printed plan of the
official 1024 px network, the paper's equivariance, and a float64 computation of the whole
network that is written here from the definitions, with filters as full two-dimensional ones.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from keras import ops
from numpy.typing import NDArray
from scipy import signal

from anonbase.errors import InputError
from stylegan.generator import Generator, generator_specs
from stylegan.networks.config import AliasFreeConfig, alias_free_channels
from stylegan.networks.filters3 import Layer, _bands, layers, low_pass
from stylegan.networks.parameters import initial
from stylegan.networks.resample import Step, resample

Array = NDArray[np.float64]
KINDS = ("stylegan3-t", "stylegan3-r")
BOTH = pytest.mark.parametrize("kind", KINDS)


def tiny(kind: str, size: int = 32, count: int = 4, width: int = 4, **options: object) -> Generator:
    """A generator whose every parameter matters, the motion in w included."""
    config = AliasFreeConfig(kind, (width,) * count, 8, 6, size=size)
    rng = np.random.default_rng(5)
    values = initial(generator_specs(config), rng)
    for name, value in values.items():
        if name.endswith(("bias", "w_avg", "input.affine.weight")):
            values[name] = value + rng.normal(0, 0.3, value.shape).astype("float32")
        if name.endswith("magnitude_ema"):
            values[name] = value * np.float32(rng.uniform(0.5, 2))
    return Generator(config, values, **options)  # type: ignore[arg-type]


# ---- the plan

# As printed for the official StyleGAN3-T of 1024 px: rate, cutoff, half width, side, feature maps.
T1024 = [
    (16, 2.0, 6.0, 36, 512),
    (16, 3.1748, 4.8252, 36, 512),
    (32, 5.03968, 10.9603, 52, 512),
    (32, 8.0, 8.0, 52, 512),
    (64, 12.6992, 19.3008, 84, 512),
    (128, 20.1587, 43.8413, 148, 512),
    (128, 32.0, 32.0, 148, 512),
    (256, 50.7968, 77.2032, 276, 323),
    (256, 80.6349, 47.3651, 276, 203),
    (512, 128.0, 128.0, 532, 128),
    (1024, 203.187, 308.813, 1044, 81),
    (1024, 322.54, 189.46, 1044, 51),
    (1024, 512.0, 118.346, 1044, 32),
    (1024, 512.0, 118.346, 1024, 32),
    (1024, 512.0, 118.346, 1024, 3),
]
# Names, and filter taps and the magnitude together, as official training logs print them.
NAMED = [
    ("stylegan3-r", 128, 65536, 1024, "L9_148_1024 L10_148_912 L11_148_683 L12_148_512 "
     "L13_128_512 L14_128_3", (169, 157, 157, 25, 25, 1)),
    ("stylegan3-r", 1024, 65536, 1024, "L10_1044_161 L11_1044_102 L12_1044_64 L13_1024_64 "
     "L14_1024_3", (169, 157, 25, 25, 1)),
    ("stylegan3-t", 256, 32768, 512, "L0_36_512 L1_36_512 L2_36_512 L3_52_512 L4_52_512",
     (25, 25, 25, 37, 25)),
    ("stylegan3-t", 512, 32768, 512, "L13_512_64 L14_512_3", (25, 1)),
]  # fmt: skip


def test_the_plan_is_that_of_the_official_network() -> None:
    config = AliasFreeConfig(channels=alias_free_channels(1024), size=1024)
    plan = layers(config)
    assert [layer.name for layer in plan] == [
        f"L{i}_{row[3]}_{row[4]}" for i, row in enumerate(T1024)
    ]
    bands = _bands(config)
    np.testing.assert_allclose(
        [(b.rate, b.cutoff, b.half_width, b.size) for b in bands], [r[:4] for r in T1024], 1e-5
    )
    assert config.num_ws == 16
    for before, layer in zip([T1024[0], *T1024], plan, strict=False):
        assert (layer.inputs, layer.size_in) == (before[4], before[3])


@pytest.mark.parametrize(("kind", "size", "base", "most", "names", "buffers"), NAMED)
def test_names_and_filter_sizes_are_the_official_ones(
    kind: str, size: int, base: int, most: int, names: str, buffers: tuple[int, ...]
) -> None:
    config = AliasFreeConfig(kind, alias_free_channels(size, base, most), size=size)
    plan = {layer.name: layer for layer in layers(config)}
    assert len(plan) == 15
    for name, total in zip(names.split(), buffers, strict=True):
        layer = plan[name]
        taps = 0 if layer.colours else layer.up_taps.size + layer.down_taps.size
        assert taps + 1 == total, name


# ---- filters


def _gain(taps: Array, rate: float, frequency: float, angle: float = 0.0) -> float:
    place = (np.arange(len(taps)) - (len(taps) - 1) / 2) * 2 * np.pi * frequency / rate
    across = np.cos(place * np.cos(angle))
    if taps.ndim == 1:
        return float(taps @ across)
    return float(np.cos(place * np.sin(angle)) @ taps @ across)


@BOTH
def test_filters_keep_what_is_below_the_cutoff_and_stop_what_is_above(kind: str) -> None:
    config = AliasFreeConfig(kind, alias_free_channels(1024), size=1024)
    for band, layer in zip(_bands(config)[:-1], layers(config)[:-1], strict=True):
        taps, rate = layer.down_taps, band.rate * layer.down
        stopped = np.linspace(band.cutoff + band.half_width, rate / 2, 50)
        along, across = (_decibels_below(taps, rate, stopped, a) for a in (0, np.pi / 4))
        assert _gain(taps, rate, 0) == pytest.approx(1)
        assert 0.4 < _gain(taps, rate, band.cutoff) < 0.8, layer.name
        # Kaiser's formula is an estimate
        assert along > signal.kaiser_atten(len(taps), 4 * band.half_width / rate) - 6, layer.name
        if layer.name not in ("L12_1044_32", "L13_1024_32"):
            # what would fold onto the frequencies that are kept
            assert _decibels_below(taps, rate, np.array([band.rate - band.cutoff])) > 50
            assert (across > 34) == (kind == "stylegan3-r"), layer.name


def _decibels_below(taps: Array, rate: float, at: Array, angle: float = 0.0) -> float:
    return float(-20 * np.log10(max(abs(_gain(taps, rate, f, angle)) for f in at)))


def test_a_radial_filter_is_round_and_a_separable_one_square() -> None:
    round_, line = (low_pass(24, 32, 24, 256, radial=r) for r in (True, False))
    along, across = (_gain(round_, 256, 32, angle) for angle in (0, np.pi / 4))
    assert along == pytest.approx(across, abs=0.02)
    square = np.outer(line, line)
    assert abs(_gain(square, 256, 32) - _gain(square, 256, 32, np.pi / 4)) > 0.1
    assert np.isfinite(low_pass(13, 32, 24, 256, radial=True)).all()


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize(
    ("taps", "up", "down", "before", "length"),
    [(12, 2, 1, 9, 90), (24, 4, 1, 13, 200), (12, 1, 2, 0, 12), (12, 1, 2, -3, 70),
     (5, 1, 1, 2, 33), (24, 4, 1, -20, 64)],
)  # fmt: skip
def test_resampling_is_zeros_between_a_filter_and_every_nth(
    axis: int, taps: int, up: int, down: int, before: int, length: int
) -> None:
    rng = np.random.default_rng(taps)
    x, kernel = rng.standard_normal((2, 35, 35, 3)), rng.standard_normal(taps)
    step = Step(taps=tuple(kernel.tolist()), length=length, up=up, down=down, before=before)
    found = ops.convert_to_numpy(resample(ops.cast(x, "float32"), axis, step))
    wide = np.zeros((length * down + taps + 400, 2, 35, 3))
    wide[200 + before : 200 + before + 35 * up : up] = np.moveaxis(x, axis, 0)
    made = [kernel @ wide[200 + o * down : 200 + o * down + taps].reshape(taps, -1)
            for o in range(length)]  # fmt: skip
    expected = np.moveaxis(np.reshape(made, (length, 2, 35, 3)), 0, axis)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


# ---- the whole network, by definition


def _by_definition(generator: Generator, w: Array) -> Array:
    """One picture (size, size, 3) of w (num_ws, w_dim), in float64 and the slow way."""
    values = {k: v.astype(np.float64) for k, v in generator.values().items()}
    config = generator.config
    assert isinstance(config, AliasFreeConfig)
    x = _waves(values, w[0])
    for layer, style in zip(layers(config), w[1:], strict=True):
        x = _convolved(values, f"synthesis.{layer.name}", x, style, layer.colours)
        x = np.clip(x, -256, 256) if layer.colours else _rectified(x, layer)
    return x.transpose(1, 2, 0) / 4


def _affine(values: dict[str, Array], name: str, w: Array) -> Array:
    weight = values[f"{name}.affine.weight"]
    return w @ weight / np.sqrt(len(weight)) + values[f"{name}.affine.bias"]


def _waves(values: dict[str, Array], w: Array) -> Array:
    cos, sin, x, y = _affine(values, "synthesis.input", w)
    norm = np.hypot(cos, sin)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, norm]]) / norm
    shift = np.array([[1, 0, -x / norm], [0, 1, -y / norm], [0, 0, 1]])
    whole = turn @ shift @ values["synthesis.input.transform"]
    line = (np.arange(36) - 17.5) / 16
    place = np.stack([*np.meshgrid(line, line), np.ones((36, 36))])
    seen = np.tensordot(whole, place, 1)[:2]
    freqs, phases = values["synthesis.input.freqs"], values["synthesis.input.phases"]
    waves = np.sin(2 * np.pi * (np.tensordot(freqs, seen, 1) + phases[:, None, None]))
    radius = np.linalg.norm(freqs @ whole[:2, :2], axis=1)
    waves *= np.clip((8 - radius) / (8 - 2), 0, 1)[:, None, None]
    weight = values["synthesis.input.weight"]
    return np.tensordot(weight.T, waves, 1) / np.sqrt(len(weight))


def _convolved(
    values: dict[str, Array], name: str, x: Array, w: Array, colours: bool
) -> Array:  # fmt: skip
    kernel, style = values[f"{name}.weight"], _affine(values, name, w)
    if colours:
        kernel = kernel * style[:, None] / np.sqrt(kernel[..., 0].size)
    else:
        kernel = kernel / np.sqrt((kernel**2).mean((0, 1, 2)))
        kernel = kernel * (style / np.sqrt((style**2).mean()))[:, None]
        kernel = kernel / np.sqrt((kernel**2).sum((0, 1, 2)) + 1e-8)
    kernel = kernel / np.sqrt(values[f"{name}.magnitude_ema"])
    made = [sum(signal.correlate(plane, kernel[:, :, i, o], "full") for i, plane in enumerate(x))
            for o in range(kernel.shape[3])]  # fmt: skip
    return np.stack(made) + values[f"{name}.bias"][:, None, None]


def _rectified(x: Array, layer: Layer) -> Array:
    """Zeros between the samples; the padding that lets both maps' middles coincide."""
    side = x.shape[1]
    pad = (layer.size_out - 1) * layer.down - (side - 1) * layer.up
    pad += len(layer.up_taps) - 1 + len(layer.down_taps) - 1
    assert pad % 2 == 0
    stuffed = np.zeros((len(x), 900, 900))
    start = 400
    stuffed[:, start : start + side * layer.up : layer.up,
            start : start + side * layer.up : layer.up] = x  # fmt: skip
    first = start - pad // 2
    used = stuffed[:, first : first + layer.size_between + len(layer.up_taps) - 1]
    used = used[:, :, first : first + layer.size_between + len(layer.up_taps) - 1]
    up = np.outer(layer.up_taps, layer.up_taps) * layer.up**2
    taps = layer.down_taps
    down = np.outer(taps, taps) if taps.ndim == 1 else taps
    y = signal.fftconvolve(used, up[None], "valid", axes=(1, 2))
    y = np.clip(np.where(y > 0, y, 0.2 * y) * np.sqrt(2), -256, 256)
    return signal.fftconvolve(y, down[None], "valid", axes=(1, 2))[:, :: layer.down, :: layer.down]


@BOTH
def test_the_network_is_what_the_paper_defines(kind: str) -> None:
    generator = tiny(kind)
    shear = np.array([[1.1, 0.2, 0.05], [-0.1, 1.3, -0.02], [0, 0, 1]], "float32")
    generator.parameters["synthesis.input.transform"].assign(shear)
    w = np.random.default_rng(2).standard_normal((2, generator.num_ws, 6), "float32")
    assert {layer.up for layer in layers(generator.config)} == {1, 2, 4}  # type: ignore[arg-type]
    found = generator.synthesize(w)
    expected = np.stack([_by_definition(generator, each.astype(np.float64)) for each in w])
    assert expected.std() > 0.01
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


# ---- what it is for


@cache
def _steady(kind: str) -> tuple[Generator, NDArray[np.float32], NDArray[np.float32]]:
    config = AliasFreeConfig(kind, (12,) * 6, 8, 8, size=64)
    generator = Generator(config, seed=1)
    w = generator.map(generator.latents([3]))
    return generator, w, generator.synthesize(w)[0]


def _moved(kind: str, transform: list[list[float]]) -> NDArray[np.float32]:
    generator, w, _ = _steady(kind)
    place = generator.parameters["synthesis.input.transform"]
    place.assign(np.array([*transform, [0, 0, 1]], "float32"))
    picture = generator.synthesize(w)[0]
    place.assign(np.eye(3, dtype="float32"))
    return picture


def _looked_up(picture: Array, y: Array, x: Array) -> Array:
    """The picture between its pixels: a sinc of 20 x 20 under a Kaiser window."""
    reach = np.arange(-9, 11)[:, None, None]
    rows, columns = (np.floor(place).astype(int) + reach for place in (y, x))
    down, across = (
        np.sinc(near - place) * np.i0(8 * np.sqrt(np.clip(1 - ((near - place) / 10) ** 2, 0, 1)))
        for near, place in ((rows, y), (columns, x))
    )
    total = np.zeros((*y.shape, picture.shape[2]))
    for row, weight in zip(rows, down, strict=True):
        seen = picture[np.clip(row, 0, 63)[None], np.clip(columns, 0, 63)]
        total += weight[..., None] * (across[..., None] * seen).sum(0)
    return total / np.i0(8) ** 2


def _decibels(found: Array, expected: Array) -> float:
    """PSNR; the peak is four deviations, as for pictures of deviation 0.5 from -1 to 1."""
    return float(10 * np.log10((4 * expected.std()) ** 2 / np.mean((found - expected) ** 2)))


def _follows(kind: str, degrees: float, right: float, down: float) -> float:
    """How well a picture from a moved input is the picture, moved; ``right``, ``down`` in px."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    _, _, still = _steady(kind)
    moved = _moved(kind, [[cos, -sin, right / 64], [sin, cos, down / 64]])
    y, x = np.mgrid[:64, :64] - 31.5
    inside = np.hypot(x, y) < 31.5 - 10 - np.hypot(right, down)
    from_x, from_y = cos * x - sin * y + right + 31.5, sin * x + cos * y + down + 31.5
    expected = _looked_up(still.astype(np.float64), from_y, from_x)
    return _decibels(moved[inside], expected[inside])


@pytest.mark.parametrize(
    ("kind", "degrees", "right", "down", "least"),
    [
        *[(kind, 0, *shift, 60) for kind in KINDS for shift in [(3, 5), (0.5, 0.5), (2.5, -1.25)]],
        *[(kind, 0, 8, -4, 90) for kind in KINDS],
        *[("stylegan3-r", angle, 0, 0, 55) for angle in (90, 30, -77)],
        ("stylegan3-r", 30, 2.3, -1.7, 55),
    ],
)
def test_a_moved_input_gives_the_moved_picture(
    kind: str, degrees: float, right: float, down: float, least: float
) -> None:
    assert _follows(kind, degrees, right, down) > least


def test_t_does_not_follow_a_rotation() -> None:
    """So the figure above is not high whatever the network does."""
    assert _follows("stylegan3-t", 30, 0, 0) < 30


# ---- as any generator


def test_a_picture_is_its_own_whatever_its_company_and_noise() -> None:
    generator = tiny("stylegan3-t", count=3, size=16)
    w = generator.map(generator.latents([1, 2, 3]), psi=0.7, cutoff=2)
    assert w.shape == (3, 5, 6)
    assert generator.noise_maps() == []
    pictures = generator.pictures(w, "random", batch=2)
    assert (pictures[0] == generator.pictures(w[:1], "none", batch=2)[0]).all()
    assert (pictures[0] != pictures[1]).any()
    with pytest.raises(InputError, match="expected const"):
        generator.pictures(w, "loud")  # type: ignore[arg-type]


def test_bfloat16_is_near_float32() -> None:
    generator = tiny("stylegan3-r", count=3, size=16)
    w = ops.convert_to_tensor(generator.map(generator.latents([1, 2])))
    exact, rough = (
        ops.convert_to_numpy(generator.apply(w, dtype=kind)) for kind in ("float32", "bfloat16")
    )
    assert rough.dtype == np.float32
    assert 0 < np.abs(rough - exact).mean() < 0.05 * np.abs(exact).mean()


def test_gradients_reach_w_and_every_trainable_parameter() -> None:
    tf = pytest.importorskip("tensorflow")
    generator = tiny("stylegan3-r", count=3, size=16)
    w = tf.constant(generator.map(generator.latents([1, 2])))
    learnt = {k: v for k, v in generator.parameters.items() if v.trainable and "mapping" not in k}
    with tf.GradientTape() as tape:
        tape.watch(w)
        loss = ops.mean(ops.square(generator.apply(w)))
    slopes = tape.gradient(loss, [w, *(v.value for v in learnt.values())])
    for name, slope in zip(["w", *learnt], slopes, strict=True):
        assert slope is not None, name
        assert np.isfinite(slope).all(), name
        assert np.abs(slope).max() > 0, name
