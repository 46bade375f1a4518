"""A run as a notebook that repeats it: the code of the exported script in cells, with what each part is about."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engines.contract import Task
from engines.exports import bundle, notebook_plots
from engines.exports.specialise import without_unused
from engines.messages import _
from engines.runs import RunFolder

HEADING = re.compile(r"^# --- (.+) ---\n", re.MULTILINE)
STARTS = 'if __name__ == "__main__":\n'
FILE = "HERE = Path(__file__).parent\n"
GIVEN = re.compile(r'given = paths_given\("DATA \[TEST\]", 1\)\n(\s*)main\(given\[0\], given\[-1\]\)')
BESIDE = re.compile(r'main\(\*paths_given\(.+\)\[:1\] or \[(HERE / "[\w.]+")\]\)')
DATA = 'DATA = Path("data")  # where the data lie that the run learnt from: a folder or a file\n'
TEST = "TEST = DATA  # those that it was tested on, where they lie elsewhere\n"


def export(task: Task, run: Path, out: Path) -> Path:
    """What the export `script` writes, the script itself as a notebook; a zip when `out` ends in .zip. Raises
    InputError where there is no script that repeats the run."""
    with bundle.parcel(out) as folder:
        task.export(run, "script", folder)
        script = next(path for path in sorted(folder.glob("*.py")) if STARTS in path.read_text(encoding="utf-8"))
        plots = notebook_plots.cells(task, RunFolder(run))
        cells = cells_of(script.read_text(encoding="utf-8"), came_to(task, run), plots)
        if plots:
            with (folder / "requirements.txt").open("a", encoding="utf-8") as file:
                file.write(f"matplotlib=={version('matplotlib')}\n")
        script.with_suffix(".ipynb").write_text(json.dumps(notebook(cells), indent=1, ensure_ascii=False), "utf-8")
        script.unlink()
    return out


def came_to(task: Task, run: Path) -> str:
    """What the run had come to, in Markdown; empty where it was not tested."""
    found = RunFolder(run).result
    if found is None:
        return ""
    return _(
        "In the run: {metric} **{value:.3f}** (95 % interval {low:.3f} to {high:.3f}; {n:,} test {unit}, seed {seed}).",
        metric=task.info.metric.title,
        value=found.value,
        low=found.low,
        high=found.high,
        n=found.n_test,
        unit=task.info.unit,
        seed=found.seed,
    )


def cells_of(script: str, came_to: str, plots: Sequence[tuple[str, str]] = ()) -> list[tuple[str, str]]:
    """(markdown or code, its text) of each cell: what the script says of itself, its parts under their headings, and
    what starts it, with the places of the data to fill in; `plots`, and what the run came to."""
    said = ast.get_docstring(ast.parse(script)) or ""
    body, start = script.split(STARTS)
    start = re.sub(r"^    ", "", start, flags=re.MULTILINE)
    given = GIVEN.search(start)
    start = "main(DATA, TEST)\n" if given else BESIDE.sub(r"main(\1)", start)
    body = without_unused(f"{body.replace(FILE, 'HERE = Path.cwd()' + chr(10))}{start}")
    body = body[: body.rindex(start)]
    body = body.partition('"""')[2].partition('"""')[2]  # what it says of itself is the first cell
    first, *parts = HEADING.split(body)
    cells = [("markdown", _about(said)), ("code", first)]
    for heading, code in zip(parts[::2], parts[1::2], strict=True):
        cells += [("markdown", f"## {heading}"), ("code", code)]
    if given:
        cells += [("markdown", str(_("## Where your data lie"))), ("code", DATA + TEST)]
    cells += [("markdown", str(_("## Everything, once"))), ("code", start)]
    return [*cells, *plots, *([("markdown", came_to)] if came_to else [])]


def _about(said: str) -> str:
    """The script's own text as a notebook says it."""
    title, _blank, rest = said.partition("\n")
    kept = "\n".join(line for line in rest.splitlines() if not line.startswith("    python "))
    kept = re.sub(r"^    (pip install .+)$", r"```\n\1\n```", kept, flags=re.MULTILINE)
    how = _("Run the cells from top to bottom, in the folder in which this notebook lies.")
    return f"# {title}\n{kept.rstrip()}\n\n{how}"


def notebook(cells: list[tuple[str, str]]) -> dict[str, Any]:
    """As nbformat 4.5 has it: https://nbformat.readthedocs.io."""
    made = []
    for number, (kind, text) in enumerate(cells):
        source = text.strip("\n").splitlines(keepends=True)
        cell: dict[str, Any] = {"cell_type": kind, "id": f"cell-{number}", "metadata": {}, "source": source}
        made.append(cell | ({"execution_count": None, "outputs": []} if kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
