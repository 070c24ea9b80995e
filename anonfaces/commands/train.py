"""``python -m stylegan.train DATA --kimg 100 -o run/``: a generator of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from anonbase import cli
from anonbase.options import Debug, Seed, option

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from stylegan.checkpoint import Checkpoint

_EXAMPLES = """
Train a StyleGAN2 on aligned faces: first as the decoder of an autoencoder, then (if wanted) with
w fitted to some of the faces, then the mapping network, then (if wanted) its detail on the faces
of an anchor, then adversarially.

DATA are FaceSets (python -m encoders makes them) or folders of pictures. The run's folder gets
state.h5 (to go on from), log.csv, grids/ (samples above, photographs and what comes back of them
below; samples are coloured noise until the mapping network has been matched) and, in the end,
networks that stylegan.load reads. Stopped at any moment, the same command goes on where the state
was saved.

Weights learn from faces of real people: the terms of the data bind them too.

\b
Examples:
  python -m stylegan.train faces.h5 --resolution 64 --kimg 100 -o run/
  python -m stylegan.train faces.h5 --square 0.5,0.6,0.62 --start datasets/generator -o run/
  python -m stylegan.train faces.h5 --features dlib --no-noise --kimg 0 -o run/
  python -m stylegan.train faces.h5 --features dlib --latent-kimg 50 --no-noise --kimg 0 -o run/
  python -m stylegan.train photos/ --resolution 16 --warm-kimg 0 --match-steps 0 -o run16/
  python -m stylegan.train photos/ --resolution 64 --start run16/ -o run64/
  python -m stylegan.train nobody/ --resolution 128 --start coarse/ --features dlib+vgg \
      --refine-kimg 30 --warm-kimg 0 --match-steps 0 --no-noise --kimg 0 -o fine/
  KERAS_BACKEND=jax python -m stylegan.train faces.h5 --resolution 128 --channel-base 4096 \
      --start coarse/ --anchor coarse/ --features vgg --heads-weight 0.3 --keep-weight 0 \
      --warm-kimg 0 --match-steps 0 --no-noise --kimg 1000 --batch 64 -o sharp/
  KERAS_BACKEND=jax python -m stylegan.train faces.h5 --resolution 128 --batch 64 -o run/
  python -m stylegan.train crops/ --architecture dcgan --epochs 10 --ngf 64 -o dcgan/
  python -m stylegan.train crops/ --architecture dcgan --lessons 2000 -o dcgan/

