"""The documentation: links lead somewhere, commands and names exist, the site builds."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

import anonfaces

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("datasets/*/*.md")])
PAGES += [ROOT / "datasets" / "README.md", ROOT / "notebooks" / "README.md"]
PACKAGES = ("anonbase", "anonfaces", "encoders", "stylegan")
PUBLIC = (
    *("anonfaces", "anonfaces.anonymize", "anonfaces.cluster", "anonfaces.errors"),
    *("anonfaces.evaluate", "anonfaces.optics", "anonfaces.publish", "anonfaces.tradeoff"),
    "anonfaces.withdraw",
    *("encoders", "encoders.attributes", "encoders.latent", "stylegan"),
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_HAND_OVER = re.compile(r'hand_over\("([\w.]+)"\)')
_REMOTE = ("http://", "https://", "mailto:")


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _blocks(page: Path, language: str) -> list[str]:
    return [body for kind, body in _FENCE.findall(page.read_text()) if kind == language]


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs make them."""
    headings = re.findall(r"^#+ (.*)$", _FENCE.sub("", page.read_text()), re.MULTILINE)
    plain = (re.sub(r"[^\w\s-]", "", heading.lower()).strip() for heading in headings)
    return {re.sub(r"[\s-]+", "-", heading) for heading in plain}


def _is_broken(page: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = page.parent / file if file else page
    if not target.exists():
        return True
    return bool(anchor) and anchor not in _anchors(target)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_local_links_and_their_anchors_resolve(page: Path) -> None:
    links = _LINK.findall(_FENCE.sub("", page.read_text()))
    local = [link for link in links if not link.startswith(_REMOTE)]
    assert [link for link in local if _is_broken(page, link)] == []


def test_a_broken_link_and_a_broken_anchor_are_found() -> None:
    assert _is_broken(ROOT / "README.md", "docs/nowhere.md")
    assert _is_broken(ROOT / "README.md", "docs/cookbook.md#nowhere")
    assert not _is_broken(ROOT / "README.md", "docs/cookbook.md#choose-the-surrogate")


def _options(module: str, word: str) -> set[str]:
    """The options of the command ``python -m module word``."""
    options = _parameters(module, word)
    return {name for option in options for name in (*option.opts, *option.secondary_opts)}


@cache
def _parameters(module: str, word: str) -> list[Any]:
    """What the command ``python -m module`` takes, which may hand over to another module.

    ``word`` is what follows: the name of one of its commands, where it has several.
    """
    place = ROOT.joinpath(*module.split("."))
    entry = f"{module}.__main__" if place.is_dir() else module
    source = ROOT.joinpath(*entry.split(".")).with_suffix(".py").read_text()
    above = _HAND_OVER.search(source)
    command = typer.main.get_command(import_module(above[1] if above else entry).app)
    return list(getattr(command, "commands", {}).get(word, command).params)


def _commands() -> list[tuple[str, str]]:
    lines = [
        (_name(page), line.strip())
        for page in PAGES
        for language in ("bash", "")
        for block in _blocks(page, language)
        for line in block.replace("\\\n", " ").splitlines()
    ]
    ours = re.compile(rf"python -m ({'|'.join(PACKAGES)})\b")
    return [(page, line) for page, line in lines if ours.match(line)]


@pytest.mark.parametrize(("page", "line"), _commands())
def test_a_command_has_the_options_that_are_written(page: str, line: str) -> None:
    module, *words = shlex.split(line, comments=True)[2:]
    written = {word for word in words if re.match(r"--?[a-z]", word)}
    assert written - _options(module, words[0] if words else "") - {"--help"} == set(), page


def test_there_are_commands_to_look_at() -> None:
    assert len(_commands()) > 20


def _remedies() -> list[str]:
    """The commands that messages name, where a file of weights is missing or of no use."""
    told = re.compile(r'^_?REMEDY = "(python -m .*)"$', re.MULTILINE)
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return sorted({line for path in files for line in told.findall(path.read_text())})


@pytest.mark.parametrize("line", _remedies())
def test_a_remedy_names_all_that_its_command_requires(line: str) -> None:
    module, *words = shlex.split(line)[2:]
    required = [one for one in _parameters(module, words[0] if words else "") if one.required]
    options = [one for one in required if one.param_type_name == "option"]
    assert all(set(option.opts) & set(words) for option in options), line
    values = [word for word in words if word.isupper() or word.endswith(".h5")]
    assert len(values) == len(required), line


@pytest.mark.parametrize("page", [p for p in PAGES if _blocks(p, "python")], ids=_name)
def test_python_on_a_page_can_be_read_and_imports_what_there_is(page: Path) -> None:
    for block in _blocks(page, "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
                module = import_module(str(node.module))
                assert {alias.name for alias in node.names} <= set(module.__all__)


@pytest.mark.parametrize("package", PUBLIC)
def test_the_reference_has_every_public_name(package: str) -> None:
    text = "".join(path.read_text() for path in (ROOT / "docs" / "reference").glob("*.md"))
    listed = set(re.findall(r"^::: [\w.]+\.(\w+)$", text, re.MULTILINE))
    listed |= set(re.findall(r"^## (\w+)$", text, re.MULTILINE))
    assert set(import_module(package).__all__) - listed == set()


def test_every_page_has_its_place_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    pages = (str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").glob("**/*.md"))
    assert [page for page in pages if f": {page}\n" not in navigation] == []


def test_contributing_shows_the_layers_that_are_checked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    inner = [layer.replace("anonfaces.", "") for layer in layers if "anonfaces." in layer]
    outer = ["anonfaces", *(layer for layer in layers if "anonfaces." not in layer)]
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert f"    {' > '.join(outer)}\n" in text
    assert f"    {' > '.join(inner)}\n" in text


def test_there_is_one_version() -> None:
    version = anonfaces.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text()
    assert '\nversion = "' not in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_tells_type_checkers_that_it_is_typed(package: str) -> None:
    assert (ROOT / package / "py.typed").is_file()


def test_the_readme_stays_short() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


@pytest.mark.slow
@pytest.mark.slow
def test_the_site_builds_without_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some five seconds: all pages are rendered, and our packages are parsed for the reference."""
    pytest.importorskip("mkdocs", reason="pip install -e '.[docs]'")
    pytest.importorskip("mkdocstrings", reason="pip install -e '.[docs]'")
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "surrogate" in (tmp_path / "site" / "glossary.html").read_text()
