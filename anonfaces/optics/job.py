"""A whole run: the mask, networks that read landmarks, the encoder into faces, and the attacks.

A run is a folder: ``camera.h5``, ``reader.h5``, ``sharp.h5``, ``faces.h5`` and ``attack.h5`` are
what ``datasets/optics`` holds; the rest is state, logs and numbers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anonbase.errors import InputError
from anonbase.files import write_text
from anonbase.text import pluralize
from anonfaces.optics.baseline_spec import parse_baseline
from anonfaces.optics.baselines import FixedPsf, baseline
from anonfaces.optics.camera import Camera, CameraConfig
from anonfaces.optics.faces import FaceFrames, read_face_frames
from anonfaces.optics.loop import Report
from anonfaces.optics.per_camera import READ, RESTORE, Course, load_own, train_per_camera
from anonfaces.optics.sensor import Sensor
from anonfaces.optics.stage_one import StageOneConfig, Weights, train_stage_one
from anonfaces.optics.stage_two import StageTwoConfig, StageTwoWeights, train_stage_two
from anonfaces.optics.store import (
    check_run,
    load_camera,
    load_reader,
    save_camera,
    save_network,
)
from anonfaces.optics.verdict import check_people, enough_people, warn_if_few

__all__ = [
    "BESIDE", "Recipe", "attack_run", "camera_named", "camera_of", "cameras_of", "read_faces",
    "recipe", "split", "train_run",
]  # fmt: skip

#: Baselines beside the learned mask, each at strengths that leave about as much of the landmarks.
BESIDE = (
    "none", "defocus:1.5", "defocus:2", "low:7", "low:5", "binned:7", "binned:5", "box:21",
    "box:29",
)  # fmt: skip
#: Faces of the held-out people that cameras are measured on.
_MEASURED = 300


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that a run is told.

    ``beside`` are the baselines, ``NAME`` or ``NAME:STRENGTH``.
    """

    camera: CameraConfig = field(default_factory=CameraConfig)
    sensor: Sensor = field(default_factory=Sensor)
    one: StageOneConfig = field(default_factory=StageOneConfig)
    weights: Weights = field(default_factory=Weights)
    readers: Course = field(default_factory=Course)
    two: StageTwoConfig = field(default_factory=StageTwoConfig)
    two_weights: StageTwoWeights = field(default_factory=StageTwoWeights)
    restorers: Course = field(default_factory=lambda: Course(shared=400, own=250, width=24))
    beside: tuple[str, ...] = BESIDE


def recipe(
    *,
    size: int = 64,
    most_rms: float = 1.0,
    zernikes: int = 45,
    electrons: float = 10_000.0,
    read_noise: float = 0.005,
    warm: int = 80,
    joint: int = 500,
    settle: int = 150,
    own: int = 150,
    draw: int = 600,
    attack: int = 250,
    identity: float = 1.0,
    restored: float = 1.0,
    attacked: float = 1.0,
    seed: int = 0,
) -> Recipe:
    """A recipe by what the command line asks."""
    return Recipe(
        camera=CameraConfig(size=size, most_rms=most_rms, zernikes=zernikes),
        sensor=Sensor(full_well=electrons, read_noise=read_noise),
        one=StageOneConfig(warm=warm, joint=joint, settle=settle, seed=seed),
        weights=Weights(identity=identity, restored=restored, attacked=attacked),
        readers=Course(shared=4 * own, own=own, seed=seed),
        two=StageTwoConfig(steps=draw, seed=seed),
        restorers=Course(shared=2 * attack, own=attack, width=24, seed=seed),
    )


def camera_named(folder: Path | None, spec: str | None, distance: float | None) -> Camera:
    """The camera of a folder (None: that ships) or a baseline, ``distance`` meters away."""
    if distance is not None and not 0 < distance < math.inf:
        raise InputError(
            f"--distance {distance:g}: expected meters to the object, more than 0 and finite, as"
            " --distance 0.75; without it the object stands where the camera was made for"
        )
    if spec is not None:
        if folder is not None or distance is not None:
            raise InputError(
                f"--baseline {spec} is a camera of its own, at its own distance: leave out"
                " --camera and --distance"
            )
        return _baseline(spec, CameraConfig(), Sensor())
    changes: dict[str, Any] = {} if distance is None else {"distance": distance}
    return load_camera(folder, **changes)


def read_faces(sources: Sequence[Path], most: int | None = None) -> tuple[FaceFrames, FaceFrames]:
    """Faces to learn from, and those of people who are held out: one in twenty, by their names."""
    faces = read_face_frames(sources, most)
    return split(faces)


def split(faces: FaceFrames) -> tuple[FaceFrames, FaceFrames]:
    """Those to learn from, and those held out.

    Raises
    ------
    InputError
        Nobody is left on one of the sides.
    """
    from encoders.latent.faces import is_held_out

    out = np.array([is_held_out(name) for name in faces.name], bool)
    if out.all() or not out.any():
        people = len({name.rpartition("/")[0] or name for name in faces.name})
        raise InputError(
            f"of {len(faces)} faces of {pluralize(people, 'person', 'people')}"
            f" {'all' if out.all() else 'none'} are of people to measure by, where"
            f" {enough_people(1)}"
        )
    return faces.select(~out), faces.select(out)


def cameras_of(folder: Path, beside: Sequence[str]) -> dict[str, Camera]:
    """The camera of a run, named ``mask``, and baselines of the same size and sensor."""
    return {name: camera_of(folder, name) for name in ("mask", *beside)}


