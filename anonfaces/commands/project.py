"""``python -m stylegan.project PHOTO... -o out/``: photographs into a generator's latent space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anonbase import cli
from anonbase.errors import InputError, OutputError
from anonbase.options import Debug, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylegan.generator import Generator
    from stylegan.projection import Projection

_EXAMPLES = """
Find the latents whose pictures come nearest to the faces of photographs, by optimisation.

For each photograph: NAME.png, the picture; NAME-steps.png, the face as the generator would frame
it, the way there, and the picture. latents.h5 holds the latents of all: `w` (n, layers, w_dim) and
the names.

\b
Examples:
  python -m stylegan.project ada.jpg grace.jpg -o out/
  python -m stylegan.project ada.jpg -o out/ --generator ffhq.pkl --starts 8 --noise
  python -m stylegan.project framed.png -o out/ --framed

With --framed the picture is taken as it is; else the largest face in it is found and cut as the
generator shows faces.
"""
_AT_ONCE = 4
app = typer.Typer(add_completion=False)


@app.command(help=_EXAMPLES)
def main(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="photographs")],
    output: Annotated[Path, option("the folder for the results", "--output", "-o")],
    generator: Annotated[
        Path | None, option("a checkpoint of any kind; default: the one that ships")
    ] = None,
    starts: Annotated[int, option("first guesses tried at once", min=1, max=64)] = 3,
    w_steps: Annotated[int, option("steps for one w", min=1, max=100_000)] = 80,
    plus_steps: Annotated[int, option("steps for a w a layer", min=0, max=100_000)] = 80,
    noise: Annotated[bool, option("find the noise maps as well", "--noise")] = False,
    identity: Annotated[
        bool, option("ask for the same vector of dlib's network", "--identity/--no-identity")
    ] = True,
    framed: Annotated[bool, option("the pictures are cut already", "--framed")] = False,
    seed: Annotated[int, option("the same seed starts from the same guesses", min=0)] = 0,
    debug: Debug = False,
) -> None:
    """Cut, project a few at a time, write."""
    names = _names(photos)
    import numpy as np
    from tqdm import tqdm

    import stylegan

    network = stylegan.load(generator)
    from stylegan.projection import ProjectionConfig, project

    manner = ProjectionConfig(
        w_steps=w_steps, plus_steps=plus_steps, starts=starts, noise=noise, seed=seed
    )
    framing = None if framed and not identity else _framing(network)
    faces = [_face(photo, framing, network, framed) for photo in photos]
    guess = _guess(network, generator)
    features = _recogniser(framing, network) if identity else None
    _make_folder(output)
    latents = []
    count = max(1, network.at_once(_AT_ONCE * starts, gradients=True) // starts)
    with tqdm(total=(w_steps + plus_steps) * len(photos), unit="step", disable=None) as bar:
        for first in range(0, len(faces), count):
            part = np.stack(faces[first : first + count])

            def report(step: int, loss: float, done: int = len(part)) -> None:
                bar.update(done)
                bar.set_postfix(loss=f"{loss:.3f}")

            projected = project(network, part, guess(part), manner, features, report)
            _write_pictures(output, names[first : first + count], part, projected)
            latents.append(projected.latent)
    _write_latents(output / "latents.h5", names, np.concatenate(latents))
    print(f"{pluralize(len(photos), 'face')} in {output}")


def _names(photos: list[Path]) -> list[str]:
    names = [photo.stem for photo in photos]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"two photographs are named {twice[0]!r}: the results would be as well")
    return names


def _framing(network: Generator) -> Any:
    from encoders.frame import estimate_alignment

    return estimate_alignment(network.pictures(network.map(network.latents(range(60)), psi=0.7)))


def _face(photo: Path, framing: Any, network: Generator, framed: bool) -> NDArray[np.uint8]:
    """The face of a photograph as the generator would show it."""
    from encoders.photographs.reading import UnreadableImageError, decode, read_bytes

    side = network.config.resolution
    try:
        image = decode(read_bytes(photo.parent, photo.name)[0])
    except UnreadableImageError as error:
        raise InputError(f"{photo}: {error.reason or error.outcome}") from None
    if framed:
        return _square(photo, image, side)
    return framing.from_ffhq(_chip(photo, image, side, framing.ffhq.side)[None], side)[0]


def _chip(photo: Path, image: NDArray[np.uint8], side: int, wider: float) -> NDArray[np.uint8]:
    """FFHQ-aligned, at no fewer pixels than the generator's picture of the same face."""
    from encoders.align import align_ffhq, find_landmarks
    from encoders.detect import in_order, load_detector

    for detector in ("hog", "mtcnn"):
        boxes = in_order(load_detector(detector)(image), image)
        if len(boxes):
            size = max(256, round(side * max(wider, 1.0)))
            return align_ffhq(image, find_landmarks(image, boxes[0]), size)
    raise InputError(
        f"{photo}: there is no face in it that we can find; --framed takes it as it is"
    )


def _square(photo: Path, image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    import cv2

    if image.shape[0] != image.shape[1]:
        raise InputError(f"{photo}: {image.shape[1]} x {image.shape[0]} px, expected a square")
    way = cv2.INTER_AREA if len(image) > side else cv2.INTER_CUBIC
    return cv2.resize(image, (side, side), interpolation=way)


def _guess(network: Generator, path: Path | None) -> Any:
    """Pictures to a first W+: by the encoder for this generator, or None where there is none."""
    import numpy as np

    import stylegan
    from anonbase.errors import WeightsError
    from encoders.latent import load_latent_encoder
    from stylegan import checkpoint

    try:
        latent = load_latent_encoder(network)
        return lambda pictures: latent.encode_framed(_shrunk(pictures, latent.side))
    except WeightsError:
        pass
    try:
        beside = stylegan.load_encoder(path or checkpoint.SHIPPED)
    except WeightsError:
        return lambda pictures: None
    side = beside.config.resolution
    return lambda pictures: np.repeat(
        beside(_shrunk(pictures, side))[:, None], network.num_ws, axis=1
    )


def _shrunk(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Pictures (n, s, s, 3) at the side that an encoder looks at."""
    import cv2
    import numpy as np

    if pictures.shape[1] == side:
        return pictures
    way = cv2.INTER_AREA if pictures.shape[1] > side else cv2.INTER_CUBIC
    return np.stack([cv2.resize(one, (side, side), interpolation=way) for one in pictures])


def _recogniser(framing: Any, network: Generator) -> Any:
    from encoders.latent.identity import Recognizer

    return Recognizer(framing.dlib, network.config.resolution)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made ({error.strerror})") from None


def _write_pictures(
    output: Path, names: list[str], faces: NDArray[np.uint8], found: Projection
) -> None:
    import numpy as np

    for i, name in enumerate(names):
        _write(output / f"{name}.png", found.pictures[i])
        strip = np.concatenate([faces[i], *(stage[i] for stage in found.stages)], axis=1)
        _write(output / f"{name}-steps.png", strip)


def _write(path: Path, picture: NDArray[np.uint8]) -> None:
    from PIL import Image

    from anonbase.files import atomic_write

    try:
        with atomic_write(path) as beside:
            Image.fromarray(picture).save(beside, format="png")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from None


def _write_latents(path: Path, names: list[str], latents: NDArray[np.float32]) -> None:
    import h5py

    from anonbase.files import atomic_write

    try:
        with atomic_write(path) as beside, h5py.File(beside, "w") as file:
            file["w"] = latents
            file["name"] = [name.encode() for name in names]
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error})") from None


if __name__ == "__main__":
    cli.run(app)
