"""What the strategy step offers and draws, for tasks with classes and for those without."""

from __future__ import annotations

import dataclasses
import json
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from streamlit.testing.v1 import AppTest

from engines import registry
from engines.contract import Block, ModelCard, Network, Strategy
from engines.jobs.local import gpus
from engines.jobs.serving import client
from tests.pages.opening import File, checked, opened, text
from ui.page import uploads, words
from ui.steps import naming
from ui.widgets import drawing, network_view

PAGES = {name: f"pages/{name.split('.')[0]}.py" for name in registry.TASKS}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "ask", lambda *_, **__: {"macs_per_second": 1e10, "device_name": "a test"})


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Network]:
    """The networks that were drawn."""
    found: list[Network] = []
    real = drawing.network

    def network(view: Network, **options: Any) -> str:
        found.append(view)
        return real(view, **options)

    monkeypatch.setattr(drawing, "network", network)
    return found


def chosen(
    task: str, classes: dict[str, int], step: str = "strategy", splits: dict[str, int] | None = None, **query: str
) -> AppTest:
    """A step over data of that task that were checked."""
    data = uploads.keep([File("data.csv", b"1")], (".csv",))
    report = checked(task, classes=classes, **({"splits": splits} if splits else {}))
    (uploads.folder(data) / "report.json").write_text(json.dumps(report))
    return opened(PAGES[task], data=data, step=step, task=task, **query)


@pytest.mark.parametrize("task", sorted(registry.TASKS))
def test_only_settings_that_mean_something_are_shown(task: str) -> None:
    at = chosen(task, {"a": 20, "b": 20})
    keys = {widget.key or "" for kind in (at.text_input, at.selectbox, at.toggle) for widget in kind}
    shown = {key.removeprefix("set_") for key in keys if key.startswith("set_")}
    settings = registry.task(task).settings
    elsewhere = {"baseline", "blocks", "depth", "adapt", *naming.ASKS, *settings.reading()}
    assert shown == {field.name for field in dataclasses.fields(settings)} - settings.hidden - elsewhere
    offers_scratch = "scratch" in (settings.__dataclass_fields__["baseline"].metadata["choices"] or ())
    assert ("baseline_toggle" in keys) == offers_scratch


def test_forecasting_shows_nothing_about_classes() -> None:
    at = chosen("forecasting.forecast", {})
    keys = {widget.key for kind in (at.text_input, at.selectbox, at.toggle) for widget in kind}
    assert not keys & {"set_balance", "set_views", "set_label_smoothing", "set_folds", "set_test_fraction"}


def test_a_head_that_came_with_the_model_is_counted_as_it_is(drawn: list[Network]) -> None:
    at = chosen("forecasting.forecast", {}, strategy="features")
    assert [(block.state, block.parameters) for block in drawn[-1].blocks][-2:] == [("frozen", 58_880), ("learns", 585)]
    assert "**:orange[585]** of 85,001 parameters learn" in text(at)


def test_a_new_head_has_an_output_a_class(drawn: list[Network]) -> None:
    chosen("vision.classification", {"a": 20, "b": 10, "c": 10})
    assert drawn[-1].blocks[-1] == Block("head", 1281 * 3, "learns")


def test_a_model_without_a_head_of_its_own_is_drawn_without_one(drawn: list[Network]) -> None:
    at = chosen("text.generation", {}, strategy="partial")
    view = drawn[-1]
    assert len(view.blocks) == len(registry.task("text.generation").models()[0].stages)
    assert drawing.network(view).count("<g") == 2 * len(view.blocks)  # wide and narrow
    assert "parameters learn" in text(at)


def test_the_head_can_read_an_earlier_block(drawn: list[Network]) -> None:
    at = chosen("vision.classification", {"a": 20, "b": 10, "c": 10})
    assert at.select_slider(key="depth_slider").value == 8, "the last"
    at.select_slider(key="depth_slider").set_value(6).run()
    assert not at.exception
    assert "depth:6" in at.query_params["set"]
    assert [block.state for block in drawn[-1].blocks] == ["frozen"] * 6 + ["left out"] * 2 + ["learns"]
    assert drawn[-1].blocks[-1].parameters == (112 + 1) * 3
    assert "left out: the head reads what is in front of it" in text(at)
    at.select_slider(key="depth_slider").set_value(8).run()
    assert {block.state for block in drawn[-1].blocks} == {"frozen", "learns"}


@pytest.mark.parametrize("task", ["text.generation", "forecasting.forecast", "vision.classification"])
def test_no_depth_is_offered_where_the_whole_network_is_read(task: str) -> None:
    at = chosen(task, {"a": 20, "b": 10}, strategy="partial", set="depth:3")
    assert "depth_slider" not in {slider.key for slider in at.select_slider}
    assert not at.exception


@pytest.mark.parametrize(
    ("free", "strategy", "said"),
    [
        (2_000_000_000, "full", "take 2.2 GB with “Everything”, and 2.0 GB of memory are free here. Less takes: “Last"),
        (400_000_000, "lora", "Less takes: “Adapters, Frozen weights in 8 bits” "),
        (64_000_000_000, "full", ""),
    ],
)
def test_where_memory_is_short_it_is_said_what_takes_less(
    monkeypatch: pytest.MonkeyPatch, free: int, strategy: str, said: str
) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=free))
    monkeypatch.setattr(gpus, "names", lambda: ())
    shown = text(chosen("text.generation", {}, strategy=strategy))
    assert said in shown
    assert ("of memory are free here" in shown) == bool(said)


