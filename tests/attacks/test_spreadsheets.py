"""No table that somebody downloads holds a formula of what somebody else has typed (OWASP, CSV Injection)."""

from __future__ import annotations

import ast
import csv
import io
import zipfile
from pathlib import Path

import pytest

from engines import paths
from engines.data.tables import safe_cell, write_csv
from engines.datasets.exporting import kept_export
from engines.datasets.folder import DatasetFolder
from engines.exports.spreadsheet_escape import harmless

FORMULAS = ('=HYPERLINK("http://x","y")', "+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(1)", "\t=1", "\r=1")

UNTYPED = {
    "ui/control/try_it.py": "numbers of sliders, read by the warm server",
    "ui/comparisons/told.py": "numbers, and words of ours",
    "ui/speech/data.py": "our own sentences to read aloud, read by the check",
    "ui/unlabelled/desk.py": "texts as they are, read by the warm server",
    "engines/data/templates.py": "our own examples",
    "engines/classification/hold_out.py": "a part of a sample, read by the check",
    "engines/control/logs/recording.py": "numbers of a simulator",
    "engines/forecasting/labels.py": "one line, shown on the page",
    "engines/speech/samples.py": "our own samples",
    "engines/vision/medical/label_tables.py": "what is kept of somebody's table in their upload, read by the check",
    "engines/vision/medical/shown.py": "the same, a row for each picture that a scan gives",
}
"""Files that write a table of which no cell is a stranger's, or which nobody downloads."""


def test_every_file_that_writes_a_table_makes_its_cells_safe_or_holds_nothing_typed() -> None:
    found = {}
    for folder in ("engines", "ui", "pages"):
        for file in (paths.PROJECT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            if "csv.writer" not in text and "csv.DictWriter" not in text:
                continue
            used = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
            found[str(file.relative_to(paths.PROJECT))] = bool(used & {"safe_cell", "harmless"})
    assert len(found) > 8
    assert {name for name, safe in found.items() if not safe} == set(UNTYPED)


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_formula_becomes_text(formula: str, tmp_path: Path) -> None:
    assert safe_cell(formula).startswith("'")
    assert harmless(formula).startswith("'")
    write_csv(tmp_path / "a.csv", [formula], [[formula]])
    for row in csv.reader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8-sig"), newline="")):
        assert row[0].startswith("'")


def test_a_number_with_a_sign_stays_one() -> None:
    assert [safe_cell(text) for text in ("-1.5", "+3", "ok", "")] == ["-1.5", "+3", "ok", ""]


def test_a_data_set_that_is_downloaded_holds_no_formula_and_the_one_that_is_learnt_from_every_letter() -> None:
    dataset = DatasetFolder.create("texts", "typed")
    dataset.add_class(FORMULAS[0])
    dataset.add(FORMULAS[1].encode(), "a.txt", FORMULAS[0])
    cells = {}
    for for_people in (True, False):
        with zipfile.ZipFile(kept_export(dataset, for_people=for_people)) as archive:
            rows = list(csv.reader(io.StringIO(archive.read("metadata.csv").decode())))
        cells[for_people] = rows[1]
    assert cells[False] == [FORMULAS[1], FORMULAS[0]]
    assert cells[True] == [f"'{FORMULAS[1]}", f"'{FORMULAS[0]}"]
