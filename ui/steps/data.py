"""Step 1: bring data, or take a sample; see what was found before anything trains."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engines import registry
from engines.contract import InputError, Sample, no_such_sample
from engines.hosting import limits
from engines.messages import _
from ui.hosting import recorded_answers
from ui.page import address, errors, frame, samples, uploads, waiting, words
from ui.page.draft import Draft, folds
from ui.showing import handover
from ui.steps import plan, target, train
from ui.widgets import gallery, plots, reading

Found = Callable[[Draft, dict[str, Any]], None]
"""Draws a domain's own part of a checked upload's report, a `DataReport` as a dict."""
MOST_SAMPLES = 6  # of more, the last ones are folded away
Told = Callable[[dict[str, Any]], tuple[str, str]]
"""The two lines that say what was found: how much of what, and what becomes of it."""


def pictures(draft: Draft, report: dict[str, Any]) -> None:
    """A few of the pictures, and how many there are of each class."""
    left, right = st.columns([3, 2])
    with left, frame.card(_("A few of the {unit}", unit=registry.task(draft.task).info.unit)):
        found = [
            (Path(g["thumbnail"]) if g.get("thumbnail") else None, str(g["name"]), str(g["label"]))
            for g in mixed(report["gallery"])
        ]
        gallery.show(found[:15], width=96)
    with right:
        class_counts(draft, report)


def show(
    draft: Draft,
    found: Found = pictures,
    *,
    bring: Callable[[Draft], None] | None = None,
    describe: Callable[[Draft], None] | None = None,
    told: Told | None = None,
) -> None:
    """`found` draws what is in the data, from their report. `bring` draws a further way to bring data, such as
    recording; `describe` one that comes before all others. `told` says what was found where its count does not."""
    if draft.data is None:
        if recorded_answers.nothing_can_be_brought():
            return
        if describe:
            describe(draft)
        _bring(draft)
        if bring:
            bring(draft)
        return
    try:
        report = checked(draft)
    except InputError as error:
        open_questions = reading.questions(draft.task, error)
        errors.say(error, "" if open_questions else _("Bring other data, or take the sample."))
        for name in open_questions:
            reading.answer(draft.task, name, error)
        if draft.reading and st.button(_("Read it the usual way again"), icon=":material/undo:"):
            reading.forget(draft.task)
        _other_data()
        return
    said = _summary_and_start(draft, report, told)
    reading.show(report.get("read_as") or [])
    found(draft, report)
    _remarks(report)
    target.show(draft)
    _other_data()
    if said:
        with errors.calm(_("The time could not be estimated.")):
            said.caption(
                _("Train now: {plain}.", plain=words.plain(plan.sentence(draft, plan.expected(draft, report))))
            )


# --- nothing here yet -----------------------------------------------------------------------------


def _bring(draft: Draft) -> None:
    task = draft.task
    info = registry.task(task).info
    left, right = st.columns([3, 2])
    with left, frame.card(_("Bring {brought}", brought=words.brought(info))):
        if draft.path:
            name = words.plain(Path(draft.path).name)
            st.caption(_("This run learnt from **{name}**. Bring other data to start anew.", name=name))
        st.caption(_("They stay on this machine, under an address that only you know."))
        files = st.file_uploader(
            words.brought(info).capitalize(),
            type=list(info.accepts),
            accept_multiple_files=True,
            label_visibility="collapsed",
            key="upload",
        )
        if files:
            take(task, files)
        st.markdown("\n".join(f"- {phrase}" for phrase in info.formats))
        _templates(task)
        handover.offer(task)
    with right, frame.card(_("No data at hand? Take a sample")):
        samples = registry.task(task).samples()
        shown = len(samples) if len(samples) <= MOST_SAMPLES else MOST_SAMPLES - 2
        first = next((sample for sample in samples if registry.task(task).has_sample(sample.name)), None)
        for sample in samples[:shown]:
            _sample(task, sample, first=sample is first)
        if samples[shown:]:
            with st.expander(_("{samples} more", samples=len(samples) - shown), icon=":material/more_horiz:"):
                for sample in samples[shown:]:
                    _sample(task, sample, first=False)


def _templates(task: str) -> None:
    """Files to download, and to fill in."""
    files = registry.task(task).templates()
    if not files:
        return
    st.caption(_("Templates to fill in"))
    with st.container(horizontal=True, gap="small"):
        downloads(files, key="template")


def downloads(files: Mapping[str, bytes], *, key: str) -> None:
    """A quiet button a file."""
    for name, content in files.items():
        st.download_button(
            name, content, name, key=f"{key}_{name}", icon=":material/download:", type="tertiary", on_click="ignore"
        )


def take(task: str, files: Sequence[Any], title: str = "") -> None:
    """Keep files that a person brought, called `title`, check them and show what was found."""
    data_id = None
    with errors.calm(_("The upload could not be kept."), _("Try again, or take a sample.")):
        info = registry.task(task).info
        whole = [f".{ending}" for ending in info.whole or info.accepts]
        data_id = uploads.keep(files, whole, title)
        try:
            _check(task, data_id, {})
        except InputError as error:
            if not reading.questions(task, error):
                raise
        address.change(data=data_id, step="data", run=None, target=None)
        st.rerun()
    if data_id is not None:
        uploads.forget(data_id)  # what could not be read is not kept


def _sample(task: str, sample: Sample, first: bool) -> None:
    origin = f"{sample.origin} · {sample.licence}"
    here = registry.task(task).has_sample(sample.name)
    made_up = "" if sample.real else _(" · synthetic: made up, not observed")
    with st.container(gap="xsmall"):
        st.markdown(f"**{sample.title}**  \n{sample.description}")
        st.caption(origin + made_up)
        if st.button(
            _("Use this sample"),
            key=f"sample_{sample.name}",
            type="primary" if first else "secondary",
            icon=":material/photo_library:",
            disabled=not here,
        ):
            use_sample(task, sample.name)
        if not here:
            st.caption(_(":material/block: Not on this machine. To have it, {needs}.", needs=sample.needs))


def use_sample(task: str, name: str, or_another: bool = False) -> None:
    """Take a sample, check it and show it. With `or_another`, one that needs nothing when this one is not to be had."""
    with errors.calm(_("The sample could not be made."), _("Try another sample, or bring your own data.")):
        try:
            data_id = sample_id(task, name)
        except InputError:
            other = next((s for s in registry.task(task).samples() if s.needs is None), None)
            if not or_another or other is None:
                raise
            st.toast(
                _("That sample is not on this machine. Here is another: {title}.", title=other.title), duration="long"
            )
            data_id = sample_id(task, other.name)
        address.change(data=data_id, step="data", run=None, target=None)
        st.rerun()


def follow_link(task: str) -> None:
    """Takes the sample that this address names, if it names one. Raises InputError."""
    if (name := samples.named()) is None or limits.showcase():
        return
    known = [sample.name for sample in registry.task(task).samples()]
    if name not in known:
        raise no_such_sample(name, known)
    address.change(data=sample_id(task, name))
    st.rerun()


def sample_id(task: str, name: str) -> str:
    """The id of a sample that is taken and checked now, with a bar while it is. Raises InputError."""
    data_id = samples.taken(task, name)
    _check(task, data_id, {})
    return data_id


# --- checked --------------------------------------------------------------------------------------


def checked(draft: Draft) -> dict[str, Any]:
    """What was found in the draft's data, read as it says. Raises InputError."""
    assert draft.data is not None
    return _check(draft.task, draft.data, draft.reading)


