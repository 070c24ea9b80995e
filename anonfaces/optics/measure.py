"""The trade-off of cameras, attacks on them, and what stage two's faces keep: numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.optics.camera import Camera
from anonfaces.optics.deconvolution import NOISE_RATIOS, richardson_lucy, wiener
from anonfaces.optics.faces import FaceFrames, Frames
from anonfaces.optics.heatmaps import landmark_error
from anonfaces.optics.per_camera import photograph, read_landmarks, run_network
from anonfaces.optics.privacy import Sight, recognition, to_bytes

__all__ = [
    "PUBLISHED", "attack_rows", "camera_row", "face_rows", "held_out_frames", "people_of",
    "restored_examples",
]  # fmt: skip

Images = NDArray[np.float32]

#: Pictures that the deconvolutions' settings are chosen on, in the attacker's favor.
_TUNED = 32
#: Of CelebA-HQ at 256 px, ten results a source: FID, then FD, BB and LM by MTCNN and by dlib
#: (J. Lopez et al., CVPR 2024, as their repository prints it).
PUBLISHED: tuple[dict[str, Any], ...] = (
    {"method": "low resolution 16 x 16 (published)", "FID": 34.161, "FD mtcnn": 1.000,
     "BB mtcnn": 5.358, "LM mtcnn": 2.392, "FD dlib": 0.994, "BB dlib": 4.694, "LM dlib": 2.749},
    {"method": "privacy lens (published)", "FID": 29.218, "FD mtcnn": 1.000,
     "BB mtcnn": 3.314, "LM mtcnn": 2.298, "FD dlib": 0.991, "BB dlib": 4.821, "LM dlib": 2.716},
)  # fmt: skip


def held_out_frames(faces: FaceFrames, size: int, most: int, seed: int = 0) -> tuple[Frames, Any]:
    """At most ``most`` frames, moved as in training, and the rows that they are of."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(faces))[:most]
    return faces.frames(rows, size, rng), rows


def people_of(faces: FaceFrames, rows: NDArray[np.integer]) -> NDArray[np.str_]:
    """Who is in each row; whoever is unknown is somebody of their own."""
    names = faces.identity[rows]
    return np.where(names == "", np.char.add("?", faces.name[rows]), names)


def camera_row(
    name: str, camera: Camera, reader: Any, frames: Frames, person: NDArray[np.str_],
    judges: Sequence[Sight],
) -> dict[str, Any]:  # fmt: skip
    """One camera: error of landmarks, faces that dlib finds, and who is recognized."""
    private = photograph(camera, frames.image)
    points = read_landmarks(reader, private)
    row: dict[str, Any] = {
        "camera": name,
        "landmark_px": _rounded(landmark_error(points, frames.landmark).mean()),
        "landmark_lm": _rounded(np.abs(points - frames.landmark).mean() * 256),
        "pictures": len(private),
    }
    return row | _recognized(private, frames, person, judges)


_KEPT = ("detected", "verified", "confused", "matched", "rank1", "area")


def attack_rows(
    name: str, camera: Camera, restorer: Any, frames: Frames, person: NDArray[np.str_],
    judges: Sequence[Sight],
) -> list[dict[str, Any]]:  # fmt: skip
    """One row an attack on a camera: nothing, Wiener, Richardson-Lucy, the trained network."""
    from anonfaces.evaluate import psnr, ssim

    private = photograph(camera, frames.image)
    made = {"none": private, **_deconvolved(camera, private, frames.image)}
    made["network"] = np.clip(run_network(restorer, private), 0, 1)
    sharp = to_bytes(frames.image)
    rows = []
    for attack, images in made.items():
        row = {
            "camera": name, "attack": attack,
            "psnr": _rounded(psnr(sharp, to_bytes(images)).mean()),
            "ssim": _rounded(ssim(sharp, to_bytes(images)).mean(), 3),
        }  # fmt: skip
        rows.append(row | _recognized(images, frames, person, judges))
    return rows


