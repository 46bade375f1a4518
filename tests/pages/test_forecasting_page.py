"""The forecasting page: questions it asks of a table, and everything about a run that was really trained."""

from __future__ import annotations

import dataclasses
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines import paths, registry, runs
from engines.contract import Recipe, Strategy
from engines.forecasting.settings import ForecastSettings
from engines.jobs import worker
from engines.jobs.serving import client
from engines.runs import RunFolder
from tests import tiny_series
from tests.pages.opening import opened, press, shown, text
from ui.forecasting import plots, try_it
from ui.page import uploads

PAGE = "pages/forecasting.py"
TASK = "forecasting.forecast"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run's folder, trained for a few epochs on two tiny series."""
    folder = tmp_path_factory.mktemp("forecasting")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_HOME", str(folder / "home"))
        data = tiny_series.write_series(folder / "data")
        recipe = Recipe(TASK, str(data), "fracast", Strategy.PARTIAL, settings=tiny_series.SETTINGS)
        run = RunFolder.create(recipe, folder / "run")
        assert worker.execute(run) == worker.DONE, run.state
    return folder / "run"


@pytest.fixture
def run(trained: Path) -> RunFolder:
    """The same run where this test's pages look for it."""
    target = paths.runs() / runs.new_id()
    shutil.copytree(trained, target)
    return RunFolder(target)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The warm server's answers, given by this process."""
    from engines.jobs.serving.handlers import LoadedModels, answer

    def ask(question: dict[str, Any], progress: Callable[[int, int], None] | None = None) -> dict[str, Any]:
        return answer(question, LoadedModels(), progress or (lambda *_: None))

    monkeypatch.setattr(client, "ask", ask)


@pytest.fixture
def empty_showcase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "showcase", lambda: tmp_path / "showcase")


def brought(name: str, content: str) -> str:
    """The id of an uploaded table."""
    file = io.BytesIO(content.encode())
    file.name, file.size = name, len(content)  # type: ignore[attr-defined]
    return uploads.keep([file], (".csv",))  # type: ignore[list-item]


# --- data -----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("empty_showcase")
def test_without_any_run_it_opens_on_data_and_offers_samples() -> None:
    at = opened(PAGE)
    page = text(at)
    assert "Bring your observations" in page
    assert page.count("Use this sample") == len(registry.task(TASK).samples())
    assert "synthetic" not in page


@pytest.mark.usefixtures("answers")
def test_a_table_is_shown_with_its_columns_frequency_and_season() -> None:
    rows = "".join(
        f"{tiny_series.month(i)},{name},{value}\n"
        for name in tiny_series.NAMES
        for i, value in enumerate(tiny_series.series(name, 60))
        if i != 30
    )
    at = opened(PAGE, data=brought("sales.csv", "day,shop,sales\n" + rows), step="data")
    chosen = {box.label: box.value for box in at.selectbox}
    assert (chosen["Dates"], chosen["Series"], chosen["Frequency"]) == ("day", "shop", "monthly")
    assert ":small[Values]  \n**sales**" in [element.value for element in at.markdown]
    assert len(at.selectbox) == len({box.label for box in at.selectbox})
    assert {metric.label: metric.value for metric in at.metric} == {
        "Series": "2",
        "From": "2010-01-01",
        "To": "2014-12-01",
        "Missing steps": "1.7 %",
        "Season": "12 steps",
    }
    assert shown(at, "plotly_chart") == 2
    assert "season strong" in text(at)
    assert "2 gaps, 2 missing steps" in text(at)


@pytest.mark.usefixtures("answers")
def test_columns_that_are_known_ahead_are_chosen_on_the_page() -> None:
    rows = "".join(
        f"{tiny_series.month(i)},{value},{('no', 'yes')[i % 5 == 0]}\n"
        for i, value in enumerate(tiny_series.series("north", 60))
    )
    at = opened(PAGE, data=brought("sales.csv", "day,sales,promotion\n" + rows), step="data")
    known = at.multiselect(key="series_known_ahead")
    assert (known.options, known.value) == (["promotion"], [])
    assert "name them as known ahead" in text(at)
    known.set_value(["promotion"]).run()
    assert not at.exception
    assert at.multiselect(key="series_known_ahead").value == ["promotion"]
    assert "known_ahead:promotion" in str(at.query_params["set"])
    assert "that was clearly worth it for 0 of 1 series" in text(at)


@pytest.mark.usefixtures("answers")
def test_the_order_of_day_and_month_is_a_question_with_two_buttons() -> None:
    rows = "".join(f"0{i % 9 + 1}/0{i % 7 + 1}/{2000 + i},{i % 5}\n" for i in range(40))
    data = brought("dates.csv", "when,y\n" + rows)
    at = opened(PAGE, data=data, step="data")
    assert "which may be read with the day or the month first" in text(at)
    at.button_group(key="answer_date_order").set_value("day first").run()
    assert not at.exception
    assert "were read with the day first" in text(at)
    assert at.query_params["set"] == ["date_order:day first"] or "date_order" in str(at.query_params["set"])