def _check(task: str, data_id: str, reading: dict[str, Any]) -> dict[str, Any]:
    unit = registry.task(task).info.unit
    return waiting.with_bar(
        _("Reading the {unit}", unit=unit), lambda tell: uploads.check(task, data_id, tell, reading)
    )


def _summary_and_start(draft: Draft, report: dict[str, Any], told: Told | None) -> DeltaGenerator | None:
    """What was found, and how to go on. Returns where to write what training would do; None where it cannot start."""
    assert draft.data is not None
    why = plan.hindrance(draft)
    info = registry.task(draft.task).info
    origin = uploads.origin(draft.data)
    nothing_fits = (report.get("details") or {}).get("models") == []
    found, use = told(report) if told else (_summary(report, info.unit), _splits(report, folds(draft, report)))
    with st.container(border=True):
        text, start, other = st.columns([5, 2, 2], vertical_alignment="center")
        text.markdown(f"**{words.plain(origin.title)}**: {found}")
        text.caption(use)
        if start.button(
            _("Train now"),
            type="primary",
            icon=":material/play_arrow:",
            width="stretch",
            help=_("The suggested model and strategy, beside what it is compared with."),
            disabled=nothing_fits or bool(why),
        ):
            train.start(draft, origin.title)
        if other.button(_("Choose a model"), icon=":material/arrow_forward:", width="stretch", disabled=nothing_fits):
            address.change(step="model")
            st.rerun()
        if why:
            st.caption(f":material/block: {why}")
            return None
        said = st.empty()
        said.caption(_("Train now: {plain} …", plain=words.plain(plan.sentence(draft))))
        return None if nothing_fits else said


