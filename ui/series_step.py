"""Step 1 of forecasting: what each column is, how far apart the steps are, and what a season makes of a series."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.forecasting.names import FREQUENCIES, FREQUENCY_TITLES, in_one
from ui import by_hand, data_step, frame, plots, series_plots, words
from ui.draft import Draft

GUESS = "guessed"
NONE = "–"


def found(draft: Draft, report: dict[str, Any]) -> None:
    """The domain's own part of a checked table."""
    details = report["details"]
    _columns(draft, details)
    _facts(details)
    _look(details["series"])


def _columns(draft: Draft, details: dict[str, Any]) -> None:
    """What each column was taken for; a person can say otherwise, and the table is read anew."""
    columns = details["columns"]
    with frame.card("What is in the table"):
        if columns["layout"] == "wide":
            st.caption(f"A wide table: {len(columns['values'])} columns of numbers, one series each.")
        date, series, value, often, ahead = st.columns(5)
        _select(date, "Dates", "date_column", [*columns["known"]], columns["date"])
        _select(series, "Series", "id_column", [*columns["known"]], columns["series"])
        one = columns["values"][0] if len(columns["values"]) == 1 else None
        _select(value, "Values", "value_column", [*columns["known"]], one, "every column of numbers")
        _frequency(often, draft, details)
        _horizon(ahead, details)
        _known_ahead(columns)


def _select(
    place: Any, label: str, setting: str, columns: list[str], chosen: str | None, otherwise: str = NONE
) -> None:
    key = f"column_{setting}"
    options = [otherwise, *columns]
    st.session_state[key] = chosen if chosen in columns else otherwise

    def choose() -> None:
        value = st.session_state[key]
        data_step.read_otherwise(**{setting: None if value == otherwise else value})

    place.selectbox(
        label, options, key=key, on_change=by_hand.changed(key, choose),
        help="Guessed from names and cells. Choose another, and the table is read anew.",
    )  # fmt: skip


def _frequency(place: Any, draft: Draft, details: dict[str, Any]) -> None:
    key = "series_frequency"
    st.session_state[key] = draft.settings.get("frequency", "auto")
    titles = {"auto": f"{details['frequency_title']} ({GUESS})"} | {
        name: FREQUENCY_TITLES.get(name, f"every {name}") for name in FREQUENCIES
    }

    def choose() -> None:
        chosen = st.session_state[key]
        data_step.read_otherwise(frequency=None if chosen == "auto" else chosen)

    place.selectbox(
        "Steps", list(titles), key=key, format_func=titles.__getitem__, on_change=by_hand.changed(key, choose),
        help="How far apart the values are. Several values within one step become one.",
    )  # fmt: skip


def _known_ahead(columns: dict[str, Any]) -> None:
    """Columns whose future is known, such as holidays: offered where there are columns besides dates and values."""
    chosen = list(columns.get("ahead", []))
    only_value = columns["values"] if len(columns["values"]) == 1 else []
    others = [name for name in columns["known"] if name not in {columns["date"], columns["series"], *only_value}]
    if not others:
        return
    key = "series_known_ahead"
    st.session_state[key] = chosen

    def choose() -> None:
        data_step.read_otherwise(known_ahead=in_one(st.session_state[key]) or None)

    st.multiselect(
        "Known ahead", others, key=key, on_change=by_hand.changed(key, choose), placeholder="none",
        help="Columns whose future is known, such as holidays, promotions or prices that are set. A regression on them "
        "takes out what they explain, and the model forecasts the rest. To forecast, add rows with the dates to come.",
    )  # fmt: skip


def _horizon(place: Any, details: dict[str, Any]) -> None:
    key = "series_horizon"
    st.session_state[key] = int(details["horizon"])

    def choose() -> None:
        data_step.read_otherwise(horizon=st.session_state[key])

    place.number_input(
        "Horizon",
        1,
        480,
        key=key,
        step=1,
        on_change=by_hand.changed(key, choose),
        help="How many steps ahead the forecast reaches.",
    )


def _facts(details: dict[str, Any]) -> None:
    whole = details["observed"] + details["missing"]
    numbers = [
        ("Series", f"{details['n_series']:,}", None),
        ("From", details["from"][:10], None),
        ("To", details["to"][:10], None),
        ("Missing steps", f"{100 * details['missing'] / max(1, whole):.1f} %", f"{details['missing']:,} of {whole:,}"),
        ("Season", words.count(details["season"], "steps"), "The season that is usual at this frequency."),
    ]
    with st.container(border=True):
        for place, (label, value, help) in zip(st.columns(len(numbers)), numbers, strict=True):
            place.metric(label, value, help=help)


@st.fragment
def _look(shown: list[dict[str, Any]]) -> None:
    """One of the first series, and what STL takes it apart into."""
    with frame.card("Look at it"):
        names = [series["name"] for series in shown]
        chosen = names[0]
        if len(names) > 1:
            chosen = st.selectbox("Which series", names, key="series_shown", label_visibility="collapsed")
        one = next(series for series in shown if series["name"] == chosen)
        plots.show(series_plots.series(one), "series_drawn", alt=f"The series {chosen} over time")
        if "trend" not in one:
            st.caption("It is too short for a seasonal decomposition, or has no season.")
            return
        strong = {"trend": one["trend_strength"], "season": one["seasonal_strength"]}
        said = " · ".join(f"{name} {_how_strong(value)} ({value:.2f} of 1)" for name, value in strong.items())
        st.markdown("**Taken apart**", help="STL: a smooth trend, a season that may change slowly, and the rest.")
        st.caption(said[0].upper() + said[1:])
        plots.show(series_plots.decomposition(one), "series_parts", alt=f"Trend, season and rest: {said}")


def _how_strong(value: float) -> str:
    return "strong" if value > 0.8 else "clear" if value > 0.5 else "weak" if value > 0.2 else "hardly any"
