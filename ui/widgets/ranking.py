"""Which model fits your data: asked before anything is trained, drawn, and followed with one click."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines import registry
from engines.contract import Strategy
from engines.messages import _, told
from ui.page import address, errors, rankings, words
from ui.page.draft import Draft, knows
from ui.widgets import plots

QUESTION = _("Which model fits your data?")
MOST_BARS = 16


def show(draft: Draft) -> None:
    """The question, or its answer."""
    if draft.data is None or draft.path is None:
        return
    with st.container(border=True, key="ranking"):
        found = rankings.known(draft)
        st.markdown(f"**{told(QUESTION)}**")
        if found is None:
            _ask(draft)
        else:
            _answer(draft, found)


def _ask(draft: Draft) -> None:
    unit = registry.task(draft.task).info.unit
    st.caption(
        _(
            "Every model that is here looks at a few of your {unit}, before anything is trained: "
            "about a minute. The test part stays unseen.",
            unit=unit,
        )
    )
    if st.button(told(QUESTION), icon=":material/leaderboard:", key="rank"):
        with errors.calm(
            _("The models could not be compared."), _("Choose one by its card; the suggested one is a start.")
        ):
            place = st.progress(0.0, _("Looking at your data …"))
            rankings.ask(draft, lambda done, total: _tell(place, done, total))
            st.rerun()


def _tell(place: Any, done: int, total: int) -> None:
    share = min(done / total, 1.0) if total else 0.0
    place.progress(share, _("Ordering what they see …") if share == 1 else _("Looking at your data …"))


def _answer(draft: Draft, found: dict[str, Any]) -> None:
    for sentence in found["said"]:
        st.markdown(words.plain(sentence))
    rows = found["models"]
    if len(rows) > 1:
        plots.show(
            _bars(draft, found),
            "ranking_bars",
            alt="; ".join(f"{_title(row)}: {row['score']:.2f}" for row in rows[:MOST_BARS]),
            table=lambda: [_row(row) for row in rows],
        )
        st.caption(_meaning(draft, found))
    if found["left_out"]:
        st.caption(_("Not looked at, for want of time: {plain}.", plain=words.plain(", ".join(found["left_out"]))))
    _choose(draft, found)


def _bars(draft: Draft, found: dict[str, Any]) -> plots.Figure:
    """A bar a candidate, the best on top, paler where it can be told apart from the first; with its interval."""
    rows = found["models"][:MOST_BARS][::-1]
    tied = [row["rank"] == 1 or not row["told_apart"] for row in rows]
    info = registry.task(draft.task).info
    by_features = found["by"] == "features"
    title = _("ahead of so large a share of the others") if by_features else info.metric.title
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [row["score"] for row in rows],
                "y": [_title(row) for row in rows],
                "marker": {
                    "color": plots.PRETRAINED,
                    "opacity": [1.0 if one else 0.35 for one in tied],
                    "pattern": {"shape": ["" if one else "/" for one in tied]},
                },
                "error_x": {
                    "type": "data",
                    "symmetric": False,
                    "array": [row["high"] - row["score"] for row in rows],
                    "arrayminus": [row["score"] - row["low"] for row in rows],
                },
                "hovertemplate": "%{y}: %{x:.2f}<extra></extra>",
            }
        ],
        "layout": plots.layout(90 + 26 * len(rows), x=title, y="", showlegend=False),
    }


def _meaning(draft: Draft, found: dict[str, Any]) -> str:
    if found["by"] == "features":
        return _(
            "By three scores of what each network sees, the mean of its ranks: nearest neighbours, LogME and "
            "NLEEP. Striped: surely behind the first. Lines are 95 % intervals over your examples."
        )
    metric = registry.task(draft.task).info.metric.title
    return _(
        "{metric} of each model as it came, before it learns anything of yours, with its 95 % interval.", metric=metric
    )


def _row(row: dict[str, Any]) -> dict[str, Any]:
    expected = row.get("expected")
    return {
        "place": row["rank"],
        "model": row["name"],
        "block": row["depth"],
        "score": round(row["score"], 3),
        "from": round(row["low"], 3),
        "to": round(row["high"], 3),
        "told apart from the first": row["told_apart"],
        "expected accuracy": expected and f"{expected['value']:.2f} ± {expected['error']:.2f}",
    }


def _title(row: dict[str, Any]) -> str:
    name = row.get("title") or row["name"]
    return (
        _("{name}, block {depth} of {stages}", name=name, depth=row["depth"], stages=row["stages"])
        if row["depth"]
        else str(name)
    )


def _choose(draft: Draft, found: dict[str, Any]) -> None:
    """Takes the first: its network, and the depth of it where that wins and can be followed."""
    first = found["models"][0]
    depth = 0 if first["depth"] in {None, first.get("stages")} else first["depth"]
    settings = registry.task(draft.task).settings
    follows = bool(depth) and knows(settings, "depth")
    here = int(draft.settings.get("depth", 0))
    if draft.model == first["name"] and (not follows or here == depth):
        st.caption(_(":material/check: That is the one you have chosen."))
        return
    label = (
        _("Take the features at block {depth}", depth=depth)
        if follows
        else _("Choose {title}", title=first.get("title") or first["name"])
    )
    if st.button(label, icon=":material/check:", key="follow_ranking"):
        chosen = dict(address.read().settings)
        chosen.pop("depth", None)
        if follows:
            chosen["depth"] = str(depth)
        changed = address.read().with_settings(chosen)
        strategy = Strategy.FEATURES if follows else changed.strategy
        address.change(model=first["name"], settings=changed.settings, strategy=strategy)
        st.rerun()
