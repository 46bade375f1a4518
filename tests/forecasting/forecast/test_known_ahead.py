"""Columns whose future is known: read, explained by a regression before the test, forecast with, and taken home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engines import lifecycle
from engines.contract import InputError, Recipe, Strategy
from engines.forecasting.forecast import prepare
from engines.forecasting.forecast.predict import Forecaster
from engines.forecasting.forecast.task import Forecast
from engines.forecasting.labels import in_one, names_in
from engines.forecasting.models import covariate_regression, hub_models
from engines.forecasting.models.fracast import QUANTILES
from engines.forecasting.series.tables import open_series
from engines.forecasting.settings import ForecastSettings
from engines.runs import RunFolder
from tests import tiny_series

LENGTH, AHEAD = 96, 12


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADSTART_HOME", str(tmp_path / "home"))


def promotions(seed: int = 1) -> np.ndarray:
    return (np.random.default_rng(seed).random(LENGTH + AHEAD) < 0.3).astype(float)


def write(path: Path, ahead: int = AHEAD, spoiled: int | None = None, gap: int | None = None) -> Path:
    """Monthly sales that a promotion raises by 8, with the promotions of `ahead` months to come."""
    sales = tiny_series.series("north", LENGTH) + 8 * promotions()[:LENGTH]
    lines = ["month,sales,promotion,shop"]
    for i in range(LENGTH + ahead):
        sold = f"{sales[i] if spoiled is None or i < spoiled else 1e6 * (i % 7):.3f}" if i < LENGTH else ""
        promoted = "" if i == gap else ("no", "yes")[int(promotions()[i])]
        lines.append(f"{tiny_series.month(i)},{sold},{promoted},7")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def chosen(**more: Any) -> ForecastSettings:
    used = {**tiny_series.SETTINGS, "value_column": "sales", "known_ahead": "promotion", **more}
    return ForecastSettings.parse(used)


# --- the regression -------------------------------------------------------------------------------


def test_the_regression_finds_what_a_column_adds_beside_trend_and_season() -> None:
    values = tiny_series.series("north", LENGTH) + 8 * promotions()[:LENGTH]
    found = covariate_regression.fit(values, promotions()[:, None], 60, 80, 12)
    assert found is not None
    assert found.weights[0] / found.spread[0] == pytest.approx(8, abs=1)
    added = found.of(np.array([[0.0], [1.0], [np.nan]]))
    assert added[1] - added[0] == pytest.approx(8, abs=1)
    assert added[2] == 0  # not known: its mean, around which effects are counted


def test_a_curve_is_found_too() -> None:
    warm = np.random.default_rng(0).normal(20, 5, LENGTH)
    found = covariate_regression.fit((warm - 20) ** 2, warm[:, None], 60, 80, 1)
    assert found is not None
    assert found.curved == [0]
    added = found.of(np.array([[10.0], [20.0], [30.0]]))
    assert added - added[1] == pytest.approx([100, 0, 100], abs=8)


@pytest.mark.parametrize(
    "known", [np.random.default_rng(3).normal(size=LENGTH), np.ones(LENGTH), np.full(LENGTH, np.nan)]
)
def test_a_column_that_tells_nothing_is_not_used(known: np.ndarray) -> None:
    assert covariate_regression.fit(tiny_series.series("north", LENGTH), known[:, None], 60, 80, 12) is None


def test_two_series_that_merely_drift_explain_nothing_of_each_other() -> None:
    """Random walks are correlated by chance; their differences are not."""
    used = 0
    for seed in range(20):
        walks = np.random.default_rng(seed).normal(size=(2, 200)).cumsum(1)
        used += covariate_regression.fit(walks[0], walks[1][:, None], 120, 160, 1) is not None
    assert used <= 4


def test_what_is_tested_changes_nothing_of_it(tmp_path: Path) -> None:
    prepared = [
        prepare.prepare(write(tmp_path / str(at) / "s.csv", spoiled=at), chosen()) for at in (None, LENGTH - 20)
    ]
    test = prepared[0].splits[0].test  # type: ignore[union-attr]
    assert test <= LENGTH - 20
    assert prepared[0].effects[0] is not None
    assert prepared[0].effects == prepared[1].effects


# --- reading --------------------------------------------------------------------------------------


def test_words_become_one_feature_each_and_steps_to_come_are_kept(tmp_path: Path) -> None:
    found = open_series(write(tmp_path / "s.csv", gap=5), chosen(known_ahead="promotion, shop"))
    assert found.names == ["sales"]
    assert found.features == ["promotion=no", "promotion=yes", "shop"]
    assert (found.lengths, found.beyond) == ([LENGTH], [AHEAD])
    known = found.known(0)
    assert known.shape == (LENGTH + AHEAD, 3)
    seen = np.arange(LENGTH + AHEAD) != 5
    np.testing.assert_array_equal(known[seen, 1], promotions()[seen])
    assert np.isnan(known[5, :2]).all()
    assert any("1 step lacks a value that should be known ahead" in note for note in found.notes)


def test_each_series_of_a_long_table_has_its_own(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    lines = [
        f"{name},{tiny_series.month(i)},{i * 3 % 7},{scale * i}"
        for name, scale in (("a", 1), ("b", 2))
        for i in range(24)
    ]
    path.write_text("shop,month,y,price\n" + "\n".join(lines) + f"\nb,{tiny_series.month(24)},,99\n", encoding="utf-8")
    found = open_series(path, ForecastSettings.parse({"known_ahead": "price"}))
    assert found.beyond == [0, 1]
    assert found.known(0)[:, 0].tolist() == list(range(24))
    assert found.known(1)[:, 0].tolist() == [*range(0, 48, 2), 99]


@pytest.mark.parametrize(
    ("ahead", "says"),
    [
        ("weather", "has no column 'weather'"),
        ("sales", "'sales' is the column of the value"),
        ("note", "column 'note' of s.csv holds more than 12 different texts"),
    ],
)
def test_a_column_that_cannot_be_known_ahead_is_said(ahead: str, says: str, tmp_path: Path) -> None:
    rows = [f"{tiny_series.month(i)},{i % 7},remark {i}" for i in range(40)]
    (tmp_path / "s.csv").write_text("month,sales,note\n" + "\n".join(rows) + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=says):
        open_series(tmp_path / "s.csv", ForecastSettings.parse({"value_column": "sales", "known_ahead": ahead}))


def test_names_with_commas_stand_in_quotes() -> None:
    assert names_in('a, "b, c" ,d') == ["a", "b, c", "d"]
    assert names_in(in_one(["a", "b, c", "d"])) == ["a", "b, c", "d"]
    assert names_in("") == []


# --- a run ----------------------------------------------------------------------------------------


def fitted(folder: Path, strategy: Strategy = Strategy.PARTIAL, **more: Any) -> tuple[RunFolder, Any]:
    settings = {**tiny_series.SETTINGS, "value_column": "sales", "known_ahead": "promotion", **more}
    recipe = Recipe("forecasting.forecast", str(write(folder / "s.csv")), "fracast", strategy, settings=settings)
    run = RunFolder.create(recipe, folder / "run")
    result = lifecycle.fit(Forecast(), run.recipe, run)
    run.write("result.json", result.to_json())
    return run, result


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Any]:
    folder = tmp_path_factory.mktemp("known")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(folder / "home"))
        return fitted(folder)


def test_it_forecasts_better_with_what_is_known(finished: tuple[RunFolder, Any]) -> None:
    _, result = finished
    assert result.value < 0.6 * result.baselines["without_columns"]
    assert result.baselines["zero_shot_inputs"] < result.baselines["zero_shot"]
    told = result.details["ahead"]
    assert told["columns"] == ["promotion"]
    assert told["low"] <= told["gain"] <= told["high"]
    assert told["gain"] > 0.3
    assert "Known ahead: promotion" in told["text"]


def test_a_promotion_to_come_raises_the_forecast_by_what_it_raised_before(
    finished: tuple[RunFolder, Any], tmp_path: Path
) -> None:
    run, _ = finished
    forecaster = Forecaster(run.path)
    text = write(tmp_path / "s.csv").read_text(encoding="utf-8")
    month = tiny_series.month(LENGTH)
    rows = {}
    for word in ("no", "yes"):
        path = tmp_path / f"{word}.csv"
        path.write_text(
            text.replace(f"{month},,no,", f"{month},,{word},").replace(f"{month},,yes,", f"{month},,{word},"),
            encoding="utf-8",
        )
        rows[word] = forecaster.predict(path)
    assert len(rows["no"]) == 12
    assert rows["yes"][0]["value"] - rows["no"][0]["value"] == pytest.approx(8, abs=0.6)
    assert rows["yes"][1] == rows["no"][1]


@pytest.mark.parametrize(("ahead", "first"), [(0, LENGTH), (5, LENGTH + 5)])
def test_what_lacks_for_the_steps_to_come_is_said_with_its_dates(
    ahead: int, first: int, finished: tuple[RunFolder, Any], tmp_path: Path
) -> None:
    run, _ = finished
    says = f"needs 'promotion' for {tiny_series.month(first)} to {tiny_series.month(LENGTH + AHEAD - 1)}"
    with pytest.raises(InputError, match=says):
        Forecaster(run.path).predict(write(tmp_path / "s.csv", ahead=ahead))


def test_its_script_ends_at_the_same_number(finished: tuple[RunFolder, Any], tmp_path: Path) -> None:
    run, result = finished
    Forecast().export(run.path, "script", tmp_path / "script")
    done = subprocess.run(
        [sys.executable, "train.py"], cwd=tmp_path / "script", capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    said = next(line for line in done.stdout.splitlines() if line.startswith("mase"))
    assert float(said.split()[1]) == result.value


def test_its_export_forecasts_the_same_in_sktime(finished: tuple[RunFolder, Any], tmp_path: Path) -> None:
    run, result = finished
    data = write(tmp_path / "s.csv")
    Forecast().export(run.path, "safetensors", tmp_path / "model")
    lines = [
        "import pandas",
        f"rows = pandas.read_csv({str(data)!r})",
        "rows.index = pandas.PeriodIndex(rows['month'], freq='M')",
        "flags = pandas.get_dummies(rows[['promotion']], prefix_sep='=', dtype=float)",
        f"y, X, ahead = rows['sales'][:{LENGTH}], flags[:{LENGTH}], flags[{LENGTH}:]",
        result.details["load_snippet"],
        "found = forecaster.predict_quantiles(X=ahead, fh=range(1, 13), alpha=[0.1, 0.5, 0.9]).to_numpy().ravel()",
        "print(*found.tolist())",
    ]
    command = [sys.executable, "-W", "ignore", "-c", "\n".join(lines)]
    alone = subprocess.run(command, cwd=tmp_path / "model", capture_output=True, text=True, timeout=120)
    assert alone.returncode == 0, alone.stderr
    expected = [row[part] for row in Forecaster(run.path).predict(data) for part in ("low", "value", "high")]
    np.testing.assert_allclose([float(value) for value in alone.stdout.split()], expected, atol=1e-3)


def test_the_past_that_mattered_is_that_of_what_the_network_read(
    finished: tuple[RunFolder, Any], tmp_path: Path
) -> None:
    run, _ = finished
    rows = Forecast().explain(run.path, write(tmp_path / "s.csv"), tmp_path / "out")
    assert rows[0]["completeness_error"] < 0.1
    assert len(rows[0]["values"]) == len(rows[0]["attribution"])


# --- a model that takes them itself ---------------------------------------------------------------


def write_chronos_2(folder: Path) -> None:
    """Chronos-2 of one layer with random weights, in the hub's own format."""
    from chronos.chronos2.config import Chronos2CoreConfig
    from chronos.chronos2.model import Chronos2Model

    config = Chronos2CoreConfig(d_model=16, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
    config.architectures = ["Chronos2Model"]
    config.chronos_pipeline_class = "Chronos2Pipeline"
    config.chronos_config = {
        "context_length": 64,
        "output_patch_size": 8,
        "input_patch_size": 8,
        "input_patch_stride": 8,
        "quantiles": list(QUANTILES),
        "use_reg_token": True,
        "use_arcsinh": True,
        "max_output_patches": 4,
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        Chronos2Model(config).save_pretrained(folder / "chronos-2")


def test_chronos_2_is_given_the_columns_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Random weights: what is tested is that what is known of the steps to come reaches them."""
    write_chronos_2(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    model = hub_models.Borrowed(Forecast().describe("chronos-2"), 12)
    context, known = tiny_series.series("north", 60), promotions()[:72, None].copy()
    found = model.forecast([context], 12, [known])
    assert found.shape == (1, 12, 9)
    assert np.isfinite(found).all()
    known[-6:] = 1 - known[-6:]
    assert not np.allclose(found, model.forecast([context], 12, [known]))
    known[-1] = np.nan
    assert np.isfinite(model.forecast([context], 12, [known])).all()


def test_a_run_of_chronos_2_keeps_the_columns_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_chronos_2(tmp_path / "models")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    settings = {**tiny_series.SETTINGS, "value_column": "sales", "known_ahead": "promotion", "origins": 2}
    data = write(tmp_path / "s.csv")
    recipe = Recipe("forecasting.forecast", str(data), "chronos-2", Strategy.ZERO_SHOT, settings=settings)
    run = RunFolder.create(recipe, tmp_path / "run")
    result = lifecycle.fit(Forecast(), recipe, run)
    assert "given them itself" in result.details["ahead"]["text"]
    assert "without_columns" not in result.baselines
    assert len(Forecaster(run.path).predict(data)) == 12
    with pytest.raises(InputError, match="needs 'promotion' for"):
        Forecaster(run.path).predict(write(tmp_path / "none.csv", ahead=0))
