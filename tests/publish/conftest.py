"""A condensed dataset of 48 synthetic people under telling names, and releases of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from release_data import SECRET, K, people, write_faces

from anonfaces import condense
from anonfaces.publish import Opener, Published, PublishOptions, Sealer, publish
from anonfaces.publish.keys import make_keys


@pytest.fixture(scope="session")
def condensed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset, with its faces.h5 in ``owner/`` as after a run on photographs."""
    root = tmp_path_factory.mktemp("condensed")
    faces = write_faces(root / "faces.h5", people())
    with pytest.warns(UserWarning, match="k-same"):
        condense(faces, K, root / "condensed", surrogate="k-same", effort="fast",
                 l_diversity={"gender": 2})  # fmt: skip
    shutil.move(faces, root / "condensed" / "owner" / "faces.h5")
    return root / "condensed"


@pytest.fixture(scope="session")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with an age identity: opening with it takes no second, as a passphrase does."""
    folder = tmp_path_factory.mktemp("identity") / "keys"
    make_keys(folder)
    return folder / "release.identity"


@pytest.fixture(scope="session")
def sealer(identity: Path) -> Sealer:
    return Sealer(recipients=(identity.with_suffix(".recipient").read_text().strip(),))


@pytest.fixture(scope="session")
def passphrase(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("secret") / "passphrase.txt"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture(scope="session")
def opener(identity: Path) -> Opener:
    return Opener(identity_file=identity)


@pytest.fixture(scope="session")
def made(
    condensed: Path, sealer: Sealer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Published]:
    """A release in each layout."""
    root = tmp_path_factory.mktemp("releases")
    return {
        layout: publish(
            condensed,
            root / layout,
            sealer,
            options=PublishOptions(layout=layout),
        )
        for layout in ("condensed", "per-image")
    }