def _recognized(
    images: Images, frames: Frames, person: NDArray[np.str_], judges: Sequence[Sight]
) -> dict[str, Any]:
    """Faces that dlib's detector finds in pictures, and what each judge makes of them."""
    from anonfaces.evaluate import face_geometry

    seen = face_geometry(to_bytes(images), "dlib").found
    row: dict[str, Any] = {"found": _rounded(seen.mean(), 4)}
    for judge in judges:
        found = recognition(judge, images, frames, person, seen).to_dict()
        row |= {f"{judge.name}_{key}": found[key] for key in _KEPT}
    return row


def restored_examples(camera: Camera, restorer: Any, images: Images) -> dict[str, Images]:
    """Pictures (n, s, s, 3): sharp, private, and what each attack makes of them."""
    private = photograph(camera, images)
    attacks = _deconvolved(camera, private, images)
    network = np.clip(run_network(restorer, private), 0, 1)
    return {"sharp": images, "private": private, **attacks, "network": network}


def _deconvolved(camera: Camera, private: Images, sharp: Images) -> dict[str, Images]:
    """By whoever knows the PSF; their settings are the best for the first pictures."""
    psf, gamma = np.asarray(camera.psf()), camera.sensor.gamma
    some, true = private[:_TUNED], sharp[:_TUNED]
    noise = min(NOISE_RATIOS, key=lambda n: _off(wiener(some, psf, n, gamma), true))
    steps = min((10, 30, 60), key=lambda n: _off(richardson_lucy(some, psf, n, gamma), true))
    return {
        "wiener": wiener(private, psf, noise, gamma),
        "richardson-lucy": richardson_lucy(private, psf, steps, gamma),
    }


def face_rows(
    sources: Images, results: Images, source: NDArray[np.integer], references: Images
) -> dict[str, Any]:
    """What drawn faces (m, s, s, 3) keep of ``sources`` (n, s, s, 3), in the published layout.

    ``source`` (m,) is the number of the original of each result. The Fréchet distance is that of
    dlib's vectors between results and ``references``, not FID.
    """
    from anonfaces.evaluate import face_geometry, geometry_kept

    row: dict[str, Any] = {}
    for detector in ("mtcnn", "dlib"):
        before = face_geometry(to_bytes(sources), detector)
        after = face_geometry(to_bytes(results), detector)
        kept = geometry_kept(before, after, source)
        row |= {f"{m} {detector}": _rounded(kept.mean(m), 3) for m in ("FD", "BB", "LM")}
        if detector == "dlib":
            row["BB dlib, as published"] = _rounded(kept.mean("BB published"), 3)
    return row | _identity(sources, results, source, references)


def _identity(
    sources: Images, results: Images, source: NDArray[np.integer], references: Images
) -> dict[str, Any]:
    from anonfaces.evaluate.distributions import frechet_distance
    from anonfaces.evaluate.recognition import recognize
    from encoders.embed import load_embedder

    embedder = load_embedder("dlib")
    a, b, c = (recognize(to_bytes(x), embedder) for x in (sources, results, references))
    apart = np.linalg.norm(a[source] - b, axis=1)
    known = apart[~np.isnan(apart)]
    beside = np.linalg.norm(b[1:] - b[:-1], axis=1)[source[1:] == source[:-1]]
    beside = beside[~np.isnan(beside)]
    clean = [x[~np.isnan(x[:, 0])].astype(np.float64) for x in (b, c)]
    enough = min(map(len, clean)) > 2
    return {
        "dlib distance to the source": _rounded(known.mean(), 3) if len(known) else None,
        "dlib distance of two styles": _rounded(beside.mean(), 3) if len(beside) else None,
        "dlib verifies the source": _rounded((known <= 0.6).sum() / len(results), 4),
        "Fréchet distance of dlib's vectors": (
            _rounded(frechet_distance(*clean), 4) if enough else None
        ),
    }


def _off(found: Images, true: Images) -> float:
    return float(np.square(found - true).mean())


def _rounded(value: Any, digits: int = 2) -> float:
    return round(float(value), digits)
