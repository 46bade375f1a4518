"""Data sets made in the app: events that survive anything, and what they come to."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines import paths
from engines.contract import InputError
from engines.datasets.exporting import export, kept_export, require_trainable
from engines.datasets.folder import DatasetFolder, New

NAMES = ("cat", "dog", "a/b", "1")
CONTENTS = (b"one", b"two", b"three")


def id_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Model:
    """What a person would expect, as plain as can be: all that is there, and a copy of it before each change."""

    items: list[list[str | None]] = field(default_factory=list)  # id, label
    repeats: Counter[str] = field(default_factory=Counter)
    named: list[str] = field(default_factory=list)
    alone: set[str] = field(default_factory=set)
    before: list[Model] = field(default_factory=list)

    def copy(self) -> Model:
        items = [list(item) for item in self.items]
        return Model(items, Counter(self.repeats), list(self.named), set(self.alone), list(self.before))

    def name(self, label: str | None) -> None:
        if label is not None and label not in self.named:
            self.named.append(label)

    def drop(self, gone: set[str]) -> None:
        self.items = [item for item in self.items if item[0] not in gone]
        self.repeats = Counter({i: n for i, n in self.repeats.items() if i not in gone})

    def does(self, step: tuple[str, ...]) -> None:
        verb, *given = step
        if verb == "undo":
            if self.before:
                past = self.before[-1]
                self.__dict__.update(past.copy().__dict__)
            return
        past = self.copy()
        if verb == "add":
            content, label = given
            self.name(label)
            known = next((item for item in self.items if item[0] == id_of(content)), None)
            if known is None:
                self.items.append([id_of(content), label])
            else:
                self.repeats[id_of(content)] += 1
                known[1] = label or known[1]
        elif verb == "label":
            content, label = given
            self.name(label)
            for item in self.items:
                item[1] = label if item[0] == id_of(content) else item[1]
        elif verb == "rename_class":
            old, new = given
            for item in self.items:
                item[1] = new if item[1] == old else item[1]
            if old in self.named:
                both = {old, new}
                self.alone = {new if name in both else name for name in self.alone}
                self.named = list(dict.fromkeys(new if name in both else name for name in self.named))
        elif verb == "add_class":
            self.name(given[0])
            self.alone.add(given[0])
        elif verb == "remove_class":
            self.named = [name for name in self.named if name != given[0]]
            self.alone.discard(given[0])
            self.drop({str(i) for i, label in self.items if label == given[0]})
        elif verb == "remove":
            self.drop({id_of(given[0])})
        self.before = [*past.before, past]

    @property
    def classes(self) -> tuple[str, ...]:
        used = {label for _, label in self.items}
        return tuple(name for name in self.named if name in used or name in self.alone)


def do(dataset: DatasetFolder, step: tuple[str, ...]) -> None:
    verb, *given = step
    if verb == "add":
        dataset.add(given[0], "x.jpg", given[1])
    elif verb == "label":
        dataset.label([id_of(given[0])], given[1])
    elif verb == "remove":
        dataset.remove([id_of(given[0])])
    else:
        getattr(dataset, verb)(*given)


name, content = st.sampled_from(NAMES), st.sampled_from(CONTENTS)
STEP = st.one_of(
    st.tuples(st.just("add"), content, st.none() | name),
    st.tuples(st.just("label"), content, st.none() | name),
    st.tuples(st.just("rename_class"), name, name),
    st.tuples(st.just("add_class"), name),
    st.tuples(st.just("remove_class"), name),
    st.tuples(st.just("remove"), content),
    st.tuples(st.just("undo")),
)


def seen(dataset: DatasetFolder) -> tuple[object, ...]:
    state = dataset.state()
    items = [[item.id, item.label] for item in state.items]
    return items, state.classes, state.repeated, state.can_undo


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=14))
def test_any_events_come_to_what_a_person_expects(steps: list[tuple[str, ...]]) -> None:
    dataset, model = DatasetFolder.create("pictures", "Any"), Model()
    for step in steps:
        do(dataset, step)
        model.does(step)
        assert seen(dataset) == (model.items, model.classes, model.repeats.total(), bool(model.before))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=1, max_size=6), cut=st.floats(0, 1), after=STEP)
def test_a_log_cut_at_any_byte_goes_on_from_its_last_whole_line(
    steps: list[tuple[str, ...]], cut: float, after: tuple[str, ...]
) -> None:
    dataset = DatasetFolder.create("pictures", "Cut")
    sizes, log = [0], dataset.path / "events.jsonl"
    for step in steps:
        do(dataset, step)
        sizes.append(log.stat().st_size)
    at = round(cut * sizes[-1])
    log.write_bytes(log.read_bytes()[:at])
    model = Model()
    for step, size in zip(steps, sizes[1:], strict=True):
        if size - 1 <= at:  # all but the line's end will do
            model.does(step)
    assert seen(dataset) == (model.items, model.classes, model.repeats.total(), bool(model.before))
    do(dataset, after)
    model.does(after)
    assert seen(dataset) == (model.items, model.classes, model.repeats.total(), bool(model.before))


def test_the_same_bytes_twice_are_one_example_counted() -> None:
    dataset = DatasetFolder.create("pictures", "  Cups \n and plates ")
    first = dataset.add(b"cup", "cup.png", "cup")
    assert dataset.add(b"cup", "other.png", None) == first == id_of(b"cup")
    state = dataset.state()
    assert (len(state.items), state.repeated, state.items[0].label) == (1, 1, "cup")
    assert dataset.about.title == "Cups and plates"
    dataset.add(b"cup", "again.png", "plate")
    assert dataset.state().counts == {"plate": 1}
    dataset.undo()
    assert dataset.state().counts == {"cup": 1}


def test_a_burst_is_one_step_to_undo() -> None:
    dataset = DatasetFolder.create("pictures", "Burst")
    dataset.add_all([New(bytes([number]), f"{number}.jpg", "cup") for number in range(20)])
    assert dataset.state().counts == {"cup": 20}
    dataset.undo()
    assert dataset.state().items == ()
    assert not dataset.state().can_undo


def test_the_hash_depends_on_examples_and_labels_and_on_nothing_else() -> None:
    one, other = DatasetFolder.create("pictures", "One"), DatasetFolder.create("pictures", "Other")
    one.add_all([New(b"a", "a.jpg", "x"), New(b"b", "b.jpg", "y")])
    other.add(b"b", "renamed.jpg", "y")
    other.add(b"a", "a.png", "z")
    assert one.sha256 != other.sha256
    other.rename_class("z", "x")
    assert one.sha256 == other.sha256


def test_tabs_that_add_at_once_lose_nothing() -> None:
    dataset = DatasetFolder.create("pictures", "Two tabs")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: DatasetFolder.find(dataset.id).add(b"%d" % n, f"{n}.jpg", "x"), range(64)))
    assert dataset.state().counts == {"x": 64}


KILLED = """
import os, signal, sys
from engines.datasets.folder import DatasetFolder
dataset = DatasetFolder.find(sys.argv[1])
for number in range(3):
    dataset.add(b"%d" % number, "x.jpg", "x")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_labelled_survives_a_kill() -> None:
    dataset = DatasetFolder.create("pictures", "Killed")
    ended = subprocess.run([sys.executable, "-c", KILLED, dataset.id], timeout=60)
    assert ended.returncode == -9
    assert dataset.state().counts == {"x": 3}


