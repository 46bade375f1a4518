"""The rule of the house: `python -m engines VERB DOMAIN.TASK` is engines/DOMAIN/TASK/VERB.py."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from engines import registry

ROOT = Path(__file__).resolve().parents[1]
MOST_FILES = 20
"""In a folder, besides its __init__."""
MOST_LINES = 350
TEMPLATES = ("script_template", "model_template")
"""Code that an export hands over whole: it may be as long as it takes to be read from top to bottom."""

VERBS = {
    "check": ("report", ["task", "data", "settings", "seed", "gallery", "test", "progress"]),
    "fit": ("open_study", ["task", "recipe", "settings", "run"]),
    "predict": ("load", ["task", "run"]),
    "explain": ("explain", ["task", "run", "data", "out", "method", "example"]),
}
EXPORT = ("export", ["task", "run", "out"])


def sources() -> list[Path]:
    return [*ROOT.glob("engines/**/*.py"), *ROOT.glob("ui/**/*.py"), *ROOT.glob("pages/*.py")]


@pytest.mark.parametrize("name", list(registry.TASKS))
def test_a_task_is_a_folder_with_a_file_a_verb(name: str) -> None:
    """The folder is named as the task, and each verb's file holds the function of that verb."""
    task = registry.task(name)
    folder = ROOT / "engines" / name.replace(".", "/")
    assert (folder / "task.py").is_file()
    assert inspect.getfile(type(task)) == str(folder / "task.py")
    for verb, (function, arguments) in {**VERBS, **{f"export_{kind}": EXPORT for kind in task.info.exports}}.items():
        module = task.verb(verb)
        shared = [
            Path(inspect.getfile(kind)).parent for kind in type(task).__mro__[1:] if "engines." in kind.__module__
        ]
        assert Path(str(module.__file__)).parent in [folder, *shared], verb
        found = list(inspect.signature(getattr(module, function)).parameters)
        assert [argument.strip("_") for argument in found] == arguments, verb


def test_no_folder_holds_more_than_a_glance_can_take_in() -> None:
    folders: dict[Path, int] = {}
    for file in sources():
        folders[file.parent] = folders.get(file.parent, 0) + (file.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): n for folder, n in folders.items() if n > MOST_FILES} == {}


def test_no_file_is_longer_than_can_be_read() -> None:
    long = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines())
        for file in sources()
        if not file.stem.startswith(TEMPLATES)
    }
    assert {name: lines for name, lines in long.items() if lines > MOST_LINES} == {}


def test_screens_and_tests_mirror_the_engines() -> None:
    """ui/DOMAIN is a domain's; what all share imports nothing of one. tests/DOMAIN/TASK is what engines has."""
    domains = set(registry.domains())
    assert {folder.name for folder in (ROOT / "ui").iterdir() if (folder / "__init__.py").is_file()} == {
        *domains,
        "batch",
        "comparisons",
        "federated",
        "hosting",
        "rooms",
        "kinds",
        "page",
        "runs",
        "search",
        "evidence",
        "home",
        "steps",
        "widgets",
        "unlabelled",
        "showing",
    }
    for file in [*ROOT.glob("ui/steps/*.py"), *ROOT.glob("ui/page/*.py"), *ROOT.glob("ui/widgets/*.py")]:
        text = file.read_text(encoding="utf-8")
        assert not [domain for domain in domains if f"ui.{domain}" in text], file
    for domain in domains:
        own = [
            folder
            for folder in (ROOT / "tests" / domain).rglob("*")
            if folder.is_dir() and any(folder.glob("test_*.py"))
        ]
        assert [folder for folder in own if not (ROOT / "engines" / folder.relative_to(ROOT / "tests")).is_dir()] == []


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in [*ROOT.glob("engines/**/__init__.py"), *ROOT.glob("ui/**/__init__.py")]
        if not file.read_text(encoding="utf-8").startswith('"""') and any(file.parent.glob("*.py"))
    ]
    assert silent == []
