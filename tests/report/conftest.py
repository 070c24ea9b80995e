"""Condensed datasets of synthetic people, as the report reads them."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from anonfaces.report import Summary

Maker = Callable[..., Path]


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory, portraits: list[Path]) -> Maker:
    """Make a folder with ``groups`` groups and the summary changed as asked."""
    pictures = [_png(path) for path in portraits[:60]]

    def make(groups: int = 12, **changes: object) -> Path:
        folder = tmp_path_factory.mktemp("dataset")
        rng = np.random.default_rng(0)
        people = rng.choice([5, 6, 7, 9], groups, p=[0.6, 0.2, 0.1, 0.1])
        table = pd.DataFrame({"group": range(groups), "people": people, "faces": people * 2})
        table.to_csv(folder / "condensed.csv", index=False)
        summary = replace(_summary(people), **changes)
        (folder / "summary.json").write_text(summary.to_json(), encoding="utf-8")
        if summary.surrogate:
            _surrogates(folder, pictures, groups)
        return folder

    return make


def _summary(people: np.ndarray) -> Summary:
    return Summary(
        k=5,
        groups=len(people),
        people=int(people.sum()),
        faces=int(2 * people.sum()),
        information_loss=46.25,
        random_loss=91.3,
        people_per_group={str(n): int((people == n).sum()) for n in np.unique(people)},
        method="local_search",
        seed=0,
        identity="folder",
        pictures=int(2 * people.sum()) + 9,
        bystanders=4,
        not_found={"no face": 7, "unreadable": 2},
        surrogate="k-same",
        chip_size=256,
        extractor="dlib",
        extractor_sha256="ab" * 32,
        alignment="dlib-5-150-0.25",
        detector="auto",
        publishable=("surrogates/", "condensed.csv", "summary.json", "report.html"),
        secret=("owner/groups.csv", "owner/centroids.h5", "owner/faces.h5"),
        versions={"anonfaces": "0.1.0", "python": "3.11"},
        command="python -m anonfaces.cluster PHOTOS --k 5 --identity folder --seed 0",
    )


def _surrogates(folder: Path, pictures: list[bytes], groups: int) -> None:
    (folder / "surrogates").mkdir()
    for group in range(groups):
        (folder / f"surrogates/{group}.png").write_bytes(pictures[group % len(pictures)])


def _png(path: Path) -> bytes:
    with Image.open(path) as picture:
        made = io.BytesIO()
        picture.save(made, "PNG")
        return made.getvalue()
