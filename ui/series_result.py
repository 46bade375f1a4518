"""Step 5 of forecasting: does it beat seasonal naive, the fan of forecasts against what came, and the future."""

from __future__ import annotations

import functools
import io
import shutil
from pathlib import Path
from typing import Any

import streamlit as st

from engines import places, registry, runs
from engines.contract import Result, TaskInfo
from ui import errors, frame, plots, recorded, result_step, series_plots, take_home, uploads, words

PAST = 3
"""Horizons of the known past that a fan chart shows, at least."""
LEAST_PAST = 48  # values
MODEL_GONE = "This recording comes without its model. Train it yourself, then ask it."


def show(found: recorded.Finished) -> None:
    """Everything about a finished forecasting run."""
    info = registry.task(found.recipe.task).info
    _headline(info, found.result)
    with frame.card("Forecasts from the past, and what came"):
        st.fragment(_fans)(found)
    left, right = st.columns([3, 2])
    with (
        left,
        frame.card("Beside other ways", help="MASE: the error relative to repeating the last season. Left is better."),
    ):
        _ranking(found.result)
    with right, frame.card("How far ahead is it good?"):
        _by_step(found.result)
    if prices := found.result.details.get("prices"):
        with st.container(border=True):
            st.markdown(f"**What a forecast of a price is worth**  \n{prices['text']}")
    with frame.card("What comes next"):
        st.fragment(_future)(found)
    with frame.card("Which past mattered?"):
        st.fragment(_past)(found)
    st.fragment(_residuals)(found)
    result_step.how_it_learnt(info, found)
    result_step.kept_and_trained(found)
    with frame.card("Take it home"):
        take_home.show(info, found)
    result_step.what_next(found)
    result_step.small_print(info, found)


# --- the verdict ----------------------------------------------------------------------------------


def _headline(info: TaskInfo, result: Result) -> None:
    details = result.details
    naive = result.baselines["seasonal_naive"]
    bounds = result.baseline_details["seasonal_naive"]
    beats = result.value < naive
    with st.container(border=True, key="verdict"):
        said, own, other = st.columns([5, 3, 3], vertical_alignment="center")
        with said:
            word, colour, icon = ("Better", "green", "trending_up") if beats else ("Not better", "red", "trending_down")
            st.badge(f"{word} than seasonal naive", icon=f":material/{icon}:", color=colour)  # type: ignore[arg-type]
            first, _, rest = details["headline"].partition(". ")
            st.markdown(f"### {words.plain(first.rstrip('.'))}")
            if rest:
                st.markdown(words.plain(rest))
            series = words.count(len(details["tested_series"]), "series") if details["n_series"] > 1 else "one series"
            st.caption(
                f"{series}, {details['origins']} points in time, {words.count(details['horizon'], 'steps')} ahead · "
                f"seed {result.seed}"
            )
        with own:
            st.metric(f":orange[■] This model, {info.metric_title}", f"{result.value:.3g}", help=info.metric_help)
            st.caption(f"{words.interval(info.metric, result.low, result.high)}, 95 % interval")
        with other:
            st.metric(f":gray[■] Seasonal naive, {info.metric_title}", f"{naive:.3g}", help="The last season again.")
            st.caption(f"{words.interval(info.metric, bounds['low'], bounds['high'])}, 95 % interval")
        covered = result.metrics["coverage_80"]
        st.caption(
            f"Its 80 % interval held {100 * covered.value:.0f} % of what came "
            f"({100 * covered.low:.0f} – {100 * covered.high:.0f} %)."
        )
        if details.get("ahead"):
            st.caption(words.plain(details["ahead"]["text"]))
        if result.verdict:
            sentence, line = words.verdict(result.verdict, result.metric)
            st.caption(f"Against the same network from scratch: {sentence} ({line}); less is better.")


# --- fans -----------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _tables(path: Path, stamp: float) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:  # noqa: ARG001
    """predictions.parquet and history.parquet as columns; `stamp` keeps the memory fresh."""
    import pyarrow.parquet as pq

    read = [pq.read_table(path / f"{name}.parquet").to_pydict() for name in ("predictions", "history")]
    return read[0], read[1]


