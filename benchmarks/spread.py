"""The main job by Dask's workers, one killed, and the client killed too, beside a run without Dask.

``python -m benchmarks.spread photos/ --photographs 2000``: a scheduler and two workers on this
machine. The worker is killed after a tenth of the time that the local run took, the client after a
third; then the same command is given again. Every file of the two outputs is compared.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.tables import print_table

_WORKER_DIES, _CLIENT_DIES = 0.1, 0.35  # of the seconds of the local run
_POLL = 0.1  # seconds
_LOOPBACK = ("--host", "127.0.0.1", "--no-dashboard")


def main() -> None:
    """Print the table, and which files differ."""
    options = _options()
    print(f"{describe(['tensorflow-cpu', 'dask', 'distributed'])}\n", flush=True)
    with tempfile.TemporaryDirectory() as place:
        scratch = Path(place)
        people, count = _people(options.photos, options.photographs, scratch / "photos")
        key = scratch / "secret.key"
        key.write_bytes(bytes(range(32)))
        key.chmod(0o600)
        job = ["--k", str(options.k), "--identity", "folder", "--surrogate", options.surrogate]
        job += ["--secret-key", str(key), "--quiet"]
        local = _timed([str(people), *job, "-o", str(scratch / "here")])
        started = time.monotonic()
        with _cluster(scratch) as (address, workers):
            spread = [str(people), *job, "-o", str(scratch / "there"), "--scheduler", address]
            _interrupted(spread, workers[0], local)
            last = _timed(spread)
        rows = [("local", local), ("two workers, in all", time.monotonic() - started)]
        rows.append(("of that, after the client's death", last))
        print_table(("run", "seconds"), rows)
        _compare(scratch / "here", scratch / "there", count)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spread")
    parser.add_argument("photos", type=Path, help="a folder a person")
    parser.add_argument("--photographs", type=int, default=2000, help="(default: %(default)s)")
    parser.add_argument("--k", type=int, default=5, help="people of a group")
    parser.add_argument("--surrogate", default="stylegan", help="(default: %(default)s)")
    return parser.parse_args()


def _people(source: Path, most: int, folder: Path) -> tuple[Path, int]:
    """The first people, as links, until there are ``most`` photographs."""
    folder.mkdir()
    count = 0
    for person in sorted(path for path in source.iterdir() if path.is_dir()):
        own = sorted(person.iterdir())
        if count + len(own) > most:
            break
        (folder / person.name).mkdir()
        for path in own:
            os.link(path, folder / person.name / path.name)
        count += len(own)
    return folder, count


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-W", "ignore", "-m", "anonfaces.cluster", *words]


def _timed(words: Sequence[str]) -> float:
    started = time.monotonic()
    subprocess.run(_command(words), check=True)
    return time.monotonic() - started


def _interrupted(words: Sequence[str], worker: subprocess.Popen[bytes], local: float) -> None:
    """A run whose worker is killed, and which is killed itself."""
    client = subprocess.Popen(_command(words))
    for share, process in ((_WORKER_DIES, worker), (_CLIENT_DIES - _WORKER_DIES, client)):
        time.sleep(share * local)
        if process.poll() is not None:
            raise SystemExit("it ended before it could be killed: give it more photographs")
        process.kill()
        process.wait()


@contextmanager
def _cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    message = folder / "scheduler.json"
    (folder / "dask").mkdir()
    scheduler = _dask("scheduler", *_LOOPBACK, "--port", "0", "--scheduler-file", str(message))
    processes = [scheduler]
    try:
        while not message.exists():
            time.sleep(_POLL)
        address = json.loads(message.read_text())["address"]
        options = (*_LOOPBACK, "--nthreads", "1", "--no-nanny")
        options += ("--local-directory", str(folder / "dask"))
        processes += [_dask("worker", address, *options) for _ in range(2)]
        yield address, processes[1:]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _dask(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "dask", *words]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _compare(here: Path, there: Path, photographs: int) -> None:
    """Print how many files are equal to the byte, and the names of those that are not."""
    names = [
        {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        for folder in (here, there)
    ]
    both = sorted(names[0] & names[1])
    other = [name for name in both if (here / name).read_bytes() != (there / name).read_bytes()]
    print(f"\n{photographs} photographs, {len(both) - len(other)} files equal to the byte")
    for name in [*other, *sorted(names[0] ^ names[1])]:
        print(f"differs or is in one only: {name}")


if __name__ == "__main__":
    main()
