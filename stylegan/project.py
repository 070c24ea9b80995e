"""``python -m stylegan.project``: the command needs two packages and lives above both."""

from anonbase.cli import hand_over

if __name__ == "__main__":
    hand_over("anonfaces.commands.project")
