"""Fracast: the package's own answers, gradients, what goes in and comes out, and no look into the future."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engines import lifecycle
from engines.contract import InputError, Recipe, Strategy
from engines.forecasting.forecast import evaluate as testing
from engines.forecasting.forecast import prepare
from engines.forecasting.forecast.task import Forecast
from engines.forecasting.forecast.training import input_selection, train, train_spec
from engines.forecasting.forecast.windows import Windows, slots
from engines.forecasting.models import baselines, hub_models, inputs, rollout, stages
from engines.forecasting.models.catalogue import FRACAST
from engines.forecasting.models.fracast import HORIZON, QUANTILES, Fracast
from engines.forecasting.series.splits import cut, longest_horizon
from engines.forecasting.settings import ForecastSettings
from engines.runs import RunFolder
from engines.training.devices import accelerator
from engines.training.staged import check_composition, count
from tests import alone, tiny_series


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def pretrained() -> Fracast:
    model = stages.build(FRACAST, pretrained=True, seed=0).model.eval()
    assert isinstance(model, Fracast)
    return model


def series(length: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    steps = np.arange(length)
    return 50 + 0.1 * steps + 5 * np.sin(2 * np.pi * steps / 12) + rng.normal(0, 1, length)


# --- the network ----------------------------------------------------------------------------------


def test_it_answers_as_the_package_does() -> None:
    """The package's own code at its own context of 2,048 values, missing ones among them."""
    from fracast import FracastModel

    contexts = [series(300), series(2500, 1), series(40, 2)]
    contexts[0][100:120] = np.nan
    package = FracastModel.from_pretrained(weights="fp32")
    expected = [package.forecast(context) for context in contexts]
    found = rollout.quantiles(pretrained(), contexts, [0, 0, 0], HORIZON, 2048)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, np.sort(theirs, axis=1), rtol=2e-4, atol=2e-3)


def test_the_card_counts_what_the_network_has() -> None:
    network = stages.staged(Fracast())
    assert count(network.model.parameters()) == FRACAST.parameters
    assert [count(stage.parameters()) for stage in network.stages] == [s.parameters for s in FRACAST.stages]
    assert count(network.head().parameters()) == (FRACAST.head_inputs + 1) * len(QUANTILES)


def test_its_stages_add_up_to_it() -> None:
    check_composition(stages.staged(Fracast()), torch.rand(2, 2, 128))


def test_gradients_reach_every_parameter() -> None:
    network = stages.build(FRACAST, pretrained=True, seed=0)
    given = np.stack([inputs.window(series(200, seed), 0, 256).inputs for seed in range(2)])  # a season is found in it
    network(torch.from_numpy(given)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.model.parameters())


