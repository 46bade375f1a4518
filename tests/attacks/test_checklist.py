"""The checklist names tests, and each of them exists."""

from __future__ import annotations

import ast
import re

from engines import paths

PAGE = paths.PROJECT / "docs" / "hosting_asvs.md"
OTHERS = (paths.PROJECT / "docs" / "hosting.md",)
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def test_every_test_that_the_checklist_names_exists() -> None:
    missing = []
    for page in (PAGE, *OTHERS):
        for file, name in NAMED.findall(page.read_text(encoding="utf-8")):
            path = paths.PROJECT / file
            tree = ast.parse(path.read_text(encoding="utf-8")) if path.is_file() else ast.Module([], [])
            if name not in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}:
                missing.append(f"{page.name}: {file}::{name}")
    assert missing == []


def test_every_point_is_held_by_a_test_or_says_why_not() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d+\.\d+\.\d+ ", line)]
    assert len(rows) > 60
    assert len({row.split()[1] for row in rows}) == len(rows)
    for row in rows:
        assert NAMED.search(row) or "*not held*" in row or "does not apply:" in row or "see 3.1.1" in row, row
