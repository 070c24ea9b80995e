"""What is released is read by the usual tools as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from release_data import SIDE, people

from anonfaces.publish import Published

each_layout = pytest.mark.parametrize("layout", ["condensed", "per-image"])


def records(published: Published) -> dict[str, int]:
    return {s: n["records"] for s, n in published.certificate["numbers"]["splits"].items()}


@each_layout
def test_a_plain_walk_finds_classes_and_pictures(made: dict[str, Published], layout: str) -> None:
    """As torchvision's ImageFolder does: a folder a class, pictures below it."""
    root = made[layout].folder / "data"
    roots = [root / "train"] if layout == "per-image" else [root]
    for place in roots:
        classes = sorted(entry.name for entry in place.iterdir() if entry.is_dir())
        samples = [(p, c) for c, name in enumerate(classes) for p in (place / name).glob("*.png")]
        assert {c for _, c in samples} == set(range(len(classes)))
        assert all(np.asarray(Image.open(p)).shape == (SIDE, SIDE, 3) for p, _ in samples)
    assert sum(records(made[layout]).values()) == len(list(root.rglob("*.png")))


@each_layout
def test_keras_reads_it(made: dict[str, Published], layout: str) -> None:
    import keras

    read = keras.utils.image_dataset_from_directory(
        made[layout].folder / "data" / "train",
        labels="inferred" if layout == "per-image" else None,
        image_size=(SIDE, SIDE),
        verbose=False,
    )
    batches = [batch[0] if layout == "per-image" else batch for batch in read]
    assert sum(len(batch) for batch in batches) == records(made[layout])["train"]
    if layout == "per-image":
        groups = made[layout].certificate["numbers"]["splits"]["train"]["groups"]
        assert len(read.class_names) == groups


@each_layout
@pytest.mark.filterwarnings("ignore")
def test_mlcroissant_validates_and_loads_it(made: dict[str, Published], layout: str) -> None:
    mlc = pytest.importorskip("mlcroissant", reason="pip install -e '.[test]'")
    dataset = mlc.Dataset(made[layout].folder / "croissant.json")
    for split, count in records(made[layout]).items():
        rows = list(dataset.records(record_set=split))
        assert len(rows) == count
        assert {row[f"{split}/image"].size for row in rows} == {(SIDE, SIDE)}
        table = pd.read_csv(made[layout].folder / "data" / split / "metadata.csv")
        group = {Path(n).name: g for n, g in zip(table["file_name"], table["group"], strict=True)}
        assert all(group[r[f"{split}/file"].decode()] == r[f"{split}/group"].decode() for r in rows)


@each_layout
@pytest.mark.filterwarnings("ignore")
def test_datasets_reads_it(
    made: dict[str, Published], layout: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="pip install datasets")
    if not hasattr(datasets, "load_dataset"):  # the folder datasets/ of the repository
        pytest.skip("Hugging Face datasets is not installed: it is large, and tried by hand")
    read = datasets.load_dataset(str(made[layout].folder), cache_dir=str(tmp_path))
    names = {"train": "train", "val": "validation", "test": "test"}
    assert {s: len(read[names[s]]) for s in names} == records(made[layout])
    assert {"image", "group", "people", "age"} <= set(read["train"].features)
    assert read["train"][0]["image"].size == (SIDE, SIDE)
    total = sum(records(made[layout]).values())
    assert total == (
        len(people()) if layout == "per-image" else made[layout].certificate["numbers"]["groups"]
    )
