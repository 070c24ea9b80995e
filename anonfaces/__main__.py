"""``anonfaces <command> ...``: every command under one name."""

from __future__ import annotations

import sys

from anonbase import cli
from anonfaces import __version__

_COMMANDS = {
    "cluster": ("anonfaces.commands.condense", "photographs to a condensed dataset: the main job"),
    "plan": ("anonfaces.commands.plan", "hours, memory and disk that the main job would take"),
    "synthesize": ("anonfaces.commands.synthesize", "other surrogates for a condensed dataset"),
    "anonymize": ("anonfaces.anonymize.__main__", "photographs with every face replaced in place"),
    "review": ("anonfaces.review.__main__", "correct in a browser what anonymize did"),
    "contact": ("anonfaces.report.contact", "a sheet of members beside their surrogates"),
    "evaluate": ("anonfaces.evaluate.__main__", "who would be recognized, and what was kept"),
    "tradeoff": ("anonfaces.tradeoff.__main__", "privacy against utility over k and methods"),
    "optics": ("anonfaces.optics.__main__", "a camera that hides faces before the sensor"),
    "publish": ("anonfaces.publish.__main__", "a release that may be handed to strangers"),
    "verify": ("anonfaces.verify", "check a release, by anybody"),
    "withdraw": ("anonfaces.withdraw.__main__", "take a person out of a dataset and its release"),
    "encode": ("encoders.__main__", "photographs to vectors (faces.h5)"),
    "crops": ("encoders.crops.__main__", "square pictures of faces, to train a generator on"),
    "latent": ("encoders.latent.__main__", "fit what belongs to a generator: encoder, directions"),
    "attributes": ("encoders.attributes.__main__", "fit the network of perceived age and gender"),
    "generate": ("stylegan.generate", "faces from a generator"),
    "convert": ("stylegan.convert", "a checkpoint to the files of this project"),
    "blend": ("stylegan.blend", "one generator's people with another's detail"),
    "project": ("anonfaces.commands.project", "a face to its latent, by optimization"),
    "train": ("anonfaces.commands.train", "train a generator on aligned faces"),
    "population": ("anonfaces.commands.population", "a population of people who do not exist"),
    "parsing": ("encoders.parsing.__main__", "label maps of the parts of faces"),
    "semantic": ("anonfaces.semantic.__main__", "train the generator of anonymize's semantic"),
    "fit-k-same-m": ("anonfaces.synthesize.k_same.fitting", "fit the models of k-same-m"),
    "fit-k-same-net": ("anonfaces.synthesize.k_same.mixture_training", "train k-same-net"),
}


def main() -> None:
    """Hand the command line on to the command that it names."""
    name, *rest = sys.argv[1:] or ["--help"]
    if name in _COMMANDS:
        sys.argv = [f"anonfaces {name}", *rest]
        cli.hand_over(_COMMANDS[name][0])
        return
    if name not in ("--version", "--help", "-h"):
        hint = cli.did_you_mean(name, _COMMANDS)
        print(f"error: no command {name!r}{hint}\n\n{_usage()}", file=sys.stderr)
        sys.exit(2)
    print(f"anonfaces {__version__}" if name == "--version" else _usage())
    sys.exit(0)


def _usage() -> str:
    width = max(map(len, _COMMANDS))
    commands = "\n".join(f"  {name:<{width}} {about}" for name, (_, about) in _COMMANDS.items())
    return (
        f"Usage: anonfaces COMMAND [OPTIONS]\n\n{commands}\n\n"
        "anonfaces COMMAND --help tells more; python -m anonfaces.cluster is the same as"
        " anonfaces cluster."
    )


if __name__ == "__main__":
    main()
