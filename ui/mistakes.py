"""Where it is wrong: a matrix whose cells open, the most confident mistakes, and every test example with filters."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engines.contract import Result, TaskInfo
from ui import class_plots, explained, gallery, plots, recorded, words

A_PAGE = 12
ANY = "any class"
SHOWN = {"wrong": "Wrong", "right": "Right", "all": "All"}


# --- the confusion matrix -------------------------------------------------------------------------


def confusion(info: TaskInfo, found: recorded.Finished) -> None:
    """A click on a cell, or the two choices below the matrix, show the cell's pictures. Runs as a fragment."""
    classes, counts = found.result.details["classes"], found.result.details["confusion"]
    rows = enumerate(zip(classes, counts, strict=True))
    alt = "; ".join(f"{name}: {row[i]} of {sum(row)} right" for i, (name, row) in rows)
    keys = f"cell_true_{found.run.id}", f"cell_said_{found.run.id}"
    cell = st.session_state.get(keys[0]), st.session_state.get(keys[1])
    plots.show(
        class_plots.confusion(classes, counts, unit=info.unit, chosen=cell),
        "confusion",
        alt=alt,
        table=lambda: _per_class(found.result),
        pressed=partial(_press, classes, keys),
    )
    st.caption("Press a cell to see its pictures, or choose it here:")
    true, said = st.columns(2)
    cell = (
        true.selectbox("True class", classes, index=None, placeholder=ANY, key=keys[0]),
        said.selectbox("Said class", classes, index=None, placeholder=ANY, key=keys[1]),
    )
    if any(cell):
        with st.container(key="cell"):
            _cell(info, found, *cell)


def _press(classes: list[str], keys: tuple[str, str]) -> None:
    """What was clicked on becomes the choice below the matrix; a click beside the cells clears it."""
    points = st.session_state["confusion"]["selection"]["points"]
    if points:
        row, column = divmod(points[0]["point_index"], len(classes))
        st.session_state[keys[0]], st.session_state[keys[1]] = classes[row], classes[column]
    else:
        st.session_state[keys[0]] = st.session_state[keys[1]] = None


def _cell(info: TaskInfo, found: recorded.Finished, true: str | None, said: str | None) -> None:
    rows = recorded.examples(found, true=true, said=said)
    cell = [f"{what} {words.plain(name)}" for what, name in (("true class", true), ("said", said)) if name]
    st.markdown(f"**{words.count(len(rows), 'test ' + info.unit)}**: {', '.join(cell)}")
    page(found, rows, key=f"cell_page_{true}_{said}")


def _per_class(result: Result) -> plots.Rows:
    rows = result.details.get("per_class") or []
    return [
        {
            "class": r["class"],
            "test examples": r["n"],
            "found (recall)": words.metric("recall", r["recall"]),
            "95 % interval": words.interval("recall", r["low"], r["high"]),
            "right when said (precision)": "–"
            if r.get("precision") is None
            else words.metric("recall", r["precision"]),
        }
        for r in rows
    ]


# --- the worst, and all of them -------------------------------------------------------------------


def worst(info: TaskInfo, found: recorded.Finished) -> None:
    """The most confident mistakes. Runs as a fragment."""
    if not found.mistakes:
        st.caption(f"None: every one of the {words.count(found.result.n_test, 'test ' + info.unit)} was right.")
        return
    page(found, found.mistakes, key="mistakes_page")


def browser(info: TaskInfo, found: recorded.Finished) -> None:
    """Every test example, by its true class, what was said, right or wrong, and how sure. Runs as a fragment."""
    title = f"Look through all {words.count(found.result.n_test, 'test ' + info.unit)}"
    box = st.expander(title, key="browser", icon=":material/search:", on_change="rerun")
    if not box.open:
        return
    with box:
        classes = found.result.details["classes"]
        first, second = st.columns(2)
        true = first.selectbox("Its true class", classes, index=None, placeholder=ANY, key=f"true_{found.run.id}")
        said = second.selectbox("What was said", classes, index=None, placeholder=ANY, key=f"said_{found.run.id}")
        first, second = st.columns(2)
        outcome = first.segmented_control(
            "Right or wrong", list(SHOWN), default="wrong", format_func=lambda o: SHOWN[o], key="outcome", required=True
        )
        low, high = second.slider("How sure it was", 0, 100, (0, 100), format="%d %%", key="sure")
        rows = recorded.examples(
            found,
            true=true,
            said=said,
            right=None if outcome == "all" else outcome == "right",
            sure=(low / 100, high / 100),
        )
        if not rows:
            st.caption("None of them. Widen the choice above.")
            return
        order = "the surest first" if outcome == "wrong" else "the least sure first"
        st.caption(f"{len(rows):,} of {words.count(found.result.n_test, 'test ' + info.unit)}, {order}.")
        rows = rows if outcome == "wrong" else rows[::-1]
        key = f"browser_page_{true}_{said}_{outcome}_{low}_{high}"
        shown = page(found, rows, key)
        with st.container(key="explain"):
            explained.choose(found, shown, key=f"explain_{st.session_state.get(key, 1)}_{key}")


def page(found: recorded.Finished, rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """One page of `rows` as a grid of pictures, and the way to the others. The rows that are shown."""
    pages = -(-len(rows) // A_PAGE)
    number = st.session_state.get(key, 1) if pages > 1 else 1
    shown = rows[(number - 1) * A_PAGE : number * A_PAGE]
    gallery.show([(thumbnail(found, row), str(row.get("file", "")), _says(row)) for row in shown], width=88)
    if pages > 1:
        st.pagination(pages, key=key, max_visible_pages=5)
    return shown


def thumbnail(found: recorded.Finished, row: dict[str, Any]) -> Path | None:
    kept = found.run.path / row["thumbnail"] if row.get("thumbnail") else None
    return kept if kept and kept.is_file() else recorded.original(found, str(row.get("file", "")))


def _says(row: dict[str, Any]) -> str:
    says = f"says {row['predicted']} ({100 * row['confidence']:.0f}\u00a0%), "
    return says + ("and is" if row["predicted"] == row["label"] else f"is {row['label']}")
