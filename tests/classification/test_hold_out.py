"""What is kept aside for good: some of each class, nothing of it in what is learnt from, and its score by hand."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engines import api, paths
from engines.classification.hold_out import score
from engines.contract import InputError
from engines.jobs.serving.handlers import LoadedModels, answer
from tests.contract.tiny import COLOURS, EACH, TINY


def digests(archive: Path) -> Counter[str]:
    """Of every file in a zip but its table."""
    with zipfile.ZipFile(archive) as opened:
        return Counter(
            hashlib.sha256(opened.read(name)).hexdigest() for name in opened.namelist() if name != "metadata.csv"
        )


def rows(archive: Path) -> list[dict[str, str]]:
    with zipfile.ZipFile(archive) as opened:
        return list(csv.DictReader(io.StringIO(opened.read("metadata.csv").decode())))


def key_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "key.json").read_text(encoding="utf-8"))
    return found


def test_no_picture_that_is_asked_about_is_learnt_from_nor_is_a_copy_of_it(
    tiny_photographs: Path, tmp_path: Path
) -> None:
    data = tmp_path / "pictures"
    shutil.copytree(tiny_photographs, data)
    for number in range(EACH):
        shutil.copyfile(data / "red" / f"{number:02d}.png", data / "red" / f"copy-{number:02d}.png")
    told = api.hold_out("vision.classification", data, tmp_path / "aside", most=300, seed=3)
    learnt, asked = digests(Path(told["learn"])), digests(Path(told["ask"]))
    assert not learnt.keys() & asked.keys()
    assert learnt + asked == Counter(hashlib.sha256(file.read_bytes()).hexdigest() for file in data.rglob("*.png"))
    assert (told["n"], told["left"]) == (asked.total(), learnt.total())
    key = key_of(tmp_path / "aside")
    assert Counter(key["labels"]) == {**dict.fromkeys([*COLOURS, "grey"], 3), "red": 6}  # a quarter of each
    label_of = {hashlib.sha256(file.read_bytes()).hexdigest(): file.parent.name for file in data.rglob("*.png")}
    with zipfile.ZipFile(told["ask"]) as opened:
        right = [label_of[hashlib.sha256(opened.read(name)).hexdigest()] for name in key["names"]]
    assert right == key["labels"]
    assert not any(label in name for name in key["names"] for label in (*COLOURS, "grey"))
    report = api.check("vision.classification", told["learn"])
    assert (report.n_examples, report.classes["red"]) == (told["left"], 18)
    question = {"verb": "hold_out", "task": "vision.classification", "data": str(data), "most": 300, "seed": 3}
    again = answer({**question, "out": str(tmp_path / "again")}, LoadedModels(), lambda *_done: None)  # as pages ask
    assert digests(Path(again["ask"])) == asked
    other = api.hold_out("vision.classification", data, tmp_path / "other", most=10, seed=4)
    assert digests(Path(other["ask"])) != asked
    assert other["n"] == 10  # of red, one with its copy


def test_texts_that_differ_in_capitals_alone_stay_on_one_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = TINY["text.sentiment"]
    tiny.write_weights(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    task = api.task("text.sentiment")
    monkeypatch.setattr(type(task), "model_for", lambda *_given: tiny.model)
    table = tmp_path / "texts.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label", "split"])
        for number in range(40):
            for text in (f"a fine, quiet day number {number}", f"A fine, quiet day number {number}!"):
                writer.writerow([text, ["good", "bad"][number % 2], ["train", "test"][number // 2 % 2]])
    told = api.hold_out("text.sentiment", table, tmp_path / "aside", most=300, seed=0)
    learnt = rows(Path(told["learn"]))
    with Path(told["ask"]).open(encoding="utf-8", newline="") as file:
        asked = list(csv.DictReader(file))
    assert [*asked[0]] == ["text"]
    plain = [{row["text"].strip("!").lower() for row in some} for some in (learnt, asked)]
    assert not plain[0] & plain[1]
    assert (
        (len(learnt), len(asked)) == (told["left"], told["n"]) == (64, 16)
    )  # of 20 of each kind, 5 are wanted and two pairs fit
    assert Counter(row["split"] for row in learnt) == {"train": 32, "test": 32}
    key = key_of(tmp_path / "aside")
    assert key["names"] is None
    assert key["labels"] == [["good", "bad"][int(row["text"].strip("!").split()[-1]) % 2] for row in asked]


def test_clips_of_voices_keep_their_speaker_and_go_to_one_side(tmp_path: Path) -> None:
    data = api.make_sample("speech.speaker", "voices", paths.samples() / "speech.speaker")
    told = api.hold_out("speech.speaker", data, tmp_path / "aside", most=300, seed=0)
    assert not digests(Path(told["learn"])).keys() & digests(Path(told["ask"])).keys()
    assert set(Counter(key_of(tmp_path / "aside")["labels"]).values()) == {3}
    assert {row["speaker"] for row in rows(Path(told["learn"]))} == set(key_of(tmp_path / "aside")["labels"])


def test_a_task_without_classes_keeps_nothing_aside(tmp_path: Path) -> None:
    assert not api.task("control.policy").holds_out
    with pytest.raises(InputError, match="no part of its data can be kept aside"):
        api.hold_out("control.policy", tmp_path, tmp_path / "aside")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "key.json"
    file.write_text(json.dumps({"names": ["0.png", "1.png", "2.png", "3.png"], "labels": ["a", "a", "a", "b"]}))
    return file


def test_the_score_is_the_mean_over_classes_and_no_answer_is_a_wrong_one(key: Path) -> None:
    answers = [{"file": "3.png", "label": "b"}, {"file": "0.png", "label": "a"}, {"file": "1.png", "label": "b"}]
    found = score([*answers, {"file": "2.png", "error": "cut off"}], key)
    assert found.value == pytest.approx((1 / 3 + 1) / 2)
    assert found.low < found.value < found.high
    assert found.n == 4
    assert score([], key).value == 0.0


def test_texts_are_scored_in_their_order_or_not_at_all(key: Path) -> None:
    key.write_text(json.dumps({"names": None, "labels": ["a", "b"]}))
    said = [{"file": "line 2", "label": "a"}, {"file": "line 3", "label": "b"}]
    assert score(said, key).value == 1.0
    assert score(said[::-1], key).value == 0.0
    with pytest.raises(InputError, match="it answered 1 of 2"):
        score(said[:1], key)