def test_it_is_found_by_its_id_and_by_nothing_else() -> None:
    mine = DatasetFolder.create("texts", "", owner="me")
    DatasetFolder.create("texts", "Theirs", owner="them")
    nobodys = DatasetFolder.create("texts", "Nobody's")
    assert [dataset.id for dataset in DatasetFolder.owned("me")] == [mine.id]
    assert DatasetFolder.owned("") == []
    assert DatasetFolder.find(nobodys.id).about.title == "Nobody's"
    for wrong in ("", "../runs", "x" * 22, f"{mine.id}/"):
        with pytest.raises(InputError, match="there is no data set at this address"):
            DatasetFolder.find(wrong)


@pytest.mark.parametrize(
    ("kind", "content", "label", "sentence"),
    [
        ("films", b"", None, "there is no kind 'films'"),
        ("pictures", b"", None, "x.jpg: is empty"),
        ("texts", b" \n", None, "x.jpg: is empty"),
        ("texts", b"\xff\xfe", None, "x.jpg: is no text in UTF-8"),
        ("pictures", b"x", "\n", "class: it has no name"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_nothing_added(
    kind: str, content: bytes, label: str | None, sentence: str
) -> None:
    with pytest.raises(InputError, match=sentence):
        DatasetFolder.create(kind, "Bad").add_all([New(b"good", "good.jpg"), New(content, "x.jpg", label)])
    assert not list(paths.datasets().glob("*/events.jsonl"))


def test_deleting_takes_everything_and_can_be_undone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = DatasetFolder.create("texts", "Gone", owner="me")
    dataset.add(b"fine", "1", "good")
    work = paths.work(kept_export(dataset))
    dataset.delete(undo=True)
    assert not dataset.exists
    assert DatasetFolder.owned("me") == []
    with pytest.raises(InputError, match="there is no data set"):
        dataset.label([id_of(b"fine")], "bad")
    again = DatasetFolder.restore(dataset.id)
    assert again.state().counts == {"good": 1}
    again.delete(undo=True)
    monkeypatch.setattr("engines.trash.SECONDS", -1)
    DatasetFolder.purge()
    assert not list(paths.datasets().iterdir())
    assert not work.exists()
    with pytest.raises(InputError, match="there is no data set"):
        DatasetFolder.restore(dataset.id)


def rows(path: Path) -> list[list[str]]:
    with zipfile.ZipFile(path) as archive:
        return list(csv.reader(io.StringIO(archive.read("metadata.csv").decode())))


def test_an_export_names_each_example_beside_its_class(tmp_path: Path) -> None:
    dataset = DatasetFolder.create("pictures", "Cups")
    dataset.add_all([New(b"a", "../my cup.JPG", "a/b"), New(b"b", "no ending", "1"), New(b"c", "left.png")])
    found = rows(export(dataset, tmp_path / "x.zip"))
    a, b = id_of(b"a")[:12], id_of(b"b")[:12]
    assert found == [["file_name", "label"], [f"pictures/my-cup-{a}.jpg", "a/b"], [f"pictures/no-ending-{b}.jpg", "1"]]
    with zipfile.ZipFile(tmp_path / "x.zip") as archive:
        assert archive.read(found[1][0]) == b"a"
    assert rows(export(dataset, tmp_path / "y.zip", labelled=False)) == [
        ["file_name"],
        [f"pictures/left-{id_of(b'c')[:12]}.png"],
    ]
    assert kept_export(dataset).read_bytes() == (tmp_path / "x.zip").read_bytes()
    with pytest.raises(InputError, match="no example with a class"):
        export(DatasetFolder.create("sounds", "None"), tmp_path / "z.zip")


def test_an_export_of_texts_is_one_table(tmp_path: Path) -> None:
    dataset = DatasetFolder.create("texts", "Reviews")
    dataset.add_all([New(b'It was "fine",\nmostly', "1", "good"), New("Schön".encode(), "2", "good")])
    assert rows(export(dataset, tmp_path / "x.zip")) == [
        ["text", "label"],
        ['It was "fine",\nmostly', "good"],
        ["Schön", "good"],
    ]


def test_events_are_lines_that_anybody_can_read() -> None:
    dataset = DatasetFolder.create("pictures", "Read")
    dataset.add_class("é")
    (line,) = (dataset.path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert {**json.loads(line), "time": 0} == {"time": 0, "kind": "add_class", "class": "é"}


@pytest.mark.parametrize(
    ("shown", "sentence"),
    [
        ({}, "data set: no class has examples; show examples of two classes or more."),
        ({"cup": [b"1", b"2"]}, "data set: only one class, cup, has examples; show examples of two classes or more."),
        ({"cup": [b"1", b"2"], "plate": [b"3"]}, "class plate: it has one example; show two or more."),
        (
            {"cup": [b"1", b"2"], "plate": [b"3"] * 20},
            "class plate: it has one example, for the same one again is one example; show two or more.",
        ),
    ],
)
def test_what_nothing_can_learn_from(shown: dict[str, list[bytes]], sentence: str) -> None:
    dataset = DatasetFolder.create("pictures", "Few")
    dataset.add_class("bowl")
    for label, contents in shown.items():
        dataset.add_all([New(content, "x.jpg", label) for content in contents])
    with pytest.raises(InputError) as caught:
        require_trainable(dataset.state())
    assert str(caught.value) == sentence