def _fans(found: recorded.Finished) -> None:
    predictions, history = _tables(found.run.path, found.finished)
    names = list(dict.fromkeys(predictions["unique_id"]))
    choose, slide = st.columns([2, 5]) if len(names) > 1 else (None, st.container())
    name = choose.selectbox("Series", names, key="fan_series") if choose else names[0]
    rows = [i for i, own in enumerate(predictions["unique_id"]) if own == name]
    origins = list(dict.fromkeys(predictions["origin"][i] for i in rows))
    origin = origins[-1]
    if len(origins) > 1:
        origin = slide.select_slider("Forecast made just before", origins, value=origins[-1], key=f"fan_origin_{name}")
    own = [i for i in rows if predictions["origin"][i] == origin]
    ahead = {column: [values[i] for i in own] for column, values in predictions.items()}
    ahead["y"] = [None if value != value else value for value in ahead["y"]]
    past = _known(history, name, ahead["ds"][0], found.result.details)
    figure = series_plots.fan(past, ahead, truth=True, naive=True)
    plots.show(
        figure,
        "fan",
        alt=f"Forecast of {name} from {origin}, its intervals, and what came",
        table=lambda: [
            {"date": ds, "came": y, "forecast": m, "10 %": low, "90 %": high, "seasonal naive": naive}
            for ds, y, m, low, high, naive in zip(
                ahead["ds"], ahead["y"], ahead["q0.5"], ahead["q0.1"], ahead["q0.9"], ahead["seasonal_naive"],
                strict=True,
            )
        ],
    )  # fmt: skip


def _known(
    history: dict[str, list[Any]], name: str, before: str | None, details: dict[str, Any]
) -> tuple[list[Any], list[float | None]]:
    """The newest values of a series before a date."""
    pairs = [
        (ds, None if y != y else y)
        for own, ds, y in zip(history["unique_id"], history["ds"], history["y"], strict=True)
        if own == name
    ]
    dates = [ds for ds, _ in pairs]
    end = dates.index(before) if before in dates else len(pairs)
    shown = pairs[max(0, end - max(LEAST_PAST, PAST * details["horizon"], 2 * details["season"])) : end]
    return [ds for ds, _ in shown], [y for _, y in shown]


# --- beside others --------------------------------------------------------------------------------


def _ranking(result: Result) -> None:
    ranked = result.details["ranking"]
    bounds = {"own": (result.low, result.high)} | {
        name: (known.get("low"), known.get("high")) for name, known in result.baseline_details.items()
    }
    entries = []
    for row in sorted(ranked["rows"], key=lambda row: row["mase"]):
        low, high = bounds.get(row["model"], (None, None))
        mine = row["model"] == "own"
        entries.append(
            {
                "name": row["title"], "value": row["mase"], "low": row["mase"] if low is None else low,
                "high": row["mase"] if high is None else high,
                "colour": plots.TRAINED if mine else plots.PRETRAINED if "zero_shot" in row["model"] else plots.SCRATCH,
                "symbol": "circle" if mine else "square",
            }
        )  # fmt: skip
    plots.show(
        plots.intervals(entries, x="MASE"),
        "ranking",
        alt="; ".join(f"{entry['name']}: {entry['value']:.3g}" for entry in entries),
        table=lambda: [
            {
                "model": row["title"],
                "MASE": round(row["mase"], 3),
                "sMAPE": words.metric("smape", row["smape"]),
                "weighted quantile loss": round(row["weighted_quantile_loss"], 4),
                "80 % interval held": words.metric("coverage_80", row["coverage_80"], 0),
                "mean rank": round(row["rank"], 2),
                "p against the best": None if row["p"] is None else round(row["p"], 4),
            }
            for row in ranked["rows"]
        ],
    )
    st.caption(_significance(ranked))


def _significance(ranked: dict[str, Any]) -> str:
    rows = [row for row in ranked["rows"] if row["rank"] == row["rank"]]
    if ranked["friedman_p"] is None or not rows:
        return "There are too few forecasts for a test of the ranking."
    n, p = words.count(ranked["n"], "forecasts"), ranked["friedman_p"]
    if p > 0.05:
        return f"Over {n} the models can't be told apart (Friedman's test, p = {p:.2g})."
    alike = [row["title"] for row in rows[1:] if row["p"] is not None and row["p"] > 0.05]
    text = f"Over {n} the ranking is no chance (Friedman's test, p = {p:.1g}). Ranked first: {rows[0]['title']}"
    return text + (f"; not told apart from it: {', '.join(alike)}." if alike else ", clearly before all others.")


