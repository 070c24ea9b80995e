"""``python -m anonfaces.synthesize``: other surrogates for a condensed dataset."""

from anonbase.cli import hand_over

if __name__ == "__main__":
    hand_over("anonfaces.commands.synthesize")