def class_counts(draft: Draft, report: dict[str, Any], unit: str = "") -> None:
    """How many examples each class has; or `unit`, where that is what the report counts by class."""
    unit = unit or registry.task(draft.task).info.unit
    if not report["classes"]:
        return
    with frame.card(_("{unit} in each class", unit=unit.capitalize())):
        counts = {str(name): float(n) for name, n in report["classes"].items()}
        shown = dict(list(counts.items())[:20])
        plots.show(
            plots.bars(shown, x=unit, colour=plots.DATA),
            "class_counts",
            alt="; ".join(f"{name}: {n:.0f}" for name, n in shown.items()),
            table=lambda: [{_("class"): name, unit: int(n)} for name, n in counts.items()],
        )


def mixed(examples: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One example of each class, then a second of each, and so on."""
    seen: dict[str, int] = {}
    rounds = []
    for example in examples:
        seen[example["label"]] = turn = seen.get(example["label"], -1) + 1
        rounds.append((turn, example))
    return [example for _, example in sorted(rounds, key=lambda r: r[0])]


def _summary(report: dict[str, Any], unit: str) -> str:
    classes = _(" in {classes} classes", classes=len(report["classes"])) if report["classes"] else ""
    return f"{words.count(report['n_examples'], unit)}{classes}"


def _splits(report: dict[str, Any], in_folds: int) -> str:
    if in_folds:
        return _(
            "each is tested once, in {in_folds} folds, by a network that learns from the others", in_folds=in_folds
        )
    splits: dict[str, int] = report["splits"]
    doing = {"train": _("to learn from"), "validation": _("to choose by"), "test": _("kept aside for the test")}
    return " · ".join(f"{n:,} {doing.get(name, name)}" for name, n in splits.items())


def _remarks(report: dict[str, Any]) -> None:
    if report["notes"]:
        with st.container(border=True):
            notes = dict.fromkeys(map(words.plain, report["notes"]))  # each thing once
            st.markdown(_("**Good to know**\n") + "\n".join(f"- {note}" for note in notes))
    if report["skipped"]:
        n = len(report["skipped"])
        label = _("{n:,} left out, and why", n=n)
        with st.expander(label, icon=":material/filter_alt:"):
            plots.rows([{_("where"): s["where"], _("why"): s["reason"]} for s in report["skipped"][:500]])


def _other_data() -> None:
    if st.button(_("Bring other data"), icon=":material/undo:", type="tertiary"):
        address.change(data=None, step="data", run=None, target=None)
        st.rerun()
