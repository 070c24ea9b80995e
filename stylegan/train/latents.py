"""Second phase: some faces get a w of their own, and faces of nobody must look real.

An encoder that learns in an hour finds a face's w only roughly, and the synthesis network then
learns to draw means. So w of some faces are fitted by gradient steps, which see far more of a
face, and then learn together with the synthesis network ("Optimizing the latent space of
generative networks", Bojanowski et al. 2018). Heads on a recogniser's layers compare photographs
with what is drawn, and with faces of nobody, whose w come from the normal distribution of the
fitted ones: that is what the mapping network will ask for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.keras_backend import compiled, value_and_gradients
from stylegan.encoder import Encoder
from stylegan.train.autoencode import start_heads
from stylegan.train.feature_discriminator import generator_loss, told_apart
from stylegan.train.learners import Learners, flat, learners, moved, own, take
from stylegan.train.losses import likeness, reconstruction
from stylegan.train.networks import Features, Networks
from stylegan.train.schedules import keep_share, warmed
from stylegan.train.sharpness import Photographs
from stylegan.train.state import State, Tensors

__all__ = ["Latents", "fit_rate", "normal_of"]

NEEDS_LAYERS = (
    "latent_kimg: w can be fitted only with features that have layers: features dlib"
    " (--features dlib)"
)
Tensor = Any
Floats = NDArray[np.float32]
_ROW_BETAS = (0.9, 0.98)
_FIT_RATE, _ROW_RATE = 0.09, 0.03


class Latents:
    """``step`` after ``step``: first each batch of the faces is fitted, then all learn together.

    ``features`` need layers (``maps``, ``shapes``), as ``encoders.latent.perceptual`` has them.
    """

    name = "latents"

    def __init__(self, networks: Networks, features: Features | None) -> None:
        self.networks, self.features = networks, features
        recipe = networks.recipe
        self._fits, self.steps = 0, round(recipe.latent_kimg * 1000 / recipe.batch)
        self._fit, self._run = compiled(self._fit_step), compiled(self._step)
        self._pixels = np.empty((0, 0, 0, 3), np.uint8)

    def prepare(self, state: State, pixels: NDArray[np.uint8]) -> None:
        """Choose the faces by the seed; before the first step, let the encoder guess their w."""
        if not self.steps:
            return
        if not hasattr(self.features, "maps"):
            raise InputError(NEEDS_LAYERS)
        recipe = self.networks.recipe
        count = min(recipe.latent_faces, len(pixels))
        together, self._fits = self.steps - self._fits, -(-count // recipe.batch)
        self.steps = self._fits + together
        rng = np.random.default_rng((recipe.seed, 1))
        self._pixels = pixels[np.sort(rng.choice(len(pixels), count, replace=False))]
        self._photographs = Photographs(pixels, recipe.sharp_share)
        start_heads(state, self.features, recipe.seed)
        if "latents" not in state.tensors:
            values = {k: ops.convert_to_numpy(v) for k, v in state.tensors["encoder"].items()}
            w = Encoder(recipe.encoder, values)(self._pixels, recipe.batch)
            rows = {"w": w, "m": np.zeros_like(w), "v": np.zeros_like(w)}
            state.tensors["latents"] = {k: ops.convert_to_tensor(v) for k, v in rows.items()}

    def step(
        self, state: State, number: int, rng: np.random.Generator, images: Floats
    ) -> dict[str, float]:
        """One batch; ``images`` are not looked at: the heads' photographs are sharp ones."""
        if number < self._fits:
            return self._fitted(state, number)
        images = self._photographs.batch(rng, self.networks.recipe.batch)
        return self._together(state, number, rng, images)

    def _fitted(self, state: State, number: int) -> dict[str, float]:
        recipe, loss = self.networks.recipe, 0.0
        chosen = np.arange(number * recipe.batch, (number + 1) * recipe.batch) % len(self._pixels)
        drawing, wanted = state.tensors["generator"], self._wanted(chosen)
        rows = {k: v[chosen] for k, v in _arrays(state.tensors["latents"]).items()}
        for i in range(recipe.latent_steps):
            report, slope = self._fit(drawing, ops.convert_to_tensor(rows["w"]), wanted)
            rate = _FIT_RATE * fit_rate(i, recipe.latent_steps)
            rows = _moved(rows, ops.convert_to_numpy(slope), i + 1, rate)
            loss = float(report["pixels"])
        state.tensors["latents"] = _with_rows(state.tensors["latents"], chosen, rows)
        return {"pixels": loss}

    def _fit_step(self, drawing: Tensors, w: Tensor, wanted: Tensor) -> Any:
        def loss(p: Mapping[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            images = self.networks.synthesize(drawing, self.networks.broadcast_w(p["w"]))
            distance = reconstruction(images, wanted)
            return distance, {"pixels": distance}

        report, slopes = value_and_gradients(loss, {"w": w})
        return report, slopes["w"]

    def _together(
        self, state: State, number: int, rng: np.random.Generator, images: Floats
    ) -> dict[str, float]:
        recipe, table = self.networks.recipe, _arrays(state.tensors["latents"])
        chosen = rng.permutation(len(self._pixels))[: recipe.batch]
        rows = {k: v[chosen] for k, v in table.items()}
        nobody = normal_of(table["w"], rng, round(recipe.sampled * recipe.batch))
        noise = rng.standard_normal(rows["w"].shape, np.float32) * recipe.w_noise
        done = number - self._fits
        rate = recipe.autoencode_rate * warmed(done, self.steps - self._fits)
        wander = getattr(self.features, "wandering", None)
        given = (rows["w"], noise, nobody, images, done + 1, rate)
        tensors = [ops.convert_to_tensor(np.asarray(one, np.float32)) for one in given]
        both = learners(self.networks, state, ("encoder", "generator", "heads"))
        after, slope, report = self._run(
            both, self._wanted(chosen), *tensors, wander(rng) if wander else None
        )
        age = recipe.latent_steps + done * recipe.batch / len(self._pixels)
        rows = _moved(rows, ops.convert_to_numpy(slope), age, _ROW_RATE)
        take(self.networks, state, after, keep_share(recipe, done))
        state.tensors["latents"] = _with_rows(state.tensors["latents"], chosen, rows)
        return {k: float(v) for k, v in report.items()}

    def _step(
        self,
        both: Learners,
        wanted: Tensor,
        w: Tensor,
        noise: Tensor,
        nobody: Tensor,
        images: Tensor,
        step: Tensor,
        rate: Tensor,
        cut: Any,
    ) -> Any:
        report, slopes = value_and_gradients(
            lambda p: self._loss(p, wanted, noise, nobody, images, cut), flat(both) | {"w": w}
        )
        return moved(both, slopes, step, rate), slopes["w"], report

    def _loss(
        self,
        p: Mapping[str, Tensor],
        wanted: Tensor,
        noise: Tensor,
        nobody: Tensor,
        images: Tensor,
        cut: Any,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        networks, count = self.networks, wanted.shape[0]
        asked = networks.broadcast_w(ops.concatenate([p["w"] + noise, nobody]))
        made = networks.synthesize(own(p, "generator/"), asked)
        guessed = networks.encode(own(p, "encoder/"), wanted)
        pixels = reconstruction(made[:count], wanted)
        guess = ops.mean(ops.square(guessed - ops.stop_gradient(p["w"])))
        seen, report = self._seen(own(p, "heads/"), made, wanted, images, cut)
        return pixels + guess + seen, {"pixels": pixels, "guess": guess} | report

    def _seen(
        self, heads: Mapping[str, Tensor], made: Tensor, wanted: Tensor, images: Tensor, cut: Any
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """What the recogniser's layers and the heads say, of a quarter of the fitted faces."""
        recipe, features = self.networks.recipe, self.features
        count, some = wanted.shape[0], wanted.shape[0] // 4
        judged = ops.concatenate([made[:some], made[count:]])
        drawn = features.maps(judged, cut)  # type: ignore[union-attr]
        shown = ops.concatenate([wanted[:some], images[: judged.shape[0] - some]])
        real = [ops.stop_gradient(one) for one in features.maps(shown, cut)]  # type: ignore[union-attr]
        distance = likeness([one[:some] for one in drawn], [one[:some] for one in real])
        fools, wrong = generator_loss(heads, drawn), told_apart(heads, drawn, real)
        total = recipe.feature_weight * distance + recipe.heads_weight * fools + wrong
        return total, {"features": distance, "fooled": fools, "heads": wrong}

    def _wanted(self, chosen: NDArray[np.intp]) -> Tensor:
        return ops.convert_to_tensor(self._pixels[chosen].astype(np.float32) / 127.5 - 1)


def fit_rate(step: int, steps: int) -> float:
    """The fit's rate as a factor: full for half of the steps, then down to 0 in a line."""
    return min(1.0, 2 * (steps - step) / steps)


def normal_of(w: Floats, rng: np.random.Generator, count: int) -> Floats:
    """w of nobody float32 (count, d), of the mean and covariance of ``w`` (n, d)."""
    drawn = rng.standard_normal((count, len(w)), np.float32) / np.float32(np.sqrt(len(w) - 1))
    middle = w.mean(axis=0)
    return middle + drawn @ (w - middle)


def _moved(rows: dict[str, Floats], slope: Floats, age: float, rate: float) -> dict[str, Floats]:
    """A step of Adam on rows ``w`` with their own averages ``m`` and ``v``, ``age`` steps old."""
    first, second = _ROW_BETAS
    m = first * rows["m"] + (1 - first) * slope
    v = second * rows["v"] + (1 - second) * slope**2
    size = rate * np.sqrt(1 - second**age) / (1 - first**age)
    w = rows["w"] - size * m / (np.sqrt(v) + 1e-12)
    return {k: np.asarray(a, np.float32) for k, a in (("w", w), ("m", m), ("v", v))}


def _with_rows(table: Tensors, chosen: NDArray[np.intp], rows: dict[str, Floats]) -> Tensors:
    arrays = {k: v.copy() for k, v in _arrays(table).items()}
    for name, array in arrays.items():
        array[chosen] = rows[name]
    return {k: ops.convert_to_tensor(v) for k, v in arrays.items()}


def _arrays(tensors: Tensors) -> dict[str, Floats]:
    return {k: ops.convert_to_numpy(v) for k, v in tensors.items()}
