"""``python -m stylegan.population -o people/``: people who do not exist, some pictures each."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anonbase import cli
from anonbase.errors import InputError, OutputError
from anonbase.options import Debug, option
from anonbase.text import pluralize

if TYPE_CHECKING:
    from encoders.latent.people import Person, PopulationConfig

_EXAMPLES = """
Draw a population from a generator: one folder a person, 1 to 4 pictures each, and traits.csv.

The pictures of a person are one w with another yaw, another smile, a little chance, and other
noise maps. Kept is what a recogniser agrees with: dlib sees exactly one clear face, pictures of one
person lie within --within in its embedding, pictures of two people at least --apart. The same
seed gives the same people. Where fewer than --people are met, those are written (but replace no
population that is there), and the command says so and ends with 2.

\b
Examples:
  python -m stylegan.population -o people/ --apart 0.55
  python -m stylegan.population -o people/ --people 100 --apart 0.5 --psi 1.2
"""
_MARK = "traits.csv"
_OURS = re.compile(r"traits\.csv|person_\d+/\d+\.(?:png|jpg)")
app = typer.Typer(add_completion=False)


class _Format(StrEnum):
    png = "png"
    jpg = "jpg"


@app.command(help=_EXAMPLES)
def main(
    output: Annotated[Path, option("the folder to make", "--output", "-o")],
    people: Annotated[int, option("how many people", min=1, max=100_000)] = 240,
    most: Annotated[int, option("pictures of a person at most", min=1, max=8)] = 4,
    apart: Annotated[float, option("least distance of two people", min=0)] = 0.6,
    within: Annotated[float, option("largest distance in a person", min=0)] = 0.45,
    psi: Annotated[float, option("variety: truncation of the drawn w", min=0, max=2)] = 1.0,
    tries: Annotated[int, option("faces drawn at most, for each person", min=1)] = 60,
    generator: Annotated[
        Path | None, option("a checkpoint of any kind; default: the one that ships")
    ] = None,
    side: Annotated[int, option("side of the pictures in px", min=64, max=2048)] = 256,
    kind: Annotated[_Format, option("png, or jpg of quality 92", "--format")] = _Format.jpg,
    seed: Annotated[int, option("the same seed draws the same people", min=0)] = 0,
    overwrite: Annotated[bool, option("replace a population that is there", "--overwrite")] = False,
    debug: Debug = False,
) -> None:
    """Draw, check, write beside, take the place."""
    if within >= apart:
        raise InputError(f"--within {within} is not less than --apart {apart}")
    _check_output(output, overwrite)
    from tqdm import tqdm

    import stylegan
    from encoders.latent.people import PopulationConfig, generate_people

    network = stylegan.load(generator)
    terms = PopulationConfig(
        people=people,
        most=most,
        apart=apart,
        within=within,
        psi=psi,
        tries=tries,
        seed=seed,
        side=side,
        kind=kind.value,
    )
    drawn = generate_people(network, terms, progress=True)
    people_kept = list(tqdm(drawn, "people", people, unit="person", disable=None))
    if not people_kept:
        raise InputError("no face was found in anything drawn: is it a generator of faces?")
    if len(people_kept) < people and any(output.glob("*")):  # not replaced by fewer than asked for
        raise InputError(_too_few(len(people_kept), terms, f"{output} stays as it is"))
    _write(output, people_kept, kind.value)
    pictures = pluralize(sum(len(person.files) for person in people_kept), "picture")
    if len(people_kept) < people:
        raise InputError(_too_few(len(people_kept), terms, f"they are in {output}, {pictures}"))
    print(f"{pluralize(people, 'person', 'people')}, {pictures} in {output}")


def _too_few(found: int, terms: PopulationConfig, then: str) -> str:
    return (
        f"{pluralize(found, 'person', 'people')} of {terms.people} wanted: no more of them"
        f" {terms.apart} apart were met in {pluralize(terms.tries * terms.people, 'face')}; {then}."
        " A larger --psi or --tries, or a smaller --apart, finds more"
    )


def _check_output(output: Path, overwrite: bool) -> None:
    if not output.exists():
        return
    if not output.is_dir():
        raise OutputError(f"{output} is a file: name a folder")
    names = {str(path.relative_to(output)) for path in output.rglob("*") if not path.is_dir()}
    ours = all(_OURS.fullmatch(name) for name in names)
    if names and not (overwrite and ours):
        what = "a population: --overwrite replaces it" if ours else "something else: name another"
        raise OutputError(f"{output} holds {what}")


def _write(output: Path, people: list[Person], kind: str) -> None:
    """All of it beside ``output``, then in its place."""
    beside = output.with_name(f".{output.name}.new")
    try:
        if beside.exists():
            shutil.rmtree(beside)
        beside.mkdir(parents=True)
        rows = ["image,person,age,gender"]
        for number, person in enumerate(people):
            rows += _write_person(beside, f"person_{number:03d}", person, kind)
        (beside / _MARK).write_text("\n".join(rows) + "\n", encoding="utf-8")
        if output.exists():
            shutil.rmtree(output)
        beside.replace(output)
    except OSError as error:
        raise OutputError(f"{output}: cannot be written ({error})") from None


def _write_person(place: Path, name: str, person: Person, kind: str) -> Iterator[str]:
    (place / name).mkdir()
    for i, file in enumerate(person.files):
        (place / name / f"{i}.{kind}").write_bytes(file)
        yield f"{name}/{i}.{kind},{name},{person.age},{person.gender}"


if __name__ == "__main__":
    cli.run(app)
