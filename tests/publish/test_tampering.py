"""Whatever is changed in a release is caught, by the check that is meant for it."""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from anonbase.files import sha256
from anonfaces.publish import Opener, Published, PublishOptions, Sealer, publish
from anonfaces.publish.card import CHECKSUMS, checksums_text
from anonfaces.publish.keys import make_keys
from anonfaces.publish.pictures import encode_image
from anonfaces.publish.place import release_files
from anonfaces.publish.signing import sign
from anonfaces.verify import verify
from encoders.faceset import FaceSet


@dataclass(frozen=True)
class Victim:
    """A release that is about to be changed, with what its owner has."""

    folder: Path
    key: Path
    faces: Path
    signing: Path
    public: str

    def pictures(self) -> list[Path]:
        return sorted(self.folder.glob("data/*/*/*.png")) or sorted(
            self.folder.glob("data/*/*.png")
        )

    def certify_anew(self, sign_it: bool = True) -> None:
        """What somebody does who knows the format: every hash is made to fit again."""
        names = release_files(self.folder) - {"certificate.json", CHECKSUMS, "signature.json"}
        digests = {name: sha256(self.folder / name) for name in names}
        (self.folder / CHECKSUMS).write_text(checksums_text(digests))
        size = sum((self.folder / name).stat().st_size for name in names)
        listed = sha256(self.folder / CHECKSUMS)
        files = {"count": len(names), "bytes": size, "checksums_sha256": listed}
        self.edit(lambda document: document.update(files=files))
        if sign_it:
            data = (self.folder / "certificate.json").read_bytes()
            (self.folder / "signature.json").write_text(sign(data, self.signing))

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        path = self.folder / "certificate.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")

    def edit_table(self, change: Callable[[pd.DataFrame], pd.DataFrame | None]) -> None:
        path = self.folder / "data" / "train" / "metadata.csv"
        table = pd.read_csv(path)
        changed = change(table)
        (table if changed is None else changed).to_csv(path, index=False)


@pytest.fixture(scope="module")
def signed(
    condensed: Path, sealer: Sealer, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Victim]:
    root = tmp_path_factory.mktemp("signed")
    keys = make_keys(root / "keys")
    signing = root / "keys" / "signing.key"

    def make(layout: str) -> Victim:
        if not (root / layout).exists():
            options = PublishOptions(layout=layout, signing_key=signing)
            publish(condensed, root / layout, sealer, options=options)
        faces = condensed / "owner" / "faces.h5"
        return Victim(root / layout, root / f"{layout}.key", faces, signing, keys["signing.pub"])

    return make


def failed(victim: Victim, opener: Opener, owner: bool = True) -> set[str]:
    """The checks that fail; a stranger has the public key alone."""
    own: dict[str, Any] = {"key": victim.key, "opener": opener, "originals": victim.faces}
    outcomes = verify(victim.folder, public_key=victim.public, **(own if owner else {}))
    return {one.name for one in outcomes if one.status == "failed"}


def a_byte(v: Victim) -> None:
    data = bytearray(v.pictures()[0].read_bytes())
    data[len(data) // 2] ^= 1
    v.pictures()[0].write_bytes(data)


def a_file_added(v: Victim) -> None:
    (v.folder / "notes.txt").write_text("see you")


def a_picture_added(v: Victim) -> None:
    shutil.copy(v.pictures()[0], v.pictures()[0].with_name("0123456789abcdef.png"))
    v.certify_anew()


def a_file_taken(v: Victim) -> None:
    v.pictures()[0].unlink()


def a_link(v: Victim) -> None:
    v.pictures()[0].unlink()
    v.pictures()[0].with_name("link.png").symlink_to("/etc/passwd")


def a_pipe(v: Victim) -> None:
    """Who reads it waits for ever."""
    v.pictures()[0].unlink()
    os.mkfifo(v.pictures()[0].with_name("0123456789abcdef.png"))


def a_way_out(v: Victim) -> None:
    """A line of the table that leads out of the folder."""
    v.edit_table(lambda table: table.assign(file_name="../../../../../../etc/passwd"))
    v.certify_anew()


def an_empty_folder(v: Victim) -> None:
    (v.folder / "data" / "Ophelia").mkdir()


def rewrite(v: Victim, **more: Any) -> None:
    with Image.open(v.pictures()[0]) as picture:
        picture.load()
    picture.save(v.pictures()[0], "PNG", **more)
    v.certify_anew()


def exif(v: Victim) -> None:
    block = Image.Exif()
    block[0x9003] = "2024:05:01 10:00:00"
    rewrite(v, exif=block)


def a_name_in_a_chunk(v: Victim) -> None:
    note = PngInfo()
    note.add_text("Author", "Ophelia_Quill_07")
    rewrite(v, pnginfo=note)


def a_profile(v: Victim) -> None:
    rewrite(v, icc_profile=b"a profile" * 30)


def bytes_after_the_end(v: Victim) -> None:
    path = v.pictures()[0]
    path.write_bytes(path.read_bytes() + b"tail")
    v.certify_anew()


def bytes_after_the_pixels(v: Victim) -> None:
    """In the last chunk of pixels, behind the end of the deflated stream."""
    path = v.pictures()[0]
    data = path.read_bytes()
    end = data.index(b"IEND") - 4
    body = b"hidden here"
    chunk = struct.pack(">I", len(body)) + b"IDAT" + body
    chunk += struct.pack(">I", zlib.crc32(b"IDAT" + body))
    path.write_bytes(data[:end] + chunk + data[end:])
    v.certify_anew()


def another_size(v: Victim) -> None:
    path = v.pictures()[0]
    small = np.asarray(Image.open(path).resize((16, 16)))
    path.write_bytes(encode_image(small, "png"))
    v.certify_anew()


def two_swapped(v: Victim) -> None:
    one, other = v.pictures()[0], v.pictures()[-1]
    assert one.read_bytes() != other.read_bytes()
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)


