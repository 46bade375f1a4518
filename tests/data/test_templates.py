"""Every template is read as it is meant, or says that nothing is in it yet."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from PIL import Image

from engines import registry
from engines.contract import InputError

TEMPLATES = [(name, file) for name in sorted(registry.TASKS) for file in registry.task(name).templates()]
EXAMPLES = {
    "texts.csv": 12,
    "questions.csv": 12,
    "conversations.jsonl": 12,
    "sentences.csv": 12,
    "series-long.csv": 120,
    "series-wide.csv": 120,
    "pendulum-robot.json": 1060,
    "invertedpendulum-robot.xml": 1060,
}


def written(task: str, file: str, folder: Path) -> Path:
    path = folder / file
    path.write_bytes(registry.task(task).templates()[file])
    return path


def test_every_domain_has_templates_each_with_an_ending_that_its_page_takes() -> None:
    assert {name.split(".")[0] for name, _ in TEMPLATES} == {"vision", "text", "forecasting", "speech", "control"}
    for name, file in TEMPLATES:
        assert file.rpartition(".")[2] in registry.task(name).info.accepts


@pytest.mark.parametrize(("task", "file"), TEMPLATES)
def test_a_template_that_holds_data_can_be_trained_on_as_it_is(task: str, file: str, tmp_path: Path) -> None:
    path = written(task, file, tmp_path)
    if file in EXAMPLES:
        report = registry.task(task).check(path)
        assert (report.n_examples, report.skipped) == (EXAMPLES[file], [])
        return
    empty = "no sound file|no file in it|which is not there|2 transitions of 2 rows can be used"
    with pytest.raises(InputError, match=empty):
        registry.task(task).check(path)


def test_photographs_put_into_the_folders_are_read_as_their_classes(tmp_path: Path) -> None:
    path = written("vision.classification", "photographs-in-folders.zip", tmp_path)
    zipfile.ZipFile(path).extractall(tmp_path / "mine")
    for number in range(12):
        below = tmp_path / "mine" / ("cat" if number % 2 else "dog")
        Image.new("RGB", (40, 40), (20 * number, 90, 200 - 10 * number)).save(below / f"{number}.png")
    report = registry.task("vision.classification").check(tmp_path / "mine")
    assert report.classes == {"cat": 6, "dog": 6}


def test_the_same_template_is_the_same_bytes() -> None:
    task = registry.task("vision.classification")
    assert task.templates() == task.templates()
