"""The fast operations against the slow ones of ``slow.py``."""

from __future__ import annotations

import numpy as np
import pytest
import slow
from keras import ops

from stylegan.networks import ops as our_ops
from stylegan.networks.config import GeneratorConfig
from stylegan.networks.synthesis1 import _fused_up, _plain_up
from stylegan.networks.synthesis2 import _layer

RNG = np.random.default_rng(5)


def _close(fast: object, right: np.ndarray) -> None:
    np.testing.assert_allclose(ops.convert_to_numpy(fast), right, rtol=0, atol=2e-5)


@pytest.mark.parametrize("side", [4, 7, 8])
@pytest.mark.parametrize("name", ["conv", "conv_up"])
def test_convolutions(name: str, side: int) -> None:
    x, k = RNG.standard_normal((side, side, 3)), RNG.standard_normal((3, 3, 3, 2))
    fast = getattr(our_ops, name)(x[None].astype("float32"), k.astype("float32"))[0]
    _close(fast, getattr(slow, name)(x, k))


def test_convolution_to_half_size() -> None:
    x, k = RNG.standard_normal((8, 8, 3)), RNG.standard_normal((3, 3, 3, 2))
    _close(
        our_ops.conv_down(x[None].astype("float32"), k.astype("float32"))[0], slow.conv_down(x, k)
    )


@pytest.mark.parametrize(
    ("name", "up", "down", "pad", "gain"),
    [("upsample", 2, 1, (2, 1), 4.0), ("downsample", 1, 2, (1, 1), 1.0)],
)
def test_resampling(name: str, up: int, down: int, pad: tuple[int, int], gain: float) -> None:
    x = RNG.standard_normal((1, 8, 8, 3)).astype("float32")
    planes = [slow.upfirdn(x[0, ..., c], slow.BINOMIAL * gain, up, down, pad) for c in range(3)]
    _close(getattr(our_ops, name)(x)[0], np.stack(planes, -1))


def test_upsampling_a_flat_picture_keeps_it_flat_inside() -> None:
    flat = ops.convert_to_numpy(our_ops.upsample(np.ones((1, 6, 6, 3), "float32")))
    np.testing.assert_allclose(flat[:, 1:-1, 1:-1], 1.0, atol=1e-6)


@pytest.mark.parametrize("up", [False, True])
def test_a_layer_equals_one_with_weights_modulated_for_each_image(up: bool) -> None:
    n, side, size = 3, 6, 12 if up else 6
    x, style = RNG.standard_normal((n, side, side, 4)), RNG.standard_normal((n, 4))
    weight, bias = RNG.standard_normal((3, 3, 4, 5)), RNG.standard_normal(5)
    noise = RNG.standard_normal((1, size, size, 1))
    p = {"a.weight": weight, "a.bias": bias, "a.noise_strength": np.array(0.7)}
    p = {name: ops.cast(value, "float32") for name, value in p.items()}
    args = [a.astype("float32") for a in (x, style, noise)]
    fast = _layer(p, "a", *args, up, None)
    convolve = slow.conv_up if up else slow.conv
    right = [convolve(x[i], slow.modulated(weight, style[i])) for i in range(n)]
    _close(fast, slow.leaky(np.stack(right) + 0.7 * noise + bias))


def test_the_first_stylegan_enlarges_by_repeating_pixels_or_by_one_smeared_kernel() -> None:
    x, k = RNG.standard_normal((1, 5, 5, 2)), RNG.standard_normal((3, 3, 2, 3))
    repeated = x.repeat(2, 1).repeat(2, 2)
    _close(_plain_up(x.astype("float32"), k.astype("float32"))[0], slow.conv(repeated[0], k))
    turned = slow.conv(repeated[0], k[::-1, ::-1])
    _close(_fused_up(x.astype("float32"), k.astype("float32"))[0], turned)


def test_minibatch_deviation_groups_every_third_picture() -> None:
    from stylegan.networks.discriminator import _with_deviation

    x = RNG.standard_normal((6, 4, 4, 3)).astype("float32")
    plane = ops.convert_to_numpy(_with_deviation(x, 2))[..., -1]
    for i in range(6):
        pair = x[[i % 3, i % 3 + 3]].astype(float)
        expected = np.sqrt(pair.var(axis=0) + 1e-8).mean()
        np.testing.assert_allclose(plane[i], expected, rtol=1e-5)


def test_config_counts() -> None:
    config = GeneratorConfig(channels=(8, 8, 4))
    assert (config.resolution, config.sizes, config.num_ws) == (16, (4, 8, 16), 6)
