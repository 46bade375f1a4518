"""What the warm server says of a data set that is being made, and of something new."""

from __future__ import annotations

import base64
from concurrent.futures import Future, ThreadPoolExecutor, TimeoutError
from pathlib import Path
from typing import Any

import streamlit as st

from engines import messages, paths
from engines.contract import InputError
from engines.datasets.folder import DatasetFolder
from engines.jobs.serving import client
from engines.messages import _
from ui.page import errors, words

SECONDS = 120.0
PATIENCE = 0.3
"""Seconds that a page waits for a network that is being loaded, before it says so."""
LOADING = _("The network that looks is being loaded; you can show examples meanwhile.")
_loading: dict[tuple[Path, str], Future[dict[str, Any]]] = {}
_pool = ThreadPoolExecutor(3, "showing")


def ready(dataset: DatasetFolder) -> bool:
    """Whether the network that looks at such examples is loaded; begins to load it. Raises InputError and ServerFailed
    where it cannot be loaded."""
    key = paths.home(), dataset.about.kind
    if key not in _loading:
        question = {"verb": "show", "dataset": dataset.id}
        _loading[key] = _pool.submit(client.ask, question, None, SECONDS)
    try:
        _loading[key].result(PATIENCE)
    except TimeoutError:
        return False
    except Exception:
        del _loading[key]  # the next one tries again
        raise
    return True


def of(dataset: DatasetFolder) -> dict[str, Any] | None:
    """What it has learnt so far: see `classification.showing.Shown.answer`. None where that could not be asked, which
    is said."""
    key, sha256 = f"told_{dataset.id}", dataset.sha256
    known = st.session_state.get(key)
    if known and known["sha256"] == sha256:
        return dict(known["told"])
    place = st.empty()
    place.caption(_(":material/hourglass_top: Looking at the examples …"))

    def tell(done: int, total: int) -> None:
        if total:
            place.progress(
                min(done / total, 1.0), _("Looking at the examples: {done:,} of {total:,}", done=done, total=total)
            )

    with errors.calm(_("What was shown could not be looked at.")):
        told = client.ask({"verb": "show", "dataset": dataset.id}, tell, SECONDS)
        st.session_state[key] = {"sha256": sha256, "told": told}
        place.empty()
        return told
    place.empty()
    return None


def about(dataset: DatasetFolder, content: bytes) -> dict[str, Any]:
    """Of something new: `probabilities` (class -> share), or `unclear`, why there are none. Nothing of it is kept."""
    question = {"verb": "show", "dataset": dataset.id, "ask": base64.b64encode(content).decode("ascii")}
    try:
        if not ready(dataset):
            return {"unclear": messages.told(LOADING)}
        told = client.ask(question, seconds=SECONDS)
    except (InputError, client.ServerFailed) as error:
        return {"unclear": str(error)}
    if told.get("unclear"):
        return {"unclear": told["unclear"]}
    if told["method"] is None:
        return {"unclear": _("Show examples of two classes, and it begins to answer.")}
    return {"probabilities": told["probabilities"]}


def bars(answer: dict[str, Any]) -> None:
    """A bar a class."""
    if "unclear" in answer:
        st.caption(answer["unclear"])
    for name, share in answer.get("probabilities", {}).items():
        st.progress(share, f"{words.plain(name)}: {100 * share:.0f} %")
