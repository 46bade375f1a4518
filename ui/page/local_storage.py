"""This browser's recent runs: ids kept in its own localStorage, because a run belongs to whoever knows its id."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from engines import runs

LIMIT = 50
_JS = f"""
const KEY = "headstart.runs";
const read = () => {{
  try {{ const found = JSON.parse(localStorage.getItem(KEY)); return Array.isArray(found) ? found : []; }}
  catch {{ return []; }}
}};
export default function (component) {{
  const {{ data, setStateValue, parentElement }} = component;
  const before = read();
  const forget = new Set(data.forget);
  const all = [...data.remember, ...before.filter((id) => !data.remember.includes(id))];
  const after = all.filter((id) => typeof id === "string" && !forget.has(id)).slice(0, {LIMIT});
  if (JSON.stringify(after) !== JSON.stringify(before)) {{
    try {{ localStorage.setItem(KEY, JSON.stringify(after)); }} catch {{ /* private window: nothing is kept */ }}
  }}
  const told = JSON.stringify(after);
  if (data.tell && parentElement.told !== told) {{ parentElement.told = told; setStateValue("runs", after); }}
}}
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.this_browser", html="<i></i>", js=_JS)


def remember(run: str) -> None:
    """Put a run at the top of this browser's list."""
    _mount("remember_run", {"remember": [run], "forget": [], "tell": False})


def recent(add: Sequence[str] = (), forget: Sequence[str] = ()) -> list[str] | None:
    """Run ids, newest first; None until the browser has answered. Call it in a fragment: the answer redraws it."""
    ids = _mount("recent_runs", {"remember": list(add), "forget": list(forget), "tell": True})
    if ids is None:
        return None
    return [i for i in ids if isinstance(i, str) and runs.ID.fullmatch(i)][:LIMIT]


def _mount(key: str, data: dict[str, Any]) -> list[str] | None:
    """What the browser has answered so far: the run ids that it keeps."""
    ids: list[str] | None = getattr(
        _component()(key=key, data=data, default={"runs": None}, on_runs_change=lambda: None, height=1), "runs", None
    )
    return ids
