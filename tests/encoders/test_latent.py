"""Into the latent space: the encoder, its file, dlib's vectors to w, and directions in w."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

import stylegan
from anonbase.errors import InputError, WeightsError
from encoders import weights_file
from encoders.attributes import load_attributes
from encoders.latent import directions as directions_file
from encoders.latent import inverse as inverse_file
from encoders.latent import load_directions, load_inverse, load_latent_encoder
from encoders.latent.carry import carry, carry_file
from encoders.latent.encoder import LatentEncoder, read_numbers
from encoders.latent.faces import is_held_out, read_faces
from encoders.latent.network import LatentConfig, encode, first_values, with_layers
from encoders.latent.samples import detect_faces, draw
from encoders.latent.training import TrainingConfig, train
from encoders.weights_file import SHIPPED
from stylegan.generator import Generator


@pytest.fixture(scope="module")
def generator() -> Generator:
    return stylegan.load()


@pytest.fixture(scope="module")
def encoder(generator: Generator) -> LatentEncoder:
    return load_latent_encoder(generator)


@pytest.fixture(scope="module")
def chips(portraits: list[Path]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path).convert("RGB")) for path in portraits[:40]])


def changed(generator: Generator, name: str = "synthesis.b4.const", by: float = 1e-3) -> Generator:
    values = generator.values()
    values[name] = values[name] + np.float32(by)
    return Generator(generator.config, values)


def test_a_picture_of_the_generators_comes_back(encoder: LatentEncoder) -> None:
    generator = encoder.generator
    w = draw(generator, 32, 7, (0.6, 0.9))
    pictures = generator.pictures(w, batch=32).astype(float)
    factor = pictures.shape[1] // encoder.side
    small = pictures.reshape(32, encoder.side, factor, encoder.side, factor, 3).mean(axis=(2, 4))
    again = generator.pictures(encoder.encode_framed(small.astype(np.uint8)), batch=32)
    mean = generator.pictures(draw(generator, 32, 7, (0, 0)), batch=32)
    off, apart = (np.abs(made - pictures).mean() for made in (again, mean))
    assert off < 0.5 * apart


def test_a_latent_depends_on_its_chip_alone(encoder: LatentEncoder, chips: np.ndarray) -> None:
    together = encoder(chips)
    assert together.shape == (len(chips), encoder.generator.num_ws, 256)
    np.testing.assert_allclose(encoder(chips[5:6]), together[5:6], atol=1e-4)
    assert encoder(chips[:0]).shape == (0, *together.shape[1:])


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 64, 32, 3), (1, 64, 64, 4)])
def test_what_is_no_chip_is_refused(encoder: LatentEncoder, shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="expected RGB chips"):
        encoder(np.zeros(shape, np.uint8))


def test_the_first_layer_at_a_low_rank_answers_as_the_whole(
    generator: Generator, chips: np.ndarray, encoder: LatentEncoder
) -> None:
    beside, faces = encoder.to_single_w(), encoder.framing.from_ffhq(chips, 64)
    config = LatentConfig(beside.config, generator.num_ws, rank=39)
    values = first_values(config, beside, faces.astype(np.float32) / 127.5 - 1, 0)
    ours = LatentEncoder(generator, config, encoder.framing, values).encode_framed(faces)
    np.testing.assert_allclose(ours[:, 0], beside(faces), atol=0.02)
    assert (ours == ours[:, :1]).all()


def test_the_mean_of_all_layers_has_an_encoder_of_its_own(
    chips: np.ndarray, encoder: LatentEncoder
) -> None:
    faces = encoder.framing.from_ffhq(chips, 64)
    mean = encoder.encode_framed(faces).mean(axis=1)
    np.testing.assert_allclose(encoder.to_single_w()(faces), mean, atol=1e-3)


def test_training_from_nothing_gets_nearer(encoder: LatentEncoder, chips: np.ndarray) -> None:
    faces = encoder.framing.from_ffhq(chips[:4], 64)  # few, which few steps learn by heart
    losses = []
    train(
        encoder.generator,
        faces,
        encoder.framing,
        None,
        TrainingConfig(pictures=4 * 12, real=4, own=2, recognised=1, rate=2e-3),
        lambda seen, found: losses.append(found["picture"]),
    )
    assert len(losses) == 12
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])


def test_what_was_written_is_read(
    encoder: LatentEncoder, chips: np.ndarray, tmp_path: Path
) -> None:
    encoder.save(tmp_path / "encoder.h5", seed=3)
    again = load_latent_encoder(encoder.generator, tmp_path / "encoder.h5")
    assert again.framing == encoder.framing
    np.testing.assert_allclose(again(chips[:4]), encoder(chips[:4]), atol=1e-2)


def test_another_generator_is_refused(generator: Generator) -> None:
    other = changed(generator)
    for load, part in (
        (load_latent_encoder, "encoder"),
        (load_inverse, "inverse"),
        (load_directions, "directions"),
    ):
        with pytest.raises(WeightsError, match=f"another generator.*encoders.latent {part}"):
            load(other)


def _absent(path: Path) -> None:
    path.unlink()


def _damaged(path: Path) -> None:
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(99))


def _of_another_kind(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file.attrs["meta"] = '{"kind": "cake"}'


def _endless(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["fc.bias"]
        file["fc.bias"] = np.full(512, np.inf, np.float32)


def _elsewhere(path: Path) -> None:
    with h5py.File(path, "a") as file:
        del file["fc.bias"]
        file["fc.bias"] = h5py.ExternalLink("/etc/passwd", "x")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (_absent, "is missing: python -m encoders.latent encoder"),
        (_damaged, "cannot be read|damaged"),
        (_of_another_kind, "expected latent encoder"),
        (_endless, "not finite"),
        (_elsewhere, "fc.bias"),
    ],
)
def test_files_that_are_not_ours(
    encoder: LatentEncoder, tmp_path: Path, spoil: object, words: str
) -> None:
    path = tmp_path / "encoder.h5"
    encoder.save(path)
    spoil(path)  # type: ignore[operator]
    with pytest.raises(WeightsError, match=words):
        load_latent_encoder(encoder.generator, path)


def test_faces_to_learn_from_are_not_those_to_measure_by(
    portraits: list[Path], tmp_path: Path, encoder: LatentEncoder
) -> None:
    names = [f"{i:03d}.png" for i in range(60)]
    picture = Image.open(portraits[0]).convert("RGB")
    for name in names:
        picture.save(tmp_path / name)
    out = sum(map(is_held_out, names))
    with pytest.raises(InputError, match="not framed like"):
        read_faces([tmp_path], _elsewhere_framed(encoder), 64)
    with pytest.raises(InputError, match="there is no such file"):
        read_faces([tmp_path / "nowhere"], encoder.framing, 64)
    with pytest.raises(InputError, match="expected a FaceSet"):
        read_faces([tmp_path / names[0]], encoder.framing, 64)
    learnt = read_faces([tmp_path], _framed_as(tmp_path), 64)
    held = read_faces([tmp_path], _framed_as(tmp_path), 64, held_out=True)
    assert (len(learnt), len(held)) == (60 - out, out)


def _framed_as(folder: Path) -> object:
    from encoders.frame import estimate_alignment

    pictures = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())[:20]]
    return estimate_alignment(np.stack(pictures))


def _elsewhere_framed(encoder: LatentEncoder) -> object:
    from encoders.frame import CropAlignment, CropSquare

    return CropAlignment(CropSquare(0.2, 0.2, 3.0), encoder.framing.dlib)


def test_a_person_is_held_out_with_all_pictures() -> None:
    people = [f"person {i}" for i in range(2000)]
    both = [(is_held_out(f"{name}/1.jpg"), is_held_out(f"{name}/2.jpg")) for name in people]
    assert all(first == second for first, second in both)
    assert 60 < sum(first for first, _ in both) < 140


def test_a_linear_world_is_inverted() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 0.1, (3000, 128)).astype(np.float32)
    way = rng.normal(size=(128, 9)).astype(np.float32)
    found = inverse_file._solve(vectors[500:], (vectors @ way + 3)[500:], 1e-4, 1.0, 0)
    left = found(vectors[:500]) - (vectors @ way + 3)[:500]
    assert np.abs(left).mean() < 0.1


def test_vectors_become_faces_that_have_them(generator: Generator) -> None:
    from encoders.embed import load_embedder

    embed, inverse = load_embedder("dlib"), load_inverse(generator)
    looks = detect_faces(generator.pictures(draw(generator, 32, 99, (0.7, 0.9)), batch=32))
    wanted = embed(looks.chip[looks.found])
    again = detect_faces(generator.pictures(inverse(wanted), batch=32))
    assert again.found.mean() > 0.9
    made = embed(again.chip[again.found])
    near = np.linalg.norm(made - wanted[again.found], axis=1).mean()
    far = np.linalg.norm(made - np.roll(wanted[again.found], 1, axis=0), axis=1).mean()
    assert near < 0.75 * far


@pytest.mark.parametrize("vectors", [np.zeros((2, 64)), np.zeros(128), np.full((1, 128), np.nan)])
def test_what_is_no_vector_of_dlibs_is_refused(generator: Generator, vectors: np.ndarray) -> None:
    with pytest.raises(InputError, match="finite dlib vectors"):
        load_inverse(generator)(vectors)


def test_a_direction_changes_one_trait_and_no_other() -> None:
    rng = np.random.default_rng(1)
    w = rng.normal(size=(4000, 12)).astype(np.float32) @ rng.normal(size=(12, 12)).astype("f4")
    way = rng.normal(size=(12, 4)).astype(np.float32)
    slopes, explained = directions_file._regress(w[400:], (w @ way)[400:], w[:400], (w @ way)[:400])
    assert explained.min() > 0.99
    vectors = directions_file._steps(w, slopes)
    np.testing.assert_allclose(vectors.T @ slopes, np.eye(4), atol=1e-4)


def test_older_is_older_and_turned_is_turned(generator: Generator) -> None:
    directions, attributes = load_directions(generator), load_attributes()
    w = draw(generator, 32, 5, (0.7, 0.7))
    before = attributes(generator.pictures(w, batch=32), directions.framing)
    for trait, amount in (("age", 20.0), ("yaw", 1.0), ("smile", 1.0)):
        moved = generator.pictures(w + amount * directions[trait], batch=32)
        gained = (attributes(moved, directions.framing)[trait] - before[trait]).mean()
        assert gained > 0.25 * amount, trait


def test_an_encoder_serves_a_generator_of_the_same_w_with_more_layers(
    encoder: LatentEncoder, chips: np.ndarray, tmp_path: Path
) -> None:
    encoder.save(tmp_path / "encoder.h5")
    config, values = read_numbers(tmp_path / "encoder.h5")
    layers = config.num_ws + 2
    wider, more = with_layers(values, config, layers)
    images = encoder.framing.from_ffhq(chips[:2], encoder.side).astype(np.float32) / 127.5 - 1
    before, after = (np.asarray(encode(v, c, images)) for v, c in ((values, config), (more, wider)))
    assert after.shape == (2, layers, before.shape[2])
    np.testing.assert_allclose(after[:, :-2], before, atol=1e-4)
    np.testing.assert_allclose(after[:, -2:], before[:, [-1, -1]], atol=1e-4)


def test_nothing_is_carried_over_to_a_generator_of_other_w(
    generator: Generator, tmp_path: Path
) -> None:
    other = changed(generator, "mapping.fc0.bias", by=1)
    with pytest.raises(WeightsError, match="other mapping networks"):
        carry(other, generator, SHIPPED, tmp_path)
    assert not list(tmp_path.iterdir())


def test_any_file_of_a_generator_follows_to_a_finer_one(
    generator: Generator, tmp_path: Path
) -> None:
    finer = changed(generator, by=1)
    fitted = tmp_path / "fitted.h5"
    numbers = {"numbers": np.arange(3, dtype=np.float32)}
    weights_file.write(fitted, "a map", {"generator": weights_file.digest(generator)}, numbers)
    place = carry_file(finer, generator, fitted, tmp_path / "finer", carried_by="a command")
    meta, arrays = weights_file.read(place, "a map", "")
    assert meta["generator"] == weights_file.digest(finer)
    assert meta["carried_from"] == weights_file.digest(generator)
    assert meta["carried_by"] == "a command"
    assert np.array_equal(arrays["numbers"], numbers["numbers"])
    with pytest.raises(WeightsError, match="another generator"):
        carry_file(generator, finer, fitted, tmp_path / "third")
    with pytest.raises(WeightsError, match="no such file"):
        carry_file(finer, generator, tmp_path / "none.h5", tmp_path / "third")
    assert not (tmp_path / "third").exists()
