"""How far inpainting takes faces from the original, by hole: ``python -m benchmarks.inpainting``.

LFW's people of which nothing was learned (names from S on), one photograph each. Of every hole:
distances from original to result by two recognizers, one of which took part in nothing; the share
that would still be taken for the original; how the ring's distance fell; how much sharper than the
photograph's own the seam is; whether a face is found; seconds a face. Results are as they were
filled, before the check that covers what is still alike.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.tables import SHARED, print_table

Pixels = NDArray[np.uint8]
Face = tuple[Pixels, Any]

PACKAGES = ("numpy", "opencv-python-headless", "tensorflow-cpu", "dlib-bin")
HEAD = (
    *("hole", "faces", "dlib, median", "taken for the original", "FaceRes, median"),
    *("taken for the original", "ring falls by", "seam", "face found", "s a face"),
)
#: Holes: framing, border, and how the filling goes in.
HOLES: tuple[tuple[str, float | None, str | None], ...] = (
    ("border", 0.1, "poisson"),
    ("border", 0.125, "poisson"),
    ("border", 0.2, "poisson"),
    ("border", 0.25, "poisson"),
    ("border", 0.1, "raw"),
    ("box", 0.15, "poisson"),
    ("landmarks", None, None),
)
HELD_OUT_FROM = "S"
DLIB_SAME, FACERES_SAME = 0.6, 0.93


def main() -> None:
    """Print the table."""
    options = _options()
    from anonfaces.anonymize.detection import FaceAnalyzer

    analyzer = FaceAnalyzer("hog", 0.5)
    faces = list(_faces(options.photographs, options.faces, analyzer))
    outside = _outside_judge()
    before = _embedded([image for image, _ in faces], outside)
    print(describe(PACKAGES), "\n")
    print(f"generator {options.generator}, {options.latents} latents, {len(faces)} people\n")
    holes = [hole for hole in HOLES if not options.holes or _name(hole) in options.holes]
    print_table(HEAD, (_row(hole, faces, before, analyzer, outside, options) for hole in holes))


def _row(
    hole: tuple[str, float | None, str | None],
    faces: list[Face],
    before: NDArray[np.float32] | None,
    analyzer: Any,
    outside: Any,
    options: argparse.Namespace,
) -> tuple[Any, ...]:
    from anonfaces.anonymize.options import AnonymizationOptions
    from anonfaces.anonymize.paste import paste
    from anonfaces.anonymize.sources.inpaint import InpaintedFaces

    chosen = AnonymizationOptions(
        surrogate="inpaint",
        latents=options.latents,
        generator=options.generator,
        inpaint=_manner(hole, options.iterations),
    )
    source, results, falls = InpaintedFaces(analyzer, chosen), [], []
    started = time.perf_counter()
    fillings = source.fill(
        [(image, f.landmark[0], (i, 0, 0)) for i, (image, f) in enumerate(faces)]
    )
    for number, (image, found) in enumerate(faces):
        made = None
        if number in fillings:
            curve = fillings[number].search.curve[:, 0, 0]
            falls.append(curve[0] / max(float(curve[-1]), 1e-6))
            made = paste(image, found.landmark[0], fillings[number].faces()[0], image)
        results.append(made)
    seconds = (time.perf_counter() - started) / len(faces)
    kept = [i for i, made in enumerate(results) if made is not None]
    pairs = [(faces[i], results[i]) for i in kept]
    return (_name(hole), len(kept), *_distances(pairs, kept, before, analyzer, outside),
            f"{np.median(falls):.1f}", f"{_seams(pairs):.2f}", _found(pairs, analyzer),
            f"{seconds:.2f}")  # fmt: skip


def _name(hole: tuple[str, float | None, str | None]) -> str:
    return " ".join(str(part) for part in hole if part is not None)


def _manner(hole: tuple[str, float | None, str | None], iterations: int | None) -> Any:
    from anonfaces.anonymize.inpainting.options import InpaintOptions

    framing, border, blend = hole
    return InpaintOptions(framing=framing, border=border, blend=blend, iterations=iterations)


def _distances(
    pairs: list[tuple[Face, Any]],
    kept: list[int],
    before: NDArray[np.float32] | None,
    analyzer: Any,
    outside: Any,
) -> tuple[str, ...]:
    """Medians and shares within the threshold; dlib's at the original's own box."""
    after = np.concatenate([analyzer.embed(made, found.box[:1]) for (_, found), made in pairs])
    own = np.concatenate([found.embedding[:1] for (_, found), _ in pairs])
    dlib = np.linalg.norm(after - own, axis=1)
    said = (f"{np.median(dlib):.3f}", f"{np.mean(dlib <= DLIB_SAME):.1%}")
    if before is None:
        return (*said, "-", "-")
    seen = np.asarray(outside.of_pictures([made for _, made in pairs]))
    theirs = np.linalg.norm(seen - before[kept], axis=1)
    theirs = theirs[np.isfinite(theirs)]  # faces that dlib does not find in either
    return (*said, f"{np.median(theirs):.3f}", f"{np.mean(theirs <= FACERES_SAME):.1%}")


def _seams(pairs: list[tuple[Face, Any]]) -> float:
    """Median over faces of the gradient along the changed part's border, by the photograph's."""
    import cv2

    ratios = []
    for (image, _), made in pairs:
        changed = (made != image).any(axis=2).astype(np.uint8)
        changed = cv2.morphologyEx(changed, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        rim = cv2.morphologyEx(changed, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        if rim.any():
            steps = [_steepness(picture)[rim].mean() for picture in (made, image)]
            ratios.append(steps[0] / max(steps[1], 1e-6))
    return float(np.median(ratios))


def _steepness(image: Pixels) -> NDArray[np.float32]:
    import cv2

    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = (cv2.Sobel(light, cv2.CV_32F, *way) for way in ((1, 0), (0, 1)))
    return np.hypot(across, down)


def _found(pairs: list[tuple[Face, Any]], analyzer: Any) -> str:
    return f"{np.mean([len(analyzer.detect(made)) > 0 for _, made in pairs]):.1%}"


def _outside_judge() -> Any:
    """FaceRes, or None where its weights are not in the cache."""
    from anonbase.errors import WeightsError
    from anonfaces.evaluate import load_judge

    try:
        return load_judge("faceres")
    except WeightsError as error:
        print(f"no outside judge: {error}\n")
        return None


def _embedded(pictures: list[Pixels], judge: Any) -> NDArray[np.float32] | None:
    return None if judge is None else np.asarray(judge.of_pictures(pictures))


def _faces(folder: Path, count: int, analyzer: Any) -> Iterator[Face]:
    """Photographs of people of which nothing was learned, in which HOG finds one face."""
    from PIL import Image

    people = [path for path in sorted(folder.iterdir()) if path.name >= HELD_OUT_FROM]
    step, taken = max(1, len(people) // count), 0
    for person in people[::step]:
        path = min(person.glob("*.jpg"))
        with Image.open(path) as picture:
            image = np.asarray(picture.convert("RGB"))
        found = analyzer.find(image)
        if len(found) == 1 and taken < count:
            taken += 1
            yield image, found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("photographs", nargs="?", type=Path, default=SHARED / "lfw")
    parser.add_argument("--faces", type=int, default=200, help="people, one photograph each")
    parser.add_argument("--latents", type=int, default=4, help="tried at once for each face")
    parser.add_argument("--iterations", type=int, default=None, help="steps of the search")
    parser.add_argument("--holes", nargs="*", help='some of them, such as "border 0.1 poisson"')
    parser.add_argument("--generator", type=Path, default=Path("dcgan"), help="or a checkpoint")
    return parser.parse_args()


if __name__ == "__main__":
    main()
