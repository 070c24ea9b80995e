"""Memory and seconds of ``anonfaces.cluster --generator`` with a large network of random weights.

``python -m benchmarks.large_generator --side 1024``: such a network draws no faces, so the command
is refused once its pictures were looked at, and before any photograph is. Until then it has read
the checkpoint and drawn 60 pictures: what it takes there, any network of that size takes.
``--psi`` and what else ``cluster`` knows may follow after ``--``.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.tables import print_table

SAMPLE = Path(__file__).resolve().parent.parent / "datasets" / "sample"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.large_generator")
    parser.add_argument("--side", type=int, default=1024, help="of its pictures, in px")
    parser.add_argument("words", nargs="*", help="further options of anonfaces.cluster")
    options = parser.parse_args()
    print(f"{describe(['keras', 'tensorflow-cpu'])}\n", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "random"
        # in a process of its own, whose memory is not that of the command
        subprocess.run([sys.executable, "-c", _WRITE, str(made), str(options.side)], check=True)
        print_table(("side px", "seconds", "peak GB", "its last words"), [_run(made, options)])


_WRITE = """
import sys
from pathlib import Path
import stylegan
from stylegan.checkpoint import Checkpoint, write
from stylegan.networks.config import GeneratorConfig, standard_channels
config = GeneratorConfig(channels=standard_channels(int(sys.argv[2])))
network = stylegan.Generator(config)
write(Checkpoint(config, network.values()), Path(sys.argv[1]))
"""


def _run(made: Path, options: argparse.Namespace) -> list[object]:
    command = [sys.executable, "-m", "anonfaces.cluster", str(SAMPLE), "--k", "5"]
    command += ["--generator", str(made), "-o", str(made.parent / "out"), *options.words]
    single = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1"}
    started = time.monotonic()
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **single}
    )
    said = process.communicate()[1].strip().splitlines() or ["nothing"]
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return [options.side, f"{seconds:.0f}", f"{peak:.2f}", said[-1][:100]]


if __name__ == "__main__":
    main()
