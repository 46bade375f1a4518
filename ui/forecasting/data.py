"""Step 1 of forecasting: how far ahead, what is known ahead, and what a season makes of a series."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from engines.forecasting.labels import in_one
from engines.messages import _, _n
from ui.forecasting import plots as series_plots
from ui.page import frame, user_changes
from ui.page.draft import Draft
from ui.widgets import plots, reading

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator


def found(_: Draft, report: dict[str, Any]) -> None:
    """The domain's own part of a checked table."""
    details = report["details"]
    _plan(details)
    _facts(details)
    _look(details["series"])


def _plan(details: dict[str, Any]) -> None:
    """What is asked of the series, beside how the table is read."""
    with frame.card(_("What is forecast")):
        ahead, known = st.columns([1, 4])
        _horizon(ahead, details)
        with known:
            _known_ahead(details["columns"])


def _known_ahead(columns: dict[str, Any]) -> None:
    """Columns whose future is known, such as holidays: offered where there are columns besides dates and values."""
    chosen = list(columns.get("ahead", []))
    only_value = columns["values"] if len(columns["values"]) == 1 else []
    others = [name for name in columns["known"] if name not in {*columns["dates"], *columns["ids"], *only_value}]
    if not others:
        return
    key = "series_known_ahead"
    st.session_state[key] = chosen

    def choose() -> None:
        reading.read_otherwise(known_ahead=in_one(st.session_state[key]) or None)

    st.multiselect(
        _("Known ahead"),
        others,
        key=key,
        on_change=user_changes.changed(key, choose),
        placeholder=_("none"),
        help=_(
            "Columns whose future is known, such as holidays, promotions or prices that are set. What they "
            "explain is worked out first (a regression), and the model forecasts the rest. To forecast, add "
            "rows with the dates to come."
        ),
    )


def _horizon(place: DeltaGenerator, details: dict[str, Any]) -> None:
    key = "series_horizon"
    st.session_state[key] = int(details["horizon"])

    def choose() -> None:
        reading.read_otherwise(horizon=st.session_state[key])

    place.number_input(
        _("Horizon"),
        1,
        480,
        key=key,
        step=1,
        on_change=user_changes.changed(key, choose),
        help=_("How many steps ahead the forecast reaches."),
    )


def _facts(details: dict[str, Any]) -> None:
    whole = details["observed"] + details["missing"]
    numbers = [
        (_("Series"), f"{details['n_series']:,}", None),
        (_("From"), details["from"][:10], None),
        (_("To"), details["to"][:10], None),
        (
            _("Missing steps"),
            f"{100 * details['missing'] / max(1, whole):.1f} %",
            _("{missing:,} of {whole:,}", missing=details["missing"], whole=whole),
        ),
        (
            _("Season"),
            _n("{n:,} step", "{n:,} steps", details["season"]),
            _("The season that is usual at this frequency."),
        ),
    ]
    with st.container(border=True):
        for place, (label, value, help) in zip(st.columns(len(numbers)), numbers, strict=True):
            place.metric(label, value, help=help)


@st.fragment
def _look(shown: list[dict[str, Any]]) -> None:
    """One of the first series, and what STL takes it apart into."""
    with frame.card(_("Look at it")):
        names = [series["name"] for series in shown]
        chosen = names[0]
        if len(names) > 1:
            chosen = st.selectbox(_("Which series"), names, key="series_shown", label_visibility="collapsed")
        one = next(series for series in shown if series["name"] == chosen)
        plots.show(series_plots.series(one), "series_drawn", alt=_("The series {chosen} over time", chosen=chosen))
        if "trend" not in one:
            st.caption(_("It is too short to be taken apart, or has no season."))
            return
        strong = {"trend": one["trend_strength"], "season": one["seasonal_strength"]}
        said = " · ".join(
            _("{name} {how_strong} ({value:.2f} of 1)", name=name, how_strong=_how_strong(value), value=value)
            for name, value in strong.items()
        )
        st.markdown(
            _("**Taken apart**"), help=_("A smooth trend, a season that may change slowly, and the rest (by STL).")
        )
        st.caption(said[0].upper() + said[1:])
        plots.show(series_plots.decomposition(one), "series_parts", alt=_("Trend, season and rest: {said}", said=said))


def _how_strong(value: float) -> str:
    return "strong" if value > 0.8 else "clear" if value > 0.5 else "weak" if value > 0.2 else _("hardly any")
