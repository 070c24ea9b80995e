"""The meters of an evaluation, proven: answer keys, leaks, chance, and faces that are not found."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

from anonbase.errors import InputError
from anonfaces.evaluate.evaluation import Evaluation, read_evaluation, schema, statement
from anonfaces.evaluate.identification import identify
from anonfaces.evaluate.judges.judge import Judge
from anonfaces.evaluate.roc import roc
from anonfaces.evaluate.subject import Galleries, Subject
from anonfaces.evaluate.verdict import Verdict, judge_surrogates
from encoders.faceset import FaceSet

GROUPS, K, D = 60, 5, 32


class PixelEmbedder:
    """A real recognizer of made-up faces: the first pixels of a chip are its vector."""

    name, sha256, alignment, chip_size, dim = "pixels", "ab" * 32, "none", 8, D

    def __call__(self, chips: np.ndarray) -> np.ndarray:
        return chips.reshape(len(chips), -1)[:, :D].astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class PixelJudge(Judge):
    """It finds a face in every picture but a black one, without looking for it."""

    def of_faces(self, faces: FaceSet) -> np.ndarray:
        return self.embedder(faces.chips())

    def of_pictures(self, pictures: Any) -> np.ndarray:
        stack = np.stack(list(pictures))
        black = (stack == 0).all(axis=(1, 2, 3))
        return np.where(black[:, None], np.nan, self.embedder(stack)).astype(np.float32)


JUDGE = PixelJudge(name="pixels", embedder=PixelEmbedder(), about="pixels")  # type: ignore[arg-type]


def chips_of(vectors: np.ndarray) -> np.ndarray:
    chips = np.zeros((len(vectors), 192), np.uint8)
    chips[:, :D] = np.clip(128 + 20 * vectors, 1, 255)
    return chips.reshape(-1, 8, 8, 3)


def faces_of(vectors: np.ndarray, names: np.ndarray) -> FaceSet:
    from anonfaces.evaluate._faces_in_memory import FacesInMemory

    n = len(vectors)
    return FacesInMemory(
        embedding=np.zeros((n, 1), np.float32), image=names, box=np.zeros((n, 4), np.int32),
        landmark=np.zeros((n, 68, 2), np.float32), identity=names,
        quality=np.ones(n, np.float32), ledger=pd.DataFrame(), bystanders=pd.DataFrame(),
        meta={"chip_size": 8, "extractor_sha256": ""}, rows=np.arange(n), memory=chips_of(vectors),
    )  # fmt: skip


@dataclass(frozen=True)
class World:
    """300 people, one picture each to release and one other; surrogates are set by each test."""

    subject: Subject
    galleries: Galleries
    very: np.ndarray

    def judged(self, surrogate: np.ndarray) -> Verdict:
        images = tuple(chips_of(surrogate))
        return judge_surrogates(replace(self.subject, images=images), JUDGE, self.galleries, 1e-2)


@pytest.fixture(scope="module")
def world() -> World:
    rng = np.random.default_rng(0)
    very = rng.normal(size=(GROUPS * K, D))
    names = np.array([f"p{i:03d}" for i in range(len(very))])
    other = very + 0.3 * rng.normal(size=very.shape)
    strangers = rng.normal(size=(200, D))
    subject = Subject(
        kind="condensed", k=K, faces=faces_of(very, names),
        labels=np.repeat(np.arange(GROUPS), K), numbers=tuple(map(str, range(GROUPS))),
        surrogate="k-same",
    )  # fmt: skip
    galleries = Galleries(
        other=faces_of(other, names),
        strangers=faces_of(strangers, np.array([f"s{i}" for i in range(200)])),
    )
    return World(subject, galleries, very)


def test_originals_released_are_all_found(world: World) -> None:
    faces = world.subject.faces
    every = replace(
        world.subject, k=1, kind="anonymized", labels=np.arange(len(faces)),
        numbers=tuple(map(str, range(len(faces)))), images=tuple(faces.chips()),
    )  # fmt: skip
    found = judge_surrogates(every, JUDGE, world.galleries, 1e-2)
    for one in found.identification.values():
        assert one.rate() > 0.95
    assert found.reidentification.rate_of_people(found.threshold) == 1


def test_surrogates_of_other_groups_give_chance(world: World) -> None:
    mean = world.very.reshape(GROUPS, K, D).mean(axis=1)
    found = world.judged(np.roll(mean, 1, axis=0))
    for one in found.identification.values():
        assert one.rate() < 0.03
        assert one.p_value() > 0.05
        assert one.rate_of_groups < 0.1


def test_one_leaked_member_is_caught_by_rank_1_ri_and_the_worst_group(world: World) -> None:
    safe = np.random.default_rng(3).normal(size=(GROUPS, D))
    leaked = safe.copy()
    leaked[7] = world.very[7 * K]
    before, after = world.judged(safe), world.judged(leaked)
    named = after.identification["the originals"]
    assert named.rank[7 * K] == 1
    assert named.hits().sum() == before.identification["the originals"].hits().sum() + 1
    t = after.threshold
    assert after.reidentification.rate(t) > before.reidentification.rate(t)
    worst = after.to_dict()["reidentification"]["worst_groups"][0]
    assert worst["rate"] == pytest.approx(1 / K)
    assert after.standing_out[7] == pytest.approx(1)


def test_an_attacker_with_the_answer_key_names_one_of_every_group(world: World) -> None:
    found = world.judged(world.very[::K]).identification["the originals"]
    assert found.rate_of_groups == 1
    assert found.rate() == pytest.approx(1 / K)


def test_a_surrogate_without_a_face_lowers_no_risk(world: World) -> None:
    safe = np.random.default_rng(3).normal(size=(GROUPS, D))
    images = [*chips_of(safe)]
    images[0] = np.zeros_like(images[0])
    subject = replace(world.subject, images=tuple(images))
    found = judge_surrogates(subject, JUDGE, world.galleries, 1e-2)
    whole = world.judged(safe)
    assert found.missing == 1
    for name, one in found.identification.items():
        assert (one.rank[:K] == 1).all()
        assert one.rate() >= whole.identification[name].rate()
    t = found.threshold
    assert found.reidentification.rate(t) >= whole.reidentification.rate(t) + 0.9 * K / 300


def test_what_is_written_keeps_the_schema_and_comes_back(world: World, tmp_path: Path) -> None:
    mean = world.very.reshape(GROUPS, K, D).mean(axis=1)
    subject = replace(world.subject, images=tuple(chips_of(mean)))
    found = Evaluation.of(subject, [world.judged(mean)], [_attack()], {}, "python -m x")
    jsonschema.validate(found.document, schema())
    (tmp_path / "evaluation.json").write_text(found.to_json())
    again = read_evaluation(tmp_path / "evaluation.json")
    assert again.document == found.document
    table = again.to_pandas()
    assert table["gallery"].tolist() == [
        "the originals", "other photographs", "other photographs and 200 strangers"
    ]  # fmt: skip
    assert not {"p000", "s0"} & set(found.to_json().split('"'))  # nobody is named


def _attack() -> dict[str, Any]:
    from anonfaces.evaluate.attacks.linkage import find_group
    from anonfaces.evaluate.attacks.spaces import Space

    rng = np.random.default_rng(0)
    space = Space("pixels", True, rng.normal(size=(4, 9)), rng.normal(size=(20, 9)))
    return find_group(space, np.repeat(np.arange(4), 5))[0].to_dict()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "anonfaces evaluation"}', "[" * 9999])
def test_what_is_no_evaluation_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "e.json").write_text(text)
    with pytest.raises(InputError, match="no evaluation"):
        read_evaluation(tmp_path / "e.json")


def test_the_first_line_says_who_was_asked(world: World) -> None:
    verdict = world.judged(np.random.default_rng(3).normal(size=(GROUPS, D))).to_dict()
    assert "took no part, puts" in statement([verdict], K)
    party = verdict | {"took_part": True}
    assert statement([party], K).startswith("Only a party to the matter was asked")
    weak = verdict | {"able": False}
    assert statement([party, weak], K).startswith("No outsider who recognizes people was asked")


@pytest.mark.parametrize(
    ("name", "sha", "surrogate", "part"),
    [
        ("dlib", "x", "optimised", "made with its help"),
        ("dlib", "x", "k-same-m", ""),
        ("dlib", "grouped", "k-same-m", "grouped by its vectors"),
        ("faceres", "x", "optimised", ""),
        ("faceres", "grouped", "optimised", "grouped by its vectors"),
    ],
)
def test_who_took_part_is_known(name: str, sha: str, surrogate: str, part: str) -> None:
    embedder = PixelEmbedder()
    embedder.sha256 = sha  # type: ignore[misc]
    judge = Judge(name=name, embedder=embedder, about="")  # type: ignore[arg-type]
    message = judge.took_part("grouped", surrogate)
    assert part in message
    assert bool(message) == bool(part)


def test_a_threshold_lets_no_more_strangers_pass_than_asked() -> None:
    rng = np.random.default_rng(0)
    names = np.repeat(np.arange(200), 2)
    X = rng.normal(size=(200, 8))[names] + 0.2 * rng.normal(size=(400, 8))
    found = roc(X, names)
    assert len(found.same) == 200
    assert len(found.different) == 400 * 399 // 2 - 200
    for rate in (1e-1, 1e-2, 1e-3):
        assert found.false_match(found.threshold(rate)) <= rate
        assert found.false_match(found.threshold(rate)) > rate - 2 / len(found.different)
    assert found.threshold(1e-9) < found.different[0]
    assert 0 < found.equal_error_rate < 0.05
    with pytest.raises(InputError, match="two people"):
        roc(X, np.zeros(400))


def test_ranks_are_those_of_a_loop() -> None:
    rng = np.random.default_rng(1)
    S, group = rng.normal(size=(6, 4)), np.repeat(np.arange(6), 3)
    names = np.array([f"n{i}" for i in range(18)])
    gallery_name = np.concatenate([names[:15], names[:5], ["x", "y"]])
    gallery = rng.normal(size=(22, 4))
    found = identify(S, group, names, gallery, gallery_name)
    assert found.candidates == 17
    for i, name in enumerate(names):
        if name not in gallery_name:
            assert found.rank[i] == 0
            continue
        near = {
            who: min(
                np.linalg.norm(S[group[i]] - v)
                for v, n in zip(gallery, gallery_name, strict=True)
                if n == who
            )
            for who in set(gallery_name)
        }
        assert found.rank[i] == 1 + sum(d < near[name] for d in near.values())
    with pytest.raises(InputError, match="none of the people"):
        identify(S, group, names, gallery, np.array(["z"] * 22))


def test_the_page_needs_nothing_and_believes_no_name(world: World, tmp_path: Path) -> None:
    from anonfaces.report.evaluation import write_evaluation_page

    mean = world.very.reshape(GROUPS, K, D).mean(axis=1)
    subject = replace(world.subject, images=tuple(chips_of(mean)))
    verdict = world.judged(mean)
    odd = replace(verdict, judge=replace(JUDGE, name="onnx:<script>alert(1)</script>"))
    found = Evaluation.of(subject, [odd], [_attack()], {}, "python -m x")
    page = write_evaluation_page(tmp_path / "e.html", found.document).read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "Of 100 people whose surrogates are looked for, a stranger" in page
    assert "find the group among the very pictures" in page
    assert "p000" not in page


def test_attacks_do_not_vanish_without_a_word(world: World, tmp_path: Path) -> None:
    from anonfaces.evaluate.job import _write

    mean = world.very.reshape(GROUPS, K, D).mean(axis=1)
    subject = replace(world.subject, images=tuple(chips_of(mean)))
    with_attacks, without = (
        Evaluation.of(subject, [world.judged(mean)], tried, {}, "python -m x")
        for tried in ([_attack()], [])
    )
    _write(with_attacks, tmp_path, inside=False)
    with pytest.warns(UserWarning, match="had attacks, this one has none"):
        _write(without, tmp_path, inside=False)
    _write(without, tmp_path, inside=False)


def test_above_the_line_is_shown_in_no_color_of_a_promise_kept(world: World) -> None:
    from anonfaces.report.evaluation import evaluation_content

    mean = world.very.reshape(GROUPS, K, D).mean(axis=1)
    subject = replace(world.subject, images=tuple(chips_of(mean)))
    document = Evaluation.of(subject, [world.judged(mean)], [], {}, "python -m x").document
    for rate, p_value, proven in ((0.1, 0.9, True), (0.21, 0.3, False), (0.9, 1e-9, False)):
        for one in document["judges"][0]["identification"]:
            one["ranks"]["1"]["rate"], one["p_value"], one["chance"] = rate, p_value, 0.2
        document["judges"][0]["reidentification"]["p_value"] = p_value
        told = evaluation_content(document)
        assert told["proven"] is proven
        assert ("above the line" in " ".join(told["sentences"])) == (rate == 0.21)


def test_who_is_recognized_more_often_is_told_apart_and_nobody_is_named(world: World) -> None:
    n = GROUPS * K
    gender = np.where(np.arange(n) % K == 0, "f", "m")  # the first of each group
    columns = {"gender": gender, "name": world.subject.name, "age": np.arange(n)}
    faces = replace(world.subject.faces, attribute=columns)
    leaked = tuple(chips_of(world.very[::K]))
    subject = replace(world.subject, faces=faces, images=leaked)
    found = judge_surrogates(subject, JUDGE, world.galleries, 1e-2).to_dict()["subgroups"]
    assert [(one["column"], one["value"]) for one in found] == [("gender", "f"), ("gender", "m")]
    women, men = found
    assert women["reidentification"]["rate"] == women["rank_1"]["rate"] == 1
    assert women["reidentification"]["n"] == GROUPS
    assert men["rank_1"]["rate"] == 0
