"""Before training: the same data as if they lay at several sites that may not bring them together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from engines import registry
from engines.api import federating
from engines.contract import Job, Strategy
from engines.federated.asked import NAMES, STRATEGIES, can
from engines.messages import _, told
from engines.vision.medical.settings import NONE
from ui.page import again, errors, uploads
from ui.page.draft import Draft
from ui.steps import plan

ALPHAS: dict[float, str] = {
    100.0: _("nearly alike"),
    1.0: _("unlike"),
    0.1: _("very unlike: a class is at one or two of them"),
}
"""Of the Dirichlet distribution that shares of classes are drawn from."""
FEWEST, MOST, USUAL = 2, 10, 5
MOST_ROUNDS = 50


def show(draft: Draft, report: dict[str, Any]) -> None:
    """What is asked and a button; nothing where the task or the strategy cannot."""
    task = registry.task(draft.task)
    learnable = sum(report["splits"].get(part, 0) for part in ("train", "validation"))
    if not can(task) or draft.strategy not in STRATEGIES or learnable < 2 * USUAL:
        return
    with st.expander(_("What if they lay at several places?"), icon=":material/hub:", key="federated"):
        st.markdown(
            _(
                "Divides what is learnt from among sites that may not show it to each other: what they reach together, "
                "each alone, and with everything in one place. All of them are tested on the same {unit}.",
                unit=task.info.unit,
            )
        )
        left, right = st.columns(2)
        sites = left.slider(_("Sites"), FEWEST, MOST, USUAL, key="federated_sites")
        by = _divided(draft, report)
        alphas = told(ALPHAS)
        alpha = right.select_slider(
            _("How alike they are"),
            list(alphas),
            1.0,
            format_func=lambda value: f"{alphas[value]} (α {value:g})",
            key="federated_alpha",
            disabled=by == "group",
        )
        rounds, algorithm, scratch = _rounds(draft)
        why = plan.hindrance(draft)
        if not st.button(_("Try it out"), icon=":material/hub:", disabled=bool(why), key="federated_start"):
            return
        with errors.calm(_("It could not be started.")):
            title = uploads.origin(draft.data).title if draft.data else ""
            recipe = draft.recipe(title)
            job = federating.simulate_job(
                recipe, sites=sites, alpha=alpha, rounds=rounds, algorithm=algorithm, scratch=scratch, by=by
            )
            again.submit(job, _("It could not be started."))


def _divided(draft: Draft, report: dict[str, Any]) -> str:
    """By class or by whose they are, where the data say it of somebody."""
    patients = any(row.get("setting") == "patients" and row.get("value") != NONE for row in report.get("read_as") or ())
    if not patients and draft.task != "speech.speaker":
        return "class"
    ways = {
        "class": _("by class"),
        "group": _("each patient at one place") if patients else _("each speaker at one place"),
    }
    asked = st.segmented_control(
        _("How they are divided"),
        list(ways),
        default="class",
        required=True,
        format_func=ways.__getitem__,
        key="federated_by",
    )
    return asked or "class"


def _rounds(draft: Draft) -> tuple[int, str, bool]:
    """How many rounds by which algorithm, and whether the same goes from random weights; 0 rounds for sums."""
    head_alone = draft.strategy is Strategy.FEATURES
    ways = {"sums": _("One exchange of sums"), "rounds": _("Learning in rounds")}
    way = "rounds"
    if head_alone:
        asked = st.segmented_control(
            _("What travels"),
            list(ways),
            default="sums",
            required=True,
            format_func=ways.__getitem__,
            key="federated_way",
        )
        way = asked or "sums"
    if way == "sums":
        st.caption(_("Each site adds up, class by class, what the frozen network sees. The sums give the very model."))
        return 0, "fedavg", False
    left, right = st.columns(2)
    rounds = left.slider(_("Rounds"), 1, MOST_ROUNDS, 10, key="federated_rounds")
    algorithm = right.selectbox(
        _("How they are averaged"), list(NAMES), format_func=NAMES.__getitem__, key="federated_algorithm"
    )
    scratch = st.toggle(
        _("The same rounds from random weights"),
        key="federated_scratch",
        help=_("Everything learns then: it takes far longer, and shows what the pretrained start is worth."),
    )
    return rounds, algorithm, scratch


def unite(draft: Draft) -> None:
    """Files of sites, united in the place of training, and tested on what is here; nothing where the task cannot."""
    if not can(registry.task(draft.task)) or draft.strategy is not Strategy.FEATURES:
        return
    with st.expander(_("Unite the files of several sites"), icon=":material/join:", key="unite"):
        st.markdown(
            _(
                "Each site writes its file with `headstart federate summarise`, by the same model. United they are one "
                "model, tested on all of your data here: none of these may be among the sites' own."
            )
        )
        brought = st.file_uploader(
            _("The sites' files"),
            type=["npz"],
            accept_multiple_files=True,
            key="unite_files",
            label_visibility="collapsed",
        )
        if not st.button(_("Unite them"), icon=":material/join:", disabled=len(brought or ()) < 2, key="unite_start"):
            return
        with errors.calm(_("They could not be united.")):
            path = uploads.origin(uploads.keep(brought, ())).path
            recipe = draft.recipe(_("Several sites"))
            united = replace(recipe, data=path, test=recipe.data, target=None)
            again.submit(Job(united, "merge", {"sites": [path]}), _("They could not be united."))
