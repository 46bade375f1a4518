"""Finding objects on the vision page: the data with their boxes, the result with its pictures, and one to try."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from engines import paths, registry, runs, weights
from engines.contract import Recipe, Result, Strategy
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests.pages.opening import File, checked, opened, text
from ui.page import recorded, uploads
from ui.vision import boxed, live

TASK = "vision.detection"
VISION = "pages/vision.py"
CUP = {"label": "cup", "box": [10, 10, 50, 50]}
LEAF = {"label": "leaf", "box": [60, 20, 90, 70]}


def said(one: dict[str, Any], score: float, right: bool) -> dict[str, Any]:
    return {**one, "score": score, "right": right}


PICTURES = {
    "right.jpg": ([CUP], [said(CUP, 0.9, True), said(LEAF, 0.2, False)]),
    "missed.jpg": ([CUP, LEAF], [said(CUP, 0.8, True)]),
    "false.jpg": ([], [said({"label": "<b>", "box": [0, 0, 20, 20]}, 0.7, False)]),
}
"""Name -> what is there, what was found. Made by hand: shown to nobody."""


@pytest.fixture
def run() -> RunFolder:
    recipe = Recipe(task=TASK, data="/nowhere/cups.zip", model="tf_efficientnet_lite0", strategy=Strategy.PARTIAL)
    made = RunFolder.create(recipe, paths.runs() / runs.new_id())
    (made.path / "thumbnails").mkdir()
    rows = []
    for name, (truth, found) in PICTURES.items():
        Image.new("RGB", (100, 80), "#a65").save(made.path / "thumbnails" / name)
        rows.append(
            {
                "file": f"images/{name}",
                "label": "",
                "predicted": "",
                "width": 100,
                "height": 80,
                "truth": json.dumps(truth),
                "boxes": json.dumps(found),
                "thumbnail": f"thumbnails/{name}",
            }
        )
    pq.write_table(pa.Table.from_pylist(rows), made.path / "predictions.parquet")
    own = {"n": 2, "recall": 0.5, "low": 0.1, "high": 0.9, "precision": 1.0, "ap50": 0.5, "ap": 0.3}
    per_class = [{"class": name, **own, "ap50_low": 0.2, "ap50_high": 0.8} for name in ("cup", "leaf")]
    curve = {"recall": [0.5, 1.0], "precision": [1.0, 0.5], "score": [0.9, 0.2]}
    result = Result(
        run=made.id,
        task=TASK,
        model=recipe.model,
        strategy="partial",
        metric="map50",
        value=0.5,
        low=0.2,
        high=0.8,
        higher_is_better=True,
        n_train=10,
        n_validation=4,
        n_test=3,
        seconds=41.3,
        trainable_parameters=5124,
        parameters=3_376_132,
        seed=0,
        baselines={},
        details={
            "classes": ["cup", "leaf"],
            "threshold": {"value": 0.3, "f1": 0.6, "n": 4},
            "per_class": per_class,
            "sizes": [{"name": "small", "n": 3, "map50": None, "map": None}],
            "curves": [{"class": name, **curve} for name in ("cup", "leaf")],
        },
        comparison="skipped",
    )
    made.write("result.json", result.to_json())
    (made.path / "model").mkdir()
    return made


def captions(at: Any) -> str:
    return "\n".join(element.body for element in at.get("html"))


def test_pictures_are_filtered_by_a_click_and_by_confidence(run: RunFolder) -> None:
    at = opened(VISION, run=run.id)
    assert "**2** found, **1** missed, **1** not there." in text(at)
    assert "0.30 was chosen on 4 validation pictures" in text(at)
    assert "right.jpg: 1 found, 0 missed, 0 not there" in captions(at)
    assert "&lt;b&gt; 70 %" in captions(at)
    kinds = next(one for one in at.segmented_control if one.key == "found_kind")
    assert kinds.options == ["All (3)", "Something missed (1)", "A false box (1)", "All right (1)"]
    kinds.set_value("missed").run()
    assert not at.exception
    assert "missed.jpg: 1 found, 1 missed, 0 not there" in captions(at)
    assert "right.jpg" not in captions(at)
    slider = next(one for one in at.slider if one.key == f"confidence_{run.id}")
    slider.set_value(0.95).run()
    assert "**0** found, **3** missed, **0** not there." in text(at)
    assert "right.jpg: 0 found, 1 missed, 0 not there" in captions(at)


def test_a_true_box_is_found_once_and_by_its_own_class() -> None:
    other = said({**LEAF, "box": CUP["box"]}, 0.7, False)
    shown = boxed.compare([CUP], [said(CUP, 0.9, True), said(CUP, 0.8, False), other])
    assert [box.kind for box in shown] == ["found", "false", "false"]
    assert [box.kind for box in boxed.compare([CUP, LEAF], [])] == ["missed", "missed"]
    assert boxed.overlap([0, 0, 2, 1], [1, 0, 3, 1]) == pytest.approx(1 / 3)


def test_the_page_switches_between_both_tasks() -> None:
    at = opened(VISION, task=TASK, step="data")
    switch = next(one for one in at.segmented_control if one.key == "task_switch")
    assert switch.value == TASK
    assert "No boxes yet?" in text(at)
    switch.set_value("vision.classification").run()
    assert not at.exception
    assert at.query_params["task"] in ("vision.classification", ["vision.classification"])


def test_data_are_shown_with_their_boxes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "000.jpg")
    gallery = [{"label": "2 cup", "name": "a.jpg", "thumbnail": str(tmp_path / "000.jpg")}]
    report = checked(TASK, classes={"cup": 30, "leaf": 11}, gallery=gallery, details={"empty": 3})

    def ask(question: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        if question["verb"] == "check":
            return report
        raise client.ServerFailed("It was not measured.")

    monkeypatch.setattr(client, "ask", ask)
    data = uploads.keep([File("cups.zip", b"PK")], (".zip",))
    at = opened(VISION, task=TASK, data=data, step="data")
    assert "41 boxes in all. 3 pictures have nothing to find on them." in text(at)
    assert "2 cup" in captions(at)


def test_a_picture_can_be_tried(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(_question: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        row = {"boxes": [{**CUP, "score": 0.9}], "unsure": [{**LEAF, "score": 0.2}], "threshold": 0.3}
        return {"rows": [{"file": "0.jpg", **row, "width": 100, "height": 80}], "milliseconds": 12.0}

    monkeypatch.setattr(client, "ask", ask)
    at = opened(VISION, run=run.id)
    next(one for one in at.get("button_group") if one.key == "try_example").set_value("images/right.jpg").run()
    assert not at.exception
    assert "1 thing found on" in captions(at)
    next(one for one in at.slider if one.key == "try_confidence_0").set_value(0.1).run()
    assert "2 things found on" in captions(at)


def test_what_the_camera_shows_is_answered_and_not_kept(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []

    def ask(question: dict[str, Any], *_: object, **__: object) -> dict[str, Any]:
        (frame,) = Path(question["data"]).iterdir()
        asked.append(frame.read_bytes())
        row = {"boxes": [{**CUP, "score": 0.9}], "unsure": [{**LEAF, "score": 0.2}], "threshold": 0.3}
        return {"rows": [{"file": "frame.jpg", **row, "width": 100, "height": 80}], "milliseconds": 12.0}

    monkeypatch.setattr(client, "ask", ask)
    found = recorded.finished(run)
    assert found is not None
    told = live.ask(found, b"a frame")
    assert asked == [b"a frame"]
    assert not list(paths.uploads().glob("try-*")), "no frame is kept"
    shown = [[box.text for box in live.picture(told["row"], b"a frame", least).boxes] for least in (0.3, 0.1)]
    assert shown == [["cup 90 %"], ["cup 90 %", "leaf 20 %"]]

    def broken(*_: object, **__: object) -> dict[str, Any]:
        raise client.ServerFailed("It is gone.")

    monkeypatch.setattr(client, "ask", broken)
    assert live.ask(found, b"another") == {"unclear": "It is gone."}
    at = opened(VISION, run=run.id)
    switch = next(one for one in at.toggle if one.key == "live_camera")
    switch.set_value(True).run()
    assert not at.exception
    assert any(slider.key == "live_confidence" and slider.value == 0.3 for slider in at.slider)


def test_networks_that_are_not_here_are_listed_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """torchvision's detectors, whose files do not come with Headstart; those of the hub are called by name."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    at = opened(VISION, task=TASK, step="model")
    by_title = {card.name: weights.where(card) for card in registry.task(TASK).models()}
    assert by_title["ssdlite320_mobilenet_v3_large"] != "here"
    assert "SSDlite, MobileNetV3" in text(at)
    assert "COCO: 118 thousand photographs" in text(at)
    assert any("hub's DETR family" in field.label for field in at.text_input)


def test_how_soon_it_learnt_is_drawn_beside_random_weights_on_one_clock() -> None:
    """The run that is recorded with the project, whose page opens on it."""
    at = opened(VISION, run="recorded_scenes_seed_0")
    assert "How soon it learnt" in text(at)
    assert "On 24 validation pictures, which is few" in text(at)
    drawn = [json.loads(element.proto.spec) for element in at.get("plotly_chart")]
    clock = next(one for one in drawn if one["layout"]["xaxis"]["title"]["text"] == "seconds of training")
    names = {line["name"]: line for line in clock["data"] if line.get("name")}
    assert {"validation", "from scratch"} <= names.keys()
    assert len(names["from scratch"]["x"]) == 5
    assert max(names["validation"]["y"]) > 0.4 > max(names["from scratch"]["y"])
