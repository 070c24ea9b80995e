"""Private pictures and styles to faces of nobody that stand as the faces behind the blur do."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, PrivacyWarning, UtilityWarning, WeightsError
from anonbase.notices import warn_user
from anonbase.text import pluralize
from anonfaces.optics.correction import STEPS, LandmarkCorrector
from anonfaces.optics.drawn_folder import drawn_folder, refuse_occupied
from anonfaces.optics.face_encoder import (
    build_face_encoder,
    generator,
    generator_spread,
    styles_of,
)  # fmt: skip
from anonfaces.optics.heatmaps import level_maps, maps_to_points
from anonfaces.optics.names import OutputNames
from anonfaces.optics.per_camera import run_network
from anonfaces.optics.pictures import aligned, pictures_in, save_picture, squared
from anonfaces.optics.place import fit, put_back, straighten
from anonfaces.optics.privacy import to_bytes
from anonfaces.optics.sharpness import detail, most_detail
from anonfaces.optics.store import REMEDY, load_camera, load_network, load_reader

__all__ = [
    "Deidentifier", "Drawn", "deidentify", "load_deidentifier", "reference_styles", "strip_of",
]  # fmt: skip

Images = NDArray[np.float32]
Styles = NDArray[np.float32]

_PART = 16
#: Faces of an interpolation strip.
_STRIP = 8
#: Names in a message.
_NAMED = 3
_REFERENCES = (
    "drawn faces take the look of the people in the references: they must be people who do not"
    " exist, or who agree"
)


@dataclass(frozen=True)
class Drawn:
    """What was made of private pictures (n, s, s, 3) in 0..1.

    ``face`` are the generator's, ``image`` those put back into the private pictures, ``maps``
    (n, s/4, s/4, 2) the heat maps, ``landmark`` (n, 68, 2) in sides of the private picture.
    """

    face: Images
    image: Images
    maps: Images
    landmark: NDArray[np.float32]


class Deidentifier:
    """Readers of landmarks, encoder into w, and generator: private pictures to faces.

    ``readers`` are the networks of private and of sharp pictures, ``mean`` the landmarks (68, 2)
    of the mean frame. ``corrections`` pictures are drawn of each face to bring its landmarks to
    those that were read. A private picture of more than ``most_detail`` looks sharp; see
    ``sharpness.most_detail``.
    """

    def __init__(
        self, readers: tuple[Any, Any], encoder: Any, mean: NDArray[np.floating],
        corrections: int = STEPS, most_detail: float = np.inf,
    ) -> None:  # fmt: skip
        self.reader, self.encoder, self.mean = readers[0], encoder, np.asarray(mean, np.float64)
        self.size = int(encoder.input_shape[0][1])
        self.corrections, self.most_detail = corrections, most_detail
        self._networks = (*readers, encoder)
        self._correct = LandmarkCorrector(readers[1], self.size)

    def __call__(self, private: Images, styles: Styles) -> Drawn:
        """Draw a face of each style (n, w_dim) where each private picture (n, s, s, 3) has one."""
        logits = run_network(self.reader, private)
        points = np.asarray(maps_to_points(logits))
        moves = fit(points, self.mean)
        upright = straighten(private, moves)
        wanted = (points - moves[:, None, 1:]) / moves[:, None, :1]
        face = self.faces(upright, styles, wanted)
        image = put_back(private, face, moves)
        return Drawn(face, image, np.asarray(level_maps(logits)), points)

    def digest(self) -> str:
        """SHA-256 of all that decides on a face beside the private picture and the style."""
        found = hashlib.sha256(f"{self.corrections} {self.mean.tolist()}".encode())
        for network in self._networks:
            for values in network.get_weights():
                found.update(np.ascontiguousarray(values).tobytes())
        return found.hexdigest()

    def faces(self, upright: Images, styles: Styles, points: NDArray[np.floating]) -> Images:
        """Faces in 0..1 of private pictures whose faces stand as the mean face does.

        ``points`` (n, 68, 2) is where their landmarks are, in sides of these pictures.
        """
        maps = np.asarray(level_maps(run_network(self.reader, upright)))
        mean, spread = generator_spread()
        style = (styles - mean) / spread
        parts = []
        for start in range(0, len(upright), _PART):
            some = slice(start, start + _PART)
            given = [upright[some], maps[some], style[some].astype(np.float32)]
            steps = np.asarray(self.encoder(given, training=False))
            latents = self._correct(style[some, None] + steps, points[some], self.corrections)
            w = latents * spread + mean
            parts.append(generator().pictures(w, batch=_PART))
        return (np.concatenate(parts) / 255).astype(np.float32)


def load_deidentifier(folder: Path | None = None, corrections: int = STEPS) -> Deidentifier:
    """The networks of a folder, by default those that ship.

    Raises
    ------
    WeightsError
        A file is missing, damaged, or was made for another generator.
    """
    from encoders import weights_file

    encoder, meta = load_network(folder, "faces", _build)
    mean = np.array(meta.get("mean_landmarks"), float)
    if mean.shape != (68, 2) or not np.isfinite(mean).all():
        raise WeightsError(f"faces.h5: it has no mean landmarks: {REMEDY} makes it")
    weights_file.check_generator(Path("faces.h5"), meta, generator(), REMEDY)
    readers = (load_reader(folder), load_reader(folder, "sharp"))
    return Deidentifier(readers, encoder, mean, corrections, most_detail(load_camera(folder)))


def reference_styles(source: Path) -> tuple[list[str], Styles]:
    """Names and styles of the faces of reference photographs, one a photograph.

    Raises
    ------
    InputError
        There is no face in any of them.

    Warns
    -----
    PrivacyWarning
        Always: the faces take their look.
    """
    warn_user(_REFERENCES, PrivacyWarning)
    names, frames = [], []
    for name, image in pictures_in(source):
        face = aligned(image, generator().config.resolution)
        if face is None:
            warn_user(f"{name}: no face was found in this reference", UtilityWarning)
            continue
        names.append(name)
        frames.append(face)
    if not names:
        raise InputError(f"{source}: no face was found in any reference")
    return names, styles_of(to_bytes(np.stack(frames)))


def deidentify(
    source: Path,
    output: Path,
    network: Deidentifier,
    styles: Styles,
    every: bool = False,
    seed: int = 0,
    strip: bool = False,
    bare: bool = False,
    rename: bool = False,
    overwrite: bool = False,
) -> Iterator[Path]:
    """Draw a face for every private picture in ``source`` (photographs, videos: frames out).

    Parameters
    ----------
    source, output : path
        Private pictures, and a folder for the results: one PNG each. It is there when all are
        drawn; what a stopped run has drawn is kept in a hidden folder beside it, and the same call
        goes on from that.
    network : Deidentifier
        What draws.
    styles : float32 (m, w_dim)
        Of references or of seeds. Each folder (a video's frames among them) gets one of them,
        drawn from ``seed`` and its name; photographs beside each other get one each.
    every : bool
        Each picture in each style, numbered.
    strip : bool
        Also a strip from the first style to the second for every picture.
    bare : bool
        The generator's face alone, not put back into the private picture.
    rename : bool
        Number the results, in an order that tells nobody's name; see `OutputNames`.
    overwrite : bool
        Replace what was drawn there for the same pictures before.

    Raises
    ------
    InputError
        There is no picture, or none can be read.
    OutputError
        The output cannot be one, or holds something.

    Warns
    -----
    PrivacyWarning
        Without ``rename``: names may be people's. Pictures look sharp.
    """
    from anonbase.output import resolve_output

    place = resolve_output(output, source if source.is_dir() else None)
    names = OutputNames(source, place, rename, seed)
    refuse_occupied(place, names, overwrite)
    style = _Styling(network, styles, every, seed, strip, bare)
    sharp: list[str] = []
    recipe = {**style.recipe(), "input": names.contents(), "rename": rename}
    with drawn_folder(place, recipe) as here:
        for name, picture in pictures_in(source, names=names):
            names.write_record()
            private = squared(picture, network.size)
            if detail(private) > network.most_detail:
                sharp.append(names.source(name))
            for file, draw in style.results(name, private[None]):
                if not (here / file).is_file():
                    save_picture(here, file, draw())
                yield place / file
    names.close_record(place)
    _tell_sharp(sharp)


@dataclass(frozen=True)
class _Styling:
    """How faces are drawn for a private picture; see ``deidentify``."""

    network: Deidentifier
    styles: Styles
    every: bool
    seed: int
    strip: bool
    bare: bool

    def recipe(self) -> dict[str, Any]:
        """All of it as JSON, so that a stopped run goes on with the same alone."""
        digest = hashlib.sha256(np.ascontiguousarray(self.styles, "<f4").tobytes()).hexdigest()
        chosen = {name: getattr(self, name) for name in ("every", "seed", "strip", "bare")}
        return {"networks": self.network.digest(), "styles": digest, **chosen}

    def results(self, name: str, private: Images) -> Iterator[tuple[str, Callable[[], Images]]]:
        """The files for a private picture (1, s, s, 3), each with what draws it."""
        stem, count = name.removesuffix(".png"), len(self.styles)
        for number in range(count) if self.every else [_style_of(name, count, self.seed)]:
            file = f"{stem}.{number:02d}.png" if self.every else f"{stem}.png"
            yield file, partial(self._face, private, number)
        if self.strip and count > 1:
            yield f"{stem}.strip.png", partial(strip_of, self.network, private, self.styles[:2])

    def _face(self, private: Images, number: int) -> Images:
        drawn = self.network(private, self.styles[number : number + 1])
        return drawn.face[0] if self.bare else drawn.image[0]


def _tell_sharp(sharp: list[str]) -> None:
    if sharp:
        more = ", …" if len(sharp) > _NAMED else ""
        warn_user(
            f"{pluralize(len(sharp), 'picture')} with detail that the mask does not let through,"
            " so sharp photographs perhaps: what is drawn may follow the real face there, and the"
            f" networks have learned on private pictures only: {', '.join(sharp[:_NAMED])}{more}",
            PrivacyWarning,
        )


def strip_of(network: Deidentifier, private: Images, ends: Styles, count: int = _STRIP) -> Images:
    """Faces of one private picture (1, s, s, 3) from one style to another, side by side."""
    share = np.linspace(0, 1, count, dtype=np.float32)[:, None]
    styles = ends[:1] * (1 - share) + ends[1:] * share
    drawn = network(np.repeat(private, count, axis=0), styles)
    return np.concatenate(list(drawn.image), axis=1)


def _style_of(name: str, count: int, seed: int) -> int:
    folder, _, file = name.rpartition("/")
    of = folder if file.startswith("frame_") else name
    return (zlib.crc32(of.encode()) ^ seed) % count


def _build(meta: dict[str, Any]) -> Any:
    size, width = int(meta["size"]), int(meta["width"])
    if not (16 <= size <= 256 and 8 <= width <= 128):
        raise ValueError(f"{size} pixels, width {width}")
    return build_face_encoder(size, width, generator().num_ws, generator().config.w_dim)
