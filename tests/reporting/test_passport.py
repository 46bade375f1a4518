"""The passport of a run: what its folder shows and forecast, for its owner and for others; its card says the same."""

from __future__ import annotations

import base64
import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from PIL import Image

from engines.contract import Strategy
from engines.reporting import examples, facts, foreseen, groups, html, model_card
from engines.runs import RunFolder
from tests.reporting.test_reporting import BARE, CARD, EVIL, HISTORY, INFO, RECIPE, RESULT, UNKNOWN, Reader
from ui.widgets import take_home

PER_CLASS = [
    {"class": "elm", "n": 250, "recall": 0.96, "low": 0.93, "high": 0.98, "precision": 0.89},
    {"class": "oak", "n": 250, "recall": 0.88, "low": 0.83, "high": 0.91, "precision": 0.95},
]
BIN = {"from": 0.7, "to": 0.8, "n": 500, "confidence": 0.75, "correct": 0.9, "low": 0.85, "high": 0.95}
MEASURED = {"ece": 0.15, "low": 0.1, "high": 0.2, "by_chance": 0.05, "log_loss": 0.4, "bins": [BIN]}
CALIBRATION = {"temperature": 0.7, "n_validation": 300, "before": MEASURED, "after": None}


def predicted(folder: Path, rows: list[dict[str, Any]]) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), folder / "predictions.parquet")
    return folder


def pictures(folder: Path, name: str = "oak") -> Path:
    """Twenty test pictures by two photographers, `name` the true class of half of them; every other one is wrong."""
    folder.mkdir(exist_ok=True)
    rows = []
    for i in range(20):
        thumbnail = f"thumbnails/{i}.jpg"
        (folder / thumbnail).parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), "#a65").save(folder / thumbnail)
        label = name if i % 2 else "elm"
        said = {"label": label, "predicted": "elm", "confidence": 0.5 + i / 50}
        rows.append({"file": f"{label}/{i}.jpg", **said, "thumbnail": thumbnail, "speaker": f"{name} {i < 9}"})
    return predicted(folder, rows)


def page(folder: Path | None = None, **details: Any) -> str:
    return html.write(replace(RESULT, details=RESULT.details | details), RECIPE, CARD, INFO, HISTORY, folder)


# --- what a folder shows --------------------------------------------------------------------------


def test_pictures_are_part_of_the_page_and_nothing_is_fetched(tmp_path: Path) -> None:
    shown = Reader(page(pictures(tmp_path)))
    sources = [value for name, value in shown.attributes if name == "src"]
    assert len(sources) == 16
    assert all(source and source.startswith("data:image/jpeg;base64,") for source in sources)
    assert base64.b64decode(str(sources[0]).split(",")[1]).startswith(b"\xff\xd8")
    assert not {"script", "link", "iframe"} & set(shown.tags)
    assert "href" not in {name for name, _ in shown.attributes}


def test_the_surest_answers_come_first(tmp_path: Path) -> None:
    found = examples.found(pictures(tmp_path))
    assert [one.says for one in found.some[:2]] == ["says elm (86%)", "says elm (82%)"]
    assert [one.says for one in found.worst[:2]] == ["says elm (88%), is oak", "says elm (84%), is oak"]
    assert (found.some[0].right, found.worst[0].right) == (True, False)


def test_a_page_stays_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = (pictures(tmp_path) / "thumbnails/0.jpg").stat().st_size
    monkeypatch.setattr(examples, "MOST_BYTES", 3 * one)
    found = examples.found(tmp_path)
    assert sum(bool(example.picture) for example in found.some + found.worst) == 3
    assert len(found.some) == 8, "the others are named all the same"


def test_a_sound_is_drawn_by_its_loudness(tmp_path: Path) -> None:
    samples = np.concatenate([np.full(8000, 0.25), np.full(8000, 0.5)])
    soundfile.write(tmp_path / "a.wav", samples, 16_000)
    row = {"file": "a.wav", "label": "a fine day", "predicted": "a fine hay", "before": "fire", "sound": "a.wav"}
    (example,) = examples.found(predicted(tmp_path, [row | {"errors_after": 1, "words": 3}])).worst
    assert example.says == "Heard: a fine hay Before it learnt: fire (1 of 3 words wrong)"
    assert example.sound[0] == pytest.approx(0.5, abs=1e-3)
    assert example.sound[-1] == pytest.approx(1.0)
    (tmp_path / "a.wav").write_bytes(b"no sound")
    assert examples.found(tmp_path).worst[0].sound == ()


