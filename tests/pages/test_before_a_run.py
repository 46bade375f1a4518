"""What is said before a run starts, what cannot start here, and how few clicks it takes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from engines import registry, weights
from engines.contract import Event, Job, Strategy
from engines.cost.forecast import Forecast
from engines.jobs.serving import client, handlers
from engines.runs import RunFolder
from tests.pages.opening import opened, press, text
from tests.pages.test_strategy_step import PAGES, chosen
from ui.page import visitor
from ui.page.draft import Draft
from ui.steps import plan, train
from ui.steps.overall import overall, total_left
from ui.steps.plan import Expected

SHOWCASE = Path(__file__).parents[2] / "showcase"
RECORDED = sorted(path.parent.name for path in SHOWCASE.glob("*/events.jsonl"))
CLICKS = 3


def button(at: AppTest, label: str) -> Any:
    return next(found for found in at.button if found.label == label)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The warm server's answers, given in this process; a machine of known speed."""
    loaded = handlers.LoadedModels()

    def ask(question: dict[str, Any], progress: Any = None, **_: Any) -> dict[str, Any]:
        if question["verb"] == "machine":
            return {"macs_per_second": 1e10, "device_name": "a test"}
        return handlers.answer(question, loaded, progress or (lambda *_: None))

    monkeypatch.setattr(client, "ask", ask)


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """What was sent to the queue, which takes nothing."""
    found: list[Job] = []

    class Queue:
        def submit(self, job: Job) -> str:
            found.append(job)
            return RunFolder.create(job.recipe).id

    monkeypatch.setattr(train, "backend", Queue)
    monkeypatch.setattr(visitor, "backend", Queue)
    monkeypatch.setattr(train, "show", lambda *_: None)
    return found


# --- three clicks ---------------------------------------------------------------------------------


@pytest.mark.weights
@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("task", sorted(registry.TASKS))
def test_a_sample_is_trained_on_in_three_clicks_and_nothing_fails_offline(task: str, submitted: list[Job]) -> None:
    clicks = 1  # the task's link on the home page
    at = opened(PAGES[task], task=task)
    taken = {"Train it yourself", "Use this sample", "Use this robot"}
    press(at, next(found.label for found in at.button if found.label in taken and not found.disabled))
    clicks += 1
    if button(at, "Train now").disabled:
        assert all(weights.where(card) == "unreachable" for card in registry.task(task).models())
        assert "Connect this machine to the network; or run `headstart prefetch" in text(at)
        return
    press(at, "Train now")
    clicks += 1
    assert clicks == CLICKS
    assert len(submitted) == 1
    assert weights.where(registry.task(task).describe(submitted[0].recipe.model)) == "here"


# --- what cannot run here -------------------------------------------------------------------------


def test_what_lacks_its_weights_is_greyed_with_the_reason() -> None:
    at = chosen("text.translation", {}, strategy="lora")
    assert button(at, "Start training").disabled
    assert "its weights are not on this machine" in text(at)
    at = opened("pages/vision.py", step="model")
    greyed = {found.key: found.disabled for found in at.button if found.label == "Choose"}
    assert greyed["pick_resnet18"]
    assert "`headstart prefetch vision --dest FOLDER`" in text(at)


@pytest.mark.parametrize(("strategy", "runs"), [(Strategy.FULL, False), (Strategy.SCRATCH, True)])
def test_a_network_that_needs_no_files_starts_from_scratch_anywhere(strategy: Strategy, runs: bool) -> None:
    assert bool(plan.hindrance(Draft("vision.classification", "resnet18", strategy, {}))) is not runs
    assert plan.hindrance(Draft("text.translation", "t5-small", strategy, {}))


@pytest.mark.usefixtures("here")
def test_data_can_be_looked_at_though_nobody_knows_the_model() -> None:
    at = chosen("vision.classification", {"a": 20, "b": 20}, step="data", model="nonsense")
    assert button(at, "Train now").disabled
    assert "model nonsense" in text(at)
    assert "40 photographs in 2 classes" in text(at)


def test_without_the_usual_weights_another_model_that_is_here_is_suggested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "find", lambda card: Path("weights") if card.name == "resnet50" else None)
    at = opened("pages/vision.py", step="model")
    assert {found.key for found in at.button if found.label == "Chosen"} == {"pick_resnet50"}


def test_a_sample_that_is_not_here_is_greyed_with_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_TUXPAINT", "/nowhere")
    at = opened("pages/vision.py", step="data")
    assert button(at, "Use this sample").disabled
    assert "To have it, install Debian's" in text(at)


# --- what is said first ---------------------------------------------------------------------------


def test_model_strategy_and_time_are_said_in_one_sentence() -> None:
    draft = Draft("vision.classification", "tf_efficientnet_lite0", Strategy.FEATURES, {})
    assert plan.sentence(draft) == "Head only on EfficientNet-Lite0"
    said = plan.sentence(draft, Expected(Forecast({"training": 15, "baseline": 240}), "a test"))
    assert said == "Head only on EfficientNet-Lite0, about 15 s, then about 4 min for the comparison"
    assert plan.sentence(draft, Expected(Forecast({"training": 15}), "a test")).endswith("Lite0, about 15 s")


