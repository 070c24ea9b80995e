"""The verifier as a command, and the key, the signature and the words that it is made of."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from anonbase.errors import InputError
from anonfaces.publish import Opener, Published, PublishOptions, Sealer, publish
from anonfaces.publish.certificate import SCHEMA, schema_problems
from anonfaces.publish.checks.hashes import BITS, nearest_bits, perceptual_hash
from anonfaces.publish.keys import make_keys
from anonfaces.publish.pictures import read_pixels
from anonfaces.publish.signing import sign, signature_problem
from anonfaces.verify import verify

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"tensorflow", "keras", "dlib", "cv2", "sklearn", "numba", "matplotlib"}


def call(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "anonfaces.verify", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_a_whole_release_ends_with_0_and_says_what_was_not_checked(
    made: dict[str, Published],
) -> None:
    done = call(made["condensed"].folder)
    assert done.returncode == 0, done.stderr
    assert "the release is whole" in done.stdout
    assert "not checked  people       needs key" in done.stdout


def test_a_changed_release_ends_with_3_on_the_terminal_as_json_and_as_a_page(
    made: dict[str, Published], identity: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(made["condensed"].folder, tmp_path / "release"))
    (folder / "README.md").write_text("<script>alert(1)</script>")
    options = ("--key", made["condensed"].key, "--key-identity", identity)
    done = call(folder, *options, "--json", "--html", tmp_path / "page.html")
    assert done.returncode == 3, done.stderr
    document = json.loads(done.stdout)
    assert not document["passed"]
    status = {check["name"]: check["status"] for check in document["checks"]}
    assert {name for name, how in status.items() if how == "failed"} == {"hashes", "times"}
    assert status["people"] == "passed"
    page = (tmp_path / "page.html").read_text()
    assert "does not keep its promise" in page
    assert "README.md was changed" in page
    tags: set[str] = set()

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.add(tag)

    Tags().feed(page)
    assert "script" not in tags
    assert {"table", "th", "h1"} <= tags


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "there is no such folder"),
        (["{key}"], "a file, and a release is a folder"),
        (["{folder}"], "it is no release: neither certificate.json nor checksums.sha256"),
        (["{release}", "--key", "{key}"], "opened with --passphrase-file or --key-identity"),
        (["{release}", "--key", "{key}", "--passphrase-file", "{wrong}"], "cannot be opened"),
        (["{release}", "--key", "{wrong}", "--passphrase-file", "{wrong}"], "cannot be opened"),
        (["{release}", "--originals", "missing"], "no such originals"),
        (["{release}", "--public-key", "xyz"], "is no public key"),
    ],
)
def test_a_users_mistake_ends_with_2(
    made: dict[str, Published], tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "wrong").write_text("another passphrase\n")
    names = {
        "folder": tmp_path,
        "release": made["condensed"].folder,
        "key": made["condensed"].key,
        "wrong": tmp_path / "wrong",
    }
    done = call(*(argument.format(**names) for argument in arguments))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_where_only_files_are_checked_nothing_heavy_is_imported(
    made: dict[str, Published],
) -> None:
    program = (
        "import sys\n"
        "from anonfaces.verify import verify\n"
        f"assert all(o.status != 'failed' for o in verify({str(made['condensed'].folder)!r}))\n"
        f"print(*sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == ""


def test_a_folder_that_is_no_release_fails_and_breaks_nothing(tmp_path: Path) -> None:
    outcomes = verify(tmp_path)
    assert {o.status for o in outcomes if o.name in ("schema", "files", "hashes")} == {"failed"}
    (tmp_path / "certificate.json").write_text('{"files": []}')
    (tmp_path / "checksums.sha256").write_bytes(bytes(range(256)))
    (tmp_path / "data" / "train").mkdir(parents=True)
    (tmp_path / "data" / "train" / "metadata.csv").write_bytes(b"\x00\xff,\n")
    status = {o.name: o.status for o in verify(tmp_path)}
    wanted = ("schema", "certificate", "records", "k", "columns", "files", "hashes", "pictures")
    assert {status[name] for name in wanted} == {"failed"}


def test_the_certificate_is_as_the_schema_says_and_the_schema_is_strict(
    made: dict[str, Published],
) -> None:
    for published in made.values():
        assert schema_problems(published.certificate) == []
        for name in published.certificate:
            less = {k: v for k, v in published.certificate.items() if k != name}
            assert schema_problems(less), name
    assert json.loads(SCHEMA.read_text())["additionalProperties"] is False


def test_a_key_is_opened_by_its_identity_and_by_no_other(condensed: Path, tmp_path: Path) -> None:
    mine, other = make_keys(tmp_path / "mine"), make_keys(tmp_path / "other")
    assert mine != other
    sealer = Sealer(recipients=(mine["release.recipient"],))
    done = publish(condensed, tmp_path / "out", sealer)
    key = Opener(identity_file=tmp_path / "mine" / "release.identity").open(Path(str(done.key)))
    assert len(set(key.members["identity"])) == done.certificate["numbers"]["people"]
    with pytest.raises(InputError, match="cannot be opened"):
        Opener(identity_file=tmp_path / "other" / "release.identity").open(Path(str(done.key)))
    assert b"Quill" not in Path(str(done.key)).read_bytes()
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "sealer",
    [
        Sealer(),
        Sealer(recipients=("age1nonsense",)),
        Sealer(passphrase_file=Path("missing.txt")),
        Sealer(recipients=("age1x",), passphrase_file=Path("missing.txt")),
    ],
)
def test_what_cannot_seal_is_refused_before_anything_is_made(
    condensed: Path, tmp_path: Path, sealer: Sealer
) -> None:
    with pytest.raises(InputError):
        publish(condensed, tmp_path / "out", sealer)
    assert not list(tmp_path.iterdir())


def test_a_signature_is_of_these_bytes_and_of_this_key(tmp_path: Path) -> None:
    keys = make_keys(tmp_path / "keys")
    text = sign(b"what is signed", tmp_path / "keys" / "signing.key")
    assert signature_problem(b"what is signed", text, keys["signing.pub"]) == ""
    assert "not that of this" in signature_problem(b"what is Signed", text, None)
    assert "not by the key" in signature_problem(b"what is signed", text, "00" * 32)
    for broken in ("", "[]", '{"public_key": 1}', text.replace("Ed25519", "none"), "[" * 99_999):
        assert signature_problem(b"what is signed", broken, None)


def test_hashes_of_like_pictures_are_alike(made: dict[str, Published]) -> None:
    paths = sorted(made["condensed"].folder.glob("data/*/*.png"))
    hashes = np.stack([perceptual_hash(read_pixels(path)) for path in paths])
    bits, which = nearest_bits(hashes, hashes)
    assert bits.max() == 0
    assert which.tolist() == list(range(len(hashes)))
    apart, _ = nearest_bits(hashes[:1], hashes[1:])
    assert 20 < apart[0] <= BITS


def test_a_judge_finds_the_photograph_that_was_put_back(condensed: Path, tmp_path: Path) -> None:
    """A judge that knows pictures by their pixels: it is a small one, and no mock of another."""

    def small(pictures: object) -> np.ndarray:
        rows = [p.astype(np.float32)[::4, ::4].ravel() / 100 for p in pictures]  # type: ignore[attr-defined]
        return np.stack(rows)

    from encoders.faceset import FaceSet

    faces = FaceSet.read(condensed / "owner" / "faces.h5")
    faces = faces.select(np.arange(len(faces)))
    pictures = tmp_path / "photos"
    pictures.mkdir()
    from PIL import Image

    for number, chip in enumerate(faces.chips(np.arange(4))):
        Image.fromarray(chip).save(pictures / f"{number}.png")
    done = publish(condensed, tmp_path / "out", None, options=PublishOptions())
    before = {o.name: o for o in verify(done.folder, originals=pictures, judge=small)}
    assert before["judge"].status == "passed", before["judge"].message
    target = next(done.folder.glob("data/train/*.png"))
    target.write_bytes((pictures / "2.png").read_bytes())
    outcomes = {o.name: o for o in verify(done.folder, originals=pictures, judge=small)}
    assert outcomes["judge"].status == "failed"
    assert target.name in outcomes["judge"].message
    assert "more" not in outcomes["judge"].message


@pytest.mark.parametrize(
    "module",
    [
        *("anonfaces.publish", "anonfaces.publish.keys", "anonfaces.publish.together"),
        *("anonfaces.verify", "anonfaces.withdraw"),
    ],
)
def test_help_answers_with_examples_and_without_a_heavy_import(module: str) -> None:
    program = (
        "import runpy, sys\n"
        f"sys.argv = [{module!r}, '--help']\n"
        "try:\n"
        f"    runpy.run_module({module!r}, run_name='__main__', alter_sys=True)\n"
        "except SystemExit as end:\n"
        f"    print(end.code, *sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.split() == ["0"]
    assert "Example" in done.stdout