def test_random_weights_come_from_the_seed() -> None:
    weights = [stages.build(FRACAST, pretrained=False, seed=seed).model.core.in_proj.weight for seed in (0, 0, 1)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


# --- what goes in and comes out -------------------------------------------------------------------


def test_a_window_is_scaled_to_its_own_range() -> None:
    found = inputs.window(np.array([2.0, np.nan, 6.0]), 0, 5)
    assert found.inputs[0].tolist() == [0, 0, 0, 0, 1]
    assert found.inputs[1].tolist() == [0, 0, 1, 0, 1]
    assert (found.shift, found.span) == (2.0, 4.0)


def test_differences_start_where_both_values_are_known() -> None:
    found = inputs.window(np.array([1.0, 2.0, np.nan, 4.0, 8.0]), 1, 4)
    assert found.inputs[1].tolist() == [1, 0, 0, 1]
    assert found.base[:3].tolist() == [8, 8, 8]
    assert (found.shift, found.span) == (1.0, 3.0)


def test_the_last_season_takes_the_newest_known_value_of_each_step() -> None:
    context = np.array([1.0, 2, 3, 4, np.nan, 6, 7, np.nan])
    assert inputs.last_season(context, 4).tolist() == [1, 6, 7, 4]
    assert inputs.last_season(np.array([np.nan, 5.0]), 4).tolist() == [5, 5, 5, 5]


@pytest.mark.parametrize("lag", [0, 1, 4])
def test_adding_up_undoes_the_differences(lag: int) -> None:
    """A network that answered every true difference would give the true values back."""
    whole = series(200 + HORIZON)
    context, future = whole[:200], whole[200:]
    found = inputs.window(context, lag, 128)
    target = torch.from_numpy(inputs.prepare(found, future, lag, 2.5, HORIZON))[None]
    before = np.concatenate([context, future])[200 - lag : 200 - lag + HORIZON] if lag else 0.0
    answers = (future - before - found.shift) / found.span
    restored = inputs.restore(torch.tensor(answers, dtype=torch.float32)[None, :, None].expand(-1, -1, 9), target)
    values = inputs.values_of(restored[0].numpy(), found, lag, 2.5)
    np.testing.assert_allclose(values[:, inputs.MEDIAN], future, atol=5e-3)
    np.testing.assert_allclose(restored[0, :, inputs.MEDIAN].numpy(), target[0, :, 0].numpy(), atol=2e-3)


def test_spreads_of_differences_add_up_by_the_root_of_squares() -> None:
    answers = torch.zeros(1, HORIZON, 9)
    answers[:, :, -1] = 3.0
    target = torch.zeros(1, HORIZON, inputs.CHANNELS)
    target[:, :, 2], target[:, :, 4] = 1.0, 1.0
    upper = inputs.restore(answers, target)[0, :, -1]
    np.testing.assert_allclose(upper[:4].numpy(), 3 * np.sqrt([1, 2, 3, 4]), rtol=1e-5)


def test_the_loss_and_the_metric_of_known_numbers() -> None:
    target = torch.zeros(1, HORIZON, inputs.CHANNELS)
    target[:, :, 2] = 1.0
    target[:, 2:, 0] = torch.nan
    target[0, :2, 0] = torch.tensor([1.0, 3.0])
    outputs = torch.zeros(1, HORIZON, 9)
    assert inputs.mase(outputs, target) == pytest.approx(
        2.0
    )  # (1 + 3) / 2; steps that nothing is known of do not count
    assert float(inputs.pinball(outputs, target)) == pytest.approx(2.0)  # twice the mean of 0.1 … 0.9 of them
    target[:, :, 0] = torch.nan
    assert float(inputs.pinball(outputs, target)) == 0.0


def test_a_long_horizon_is_asked_for_in_blocks() -> None:
    model = pretrained()
    short, long = (rollout.quantiles(model, [series(100)], [0], steps, 128)[0] for steps in (HORIZON, 100))
    assert long.shape == (100, 9)
    np.testing.assert_array_equal(long[:HORIZON], short)
    assert np.isfinite(long).all()
    assert (np.diff(long, axis=1) >= 0).all()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.one_of(st.floats(-1e12, 1e12), st.just(float("nan"))), min_size=1, max_size=60).filter(
        lambda values: any(value == value for value in values)
    ),
    st.sampled_from([0, 1, 12]),
)
def test_any_series_has_a_finite_forecast(values: list[float], lag: int) -> None:
    found = rollout.pooled(pretrained(), [np.array(values)], [{lag: 1.0}], 6, 64)
    assert np.isfinite(found).all()


def test_a_mixture_is_the_mean_of_its_ways() -> None:
    model = pretrained()
    ways = [rollout.quantiles(model, [series(90)], [lag], 5, 64, both_ways_up=True)[0] for lag in (0, 12)]
    mixed = rollout.pooled(model, [series(90)], [{0: 0.25, 12: 0.75}], 5, 64)[0]
    np.testing.assert_allclose(mixed, 0.25 * ways[0] + 0.75 * ways[1], rtol=1e-6)