def _by_step(result: Result) -> None:
    rows = result.details["per_step"]
    if len(rows) < 2:
        st.caption("The horizon is one step.")
        return
    plots.show(
        series_plots.by_step(rows),
        "by_step",
        alt="Error at each step ahead, of this model and of seasonal naive",
        table=lambda: [
            {
                "step": row["step"],
                "this model": round(row["own"], 3),
                "seasonal naive": round(row["seasonal_naive"], 3),
                "80 % interval held": words.metric("coverage_80", row["covered"], 0),
            }
            for row in rows
        ],
    )  # fmt: skip


# --- the future, and the past that counted --------------------------------------------------------


def _data_of(found: recorded.Finished) -> Path:
    """The run's own data; of a recording, its sample, made on this machine."""
    from engines.jobs import serving

    if not recorded.is_recorded(found.run):
        return Path(found.recipe.data)
    task = found.recipe.task
    asked = {"verb": "sample", "task": task, "name": recorded.sample(found.run.id), "out": str(places.samples() / task)}
    return Path(serving.ask(asked)["path"])


def _future(found: recorded.Finished) -> None:
    """What comes after the end of the data: of the run's own, or of newer ones."""
    if not (found.run.path / "model").is_dir():
        st.caption(MODEL_GONE)
        return
    from engines.jobs import serving

    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.button("Forecast", type="primary", icon=":material/timeline:", key="future_ask")
        newer = st.toggle("From newer data", key="future_newer")
    upload = None
    if newer:
        upload = st.file_uploader(
            "The same table, grown since",
            type=["csv", "tsv", "txt", "parquet", "xlsx"],
            key="future_file",
            max_upload_size=50,
        )
    if wanted or upload is not None:
        with errors.calm("The forecast could not be made."), st.spinner("Asking the model …"):
            if upload is None:
                asked = {"verb": "predict", "run": str(found.run.path), "data": str(_data_of(found))}
                st.session_state["future"] = (found.run.id, serving.ask(asked)["rows"])
            else:
                st.session_state["future"] = (found.run.id, _asked_about(found, upload))
    run, rows = st.session_state.get("future", (None, []))
    if run == found.run.id and rows:
        _forecast(found, rows)


def _asked_about(found: recorded.Finished, upload: Any) -> list[dict[str, Any]]:
    from engines.jobs import serving

    folder = places.uploads() / f"try-{runs.new_id()}"
    folder.mkdir()
    try:
        suffix = Path(uploads.safe_name(upload.name)).suffix.lower()[:8]
        (folder / f"newer{suffix}").write_bytes(upload.getvalue())
        asked = {"verb": "predict", "run": str(found.run.path), "data": str(folder / f"newer{suffix}")}
        rows: list[dict[str, Any]] = serving.ask(asked)["rows"]
        return rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forecast(found: recorded.Finished, rows: list[dict[str, Any]]) -> None:
    _, history = _tables(found.run.path, found.finished)
    bad = [row for row in rows if "error" in row]
    good = [row for row in rows if "error" not in row]
    names = list(dict.fromkeys(row["unique_id"] for row in good))
    name = st.selectbox("Series", names, key="future_series") if len(names) > 1 else names[0]
    own = [row for row in good if row["unique_id"] == name]
    ahead: dict[str, list[Any]] = {"ds": [row["ds"] for row in own]}
    ahead |= {f"q{level}": [row["quantiles"][level] for row in own] for level in own[0]["quantiles"]}
    past = _known(history, name, None, found.result.details)
    past = ([ds for ds in past[0] if ds < ahead["ds"][0]], past[1][: sum(ds < ahead["ds"][0] for ds in past[0])])
    plots.show(
        series_plots.fan(past, ahead, truth=False, naive=False),
        "future_fan",
        alt=f"Forecast of {name}: " + "; ".join(f"{row['ds']}: {row['value']:.4g}" for row in own[:6]),
        table=lambda: [
            {"date": row["ds"], "forecast": row["value"], "10 %": row["low"], "90 %": row["high"]} for row in own
        ],
    )
    if bad:
        st.caption(
            f"{words.count(len(bad), 'series')} could not be forecast: {words.plain(bad[0]['file'])} {bad[0]['error']}."
        )
    st.download_button(
        "Forecast as CSV",
        data=lambda: io.BytesIO(_csv(good)),
        file_name="forecast.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="future_csv",
        help="One row a series and date, with the quantiles from 10 to 90 %.",
    )


