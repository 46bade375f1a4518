"""How long a run takes: exact where its work is, corrected by what runs took."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engines import paths, registry
from engines.contract import Strategy
from engines.cost import work
from engines.cost.forecast import LAUNCHES, Forecast, disagrees, first_guess, forecast, kind, probed, works
from engines.cost.rates import Kind, Took
from engines.cost.work import PACE, Sizes, Work, by_phase

KIND = Kind("vision.classification", "net", "features", "cpu", "auto")
TODO = [
    Work("start", 1, "starts"),  # 6 s
    Work("training", 10 * PACE["MACs"], "MACs"),
    Work("testing", 2 * PACE["MACs"], "MACs"),
    Work("baseline", 30 * PACE["MACs"], "MACs"),
]
PROBE = {"macs_per_second": PACE["MACs"] / 2, "device_name": "CPU, 2 threads"}


def took(*ratios: float, memory: int | None = None, probe: float | None = None) -> Took:
    """A run whose start, training and testing took so many times what they are said to."""
    expected = by_phase(TODO, PACE)
    names = ("start", "training", "testing", "baseline")[: len(ratios)]
    phases = {name: (expected[name], r * expected[name]) for name, r in zip(names, ratios, strict=True)}
    return Took(KIND, phases, probe, memory)


def said(*runs: Took, probe: dict[str, Any] | None = PROBE, most: float | None = None) -> Forecast:
    found = forecast(TODO, KIND, runs, probe, most)
    assert found is not None
    return found


def test_work_is_added_up_by_phase_and_unit() -> None:
    todo = [*TODO, Work("training", 600, "optimiser steps"), Work("keeping", 0, "keeps")]
    assert by_phase(todo, PACE) == pytest.approx({"start": 6, "training": 12, "testing": 2, "baseline": 30})
    assert list(by_phase(reversed(todo), PACE)) == ["start", "training", "testing", "baseline"]


def test_before_any_run_the_probe_tells() -> None:
    """This machine multiplies half as fast as the one that PACE is of; imports take as long."""
    found = said()
    assert found.phases == pytest.approx({"start": 6, "training": 20, "testing": 4, "baseline": 60})
    assert (found.own, found.comparison, found.total) == pytest.approx((30, 60, 90))
    assert (found.runs, found.low, found.high, found.memory) == (0, None, None, None)


def test_until_the_comparison_has_ended_it_is_left_out() -> None:
    found = said(took(1, 1), took(1, 2)).alone()
    assert "baseline" not in found.phases
    assert found.total == pytest.approx(6 + 15 + 4)
    assert (found.low, found.runs) == (None, 2)
    assert found.alone() == found


def test_bf16_has_a_pace_of_its_own_where_it_was_measured() -> None:
    todo = [Work("training", 1e12, "bf16 MACs")]
    assert first_guess(todo, {"macs_per_second": 1e10, "bf16_macs_per_second": 1e11})["training"] == pytest.approx(10)
    assert first_guess(todo, {"macs_per_second": 1e10})["training"] == pytest.approx(100)


def test_a_cards_steps_take_as_long_as_it_is_told_them() -> None:
    todo = [Work("training", 1e12, "MACs"), Work("training", 500, "optimiser steps")]
    probe = {"macs_per_second": 1e12, "seconds_a_launch": 1e-5}
    assert first_guess(todo, probe)["training"] == pytest.approx(1 + 500 * LAUNCHES * 1e-5)
    assert first_guess(todo, {"macs_per_second": 1e12})["training"] == pytest.approx(1 + 500 / 300)


@pytest.mark.parametrize(("cores", "seconds"), [(1, 10 + 24), (4, 10), (3, 12), (64, 10)])
def test_what_makes_a_cards_batches_counts_where_it_takes_longer(
    monkeypatch: pytest.MonkeyPatch, cores: int, seconds: float
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: cores)
    todo = [Work("training", 1e13, "MACs"), Work("training", 24, "seconds of a core")]
    card = {"macs_per_second": 1e12, "seconds_a_launch": 1e-5}
    assert first_guess(todo, card)["training"] == pytest.approx(seconds)
    assert first_guess(todo, {"macs_per_second": 1e12})["training"] == pytest.approx(10)


@pytest.mark.parametrize(("gigabytes", "more"), [(0, 0), (3, 3), (90, 5)])
def test_saving_takes_what_is_written_and_a_twentieth_at_most(gigabytes: float, more: float) -> None:
    todo = [Work("training", 1e14, "MACs"), Work("training", gigabytes * 1e9, "bytes saved")]
    card = {"macs_per_second": 1e12, "seconds_a_launch": 1e-5}
    assert first_guess(todo, card)["training"] == pytest.approx(100 + more)
    assert by_phase(todo, PACE)["training"] == pytest.approx(1e14 / PACE["MACs"])


def test_without_probe_and_runs_nothing_is_said() -> None:
    assert forecast(TODO, KIND, [], None) is None
    assert forecast([], KIND, [took(1)], PROBE) is None


def test_one_run_corrects_every_phase_that_it_had() -> None:
    found = said(took(0.5, 3.0))
    assert found.phases == pytest.approx({"start": 3, "training": 30, "testing": 4, "baseline": 90})
    assert (found.runs, found.alike, found.low) == (1, "model", None)


def test_the_range_is_that_of_runs_and_one_on_a_busy_machine_moves_only_its_end() -> None:
    runs = [took(1, r, 1, 1) for r in (1.0, 1.2, 1.1, 8.0, 0.9)]
    found = said(*runs, probe=None)
    assert found.phases["training"] == pytest.approx(11)
    assert (found.low, found.high) == pytest.approx((6 + 9 + 2 + 30, 6 + 80 + 2 + 30))


def test_training_ends_with_the_clock() -> None:
    found = said(took(1, 2.0, 1, 2.0), took(1, 3.0, 1, 3.0), most=5.0)
    assert found.phases == pytest.approx({"start": 6, "training": 5, "testing": 2, "baseline": 5})
    assert (found.low, found.high) == pytest.approx((18, 18))


def test_memory_of_runs_alike() -> None:
    assert said(took(1, memory=5), took(1, memory=7), took(1, memory=6)).memory == 6


@pytest.mark.parametrize(("ratio", "again"), [(1.0, True), (2.0, False), (2.8, False), (3.2, True), (1.2, True)])
def test_the_probe_is_measured_again_when_runs_disagree(ratio: float, again: bool) -> None:
    """The probe says half of PACE, so runs should take twice what PACE says."""
    speed = PACE["MACs"] / 2
    assert disagrees([took(1, ratio, probe=speed)], speed, "cpu") is again
    assert disagrees([took(1, 2.0, probe=speed)] * 2 + [took(1, ratio, probe=speed)], speed, "cpu") is False
    assert disagrees([took(1, ratio, probe=1e9)], speed, "cpu") is False, "they ran while another probe stood"
    assert disagrees([took(1, ratio, probe=speed)], speed, "GPU") is False


def test_a_probe_that_cannot_be_read_is_none() -> None:
    assert probed() is None
    kept = paths.home() / "machine.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    for bad in ("", "{}", "[]", '{"macs_per_second": 0}', '{"macs_per_second": "fast"}'):
        kept.write_text(bad)
        assert probed() is None
    kept.write_text(json.dumps(PROBE))
    assert probed() == PROBE


def test_a_model_out_of_no_catalogue_leaves_no_name() -> None:
    task = registry.task("vision.classification")
    card, settings = task.models()[0], task.settings()
    assert kind(task, card, Strategy.FULL, settings, "CPU, 2 threads") == Kind(
        "vision.classification", card.name, "full", "cpu", "auto"
    )
    mine = type(card)(**{**vars(card), "name": "my/secret"})
    assert kind(task, mine, Strategy.FULL, settings, "NVIDIA H100").model == ""
    assert kind(task, mine, Strategy.FULL, settings, "NVIDIA H100").device == "NVIDIA H100"


def test_control_runs_on_the_processor_whatever_there_is() -> None:
    task = registry.task("control.policy")
    assert kind(task, task.models()[0], Strategy.FULL, task.settings(), "NVIDIA H100").device == "cpu"


# --- every task -----------------------------------------------------------------------------------

DETAILS: dict[str, dict[str, Any]] = {
    "control.policy": {"robot": "pendulum", "kind": "target"},
    "forecasting.forecast": {"n_series": 3},
    "speech.transcription": {"durations": [4.0, 6.0]},
    "text.generation": {"words": {"question": [5, 10, 20], "answer": [5, 30, 60]}},
    "text.translation": {"words": {"question": [5, 10, 20], "answer": [5, 10, 20]}},
}


@pytest.mark.parametrize("name", sorted(registry.TASKS))
def test_every_task_says_what_a_run_has_to_do(name: str) -> None:
    task = registry.task(name)
    card = task.models()[0]
    for strategy in task.info.strategies:
        settings = task.settings()
        found = works(task, card, strategy, settings, Sizes(100, 20, 30, details=DETAILS.get(name, {})))
        assert all(one.phase in work.PHASES and one.unit in PACE and one.amount > 0 for one in found)
        phases = {one.phase for one in found}
        assert {"start", "testing"} <= phases
        assert ("training" in phases) == (strategy not in {Strategy.ZERO_SHOT, Strategy.PROTOTYPES})
        assert "baseline" not in phases


@pytest.mark.parametrize("name", sorted(set(registry.TASKS) - {"speech.transcription"}))
def test_the_baseline_counts_where_it_is_asked_for(name: str) -> None:
    task = registry.task(name)
    settings = task.settings.parse({"baseline": "scratch"})
    sizes = Sizes(100, 20, 30, details=DETAILS.get(name, {}))
    both = by_phase(works(task, task.models()[0], task.info.usual, settings, sizes), PACE)
    without = by_phase(works(task, task.models()[0], task.info.usual, task.settings(), sizes), PACE)
    assert both.pop("baseline") > 0
    assert both == pytest.approx(without)
    if name != "control.policy":
        alone = works(task, task.models()[0], Strategy.SCRATCH, settings, sizes)
        assert "baseline" not in by_phase(alone, PACE)


def amounts(name: str, strategy: Strategy, sizes: Sizes, **changes: Any) -> dict[tuple[str, str], float]:
    task = registry.task(name)
    found: dict[tuple[str, str], float] = {}
    for one in works(task, task.models()[0], strategy, task.settings.parse(changes), sizes):
        found[one.phase, one.unit] = found.get((one.phase, one.unit), 0) + one.amount
    return found


def test_control_counts_steps_and_updates() -> None:
    sizes = Sizes(0, details=DETAILS["control.policy"])
    changes = {"repeats": 2, "episodes": 10, "real_steps": 1000, "sim_steps": 8000, "epochs": 2, "pictures": False}
    found = amounts("control.policy", Strategy("identified"), sizes, **changes, baseline="scratch", scratch_times=1)
    assert found["testing", "steps played"] == 2 * (2 * 10 * 200)  # before and after, of 200 steps an episode
    assert found["training", "steps simulated"] == 2 * (8000 + 1000)
    assert found["training", "updates"] == 2 * 8000 / 2
    assert found["training", "simulators fitted"] == 2 * 2
    assert found["baseline", "updates"] == found["baseline", "steps simulated"] == 2 * 1000
    logs = Sizes(0, details={"robot": "pendulum", "kind": "logs"})
    found = amounts("control.policy", Strategy("identified"), logs, **changes, baseline="scratch")
    assert found["training", "steps simulated"] == 2 * 8000
    assert not any(phase == "baseline" for phase, _ in found), "nobody can learn on a robot that is not there"


def test_forecasting_counts_windows_and_forecasts() -> None:
    sizes = Sizes(500, details={"n_series": 30})
    found = amounts("forecasting.forecast", Strategy.FULL, sizes, windows=40, epochs=3, origins=5, most_series=4)
    card = registry.task("forecasting.forecast").models()[0]
    macs = sum(stage.macs for stage in card.stages)
    assert found["training", "MACs"] == macs * 3 * (40 * 3 + 2 * 4 * 5)
    assert found["testing", "MACs"] == macs * 2 * 4 * 5
    assert found["keeping", "classical forecasts"] == 4 * 5


def test_translations_are_written_out_and_answers_are_read() -> None:
    sizes = Sizes(100, 20, 30, details=DETAILS["text.translation"])
    written = amounts("text.translation", Strategy.LORA, sizes)["testing", "tokens written"]
    assert written == pytest.approx(2 * 30 * 10 * 1.4)  # before and after
    assert amounts("text.translation", Strategy.LORA, sizes, beams=4)["testing", "tokens written"] == 4 * written
    assert ("testing", "bf16 MACs") in amounts("text.generation", Strategy.LORA, sizes)


def test_a_recogniser_hears_more_where_forgetting_is_measured() -> None:
    sizes = Sizes(30, 6, 20, details=DETAILS["speech.transcription"])
    alone = amounts("speech.transcription", Strategy.LORA, sizes, forgetting="false")["testing", "seconds heard"]
    assert alone == pytest.approx(2 * 20 * 5)
    assert amounts("speech.transcription", Strategy.LORA, sizes)["testing", "seconds heard"] > 3 * alone


def test_sizes_of_a_report() -> None:
    report = {"splits": {"train": 5, "test": 2}, "n_examples": 8, "details": {"relative_cost": 2.0, "robot": "hopper"}}
    found = Sizes.of(report)
    assert (found.train, found.validation, found.test, found.each, found.details["robot"]) == (5, 0, 2, 2.0, "hopper")
    assert Sizes.of(report, folds=4).train == 8