def test_both_ways_up_has_no_preference_for_a_direction() -> None:
    """A series turned upside down is forecast upside down; read one way up only, it is not."""
    model, values = pretrained(), series(90)
    for both, alike in ((True, True), (False, False)):
        own, turned = (rollout.quantiles(model, [sign * values], [0], 5, 64, both)[0] for sign in (1, -1))
        assert np.allclose(own, -turned[:, ::-1], atol=1e-3) is alike


def test_the_answer_to_a_mirrored_window_is_turned_back() -> None:
    given = torch.tensor([[[0.0, 0.25, 1.0], [0.0, 1.0, 1.0]]])
    assert inputs.mirrored(given).tolist() == [[[0.0, 0.75, 0.0], [0.0, 1.0, 1.0]]]
    assert torch.equal(inputs.mirrored(inputs.mirrored(given)), given)
    answers = torch.linspace(0.1, 0.9, 9).expand(1, HORIZON, 9)
    np.testing.assert_allclose(inputs.turned_back(answers), answers, atol=1e-6)
    found = inputs.window(series(90), 0, 64)
    up, down = (torch.from_numpy(inputs.prepare(found, np.ones(5), 0, 1.0, 12, turned))[None] for turned in (0, 1))
    skewed = torch.linspace(0.0, 0.5, 9).expand(1, HORIZON, 9)
    assert torch.equal(inputs.restore(skewed, down), inputs.restore(inputs.turned_back(skewed), up))


def test_only_the_states_that_reach_the_answer_are_computed() -> None:
    """The decoder's convolution over all states gives the very same answers."""
    from engines.forecasting.models.fracast import reach

    assert [reach(step) for step in range(6)] == [174, 172, 168, 160, 144, 112]
    states = pretrained().head.future_conv
    past, continued, where = torch.rand(2, 200, 64), torch.rand(2, HORIZON), torch.rand(2, HORIZON, 5)
    with torch.no_grad():
        z = torch.cat([past[:, -128:], states.in_proj(torch.cat([continued[..., None], where], dim=-1))], dim=1)
        for step in range(6):
            z = states.block(z, 2**step)
        whole = states.out_proj(z[:, -HORIZON:])
        np.testing.assert_allclose(states(past, continued, where), whole, atol=1e-6)


def test_every_second_training_window_stands_upside_down(tmp_path: Path) -> None:
    chosen = ForecastSettings.parse(tiny_series.SETTINGS)
    p = prepare.prepare(tiny_series.write_series(tmp_path / "data"), chosen)
    lesson = train_spec.TrainSpec(p, FRACAST, chosen, 0, Quiet(tmp_path), accelerator(chosen), [{0: 1.0}] * 2)
    turned = [slot.upside_down for slot in train.training_slots(lesson)]
    assert turned == [bool(number % 2) for number in range(len(turned))]
    checks = train.checking_slots(p, p.usable, lesson.mixes)
    half = len(checks) // 2
    assert [replace(slot, upside_down=True) for slot in checks[:half]] == checks[half:]


def test_shares_prefer_what_forecasts_better() -> None:
    values, half, quarter = np.array([1.0, 3.0]), np.array([0.5, 1.5]), np.array([0.2, 0.8])
    assert input_selection.shares({0: values, 12: quarter}) == {12: 1.0}
    assert input_selection.shares({0: values, 12: half}) == {0: pytest.approx(1 / 17), 12: pytest.approx(16 / 17)}
    assert input_selection.shares({}) == {0: 1.0}


def test_differences_that_are_not_clearly_better_are_not_read() -> None:
    values = np.ones(16)
    barely = values - np.tile([0.6, -0.4], 8)  # better by 0.1, with a standard error of 0.13
    clearly = values - np.tile([0.6, -0.2], 8)  # by 0.2, with one of 0.10
    assert input_selection.shares({0: values, 1: barely}) == {0: 1.0}
    assert set(input_selection.shares({0: values, 1: clearly})) == {0, 1}
    assert input_selection.shares({0: values[:1], 1: values[:1] / 2}) == {0: 1.0}  # one error tells nothing


