"""A kind's samples: one press takes the data, starts the training and shows it."""

from __future__ import annotations

import streamlit as st

from engines import registry, weights
from engines.contract import Job, Strategy
from engines.evidence.kind import Kind
from engines.messages import _, told
from ui.kinds.meanings import MEANINGS, Example
from ui.page import address, domains, draft, errors, samples, uploads, visitor, words
from ui.steps import data, plan


def show(kind: Kind) -> None:
    """The runnable samples of a kind, and the pages on which it is done with data of one's own."""
    meaning = told(MEANINGS)[kind]
    for number, example in enumerate(meaning.examples):
        _example(example, key=f"run_{kind}_{number}")
    for name, what in meaning.pages:
        if (page := domains.further(name)) is not None:
            st.page_link(page, label=what, icon=":material/arrow_forward:")
    if kind == "transductive":
        _target_data()


def _target_data() -> None:
    """Where a second upload, without labels, is brought."""
    st.markdown(_("On the Data step, bring your labelled data, then the data of the new domain without labels."))
    with st.container(horizontal=True):
        for domain in ("text", "vision", "speech"):
            title = registry.domains()[domain].title
            st.page_link(domains.page(domain), label=title, icon=":material/arrow_forward:")


def _example(example: Example, key: str) -> None:
    task = registry.task(example.task)
    sample = next(sample for sample in task.samples() if sample.name == example.sample)
    made_up = "" if sample.real else " · synthetic"
    why = hindrance(example)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        info = task.info
        domain = registry.domains()[info.domain].title
        way = words.strategy(info, example.strategy)
        st.markdown(f"**{sample.title}**{made_up}  \n{example.what}  \n{domain} · {way}", width="stretch")
        if st.button(_("Train it"), key=key, icon=":material/play_arrow:", disabled=bool(why)):
            start(example)
    if why:
        st.caption(f":material/block: {why}")


def hindrance(example: Example) -> str:
    """Why this sample cannot be trained on this machine, in words; else ''."""
    task = registry.task(example.task)
    for sample in task.samples():
        if sample.name in {example.sample, example.target} and not task.has_sample(sample.name):
            return _("{title} is not on this machine. To have it, {needs}.", title=sample.title, needs=sample.needs)
    model = task.describe(task.info.default_model)
    builds = example.strategy == Strategy.SCRATCH and task.info.builds_without_files
    return "" if builds or weights.where(model) != "unreachable" else plan.lacking(example.task)


def start(example: Example) -> None:
    """Takes the sample, queues a run and goes to where it is watched."""
    with errors.calm(_("The run could not be started."), _("Try another sample.")):
        data_id = data.sample_id(example.task, example.sample)
        origin = uploads.origin(data_id)
        target = samples.taken(example.task, example.target) if example.target else None
        asked = address.Address(task=example.task, data=data_id, target=target, strategy=Strategy(example.strategy))
        asked = asked.with_settings(dict(example.settings))
        run = visitor.submit(Job(draft.read(example.task, asked, None).recipe(origin.title)))
        page = domains.page_of(example.task)
        assert page is not None
        st.switch_page(page, query_params={"task": example.task, "run": run, "data": data_id})