def two_swapped_and_certified(v: Victim) -> None:
    two_swapped(v)
    v.certify_anew()


def an_original(v: Victim) -> None:
    chip = FaceSet.read(v.faces).chips(np.array([3]))[0]
    v.pictures()[0].write_bytes(encode_image(chip, "png"))
    v.certify_anew()


def an_original_encoded_anew(v: Victim) -> None:
    chip = FaceSet.read(v.faces).chips(np.array([3]))[0]
    small = Image.fromarray(chip).resize((28, 28)).resize((32, 32), Image.Resampling.BICUBIC)
    v.pictures()[0].write_bytes(encode_image(np.asarray(small), "png"))
    v.certify_anew()


def a_line_out_of_order(v: Victim) -> None:
    v.edit_table(lambda table: table.iloc[::-1])
    v.certify_anew()


def a_line_taken(v: Victim) -> None:
    v.edit_table(lambda table: table.iloc[1:])
    v.certify_anew()


def below_k(v: Victim) -> None:
    def change(table: pd.DataFrame) -> None:
        table["people"] = table["people"].where(table["group"] != table["group"][0], 1)

    v.edit_table(change)
    v.certify_anew()


def a_value_of_one_face(v: Victim) -> None:
    def change(table: pd.DataFrame) -> None:
        table.loc[0, "gender_male"] = 0.01

    v.edit_table(change)
    v.certify_anew()


def a_number_in_place_of_a_band(v: Victim) -> None:
    v.edit_table(lambda table: table.assign(age="37"))
    v.certify_anew()


def a_column_that_nobody_knows(v: Victim) -> None:
    v.edit_table(lambda table: table.assign(note="x"))
    v.certify_anew()


def no_longer_diverse(v: Victim) -> None:
    v.edit_table(lambda table: table.assign(gender_male=1.0, gender_female=0.0))
    v.certify_anew()


def a_larger_k(v: Victim) -> None:
    v.edit(lambda document: document["promise"].update(k=40))


def a_larger_k_signed(v: Victim) -> None:
    a_larger_k(v)
    v.certify_anew()


def a_warning_taken_out(v: Victim) -> None:
    v.edit(lambda document: document["promise"].update(weakened_by=[]))


def more_people(v: Victim) -> None:
    v.edit(lambda document: document["numbers"].update(people=4800))
    v.certify_anew()


def a_softer_word(v: Victim) -> None:
    v.edit(lambda document: document["promise"].update(not_promised=[]))
    v.certify_anew()


def a_field_of_its_own(v: Victim) -> None:
    v.edit(lambda document: document.update(trust="me"))
    v.certify_anew()


def no_certificate(v: Victim) -> None:
    (v.folder / "certificate.json").write_text("[" * 100_000)


def a_path_on_the_card(v: Victim) -> None:
    card = v.folder / "README.md"
    card.write_text(card.read_text() + "\nfrom /home/ophelia/photos\n")
    v.certify_anew()


def a_name_on_the_card(v: Victim) -> None:
    card = v.folder / "README.md"
    card.write_text(card.read_text() + "\nWith thanks to Ophelia Quill 07.\n")
    v.certify_anew()


def a_time(v: Victim) -> None:
    v.pictures()[0].touch()


def another_signature(v: Victim) -> None:
    make_keys(v.folder.parent / "other")
    data = (v.folder / "certificate.json").read_bytes()
    other = v.folder.parent / "other" / "signing.key"
    (v.folder / "signature.json").write_text(sign(data, other))


def no_signature(v: Victim) -> None:
    (v.folder / "signature.json").unlink()


STRANGER, OWNER = False, True


