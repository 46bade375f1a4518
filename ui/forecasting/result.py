"""Step 5 of forecasting: does it beat seasonal naive, the fan of forecasts against what came, and the future."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Result, TaskInfo
from engines.messages import _, _n, told
from engines.reporting import comparisons
from ui.comparisons import make_sure
from ui.forecasting import history, try_it
from ui.forecasting import plots as series_plots
from ui.page import frame, recorded, words
from ui.steps import result as result_step
from ui.widgets import plots


def show(found: recorded.Finished) -> None:
    """Everything about a finished forecasting run."""
    info = registry.task(found.recipe.task).info
    _headline(info, found.result)
    make_sure.offer(found)
    result_step.try_and_take(info, found, lambda: st.fragment(try_it.future)(found), _("What comes next"))
    with frame.card(_("Forecasts from the past, and what came")):
        st.fragment(_fans)(found)
    left, right = st.columns([3, 2])
    with (
        left,
        frame.card(
            _("Beside other ways"), help=_("MASE: the error relative to repeating the last season. Left is better.")
        ),
    ):
        _ranking(found.result)
    with right, frame.card(_("How far ahead is it good?")):
        _by_step(found.result)
    if prices := found.result.details.get("prices"):
        with st.container(border=True):
            st.markdown(_("**What a forecast of a price is worth**  \n{text}", text=prices["text"]))
    result_step.advise(found)
    with result_step.further_details():
        with frame.card(_("Which past mattered?")):
            st.fragment(try_it.past)(found)
        st.fragment(_residuals)(found)
        result_step.how_it_learnt(info, found)
        result_step.kept_and_trained(found)
        result_step.small_print(info, found)


# --- the verdict ----------------------------------------------------------------------------------


def _headline(info: TaskInfo, result: Result) -> None:
    details = result.details
    came, naive = comparisons.as_it_came(result), comparisons.against(result, "seasonal_naive")
    shown = [verdict for verdict in (came, naive) if verdict]
    shown.sort(key=lambda verdict: verdict.side == "better")  # what gained nothing comes first; as it came before naive
    with st.container(border=True, key="verdict", gap="small"):
        said, numbers = st.columns([5, 5], vertical_alignment="center", gap="small")
        with said, st.container(gap="xsmall"):
            for verdict in shown[:1]:
                result_step.first(info, verdict, result.strategy)
                st.caption(words.verdict(verdict, info.metric)[1])
            st.markdown(words.plain(details["headline"]))
            series = (
                _n("{n:,} series", "{n:,} series", len(details["tested_series"]))
                if details["n_series"] > 1
                else "one series"
            )
            st.caption(
                _(
                    "{series}, {origins} points in time, {steps} ahead · seed {seed}",
                    series=series,
                    origins=details["origins"],
                    steps=_n("{n:,} step", "{n:,} steps", details["horizon"]),
                    seed=result.seed,
                )
            )
        with numbers, st.container(horizontal=True):
            result_step.number(info, _(":orange[■] This model"), result.value, result.low, result.high)
            for name in sorted(verdict.against for verdict in shown)[::-1]:
                bounds = result.baseline_details[name]
                result_step.number(
                    info, told(result_step.RIVALS)[name], result.baselines[name], bounds["low"], bounds["high"]
                )
        covered = result.metrics["coverage_80"]
        st.caption(
            _(
                "Its 80 % interval held {value:.0f} % of what came ({low:.0f} – {high:.0f} %).",
                value=100 * covered.value,
                low=100 * covered.low,
                high=100 * covered.high,
            )
        )
        if details.get("ahead"):
            st.caption(words.plain(details["ahead"]["text"]))
        result_step.further(info, [result.verdict] if result.verdict else [])


# --- fans -----------------------------------------------------------------------------------------


def _fans(found: recorded.Finished) -> None:
    predictions, past_values = history.tables(found.run.path, found.finished)
    names = list(dict.fromkeys(predictions["unique_id"]))
    choose, slide = st.columns([2, 5]) if len(names) > 1 else (None, st.container())
    name = choose.selectbox(_("Series"), names, key="fan_series") if choose else names[0]
    rows = [i for i, own in enumerate(predictions["unique_id"]) if own == name]
    origins = list(dict.fromkeys(predictions["origin"][i] for i in rows))
    origin = origins[-1]
    if len(origins) > 1:
        origin = slide.select_slider(
            _("Forecast made just before"), origins, value=origins[-1], key=f"fan_origin_{name}"
        )
    own = [i for i in rows if predictions["origin"][i] == origin]
    ahead = {column: [values[i] for i in own] for column, values in predictions.items()}
    ahead["y"] = [None if value != value else value for value in ahead["y"]]
    past = history.known(past_values, name, ahead["ds"][0], found.result.details)
    figure = series_plots.fan(past, ahead, truth=True, naive=True)
    plots.show(
        figure,
        "fan",
        alt=_("Forecast of {name} from {origin}, its intervals, and what came", name=name, origin=origin),
        table=lambda: [
            {_("date"): ds, _("came"): y, _("forecast"): m, "10 %": low, "90 %": high, _("seasonal naive"): naive}
            for ds, y, m, low, high, naive in zip(
                ahead["ds"],
                ahead["y"],
                ahead["q0.5"],
                ahead["q0.1"],
                ahead["q0.9"],
                ahead["seasonal_naive"],
                strict=True,
            )
        ],
    )


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
                "name": row["title"],
                "value": row["mase"],
                "low": row["mase"] if low is None else low,
                "high": row["mase"] if high is None else high,
                "colour": plots.TRAINED if mine else plots.PRETRAINED if "zero_shot" in row["model"] else plots.SCRATCH,
                "symbol": "circle" if mine else "square",
            }
        )
    plots.show(
        plots.intervals(entries, x=_("MASE")),
        "ranking",
        alt="; ".join(f"{entry['name']}: {entry['value']:.3g}" for entry in entries),
        table=lambda: [
            {
                _("model"): row["title"],
                _("MASE"): round(row["mase"], 3),
                _("sMAPE"): words.metric("smape", row["smape"]),
                _("weighted quantile loss"): round(row["weighted_quantile_loss"], 4),
                _("80 % interval held"): words.metric("coverage_80", row["coverage_80"], 0),
                _("mean rank"): round(row["rank"], 2),
                _("p against the best"): None if row["p"] is None else round(row["p"], 4),
            }
            for row in sorted(ranked["rows"], key=lambda row: row["mase"])
        ],
    )
    st.caption(_significance(ranked))


def _significance(ranked: dict[str, Any]) -> str:
    """What a test says of the order in the plot."""
    rows = sorted(ranked["rows"], key=lambda row: row["mase"])
    if ranked["friedman_p"] is None:
        return _("There are too few forecasts for a test of this order.")
    n, p = _n("{n:,} forecast", "{n:,} forecasts", ranked["n"]), ranked["friedman_p"]
    if p > 0.05:
        return _("Over {n} these can't be told apart (Friedman's test, p = {p:.2g}).", n=n, p=p)
    text = _("Over {n} the differences are more than chance (Friedman's test, p = {p:.1g})", n=n, p=p)
    if rows[0]["p"] is not None:  # a run from before the first in the plot was what the others were tested against
        return f"{text}."
    alike = [row["title"] for row in rows[1:] if row["p"] is not None and row["p"] > 0.05]
    first = _("{text}. First: {title}", text=text, title=rows[0]["title"])
    return first + (
        _("; not told apart from it: {alike}.", alike=", ".join(alike)) if alike else _(", clearly before all others.")
    )


def _by_step(result: Result) -> None:
    rows = result.details["per_step"]
    if len(rows) < 2:
        st.caption(_("The horizon is one step."))
        return
    plots.show(
        series_plots.by_step(rows),
        "by_step",
        alt=_("Error at each step ahead, of this model and of seasonal naive"),
        table=lambda: [
            {
                _("step"): row["step"],
                _("this model"): round(row["own"], 3),
                _("seasonal naive"): round(row["seasonal_naive"], 3),
                _("80 % interval held"): words.metric("coverage_80", row["covered"], 0),
            }
            for row in rows
        ],
    )


# --- what the errors look like --------------------------------------------------------------------


def _residuals(found: recorded.Finished) -> None:
    box = st.expander(_("What its errors look like"), key="residuals", icon=":material/stethoscope:", on_change="rerun")
    if not box.open:
        return
    seen = found.result.details["residuals"]
    with box:
        left, right = st.columns(2)
        with left:
            st.markdown(
                _("**Size**"), help=_("What came minus the forecast, in units of the seasonal naive's past error.")
            )
            shape = seen["histogram"]
            figure = series_plots.histogram(shape["edges"], shape["counts"], _("what came minus the forecast"))
            plots.show(figure, "errors_size", alt=_("Distribution of the errors"))
        with right:
            st.markdown(
                _("**Where the truth fell in the forecast's range**"),
                help=_("Bars of one height: each interval holds as often as it says."),
            )
            plots.show(series_plots.places(seen["places"]), "errors_place", alt=_("Where the truth fell"))
        st.caption(_diagnosis(seen))


def _diagnosis(seen: dict[str, Any]) -> str:
    bias = seen["bias"]
    noticeable = abs(bias) > 2 * seen["deviation"] / max(1, seen["n"]) ** 0.5
    text = _("On average it is neither too high nor too low")
    if noticeable and abs(bias) > 0.05:
        text = _(
            "On average it is too {low}, by {bias:.2g} of a seasonal naive's error",
            low="low" if bias > 0 else "high",
            bias=abs(bias),
        )
    memory = seen["memory"]
    if memory is not None:
        text += _(
            ". One error tells {something} of the next (correlation {memory:.2f})",
            something=_("something") if abs(memory) > 0.3 else _("little"),
            memory=memory,
        )
    return f"{text}. {words.count(seen['n'], 'errors')}."