def _csv(rows: list[dict[str, Any]]) -> bytes:
    import csv

    from engines.data.tables import safe_cell

    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    levels = list(rows[0]["quantiles"]) if rows else []
    table.writerow(["unique_id", "ds", "forecast", "low_80", "high_80", *(f"q{level}" for level in levels)])
    for row in rows:
        numbers = (row["value"], row["low"], row["high"], *row["quantiles"].values())
        table.writerow([safe_cell(str(row["unique_id"])), row["ds"], *(f"{number:.8g}" for number in numbers)])
    return out.getvalue().encode()


def _past(found: recorded.Finished) -> None:
    """What each past value added to the forecast that comes next."""
    if not (found.run.path / "model").is_dir():
        st.caption(MODEL_GONE)
        return
    names = found.result.details["tested_series"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox("Series", names, key="past_series") if len(names) > 1 else names[0]
        if not st.button("Find out", icon=":material/visibility:", key="past_ask"):
            return
    with errors.calm("The model could not be asked."):
        with st.spinner("Looking at what mattered …"):
            row = _explained(found.run.path, found.finished, str(_data_of(found)), name)
        figure = series_plots.added(row["ds"], row["values"], row["attribution"])
        plots.show(figure, "past", alt=f"What each past value of {name} added to the forecast: {row['reach']}")
        error = words.metric("accuracy", row["completeness_error"])
        st.caption(
            f"**{row['reach'][0].upper()}{row['reach'][1:]}.** Orange raised the forecast, blue lowered it, in the "
            f"series' own unit, compared with a flat past · {row['method']}, completeness error {error}"
        )


@functools.lru_cache(maxsize=32)
def _explained(run: Path, stamp: float, data: str, name: str) -> dict[str, Any]:  # noqa: ARG001  (a run made anew)
    from engines.jobs import serving

    out = places.uploads() / f"explain-{runs.new_id()}"
    try:
        asked = {"verb": "explain", "run": str(run), "data": data, "out": str(out), "example": name}
        row: dict[str, Any] = serving.ask(asked)["rows"][0]
        return row
    finally:
        shutil.rmtree(out, ignore_errors=True)


# --- what the errors look like --------------------------------------------------------------------


def _residuals(found: recorded.Finished) -> None:
    box = st.expander("What its errors look like", key="residuals", icon=":material/stethoscope:", on_change="rerun")
    if not box.open:
        return
    seen = found.result.details["residuals"]
    with box:
        left, right = st.columns(2)
        with left:
            st.markdown("**Size**", help="What came minus the forecast, in units of the seasonal naive's past error.")
            shape = seen["histogram"]
            figure = series_plots.histogram(shape["edges"], shape["counts"], "what came minus the forecast")
            plots.show(figure, "errors_size", alt="Distribution of the errors")
        with right:
            st.markdown("**Place among the quantiles**", help="Level bars mean that every interval holds its promise.")
            plots.show(series_plots.places(seen["places"]), "errors_place", alt="Where the truth fell")
        st.caption(_diagnosis(seen))


def _diagnosis(seen: dict[str, Any]) -> str:
    bias = seen["bias"]
    noticeable = abs(bias) > 2 * seen["deviation"] / max(1, seen["n"]) ** 0.5
    text = "On average it is neither too high nor too low"
    if noticeable and abs(bias) > 0.05:
        text = f"On average it is too {'low' if bias > 0 else 'high'}, by {abs(bias):.2g} of a seasonal naive's error"
    memory = seen["memory"]
    if memory is not None:
        text += (
            f". One error tells {'something' if abs(memory) > 0.3 else 'little'} of the next (correlation {memory:.2f})"
        )
    return f"{text}. {words.count(seen['n'], 'errors')}."