--architecture dcgan trains the small network of 2016 instead: --epochs, --batch, --ngf, --ndf,
--z-dim, --rate, --beta1, --lessons, --lesson-pairs, --start, --seed and --save-minutes belong to
it, and the phases and weights of the other do not. Its folder also gets grids/ of the same latents
an epoch, epochs.gif, beside.png (photographs and samples) and curves.png.
"""

app = typer.Typer(add_completion=False)


_Data = Annotated[list[Path], typer.Argument(metavar="DATA...", help="FaceSets and folders")]
_Output = Annotated[Path, option("the run's folder", "--output", "-o")]
_Resolution = Annotated[int, option("side of the pictures in px", "--resolution")]
_Kimg = Annotated[float, option("adversarial training, 1,000 pictures", "--kimg")]
_WarmKimg = Annotated[float, option("training as an autoencoder, 1,000 pictures", "--warm-kimg")]
_LatentKimg = Annotated[
    float,
    option("then with w fitted to some faces, 1,000 pictures; wants --features", "--latent-kimg"),
]
_LatentFaces = Annotated[
    int, option("how many faces get a w of their own", "--latent-faces", min=64)
]
_MatchSteps = Annotated[int, option("steps of the mapping network", "--match-steps")]
_RefineKimg = Annotated[
    float,
    option(
        "detail on an anchor's faces, 1,000 pictures; wants --features and --start or --anchor",
        "--refine-kimg",
    ),
]
_Anchor = Annotated[
    Path | None,
    option(
        "the checkpoint whose faces are kept: in --refine-kimg (default: --start), and, where it is"
        " named, in --kimg",
        "--anchor",
    ),
]
_AnchorWeight = Annotated[float, option("weight of its pictures", "--anchor-weight")]
_RefineRate = Annotated[float, option("rate of that phase", "--refine-rate")]
_SharpShare = Annotated[
    float, option("share of the photographs, the sharpest, that heads see", "--sharp-share")
]
_SpectrumWeight = Annotated[
    float,
    option(
        "--refine-kimg: weight of the photographs' power at high frequencies", "--spectrum-weight"
    ),
]
_MomentsWeight = Annotated[
    float,
    option(
        "--refine-kimg: weight of how what VGG16 sees of the photographs is spread",
        "--moments-weight",
    ),
]
_Synthetic = Annotated[
    list[Path] | None,
    option("more FaceSets and folders, of which none is held out", "--synthetic"),
]
_Square = Annotated[
    str, option("what to cut out of each picture: x,y,side in its sides", "--square")
]
_HeldOut = Annotated[int, option("pictures left out for measuring", "--held-out")]
_Start = Annotated[
    Path | None, option("a checkpoint to begin with, of this resolution or less", "--start")
]
_Features = Annotated[
    Literal["dlib", "vgg", "dlib+vgg", "none"],
    option("networks to which a drawn face must look alike", "--features"),
]
_FeatureWeight = Annotated[float, option("weight of --features", "--feature-weight")]
_HeadsWeight = Annotated[
    float, option("weight of a discriminator on --features, 0 for none", "--heads-weight")
]
_KeepWeight = Annotated[
    float,
    option(
        "adversarial: weight of drawing training faces from their w, 0 for none", "--keep-weight"
    ),
]
_HeadStart = Annotated[
    int, option("adversarial: steps of the discriminator alone at first", "--head-start")
]
_GeneratorRate = Annotated[
    float, option("adversarial: step size of the generator", "--generator-rate")
]
_EmaKimg = Annotated[
    float, option("half-life of the running average, 1,000 pictures", "--ema-kimg")
]
_Sampled = Annotated[
    float, option("faces of nobody that it judges, as a share of a batch", "--sampled")
]
_WNoise = Annotated[
    float, option("noise on w in the first phase: less keeps more of a face", "--w-noise")
]
_Noise = Annotated[
    bool,
    option("noise maps; short adversarial runs fill up with them", "--noise/--no-noise"),
]
_Batch = Annotated[int, option("pictures a step", "--batch")]
_ChannelBase = Annotated[int, option("feature maps times pixels", "--channel-base")]
_ChannelMax = Annotated[int, option("most feature maps", "--channel-max")]
_Gamma = Annotated[float, option("weight of R1", "--gamma")]
_PathWeight = Annotated[float, option("weight of path lengths", "--path-weight")]
_Precision = Annotated[
    Literal["auto", "float32", "bfloat16"],
    option("of convolutions; auto: bfloat16 where the machine is quick at it", "--precision"),
]
_SaveMinutes = Annotated[float, option("how often to save", "--save-minutes")]
_Architecture = Annotated[
    Literal["stylegan2", "dcgan"], option("the network family", "--architecture")
]
_Epochs = Annotated[
    int, option("dcgan: times that as many pictures are drawn as there are", "--epochs")
]
_Ngf = Annotated[int, option("dcgan: feature maps of the generator's last layer", "--ngf")]
_Ndf = Annotated[int, option("dcgan: feature maps of the discriminator's first layer", "--ndf")]
_ZDim = Annotated[int, option("dcgan: numbers in a latent", "--z-dim")]
_Rate = Annotated[
    float, option("dcgan: Adam's step size; the discriminator has twice of it", "--rate")
]
_Beta1 = Annotated[float, option("dcgan: Adam's first decay", "--beta1")]
_Lessons = Annotated[
    int,
    option(
        "dcgan: steps in which it first learns photographs from their principal components",
        "--lessons",
    ),
]
_LessonPairs = Annotated[
    int,
    option(
        "dcgan: learn instead so many pictures that the generator that ships (or --anchor) draws;"
        " wants --z-dim of that one",
        "--lesson-pairs",
    ),
]


@app.command(help=_EXAMPLES)
def main(
    data: _Data,
    output: _Output,
    resolution: _Resolution = 64,
    architecture: _Architecture = "stylegan2",
    epochs: _Epochs = 10,
    ngf: _Ngf = 64,
    ndf: _Ndf = 64,
    z_dim: _ZDim = 100,
    rate: _Rate = 2e-4,
    beta1: _Beta1 = 0.5,
    lessons: _Lessons = 0,
    lesson_pairs: _LessonPairs = 0,
    kimg: _Kimg = 100.0,
    warm_kimg: _WarmKimg = 100.0,
    latent_kimg: _LatentKimg = 0.0,
    latent_faces: _LatentFaces = 5120,
    match_steps: _MatchSteps = 200,
    refine_kimg: _RefineKimg = 0.0,
    anchor: _Anchor = None,
    anchor_weight: _AnchorWeight = 2.0,
    refine_rate: _RefineRate = 1e-3,
    sharp_share: _SharpShare = 1.0,
    spectrum_weight: _SpectrumWeight = 0.0,
    moments_weight: _MomentsWeight = 0.0,
    synthetic: _Synthetic = None,
    square: _Square = "0.5,0.5,1",
    held_out: _HeldOut = 0,
    start: _Start = None,
    features: _Features = "none",
    feature_weight: _FeatureWeight = 0.5,
    heads_weight: _HeadsWeight = 0.05,
    keep_weight: _KeepWeight = 0.5,
    head_start: _HeadStart = 200,
    generator_rate: _GeneratorRate = 6e-4,
    ema_kimg: _EmaKimg = 5.0,
    sampled: _Sampled = 0.25,
    w_noise: _WNoise = 0.3,
    noise: _Noise = True,
    batch: _Batch = 32,
    channel_base: _ChannelBase = 2048,
    channel_max: _ChannelMax = 256,
    gamma: _Gamma = 0.05,
    path_weight: _PathWeight = 0.0,
    precision: _Precision = "auto",
    save_minutes: _SaveMinutes = 5.0,
    seed: Seed = 0,
    debug: Debug = False,
) -> None:
    """Read the options, then train."""
    from encoders.training_images import load_features, parse_square, read_pictures
    from stylegan.train import TrainingConfig, train

    cut = parse_square(square)
    pixels = read_pictures(data, resolution, cut)
    if architecture == "dcgan":
        small = {
            **{"resolution": resolution, "epochs": epochs, "batch": batch, "seed": seed},
            **{"ngf": ngf, "ndf": ndf, "z_dim": z_dim, "beta1": beta1},
            **{"lessons": lessons, "lesson_pairs": lesson_pairs},
            **{"generator_rate": rate, "discriminator_rate": 2 * rate},
        }
        _train_dcgan(pixels, output, small, start, anchor, save_minutes)
        return
    recipe = TrainingConfig(
        resolution=resolution,
        channel_base=channel_base,
        channel_max=channel_max,
        autoencode_kimg=warm_kimg,
        latent_kimg=latent_kimg,
        latent_faces=latent_faces,
        match_steps=match_steps,
        refine_kimg=refine_kimg,
        refine_rate=refine_rate,
        anchor_weight=anchor_weight,
        sharp_share=sharp_share,
        spectrum_weight=spectrum_weight,
        moments_weight=moments_weight,
        adversarial_kimg=kimg,
        batch=batch,
        feature_weight=feature_weight,
        heads_weight=heads_weight,
        keep_weight=keep_weight,
        head_start=head_start,
        generator_rate=generator_rate,
        ema_kimg=ema_kimg,
        sampled=sampled,
        w_noise=w_noise,
        noise=noise,
        seed=seed,
        precision=precision,
        r1_gamma=gamma,
        path_weight=path_weight,
    )
    train(
        pixels,
        output,
        recipe,
        held_out=held_out,
        synthetic=read_pictures(synthetic, resolution, cut) if synthetic else None,
        anchor=anchor,
        start=start and _with_encoder(start),
        features=load_features(features, pixels),
        save_minutes=save_minutes,
    )
    print(f"{recipe.resolution} px, in {output}: stylegan.load({str(output)!r})")


def _with_encoder(start: Path) -> Checkpoint:
    """A checkpoint; what ships, which has no encoder to a single w, with the latent encoder's."""
    from dataclasses import replace

    from anonbase.errors import WeightsError
    from encoders.latent import load_latent_encoder
    from stylegan import checkpoint
    from stylegan.generator import Generator

    found = checkpoint.checked(checkpoint.read(start), str(start))
    if found.encoder is not None:
        return found
    try:
        latent = load_latent_encoder(Generator(found.generator, found.generator_values))
    except WeightsError:
        return found
    encoder = latent.to_single_w()
    return replace(found, encoder=encoder.config, encoder_values=encoder.values())


def _train_dcgan(
    pixels: NDArray[np.uint8],
    output: Path,
    options: dict[str, Any],
    start: Path | None,
    teacher: Path | None,
    save_minutes: float,
) -> None:
    from stylegan.dcgan import DcganTraining, train

    recipe = DcganTraining(**options)
    train(pixels, output, recipe, start=start, teacher=teacher, save_minutes=save_minutes)
    print(f"{recipe.resolution} px, in {output}: stylegan.load({str(output)!r})")


if __name__ == "__main__":
    cli.run(app)
