"""Frames of a video in and out: upright RGB, with their times; PyAV (FFmpeg) does the rest."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import InputError, OutputError
from anonfaces.anonymize.video.truncation import lacks_bytes

__all__ = ["Frame", "Writer", "check_sound", "frames", "joined", "opened"]

Pixels = NDArray[np.uint8]

#: FFmpeg's reader by extension; all others are read as MOV, which MP4 is.
_READERS = {".mkv": "matroska", ".webm": "matroska", ".avi": "avi"}
_H264 = ("libx264", {"crf": "18", "preset": "veryfast", "bf": "0"})
_VP9 = ("libvpx-vp9", {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "5"})
_MISSING, _LATE = 0.02, 0.5
_BT709, _NARROW = 1, 1
_ANY = 2**62
_TICK = Fraction(1, 90000)


@dataclass(frozen=True)
class Frame:
    """One frame: its number in the part that was asked for, its time in seconds, its pixels."""

    number: int
    time: Fraction
    image: Pixels


@contextmanager
def opened(path: Path, max_pixels: int) -> Iterator[Any]:
    """The container of a video with a picture in it.

    Raises InputError where it cannot be opened, has no video, or is larger than ``max_pixels``.
    """
    with _describe(path):
        import av

        # The name alone decides how it is read: a playlist in disguise would fetch from anywhere.
        kind = _READERS.get(path.suffix.lower(), "mov")
        only = {"protocol_whitelist": "file"}
        with av.open(str(path.resolve()), format=kind, options=only) as container:
            if not container.streams.video:
                raise InputError(f"{path}: there is no picture in it")
            context = container.streams.video[0].codec_context
            if context.width * context.height > max_pixels:
                raise InputError(
                    f"{path}: {context.width} x {context.height} pixels, at most {max_pixels}"
                    " are decoded (--max-pixels)"
                )
            yield container


def frames(
    path: Path,
    max_pixels: int,
    start: float | None = None,
    end: float | None = None,
    first: int = 0,
    since: Fraction | None = None,
) -> Iterator[Frame]:
    """The frames from ``start`` to ``end`` seconds, upright by the display matrix.

    To go on at a frame that is known, give its number ``first`` and its time ``since``: decoding
    starts at the key frame before it.

    Raises InputError where the file is damaged, ends before it says, or holds no such frame.
    """
    with opened(path, max_pixels) as container, _describe(path):
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        origin = _seconds(stream.start_time or 0, stream.time_base)
        if end is None and lacks_bytes(path):  # before hours of work on what is there
            raise _truncated(path, _last_packet(path, max_pixels) - origin)
        begin = since if since is not None else Fraction(start or 0).limit_denominator(10**6)
        if begin > 0:
            container.seek(int((origin + begin) / stream.time_base), stream=stream)
        number, at, seen = first, Fraction(-1), 0
        for decoded in container.decode(stream):
            seen += 1
            at = _time(decoded, stream, at) - origin
            if end is not None and at >= end:
                return
            if at >= begin:
                yield Frame(number, at, _upright(decoded))
                number += 1
        if number == first and since is None:
            raise InputError(f"{path}: no frame to be decoded{_from(start)}")
        _refuse_truncated(path, container, stream, at, seen if begin <= 0 else None)


class Writer:
    """One piece of video: H.264, or VP9 for WebM; times count from the piece's first frame."""

    def __init__(self, path: Path, suffix: str, rate: Fraction) -> None:
        self._path, self._rate = path, rate
        self._codec = _VP9 if suffix == ".webm" else _H264
        self._container: Any = None
        self._stream: Any = None
        self._begin = Fraction(0)

    def add(self, frame: Frame) -> None:
        """Append a frame; a side of odd length grows by its last row or column."""
        import av

        height, width = frame.image.shape[:2]
        even = np.pad(frame.image, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
        if self._container is None:
            self._open(even.shape, frame.time)
        rgb = av.VideoFrame.from_ndarray(even, format="rgb24")
        output = rgb.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=_NARROW)
        output.time_base = _TICK
        output.pts = round((frame.time - self._begin) / _TICK)
        self._container.mux(self._stream.encode(output))

    def close(self) -> None:
        """Write what is left."""
        if self._container is not None:
            self._container.mux(self._stream.encode(None))
            self._container.close()

    def _open(self, shape: tuple[int, ...], begin: Fraction) -> None:
        import av

        codec, options = self._codec
        self._begin = begin
        self._container = av.open(str(self._path), "w", format="mp4")
        self._stream = self._container.add_stream(codec, rate=self._rate, options=options)
        self._stream.height, self._stream.width = shape[:2]
        self._stream.pix_fmt = "yuv420p"
        self._stream.time_base = _TICK
        context = self._stream.codec_context
        context.time_base = _TICK
        context.colorspace, context.color_range = _BT709, _NARROW


