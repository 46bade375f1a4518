"""Some real steps, timed before a run: what is read off them is exact where the clock is ours, and small runs work."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from engines import api, paths
from engines.contract import Cancelled, InputError, Recipe, Strategy
from engines.cost import timed_steps
from engines.cost.forecast import forecast
from engines.cost.rates import Kind, Took
from engines.cost.timing import ENOUGH, Taster, time_steps
from engines.cost.work import PACE, Sizes, Work
from engines.training.settings import TrainSettings
from templates.task.task import Shapes

KIND = Kind("vision.classification", "net", "full", "cpu", "auto")
TODO = [Work("start", 1, "starts"), Work("training", 10 * PACE["MACs"], "MACs")]
PROBE = {"macs_per_second": PACE["MACs"]}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_step_is_what_lies_between_two_looks_and_the_first_warms_up(clock: Clock, tmp_path: Path) -> None:
    run = Taster(tmp_path, clock=clock)
    run.emit("phase", name="fine-tuning", title="", series="transfer", batches=100)
    seen = []
    for wait in (0.0, 0.01, 0.9, 0.2, 0.2, 0.1):  # before the epoch, before the first step, and behind each step
        clock.now += wait
        run.check_cancelled()
        seen.append(run.wholes.get("training"))
    assert seen[:4] == [None] * 4, "fewer than two steps say nothing"
    assert seen[4:] == pytest.approx([20.0, 20.0])


def test_it_ends_once_it_has_seen_enough_steps_or_waited_long_enough(clock: Clock, tmp_path: Path) -> None:
    run = Taster(tmp_path, clock=clock)
    run.emit("phase", name="head", title="", series="transfer", batches=1000)
    for _ in range(ENOUGH + 2):
        run.check_cancelled()
        clock.now += 0.001
    with pytest.raises(Cancelled):
        run.check_cancelled()
    run.begin()
    run.emit("phase", name="scratch", title="", series="scratch", batches=1000)
    clock.now += 4.4
    run.check_cancelled()  # steps that take long are waited for
    clock.now += 0.2
    with pytest.raises(Cancelled):
        run.check_cancelled()


def test_what_tells_how_far_it_is_is_timed_from_its_first_word_on(clock: Clock, tmp_path: Path) -> None:
    run = Taster(tmp_path, clock=clock)
    run.emit("phase", name="caching", title="")
    for now, done in ((3.0, 32), (4.0, 64), (5.0, 132)):
        clock.now = now
        run.emit("progress", phase="caching", done=done, total=1032, unit="photographs")
    assert run.wholes == pytest.approx({"encoding": 2.0 * 1032 / 100})
    run.emit("phase", name="caching", title="", known=True)
    run.emit("progress", phase="caching", done=1, total=1, unit="photographs")
    assert run.wholes["encoding"] == pytest.approx(20.64), "the first pass counts"


def test_timed_steps_count_until_a_run_of_that_model_has_finished() -> None:
    def seconds(*runs: Took, timed: dict[str, float] | None = None) -> tuple[float, bool]:
        found = forecast(TODO, KIND, runs, PROBE, timed=timed)
        assert found is not None
        return found.phases["training"], found.timed

    other = Took(Kind("vision.classification", "another", "full", "cpu", "auto"), {"training": (1.0, 5.0)})
    own = Took(KIND, {"training": (1.0, 2.0)})
    assert seconds() == (10.0, False)
    assert seconds(timed={"training": 3.0}) == (30.0, True)
    assert seconds(other, timed={"training": 3.0}) == (30.0, True)
    assert seconds(other, own, timed={"training": 3.0}) == (20.0, False)


def test_what_was_timed_is_kept_by_what_matters_to_it_and_names_nobody() -> None:
    settings, sizes = TrainSettings(), Sizes(10)
    name = timed_steps.key(KIND, settings, sizes)
    assert name == timed_steps.key(KIND, TrainSettings(epochs=3, learning_rate=0.1), Sizes(10_000))
    assert name != timed_steps.key(KIND, TrainSettings(batch_size=7), sizes)
    assert timed_steps.read() == {}
    timed_steps.keep(name, {"training": 1.23456789})
    assert timed_steps.read() == {name: {"training": 1.23457}}
    for number in range(timed_steps.MOST):
        timed_steps.keep(str(number), {})
    assert name not in timed_steps.read(), "the oldest goes"
    (paths.home() / timed_steps.FILE).write_text("[1")
    assert timed_steps.read() == {}


def test_a_task_is_timed_on_real_data_and_its_next_forecast_rests_on_that(tmp_path: Path) -> None:
    task = Shapes()
    data = task.make_sample(task.samples()[0].name, tmp_path)
    settings = {"baseline": "scratch", "epochs": 5}
    recipe = Recipe(task.info.name, str(data), task.info.default_model, Strategy.FEATURES, settings=settings)
    report = asdict(task.check(data))
    told: list[tuple[int, int]] = []
    found = time_steps(task, recipe, report, lambda *at: told.append(at))
    assert found["baseline"] > 0
    assert told
    assert list(timed_steps.read().values()) == [pytest.approx(found, rel=1e-4)]
    assert str(tmp_path) not in json.dumps(timed_steps.read())


def test_who_leaves_stops_it(tmp_path: Path) -> None:
    task = Shapes()
    data = task.make_sample(task.samples()[0].name, tmp_path)
    recipe = Recipe(task.info.name, str(data), task.info.default_model, Strategy.FEATURES)

    def gone(*_: int) -> None:
        raise EOFError

    with pytest.raises(EOFError):
        time_steps(task, recipe, asdict(task.check(data)), gone)
    assert timed_steps.read() == {}


def test_bad_choices_are_said(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError):
        api.time_steps(api.recipe("vision.classification", tmp_path / "nothing", model="efficientnet_lite0"))
