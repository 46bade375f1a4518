"""A run as a notebook: its cells, run in their order where Headstart cannot be seen, repeat the run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engines.runs import RunFolder
from tests import alone
from tests.contract.conftest import Subject, repeated

pytestmark = pytest.mark.usefixtures("script")
RUNNER = """
import json, sys
from pathlib import Path
for cell in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        source = "".join(cell["source"]).replace('Path("data")', f"Path({sys.argv[2]!r})")
        exec(compile(source, cell["id"], "exec"), globals())
"""


@pytest.fixture(scope="module")
def folder(features: RunFolder, subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return subject.task.export(features.path, "notebook", tmp_path_factory.mktemp("exported") / "notebook")


@pytest.fixture(scope="module")
def script() -> None:
    """Asked for by this name, tests run only for tasks that export a script: see conftest.py."""


def cells(folder: Path) -> list[dict[str, Any]]:
    (file,) = folder.glob("*.ipynb")
    found = json.loads(file.read_text(encoding="utf-8"))
    assert (found["nbformat"], found["nbformat_minor"]) == (4, 5)
    cells: list[dict[str, Any]] = found["cells"]
    return cells


def test_its_cells_repeat_the_run(folder: Path, features: RunFolder, subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text(RUNNER, encoding="utf-8")
    (file,) = folder.glob("*.ipynb")
    ended = alone.run(tmp_path / "run.py", file, subject.data, cwd=folder)
    repeated(ended, folder, features)


def test_it_says_what_each_part_is_about_and_starts_nothing_of_a_script(folder: Path) -> None:
    found = cells(folder)
    assert not list(folder.glob("train.py"))
    assert len({cell["id"] for cell in found}) == len(found)
    texts = ["".join(cell["source"]) for cell in found if cell["cell_type"] == "markdown"]
    assert texts[0].startswith("# ")
    assert "Run the cells from top to bottom" in texts[0]
    assert "python train.py" not in texts[0]
    assert sum(text.startswith("## ") for text in texts) >= 3
    assert "95 % interval" in texts[-1]
    code = "\n".join("".join(cell["source"]) for cell in found if cell["cell_type"] == "code")
    assert not re.search(r"__main__|__file__|paths_given|sys\.argv", code)


def test_it_draws_how_the_run_went(folder: Path, features: RunFolder) -> None:
    """The numbers of the run, and its table of classes where it has one; that the cell runs is tried above."""
    code = "".join(next(cell for cell in cells(folder)[::-1] if cell["cell_type"] == "code")["source"])
    result = features.result
    assert result is not None
    assert ("confusion(" in code) == bool(result.details.get("confusion"))
    losses = [event.data for event in features.events() if event.kind == "epoch"]
    if len([row for row in losses if row.get("train_loss") is not None]) > 1:
        assert "curves(" in code
        assert str(round(next(row["train_loss"] for row in losses), 5)) in code
        assert "matplotlib==" in (folder / "requirements.txt").read_text(encoding="utf-8")
