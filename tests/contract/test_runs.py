"""Every declared strategy trains, tests, and leaves a run that can be read, asked, explained and carried away."""

from __future__ import annotations

import json
import math
import re
from dataclasses import fields, replace
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engines import lifecycle
from engines.contract import Event, InputError, Result, Strategy, Verdict
from engines.reporting import wording
from engines.runs import RunFolder
from tests import alone
from tests.contract.conftest import Subject, repeated

PROMISED = {
    "run",
    "task",
    "model",
    "strategy",
    "metric",
    "value",
    "higher_is_better",
    "n_train",
    "n_test",
    "seconds",
    "trainable_parameters",
    "parameters",
    "seed",
    "baselines",
}
FILES = ("recipe.json", "events.jsonl", "result.json", "predictions.parquet", "README.md", "report.html", "heartbeat")
EVENTS = {
    "status": ({"state", "message"}, set()),
    "phase": ({"name", "title"}, {"series", "known", "batches"}),
    "progress": ({"phase", "done", "total", "unit"}, {"rate", "seconds_left"}),
    "epoch": (
        {"phase", "series", "epoch", "epochs", "train_loss"}
        | {"best_epoch", "rate", "unit", "seconds_left", "learning_rate"},
        {"validation_loss", "train_metric", "validation_metric", "real_steps", "sim_steps", "zero_shot", "low", "high"},
    ),
    "search": ({"phase", "learning_rate", "points"}, set()),
    "note": ({"message"}, set()),
    "result": ({"series", "metric", "value", "low", "high"}, set()),
}
"""Kind -> (data it always has, data it may have): the table at `contract.Event`."""


def timeless(run: RunFolder) -> Result:
    """The result without the run's name and what it cost."""
    assert run.result is not None
    details = {name: value for name, value in run.result.details.items() if name != "cost"}
    return replace(run.result, run="", seconds=0, details=details)


def same_predictions(one: RunFolder, other: RunFolder) -> bool:
    return pq.read_table(one.path / "predictions.parquet").equals(pq.read_table(other.path / "predictions.parquet"))


def test_result(trained: RunFolder, subject: Subject, strategy: Strategy) -> None:
    text = (trained.path / "result.json").read_text(encoding="utf-8")
    assert json.loads(text).keys() >= PROMISED
    result = Result.from_json(text)
    assert Result.from_json(result.to_json()) == result
    info = subject.task.info
    assert (result.run, result.task, result.model, result.strategy, result.seed) == (
        trained.path.name,
        info.name,
        subject.model(strategy),
        strategy,
        0,
    )
    assert (result.metric, result.higher_is_better) == (info.metric.name, info.metric.higher_is_better)
    assert result.low <= result.value <= result.high
    report = subject.task.check(subject.data, settings=subject.settings)
    splits = {"train": result.n_train, "validation": result.n_validation, "test": result.n_test}
    learnt_from = 0 if strategy in subject.tiny.not_learnt_from else report.splits["train"]
    if folds := result.details.get("folds"):
        assert folds == report.details["folds"]
        assert result.n_test == result.n_train + result.n_validation == report.n_examples
    else:
        assert report.splits | {"train": learnt_from} == splits
    if strategy in {Strategy.ZERO_SHOT, Strategy.PROTOTYPES}:
        assert (result.best_epoch, result.epochs) == (0, 0)
        assert (result.trainable_parameters == 0) is (strategy is Strategy.ZERO_SHOT)
    else:
        assert (not subject.tiny.may_keep_what_came) <= result.best_epoch <= result.epochs <= 3
    assert result.baselines
    assert all(math.isfinite(value) for value in result.baselines.values())


def test_a_few_examples_of_each_class(subject: Subject, tmp_path: Path) -> None:
    """Setting `shots`: what the check says is what the run does, and both say how many are tested."""
    if not hasattr(subject.task.settings, "shots"):
        pytest.skip("its examples have no classes")
    recipe = subject.recipe(Strategy.PROTOTYPES, shots=2)
    result = subject.run(tmp_path / "run", recipe).result
    assert result is not None
    report = subject.task.check(subject.data, settings=subject.task.settings.parse(recipe.settings))
    assert report.splits == {"train": result.n_train, "validation": result.n_validation, "test": result.n_test}
    assert report.splits["train"] == 2 * len(subject.tiny.classes)
    said = f"2 {subject.task.info.unit} of each class are learnt from, drawn with seed 0"
    assert [note for note in report.notes if note.startswith(said)] == [n for n in result.notes if n.startswith(said)]
    assert any(note.startswith(said) for note in report.notes)


