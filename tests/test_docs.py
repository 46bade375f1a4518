"""The documentation says what is there: every setting, every link, every decision."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SETTING = re.compile(r"HEADSTART_[A-Z0-9]+(?:_[A-Z0-9]+)*")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|<img[^>]+src=\"([^\"]+)\"")


# --- settings -------------------------------------------------------------------------------------


def texts_in_code() -> list[str]:
    """Every text constant of the product's own code, docstrings included."""
    files = [
        ROOT / "app.py",
        *(file for folder in ("engines", "ui", "pages") for file in (ROOT / folder).rglob("*.py")),
    ]
    trees = (ast.parse(file.read_text(encoding="utf-8")) for file in files)
    return [
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def documented_settings() -> list[str]:
    """First column of the tables in docs/configuration.md."""
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    return re.findall(r"^\| `(HEADSTART_[A-Z0-9_]+)` \|", text, re.MULTILINE)


def test_every_setting_in_the_code_is_documented() -> None:
    mentioned = {name for text in texts_in_code() for name in SETTING.findall(text)}
    assert mentioned - set(documented_settings()) == set()


def test_every_documented_setting_is_read_by_the_code_and_stands_there_once() -> None:
    read = {text for text in texts_in_code() if SETTING.fullmatch(text)}
    documented = documented_settings()
    assert set(documented) - read == set()
    assert len(documented) == len(set(documented))


def test_no_setting_hides_behind_a_name_put_together_in_code() -> None:
    assert [text for text in texts_in_code() if text.endswith("HEADSTART_")] == []


# --- links ----------------------------------------------------------------------------------------


def pages() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """The addresses of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+?) *$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Links of `page` to files or headings that do not exist; links to other hosts are not looked at."""
    broken = []
    for groups in LINK.findall(without_code(page.read_text(encoding="utf-8"))):
        target = next(filter(None, groups))
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        if not file.exists() or (anchor and anchor not in anchors(file.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_broken_link_is_found(tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("# A title: it's long\n")
    page = tmp_path / "page.md"
    page.write_text(
        "[a](there.md) [b](gone.md) ![c](gone.png) [d](there.md#a-title-its-long) [e](there.md#no) "
        '[f](https://example.org/x) `[g](code.md)` <img width="3" src="gone.svg">\n'
    )
    assert broken_links(page) == ["gone.md", "gone.png", "there.md#no", "gone.svg"]


# --- decisions ------------------------------------------------------------------------------------


def test_decisions_are_numbered_without_gaps_and_titled() -> None:
    names = sorted(file.name for file in (ROOT / "docs/decisions").iterdir())
    assert names, "there are no decisions"
    for number, name in enumerate(names, start=1):
        assert re.fullmatch(r"\d{3}-[a-z0-9]+(-[a-z0-9]+)*\.md", name), f"{name} is not NNN-title.md"
        assert int(name[:3]) == number, f"{name}: number {number:03d} is missing or taken twice"
        first = (ROOT / "docs/decisions" / name).read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith(f"# {name[:3]}: "), f"{name} begins with '# {name[:3]}: Title'"
