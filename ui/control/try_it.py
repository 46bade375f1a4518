"""Ask a finished policy what it would do: about an observation typed here, or a table of them."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import streamlit as st

from engines import paths, runs
from engines.control.simulation.robots import Robot
from engines.messages import _
from ui.page import errors, recorded, uploads, words
from ui.widgets import plots, try_it

MOST_SHOWN = 200


def show(found: recorded.Finished, robot: Robot) -> None:
    """One observation in a row that can be edited, or a file; actions out. Nothing that is tried here is kept."""
    if try_it.without_model(found):
        return
    st.caption(_("What would it do if the robot saw this? Change the numbers."))
    import pandas as pd

    names = [name for name, _ in robot.observations]
    units = dict(robot.observations)
    start = pd.DataFrame([_middle(robot)], columns=names)
    row = st.data_editor(
        start,
        hide_index=True,
        key="try_observation",
        width="stretch",
        num_rows="fixed",
        column_config={
            name: st.column_config.NumberColumn(name, help=units[name] or None, format="%.3g") for name in names
        },
    )
    table = st.file_uploader(
        _("Or a table of observations"),
        type=["csv", "tsv", "parquet", "npz"],
        key="try_file",
        max_upload_size=25,
        help=_("A column for each number that it sees, or an NPZ file with an array `observations`."),
    )
    if not st.button(_("What would it do?"), icon=":material/stadia_controller:", key="try_ask"):
        return
    with errors.calm(_("The policy could not be asked.")):
        if table is not None:
            rows = _asked(found, Path(uploads.safe_name(table.name)).suffix.lower()[:8], table.getvalue())
        else:
            rows = _asked(found, ".csv", _csv(names, row.iloc[0].tolist()))
        _answers(rows, robot)


def _middle(robot: Robot) -> list[float]:
    """An observation to begin with: everything at rest, and one number a little off."""
    if robot.name == "pendulum":
        return [0.0, 1.0, 0.0]  # held out sideways
    return [0.05 if number == 1 else 0.0 for number in range(robot.width)]


def _csv(names: list[str], values: list[float]) -> bytes:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(names)
    table.writerow(values)
    return out.getvalue().encode()


def _asked(found: recorded.Finished, suffix: str, content: bytes) -> list[dict[str, Any]]:
    from engines.jobs.serving import client

    folder = paths.uploads() / f"try-{runs.new_id()}"
    folder.mkdir()
    try:
        (folder / f"observations{suffix}").write_bytes(content)
        asked = {"verb": "predict", "run": found.run.address, "data": str(folder / f"observations{suffix}")}
        rows: list[dict[str, Any]] = client.ask(asked)["rows"]
        return rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answers(rows: list[dict[str, Any]], robot: Robot) -> None:
    if len(rows) == 1 and "error" not in rows[0]:
        st.markdown(f":orange[■] **{words.plain(str(rows[0]['label']))}**")
        return
    shown = [
        {"observation": str(row["file"]), **_action(row, robot), "problem": row.get("error")}
        for row in rows[:MOST_SHOWN]
    ]
    plots.rows(shown)
    if len(rows) > MOST_SHOWN:
        st.caption(_("The first {most_shown} of {rows:,}.", most_shown=MOST_SHOWN, rows=len(rows)))


def _action(row: dict[str, Any], robot: Robot) -> dict[str, Any]:
    action = row.get("action")
    if action is None:
        return {"action": None}
    if robot.discrete or not isinstance(action, list):
        return {"action": row["label"]}
    return dict(zip(robot.actions, action, strict=True))
