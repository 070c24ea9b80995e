"""``python -m benchmarks.sets lfw.h5 -o sets/``: the people by whom other benchmarks judge.

``released.h5`` has one photograph each of people with two or more, to be grouped; ``others.h5``
other photographs of the same people, three each at most; ``strangers.h5`` one each of people who
are in neither; ``people.h5`` one each of people drawn from all. By chance, from a seed. They hold
faces of real people, as what they are made of does.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
#: Photographs of one person in the gallery: some people have hundreds.
_OTHERS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("faces", type=Path, help="a FaceSet with people's names")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder, made if missing")
    parser.add_argument("--released", type=int, default=300, help="people in released.h5")
    parser.add_argument("--strangers", type=int, default=200, help="people in strangers.h5")
    parser.add_argument("--people", type=int, default=500, help="people in people.h5")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    from encoders.faceset import FaceSet

    faces = FaceSet.read(asked.faces)
    asked.output.mkdir(parents=True, exist_ok=True)
    for name, rows in _sets(faces.identity, asked).items():
        some = faces.select(np.sort(rows)).write(asked.output / f"{name}.h5")
        print(f"{name}.h5: {len(some)} faces of {len(np.unique(some.identity))} people", flush=True)


def _sets(identity: NDArray[np.str_], asked: argparse.Namespace) -> dict[str, Rows]:
    rng = np.random.default_rng(asked.seed)
    order = rng.permutation(len(identity))
    of = {name: order[identity[order] == name] for name in np.unique(identity[identity != ""])}
    everybody = rng.permutation(sorted(of))
    several = [name for name in everybody if len(of[name]) > 1][: asked.released]
    strangers = [name for name in everybody if name not in set(several)][: asked.strangers]
    return {
        "released": _rows([of[name][:1] for name in several]),
        "others": _rows([of[name][1 : 1 + _OTHERS] for name in several]),
        "strangers": _rows([of[name][:1] for name in strangers]),
        "people": _rows([of[name][:1] for name in rng.permutation(sorted(of))[: asked.people]]),
    }


def _rows(parts: list[Rows]) -> Rows:
    return np.concatenate([np.empty(0, np.int64), *parts])


if __name__ == "__main__":
    main()
