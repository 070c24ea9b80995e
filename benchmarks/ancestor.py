"""``python -m benchmarks.ancestor``: the ancestor's tables on the vectors that it published.

M.-H. Le et al., "AnonFACES", WPES 2020: k = 2 to 19 on 979 people of CelebA. Grouping can be done
again by their vectors (dlib, FaceNet, PCA), and is: within-group distances in dlib's vectors, and
what the mean vector of a group would give, which bounds from below what any face can reach. Their
surrogates' distances and re-identification cannot be done again, since neither their photographs
nor their generator's pictures were published: their own columns stand beside ours.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.tables import SHARED, print_table

PAPER = SHARED / "anonfaces-paper"
EMBEDDINGS = ("dlib", "facenet", "pca")
METHODS = ("local_search", "ward", "kmeans", "nearest")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[2])
    parser.add_argument("--k", type=int, nargs="+", default=list(range(2, 20)))
    parser.add_argument("-o", "--output", type=Path, help="a folder for the figures")
    asked = parser.parse_args()
    vectors = {name: _vectors(name) for name in EMBEDDINGS}
    head = ("k", "grouped by", "method", "mean vector: distance", "RI(0.6)", "within group")
    paper = ("paper's faces: distance", "RI(0.6)")
    rows = list(_rows(vectors, asked.k))
    print_table((*head, *paper), rows)
    if asked.output:
        _draw(rows, asked.output)


def _vectors(name: str) -> np.ndarray:
    with np.load(PAPER / f"{name}_celeba_979.npz", allow_pickle=False) as archive:
        return archive["embedding"].astype(np.float64)


def _rows(vectors: dict[str, np.ndarray], ks: list[int]) -> Iterator[tuple[object, ...]]:
    import pandas as pd

    from anonfaces import group
    from anonfaces.evaluate import member_distances, reidentification, within_distances

    loss, risk = (pd.read_csv(PAPER / f"{n}_results.csv", index_col="k") for n in ("IL", "RI"))
    ways = [(name, "local_search") for name in EMBEDDINGS] + [("dlib", m) for m in METHODS[1:]]
    dlib = vectors["dlib"]
    for k in ks:
        for embedding, method in ways:
            X = vectors[embedding]
            made = group(X, k, np.arange(len(X)).astype(str), method=method, effort="fast")
            far = member_distances(dlib, made.labels)["distance"]
            within = within_distances(dlib, made.labels).mean()
            column = _PUBLISHED.get((embedding, method))
            theirs = [float(t.loc[k, column]) if column in t else "" for t in (loss, risk)]
            ri = reidentification(far).rate(0.6)
            yield (k, embedding, method, float(far.mean()), ri, float(within), *theirs)


#: The paper's column for what is nearest to ours: Ward's groups by each embedding, and others.
_PUBLISHED = {
    ("dlib", "local_search"): "hier_dlib_adjust",
    ("facenet", "local_search"): "hier_facenet_adjust",
    ("pca", "local_search"): "hier_pca_adjust",
    ("dlib", "ward"): "hier_dlib_adjust",
    ("dlib", "kmeans"): "kmeans_dlib_adjust",
    ("dlib", "nearest"): "knn_dlib_adjust",
}


def _draw(rows: list[tuple[object, ...]], folder: Path) -> None:
    import pandas as pd

    from anonfaces.evaluate import plot_curves

    folder.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows).iloc[:, :6]
    table.columns = ["k", "embedding", "method", "distance", "RI", "within"]
    for name in ("distance", "RI", "within"):
        both = {
            "embedding": table["method"] == "local_search",
            "method": table["embedding"] == "dlib",
        }
        panels = {
            by: table[rows].pivot_table(index="k", columns=by, values=name)
            for by, rows in both.items()
        }
        plot_curves(panels, name).savefig(folder / f"{name}.png")


if __name__ == "__main__":
    main()
