"""Looking through pictures, texts and series by the real code, with networks of a moment."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from engines import api, paths, registry
from engines.contract import InputError
from engines.jobs.serving.handlers import LoadedModels, answer
from engines.unlabelled import labelling, store
from engines.unlabelled.examples import MOST, Unlabelled
from engines.unlabelled.explore import _sampled
from tests import tiny_series, tiny_text
from tests.contract import tiny

SHIPPED = paths.PROJECT / "engines/text/shipped"
VISION, TEXT, SERIES = "vision.classification", "text.sentiment", "forecasting.forecast"


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tasks' usual networks are small ones with random weights."""
    models = tmp_path / "models"
    monkeypatch.setenv("HEADSTART_MODELS", str(models))
    tiny.TINY[VISION].write_weights(models)
    tiny_text.write_bert(models)
    for name, model in ((VISION, tiny.TINY[VISION].model), (TEXT, "tiny-bert")):
        task = registry.task(name)
        monkeypatch.setattr(type(task), "info", replace(task.info, default_model=model))
        monkeypatch.setattr(task.verb("embed"), "ALIKE", 0.999999)  # to random weights all is nearly alike
    return models


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Twelve pictures of two colours, one of them twice, one broken, and two files that are none."""
    folder, rng = tmp_path / "mixed", np.random.default_rng(0)
    folder.mkdir()
    for number in range(12):
        colour = (200, 30, 30) if number % 2 else (30, 30, 200)
        pixels = np.clip(np.array(colour) + rng.normal(0, 40, (32, 32, 3)), 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:02d}.png")
    (folder / "twice.png").write_bytes((folder / "03.png").read_bytes())
    (folder / "broken.png").write_bytes((folder / "03.png").read_bytes()[:60])
    (folder / "notes.txt").write_text("no picture")
    (folder / "sound.wav").write_bytes(b"RIFF")
    return folder


def explored(data: Path, out: Path, task: str = VISION, **chosen: Any) -> dict[str, Any]:
    return api.explore(task, data, out, **chosen)


def test_a_folder_of_pictures_is_mapped_grouped_and_put_in_order(pictures: Path, tmp_path: Path) -> None:
    found = explored(pictures, tmp_path / "out", clusters=2)
    table = pq.read_table(tmp_path / "out" / "map.parquet").to_pydict()
    assert found["n"] == len(table["file"]) == 13
    assert sorted(skipped["where"] for skipped in found["skipped"]) == ["broken.png", "notes.txt", "sound.wav"]
    assert ["twice.png", "03.png"] in found["copies"]
    assert table["duplicate_of"][table["file"].index("twice.png")] == "03.png"
    assert table["order"][table["file"].index("twice.png")] is None
    assert [group["n"] for group in found["clusters"]] == sorted(
        (group["n"] for group in found["clusters"]), reverse=True
    )
    assert sum(group["n"] for group in found["clusters"]) == 13
    asked = dict(zip(table["order"], table["file"], strict=True))
    assert [asked[number] for number in range(1, len(found["first"]) + 1)] == found["first"]
    assert all((tmp_path / "out" / preview).is_file() for preview in table["preview"])


@pytest.mark.parametrize(
    ("task", "file", "settings", "first"),
    [
        ("text.translation", "pairs.csv", {}, "Good morning!"),
        ("text.generation", "conversations.jsonl", {"text_column": "prompt"}, "What time do you open?"),
    ],
)
def test_pairs_and_conversations_are_looked_through_as_texts(
    task: str, file: str, settings: dict[str, Any], first: str, tmp_path: Path
) -> None:
    found = api.explore(task, SHIPPED / file, tmp_path / "out", clusters=2, settings=settings)
    assert (found["kind"], found["task"]) == ("texts", TEXT)
    assert found["column"] in found["columns"]
    assert len(found["columns"]) == 2
    assert first in pq.read_table(tmp_path / "out" / "map.parquet")["preview"].to_pylist()


def test_of_a_column_of_chats_what_people_say_is_looked_at(tmp_path: Path) -> None:
    said = ["What time do you open?", "Where is the lamp?", "How much is it?", "Is there a café?", "Do you sell maps?"]
    chats = [[{"role": "user", "content": text}, {"role": "assistant", "content": "Yes."}] for text in said]
    data = tmp_path / "chats.jsonl"
    data.write_text("\n".join(json.dumps({"messages": chat}) for chat in chats), encoding="utf-8")
    found = api.explore("text.generation", data, tmp_path / "out", clusters=2)
    assert pq.read_table(tmp_path / "out" / "map.parquet")["preview"].to_pylist() == said
    assert any("what people say in them" in note for note in found["notes"])


def test_another_number_of_groups_looks_at_nothing_again(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    explored(pictures, tmp_path / "out", clusters=2)
    places = pq.read_table(tmp_path / "out" / "map.parquet", columns=["x", "y"])

    def again(*_: Any) -> Unlabelled:
        raise AssertionError("it looked again")

    monkeypatch.setattr("engines.vision.classification.embed.look_through", again)
    found = explored(pictures, tmp_path / "out", clusters=3)
    assert len(found["clusters"]) == 3
    assert pq.read_table(tmp_path / "out" / "map.parquet", columns=["x", "y"]) == places
    with pytest.raises(AssertionError, match="it looked again"):
        explored(pictures, tmp_path / "out", clusters=3, seed=1)


@pytest.mark.parametrize("k", [1, 14, 999])
def test_a_number_of_groups_that_cannot_be_is_refused(pictures: Path, tmp_path: Path, k: int) -> None:
    with pytest.raises(InputError, match=rf"found {k} clusters for 13 pictures.*accepted: 2 to 1\d"):
        explored(pictures, tmp_path / "out", clusters=k)


def test_one_picture_is_too_few_and_twenty_of_the_same_are_nothing_to_tell_apart(tmp_path: Path) -> None:
    one, same = tmp_path / "one", tmp_path / "same"
    for folder, n in ((one, 1), (same, 20)):
        folder.mkdir()
        for number in range(n):
            Image.new("RGB", (32, 32), (90, 20, 20)).save(folder / f"{number}.png")
    with pytest.raises(InputError, match="only 1 of its pictures can be looked at"):
        explored(one, tmp_path / "out")
    with pytest.raises(InputError, match="all 20 pictures are the same"):
        explored(same, tmp_path / "out")


def test_folders_are_set_aside_as_labels(pictures: Path, tmp_path: Path) -> None:
    for number in range(12):
        (into := pictures / ("red" if number % 2 else "blue")).mkdir(exist_ok=True)
        (pictures / f"{number:02d}.png").rename(into / f"{number:02d}.png")
    (pictures / "twice.png").unlink()
    found = explored(pictures, tmp_path / "out", clusters=2)
    kept = store.details(tmp_path / "out")
    assert kept is not None
    assert set(kept["came_as"]) == {"red", "blue"}
    assert "set aside" in " ".join(found["notes"])


def test_labels_lead_to_the_next_and_to_a_curve(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = explored(pictures, out, clusters=2)
    first = found["first"]
    labels = [(name, "red" if int(name[:2]) % 2 else "blue") for name in first[:6]]
    question = {"verb": "suggest", "folder": str(out), "labels": labels, "a_round": 2, "left_out": [first[6]]}
    told = answer(question, LoadedModels(), lambda *_: None)
    assert sum(told["classes"].values()) == 6
    assert not {name for name, _ in labels} & set(told["next"])
    assert first[6] not in told["next"]
    assert "twice.png" not in told["next"]
    assert told["curve"][-1]["labels"] == 6
    assert told["curve"][-1]["rest"] is None  # these came without labels
    skipped = labelling.suggest(out, labelling.Progress(labels, passed_over=[told["next"][0]]), a_round=2)
    assert skipped["next"][0] != told["next"][0]
    assert skipped["next"][-1] == told["next"][0]


def test_what_was_never_looked_through_has_no_next(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing has been looked through there"):
        labelling.suggest(tmp_path, labelling.Progress([]), a_round=2)


def test_a_table_of_texts_and_the_labels_that_came_with_it(tmp_path: Path) -> None:
    rows = tiny_text.reviews(each=10)
    n = len(rows)
    found = explored(tiny_text.write_table(tmp_path / "texts.csv", rows), tmp_path / "out", TEXT, clusters=3)
    assert (found["kind"], found["n"]) == ("texts", n)
    kept = store.details(tmp_path / "out")
    assert kept is not None
    assert sorted(kept["came_as"]) == sorted(label for _, label in rows)
    assert kept["previews"] == [text for text, _ in rows]


def test_few_series_are_looked_at_in_stretches(tmp_path: Path) -> None:
    found = explored(tiny_series.write_series(tmp_path / "series"), tmp_path / "out", SERIES, clusters=2)
    assert found["kind"] == "series"
    assert "stretches" in " ".join(found["notes"])
    previews = pq.read_table(tmp_path / "out" / "map.parquet").to_pydict()["preview"]
    assert all(len(json.loads(preview)) > 1 for preview in previews)


def test_a_task_without_examples_that_can_be_alike_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be looked through without labels"):
        explored(pictures, tmp_path / "out", "control.policy")


def test_that_only_some_were_looked_at_is_said() -> None:
    many = Unlabelled("pictures", ["a"] * MOST, ["a"] * MOST, np.zeros((MOST, 2)), 0.9, there=20_000)
    assert _sampled(many, 3) == ["2,000 of the 20,000 pictures were drawn (seed 3) and looked at; the others were not."]
    assert _sampled(replace(many, there=MOST), 3) == []