def test_what_learns_is_what_the_card_says(trained: RunFolder, subject: Subject, strategy: Strategy) -> None:
    result = trained.result
    assert result is not None
    if not subject.tiny.classes:
        pytest.skip("a head of as many outputs as classes is a classifier's")
    card = subject.task.describe(subject.model(strategy))
    blocks = subject.tiny.strategies[strategy].get("blocks", 1)
    expected = card.trainable(strategy, blocks, len(subject.tiny.classes))
    if expected is None:  # adapters and the head
        head = card.trainable(Strategy.FEATURES, 1, len(subject.tiny.classes)) or 0
        assert head < result.trainable_parameters < result.parameters
    else:
        assert result.trainable_parameters == expected
    assert result.parameters == card.trainable(Strategy.FULL, 1, len(subject.tiny.classes))


def test_run_folder(trained: RunFolder, subject: Subject) -> None:
    assert [name for name in FILES if not (trained.path / name).is_file()] == []
    assert (trained.path / "model").is_dir()
    assert not (trained.path / "checkpoint").exists(), "nothing is left to continue"
    assert not list(trained.path.rglob("*.partial"))
    recipe = trained.recipe
    assert recipe.data_sha256 == subject.task.check(subject.data).sha256
    assert recipe.versions["torch"]
    result = trained.result
    assert result is not None
    rows = pq.read_table(trained.path / "predictions.parquet").num_rows
    assert rows == (subject.tiny.predictions or result.n_test)
    assert f"{result.n_test:,} test" in (trained.path / "README.md").read_text(encoding="utf-8")
    assert wording.value(subject.task.info.metric, result.value) in (trained.path / "report.html").read_text(
        encoding="utf-8"
    )


def test_events(trained: RunFolder) -> None:
    events = trained.events()
    assert [event.number for event in events] == list(range(len(events)))
    assert all(earlier.time <= later.time for earlier, later in pairwise(events))
    for event in events:
        always, maybe = EVENTS[event.kind]
        assert always <= event.data.keys() <= always | maybe, event
    statuses = [event.data["state"] for event in events if event.kind == "status"]
    assert statuses == ["running", "done"]
    assert (events[0].kind, events[-1].kind) == ("status", "status")
    for event in of_kind(events, "progress"):
        assert 0 < event.data["done"] <= event.data["total"]
    check_epochs(of_kind(events, "epoch"))
    result = trained.result
    assert result is not None
    last = of_kind(events, "result")[-1].data
    assert {key: last[key] for key in ("value", "low", "high")} == {
        "value": result.value,
        "low": result.low,
        "high": result.high,
    }


def of_kind(events: list[Event], kind: str) -> list[Event]:
    return [event for event in events if event.kind == kind]


def check_epochs(epochs: list[Event]) -> None:
    """Each phase counts its epochs from 1; the numbers are numbers; the last one has no time left."""
    for phase in {event.data["phase"] for event in epochs}:
        own = [event.data for event in epochs if event.data["phase"] == phase]
        assert [row["epoch"] for row in own] == list(range(1, len(own) + 1))
        assert {row["series"] for row in own} <= {"transfer", "scratch", "aside"}
        assert len({row["series"] for row in own}) == 1
        for row in own:
            assert row["best_epoch"] <= row["epoch"] <= row["epochs"]
            assert row["rate"] > 0
            assert all(math.isfinite(value) for value in row.values() if isinstance(value, float))


def test_predict_on_new_data(trained: RunFolder, subject: Subject) -> None:
    predictor = subject.task.load(trained.path)
    rows = predictor.predict(subject.new)
    assert [row["file"] for row in rows if "error" in row] == [subject.bad_file]
    good = [row for row in rows if "error" not in row]
    assert len(good) == subject.tiny.good_new
    for row in good if subject.tiny.classes and subject.tiny.of_one_class else ():
        assert row["probabilities"].keys() == subject.tiny.classes.keys()
        assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)
        assert row["label"] == max(row["probabilities"], key=row["probabilities"].get)
    assert predictor.predict(subject.new) == rows


def test_predict_on_nothing_but_a_bad_file(features: RunFolder, subject: Subject, tmp_path: Path) -> None:
    bad = subject.tiny.write_bad(tmp_path) if subject.tiny.write_bad else subject.new / subject.bad_file
    with pytest.raises(InputError) as caught:
        subject.task.load(features.path).predict(bad)
    assert bad.name in caught.value.problems[0].where


def test_a_run_without_a_model(subject: Subject, tmp_path: Path) -> None:
    for ask in (
        subject.task.load,
        lambda run: subject.task.export(run, subject.task.info.exports[0], tmp_path / "out"),
    ):
        with pytest.raises(InputError, match="there is no trained model in it"):
            ask(tmp_path)


def test_explain(features: RunFolder, subject: Subject, tmp_path: Path) -> None:
    rows = subject.task.explain(features.path, subject.new, tmp_path / "pictures")
    answers = {
        row["file"]: row.get("label")
        for row in subject.task.load(features.path).predict(subject.new)
        if "error" not in row
    }
    assert {row["file"]: row.get("label") for row in rows if "error" not in row} == answers
    assert [row["file"] for row in rows if "error" in row] == [subject.bad_file]
    for row in rows:
        assert "error" in row or "picture" in row or len(row["tokens"]) == len(row["scores"]) > 0
    pictures = [Path(row["picture"]) for row in rows if "picture" in row]
    assert all(path.parent == tmp_path / "pictures" and path.stat().st_size > 500 for path in pictures)
    assert len({path.read_bytes() for path in pictures}) == len(pictures)


