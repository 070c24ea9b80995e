"""Fitting an emulator: faces of a generator's own are drawn, looked at, and learnt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.files import atomic_write
from anonfaces.synthesize.generator.emulated_search import FaceViewer
from anonfaces.synthesize.generator.latents import framing_of
from anonfaces.synthesize.generator.offset_search import principal_directions
from encoders import weights_file

if TYPE_CHECKING:
    from stylegan.generator import Generator

__all__ = ["LEAST", "Samples", "fit_emulator", "samples_of"]

Numbers = NDArray[np.float32]

LEAST = 2000
"""Samples without which nothing is learnt."""
_PART = 400
_HELD_OUT = 1000
#: How far samples lie from the generator's mean, as a share: groups' means lie nearer than its own.
_PSI = (0.25, 1.1)
#: The largest offset along each principal direction, in its standard deviation.
_OFFSET = 0.5
_HIDDEN = 512
_EPOCHS = 40
_BATCH = 128
_RATE = 2e-3
_DECAY = 1e-3
#: The least spread of a direction beside that of the widest: what is whitened stays finite.
_FLOOR = 1e-3


@dataclass(frozen=True)
class Samples:
    """``w`` float32 (n, w_dim) and what was ``seen`` in their faces, float32 (n, ``SEEN``)."""

    w: Numbers
    seen: Numbers

    def __len__(self) -> int:
        return len(self.w)


def samples_of(
    generator: Generator,
    count: int,
    seed: int = 0,
    kept: Path | None = None,
    progress: bool = False,
) -> Samples:
    """``count`` faces of ``generator``, seen.

    ``kept`` (.npz) holds those that are done, and is gone on from; it is of this generator and
    seed.
    """
    from tqdm import tqdm

    said = f"{weights_file.digest(generator)}, seed {seed}"
    done = _read(kept, said)
    look, directions = FaceViewer(generator, framing_of(generator)), principal_directions(generator)
    parts = [] if done is None else [done]
    first = 0 if done is None else len(done)
    bar = tqdm(total=count, initial=first, unit="face", disable=None if progress else True)
    with bar:
        for start in range(first, count, _PART):
            size = min(_PART, count - start)
            w = _drawn(generator, directions, size, np.random.default_rng([seed, start]))
            layers = np.repeat(w[:, None], generator.num_ws, axis=1)
            parts.append(Samples(w, look(layers).astype(np.float32)))
            bar.update(size)
            if kept is not None:
                _keep(kept, said, _joined(parts))
    return _joined(parts)


def fit_emulator(
    samples: Samples, seed: int = 0, progress: bool = False
) -> tuple[dict[str, Numbers], dict[str, float]]:
    """The arrays of an emulator, and how much it explains of each trait of samples held out."""
    import keras
    from keras import layers

    if len(samples) < LEAST:
        raise InputError(f"{len(samples)} samples: an emulator needs {LEAST} at least")
    held = min(_HELD_OUT, len(samples) // 4)
    mean, white = _whitening(samples.w)
    scale, middle = _scale(samples.seen), samples.seen.mean(axis=0)
    x, y = (samples.w - mean) @ white, (samples.seen - middle) / scale
    keras.utils.set_random_seed(seed)
    given = keras.Input((x.shape[1],))
    first = layers.Dense(_HIDDEN, activation="gelu", name="first")(given)
    second = layers.Dense(_HIDDEN, activation="gelu", name="second")(first)
    out = layers.Dense(y.shape[1], name="out")(layers.Concatenate()([given, first, second]))
    network = keras.Model(given, out)
    steps = _EPOCHS * ((len(x) - held) // _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(_RATE, steps)
    network.compile(keras.optimizers.AdamW(rate, weight_decay=_DECAY), "mse")
    network.fit(x[held:], y[held:], batch_size=_BATCH, epochs=_EPOCHS, verbose=2 if progress else 0)
    found = network.predict(x[:held], verbose=0)
    arrays = {"mean": mean, "white": white}
    for layer in ("first", "second", "out"):
        weight, bias = network.get_layer(layer).get_weights()
        arrays |= {f"{layer}.weight": weight, f"{layer}.bias": bias}
    arrays["out.weight"] = arrays["out.weight"] * scale
    arrays["out.bias"] = arrays["out.bias"] * scale + middle
    return arrays, _explained(found, y[:held])


def _drawn(
    generator: Generator, directions: Numbers, count: int, rng: np.random.Generator
) -> Numbers:
    """w such as a search meets: nearer to the mean and farther, moved along all directions."""
    mean = np.asarray(generator.values()["mapping.w_avg"])
    seeds = rng.integers(0, 2**32, count)
    w = generator.map(generator.latents([int(s) for s in seeds]))[:, 0]
    offset = rng.standard_normal((count, len(directions))) * rng.uniform(0, _OFFSET, (count, 1))
    moved = mean + rng.uniform(*_PSI, (count, 1)) * (w - mean) + offset @ directions
    return moved.astype(np.float32)


def _whitening(w: Numbers) -> tuple[Numbers, Numbers]:
    mean = w.mean(axis=0, dtype=np.float64)
    values, vectors = np.linalg.eigh(np.cov(w.astype(np.float64), rowvar=False))
    spread = np.sqrt(np.maximum(values, (_FLOOR**2) * values.max()))
    return mean.astype(np.float32), (vectors / spread).astype(np.float32)


def _scale(seen: Numbers) -> Numbers:
    """One unit a trait, so that none is learnt at the cost of another."""
    spread = seen.std(axis=0) + 1e-6
    scale = spread.copy()
    for trait in (slice(0, 128), slice(133, None)):
        scale[trait] = spread[trait].mean()
    return scale


def _explained(found: Numbers, known: Numbers) -> dict[str, float]:
    parts = {"vector": slice(0, 128), "color": slice(128, 131), "age": slice(131, 132)}
    parts |= {"gender": slice(132, 133), "tint": slice(133, None)}
    left = np.square(found - known).mean(axis=0)
    whole = known.var(axis=0)
    return {
        name: round(float(1 - left[some].mean() / whole[some].mean()), 3)
        for name, some in parts.items()
    }


def _joined(parts: list[Samples]) -> Samples:
    return Samples(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("w", "seen")))


def _read(kept: Path | None, said: str) -> Samples | None:
    if kept is None or not kept.is_file():
        return None
    try:
        with np.load(kept, allow_pickle=False) as held:
            whose, found = str(held["generator"]), Samples(held["w"], held["seen"])
    except (KeyError, ValueError, OSError):
        message = f"{kept} does not hold samples of a generator: name another file"
        raise InputError(message) from None
    if whose != said:
        raise InputError(f"{kept} holds samples of another generator or seed: name another file")
    return found


def _keep(kept: Path, said: str, samples: Samples) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    arrays: dict[str, Any] = {"w": samples.w, "seen": samples.seen}
    with atomic_write(kept) as beside, beside.open("wb") as file:
        np.savez(file, generator=np.array(said), **arrays)
