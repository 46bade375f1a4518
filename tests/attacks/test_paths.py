"""Path tricks in every name that somebody may give: nothing is written or read outside its folder."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from engines import api, paths, registry, runs
from engines.contract import InputError
from engines.data.archive import unpack
from engines.datasets.exporting import kept_export
from engines.datasets.folder import DatasetFolder
from tests.pages import finished_run
from ui.page import uploads

TRICKS = (
    "../../../outside.csv", "/outside.csv", "..\\..\\outside.csv", "C:\\outside.csv", "a/../../../outside.csv", "..",
    "", "\0outside.csv", "outside.csv\0.png", "~/outside.csv", "$HOME/outside.csv", "file:///outside.csv", "con.csv",
    "a" * 3_000 + ".csv", "\u202egnp.exe", "outside\n.csv", "%2e%2e%2foutside.csv", "．．/outside.csv", "|id", ".",
)  # fmt: skip


@pytest.fixture
def before(tmp_path: Path) -> set[Path]:
    """Every file there is outside the folders that names may be written to."""
    return outside(tmp_path)


def outside(root: Path) -> set[Path]:
    own = [paths.uploads(), paths.datasets(), paths.runs(), paths.home() / "work"]
    found = {
        Path(folder) / name
        for folder, _, names in os.walk(root)
        if not any(Path(folder).is_relative_to(place) for place in own)
        for name in names
    }
    near = (root.parent, paths.PROJECT, Path.home(), Path("/"))  # where the tricks would lead
    return found | {file for place in near for file in place.glob("*outside*")}


@pytest.mark.parametrize("name", TRICKS)
def test_an_upload_of_any_name_lies_in_its_own_folder(name: str, tmp_path: Path, before: set[Path]) -> None:
    data_id = uploads.keep([uploads.Made(name, b"text,label\na,b\n"), uploads.Made("second.csv", b"x")])
    brought = Path(uploads.origin(data_id).path)
    assert brought.parent == paths.uploads() / data_id
    with zipfile.ZipFile(brought) as archive:
        assert not [inside for inside in archive.namelist() if "/" in inside or "\\" in inside or "\0" in inside]
        assert max(len(inside) for inside in archive.namelist()) <= 200
    assert outside(tmp_path) == before


@pytest.mark.parametrize("name", TRICKS)
def test_an_example_and_a_class_of_any_name_lie_in_their_data_set(name: str, tmp_path: Path, before: set[Path]) -> None:
    dataset = DatasetFolder.create("texts", name)
    try:
        dataset.add_class(name)
        dataset.add(b"some words", name, next(iter(dataset.state().counts)))
    except (InputError, StopIteration):  # a name of nothing is refused
        dataset.add_class("a")
        dataset.add(b"some words", name, "a")
    exported = kept_export(dataset)
    assert exported.is_relative_to(dataset.path)
    unpack(exported, tmp_path / "out")
    assert outside(tmp_path) - before == {tmp_path / "out" / "metadata.csv"}


@pytest.mark.parametrize("name", TRICKS)
def test_a_title_is_never_a_path(name: str, tmp_path: Path, before: set[Path]) -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    run.rename(name)
    assert len(run.recipe.title) <= 80
    assert run.path.parent == paths.runs()
    assert outside(tmp_path) == before


def test_a_sample_a_model_or_a_format_is_looked_up_and_never_a_path(tmp_path: Path, before: set[Path]) -> None:
    run = finished_run.write(paths.runs() / runs.new_id())
    for name in TRICKS:
        for task in registry.names():
            with pytest.raises(InputError):
                api.make_sample(task, name, tmp_path / "out")
        with pytest.raises(InputError):
            api.task(run.recipe.task).describe(name)
        with pytest.raises(InputError):
            api.export(run.path, tmp_path / "out", name)
    assert outside(tmp_path) == before
