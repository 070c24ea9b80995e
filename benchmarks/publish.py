"""``python -m benchmarks.publish``: what a release takes, and whether a kill can break it.

    python -m benchmarks.publish speed condensed/ --pictures 6000 100000
    python -m benchmarks.publish kills condensed/ --times 20

``speed`` repeats the people of a condensed dataset under new names, with surrogates that differ
by a level in some pixels, until there are as many pictures, and releases and verifies that; the
peak of memory is that of the process alone. ``kills`` publishes in a process, kills it (SIGKILL)
at a moment drawn by chance from when it begins to write, and looks whether the release is whole
with its key or not there at all; then it publishes again, which must end with the same bytes.
``search`` looks in all bytes of a release for every name, path and word of metadata of the input:

    python -m benchmarks.publish search condensed/ --release release/ --photographs photos/
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from anonfaces.publish.job import PublishOptions, publish
from anonfaces.publish.key import Sealer
from anonfaces.publish.keys import make_keys
from benchmarks.tables import print_table

LAYOUTS = ("condensed", "per-image")
#: Imported at their first use; before the processes part, so that none of them has to wait.
_LATE = (
    *("anonfaces.publish.checks", "anonfaces.cluster.groups", "encoders.faceset", "cv2"),
    *("encoders.faceset_file", "jinja2", "jsonschema", "nacl.signing", "pyrage", "tqdm"),
)


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "kills", "search"))
    parser.add_argument("condensed", type=Path)
    parser.add_argument("--pictures", type=int, nargs="+", default=[6000])
    parser.add_argument("--release", type=Path)
    parser.add_argument("--photographs", type=Path)
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.what == "search":
        search(options.condensed, options.release, options.photographs)
        return
    with tempfile.TemporaryDirectory() as scratch:
        if options.what == "speed":
            speed(options.condensed, options.pictures, Path(scratch))
        else:
            kills(options.condensed, options.times, options.seed, Path(scratch))


def speed(condensed: Path, pictures: list[int], scratch: Path) -> None:
    """Print a line a size and layout."""
    rows = []
    for count in pictures:
        dataset = enlarged(condensed, count, scratch / f"dataset{count}")
        for layout in LAYOUTS:
            rows.append(_measured(dataset, layout, scratch / f"{layout}{count}"))
        shutil.rmtree(dataset)
    heads = (
        "records",
        "groups",
        "layout",
        "publish s",
        "of cores",
        "peak MB",
        "verify s",
        "of cores",
    )
    print_table((*heads, "release MB", "key MB"), rows)


def _measured(dataset: Path, layout: str, release: Path) -> list[str]:
    secret = release.with_suffix(".txt")
    secret.write_text("correct horse battery staple\n")
    opener = ["--passphrase-file", str(secret)]
    call = [
        "publish",
        str(dataset),
        "-o",
        str(release),
        "--layout",
        layout,
        "--no-columns",
        *opener,
    ]
    took, busy, peak = _timed(call)
    verified, verifying, _ = _timed(["verify", str(release), "--key", f"{release}.key", *opener])
    files = [p for p in release.rglob("*") if p.is_file()]
    megabytes = sum(p.stat().st_size for p in files) / 1e6
    records = sum(p.suffix == ".png" for p in files)
    groups = len(list((dataset / "surrogates").iterdir()))
    key = Path(f"{release}.key").stat().st_size / 1e6
    shutil.rmtree(release)
    return [
        *(f"{records:,}", f"{groups:,}", layout, f"{took:.0f}", f"{busy:.0f}", f"{peak:.0f}"),
        *(f"{verified:.0f}", f"{verifying:.0f}", f"{megabytes:.1f}", f"{key:.2f}"),
    ]


def _timed(call: list[str]) -> tuple[float, float, float]:
    """Seconds that a command takes, and those of all cores, and its most memory in MB."""
    started = time.monotonic()
    command = [sys.executable, "-m", f"anonfaces.{call[0]}", *call[1:], "--quiet"]
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    cores = usage.ru_utime + usage.ru_stime
    return time.monotonic() - started, cores, usage.ru_maxrss * 1024 / 1e6


def enlarged(condensed: Path, pictures: int, place: Path) -> Path:
    """A condensed dataset of about as many faces, whole groups of it repeated under new names."""
    from anonfaces.dataset.summary import Summary
    from anonfaces.dataset.tables import read_csv, to_csv

    faces = read_csv(condensed / "owner" / "groups.csv", ["identity", "image"])
    groups, copies = int(faces["group"].max()) + 1, -(-pictures // len(faces))
    parts = [
        faces.assign(
            group=faces["group"] + copy * groups,
            identity=[f"{name}_{copy}" for name in faces["identity"]],
            image=[f"{copy}/{name}" for name in faces["image"]],
        )
        for copy in range(copies)
    ]
    every = pd.concat(parts, ignore_index=True)
    people = every.groupby("group")["identity"].nunique()
    whole = people.index[every.groupby("group").size().cumsum() <= pictures + len(faces) / groups]
    every = every[every["group"].isin(whole)]
    (place / "owner").mkdir(parents=True)
    (place / "surrogates").mkdir()
    (place / "owner" / "groups.csv").write_text(to_csv(every))
    shutil.copy(condensed / "owner" / "secret.key", place / "owner")
    shutil.copy(condensed / "condensed.csv", place)
    _centroids(condensed, place, len(whole))
    _surrogates(condensed, place, groups, len(whole))
    sizes = people.loc[whole].value_counts().sort_index()
    summary = replace(
        Summary.read(condensed / "summary.json"),
        groups=len(whole),
        people=int(people.loc[whole].sum()),
        faces=len(every),
        people_per_group={str(size): int(n) for size, n in sizes.items()},
        constraints=(),
    )
    (place / "summary.json").write_text(summary.to_json())
    return place


def _centroids(condensed: Path, place: Path, groups: int) -> None:
    with h5py.File(condensed / "owner" / "centroids.h5") as old:
        values, facts = old["centroid"][:], dict(old["centroid"].attrs)
    with h5py.File(place / "owner" / "centroids.h5", "w") as new:
        new["centroid"] = np.resize(values, (groups, values.shape[1]))
        new["centroid"].attrs.update({**facts, "constraints": "[]"})


def _surrogates(condensed: Path, place: Path, per_copy: int, groups: int) -> None:
    """Each copy's pictures differ from the first one's by a level in 64 pixels drawn by chance."""
    for group in range(groups):
        old = condensed / "surrogates" / f"{group % per_copy}.png"
        new = place / "surrogates" / f"{group}.png"
        if group < per_copy:
            shutil.copy(old, new)
            continue
        pixels = np.array(Image.open(old))
        rng = np.random.default_rng(group)
        spots = rng.integers(0, len(pixels), (2, 64))
        pixels[spots[0], spots[1]] ^= 1
        Image.fromarray(pixels).save(new, compress_level=1)


def kills(condensed: Path, times: int, seed: int, scratch: Path) -> None:
    """Print how many kills left a whole release, and how many none; fail on anything else."""
    for name in _LATE:
        import_module(name)
    sealer = Sealer(recipients=(make_keys(scratch / "keys")["release.recipient"],))
    seconds = _killed(condensed, scratch / "whole", sealer, None)
    wanted = contents(scratch / "whole")
    draw, whole, resumed = random.Random(seed), 0, 0
    for number in range(times):
        place = scratch / f"killed{number}" / "release"
        place.parent.mkdir()
        moment = draw.uniform(0, 1.1) * seconds
        _killed(condensed, place, sealer, moment)
        there = place.exists()
        whole += there
        left = ", ".join(sorted(p.name for p in place.parent.iterdir()))
        print(
            f"{number + 1:>3} {moment:6.3f} s {'whole' if there else 'not there'}: {left}",
            flush=True,
        )
        if there and (contents(place) != wanted or not Path(f"{place}.key").exists()):
            sys.exit(f"kill {number}: the release is there and not whole")
        if not there:
            _killed(condensed, place, sealer, None)
            resumed += contents(place) == wanted and Path(f"{place}.key").exists()
        shutil.rmtree(place.parent)
    print(
        f"{times} kills within {seconds:.2f} s of work: {whole} left a whole release with its key,"
    )
    print(f"{times - whole} none; of these {resumed} ended in the same bytes when run again")
    if whole + resumed != times:
        sys.exit("a run after a kill ended in other bytes")


def _killed(condensed: Path, place: Path, sealer: Sealer, moment: float | None) -> float:
    """Publish in a process of its own, and kill that so long after it begins to write, if at all.

    Returns for how long it wrote. The process is forked, so that imports take no time.
    """
    partial, child = place.with_name(f".{place.name}.partial"), os.fork()
    if not child:
        options = PublishOptions(layout="per-image")
        publish(condensed, place, sealer, options=options)
        os._exit(0)
    while not partial.exists() and not place.exists():
        time.sleep(0.0005)
    began = time.monotonic()
    if moment is not None:
        time.sleep(moment)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return time.monotonic() - began


def search(condensed: Path, release: Path, photographs: Path) -> None:
    """Print how many words were looked for in how many bytes, and every one that was found."""
    from anonfaces.dataset.tables import read_csv
    from anonfaces.publish.checks.words import WordFinder, telling_words

    faces = read_csv(condensed / "owner" / "groups.csv", ["identity", "image"])
    words = telling_words(faces["identity"], faces["image"])
    words |= {str(photographs.resolve()).lower(), str(condensed.resolve()).lower()}
    words |= {word for name in faces["image"] for word in _metadata(photographs / name)}
    finder, total, hits = WordFinder(words), 0, 0
    for name, data in contents(release).items():
        picture = name.endswith((".png", ".jpg"))
        # five bytes and fewer are found by chance in compressed pixels
        found = finder.find(data, 6 if picture else 4, apart=not picture)
        for word in {*found, *finder.find(name.encode())}:
            print(f"{name}: {word.decode(errors='replace')}")
            hits += 1
        total += len(data)
    print(f"{len(words):,} words in {total:,} bytes: {hits} found")


def _metadata(path: Path) -> set[str]:
    """Words of four letters or more in what a photograph holds beside its pixels."""
    with Image.open(path) as picture:
        texts = [v for v in picture.info.values() if isinstance(v, str | bytes)]
        texts += [v for v in picture.getexif().values() if isinstance(v, str | bytes)]
    plain = [t.decode("latin-1") if isinstance(t, bytes) else t for t in texts]
    return {word.lower() for text in plain for word in text.split() if len(word) >= 4}


def contents(root: Path) -> dict[str, bytes]:
    """Every file under ``root`` with its bytes."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