def test_export_loads_back(trained: RunFolder, subject: Subject, tmp_path: Path) -> None:
    result = trained.result
    assert result is not None
    predictor = subject.task.load(trained.path)
    for format in subject.tiny.loads_back:
        exported = subject.task.export(trained.path, format, tmp_path / format)
        subject.tiny.loads_back[format](exported, result.details["load_snippet"], predictor, subject.new)


def test_the_exported_script_repeats_the_run(trained: RunFolder, subject: Subject, tmp_path: Path) -> None:
    """SCRIPT DATA, run where Headstart cannot be seen: the same metric, and the same answer to every example."""
    if "script" not in subject.task.info.exports:
        pytest.skip(f"{subject.task.info.name} exports no script")
    folder = subject.task.export(trained.path, "script", tmp_path / "script")
    ended = alone.run(folder / subject.tiny.script, subject.data, cwd=tmp_path)
    repeated(ended, folder, trained)


def test_export_as_a_zip_holds_the_same_files(features: RunFolder, subject: Subject, tmp_path: Path) -> None:
    import zipfile

    for format in subject.task.info.exports:
        folder = subject.task.export(features.path, format, tmp_path / format)
        archive = subject.task.export(features.path, format, tmp_path / f"{format}.zip")
        with zipfile.ZipFile(archive) as opened:
            assert {name: opened.read(name) for name in opened.namelist()} == {
                path.name: path.read_bytes() for path in folder.iterdir()
            }


def test_an_export_that_is_not_declared(features: RunFolder, subject: Subject, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^format: floppy is not offered here; accepted: "):
        subject.task.export(features.path, "floppy", tmp_path / "out")


def test_the_same_seed_gives_the_same_run_and_another_gives_another(
    features: RunFolder, subject: Subject, tmp_path: Path
) -> None:
    first = subject.first
    again = subject.run(tmp_path / "again", subject.recipe(first))
    other = subject.run(tmp_path / "other", subject.recipe(first, seed=1))
    assert same_predictions(features, again)
    assert timeless(again) == timeless(features)
    assert not same_predictions(features, other), "another seed draws another test set"


def test_a_baseline_is_trained_beside_and_judged(subject: Subject, tmp_path: Path) -> None:
    first = subject.first
    run = subject.run(tmp_path / "run", subject.recipe(first, baseline=subject.rival))
    result = run.result
    assert result is not None
    assert isinstance(result.verdict, Verdict)
    assert result.verdict.against == subject.rival
    known = result.baseline_details[subject.rival]
    there = known.get("there", result.value)  # in folds it is compared on some of the examples
    assert result.verdict.difference.value == pytest.approx(there - result.baselines[subject.rival])
    assert known["low"] <= result.baselines[subject.rival] <= known["high"]
    card = (run.path / "README.md").read_text(encoding="utf-8")
    assert re.search(rf"(than|over|against) {wording.RIVALS[subject.rival]}", card)
    if subject.rival != "scratch":
        return
    series = {event.data["series"] for event in run.events() if event.kind == "epoch"}
    assert series == {"transfer", "aside", "scratch"} or series == {"transfer", "scratch"}


def test_compare(subject: Subject, tmp_path: Path) -> None:
    first, budgets = subject.first, subject.tiny.budgets
    run = RunFolder.create(subject.recipe(first, epochs=2, baseline=subject.rival), tmp_path / "compare")
    found = lifecycle.compare(subject.task, run.recipe, run, budgets, 2)
    points = {(point["budget"], point["strategy"]): point for point in found["points"]}
    assert points.keys() >= {(budget, strategy) for budget in budgets for strategy in (first, subject.rival)}
    for point in points.values():
        assert point["low"] <= point["mean"] <= point["high"]
        assert point["seeds"] == len(point["values"]) == 2
    verdict = Verdict.read({field.name: found[field.name] for field in fields(Verdict)})
    assert (verdict.against, verdict.scope, verdict.difference.seeds) == (subject.rival, "training", 2)
    ours, theirs = (points[budgets[-1], way]["mean"] for way in (first, subject.rival))
    assert verdict.difference.value == pytest.approx(ours - theirs)
    assert found["labels_saved_text"]
    assert found["time_saved_text"]
    trials = sorted((run.path / "trials").iterdir())
    rivals = 1 if subject.rival == "zero_shot" and subject.task.info.domain != "control" else 4
    assert [path.suffix for path in trials] == [".json"] * (4 + rivals)
    again = lifecycle.compare(subject.task, run.recipe, run, budgets, 2)
    assert again == found, "what is trained already is read"