@pytest.mark.usefixtures("answers")
def test_a_table_that_needs_an_answer_is_kept_and_one_of_no_use_is_not() -> None:
    asking = "when,y\n" + "".join(f"0{i % 9 + 1}/0{i % 7 + 1}/{2000 + i},{i % 5}\n" for i in range(40))
    at = opened(PAGE, step="data")
    at.file_uploader(key="upload").set_value(("dates.csv", asking.encode(), "text/csv")).run()
    assert "day or the month first" in text(at)
    assert len(list(paths.uploads().iterdir())) == 1
    at = opened(PAGE, step="data")
    at.file_uploader(key="upload").set_value(("words.csv", b"a,b\nx,y\nz,w\n", "text/csv")).run()
    assert "no column holds numbers" in text(at)
    assert len(list(paths.uploads().iterdir())) == 1


# --- a result -------------------------------------------------------------------------------------


def test_a_finished_run_says_whether_it_beats_seasonal_naive(run: RunFolder) -> None:
    at = opened(PAGE, run=run.id)
    page, result = text(at), run.result
    assert result is not None
    assert result.details["headline"].split(". ")[0].rstrip(".") in page.replace("\\", "")
    values = {metric.label: metric.value for metric in at.metric}
    assert values[":orange[■] This model"] == f"{result.value:.3g}"
    assert values[":gray[■] Seasonal naive"] == f"{result.baselines['seasonal_naive']:.3g}"
    assert f"held {100 * result.metrics['coverage_80'].value:.0f} % of what came" in page
    assert "Friedman" in page or "too few forecasts" in page
    assert shown(at, "plotly_chart") >= 4
    assert ("Make sure" in page) == (result.verdict is not None and result.verdict.scope == "networks")


def test_the_fan_follows_the_slider(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[dict[str, list[Any]]] = []
    real = plots.fan

    def fan(past: Any, ahead: dict[str, list[Any]], **options: bool) -> Any:
        drawn.append(ahead)
        assert past[0][-1] < ahead["ds"][0]
        return real(past, ahead, **options)

    monkeypatch.setattr(plots, "fan", fan)
    at = opened(PAGE, run=run.id)
    slider = at.select_slider(key="fan_origin_north")
    assert drawn[-1]["ds"][0] == slider.options[-1]
    slider.set_value(slider.options[0]).run()
    assert not at.exception
    assert drawn[-1]["ds"][0] == slider.options[0]
    assert len(drawn[-1]["q0.5"]) == tiny_series.HORIZON


@pytest.mark.usefixtures("answers")
def test_the_future_is_forecast_and_offered_as_a_table(run: RunFolder) -> None:
    at = opened(PAGE, run=run.id)
    before = shown(at, "plotly_chart")
    press(at, "Forecast")
    assert shown(at, "plotly_chart") == before + 1
    assert any(button.label == "Forecast as CSV" for button in at.get("download_button"))


@pytest.mark.usefixtures("answers")
def test_which_past_mattered_is_drawn_and_adds_up(run: RunFolder) -> None:
    at = opened(PAGE, run=run.id)
    press(at, "Find out")
    assert "completeness error" in text(at)
    assert "rests on the last" in text(at)


def test_the_csv_holds_the_quantiles_and_no_formulas() -> None:
    row = {
        "unique_id": "=shop",
        "ds": "2020-01-01",
        "value": 2.0,
        "low": 1.0,
        "high": 3.5,
        "quantiles": {"0.1": 1.0, "0.5": 2.0, "0.9": 3.5},
    }
    lines = try_it._csv([row]).decode().splitlines()
    assert lines == ["unique_id,ds,forecast,low_80,high_80,q0.1,q0.5,q0.9", "'=shop,2020-01-01,2,1,3.5,1,2,3.5"]


def test_the_recorded_run_is_real_and_complete() -> None:
    at = opened(PAGE)
    assert "A recorded run: Air passengers" in text(at)
    assert "beats seasonal naive by 54%" in text(at).replace("\\", "")


def test_every_reading_setting_can_be_said_in_an_address() -> None:
    fields = {field.name: field for field in dataclasses.fields(ForecastSettings)}
    shown = {"date_column", "id_column", "value_column", "date_order", "date_form", "decimal", "layout", "frequency"}
    assert {*shown, "horizon", "duplicates"} <= set(ForecastSettings.reading())
    assert all(fields[name].metadata["help"] for name in ForecastSettings.reading())