# --- no look into the future ----------------------------------------------------------------------


@given(st.integers(8, 3000), st.integers(1, 60), st.integers(1, 20))
def test_no_part_reaches_into_the_next(length: int, horizon: int, origins: int) -> None:
    split = cut(length, horizon, origins)
    if horizon > longest_horizon(length):
        assert split is None
        return
    assert split is not None
    assert 8 <= split.validation < split.test <= split.origins[0]
    assert split.origins[-1] + horizon == length == split.end
    assert list(split.origins) == sorted(set(split.origins))
    checks = split.checks(horizon)
    assert checks
    assert all(split.validation <= origin and origin + horizon <= split.test for origin in checks)


def spoiled(data: Path, out: Path, first_bad: int) -> Path:
    """The tiny table with absurd values from that month on."""
    lines = data.read_text(encoding="utf-8").splitlines()
    for number, row in enumerate(lines[1:], start=1):
        name, when, _ = row.split(",")
        months = (int(when[:4]) - 2010) * 12 + int(when[5:7]) - 1
        if months >= first_bad:
            lines[number] = f"{name},{when},{1e6 * (number % 7 - 3)}"
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return out


class Quiet:
    def __init__(self, path: Path):
        self.path = path

    def emit(self, kind: str, **data: Any) -> None:
        pass

    def write(self, name: str, text: str) -> Path:
        return self.path / name

    def check_cancelled(self) -> None:
        pass


@pytest.mark.parametrize("strategy", [Strategy.PARTIAL, Strategy.FULL, Strategy.SCRATCH])
def test_what_is_tested_changes_nothing_that_is_learnt(strategy: Strategy, tmp_path: Path) -> None:
    """With every value of the test stretch replaced, the inputs chosen and the weights learnt stay the same."""
    chosen = ForecastSettings.parse(tiny_series.SETTINGS | {"epochs": 2, "inputs": "auto"})
    data = tiny_series.write_series(tmp_path / "data")
    first = prepare.prepare(data, chosen).splits[0]
    assert first is not None
    learnt = []
    for path in (data, spoiled(data, tmp_path / "spoiled.csv", first.test)):
        p = prepare.prepare(path, chosen)
        on = accelerator(chosen)
        mixes = input_selection.choose_inputs(p, FRACAST, chosen, on, 64)
        lesson = train_spec.TrainSpec(p, FRACAST, chosen, 0, Quiet(tmp_path / path.stem), on, mixes)
        learnt.append((mixes, train.teach(lesson, strategy).network.model.state_dict()))
    assert learnt[0][0] == learnt[1][0]
    assert all(torch.equal(tensor, learnt[1][1][name]) for name, tensor in learnt[0][1].items())


def test_a_forecast_knows_nothing_of_what_comes_after_its_origin(tmp_path: Path) -> None:
    chosen = ForecastSettings.parse(tiny_series.SETTINGS)
    data = tiny_series.write_series(tmp_path / "data")
    p = prepare.prepare(data, chosen)
    tested = testing.cases(p, [0, 1])
    last = int(tested.origins.max())
    other = prepare.prepare(spoiled(data, tmp_path / "spoiled.csv", last), chosen)
    found = [testing.ask(pretrained(), q, testing.cases(q, [0, 1]), [{0: 0.5, 12: 0.5}] * 2, 64) for q in (p, other)]
    np.testing.assert_array_equal(found[0], found[1])


def test_windows_keep_to_their_stretch() -> None:
    pieces = slots(3, 10, 19, 25, 12, 4)
    assert [(slot.first, slot.last) for slot in pieces] == [(10, 11), (12, 14), (15, 16), (17, 19)]
    assert {(slot.series, slot.until, slot.lag) for slot in pieces} == {(3, 25, 12)}
    assert slots(0, 5, 4, 9, 0, 3) == []


