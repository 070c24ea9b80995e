"""One call for photographs, folders and videos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anonbase.errors import InputError
from anonfaces.anonymize.options import AnonymizationOptions
from encoders.photographs.path_escape import unescape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from anonfaces.anonymize.detection import FaceAnalyzer
    from anonfaces.anonymize.inputs import Inputs
    from anonfaces.anonymize.result import AnonymizationResult
    from anonfaces.anonymize.workplace import Place

__all__ = ["anonymize"]


def anonymize(source: Path | str, output: Path | str, **options: Any) -> AnonymizationResult:
    """Write ``source`` to the folder ``output``, every face that is found replaced or covered.

    ``output`` will hold pictures and nothing else; what was found and done to it is written
    beside it as ``OUTPUT.detections.json`` and shown on the page ``OUTPUT.review.html``, which
    name and show the originals and are not to be given away.
    Pictures in which no face was found are not written, for one may have been missed.

    Args:
        source: a photograph, a video (MP4, MOV, WebM, MKV, AVI), or a folder of these. Of a
            picture that holds several, as a GIF, the first is done and the rest are listed.
        output: a folder to make, outside of ``source``.
        options: those of ``AnonymizationOptions``:
            ``surrogate``: "fresh" (nobody's face, of about the perceived age and gender of the
            one before, which are kept on purpose), "group" (one for at least ``k`` people,
            made by ``method`` of ``anonfaces.synthesize`` with the owner's key: that of the file
            ``secret_key``, else that of the output that is replaced, else a new one, which is
            kept beside the output as ``OUTPUT.secret.key``), "inpaint" (a face that suits the
            border of the hole, the best of ``latents``; which hole, how it is filled and who is
            asked: ``inpaint``, an ``InpaintOptions``; the way there as films in the folder
            ``steps``), "semantic" (nobody's face with the pose and expression of the one before,
            by the weights ``semantic``), "solid", "mosaic", "blur";
            ``k``: for "group" alone, 5 by default;
            ``seed``: the same seed gives the same pictures;
            ``generator``: a checkpoint to take faces from, default the one that ships;
            Path("dcgan") for the small one;
            ``gallery``: a folder of pictures of people who do not exist, of which "fresh" takes
            its faces instead;
            ``keep``: reference photographs of people who stay as they are;
            ``keep_faceless``: write pictures in which no face was found, too;
            ``rename``: random names, since a name may identify;
            ``overwrite``: replace what an earlier run wrote there;
            ``detector``, ``threshold``: what looks for faces, and how sure it must be; as in
            ``encoders.detect.load_detector``, on the safe side by default;
            ``scale``: size of a cover in sizes of the head;
            ``start``, ``end``: the part of a video, in seconds;
            ``audio``: "drop", or "keep": a voice identifies;
            ``progress``, ``max_pixels``: as everywhere.

    Raises:
        GuaranteeError: "group", and there are fewer than k people.
        InputError: an option is none, the input cannot be read, or nothing was written.
        OutputError: the output is occupied or cannot be written.
        WeightsError: the generator or a recogniser cannot be loaded.

    Warns:
        PrivacyWarning: an option weakens the promise.
    """
    return _Job(Path(source), Path(output), AnonymizationOptions(**options)).run()


@dataclass(frozen=True)
class _Job:
    """All files of one input."""

    source: Path
    output: Path
    options: AnonymizationOptions

    def run(self) -> AnonymizationResult:
        from anonfaces.anonymize.detection import FaceAnalyzer
        from anonfaces.anonymize.inputs import find_inputs
        from anonfaces.anonymize.kept_people import load_reference_embeddings
        from anonfaces.anonymize.result import make_result
        from anonfaces.anonymize.sources.choose import check_source
        from anonfaces.anonymize.workplace import check_output, key_path, workplace

        output = check_output(self.output, self.source, self.options.overwrite)
        inputs = find_inputs(self.source)
        check_source(self.options)
        analyzer = FaceAnalyzer(self.options.detector, self.options.threshold)
        people = load_reference_embeddings(self.options.keep, analyzer)
        self.options.warn()
        recipe = {**self.options.recipe(), "input": inputs.digest(), "keep": people.tolist()}
        with workplace(output, recipe) as place:
            records = self._keyed(place)._records(inputs, analyzer, people, place)
            self._show(inputs.root, place, records)
            place.finish(
                {
                    "options": self.options.recipe(),
                    "root": str(inputs.root.resolve()),
                    "pictures": records,
                }
            )
        key = key_path(place.output) if self.options.surrogate == "group" else None
        return make_result(
            place.output, place.record, place.review, records, key, self.options.surrogate
        )

    def _keyed(self, place: Place) -> _Job:
        """This job with the owner's key, where groups' faces are drawn; the key is kept."""
        from anonfaces.anonymize.workplace import key_path
        from anonfaces.dataset.files import keep_secret_key

        if self.options.surrogate != "group":
            return self
        keep_secret_key(place.key, self.options.secret_key, key_path(place.output))
        return replace(self, options=replace(self.options, secret_key=place.key))

    def _records(
        self, inputs: Inputs, analyzer: FaceAnalyzer, people: NDArray[np.float32], place: Place
    ) -> list[dict[str, Any]]:
        import numpy as np

        from anonfaces.anonymize.kept_people import warn_of_absent
        from anonfaces.anonymize.photographs import PhotographRun
        from anonfaces.anonymize.pictures import names
        from anonfaces.anonymize.result import nothing_written, warn_of_frames, warn_of_smallest
        from anonfaces.anonymize.video.job import VideoRun

        planned = names([*inputs.photographs, *inputs.videos], self.options.rename)
        photographs = PhotographRun(
            inputs.root, inputs.photographs, planned[: len(inputs.photographs)], self.options,
            analyzer, people, place,
        )  # fmt: skip
        records = photographs.go()
        nearest = photographs.nearest
        alone = not inputs.photographs and not inputs.refused and len(inputs.videos) == 1
        for number, path in enumerate(inputs.videos):
            video = VideoRun(
                inputs.root / unescape(path), path, planned[len(inputs.photographs) + number],
                self.options, people, place.inner(number), place.pictures,
            )  # fmt: skip
            records.append(video.go() if alone else video.record())
            nearest = np.minimum(nearest, video.nearest)
        records += inputs.refused
        if not any("output" in record for record in records):
            raise InputError(nothing_written(self.source, records))
        warn_of_smallest(records)
        warn_of_frames(records)
        warn_of_absent(self.options.keep, nearest)
        return records

    def _show(self, root: Path, place: Place, records: list[dict[str, Any]]) -> None:
        from anonfaces.anonymize.review_page import write_review

        write_review(place.review, root, place, records, self.options.max_pixels)
