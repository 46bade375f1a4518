"""What the camera shows now, with what a detector finds on it: one frame after the other, none of them kept."""

from __future__ import annotations

import base64
import shutil
from typing import Any

import streamlit as st

from engines import paths, runs
from engines.contract import InputError
from engines.hosting import limits
from engines.jobs import showcase
from engines.jobs.serving import client
from engines.messages import _, _n
from ui.page import errors, recorded
from ui.vision import boxed
from ui.widgets.capture.widget import capture

SECONDS = 30.0
"""For an answer: the first one waits for the model to be loaded."""


def offer(found: recorded.Finished) -> None:
    """A switch, and behind it the camera; nothing where the model is not here."""
    if not (found.run.path / "model").is_dir() or (limits.showcase() and not showcase.can_be_asked(found.run)):
        return
    if st.toggle(_("Find things on what the camera shows, again and again"), key="live_camera"):
        _frames(found)


@st.fragment
def _frames(found: recorded.Finished) -> None:
    with errors.calm(_("The model could not be asked.")):
        key = f"live-{found.run.id.replace('_', '-')}"

        def answered(content: bytes) -> dict[str, Any]:
            told = ask(found, content)
            if "row" in told:
                st.session_state[f"{key}-seen"] = told  # here, not in what goes back to the browser
                return {}
            return told

        least = st.slider(_("Confidence"), 0.05, 0.95, _chosen(found), 0.01, key="live_confidence")
        left, right = st.columns([1, 1])
        with left:
            capture("pictures", [], key=key, on_kept=lambda _kept: None, answer=answered)
        if last := st.session_state.get(f"{key}-seen"):
            with right:
                boxed.show([picture(last["row"], last["content"], least)])
                st.caption(_("Answered in {milliseconds:.0f} ms. No frame is kept.", milliseconds=last["milliseconds"]))


def _chosen(found: recorded.Finished) -> float:
    value = float((found.result.details.get("threshold") or {}).get("value", 0.3))
    return min(max(round(value, 2), 0.05), 0.95)


def ask(found: recorded.Finished, content: bytes) -> dict[str, Any]:
    """What the detector says of a frame, a JPEG file: `row` as `predict` has it, `content` and `milliseconds`; or
    `unclear`, why there is no answer."""
    folder = paths.uploads() / f"try-{runs.new_id()}"
    folder.mkdir(parents=True)
    try:
        (folder / "frame.jpg").write_bytes(content)
        question = {"verb": "predict", "run": found.run.address, "data": str(folder)}
        answer = client.ask(question, seconds=SECONDS)
    except (InputError, client.ServerFailed) as error:
        return {"unclear": str(error)}
    finally:
        shutil.rmtree(paths.work(folder), ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
    (row,) = answer["rows"]
    if row.get("error"):
        return {"unclear": str(row["error"])}
    return {"row": row, "content": content, "milliseconds": answer["milliseconds"]}


def picture(row: dict[str, Any], content: bytes, least: float) -> boxed.Picture:
    """The frame with the boxes from that confidence on."""
    said = [one for one in [*row["boxes"], *row["unsure"]] if one["score"] >= least]
    source = f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
    shown = [boxed.Shown("said", one["box"], boxed.scored(one)) for one in said]
    name = _("what the camera shows")
    caption = _n("{n:,} thing found on {name}", "{n:,} things found on {name}", len(said), name=name)
    return boxed.Picture(source, name, int(row["width"]), int(row["height"]), shown, caption)