def joined(
    pieces: list[tuple[Path, Fraction]], target: Path, sound: Path | None, span: tuple[float, float]
) -> None:
    """Pieces, each with the time at which it begins, joined into ``target`` as they are encoded.

    ``sound`` is a video whose sound from ``span[0]`` to ``span[1]`` seconds is copied. Titles,
    places, dates, subtitles and chapters are not.
    """
    import av

    first = pieces[0][1]
    with _describe(target, OutputError), av.open(str(target), "w") as output:
        with av.open(str(pieces[0][0])) as piece:
            stream = output.add_stream_from_template(piece.streams.video[0])
        stream.metadata.clear()
        if sound is not None:
            with opened(sound, _ANY) as source:
                voice = output.add_stream_from_template(source.streams.audio[0])
                voice.metadata.clear()
        for path, begin in pieces:
            with av.open(str(path)) as piece:
                _copy(piece.streams.video[0], piece, stream, output, begin - first, None)
        if sound is not None:
            with opened(sound, _ANY) as source:
                _copy(source.streams.audio[0], source, voice, output, -first, span)


def check_sound(source: Path, suffix: str) -> bool:
    """Whether a video has sound; InputError where it cannot be copied to a file ``suffix``."""
    import av

    with opened(source, _ANY) as container, tempfile.TemporaryDirectory() as folder:
        if not container.streams.audio:
            return False
        sound = container.streams.audio[0]
        try:
            with av.open(str(Path(folder) / f"a{suffix}"), "w") as output:
                output.add_stream_from_template(sound)
        except ValueError as error:
            message = f"{source}: its sound cannot be copied ({error}): --audio drop"
            raise InputError(message) from error
        return True


def _copy(
    source: Any,
    container: Any,
    target: Any,
    output: Any,
    shift: Fraction,
    span: tuple[float, float] | None,
) -> None:
    ticks = round(shift / source.time_base)
    for packet in container.demux(source):
        if packet.dts is None or packet.pts is None:
            continue
        at = float(packet.pts * source.time_base)
        if span is not None and not span[0] <= at < span[1]:
            continue
        packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
        packet.stream = target
        output.mux(packet)


@contextmanager
def _describe(
    path: Path, kind: type[InputError] | type[OutputError] = InputError
) -> Iterator[None]:
    """Whatever FFmpeg says of a damaged file is one clear error."""
    import av

    try:
        yield
    except av.error.FFmpegError as error:
        raise kind(
            f"{path}: the video is damaged or of a kind that is not read ({error})"
        ) from error


def _seconds(ticks: int, base: Fraction) -> Fraction:
    return Fraction(ticks) * base


def _time(decoded: Any, stream: Any, before: Fraction) -> Fraction:
    if decoded.pts is None:
        return before + 1 / Fraction(stream.average_rate or 25)
    return _seconds(decoded.pts, decoded.time_base)


def _upright(decoded: Any) -> Pixels:
    image = decoded.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(image, round(decoded.rotation / 90)))


def _from(start: float | None) -> str:
    return f" from second {start:g} on" if start else ""


def _refuse_truncated(
    path: Path, container: Any, stream: Any, last: Fraction, seen: int | None
) -> None:
    """A file that ends before it says it does was cut off, and its end would be missing."""
    promised = stream.frames
    short = seen is not None and promised and seen < promised * (1 - _MISSING) - 1
    length = (container.duration or 0) / 10**6
    if stream.duration:
        length = float(stream.duration * stream.time_base)
    if lacks_bytes(path) or short or (length and float(last) < length * (1 - _MISSING) - _LATE):
        raise _truncated(path, last)


def _truncated(path: Path, last: Fraction) -> InputError:
    return InputError(
        f"{path}: it ends at about second {max(float(last), 0.0):.1f}, before its own end:"
        " the file is truncated; --end takes the part before"
    )


def _last_packet(path: Path, max_pixels: int) -> Fraction:
    """Seconds at which the last picture lies that is in the file; none is decoded."""
    with opened(path, max_pixels) as container:
        stream = container.streams.video[0]
        times = (packet.pts for packet in container.demux(stream) if packet.pts is not None)
        return _seconds(max(times, default=0), stream.time_base)
