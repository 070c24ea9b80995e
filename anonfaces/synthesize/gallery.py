"""The folder of surrogates: a PNG a group, and a ledger by which a run that was killed goes on."""

from __future__ import annotations

import hashlib
import io
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from anonbase.errors import GuaranteeError, InputError
from anonbase.files import write_text
from anonfaces.dataset.files import SECRET_KEY, owner_file
from anonfaces.dataset.workplace import LEDGER
from anonfaces.synthesize import (
    DistanceKeeping,
    Preparing,
    ProgressReporting,
    Reporting,
    check_surrogate,
    groups_of,
    load_surrogate,
    surrogates,
    warn_if_pixel_mean,
    warn_if_unkeyed,
)
from anonfaces.synthesize.member_distances import TOLD_BY
from anonfaces.synthesize.owners_key import with_owners_key

if TYPE_CHECKING:
    from anonfaces.cluster import Groups
    from anonfaces.synthesize import Surrogate, SurrogateOptions
    from encoders.faceset import FaceSet

__all__ = ["clear_surrogates", "draw", "encoded", "write_surrogates"]

#: Of a group's face to the nearest and to the farthest member.
Distances = tuple[float, float]

_PNG_LEVEL = 3  # of a blurred face 6 saves 8 % more and takes four times as long
_ENCODERS = 2
_AHEAD = 64


def draw(
    folder: Path,
    faces: FaceSet,
    groups: Groups,
    name: str,
    options: SurrogateOptions,
    progress: bool,
    scheduler: str | None = None,
) -> None:
    """Write the surrogates of ``groups`` by the method ``name``; see ``write_surrogates``.

    ``scheduler`` is the address of a Dask scheduler whose workers draw them, or ``local``; None:
    this process does. PrivacyWarning, once, where they are means that can be undone.
    """
    from anonfaces import __version__

    warn_if_pixel_mean(name)
    options = with_owners_key(options, folder)

    own = hashlib.sha256(b"surrogates" + (options.key or b"")).hexdigest()
    how = f"{__version__} {' '.join(options.to_cli(name))} {options.fingerprint()} {own}"
    with _method(folder, faces, name, replace(options, progress=progress), scheduler) as method:
        how += _prepared(method, folder, faces, groups, progress)
        write_surrogates(folder, faces, groups.labels, groups.identity, method, how, progress)
    _write_distances(folder, getattr(method, "member_distances", {}))
    if progress and isinstance(method, Reporting):
        print(f"{name}: {method.report_line()}")


@contextmanager
def _method(
    folder: Path, faces: FaceSet, name: str, options: SurrogateOptions, scheduler: str | None
) -> Iterator[Surrogate]:
    """The method in this process, or one that Dask's workers do."""
    if scheduler is None:
        yield load_surrogate(name, options)
        return
    from anonbase.dask_workers import connected, package_versions
    from anonfaces.synthesize.distributed import DrawJob, RemoteSurrogate

    check_surrogate(name, options)
    warn_if_unkeyed(name, options)
    if faces.path is None:
        raise InputError("--scheduler needs faces in a file that all machines see")
    generator = None if options.generator is None else options.generator.absolute()
    own = (folder / SECRET_KEY).is_file()
    job = DrawJob(
        name=name,
        options=replace(
            options, generator=generator, key=None if own else options.key, progress=False
        ),
        folder=str(folder.absolute()),
        faces=str(faces.path),
        fingerprint=options.fingerprint(),
        versions=package_versions(),
    )
    with connected(scheduler) as workers:
        yield RemoteSurrogate(job, workers)


def _prepared(
    method: Surrogate, folder: Path, faces: FaceSet, groups: Groups, progress: bool
) -> str:
    """What ``Preparing.prepare`` answers; without such a method, what one had found goes."""
    cache_file = owner_file(folder, "faces.gallery.h5")
    if not isinstance(method, Preparing):
        cache_file.unlink(missing_ok=True)
        return ""
    everybody = list(groups_of(faces, groups.labels, groups.identity))
    return method.prepare(faces, everybody, cache_file, progress)


def _write_distances(folder: Path, member_distances: Mapping[int, Distances]) -> None:
    """How near the surrogates are to their members, for the owner."""
    path = owner_file(folder, "surrogate_distances.csv")
    if not member_distances:
        path.unlink(missing_ok=True)
        return
    lines = [
        f"{group},{near:.6f},{far:.6f}" for group, (near, far) in sorted(member_distances.items())
    ]
    write_text(path, "\n".join(["group,nearest,farthest", *lines, ""]))