def test_targets_end_where_nothing_may_be_looked_at(tmp_path: Path) -> None:
    chosen = ForecastSettings.parse(tiny_series.SETTINGS)
    p = prepare.prepare(tiny_series.write_series(tmp_path / "data"), chosen)
    windows = Windows(p.table, slots(0, 20, 40, 42, 0, 1), p.scales, 64, 6)
    given = windows.varied(torch.tensor([0]), torch.Generator().manual_seed(0))
    origin = windows._drawn[0]
    known = windows.targets(torch.tensor([0]))[0, :, 0].isfinite().sum()
    assert given.shape == (1, 2, 64)
    assert int(known) == min(6, 42 - origin)


# --- many series, and a comparison with sktime ----------------------------------------------------


def test_memory_does_not_grow_with_the_number_of_series(tmp_path: Path) -> None:
    """Reading three times as many series takes no more memory, once there are more rows than columns are judged by: the
    peak of Python's and NumPy's own allocations."""
    import tracemalloc

    from engines.forecasting.series import tables

    peaks = []
    for n in (1000, 3000):
        path = tmp_path / f"{n}.csv"
        with path.open("w", encoding="utf-8") as file:
            file.write("unique_id,ds,y\n")
            for number in range(n):
                file.writelines(f"s{number},{2000 + i // 12}-{i % 12 + 1:02d}-01,{i * 7 % 11}\n" for i in range(24))
        tracemalloc.start()
        found = tables.open_series(path, ForecastSettings())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert (len(found), found.observed) == (n, 24 * n)
    assert peaks[1] < 1.2 * peaks[0]


