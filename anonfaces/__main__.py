"""``anonfaces <stage> ...``: every stage under one name."""

from __future__ import annotations

import sys
from importlib import import_module

from anonfaces import __version__

_STAGES = {
    "anonymize": ("anonfaces.anonymize.__main__", "photographs with every face replaced in place"),
    "cluster": ("anonfaces.cluster.__main__", "photographs to a condensed dataset: the main job"),
    "synthesize": ("anonfaces.synthesize.__main__", "other surrogates for a condensed dataset"),
    "encode": ("encoders.__main__", "photographs to vectors (faces.h5)"),
}


def main() -> None:
    """Hand the command line on to the stage that it names."""
    stage, *rest = sys.argv[1:] or ["--help"]
    if stage in _STAGES:
        sys.argv = [f"anonfaces {stage}", *rest]
        import_module(_STAGES[stage][0]).main()
        return
    if stage not in ("--version", "--help", "-h"):
        print(f"error: no stage {stage!r}\n\n{_usage()}", file=sys.stderr)
        sys.exit(2)
    print(f"anonfaces {__version__}" if stage == "--version" else _usage())
    sys.exit(0)


def _usage() -> str:
    stages = "\n".join(f"  {name:<10} {about}" for name, (_, about) in _STAGES.items())
    return (
        f"Usage: anonfaces STAGE [OPTIONS]\n\n{stages}\n\n"
        "anonfaces STAGE --help tells more; python -m anonfaces.cluster is the same as"
        " anonfaces cluster."
    )


if __name__ == "__main__":
    main()
