"""Where it is wrong: a matrix whose cells open, the most confident mistakes, and every test example with filters."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from engines.contract import Result, TaskInfo
from engines.messages import _, told
from ui.page import recorded, words
from ui.widgets import class_plots, corrections, explanation, gallery, plots, text_cards

A_PAGE = 12
TEXTS_A_PAGE = 6
ANY = _("any class")
SHOWN = {"wrong": _("Wrong"), "right": _("Right"), "all": _("All")}


# --- the confusion matrix -------------------------------------------------------------------------


def confusion(info: TaskInfo, found: recorded.Finished) -> None:
    """A click on a cell, or the two choices folded away below the matrix, show what is in it. Runs as a fragment."""
    classes, counts = found.result.details["classes"], found.result.details["confusion"]
    rows = enumerate(zip(classes, counts, strict=True))
    alt = "; ".join(_("{name}: {row} of {row2} right", name=name, row=row[i], row2=sum(row)) for i, (name, row) in rows)
    keys = f"cell_true_{found.run.id}", f"cell_said_{found.run.id}"
    kept = st.session_state.get(f"cell_{found.run.id}", (None, None))
    cell = st.session_state.get(keys[0], kept[0]), st.session_state.get(keys[1], kept[1])
    st.session_state[f"cell_{found.run.id}"] = cell  # what the choices hold is lost when they are folded away
    plots.show(
        class_plots.confusion(classes, counts, unit=info.unit, chosen=cell),
        "confusion",
        alt=alt,
        table=lambda: _per_class(found.result),
        pressed=partial(_press, classes, keys),
    )
    box = st.expander(_("Press a cell to see what is in it, or choose it here"), key="choose_cell", on_change="rerun")
    if box.open:
        for key, value in zip(keys, cell, strict=True):
            st.session_state.setdefault(key, value)
        true, said = box.columns(2)
        cell = (
            true.selectbox(_("True class"), classes, index=None, placeholder=told(ANY), key=keys[0]),
            said.selectbox(_("Said class"), classes, index=None, placeholder=told(ANY), key=keys[1]),
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
    cell = [f"{what} {words.plain(name)}" for what, name in ((_("true class"), true), ("said", said)) if name]
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
        st.caption(
            _(
                "None: every one of the {count} was right.",
                count=words.count(found.result.n_test, _("test ") + info.unit),
            )
        )
        return
    page(found, found.mistakes, key="mistakes_page")


def browser(info: TaskInfo, found: recorded.Finished) -> None:
    """Every test example, by its true class, what was said, right or wrong, and how sure. Runs as a fragment."""
    title = _("Look through all {count}", count=words.count(found.result.n_test, _("test ") + info.unit))
    if corrections.possible(found):
        title += _(", and put wrong labels right")
    box = st.expander(title, key="browser", icon=":material/search:", on_change="rerun")
    if not box.open:
        return
    with box:
        classes = found.result.details["classes"]
        tested = True
        if recorded.learnt_from(found):
            parts = {True: _("those it was tested on"), False: _("those it learnt from")}
            tested = bool(
                st.segmented_control(
                    _("Which"),
                    list(parts),
                    default=True,
                    format_func=parts.__getitem__,
                    key="part",
                    required=True,
                    help=_("A wrong label among those it learnt from shows up where the model does not believe it."),
                )
            )
        first, second = st.columns(2)
        true = first.selectbox(
            _("Its true class"), classes, index=None, placeholder=told(ANY), key=f"true_{found.run.id}"
        )
        said = second.selectbox(
            _("What was said"), classes, index=None, placeholder=told(ANY), key=f"said_{found.run.id}"
        )
        first, second = st.columns(2)
        outcome = first.segmented_control(
            _("Right or wrong"),
            list(SHOWN),
            default="wrong",
            format_func=lambda o: told(SHOWN)[o],
            key="outcome",
            required=True,
        )
        low, high = second.slider(_("How sure it was"), 0, 100, (0, 100), format="%d %%", key="sure")
        rows = recorded.examples(
            found,
            true=true,
            said=said,
            right=None if outcome == "all" else outcome == "right",
            sure=(low / 100, high / 100),
            tested=tested,
        )
        if not rows:
            st.caption(_("None of them. Widen the choice above."))
            return
        order = _("the surest first") if outcome == "wrong" else _("the least sure first")
        of = _("test {unit}", unit=info.unit) if tested else _("{unit} it learnt from", unit=info.unit)
        st.caption(
            _(
                "{rows:,} of {count}, {order}.",
                rows=len(rows),
                count=words.count(len(recorded.examples(found, tested=tested)), of),
                order=order,
            )
        )
        rows = rows if outcome == "wrong" else rows[::-1]
        key = f"browser_page_{tested}_{true}_{said}_{outcome}_{low}_{high}"
        shown = page(found, rows, key)
        if tested:
            with st.container(key="explain"):
                explanation.choose(found, shown, key=f"explain_{st.session_state.get(key, 1)}_{key}")
        corrections.choose(found, shown, key=f"correct_{st.session_state.get(key, 1)}_{key}")
        corrections.again(info, found)


def page(found: recorded.Finished, rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """One page of `rows` as a grid of pictures or as texts, and the way to the others. The rows that are shown."""
    texts = bool(rows) and row_text(rows[0]) is not None
    at_once = TEXTS_A_PAGE if texts else A_PAGE
    pages = -(-len(rows) // at_once)
    number = st.session_state.get(key, 1) if pages > 1 else 1
    shown = rows[(number - 1) * at_once : number * at_once]
    if texts:
        text_cards.show([(row_text(row) or "", _says(row)) for row in shown])
    else:
        gallery.show([(thumbnail(found, row), str(row.get("file", "")), _says(row)) for row in shown], width=88)
    if pages > 1:
        st.pagination(pages, key=key, max_visible_pages=5)
    return shown


def row_text(row: dict[str, Any]) -> str | None:
    """The text of an example, where examples are texts."""
    return None if row.get("text") is None else str(row["text"])


def thumbnail(found: recorded.Finished, row: dict[str, Any]) -> Path | None:
    return found.run.file(row.get("thumbnail")) or recorded.original(found, str(row.get("file", "")))


def _says(row: dict[str, Any]) -> str:
    says = _(
        "says {predicted} ({confidence:.0f}\xa0%), ", predicted=row["predicted"], confidence=100 * row["confidence"]
    )
    return says + (_("and is") if row["predicted"] == row["label"] else _("is {label}", label=row["label"]))