def series(folder: Path) -> Path:
    """Two series with five origins each: what is forecast of the second is twice what came."""
    rows = [
        {
            "file": f"{name} {origin} +{step}",
            "unique_id": name,
            "origin": str(origin),
            "step": step,
            "ds": str(origin + step - 1),
            "predicted": 10.0 * factor,
            "y": float("nan") if (origin, step) == (9, 2) else 10.0,
            "q0.1": 8.0,
            "q0.9": 24.0,
        }
        for name, factor in (("north", 1), ("south", 2))
        for origin in range(5, 10)
        for step in (1, 2)
    ]
    history = [{"unique_id": name, "ds": str(i), "y": float(i)} for name in ("north", "south") for i in range(12)]
    pq.write_table(pa.Table.from_pylist(history), folder / "history.parquet")
    return predicted(folder, rows)


def test_the_newest_forecast_of_each_series_is_drawn_behind_its_past(tmp_path: Path) -> None:
    north, south = examples.found(series(tmp_path)).some
    assert (north.name, south.name) == ("north", "south")
    assert north.fan is not None
    assert north.fan.past == (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)  # up to the origin, 9
    assert north.fan.median == (10.0, 10.0)
    assert north.fan.came[0] == 10.0
    assert np.isnan(north.fan.came[1])
    assert "nan" not in page(tmp_path)


def test_what_was_answered_stands_beside_what_was_wanted(tmp_path: Path) -> None:
    row = {"file": "line 4", "question": "How much?", "label": "Nine.", "predicted": "Ten.", "perplexity": 3.0}
    (answer,) = examples.found(predicted(tmp_path, [row | {"base_predicted": "Much."}])).some
    shared = html.without_data(html.write(BARE, RECIPE, CARD, UNKNOWN, [], tmp_path))
    assert "Where it is wrong" not in shared, "no heading with nothing below it"
    assert "Nine." not in shared
    assert (answer.text, answer.says) == ("How much?", "It writes: Ten. Wanted: Nine. Before it learnt: Much.")