@pytest.mark.usefixtures("here")
def test_the_data_step_says_what_train_now_would_do() -> None:
    at = chosen("vision.classification", {"a": 20, "b": 20}, step="data")
    said = next(found.value for found in at.caption if found.value.startswith("Train now"))
    assert re.fullmatch(
        r"Train now: Head only on EfficientNet-Lite0, about \d+ s, then about .+ for the comparison\.", said
    )


# --- one bar over all of it -----------------------------------------------------------------------


@pytest.mark.parametrize("name", RECORDED)
def test_one_bar_covers_every_phase_and_never_goes_back(name: str) -> None:
    run = RunFolder(SHOWCASE / name)
    events = run.events()
    compares = run.recipe.settings.get("baseline") == "scratch"
    shares = [overall(events[:n], "examples", None, compares).share for n in range(1, len(events))]
    assert shares[0] == 0
    assert shares == sorted(shares)
    own = next(n for n, event in enumerate(events) if event.kind == "result")
    assert shares[own] == pytest.approx(0.5 if compares else 0.99)
    assert shares[-1] == 0.99  # until the state says that it is done


def said(*events: tuple[str, dict[str, Any]]) -> list[Event]:
    return [Event(n, 0.0, kind, data) for n, (kind, data) in enumerate(events)]


HEAD = ("phase", {"name": "head", "title": "Training the head", "series": "transfer"})
EPOCH = ("epoch", {"epoch": 6, "epochs": 12, "rate": 212.0, "seconds_left": 14.0})


def test_the_bar_says_what_goes_on_and_what_is_left() -> None:
    expected = Forecast({"start": 6, "encoding": 20, "training": 30, "testing": 4, "baseline": 180})
    now = overall(said(("status", {}), HEAD, EPOCH), "photographs", expected, compares=True)
    assert now.share == pytest.approx(0.25 * (0.4 + 0.45 / 2))
    assert now.text.split(" · ") == [
        "Training the head",
        "epoch 6 of 12",
        "212 photographs/s",
        "about 3 min 34 s left in all",  # 30 to train, 4 to test, and the comparison
    ]


def at(*events: tuple[float, str, dict[str, Any]]) -> list[Event]:
    return [Event(n, time, kind, data) for n, (time, kind, data) in enumerate(events)]


def phase(name: str, series: str = "transfer") -> dict[str, Any]:
    return {"name": name, "title": name, "series": series}


FORECAST = Forecast({"start": 10, "encoding": 20, "training": 60, "testing": 8, "keeping": 2, "baseline": 100})


@pytest.mark.parametrize(
    ("seconds", "events", "left"),
    [
        (4, [(0, "status", {})], 6 + 190),
        (30, [(0, "status", {})], 0 + 190),  # it takes longer than was said: what follows does not shrink
        (12, [(0, "status", {}), (9, "phase", phase("caching"))], 17 + 170),
        # what it tells of its own pace counts, and what has passed since then is taken off
        (23, [(20, "phase", phase("fine-tuning")), (21, "epoch", {"seconds_left": 30.0})], 28 + 110),
        (23, [(20, "phase", phase("head")), (21, "epoch", {"seconds_left": 1.0})], 57 + 110),  # more may come after it
        # the model is looked at before it learns: all else is still to come
        (9, [(0, "status", {}), (5, "phase", phase("testing", "zero_shot"))], 4 + 182),
        (
            11,
            [(0, "status", {}), (5, "phase", phase("testing", "zero_shot")), (10, "result", {"series": "zero_shot"})],
            2 + 182,
        ),
        (31, [(20, "phase", phase("fine-tuning")), (30, "phase", phase("testing"))], 7 + 102),
        (31, [(20, "phase", phase("testing")), (30, "result", {"series": "transfer"})], 1 + 100),
        (50, [(30, "result", {"series": "transfer"}), (40, "phase", phase("scratch", "scratch"))], 90),
        (
            60,
            [
                (30, "result", {"series": "transfer"}),
                (40, "phase", phase("scratch", "scratch")),
                (50, "phase", phase("testing", "scratch")),
            ],
            80,
        ),
    ],
)
def test_the_time_left_is_that_of_the_whole_run(
    seconds: float, events: list[tuple[float, str, dict[str, Any]]], left: float
) -> None:
    assert total_left(at(*events), FORECAST, seconds) == pytest.approx(left)


def test_without_a_forecast_only_what_goes_on_is_told() -> None:
    told = said(("status", {}), HEAD, EPOCH)
    assert overall(told, "photographs", None, compares=True).text.endswith(" · 14 s left of this part")
    assert overall(told, "photographs", None, compares=False).text.endswith(" · 14 s left")
    assert overall(told, "photographs", None, now=10.0).text.endswith(" · 4 s left")


def test_what_is_resumed_starts_its_bar_anew() -> None:
    again = said(("status", {}), HEAD, EPOCH, ("status", {}))
    assert overall(again, "photographs").share == 0
    assert overall([], "photographs").text == "Starting"
