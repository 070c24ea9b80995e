"""``python -m benchmarks.hiding --faces released.h5 --gallery others.h5``

How well the owner's key hides mean latents from whoever runs our encoder, by the share that is kept
(1 is the mean itself, without a key), on groups of people with one photograph each
(``benchmarks.sets``). The surrogates are those of ``stylegan``: drawn, enlarged as they are
released, reduced, and encoded again, without looking for a face in them. What it costs is beside
it: how far the perceived age of surrogates lies from the means of their groups, and how often
perceived gender is kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anonfaces.synthesize.hiding import CANDIDATES
from benchmarks.outsiders import KEY, subject_of
from benchmarks.tables import print_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from anonfaces.evaluate.subject import Subject

HEAD = ("k", "kept", "attack", "reaches", "95 %", "without the release", "wrong release", "chance")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[2])
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--gallery", type=Path)
    parser.add_argument("--k", type=int, nargs="+", default=[2, 5, 10])
    parser.add_argument("--kept", type=float, nargs="+", default=[1.0, 0.7, 0.5, 0.3])
    parser.add_argument("--candidates", type=int, default=CANDIDATES, help="faces drawn a group")
    asked = parser.parse_args()
    import stylegan
    from anonfaces import group
    from anonfaces.evaluate.subject import read_faces
    from encoders.latent import load_latent_encoder

    generator = stylegan.load()
    encoder = load_latent_encoder(generator)
    faces = read_faces(asked.faces)
    very = _encoded(encoder, faces)
    other = None
    if asked.gallery is not None:
        gallery = read_faces(asked.gallery)
        other = _encoded(encoder, gallery), gallery.identity
    rows = []
    for k in asked.k:
        labels = group(faces.embedding, k, faces.identity, effort="fast").labels
        subject = subject_of(faces, labels, k, "stylegan", ())
        for kept in asked.kept:
            pictures = _drawn(encoder, generator, subject, very, kept, asked.candidates)
            rows += _attacked(encoder, subject, very, other, pictures, kept)
            _tell(subject, kept, pictures, rows)
    print()
    print_table(HEAD, rows)


def _encoded(encoder: Any, faces: Any) -> NDArray[np.float32]:
    return np.concatenate([
        encoder(faces.chips(np.arange(start, min(start + 256, len(faces)))))
        for start in range(0, len(faces), 256)
    ])  # fmt: skip


def _drawn(
    encoder: Any,
    generator: Any,
    subject: Subject,
    very: NDArray[np.float32],
    kept: float,
    candidates: int,
) -> NDArray[np.uint8]:
    from anonfaces.synthesize.generator.latents import GroupLatents
    from anonfaces.synthesize.hiding import KEYED_PSI, Hiding

    groups = [
        GroupLatents(latent=very[subject.labels == g], key=f"group {g}".encode())
        for g in range(int(subject.labels.max()) + 1)
    ]
    means = np.stack([group.latent.mean(axis=0) for group in groups])
    framing = encoder.framing
    w = means
    if kept != 1:  # as ``GeneratorSurrogate.hidden``
        mean = generator.values()["mapping.w_avg"]
        moved = Hiding(generator, KEY, framing, kept, candidates)(means, groups)
        w = mean + KEYED_PSI * (moved - mean)
    return generator.pictures(w.astype(np.float32), batch=32)


def _attacked(
    encoder: Any,
    subject: Subject,
    very: NDArray[np.float32],
    other: tuple[NDArray[np.float32], NDArray] | None,
    pictures: NDArray[np.uint8],
    kept: float,
) -> list[tuple[object, ...]]:
    from anonfaces.evaluate.attacks.linkage import find_group, find_last_member
    from anonfaces.evaluate.attacks.spaces import Space, of_people
    from encoders.detect.pool import enlarged

    released = np.stack([_reduced(enlarged(p, 256), encoder.side) for p in pictures])
    flat = [x.reshape(len(x), -1) for x in (encoder.encode_framed(released), very)]
    own = of_people(flat[1], subject.identity, subject.name)
    beside = None
    if other is not None:
        beside = of_people(other[0].reshape(len(other[0]), -1), other[1], subject.name)
    space = Space("latents", True, flat[0].astype(np.float64), own, beside)
    found = find_group(space, subject.group) + find_last_member(space, subject.group)
    return [
        (
            *(subject.k, f"{kept:g}", one.attack, float(one.main["rate"])),
            f"{one.main['low']:.3f} to {one.main['high']:.3f}",
            *(float(one.baseline["rate"]), float(one.control["rate"])),
            float(one.chance or 0),
        )
        for one in found
    ]


def _reduced(picture: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    import cv2

    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def _tell(
    subject: Subject, kept: float, pictures: NDArray[np.uint8], rows: list[tuple[object, ...]]
) -> None:
    """What is measured so far, as it is measured: a line of what is kept, and the last attacks."""
    import stylegan
    from anonfaces.evaluate.utility import looks_of
    from encoders.attributes import load_attributes
    from encoders.latent import load_latent_encoder

    framing = load_latent_encoder(stylegan.load()).framing
    seen = load_attributes()(pictures, framing)
    looks = looks_of(subject.faces)
    count = np.bincount(subject.labels)
    age, female = (np.bincount(subject.labels, looks[:, c]) / count for c in (0, 1))
    off = np.abs(seen["age"] - age).mean()
    gender = ((seen["female"] >= 0.5) == (female >= 0.5)).mean()
    print(f"k {subject.k}, kept {kept:g}: age {off:.1f} years off, gender kept {gender:.3f}")
    for row in rows[-4:]:
        print("   ", *row[2:], flush=True)


if __name__ == "__main__":
    main()
