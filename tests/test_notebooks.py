"""The notebooks run from top to bottom, and what is committed of them is fit to be read."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SECONDS = 1800  # a cell: so long only a cell that hangs takes; one minute is usual for all
MOST_BYTES = 400_000

#: A first cell, which leaves nothing of the notebook before but the modules that are loaded: these
#: take most of a start.
AFRESH = """
get_ipython().reset()
import os as _os, matplotlib.pyplot as _plots
_plots.close("all")
_os.chdir({place!r})
"""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def test_there_is_a_notebook() -> None:
    assert NOTEBOOKS


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KernelManager]:
    """One real kernel for all notebooks."""
    own = tmp_path_factory.mktemp("jupyter")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR"):
            patch.setenv(name, str(own / name))
        manager = KernelManager()
        manager.start_kernel()
        yield manager
        manager.shutdown_kernel(now=True)


@pytest.mark.slow
@each_notebook
def test_it_runs(path: Path, sample: Path, tmp_path: Path, kernel: KernelManager) -> None:
    place = tmp_path / "notebooks"
    place.mkdir()
    shutil.copytree(sample, tmp_path / "datasets" / "sample")
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    notebook.cells.insert(0, nbformat.v4.new_code_cell(AFRESH.format(place=str(place))))
    runner = NotebookClient(notebook, kernel, timeout=SECONDS)
    try:
        runner.execute()  # raises at an error
    finally:
        runner.kc.stop_channels()
    first, *done = _code(notebook)
    after = first.execution_count + 1
    assert [cell.execution_count for cell in done] == list(range(after, after + len(done)))
    assert any(output.output_type != "stream" for cell in done for output in cell.outputs)
    assert {made.name for made in place.iterdir()} == {"out"}


@each_notebook
def test_it_was_committed_after_one_run_without_an_error(path: Path) -> None:
    code = _code(nbformat.read(path, as_version=4))
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = {output.output_type for cell in code for output in cell.outputs}
    assert "display_data" in kinds
    assert "error" not in kinds
    streams = {o.name for cell in code for o in cell.outputs if o.output_type == "stream"}
    assert streams <= {"stdout"}
    assert "Traceback" not in path.read_text(encoding="utf-8")


@each_notebook
def test_it_is_small_and_names_no_place_of_the_machine_it_ran_on(path: Path) -> None:
    assert path.stat().st_size < MOST_BYTES
    notebook = nbformat.read(path, as_version=4)
    message = [cell.source for cell in notebook.cells]
    message += [text for cell in _code(notebook) for text in map(_text, cell.outputs)]
    assert not re.findall(r"/(?:work|tmp|home|root|Users)/\S*", "\n".join(message))


@each_notebook
def test_its_links_lead_somewhere(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    written = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\((?!https?:)([^)#]+)", written)
    assert links
    assert not [link for link in links if not (path.parent / link).exists()]


def _code(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _text(output: Any) -> str:
    data = output.get("data", {})
    return output.get("text", "") + "".join(
        text for kind, text in data.items() if kind.startswith("text/")
    )
