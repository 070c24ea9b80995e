"""One page of a run: figures, tables and sheets; it needs no network, script or other file."""

from __future__ import annotations

import base64
import io
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError
from anonbase.files import write_text
from anonfaces.optics import figures as draw
from anonfaces.optics import measure
from anonfaces.optics.deidentify import Deidentifier, load_deidentifier, strip_of
from anonfaces.optics.face_encoder import styles_of, styles_of_seeds
from anonfaces.optics.faces import FaceFrames, Frames
from anonfaces.optics.per_camera import RESTORE, load_own, photograph
from anonfaces.optics.privacy import to_bytes
from anonfaces.optics.store import check_run, load_camera
from anonfaces.optics.verdict import warn_if_exposed, warn_if_few

__all__ = ["colored", "draw_faces", "write_camera_figures", "write_report"]

Images = NDArray[np.float32]

#: Faces shown on a sheet.
_SHOWN = 8
#: Strips between two styles.
_STRIPS = 3


def write_report(
    held_out: FaceFrames, run: Path, page: Path, sources: int = 100, references: int = 10
) -> Path:
    """Draw, measure and write the page of a run.

    Parameters
    ----------
    held_out : FaceFrames
        Faces of people whom nothing of the run has seen.
    run : path
        The folder that ``train`` and ``attack`` wrote.
    page : path
        The file to write.
    sources, references : int
        How many faces are drawn for, and in how many styles each.

    Returns
    -------
    path
        The page.

    Raises
    ------
    InputError
        The folder is not one that ``train`` wrote, or the run was not measured yet.

    Warns
    -----
    PrivacyWarning
        An attack verifies so many that the camera does not hide people.
    UtilityWarning
        Faces are drawn for so few that rates say little.
    """
    from anonfaces.report.template import load_template

    check_run(run)
    path = run / "measured.json"
    if not path.is_file():
        raise InputError(f"{path} is missing: python -m anonfaces.optics attack {run} FACES")
    measured = json.loads(path.read_text(encoding="utf-8"))
    faces = draw_faces(held_out, run, sources, references)
    write_text(run / "faces.json", json.dumps(faces["rows"], indent=1, ensure_ascii=False))
    html = load_template("optics.html").render(
        measured=measured,
        judges=measured["judges"],
        figures=_figures(held_out, run, measured),
        sheets=faces["sheets"],
        attack_sheets=_attack_sheets(held_out, run, measured),
        rows=[*faces["rows"], *measure.PUBLISHED],
        seconds=faces["seconds"],
    )
    write_text(page, html)
    warn_if_exposed(measured)
    return page