def test_two_thousand_series_are_forecast_a_few_at_a_time(tmp_path: Path) -> None:
    """A run on two series forecasts two thousand, streamed to a file."""
    from engines.forecasting.forecast.predict import Forecaster

    run = fitted(tmp_path, Strategy.ZERO_SHOT)
    with (tmp_path / "many.csv").open("w", encoding="utf-8") as file:
        file.write("unique_id,ds,y\n")
        for number in range(2000):
            file.writelines(f"s{number},{tiny_series.month(i)},{i % 12 + number}\n" for i in range(24))
    written = Forecaster(run.path).write(tmp_path / "many.csv", tmp_path / "forecast.csv")
    assert written == 2000 * 12
    lines = (tmp_path / "forecast.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + written
    assert lines[1].startswith("s0,2012-01-01,")


def fitted(folder: Path, strategy: Strategy, **chosen: Any) -> RunFolder:
    data = tiny_series.write_series(folder / "data")
    used = {**tiny_series.SETTINGS, **chosen}
    recipe = Recipe("forecasting.forecast", str(data), "fracast", strategy, settings=used)
    run = RunFolder.create(recipe, folder / "run")
    run.write("result.json", lifecycle.fit(Forecast(), run.recipe, run).to_json())
    return run


def test_a_baseline_that_could_not_be_fitted_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, asked = baselines._model, []

    def failing_twice(name: str, *given: int) -> Any:
        asked.append(name)
        if name == "auto_ets" and asked.count(name) <= 2:
            raise ValueError("no such luck")
        return model(name, *given)

    monkeypatch.setattr(baselines, "_model", failing_twice)
    run = fitted(tmp_path, Strategy.ZERO_SHOT)
    said = "AutoETS could not be fitted on 2 of 20 forecasts: there it is the seasonal naive."
    assert run.result is not None
    assert said in run.result.notes
    assert [event.data["message"] for event in run.events() if event.kind == "note"].count(said) == 1
    assert not any("Theta could not" in note for note in run.result.notes)


def test_its_backtest_is_sktimes(tmp_path: Path) -> None:
    """The same origins, forecasts and MASE as sktime's `evaluate` with an expanding window and its own metric."""
    import pandas as pd
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.performance_metrics.forecasting import MeanAbsoluteScaledError
    from sktime.split import ExpandingWindowSplitter

    from engines.forecasting.forecast import metrics
    from engines.forecasting.models.sktime_forecaster import FracastForecaster

    chosen = replace(ForecastSettings.parse(tiny_series.SETTINGS), inputs="values")
    p = prepare.prepare(tiny_series.write_series(tmp_path / "data"), chosen)
    tested = testing.cases(p, [0])
    ours = metrics.mase(testing.ask(pretrained(), p, tested, [{0: 1.0}] * 2, 64), tested)
    y = pd.Series(p.table.at(0).values, index=pd.period_range("2010-01", periods=tiny_series.MONTHS, freq="M"))
    step = int(np.diff(tested.origins)[0])
    cv = ExpandingWindowSplitter(fh=range(1, 13), initial_window=int(tested.origins[0]), step_length=step)
    found = evaluate(
        FracastForecaster(context=64, both_ways_up=True), cv=cv, y=y, scoring=MeanAbsoluteScaledError(sp=12)
    )
    np.testing.assert_allclose(found["test_MeanAbsoluteScaledError"], ours, rtol=1e-4)


@pytest.mark.timeout(1500)
def test_sktimes_own_checks_of_an_estimator() -> None:
    from sktime.utils.estimator_checks import check_estimator

    from engines.forecasting.models.sktime_forecaster import FracastForecaster

    found = check_estimator(FracastForecaster, raise_exceptions=False, verbose=False)
    assert {name: result for name, result in found.items() if result != "PASSED"} == {}
    assert len(found) > 500


def test_updating_moves_the_forecast_on() -> None:
    import pandas as pd

    from engines.forecasting.models.sktime_forecaster import FracastForecaster

    y = pd.Series(series(60), index=pd.period_range("2010-01", periods=60, freq="M"))
    once = FracastForecaster(context=64, lags=[0, 12]).fit(y, fh=[1, 2, 3])
    moved = FracastForecaster(context=64, lags=[0, 12]).fit(y[:48], fh=[1, 2, 3]).update(y[48:])
    pd.testing.assert_series_equal(once.predict(), moved.predict())
    assert str(once.predict().index[0]) == "2015-01"


def test_quantiles_beyond_the_nine_go_on_as_a_normals_do() -> None:
    from engines.forecasting.models.sktime_forecaster import between

    rows = np.arange(9, dtype=float)[None] - 4
    assert between(rows, 0.5)[0] == 0
    assert between(rows, 0.15)[0] == pytest.approx(-3.5)
    assert between(rows, 0.9)[0] == 4
    assert between(rows, 0.95)[0] == pytest.approx(4 * 1.6449 / 1.2816, rel=1e-3)


def test_a_run_keeps_what_its_forecaster_needs(tmp_path: Path) -> None:
    run = fitted(tmp_path, Strategy.PARTIAL, inputs="auto")
    config = json.loads((run.path / "model" / "config.json").read_text(encoding="utf-8"))
    assert (config["horizon"], config["season"], config["frequency"], config["context"]) == (12, 12, "M", 64)
    assert set(config["mixes"]) == set(tiny_series.NAMES)
    assert all(sum(mix.values()) == pytest.approx(1) for mix in config["mixes"].values())
    assert len(config["width_of_all"]) == 4
    result = run.result
    assert result is not None
    assert {"seasonal_naive", "random_walk", "auto_ets", "theta", "zero_shot"} <= result.baselines.keys()
    assert result.details["headline"].endswith(".")
    assert len(result.details["per_step"]) == 12


# --- models from the hub, through sktime ----------------------------------------------------------


def write_ttm(folder: Path) -> None:
    """A TinyTimeMixer of two layers with random weights, in the hub's own format."""
    from sktime.libs.granite_ttm import TinyTimeMixerConfig, TinyTimeMixerForPrediction

    config = TinyTimeMixerConfig(
        context_length=64,
        prediction_length=16,
        patch_length=8,
        patch_stride=8,
        d_model=16,
        num_layers=1,
        decoder_num_layers=1,
        decoder_d_model=16,
        num_input_channels=1,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        TinyTimeMixerForPrediction(config).save_pretrained(folder / "ttm-r2")


def write_chronos_bolt(folder: Path) -> None:
    from sktime.libs.chronos.chronos_bolt import ChronosBoltModelForForecasting
    from transformers import T5Config

    config = T5Config(
        d_model=16,
        d_kv=4,
        d_ff=32,
        num_layers=1,
        num_decoder_layers=1,
        num_heads=2,
        vocab_size=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    config.architectures = ["ChronosBoltModelForForecasting"]
    config.chronos_config = {
        "context_length": 64,
        "prediction_length": 16,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": list(QUANTILES),
        "use_reg_token": True,
    }
    ChronosBoltModelForForecasting(config).save_pretrained(folder / "chronos-bolt-small")


def write_timesfm(folder: Path) -> None:
    from transformers import TimesFm2_5Config, TimesFm2_5ModelForPrediction

    config = TimesFm2_5Config(
        patch_length=8,
        context_length=64,
        horizon_length=16,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=8,
        output_quantile_len=16,
        quantiles=list(QUANTILES),
    )
    TimesFm2_5ModelForPrediction(config).save_pretrained(folder / "timesfm-2.5")


@pytest.mark.parametrize(
    ("name", "write"), [("chronos-bolt-small", write_chronos_bolt), ("timesfm-2.5", write_timesfm)]
)
def test_checkpoints_in_the_hubs_format_answer_through_sktime(
    name: str, write: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One layer with random weights: what is tested is the way, not the forecast."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        write(tmp_path)
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path))
    card = Forecast().describe(name)
    gaps = series(60)
    gaps[10:13] = np.nan
    found = hub_models.Borrowed(card, 12).forecast([series(90), gaps], 12)
    assert found.shape == (2, 12, 9)
    assert np.isfinite(found).all()
    assert (np.diff(found, axis=2) >= 0).all()
    assert not np.allclose(found[0], found[1])


def test_a_model_of_the_hub_runs_through_sktime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ttm(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    data = tiny_series.write_series(tmp_path / "data")
    task = Forecast()
    recipe = Recipe("forecasting.forecast", str(data), "ttm-r2", Strategy.ZERO_SHOT, settings=tiny_series.SETTINGS)
    run = RunFolder.create(recipe, tmp_path / "run")
    run.write("result.json", lifecycle.fit(task, run.recipe, run).to_json())
    result = run.result
    assert result is not None
    assert (result.model, result.trainable_parameters) == ("ttm-r2", 0)
    assert np.isfinite(result.value)
    rows = task.load(run.path).predict(data)
    assert len(rows) == len(tiny_series.NAMES) * tiny_series.HORIZON
    assert all(row["low"] <= row["value"] <= row["high"] for row in rows)
    for ask in (
        lambda: task.export(run.path, "safetensors", tmp_path / "out"),
        lambda: task.export(run.path, "script", tmp_path / "out"),
        lambda: task.explain(run.path, data, tmp_path / "out"),
    ):
        with pytest.raises(InputError, match="comes from the hub and is asked through sktime"):
            ask()


def test_tiny_time_mixer_is_fine_tuned_by_sktime_and_taken_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice in one process, from the same weights to the same result; the export forecasts in sktime alone, and its
    usage.py as predict does."""
    import pandas as pd
    from safetensors.torch import load_file
    from sktime.forecasting.ttm import TinyTimeMixerForecaster

    write_ttm(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    data = tiny_series.write_series(tmp_path / "data")
    task, found = Forecast(), []
    used = tiny_series.SETTINGS | {"epochs": 12, "learning_rate": 3e-3, "origins": 3}
    for number in range(2):
        recipe = Recipe("forecasting.forecast", str(data), "ttm-r2", Strategy.FULL, settings=used)
        run = RunFolder.create(recipe, tmp_path / f"run{number}")
        run.write("result.json", lifecycle.fit(task, run.recipe, run).to_json())
        found.append(run.result)
    first, second = found
    assert first is not None
    assert second is not None
    assert first.value == second.value
    assert first.details["share"] > 0
    assert first.value < first.baselines["zero_shot"]
    assert first.trainable_parameters > 0
    task.export(run.path, "safetensors", tmp_path / "out")
    kept = load_file(tmp_path / "out" / "model.safetensors")
    came = load_file(tmp_path / "models" / "ttm-r2" / "model.safetensors")
    assert any(not torch.equal(kept[name], came[name]) for name in came)
    rows = [row["value"] for row in task.load(run.path).predict(data) if row["file"] == "north"]
    y = pd.Series(
        prepare.prepare(data, ForecastSettings()).table.at(0).values,
        index=pd.period_range("2010-01", periods=tiny_series.MONTHS, freq="M"),
    )
    forecaster = TinyTimeMixerForecaster(model_path=str(tmp_path / "out"), fit_strategy="zero-shot")
    np.testing.assert_allclose(forecaster.fit(y, fh=range(1, 13)).predict(), rows, rtol=1e-5)
    said = alone.run(tmp_path / "out" / "usage.py", data, cwd=tmp_path / "out")
    assert said.returncode == 0, said.stderr
    told = [json.loads(line) for line in said.stdout.splitlines()]
    expected = task.load(run.path).predict(data)
    assert [(row["file"], row["ds"]) for row in told] == [(row["file"], row["ds"]) for row in expected]
    for name in ("value", "low", "high"):
        np.testing.assert_allclose([row[name] for row in told], [row[name] for row in expected], rtol=1e-4)
    assert "python usage.py SERIES.csv" in (tmp_path / "out" / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("model", "strategy", "chosen", "said"),
    [
        ("ttm-r2", Strategy.PARTIAL, {}, "accepted: zero-shot, full, or the model fracast"),
        ("chronos-bolt-small", Strategy.FULL, {}, "accepted: zero-shot, or the model fracast"),
        ("ttm-r2", Strategy.FULL, {"baseline": "scratch"}, "accepted: none, or the model fracast"),
    ],
)
def test_what_a_model_of_the_hub_cannot_do_here_is_said(
    model: str, strategy: Strategy, chosen: dict[str, str], said: str, tmp_path: Path
) -> None:
    data = tiny_series.write_series(tmp_path / "data")
    recipe = Recipe("forecasting.forecast", str(data), model, strategy, settings=tiny_series.SETTINGS | chosen)
    run = RunFolder.create(recipe, tmp_path / "run")
    with pytest.raises(InputError, match=said):
        lifecycle.fit(Forecast(), recipe, run)


def test_a_model_of_the_hub_is_not_compared_with_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ttm(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    data = tiny_series.write_series(tmp_path / "data")
    recipe = Recipe("forecasting.forecast", str(data), "ttm-r2", Strategy.FULL, settings=tiny_series.SETTINGS)
    run = RunFolder.create(recipe, tmp_path / "run")
    with pytest.raises(InputError, match="accepted: fracast, which can start from scratch"):
        lifecycle.compare(Forecast(), recipe, run, [20], 1)


def test_its_test_is_drawn_anew_series_by_series(tmp_path: Path) -> None:
    data = tiny_series.write_series(tmp_path / "data")
    recipe = Recipe("forecasting.forecast", str(data), "fracast", Strategy.ZERO_SHOT, settings=tiny_series.SETTINGS)
    study = Forecast().open(recipe, RunFolder.create(recipe, tmp_path / "run"))
    items = study.items()
    assert np.bincount(items.groups).tolist() == [10, 10]
    assert items.weights.tolist() == [1.0] * 20
    assert study.features("test") is None
    budgets = study.budgets
    assert (budgets.low, budgets.unit) == (32, "values of history")
