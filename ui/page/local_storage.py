"""This browser's recent runs and data sets: ids in its own localStorage, for they belong to whoever knows their id."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

from engines import runs

LIMIT = 50
Kept = Literal["runs", "datasets"]
"""Which of the two lists."""
_JS = f"""
const read = (key) => {{
  try {{ const found = JSON.parse(localStorage.getItem(key)); return Array.isArray(found) ? found : []; }}
  catch {{ return []; }}
}};
export default function (component) {{
  const {{ data, setStateValue, parentElement }} = component;
  const key = `headstart.${{data.kept}}`;
  const before = read(key);
  const forget = new Set(data.forget);
  const all = [...data.remember, ...before.filter((id) => !data.remember.includes(id))];
  const after = all.filter((id) => typeof id === "string" && !forget.has(id)).slice(0, {LIMIT});
  if (JSON.stringify(after) !== JSON.stringify(before)) {{
    try {{ localStorage.setItem(key, JSON.stringify(after)); }} catch {{ /* private window: nothing is kept */ }}
  }}
  const told = JSON.stringify(after);
  if (data.tell && parentElement.told !== told) {{ parentElement.told = told; setStateValue("runs", after); }}
}}
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.this_browser", html="<i></i>", js=_JS)


def remember(new: str, kept: Kept = "runs", also: Sequence[str] = ()) -> None:
    """Put a run, or a data set, at the top of this browser's list, and what came with it behind."""
    _mount(f"remember_{kept}", {"kept": kept, "remember": [new, *also], "forget": [], "tell": False})


def recent(add: Sequence[str] = (), forget: Sequence[str] = (), kept: Kept = "runs") -> list[str] | None:
    """Ids, newest first; None until the browser has answered. Call it in a fragment: the answer redraws it."""
    ids = _mount(f"recent_{kept}", {"kept": kept, "remember": list(add), "forget": list(forget), "tell": True})
    if ids is None:
        return None
    return [i for i in ids if isinstance(i, str) and runs.ID.fullmatch(i)][:LIMIT]


def _mount(key: str, data: dict[str, Any]) -> list[str] | None:
    """What the browser has answered so far: the ids that it keeps."""
    ids: list[str] | None = getattr(
        _component()(key=key, data=data, default={"runs": None}, on_runs_change=lambda: None, height=1), "runs", None
    )
    return ids
