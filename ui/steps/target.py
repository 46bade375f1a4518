"""Step 1, further down: data of a new domain, without labels, that a model is adapted to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import InputError, Sample, Strategy, TaskInfo
from engines.messages import _, told
from ui.page import address, errors, samples, uploads, waiting, words
from ui.page.draft import Draft

TITLE = _("The same task in a new domain, without labels")


def show(draft: Draft) -> None:
    """What was brought of a new domain, or a way to bring it; nothing but a sentence where the task takes none."""
    info = registry.task(draft.task).info
    if info.adapts_by is None:
        st.caption(_("New domain without labels: {no_target}.", no_target=info.no_target))
        return
    with st.expander(told(TITLE), icon=":material/swap_horiz:", expanded=draft.target is not None, key="target"):
        if draft.target is None:
            _bring(draft, info)
        else:
            _brought(draft, info, draft.target)


def _bring(draft: Draft, info: TaskInfo) -> None:
    st.markdown(
        _(
            "Have {unit} from where the model will be used, and nobody has labelled them? Bring "
            "some: the model that learns from the labelled {unit} is then adapted to them, and "
            "the result shows both, before and after.",
            unit=info.unit,
        )
    )
    st.caption(_("Labels among them are set aside: they only tell how good both are."))
    files = st.file_uploader(
        _("{unit} of the new domain", unit=info.unit.capitalize()),
        type=list(info.accepts),
        accept_multiple_files=True,
        key="target_upload",
    )
    if files:
        _take(draft, info, files)
    for sample in _shifts(draft):
        _sample(draft, sample)


def _shifts(draft: Draft) -> list[Sample]:
    """Samples that are the draft's sample in a new domain."""
    name = uploads.origin(draft.data).sample if draft.data else None
    return [sample for sample in registry.task(draft.task).samples() if name in sample.shift_of]


def _sample(draft: Draft, sample: Sample) -> None:
    here = registry.task(draft.task).has_sample(sample.name)
    made_up = "" if sample.real else _(" · synthetic: made up, not observed")
    text, button = st.columns([4, 1], vertical_alignment="center")
    text.markdown(f"**{sample.title}**  \n{sample.description}")
    text.caption(f"{sample.origin} · {sample.licence}{made_up}")
    label = _("Take {title}", title=sample.title)
    if button.button(label, key=f"target_{sample.name}", icon=":material/swap_horiz:", disabled=not here):
        with errors.calm(_("The sample could not be made."), _("Try another one, or bring your own data.")):
            _use(draft, samples.taken(draft.task, sample.name))
    if not here:
        text.caption(_(":material/block: Not on this machine. To have it, {needs}.", needs=sample.needs))


def _take(draft: Draft, info: TaskInfo, files: Sequence[Any]) -> None:
    target = None
    with errors.calm(_("The upload could not be kept."), _("Try again, or bring other data.")):
        target = uploads.keep(files, [f".{ending}" for ending in info.whole or info.accepts])
        _use(draft, target)
    if target is not None:
        uploads.forget(target)  # what could not be read is not kept


def _use(draft: Draft, target: str) -> None:
    """Checks it and shows what was found. Raises InputError."""
    _checked(draft, target)
    address.change(target=target, step="data")
    st.rerun()


def _checked(draft: Draft, target: str) -> dict[str, Any]:
    assert draft.data is not None
    data, settings = draft.data, {**draft.reading, **_chosen(draft)}
    return waiting.with_bar(
        _("Reading the new domain"), lambda tell: uploads.check_target(draft.task, data, target, tell, settings)
    )


def _chosen(draft: Draft) -> dict[str, Any]:
    return {name: value for name, value in draft.settings.items() if name == "adapt"}


def _brought(draft: Draft, info: TaskInfo, target: str) -> None:
    try:
        report = _checked(draft, target)
    except InputError as error:
        errors.say(error, _("Bring other data of the new domain, or go on without."))
    else:
        st.markdown(f"**{words.plain(uploads.origin(target).title)}**: {words.count(report['n'], info.unit)}")
        st.markdown(f":blue-badge[{report['title']}] {words.plain(report['why'])}")
        if draft.strategy == Strategy.ZERO_SHOT:
            st.caption(_("With nothing learnt there is nothing to adapt: choose another strategy."))
        st.markdown("\n".join(f"- {words.plain(note)}" for note in report["notes"]))
        if n := len(report["skipped"]):
            first = report["skipped"][0]
            st.caption(
                _(
                    "{n:,} left out, such as {plain}, which {plain_reason}.",
                    n=n,
                    plain=words.plain(first["where"]),
                    plain_reason=words.plain(first["reason"]),
                )
            )
        st.caption(_("Another method can be chosen among the settings of the strategy."))
    if st.button(_("Go on without the new domain"), icon=":material/undo:", type="tertiary"):
        address.change(data=draft.data, target=None, run=None, step="data")
        st.rerun()