# --- slider, picture, words and counts, of every model and strategy --------------------------------

CATALOGUE = [(task, card) for task in sorted(registry.TASKS) for card in registry.task(task).models()]


@pytest.mark.parametrize(("task", "card"), CATALOGUE, ids=[f"{task}-{card.name}" for task, card in CATALOGUE])
def test_what_is_drawn_is_what_is_counted_and_said(task: str, card: ModelCard) -> None:
    stages = len(card.stages)
    if card.head_parameters is None and not registry.task(task).settings.hidden & {"depth"}:
        for depth in range(1, stages):
            view = network_view.of(task, card, Strategy.FEATURES, {"depth": depth}, 1, outputs=3)
            used = [block for block in view.blocks if block.state != "left out"]
            assert [block.name for block in used[:-1]] == [stage.name for stage in card.stages[:depth]]
            assert len(view.blocks) == stages + 1
            assert view.parameters == sum(block.parameters for block in used)
            assert drawing.network(view).count(": left out") == 2 * (stages - depth)
    for strategy in registry.task(task).info.strategies:
        for blocks in range(1, stages + 1) if strategy is Strategy.PARTIAL else [1]:
            view = network_view.of(task, card, strategy, {}, blocks, outputs=3)
            states = [block.state for block in view.blocks[:stages]]
            svg, said = drawing.network(view), network_view.how_much(view)
            assert svg.count(": learns") == 2 * sum(block.state == "learns" for block in view.blocks)
            assert svg.count(": adapter") == 2 * sum(block.state == "adapter" for block in view.blocks)
            assert (view.learning is None) == (strategy is Strategy.LORA) == ("Adapters" in said)
            assert view.learning == card.trainable(strategy, blocks, 3)
            if view.learning is not None:
                assert view.learning == sum(block.parameters for block in view.blocks if block.state == "learns")
                assert f"[{words.parameters(view.learning)}]" in said
            new = card.head_base + 3 * (card.head_inputs + 1) if card.head_parameters is None else 0
            added = (card.correction_parameters or 0) if card.corrects(strategy) else 0
            assert view.parameters == card.kept + new + added
            assert words.parameters(view.parameters - added) in said
            match strategy:
                case Strategy.PARTIAL:
                    assert states == ["frozen"] * (stages - blocks) + ["learns"] * blocks, "the slider"
                case Strategy.FEATURES | Strategy.ZERO_SHOT | Strategy.PROTOTYPES:
                    assert set(states) == {"frozen"}
                case Strategy.LORA:
                    assert set(states) == {"adapter"}
                case _:
                    assert set(states) == {"learns"}
            assert "adapters" in network_view.legend(view) or strategy is not Strategy.LORA


def test_a_decoder_is_drawn_as_it_is_trained() -> None:
    """Whisper's stays with `partial` unless it is asked to learn, and beside adapters it is not what learns."""
    card = registry.task("speech.transcription").describe("whisper-tiny.en")

    def last(strategy: Strategy, **settings: bool) -> str:
        return network_view.of("speech.transcription", card, strategy, settings, 2, 0).blocks[-1].state

    assert last(Strategy.PARTIAL) == "frozen"
    assert last(Strategy.PARTIAL, decoder=True) == "learns"
    assert (last(Strategy.FEATURES), last(Strategy.FULL)) == ("learns", "learns")
    assert last(Strategy.LORA) == last(Strategy.ZERO_SHOT) == "frozen"


# --- settings -------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", sorted(registry.TASKS))
def test_every_setting_has_a_plain_name_of_its_own(task: str) -> None:
    settings = registry.task(task).settings
    said = [settings.title(field.name) for field in dataclasses.fields(settings) if not field.metadata["reads"]]
    titles = [title for title in said if title not in {"Blocks", "Baseline"}]  # these two are drawn, not listed
    assert len(titles) == len(set(titles))
    assert [title for title in titles if "_" in title or len(title) > 32] == []


def test_settings_stand_in_three_groups_with_their_defaults_shown() -> None:
    at = chosen("vision.classification", {"a": 20, "b": 20}, strategy="full")
    assert [f"**{title}**" in text(at) for title in ("What most people change", "Training", "Data")] == [True] * 3
    epochs, rate = at.text_input(key="set_epochs"), at.text_input(key="set_learning_rate")
    assert (epochs.label, epochs.value, epochs.placeholder) == ("Passes over the data", "", "12")
    assert (rate.label, rate.placeholder) == ("Learning rate", "0.0003")
    assert at.text_input(key="set_batch_size").value == "32"
    assert "Reset all of them" not in [found.label for found in at.button]


def test_what_was_changed_is_said_and_reset_at_once() -> None:
    at = chosen("vision.classification", {"a": 20, "b": 20}, set="batch_size:64")
    assert "Settings, 1 changed" in [found.label for found in at.expander]
    assert at.text_input(key="set_batch_size").help.endswith("By default: 32")
    at.button(key="reset_settings").click().run()
    assert at.text_input(key="set_batch_size").value == "32"


def test_an_inherited_setting_keeps_the_name_and_group_it_was_given() -> None:
    settings = registry.task("text.translation").settings
    assert (settings.title("batch_size"), settings.group("epochs"), settings.group("test_fraction")) == (
        "Examples at a time",
        "often",
        "data",
    )