def write_camera_figures(camera: Any, pictures: Path, folder: Path) -> None:
    """Figures of a camera, with private pictures of ``pictures`` as what is before it."""
    from anonfaces.optics.pictures import pictures_in, squared

    some = [
        squared(image, camera.config.size)
        for (_, image), _ in zip(pictures_in(pictures), range(4), strict=False)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    draw.save_figure(draw.camera_figure(camera, np.stack(some)), folder / "camera.png")
    draw.save_figure(draw.depth_figure(camera, some[0]), folder / "depth.png")


def draw_faces(held_out: FaceFrames, run: Path, sources: int, references: int) -> dict[str, Any]:
    """Faces of held-out people in the styles of others and of seeds: sheets, and what they keep."""
    camera, network = load_camera(run), load_deidentifier(run)
    frames, rows = measure.held_out_frames(held_out, network.size, sources)
    warn_if_few(len(rows))
    private = photograph(camera, frames.image)
    styles, pictures = _styles(held_out, rows, network.size)
    source = np.repeat(np.arange(len(rows)), references)
    rng = np.random.default_rng(0)
    found, seconds = [], 0.0
    sheets = []
    for name in ("reference", "latent"):
        of = rng.integers(len(styles[name]), size=len(source))
        started = time.monotonic()
        made = network(private[source], styles[name][of])
        seconds = (time.monotonic() - started) / max(len(source), 1)
        row = measure.face_rows(frames.image, made.image, source, pictures)
        found.append({"method": f"ours, {name}-guided, {network.size} px, LFW", **row})
        first = np.arange(min(_SHOWN, len(rows))) * references
        beside = pictures[of[first]] if name == "reference" else None
        sheets.append(_sheet(name, frames, private, made, source[first], first, beside))
    if len(styles["reference"]) > 1:
        sheets.append(_strips(network, private, styles["reference"]))
    return {"rows": found, "sheets": sheets, "seconds": round(seconds, 3)}


def _styles(
    held_out: FaceFrames, rows: NDArray[np.integer], size: int
) -> tuple[dict[str, NDArray[np.float32]], Images]:
    """Of held-out people who are no source where there are enough, and of seeds."""
    others = np.setdiff1d(np.arange(len(held_out)), rows)
    others = others if len(others) >= _SHOWN else np.arange(len(held_out))
    pictures = held_out.frames(others[:200], size).image
    both = {"reference": styles_of(to_bytes(pictures)), "latent": styles_of_seeds(range(200))}
    return both, pictures


def _sheet(
    name: str, frames: Frames, private: Images, made: Any, of: NDArray[np.integer],
    at: NDArray[np.integer], references: Images | None,
) -> dict[str, str]:  # fmt: skip
    lines = [frames.image[of], private[of], colored(made.maps[at], private.shape[1])]
    words = "sharp source, private picture, heat maps"
    if references is not None:
        lines.append(references)
        words += ", reference"
    lines += [made.face[at], made.image[at]]
    caption = f"{name}-guided; from above: {words}, drawn face, put back"
    return {"src": _data(draw.sheet(lines, 2)), "caption": caption}


def _strips(network: Deidentifier, private: Images, styles: Images) -> dict[str, str]:
    count = min(_STRIPS, len(private), len(styles) // 2)
    rows = [
        to_bytes(strip_of(network, private[i : i + 1], styles[2 * i : 2 * i + 2]))
        for i in range(count)
    ]
    caption = "one private picture a row, from one reference's style to another's"
    return {"src": _data(np.concatenate(rows)), "caption": caption}


def _attack_sheets(held_out: FaceFrames, run: Path, measured: dict[str, Any]) -> list[Any]:
    from anonfaces.optics.job import camera_of

    names = list(dict.fromkeys(row["camera"] for row in measured["attacks"]))
    sheets = []
    for name in names:
        camera = camera_of(run, name)
        frames, _ = measure.held_out_frames(held_out, camera.config.size, _SHOWN)
        restorer = load_own(RESTORE, run / "restorers", name)
        made = measure.restored_examples(camera, restorer, frames.image)
        caption = f"{name}; from above: {', '.join(made)}"
        sheets.append({"src": _data(draw.sheet(list(made.values()), 2)), "caption": caption})
    return sheets


def _figures(held_out: FaceFrames, run: Path, measured: dict[str, Any]) -> list[dict[str, str]]:
    camera = load_camera(run)
    frames, _ = measure.held_out_frames(held_out, camera.config.size, 4)
    made = [
        (draw.camera_figure(camera, frames.image),
         "the mask, its PSF (linear and in powers of ten), its MTF, and pictures before and after"),
        (draw.depth_figure(camera, frames.image[0]), "PSF and picture over the distance"),
        (draw.tradeoff_figure(measured["curve"], measured["judges"]),
         "error of landmarks against recognition; down and left is better"),
    ]  # fmt: skip
    for folder, caption in (("one", "stage one"), ("two", "stage two")):
        log = run / folder / "log.csv"
        if log.is_file():
            made.append((draw.log_figure(log), f"losses of {caption} over the steps"))
    return [{"src": _figure_data(figure), "caption": caption} for figure, caption in made]


def colored(maps: Images, size: int) -> Images:
    """Heat maps (n, s, s, 2) as pictures: the outline in red, the inner parts in green."""
    import cv2

    large = [cv2.resize(m, (size, size), interpolation=cv2.INTER_LINEAR) for m in maps]
    return np.stack([np.dstack([m, np.zeros_like(m[..., :1])]) for m in large])


def _data(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image

    memory = io.BytesIO()
    Image.fromarray(pixels).save(memory, "WEBP", quality=88, method=4)
    return "data:image/webp;base64," + base64.b64encode(memory.getvalue()).decode("ascii")


def _figure_data(figure: Any) -> str:
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=110)
    return "data:image/png;base64," + base64.b64encode(memory.getvalue()).decode("ascii")
