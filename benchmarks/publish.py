"""``python -m benchmarks.publish``: what a release takes, and whether a kill can break it.

    python -m benchmarks.publish speed condensed/ --pictures 6000 100000
    python -m benchmarks.publish kills condensed/ --times 20

``speed`` repeats the people of a condensed dataset under new names, with surrogates that differ
by a level in some pixels, until there are as many pictures, and releases and verifies that; the
peak of memory is that of the process alone. ``kills`` starts the command, kills it (SIGKILL) at a
moment drawn by chance, and looks whether the release is whole with its key or not there at all;
then it starts the command again, which must end with the same bytes.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.tables import print_table

LAYOUTS = ("condensed", "per-image")


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("what", choices=("speed", "kills"))
    parser.add_argument("condensed", type=Path)
    parser.add_argument("--pictures", type=int, nargs="+", default=[6000])
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
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
        "peak MB",
        "verify s",
        "release MB",
        "key MB",
    )
    print_table(heads, rows)


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
    took, peak = _timed(call)
    verified, _ = _timed(["verify", str(release), "--key", f"{release}.key", *opener])
    files = [p for p in release.rglob("*") if p.is_file()]
    megabytes = sum(p.stat().st_size for p in files) / 1e6
    records = sum(p.suffix == ".png" for p in files)
    groups = len(list((dataset / "surrogates").iterdir()))
    key = Path(f"{release}.key").stat().st_size / 1e6
    shutil.rmtree(release)
    return [
        *(f"{records:,}", f"{groups:,}", layout, f"{took:.0f}", f"{peak:.0f}", f"{verified:.0f}"),
        *(f"{megabytes:.1f}", f"{key:.2f}"),
    ]


def _timed(call: list[str]) -> tuple[float, float]:
    """Seconds that a command takes, and the most memory that it had, in MB."""
    started = time.monotonic()
    command = [sys.executable, "-m", f"anonfaces.{call[0]}", *call[1:], "--quiet"]
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - started, usage.ru_maxrss * 1024 / 1e6


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
    secret = scratch / "secret.txt"
    secret.write_text("correct horse battery staple\n")
    call = [sys.executable, "-m", "anonfaces.publish", str(condensed), "--layout", "per-image"]
    call += ["--passphrase-file", str(secret), "--quiet", "-o"]
    started = time.monotonic()
    subprocess.run([*call, str(scratch / "whole")], check=True, stderr=subprocess.DEVNULL)
    seconds, wanted = time.monotonic() - started, contents(scratch / "whole")
    draw, whole, resumed = random.Random(seed), 0, 0
    for number in range(times):
        place = scratch / f"killed{number}" / "release"
        place.parent.mkdir()
        moment = draw.uniform(0.2, 1.05) * seconds
        there = _killed(call, place, moment)
        whole += there
        left = sorted(p.name for p in place.parent.iterdir())
        print(
            f"{number + 1:>3} killed after {moment:5.2f} s:",
            "whole" if there else "not there",
            left,
        )
        if there and (contents(place) != wanted or not Path(f"{place}.key").exists()):
            sys.exit(f"kill {number}: the release is there and not whole")
        if not there:
            subprocess.run([*call, str(place)], check=True, stderr=subprocess.DEVNULL)
            resumed += contents(place) == wanted
        shutil.rmtree(place.parent)
    print(f"{times} kills in runs of {seconds:.1f} s: {whole} left a whole release with its key,")
    print(f"{times - whole} none; of these {resumed} ended in the same bytes when run again")
    if whole + resumed != times:
        sys.exit("a run after a kill ended in other bytes")


def _killed(call: list[str], place: Path, moment: float) -> bool:
    """Whether the release is there after the command was killed."""
    with subprocess.Popen([*call, str(place)], stderr=subprocess.DEVNULL) as process:
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
    return place.exists()


def contents(root: Path) -> dict[str, bytes]:
    """Every file under ``root`` with its bytes."""
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    main()