def camera_of(folder: Path, name: str) -> Camera:
    """One camera of a run: ``mask``, or a baseline ``NAME:STRENGTH``."""
    mask = load_camera(folder)
    return mask if name == "mask" else _baseline(name, mask.config, mask.sensor)


def _baseline(spec: str, config: CameraConfig, sensor: Sensor) -> Camera:
    return baseline(*parse_baseline(spec), config, sensor=sensor)


def train_run(
    faces: FaceFrames,
    folder: Path,
    plan: Recipe | None = None,
    report: Report | None = None,
    lab: Path | None = None,
    **facts: Any,
) -> None:
    """Train a mask and all networks of it into ``folder``; the same call goes on after a stop.

    ``lab`` is a folder of pairs from a real camera: its PSF takes the place of the learned mask.
    """
    plan = plan or Recipe()
    folder.mkdir(parents=True, exist_ok=True)
    network = None
    if lab is None:
        camera = Camera(plan.camera, sensor=plan.sensor, seed=plan.one.seed)
        network = train_stage_one(faces, camera, folder / "one", plan.one, plan.weights, report)
        save_camera(folder, camera, **facts)
    else:
        save_camera(folder, _measured(lab, plan), **facts)
    cameras = cameras_of(folder, plan.beside)
    readers = train_per_camera(
        READ, faces, cameras, folder / "readers", plan.readers, report, network
    )
    about = {"size": plan.camera.size, "width": plan.readers.width, **facts}
    if lab is not None:
        _fit_to_lab(readers["mask"], lab, plan)
    save_network(folder, "reader", readers["mask"], **about)
    save_network(folder, "sharp", readers["none"], **about)
    _faces(faces, folder, plan, report, facts)


def _faces(
    faces: FaceFrames, folder: Path, plan: Recipe, report: Report | None, facts: dict[str, Any]
) -> None:
    from anonfaces.optics.face_encoder import generator
    from encoders import weights_file

    readers = (load_reader(folder), load_reader(folder, "sharp"))
    camera = load_camera(folder)
    made = train_stage_two(
        faces, camera, readers, folder / "two", plan.two, plan.two_weights, report
    )
    some = faces.frames(np.arange(min(len(faces), 512)), 16).landmark.mean(axis=0)
    about = {
        "size": plan.camera.size, "width": plan.two.width,
        "mean_landmarks": np.round(some.astype(float), 4).tolist(),
        "generator": weights_file.digest(generator()), **facts,
    }  # fmt: skip
    save_network(folder, "faces", made, **about)


def attack_run(
    faces: FaceFrames,
    held_out: FaceFrames,
    folder: Path,
    plan: Recipe | None = None,
    report: Report | None = None,
) -> dict[str, Any]:
    """Measure every camera of a run, attack the mask and the baselines nearest to it, and keep it.

    Returns the numbers, which lie in ``folder/measured.json`` too.

    Raises
    ------
    InputError
        The folder is not one that ``train`` wrote, or fewer than two people are held out.

    Warns
    -----
    UtilityWarning
        The pictures are so few that rates say little.
    """
    from anonfaces.optics import measure
    from anonfaces.optics.privacy import sights

    check_run(folder)
    plan = plan or Recipe()
    size = load_camera(folder).config.size
    frames, rows = measure.held_out_frames(held_out, size, _MEASURED)
    person = measure.people_of(held_out, rows)
    check_people(person)
    warn_if_few(len(rows))
    judges = sights()
    cameras = cameras_of(folder, plan.beside)
    curve = [
        measure.camera_row(
            name, camera, load_own(READ, folder / "readers", name), frames, person, judges
        )
        for name, camera in cameras.items()
    ]
    chosen = _nearest(curve)
    restorers = train_per_camera(
        RESTORE, faces, {name: cameras[name] for name in chosen}, folder / "restorers",
        plan.restorers, report,
    )  # fmt: skip
    attacks = [
        row
        for name in chosen
        for row in measure.attack_rows(name, cameras[name], restorers[name], frames, person, judges)
    ]
    save_network(folder, "attack", restorers["mask"], size=size, width=plan.restorers.width)
    found = {
        "judges": [judge.name for judge in judges], "people": len(set(person)),
        "curve": curve, "attacks": attacks,
    }  # fmt: skip
    write_text(folder / "measured.json", json.dumps(found, indent=1))
    return found


def _nearest(curve: Sequence[dict[str, Any]]) -> list[str]:
    """The mask, and of each family of baselines the one whose landmarks are off most alike."""
    mask = next(row for row in curve if row["camera"] == "mask")
    chosen = ["mask"]
    for family in ("defocus", "low", "binned", "box"):
        of = [row for row in curve if row["camera"].startswith(f"{family}:")]
        if of:
            off = min(of, key=lambda row: abs(row["landmark_px"] - mask["landmark_px"]))
            chosen.append(off["camera"])
    return chosen


def _measured(lab: Path, plan: Recipe) -> Camera:
    from anonfaces.optics.lab import estimate_psf, read_pairs

    return FixedPsf(estimate_psf(read_pairs(lab, plan.camera.size)), plan.camera, plan.sensor)


def _fit_to_lab(reader: Any, lab: Path, plan: Recipe) -> None:
    from anonfaces.optics.lab import fit_reader, read_pairs

    fit_reader(reader, read_pairs(lab, plan.camera.size), plan.readers.own)
