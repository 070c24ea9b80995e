"""What the generator that ships is worth: ``python -m benchmarks.generator``.

At each truncation: in how many samples, enlarged to 256 px, dlib's HOG detector finds exactly
one face, and how many pairs of the faces found are closer than 0.6 in dlib's embedding (with
which a recogniser calls them one person): the less variety, the more. With faces given: how the
samples lie to them in dlib's embedding and, with --detail, in VGG16's, and how much power they have
above a quarter of the sampling frequency. --beside measures another generator in the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks import detail, likeness
from benchmarks.machine import describe
from benchmarks.tables import print_table

if TYPE_CHECKING:
    from stylegan.train.data import Pictures

PACKAGES = ("numpy", "keras", "tensorflow-cpu", "dlib-bin")
SIDE, ONE_PERSON = 256, 0.6
HEAD = ("", "samples", "one face", "no face", "more", "median distance", "pairs < 0.6")


def main() -> None:
    """Print a row a truncation, and where faces are given how the samples lie to them."""
    options = _options()
    print(f"{options.generator or 'the generator that ships'}\n{describe(PACKAGES)}\n")
    made = _sets(options)
    learnt, held = _photographs(options) if options.faces else (None, None)
    print_table(HEAD, _rows(made, held, options.samples))
    if learnt is not None and held is not None:
        sets = made | _others(options)
        print()
        print_table(likeness.HEAD, likeness.rows(learnt.pixels, held.pixels, sets))
        if options.detail:
            print()
            head = (*detail.HEAD, *(["FaceRes Frechet distance"] if options.faceres else []))
            print_table(head, _detail(options, held.pixels, sets))
    if learnt is not None and options.pairs:
        likeness.write_pairs(options.pairs, learnt.pixels, made[f"psi {options.psi[-1]}"])
        print(f"nearest pairs: {options.pairs} (holds faces of real people)")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generator", description=__doc__)
    parser.add_argument("--generator", type=Path, help="a checkpoint (default: the one that ships)")
    parser.add_argument("--samples", type=int, default=500, help="(default: %(default)s)")
    parser.add_argument("--psi", type=float, nargs="*", default=[0.7, 1.0])
    parser.add_argument("--faces", type=Path, nargs="*", default=[], help="FaceSets trained on")
    parser.add_argument("--square", default="0.5,0.5,1", help="as in training")
    parser.add_argument("--held-out", type=int, default=4000, help="as in training")
    parser.add_argument("--seed", type=int, default=0, help="as in training")
    parser.add_argument("--detail", type=int, default=0, help="faces for VGG16 (default: none)")
    parser.add_argument("--beside", type=Path, help="another checkpoint, for rows of its own")
    parser.add_argument(
        "--pictures", type=Path, nargs="*", default=[], help="other pictures, a row each"
    )
    parser.add_argument("--faceres", action="store_true", help="with --detail: FaceRes as well")
    parser.add_argument("--pairs", type=Path, help="a picture of the five nearest pairs")
    return parser.parse_args()


def _photographs(options: argparse.Namespace) -> tuple[Pictures, Pictures]:
    """The faces that were learnt from and those held out, as the generator's pictures."""
    from encoders.training_images import parse_square, read_pictures
    from stylegan.train.data import Pictures, split

    square, side = parse_square(options.square), _side(options.generator)
    pictures = Pictures(read_pictures(options.faces, side, square))
    return split(pictures, options.held_out, options.seed)


def _sets(options: argparse.Namespace) -> dict[str, NDArray[np.uint8]]:
    """The samples at each truncation, by what their rows are called."""
    made = {}
    for name, path in (("", options.generator), (f"{options.beside}, ", options.beside)):
        if name and path is None:
            continue
        for psi in options.psi:
            made[f"{name}psi {psi}"] = _small(path, psi, options.samples)
    return made


def _others(options: argparse.Namespace) -> dict[str, NDArray[np.uint8]]:
    """Of each of ``--pictures`` as many as there are samples, spread over all of them."""
    from encoders.training_images import parse_square, read_pictures

    found, side = {}, _side(options.generator)
    for place in options.pictures:
        pictures = read_pictures([place], side, parse_square(options.square))
        step = max(len(pictures) // options.samples, 1)
        found[str(place)] = pictures[::step][: options.samples]
    return found


def _detail(
    options: argparse.Namespace, held: NDArray[np.uint8], sets: dict[str, NDArray[np.uint8]]
) -> list[tuple[object, ...]]:
    """Rows of ``benchmarks.detail`` at the generator's side, of ``--detail`` faces a set."""
    count, other = options.detail, detail.faceres() if options.faceres else None
    some = {name: pictures[:count] for name, pictures in sets.items()}
    rows = np.random.default_rng(options.seed).permutation(len(held))[: 2 * count]
    return detail.rows(held[np.sort(rows)], some, _side(options.generator), other)


def _rows(
    made: dict[str, NDArray[np.uint8]], held: Pictures | None, samples: int
) -> Iterator[tuple[object, ...]]:
    """The samples; then as many real faces held out, which no generator need surpass."""
    for name, small in made.items():
        yield _measure(name, small)
    if held is not None:
        rows = np.random.default_rng(0).permutation(len(held.pixels))[:samples]
        yield _measure("held-out faces", held.pixels[np.sort(rows)])


def _measure(name: object, small: NDArray[np.uint8]) -> tuple[object, ...]:
    from encoders.detect import load_detector

    detector = load_detector("hog", 0)
    counts = np.zeros(len(small), int)
    chips = []
    for i, picture in enumerate(small):
        picture = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        boxes = detector(picture)
        counts[i] = len(boxes)
        if len(boxes) == 1:
            chips.append(_chip(picture, boxes[0]))
    distances = _distances(np.stack(chips))
    shares = [np.mean(counts == 1), np.mean(counts == 0), np.mean(counts > 1)]
    percent = [f"{100 * share:.1f} %" for share in shares]
    near = f"{100 * np.mean(distances < ONE_PERSON):.1f} %"
    return name, len(small), *percent, f"{np.median(distances):.3f}", near


def _small(path: Path | None, psi: float, samples: int) -> NDArray[np.uint8]:
    import stylegan

    generator = stylegan.load(path)
    return generator.pictures(generator.map(generator.latents(range(samples)), psi=psi), batch=50)


def _side(path: Path | None) -> int:
    import stylegan

    return stylegan.load(path).config.resolution


def _chip(picture: NDArray[np.uint8], box: NDArray[np.int32]) -> NDArray[np.uint8]:
    from encoders.align import align_dlib5

    return align_dlib5(picture, box)


def _distances(chips: NDArray[np.uint8]) -> NDArray[np.float64]:
    from scipy.spatial.distance import pdist

    from encoders.embed import load_embedder

    return pdist(load_embedder("dlib")(chips))


if __name__ == "__main__":
    main()
