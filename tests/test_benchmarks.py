"""The benchmarks write their own sections of the performance page, and nothing else of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.performance_page import PERFORMANCE, ROOT, replaced, table

PAGE = "# Page\n\nBy hand.\n\n<!-- a.py -->\nold\n<!-- end of a.py -->\n\nMore.\n<!-- b.py -->\n<!-- end of b.py -->\n"


def test_a_section_is_replaced_and_the_rest_stays() -> None:
    once = replaced(PAGE, "a.py", "new")
    assert once == PAGE.replace("old", "new")
    assert replaced(once, "a.py", "new") == once
    assert replaced(PAGE, "b.py", "x").endswith("<!-- b.py -->\nx\n<!-- end of b.py -->\n")


@pytest.mark.parametrize("page", ["", "<!-- a.py -->", "<!-- end of a.py --><!-- a.py -->", PAGE + PAGE])
def test_a_page_without_the_section_is_refused(page: str) -> None:
    with pytest.raises(ValueError, match=r"<!-- a\.py -->"):
        replaced(page, "a.py", "new")


def test_a_table() -> None:
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


def test_every_section_has_its_script_and_was_measured() -> None:
    others = (
        "vision.md",
        "text.md",
        "evidence/why.md",
        "few_labels/new_domain.md",
        "few_labels/kinds.md",
        "few_labels/pretraining.md",
        "gpu.md",
    )
    names = (PERFORMANCE, *(ROOT / "docs" / name for name in others))
    pages = [page.read_text(encoding="utf-8") for page in names]
    sections = [found for page in pages for found in re.findall(r"<!-- (\w+\.py) -->\n(.*?)<!-- end", page, re.DOTALL)]
    assert sections
    for script, text in sections:
        assert Path(ROOT / "benchmarks" / script).is_file()
        assert f"`benchmarks/{script}" in text, f"run benchmarks/{script} --write"
