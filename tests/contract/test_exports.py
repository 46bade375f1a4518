"""What leaves the house: a model holds no data and nothing of its owner, and answers new files as predict does."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
import re
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engines import paths
from engines.runs import RunFolder
from tests import alone
from tests.contract.conftest import HOST, OWNER, RUN, UPLOAD, Subject

ENCODED = re.compile(rb"[A-Za-z0-9+/]{64,}={0,2}")
WORDS_OF_A_TEXT = 4


@pytest.fixture(scope="module", params=("safetensors", "onnx", "sb3"))
def format(request: pytest.FixtureRequest) -> str:
    """Each format of a model that the task exports."""
    return str(request.param)


@pytest.fixture(scope="module")
def model(features: RunFolder, subject: Subject, format: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return subject.task.export(features.path, format, tmp_path_factory.mktemp("exported") / format)


@pytest.fixture(scope="module")
def script(features: RunFolder, subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return subject.task.export(features.path, "script", tmp_path_factory.mktemp("exported") / "script")


def inside(content: bytes) -> Iterator[bytes]:
    """The content of a file, and of all that is packed into it: archives (NPZ and torch's among them), base64."""
    yield content
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                yield name.encode()
                yield from inside(archive.read(name))
    for found in ENCODED.findall(content):
        try:
            yield base64.b64decode(found)
        except binascii.Error:
            continue


def said_in(folder: Path, words: list[str]) -> set[tuple[str, str]]:
    """(file, word) of each of `words` that is anywhere in an exported folder."""
    found = set()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        packed = [file.name.encode(), *inside(file.read_bytes())]
        found |= {(file.name, word) for word in words if any(word.encode() in each for each in packed)}
    return found


def files_of(data: Path) -> list[str]:
    return sorted({path.name for path in [data, *data.rglob("*")] if path.is_file()})


def texts_of(data: Path) -> list[str]:
    """What a table among the data says in whole sentences."""
    found: list[str] = []
    for path in [data, *data.rglob("*")]:
        if path.suffix == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                found += [cell for row in csv.reader(file) for cell in row]
        elif path.suffix == ".jsonl":
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [value for line in lines for value in json.loads(line).values()]
    return [text for text in found if len(text.split()) >= WORDS_OF_A_TEXT]


def test_the_owner_and_the_data_can_be_found_where_they_are(subject: Subject, features: RunFolder) -> None:
    """What the next test looks for is there in the run: else it could not fail."""
    assert UPLOAD in (features.path / "recipe.json").read_text(encoding="utf-8")
    assert features.path.name == RUN
    assert files_of(subject.data)
    if subject.task.info.name.startswith(("text.", "speech.transcription")):
        assert len(texts_of(subject.data)) >= 20


def test_a_model_holds_nothing_of_its_owner_and_none_of_the_data(model: Path, subject: Subject) -> None:
    """Class names, and those of voices and series, are part of a model: it has to know them."""
    assert said_in(model, [*identity(subject), *files_of(subject.data), *texts_of(subject.data)]) == set()


def test_a_script_says_that_it_holds_data_and_nothing_of_its_owner(script: Path, subject: Subject) -> None:
    assert said_in(script, identity(subject)) == set()
    head = " ".join((script / subject.tiny.script).read_text(encoding="utf-8").split('"""')[1].split())
    assert re.search("share (it|this folder) with those who may", head)
    assert re.search("holds your data|names your files|says what your robot is like", head)


def identity(subject: Subject) -> list[str]:
    return [OWNER, HOST, RUN, UPLOAD, str(paths.PROJECT), str(subject.data.parent)]


def test_the_recipe_that_leaves_is_that_of_the_run_without_its_data(model: Path, features: RunFolder) -> None:
    leaves = json.loads((model / "recipe.json").read_text(encoding="utf-8"))
    stays = json.loads((features.path / "recipe.json").read_text(encoding="utf-8"))
    assert leaves == {**stays, "data": None}
    assert leaves["data_sha256"]


def alike(one: Any, other: Any, close: float) -> bool:
    if isinstance(one, float | int):
        return bool(one == pytest.approx(other, abs=close))
    if isinstance(one, list):
        return len(one) == len(other) and all(alike(a, b, close) for a, b in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(alike(value, other[key], close) for key, value in one.items())
    return bool(one == other)


def test_it_answers_odd_files_as_predict_does(
    model: Path, features: RunFolder, subject: Subject, tmp_path: Path
) -> None:
    """The command of its README, where Headstart cannot be seen."""
    assert "python usage.py" in (model / "README.md").read_text(encoding="utf-8")
    data = subject.tiny.write_odd(tmp_path / "odd")
    expected = {(row["file"], row.get("step")): row for row in subject.task.load(features.path).predict(data)}
    given = sorted(data.iterdir()) if data.is_dir() else [data]
    ended = used(model / "usage.py", *map(str, given))
    assert ended.returncode == 0, ended.stderr
    rows = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {(row["file"], row.get("step")) for row in rows} == expected.keys()
    for row in rows:
        own = expected[row["file"], row.get("step")]
        assert ("error" in row) == ("error" in own), (row, own)
        for name in row.keys() - {"error"}:
            assert alike(row[name], own[name], subject.tiny.close), (name, row, own)


def test_without_a_file_a_model_says_how_it_is_used(model: Path) -> None:
    told(used(model / "usage.py"))


def test_without_its_data_a_script_says_how_it_is_used(script: Path, subject: Subject) -> None:
    """One that finds its data beside it says what is not there."""
    program = script / subject.tiny.script
    if re.search(r'paths_given\("\w', program.read_text(encoding="utf-8")):
        told(used(program))
    elif "paths_given" in program.read_text(encoding="utf-8"):
        ended = used(program, "nowhere.csv")
        assert (ended.returncode, ended.stderr) == (2, "there is no nowhere.csv\n")


def told(ended: subprocess.CompletedProcess[str]) -> None:
    assert ended.returncode == 2, ended.stderr
    assert re.fullmatch(r"usage: python \w+\.py .+\n", ended.stderr)


def used(program: Path, *given: str) -> subprocess.CompletedProcess[str]:
    return alone.run(program, *given, cwd=program.parent)
