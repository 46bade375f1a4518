"""Ask a trained forecaster: what comes next, and which past it looked at."""

from __future__ import annotations

import functools
import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from engines import paths, runs
from engines.messages import _, _n
from ui.forecasting import history
from ui.forecasting import plots as series_plots
from ui.page import errors, recorded, uploads, words
from ui.widgets import explanation, plots, try_it

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


# --- the future, and the past that counted --------------------------------------------------------


def _data_of(found: recorded.Finished) -> str:
    """Where the run's own data lie ('' of one that is only shown: the warm server knows); of a recording, its sample,
    made on this machine."""
    from engines.jobs.serving import client

    if not recorded.is_recorded(found.run):
        return found.recipe.data
    task = found.recipe.task
    asked = {"verb": "sample", "task": task, "name": recorded.sample(found.run.id), "out": str(paths.samples() / task)}
    return str(client.ask(asked)["path"])


def future(found: recorded.Finished) -> None:
    """What comes after the end of the data: of the run's own, or of newer ones."""
    if try_it.without_model(found, answers=False):
        return
    from engines.jobs.serving import client

    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.button(_("Forecast"), type="primary", icon=":material/timeline:", key="future_ask")
        newer = st.toggle(_("From newer data"), key="future_newer")
    upload = None
    if newer:
        upload = st.file_uploader(
            _("The same table, grown since"),
            type=["csv", "tsv", "txt", "parquet", "xlsx"],
            key="future_file",
            max_upload_size=50,
        )
    if wanted or upload is not None:
        with errors.calm(_("The forecast could not be made.")), st.spinner(_("Asking the model …")):
            if upload is None:
                asked = {"verb": "predict", "run": found.run.address, "data": _data_of(found)}
                st.session_state["future"] = (found.run.id, client.ask(asked)["rows"])
            else:
                st.session_state["future"] = (found.run.id, _asked_about(found, upload))
    run, rows = st.session_state.get("future", (None, []))
    if run == found.run.id and rows:
        _forecast(found, rows)


def _asked_about(found: recorded.Finished, upload: UploadedFile) -> list[dict[str, Any]]:
    from engines.jobs.serving import client

    folder = paths.uploads() / f"try-{runs.new_id()}"
    folder.mkdir()
    try:
        suffix = Path(uploads.safe_name(upload.name)).suffix.lower()[:8]
        (folder / f"newer{suffix}").write_bytes(upload.getvalue())
        asked = {"verb": "predict", "run": found.run.address, "data": str(folder / f"newer{suffix}")}
        rows: list[dict[str, Any]] = client.ask(asked)["rows"]
        return rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forecast(found: recorded.Finished, rows: list[dict[str, Any]]) -> None:
    _unused, past_values = history.tables(found.run.path, found.finished)
    bad = [row for row in rows if "error" in row]
    good = [row for row in rows if "error" not in row]
    names = list(dict.fromkeys(row["unique_id"] for row in good))
    name = st.selectbox(_("Series"), names, key="future_series") if len(names) > 1 else names[0]
    own = [row for row in good if row["unique_id"] == name]
    ahead: dict[str, list[Any]] = {"ds": [row["ds"] for row in own]}
    ahead |= {f"q{level}": [row["quantiles"][level] for row in own] for level in own[0]["quantiles"]}
    past = history.known(past_values, name, None, found.result.details)
    past = ([ds for ds in past[0] if ds < ahead["ds"][0]], past[1][: sum(ds < ahead["ds"][0] for ds in past[0])])
    plots.show(
        series_plots.fan(past, ahead, truth=False, naive=False),
        "future_fan",
        alt=_("Forecast of {name}: ", name=name) + "; ".join(f"{row['ds']}: {row['value']:.4g}" for row in own[:6]),
        table=lambda: [
            {_("date"): row["ds"], _("forecast"): row["value"], "10 %": row["low"], "90 %": row["high"]} for row in own
        ],
    )
    if bad:
        st.caption(
            _(
                "{series} could not be forecast: {plain} {error}.",
                series=_n("{n:,} series", "{n:,} series", len(bad)),
                plain=words.plain(bad[0]["file"]),
                error=bad[0]["error"],
            )
        )
    st.download_button(
        _("Forecast as CSV"),
        data=lambda: io.BytesIO(_csv(good)),
        file_name="forecast.csv",
        mime="text/csv",
        on_click="ignore",
        icon=":material/download:",
        key="future_csv",
        help=_("A row for each series and date, with the range of the forecast from 10 to 90 %."),
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


def past(found: recorded.Finished) -> None:
    """What each past value added to the forecast that comes next."""
    if try_it.without_model(found, answers=False):
        return
    names = found.result.details["tested_series"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(_("Series"), names, key="past_series") if len(names) > 1 else names[0]
        if not st.button(_("Find out"), icon=":material/visibility:", key="past_ask"):
            return
    with errors.calm(_("The model could not be asked.")):
        with st.spinner(_("Looking at what mattered …")):
            row = _explained(found.run.address, found.finished, _data_of(found), name)
        figure = series_plots.added(row["ds"], row["values"], row["attribution"])
        plots.show(
            figure,
            "past",
            alt=_("What each past value of {name} added to the forecast: {reach}", name=name, reach=row["reach"]),
        )
        error = words.metric("accuracy", row["completeness_error"])
        st.caption(
            _(
                "**{reach}{row_reach}.** Orange raised the forecast, blue lowered it, in the series' "
                "own unit, compared with a flat past · {method}, completeness error {error}",
                reach=row["reach"][0].upper(),
                row_reach=row["reach"][1:],
                method=row["method"],
                error=error,
            )
        )
        explanation.faithful(row)


@functools.lru_cache(maxsize=32)
def _explained(run: str, stamp: float, data: str, name: str) -> dict[str, Any]:  # noqa: ARG001  (a run made anew)
    from engines.jobs.serving import client

    out = paths.uploads() / f"explain-{runs.new_id()}"
    try:
        asked = {"verb": "explain", "run": run, "data": data, "out": str(out), "example": name}
        row: dict[str, Any] = client.ask(asked)["rows"][0]
        return row
    finally:
        shutil.rmtree(out, ignore_errors=True)