@pytest.mark.parametrize("layout", ["condensed", "per-image"])
@pytest.mark.parametrize(
    ("change", "caught_by", "who"),
    [
        (a_byte, "hashes", STRANGER),
        (a_file_added, "files", STRANGER),
        (a_picture_added, "records", STRANGER),
        (a_file_taken, "files", STRANGER),
        (a_link, "files", STRANGER),
        (a_pipe, "files", STRANGER),
        (a_way_out, "records", OWNER),
        (an_empty_folder, "files", STRANGER),
        (exif, "pictures", STRANGER),
        (a_name_in_a_chunk, "pictures", STRANGER),
        (a_profile, "pictures", STRANGER),
        (bytes_after_the_end, "pictures", STRANGER),
        (bytes_after_the_pixels, "pictures", STRANGER),
        (another_size, "pictures", STRANGER),
        (two_swapped, "hashes", STRANGER),
        (two_swapped_and_certified, "assignment", OWNER),
        (an_original, "originals", OWNER),
        (an_original_encoded_anew, "originals", OWNER),
        (a_line_out_of_order, "order", STRANGER),
        (a_line_taken, "records", STRANGER),
        (below_k, "k", STRANGER),
        (below_k, "people", OWNER),
        (a_number_in_place_of_a_band, "columns", STRANGER),
        (a_column_that_nobody_knows, "columns", STRANGER),
        (no_longer_diverse, "constraints", STRANGER),
        (a_larger_k, "signature", STRANGER),
        (a_larger_k, "key", OWNER),
        (a_larger_k_signed, "certificate", STRANGER),
        (a_warning_taken_out, "signature", STRANGER),
        (a_warning_taken_out, "key", OWNER),
        (more_people, "certificate", STRANGER),
        (a_softer_word, "certificate", STRANGER),
        (a_field_of_its_own, "schema", STRANGER),
        (no_certificate, "schema", STRANGER),
        (a_path_on_the_card, "places", STRANGER),
        (a_name_on_the_card, "names", OWNER),
        (a_time, "times", STRANGER),
        (another_signature, "signature", STRANGER),
        (no_signature, "signature", STRANGER),
    ],
)
def test_it_is_caught_by_the_check_meant_for_it(
    signed: Callable[[str], Victim],
    opener: Opener,
    tmp_path: Path,
    layout: str,
    change: Callable[[Victim], None],
    caught_by: str,
    who: bool,
) -> None:
    whole = signed(layout)
    victim = Victim(
        Path(shutil.copytree(whole.folder, tmp_path / "release")),
        whole.key, whole.faces, whole.signing, whole.public,
    )  # fmt: skip
    assert not failed(victim, opener, who)
    change(victim)
    assert caught_by in failed(victim, opener, who)


def test_a_value_that_differs_within_a_group_is_caught(
    signed: Callable[[str], Victim], opener: Opener, tmp_path: Path
) -> None:
    whole = signed("per-image")
    folder = Path(shutil.copytree(whole.folder, tmp_path / "release"))
    victim = Victim(folder, whole.key, whole.faces, whole.signing, whole.public)
    a_value_of_one_face(victim)
    assert "columns" in failed(victim, opener, STRANGER)


def with_fewer(key: Any) -> Any:
    """A person of a group is dropped, and the group has k - 1."""
    from dataclasses import replace

    size = key.members["group"].value_counts()
    smallest = size.index[-1]
    drop = key.members.index[key.members["group"] == smallest][: size.iloc[-1] - 3]
    return replace(key, members=key.members.drop(drop))


def with_one_in_two(key: Any) -> Any:
    from dataclasses import replace

    groups = sorted(set(key.members["group"]))
    who = key.members.loc[key.members["group"] == groups[0], "identity"].iloc[0]
    more = pd.DataFrame({"group": [groups[1]], "identity": [who]})
    return replace(key, members=pd.concat([key.members, more], ignore_index=True))


@pytest.mark.parametrize(
    ("change", "message"),
    [(with_fewer, "has 3 people, k = 4"), (with_one_in_two, "1 people are in several groups")],
)
def test_a_person_dropped_below_k_or_in_two_groups_is_counted_from_the_key(
    signed: Callable[[str], Victim],
    sealer: Sealer,
    opener: Opener,
    tmp_path: Path,
    change: Callable[[Any], Any],
    message: str,
) -> None:
    whole = signed("condensed")
    sealed = sealer.seal(change(opener.open(whole.key)))
    (tmp_path / "key").write_bytes(sealed)
    outcomes = {o.name: o for o in verify(whole.folder, key=tmp_path / "key", opener=opener)}
    assert outcomes["people"].status == "failed"
    assert re.search(message, outcomes["people"].message)


def test_an_old_key_is_noticed(
    signed: Callable[[str], Victim], made: dict[str, Published], opener: Opener
) -> None:
    outcomes = verify(signed("condensed").folder, key=made["condensed"].key, opener=opener)
    assert {o.name for o in outcomes if o.status == "failed"} <= {"key"}
    other = verify(signed("condensed").folder, key=made["per-image"].key, opener=opener)
    assert {"key", "assignment"} <= {o.name for o in other if o.status == "failed"}
