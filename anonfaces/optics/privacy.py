"""Who is recognized in private pictures, or in what an attacker made of them.

The attacker knows where each face is: dlib's chip is cut by the square of the true place, FaceRes's
by the box of the true landmarks, so a detector that finds nothing protects nobody here. The
gallery holds the sharp pictures of the very same moment, which is harder to stand up to than
another photograph of the person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonfaces.optics.faces import Frames
from anonfaces.optics.recognition import network, resamplings

__all__ = ["Recognition", "Sight", "recognition", "sights", "to_bytes"]

Images = NDArray[np.float32]

_PART = 32
#: Share of pairs of different people that an attacker's own threshold takes for one.
_FALSE = 0.01
#: dlib's own threshold.
_DLIB = 0.6
#: The box that dlib's detector would draw is about so many times as wide as the landmarks.
_WIDER = 1.05


@dataclass(frozen=True, kw_only=True)
class Sight:
    """A recognizer that looks at frames where it is told to.

    ``vectors`` gives float32 (n, d) of pictures float32 (n, s, s, 3) in 0..1 and their frames.
    """

    name: str
    threshold: float
    vectors: Callable[[Images, Frames], NDArray[np.float32]]


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """How well pictures (n) lead to the sharp pictures of the same people.

    Attributes
    ----------
    judge : str
        The recognizer.
    pictures : int
        How many.
    verified : float
        Share that lies within the judge's threshold of its own sharp picture.
    confused : float
        Share of all other people's sharp pictures that lies within it: what chance gives. Where
        this is large, pictures look alike to the judge, and ``verified`` says nothing.
    matched : float
        Share that lies nearer to its own sharp picture than all but one in a hundred pairs of
        different people do: what a threshold gives that the attacker chose for these pictures.
    detected : float
        Share that the detector finds a face in *and* that is verified, as whoever has to find
        the faces first would do it; NaN where nobody looked for faces.
    rank1 : float
        Share whose own sharp picture is the nearest of all.
    area : float
        Area under the ROC of own against others' pictures; 0.5 is chance.
    """

    judge: str
    pictures: int
    verified: float
    confused: float
    matched: float
    detected: float
    rank1: float
    area: float

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, rounded."""
        return {k: round(v, 4) if isinstance(v, float) else v for k, v in asdict(self).items()}


def recognition(
    sight: Sight,
    images: Images,
    frames: Frames,
    person: NDArray[np.str_],
    found: NDArray[np.bool_] | None = None,
) -> Recognition:
    """Compare ``images`` (n, s, s, 3) with the sharp ones of ``frames``; ``person`` is (n,).

    ``found`` (n,) says in which of them a detector finds a face.
    """
    from sklearn.metrics import roc_auc_score

    seen, sharp = sight.vectors(images, frames), sight.vectors(frames.image, frames)
    apart = np.linalg.norm(seen[:, None] - sharp[None], axis=-1)
    other = person[:, None] != person[None]
    own = np.diag(apart)
    first = np.where(other, apart, np.inf).min(axis=1)
    labels = np.concatenate([np.ones(len(own)), np.zeros(int(other.sum()))])
    return Recognition(
        judge=sight.name,
        pictures=len(images),
        verified=float((own <= sight.threshold).mean()),
        confused=float((apart[other] <= sight.threshold).mean()),
        matched=float((own < np.quantile(apart[other], _FALSE)).mean()),
        detected=np.nan if found is None else float((found & (own <= sight.threshold)).mean()),
        rank1=float((own < first).mean()),
        area=float(roc_auc_score(labels, -np.concatenate([own, apart[other]]))),
    )


def sights() -> list[Sight]:
    """dlib's network, and FaceRes where the user's cache holds it (``evaluate --get faceres``)."""
    from anonfaces.evaluate.judges.judge import usual_judges

    found = [Sight(name="dlib", threshold=_DLIB, vectors=_dlib)]
    if "faceres" in usual_judges():
        from anonfaces.evaluate.judges.faceres import THRESHOLD, load_faceres

        judge = load_faceres()
        found.append(
            Sight(
                name="faceres",
                threshold=THRESHOLD,
                vectors=lambda images, frames: _by_box(judge, images, frames),
            )
        )
    return found


def to_bytes(images: Images) -> NDArray[np.uint8]:
    """Levels 0..1 as uint8."""
    return np.clip(np.rint(images * 255), 0, 255).astype(np.uint8)


def _dlib(images: Images, frames: Frames) -> NDArray[np.float32]:
    rows, columns = resamplings(frames, images.shape[1], len(images))
    found = [np.empty((0, 128), np.float32)]
    for start in range(0, len(images), _PART):
        some = slice(start, start + _PART)
        chips = np.einsum(
            "nai,nijc,nbj->nabc", rows[some], images[some] * 255, columns[some], optimize=True
        )
        found.append(network()(chips, training=False).numpy())
    return np.concatenate(found)


def _by_box(judge: Any, images: Images, frames: Frames) -> NDArray[np.float32]:
    import cv2

    from encoders.align import align

    chips = []
    for image, points in zip(to_bytes(images), frames.landmark, strict=True):
        large = cv2.resize(image, (256, 256), interpolation=cv2.INTER_CUBIC)
        box = _box(points * 256)
        chips.append(align(large, box, points * 256, judge.alignment, judge.chip_size))
    return judge(np.stack(chips))


def _box(points: NDArray[np.floating]) -> NDArray[np.int64]:
    """About the square that dlib's detector draws around landmarks (68, 2)."""
    low, high = points.min(axis=0), points.max(axis=0)
    middle, half = (low + high) / 2, (high - low).max() / 2 * _WIDER
    return np.rint(np.concatenate([middle - half, middle + half])).astype(np.int64)
