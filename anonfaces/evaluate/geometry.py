"""FD, BB and LM: is a face found in a result, and do its box and its landmarks lie as they did?

The measures of J. Lopez, C. Hinojosa, H. Arguello, B. Ghanem, "Privacy-preserving optics for
enhancing protection in face de-identification", CVPR 2024, by dlib and by MTCNN, in pixels of
pictures of 256 px.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonfaces.evaluate.detection import SIZE, check_picture
from anonfaces.evaluate.intervals import Interval, bootstrap, wilson

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FaceGeometry", "GeometryKept", "face_geometry", "geometry_kept"]

Pixels = NDArray[np.uint8]
#: Boxes (m, 4), left top right bottom, and landmarks of the nearest to the middle, or none.
_Found = tuple[NDArray[np.float64], Callable[[int], NDArray[np.float64]]]

#: Landmarks that each detector's pictures are compared by.
LANDMARKS = {"dlib": 68, "mtcnn": 5}


@dataclass(frozen=True, kw_only=True)
class FaceGeometry:
    """Where a detector sees the faces of n pictures.

    Attributes
    ----------
    detector : str
        "dlib" or "mtcnn".
    box : float64 (n, 4)
        Left, top, right and bottom in pixels, NaN where no face was found.
    landmark : float64 (n, 68, 2) of dlib, (n, 5, 2) of MTCNN
        In pixels, NaN where no face was found.
    """

    detector: str
    box: NDArray[np.float64]
    landmark: NDArray[np.float64]

    @property
    def found(self) -> NDArray[np.bool_]:
        """In which pictures there is a face, bool (n,)."""
        return ~np.isnan(self.box[:, 0])

    def __repr__(self) -> str:
        return f"FaceGeometry({self.detector}, {self.found.sum():,} of {len(self.box):,} faces)"


@dataclass(frozen=True, kw_only=True)
class GeometryKept:
    """How results lie against their originals, pair by pair; NaN where a face was not found.

    Attributes
    ----------
    detector : str
        "dlib" or "mtcnn".
    found : bool (n,)
        In which results there is a face.
    box : float64 (n,)
        Distance of the centers of both boxes, in pixels.
    published_box : float64 (n,) or None
        The same as the paper's own column for dlib has it; None for MTCNN, where both agree.
    landmark : float64 (n,)
        Mean absolute difference of all x and y of the landmarks, in pixels.
    source : int64 (n,)
        Which original each result is of: those of one are no independent trials.
    """

    detector: str
    found: NDArray[np.bool_]
    box: NDArray[np.float64]
    published_box: NDArray[np.float64] | None
    landmark: NDArray[np.float64]
    source: NDArray[np.int64]

    def __repr__(self) -> str:
        fd, bb, lm = (self.mean(name) for name in ("FD", "BB", "LM"))
        return f"GeometryKept({self.detector}, FD {fd:.3f}, BB {bb:.2f} px, LM {lm:.2f} px)"

    @property
    def pairs(self) -> int:
        """Pairs of which both faces were found: those that BB and LM are the means of."""
        return int((~np.isnan(self.box)).sum())

    def mean(self, measure: str) -> float:
        """``measure`` is "FD", "BB", "BB published" or "LM"; NaN where nothing was found."""
        values = self._values(measure)
        known = values[~np.isnan(values)]
        return float(known.mean()) if len(known) else float("nan")

    def interval(self, measure: str, confidence: float = 0.95) -> Interval:
        """Of ``mean``: Wilson's for FD of as many originals, the bootstrap over originals else."""
        values = self._values(measure)
        if measure == "FD" and len(np.unique(self.source)) == len(values):
            return wilson(float(values.mean()), len(values), confidence)
        return bootstrap(values, self.source, confidence)

    def to_pandas(self) -> pd.DataFrame:
        """One row a measure: its mean, the ends of its 95 % interval, and of how many pairs."""
        import pandas as pd

        rows = []
        for measure in ("FD", "BB", "BB published", "LM"):
            if measure == "BB published" and self.published_box is None:
                continue
            n = len(self.found) if measure == "FD" else self.pairs
            rows.append((self.detector, measure, self.mean(measure), *self.interval(measure), n))
        return pd.DataFrame(rows, columns=["detector", "measure", "mean", "low", "high", "n"])

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON, by measure; None for what is not known."""
        rows = self.to_pandas().set_index("measure").drop(columns="detector").T.to_dict()
        return {
            str(measure): {name: _plain(value) for name, value in row.items()}
            for measure, row in rows.items()
        }

    def _values(self, measure: str) -> NDArray[np.float64]:
        known = {"FD": self.found.astype(np.float64), "BB": self.box, "LM": self.landmark}
        if self.published_box is not None:
            known["BB published"] = self.published_box
        if measure not in known:
            raise InputError(f"measure {measure!r}: expected one of {', '.join(known)}")
        return known[measure]


def face_geometry(
    pictures: Iterable[Pixels], detector: str = "dlib", size: int = SIZE
) -> FaceGeometry:
    """Find the face of each picture, its box and its landmarks.

    Parameters
    ----------
    pictures : iterable of uint8 (s, s, 3)
        RGB; brought to ``size`` first, so that pixels mean the same for all.
    detector : str
        "dlib" (HOG, not doubled, and 68 landmarks) or "mtcnn" (5 points, rounded to whole pixels as
        the paper's code has them). Of several faces the one nearest to the middle is taken; the
        paper's code takes dlib's last and MTCNN's first, which may be a bystander.
    size : int
        Side in pixels.

    Returns
    -------
    FaceGeometry

    Raises
    ------
    InputError
        For another detector, or what is no picture.
    """
    from encoders.detect.pool import enlarged

    if detector not in LANDMARKS:
        raise InputError(f"detector {detector!r}: expected one of {', '.join(LANDMARKS)}")
    look = _by_dlib if detector == "dlib" else _by_mtcnn
    boxes, points = [], []
    for picture in pictures:
        box, landmark = _nearest(look(enlarged(check_picture(picture), size)), size, detector)
        boxes.append(box)
        points.append(landmark)
    shape = (-1, LANDMARKS[detector], 2)
    return FaceGeometry(
        detector=detector,
        box=np.array(boxes, np.float64).reshape(-1, 4),
        landmark=np.array(points, np.float64).reshape(shape),
    )


def geometry_kept(
    originals: FaceGeometry, results: FaceGeometry, source: NDArray[np.integer] | None = None
) -> GeometryKept:
    """FD, BB and LM of ``results`` against ``originals``.

    Parameters
    ----------
    originals, results : FaceGeometry
        By the same detector, at the same size.
    source : int (n,), optional
        The original of each result; by default the results are in the order of the originals.

    Returns
    -------
    GeometryKept
        FD counts every result; BB and LM those pairs of which both faces were found, since there is
        no distance to what is not there. So read them beside FD.

    Notes
    -----
    The paper's code stores dlib's boxes as left, top, width, height and averages them as if they
    were corners. "BB published" is that, for comparison with its table; "BB" is the true center.
    dlib's boxes come in steps: around a face of 110 px they are 10 px apart, so that a shift of
    8 px may leave BB at 0.

    Examples
    --------
    >>> import numpy as np
    >>> from anonfaces.evaluate import FaceGeometry, geometry_kept
    >>> point = np.zeros((1, 5, 2))
    >>> a = FaceGeometry(detector="mtcnn", box=np.array([[0.0, 0, 8, 8]]), landmark=point)
    >>> b = FaceGeometry(detector="mtcnn", box=np.array([[3.0, 4, 11, 12]]), landmark=point + 1)
    >>> geometry_kept(a, b)
    GeometryKept(mtcnn, FD 1.000, BB 5.00 px, LM 1.00 px)
    """
    if originals.detector != results.detector:
        raise InputError("originals and results are to be looked at by the same detector")
    of = np.arange(len(results.box)) if source is None else np.asarray(source, np.int64)
    if of.shape != (len(results.box),) or (
        len(of) and not 0 <= of.min() <= of.max() < len(originals.box)
    ):
        raise InputError(
            f"expected the number of an original for each of {len(results.box)} results"
        )
    before, after = originals.box[of], results.box
    published = None
    if results.detector == "dlib":
        published = _apart(_published_center(before), _published_center(after))
    off = np.abs(originals.landmark[of] - results.landmark)
    return GeometryKept(
        detector=results.detector,
        found=results.found,
        box=_apart(_center(before), _center(after)),
        published_box=published,
        landmark=off.mean(axis=(1, 2)),
        source=of,
    )


def _center(box: NDArray[np.float64]) -> NDArray[np.float64]:
    return (box[:, :2] + box[:, 2:]) / 2


def _published_center(box: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left and width, top and height averaged, as if they were corners."""
    return (box[:, :2] + (box[:, 2:] - box[:, :2])) / 2


def _apart(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.sqrt(np.square(a - b).sum(axis=1))


def _nearest(found: _Found, size: int, detector: str) -> tuple[Any, Any]:
    """Box and landmarks of the face nearest to the middle, NaN without one."""
    boxes, landmarks_of = found
    if not len(boxes):
        return np.full(4, np.nan), np.full((LANDMARKS[detector], 2), np.nan)
    middle = np.full((len(boxes), 2), size / 2)
    first = int(_apart(_center(boxes), middle).argmin())
    return boxes[first], landmarks_of(first)


def _by_dlib(image: Pixels) -> _Found:
    from encoders.align import find_landmarks

    boxes = _detector("hog", 0)(image)
    return boxes.astype(np.float64), lambda i: find_landmarks(image, boxes[i]).astype(np.float64)


def _by_mtcnn(image: Pixels) -> _Found:
    boxes, points = _detector("mtcnn", 0).boxes_and_points(image)
    return boxes, lambda i: np.rint(points[i])


@cache
def _detector(name: str, upsample: int) -> Any:
    from encoders.detect import load_detector

    return load_detector(name, upsample)


def _plain(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
