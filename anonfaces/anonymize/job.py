"""One call for photographs, folders and videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonfaces.anonymize.options import AnonymizationOptions

if TYPE_CHECKING:
    from anonfaces.anonymize.photographs import AnonymizationResult

__all__ = ["anonymize"]


def anonymize(source: Path | str, output: Path | str, **options: Any) -> AnonymizationResult:
    """Write ``source`` to the folder ``output``, every face that is found replaced or covered.

    ``output`` will hold pictures and nothing else; what was found and done to it is written
    beside it as ``OUTPUT.detections.json``, which names the originals and is not to be given
    away. Pictures in which no face was found are not written, for one may have been missed.

    Args:
        source: a photograph, a folder of photographs, or a video (MP4, MOV, WebM, MKV).
        output: a folder to make, outside of ``source``.
        options: those of ``AnonymizationOptions``:
            ``surrogate``: "fresh" (nobody's face, of about the perceived age and gender of the
            one before, which are kept on purpose), "group" (one for at least ``k`` people,
            made by ``method`` of ``anonfaces.synthesize``), "inpaint" (a face that suits the
            border of the hole, the best of ``latents``; the way there as GIFs in the folder
            ``steps``), "solid", "mosaic", "blur";
            ``seed``: the same seed gives the same pictures;
            ``generator``: a checkpoint to take faces from, default the one that ships;
            ``keep``: reference photographs of people who stay as they are;
            ``keep_faceless``: write pictures in which no face was found, too;
            ``rename``: random names, since a name may identify;
            ``overwrite``: replace what an earlier run wrote there;
            ``detector``, ``threshold``: what looks for faces, and how sure it must be; as in
            ``encoders.detect.load_detector``, on the safe side by default;
            ``scale``: size of a cover in sizes of the head;
            ``start``, ``end``: the part of a video, in seconds;
            ``audio``: "drop", or "copy": a voice identifies;
            ``progress``, ``max_pixels``: as everywhere.

    Raises:
        GuaranteeError: "group", and there are fewer than k people.
        InputError: an option is none, the input cannot be read, or nothing was written.
        OutputError: the output is occupied or cannot be written.
        WeightsError: the generator or a recogniser cannot be loaded.

    Warns:
        PrivacyWarning: an option weakens the promise.
    """
    from anonfaces.anonymize.video.frames import SUFFIXES

    chosen = AnonymizationOptions(**options)
    chosen.warn()
    if Path(source).suffix.lower() in SUFFIXES and not Path(source).is_dir():
        from anonfaces.anonymize.video.job import anonymize_video

        return anonymize_video(Path(source), Path(output), chosen)
    from anonfaces.anonymize.photographs import anonymize_photographs

    return anonymize_photographs(Path(source), Path(output), chosen)