def write_surrogates(
    folder: Path,
    faces: FaceSet,
    labels: NDArray[np.int64],
    identity: NDArray[Any],
    method: Surrogate,
    how: str,
    progress: bool = False,
) -> None:
    """Write ``folder/surrogates/<group>.png``, one face a group, all of them.

    Those that an earlier run finished are kept, where their group and ``how`` they are made
    (a text that holds all that the faces depend on) are the same.

    Raises:
        GuaranteeError: two groups would get one and the same face, or ``method`` finds none.
    """
    place, ledger = folder / "surrogates", folder / LEDGER
    place.mkdir(exist_ok=True)
    keys = _keys(faces, labels, identity, how)
    kept = _kept(place, ledger, keys, method)
    done = {number: digest for number, (digest, _) in kept.items()}
    _clear(place, done)
    if isinstance(method, DistanceKeeping):
        method.earlier = {number: far for number, (_, far) in kept.items() if far is not None}
    with ledger.open("w") as book:
        for number, (digest, far) in kept.items():
            _note(book, number, keys[number], digest, far)
        owner = {digest: number for number, digest in done.items()}
        pictures = surrogates(faces, labels, identity, method, skip=done.keys())
        bar = _shown(pictures, len(keys), len(done), progress)
        if isinstance(method, ProgressReporting):
            method.watch = lambda found, of: bar.set_postfix_str(f"{found} of the next {of} found")
        for number, png in _encoded(bar):
            digest = hashlib.sha256(png).hexdigest()
            _refuse_twin(owner, digest, number)
            (place / f"{number}.png").write_bytes(png)
            told = method.member_distances if isinstance(method, DistanceKeeping) else {}
            _note(book, number, keys[number], digest, told.get(number))


def clear_surrogates(folder: Path) -> None:
    """Remove what an earlier run of another kind left of them."""
    (folder / LEDGER).unlink(missing_ok=True)
    if (folder / "surrogates").is_dir():
        _clear(folder / "surrogates", {})
        (folder / "surrogates").rmdir()


def _keys(
    faces: FaceSet, labels: NDArray[np.int64], identity: NDArray[Any], how: str
) -> dict[int, str]:
    """What each group's face depends on, as a hash: its rows with their vectors, and ``how``."""
    digests = {int(group): hashlib.sha256(how.encode()) for group in np.unique(labels)}
    for row in np.lexsort((np.arange(len(labels)), faces.image, labels)):
        about = (faces.image[row], str(identity[row]), faces.box[row].tolist())
        digest = digests[int(labels[row])]
        digest.update(repr(about).encode())
        digest.update(np.ascontiguousarray(faces.embedding[row]).tobytes())
    return {group: digest.hexdigest() for group, digest in digests.items()}


def _kept(
    place: Path, ledger: Path, keys: Mapping[int, str], method: Surrogate
) -> dict[int, tuple[str, Distances | None]]:
    """Finished groups, the hash of their file and their members' distances.

    None for a method that looks at all groups; and no group whose distances are not known for a
    method that tells them, since what is said at the end would leave it out.
    """
    if not ledger.is_file() or getattr(method, "of_the_set", False):
        return {}
    kept = {}
    for number, key, digest, far in _entries(ledger):
        path = place / f"{number}.png"
        whole = keys.get(number) == key and path.is_file()
        told = far is not None or method.name not in TOLD_BY
        if whole and told and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
            kept[number] = digest, far
    return kept


def _entries(ledger: Path) -> Iterator[tuple[int, str, str, Distances | None]]:
    for line in ledger.read_text(errors="replace").splitlines():
        try:
            number, key, digest, *far = json.loads(line)
            distances = (float(far[0][0]), float(far[0][1])) if far and far[0] else None
        except (ValueError, TypeError, LookupError):  # the line at which the run was killed
            continue
        if isinstance(number, int):
            yield number, str(key), str(digest), distances


def _clear(place: Path, done: Mapping[int, str]) -> None:
    for path in place.iterdir():
        if path.suffix == ".png" and path.stem.isdigit() and int(path.stem) not in done:
            path.unlink()


def _note(book: Any, number: int, key: str, digest: str, far: Distances | None) -> None:
    book.write(json.dumps([number, key, digest, far]) + "\n")
    book.flush()


def _shown(made: Any, total: int, initial: int, progress: bool) -> Any:
    from tqdm import tqdm

    return tqdm(
        made, desc="surrogates", total=total, initial=initial, unit="face", disable=not progress
    )


def _encoded(made: Iterable[tuple[int, NDArray[np.uint8]]]) -> Iterator[tuple[int, bytes]]:
    """Each face as a PNG, in order, some encoded while others are made.

    Where ``made`` fails, those that it made before come first and then its error.
    """
    failed: list[BaseException] = []
    with ThreadPoolExecutor(_ENCODERS) as pool:
        open_: deque[tuple[int, Future[bytes]]] = deque()
        for number, face in _until_it_fails(made, failed):
            open_.append((number, pool.submit(encoded, face)))
            while len(open_) > _AHEAD or (open_ and open_[0][1].done()):
                yield _waited(open_.popleft())
        yield from map(_waited, open_)
    if failed:
        raise failed[0]


def _until_it_fails(made: Iterable[Any], failed: list[BaseException]) -> Iterator[Any]:
    try:
        yield from made
    except BaseException as error:
        failed.append(error)


def _waited(each: tuple[int, Future[bytes]]) -> tuple[int, bytes]:
    number, png = each
    return number, png.result()


def encoded(face: NDArray[np.uint8]) -> bytes:
    """An RGB face (s, s, 3) as the bytes of its PNG."""
    from PIL import Image

    memory = io.BytesIO()
    Image.fromarray(face).save(memory, "PNG", compress_level=_PNG_LEVEL)
    return memory.getvalue()


def _refuse_twin(owner: dict[str, int], digest: str, number: int) -> None:
    if digest in owner:
        raise GuaranteeError(
            f"groups {owner[digest]} and {number} would get one and the same face; nothing is"
            " released: are the same photographs there under several names?"
        )
    owner[digest] = number