def test_episodes_show_the_film_and_the_worst(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    frames = [Image.new("RGB", (60, 60), (i * 20, 0, 0)) for i in range(12)]
    frames[0].save(tmp_path / "videos/tuned_target.gif", save_all=True, append_images=frames[1:])
    rows = [{"file": f"episode {i}", "predicted": 100.0 * i, "before": 1.0, "length": 9} for i in range(6)]
    found = examples.found(predicted(tmp_path, rows))
    assert found.worst[0].says == "return 0, 1 as it came"
    assert found.some[0].picture.startswith(b"\xff\xd8")


# --- groups ---------------------------------------------------------------------------------------


def test_the_gap_of_the_classes_is_told_with_its_interval() -> None:
    (by_class,) = groups.found(replace(RESULT, details={"per_class": PER_CLASS}), None)
    # Newcombe: .08 - hypot(.96 - .93, .91 - .88), .08 + hypot(.98 - .96, .88 - .83)
    expected = "Widest gap between elm and oak: +8.0 points (95 % interval +3.8 points to +13.4 points)."
    assert by_class.told(names=True) == expected


def test_series_are_groups_and_the_one_that_is_off_is_the_worst(tmp_path: Path) -> None:
    (by_series,) = groups.found(replace(RESULT, details={}), series(tmp_path))
    assert (by_series.kind, by_series.title) == ("series", "sMAPE")
    assert [(name, found.value, found.n) for name, found in by_series.parts] == [
        ("north", 0.0, 5),
        ("south", pytest.approx(2 / 3), 5),
    ]
    assert by_series.ends[1][0] == "south"


def test_speakers_of_too_few_clips_are_not_told_apart(tmp_path: Path) -> None:
    clip = {"errors_after": 1, "words": 4, "label": "a b c d", "predicted": "a b c"}
    many = [clip | {"speaker": name} for name in ("ann", "bob") for _ in range(5)]
    rows = [*many, *(clip | {"speaker": "eve", "errors_after": 4} for _ in range(4))]
    (by_speaker,) = groups.found(replace(RESULT, details={}), predicted(tmp_path, rows))
    assert [(name, found.value) for name, found in by_speaker.parts] == [("ann", 0.25), ("bob", 0.25)]
    assert by_speaker.told(names=True) == "No gap between the 2: 25.0% in each."


# --- for its owner, and for others ----------------------------------------------------------------


def test_a_page_for_others_shows_nothing_of_the_data(tmp_path: Path) -> None:
    own = page(pictures(tmp_path), per_class=PER_CLASS)
    shared = html.without_data(own)
    for named in ("oak/19.jpg", "oak True", "data:image", "oak/a.png"):
        assert named in own, named
        assert named not in shared, named
    for fact in (
        "87.5%",
        "By class",
        "By speaker",
        "Widest gap between two of 2",
        RECIPE.data_sha256,
        "Where it is wrong",
    ):
        assert str(fact) in shared, fact
    card = model_card.write(
        replace(RESULT, details=RESULT.details | {"per_class": PER_CLASS}), RECIPE, CARD, INFO, tmp_path
    )
    assert "oak True" not in card
    assert "Widest gap between two of 2" in card


def test_a_run_that_is_shared_has_the_page_for_others(tmp_path: Path) -> None:
    run = RunFolder.create(RECIPE, pictures(tmp_path / "run"))
    run.write("report.html", page(run.path))
    run.write("README.md", model_card.write(RESULT, RECIPE, CARD, INFO, run.path))
    with take_home.shared(run) as file, zipfile.ZipFile(file) as archive:
        report = archive.read("report.html").decode()
        assert "Where it is wrong" in report
        for text in (report, archive.read("README.md").decode(), archive.read("recipe.json").decode()):
            assert not [word for word in ("oak/19.jpg", "data:image", "oak True", "leaves.zip") if word in text]


def test_nothing_tells_where_the_data_lie_or_which_run_it_is() -> None:
    elsewhere = replace(
        RECIPE,
        model="/home/ana/runs/AbCdEfGhIjKlMnOpQrStUv",
        test="/home/ana/more.zip",
        settings={"blocks": 2, "corrections": '{"elm/7.jpg": "oak"}'},
    )
    result = replace(RESULT, run="AbCdEfGhIjKlMnOpQrStUv", skipped=[])
    for text in (html.write(result, elsewhere, CARD, INFO, []), model_card.write(result, elsewhere, CARD, INFO)):
        assert not [word for word in ("ana", "AbCdEf", "elm/7.jpg", "leaves.zip") if word in text]
        assert "--data DATA --test TEST --model MODEL --strategy partial --seed 4 --set blocks=2 --out RUN" in text


def test_hostile_names_stay_text_everywhere(tmp_path: Path) -> None:
    pictures(tmp_path, name=EVIL)
    details = {"classes": [EVIL, "elm"], "per_class": [row | {"class": EVIL} for row in PER_CLASS]}
    evil = replace(RESULT, details=RESULT.details | details | {"input": EVIL, "load_snippet": EVIL}, device=EVIL)
    recipe = replace(RECIPE, title=EVIL, settings={"text_column": EVIL})
    shown = Reader(html.write(evil, recipe, replace(CARD, title=EVIL, source=EVIL), INFO, HISTORY, tmp_path))
    assert "script" not in shown.tags
    assert {value for name, value in shown.attributes if name == "src" and not str(value).startswith("data:")} == set()
    assert "onerror" not in {name for name, _ in shown.attributes}
    card = model_card.write(evil, recipe, replace(CARD, title=EVIL, source=EVIL), INFO, tmp_path)
    body = card.split("\n---\n", 1)[1]
    outside_code = "".join(body.split("```")[::2])
    assert "<script" not in outside_code
    assert "<img" not in outside_code


# --- the same facts on both -----------------------------------------------------------------------


def test_report_and_card_say_the_same(tmp_path: Path) -> None:
    forecast = {
        "expected": {"value": 0.82, "error": 0.1},
        "gain": {"value": 0.4, "error": 0.08},
        "mismatch": {"value": 0.34, "said": "Your data are nearer than digits."},
    }
    (tmp_path / "forecast.json").write_text(json.dumps(forecast), encoding="utf-8")
    result = replace(RESULT, details=RESULT.details | {"per_class": PER_CLASS, "calibration": CALIBRATION})
    told = facts.collect(result, RECIPE, CARD, INFO, tmp_path)
    shown = Reader(html.write(result, RECIPE, CARD, INFO, HISTORY, tmp_path)).text
    card = model_card.write(result, RECIPE, CARD, INFO, tmp_path)
    assert told.foreseen == (
        "Expected before training: 82.0% ± 10 points. It came to 87.5%, 6 points off.",
        "Expected gain over random weights: +40.0 points ± 8 points. It came to +37.5 points over training from "
        "scratch.",
        "Your data are nearer than digits.",
    )
    said = [told.what, *told.compared, told.believed, *told.foreseen, told.forgetting, told.limits, told.repeat]
    said += [measure.name for measure in told.measures] + [name for name, _ in told.cost]
    for sentence in said:
        assert sentence, "nothing is left out"
        assert sentence in shown, sentence
        assert sentence in card, sentence
    assert dict(told.cost)["time, comparison included"] == "42 s"
    assert told.believed.startswith("Expected calibration error 15.0% (10.0% to 20.0%): it is right more often")


@pytest.mark.parametrize("text", ["", "[]", "{", '{"expected": null}'])
def test_a_forecast_that_is_none_says_nothing(text: str, tmp_path: Path) -> None:
    (tmp_path / "forecast.json").write_text(text, encoding="utf-8")
    assert foreseen.told(RESULT, RECIPE, INFO.metric, tmp_path) == ()


@pytest.mark.parametrize("other", [{"model": "x"}, {"sha256": "x"}, {"depth": 3}])
def test_a_forecast_about_something_else_says_nothing(other: dict[str, Any], tmp_path: Path) -> None:
    forecast = {"model": RECIPE.model, "sha256": RECIPE.data_sha256, "depth": 0}
    forecast["expected"] = {"value": 0.8, "error": 0.1}
    (tmp_path / "forecast.json").write_text(json.dumps(forecast), encoding="utf-8")
    assert len(foreseen.told(RESULT, RECIPE, INFO.metric, tmp_path)) == 1
    (tmp_path / "forecast.json").write_text(json.dumps(forecast | other), encoding="utf-8")
    assert foreseen.told(RESULT, RECIPE, INFO.metric, tmp_path) == ()


def test_what_was_forgotten_is_said_or_why_it_is_not_known() -> None:
    def forgetting(strategy: Strategy, **details: Any) -> facts.Facts:
        return facts.collect(replace(RESULT, strategy=strategy, details=details), RECIPE, CARD, UNKNOWN)

    numbers = {"value": 34.5, "low": 20.0, "high": 55.0, "n": 12}
    english = forgetting(Strategy.LORA, forgetting={"before": numbers, "after": numbers, "difference": numbers})
    assert english.forgetting.startswith("Perplexity of general English, 12 passages")
    assert [(line.name, line.shown) for line in english.forgot] == [
        ("before", "34.5"),
        ("after", "34.5"),
        ("difference", "34.5"),
    ]
    accent = {"accent": "American", "n": 14, "wer": {"before": numbers, "after": numbers}}
    assert forgetting(Strategy.LORA, forgetting=[accent]).forgot[0].name == "American, 14 clips: before"
    assert forgetting(Strategy.LORA).forgetting == facts.UNMEASURED
    assert "backbone is as it came" in forgetting(Strategy.FEATURES, classes=["elm", "oak"]).forgetting
    assert "random weights" in forgetting(Strategy.SCRATCH).forgetting


def test_what_was_counted_is_told_and_what_was_not_is_said() -> None:
    counted = {"said": 30.0, "took": 36.0, "memory": 1_500_000_000, "gpu_memory": None, "energy": {}}
    rows = dict(facts.collect(replace(RESULT, details={"cost": counted}), RECIPE, CARD, INFO).cost)
    assert rows == {
        "time, comparison included": "36 s",
        "of that from scratch": "9 s",
        "said before": "30 s (+20% came)",
        "device": "CPU, 2 threads, fp32",
        "memory at the peak": "1.50 GB",
        "energy": "not measurable here, no counter can be read",
    }
    used = facts.collect(replace(RESULT, details={"cost": counted | {"energy": {"gpu": 7200.0}}}), RECIPE, CARD, INFO)
    assert dict(used.cost)["energy"] == "2 Wh (gpu)"
    assert "energy" not in dict(facts.collect(RESULT, RECIPE, CARD, INFO).cost)
