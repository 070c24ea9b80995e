"""``python -m anonfaces.cluster``: the main job, photographs to a condensed dataset."""

from anonbase.cli import hand_over

if __name__ == "__main__":
    hand_over("anonfaces.commands.condense")
