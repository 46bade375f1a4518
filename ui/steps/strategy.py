"""Step 3: how much of the network should learn, drawn as the choice changes."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from engines import messages, registry
from engines.contract import InputError, ModelCard, Network, Problem, Strategy
from engines.contract.settings import Group
from engines.jobs.serving import client
from engines.messages import _
from ui.comparisons import data_needed
from ui.federated import offer as federated
from ui.page import address, errors, rehearsals, uploads, user_changes, words
from ui.page.draft import Draft, card, strategies
from ui.search import offer
from ui.steps import cost, data, fields, naming, plan, train
from ui.widgets import drawing, network_view

GROUPS: dict[Group, str] = {"often": _("What most people change"), "training": _("Training"), "data": _("Data")}
TIMED = "timed_steps"
"""Where the session keeps of which choices some steps were timed."""
FEW = 1000  # training examples below which most of the network is better left as it came


def show(draft: Draft, own: Callable[[Draft, dict[str, Any] | None], bool] | None = None) -> None:
    """`own` draws what a domain has to say of the chosen strategy: it gets the data's report, None while there are no
    data, and says whether training from scratch can be compared with."""
    info, model = registry.task(draft.task).info, card(draft.task, draft.model)
    report = _report(draft)
    with st.container(border=True):
        st.markdown(f"**{info.words.question}**")
        _choose(draft, tuple(way for way in strategies(draft) if not registry.task(draft.task).lacks(way, model)))
        choice = info.offer(draft.strategy)
        st.caption(f"{choice.meaning} *{choice.when}*")
        view = _network(draft, model, report)
        _draw(draft, view, len(model.stages))
        left, right = st.columns([3, 2])
        with left:
            if draft.strategy is Strategy.PARTIAL:
                _slider(draft, model)
            if draft.strategy is Strategy.FEATURES:
                _depth(draft, model)
            st.caption(network_view.legend(view))
        with right:
            st.markdown(network_view.how_much(view))
            estimate = st.empty()
            if not own and (advice := _advice(draft, report)):
                st.caption(f":material/info: {advice}")
            if short := cost.short_of_memory(draft, model):
                st.caption(f":material/memory: {short}")
            if report and (shown := data_needed.can_show(draft, report)):
                st.caption(f":material/straighten: {shown}")
        compares = own(draft, report) if own else True
        naming.elsewhere(draft, model)
    if naming.asks(draft):
        naming.show(draft, report, choose_setting)
    _settings(draft, compares)
    if draft.path is None:
        st.caption(_("Bring data first, then training can start."))
        if st.button(_("Bring data"), type="primary", icon=":material/arrow_back:"):
            address.change(step="data")
            st.rerun()
        return
    _start(draft, naming.hindrance(draft, report))
    offer.show(draft)
    if report is None:
        return
    estimate.caption(_("Estimating the time …"))
    expected = None
    with errors.calm(_("The time could not be estimated.")):
        expected = plan.expected(draft, report)
        with estimate.container(gap="xsmall"):
            _time(expected)
    data_needed.show(draft, report)
    federated.show(draft, report)
    federated.unite(draft)
    _look_ahead(draft)
    if plan.untimed(expected) and not plan.hindrance(draft):
        _time_steps(draft, report, estimate)


def _report(draft: Draft) -> dict[str, Any] | None:
    return data.checked(draft) if draft.data else None


def _choose(draft: Draft, offered: tuple[Strategy, ...]) -> None:
    st.session_state["strategy_switch"] = draft.strategy

    def choose() -> None:
        address.change(strategy=st.session_state["strategy_switch"], step="strategy")

    info = registry.task(draft.task).info
    order = [strategy for strategy in info.strategies if strategy in offered]
    st.segmented_control(
        info.words.question,
        order,
        key="strategy_switch",
        on_change=user_changes.changed("strategy_switch", choose),
        format_func=lambda strategy: info.offer(strategy).title,
        required=True,
        label_visibility="collapsed",
        width="stretch",
    )


def _network(draft: Draft, model: ModelCard, report: dict[str, Any] | None) -> Network:
    """What the draft makes of the model. Two classes stand in for those of data that are not known yet."""
    outputs = 2 if report is None else len(report["classes"])
    return network_view.of(draft.task, model, draft.strategy, draft.settings, draft.blocks, outputs)


def _draw(draft: Draft, view: Network, stages: int) -> None:
    offered = registry.task(draft.task).info.strategies
    svg = drawing.network(view, clickable=Strategy.PARTIAL in offered)
    clicked = drawing.draw(svg, key="network")
    if clicked is None:
        return
    blocks = stages - clicked  # everything from the clicked block to the head
    change = {"strategy": Strategy.FEATURES} if blocks <= 0 else {"strategy": Strategy.PARTIAL, "blocks": blocks}
    if change["strategy"] in offered:
        address.change(step="strategy", **change)
        st.rerun()


def _slider(draft: Draft, model: ModelCard) -> None:
    st.session_state["blocks_slider"] = min(draft.blocks, len(model.stages))

    def move() -> None:
        address.change(blocks=st.session_state["blocks_slider"], strategy=Strategy.PARTIAL, step="strategy")

    st.slider(
        _("Blocks that learn, counted from the head"),
        1,
        max(len(model.stages), 2),
        key="blocks_slider",
        on_change=user_changes.changed("blocks_slider", move),
        help=_("You can also click a block in the drawing."),
    )


def _depth(draft: Draft, model: ModelCard) -> None:
    """Behind which block the head reads, where the task can end a network early and there is a choice."""
    settings, names = registry.task(draft.task).settings, [stage.name for stage in model.stages]
    if not fields.ends_early(settings, model):
        return
    chosen = draft.settings.get("depth", 0)
    st.session_state["depth_slider"] = chosen if 0 < chosen < len(names) else len(names)

    def move() -> None:
        depth = st.session_state["depth_slider"]
        choose_setting(draft, "depth", 0 if depth == len(names) else depth)

    st.select_slider(
        settings.title("depth"),
        range(1, len(names) + 1),
        key="depth_slider",
        on_change=user_changes.changed("depth_slider", move),
        format_func=lambda depth: _("the last") if depth == len(names) else names[depth - 1],
        help=_(
            "Where your data look unlike what the model was trained on, an earlier block may serve the head "
            "better: it has seen lines, colours and shapes, or words, and not yet the things that the model "
            "used to name."
        ),
    )


def _advice(draft: Draft, report: dict[str, Any] | None) -> str:
    if report is None:
        return ""
    unit = registry.task(draft.task).info.unit
    n = report["splits"].get("train", report["n_examples"])
    if n < FEW and draft.strategy is Strategy.FULL:
        return _(
            "{n:,} {unit} is little for a whole network: the head only, or the last blocks, is the safer start.",
            n=n,
            unit=unit,
        )
    if n < FEW and draft.strategy is Strategy.SCRATCH:
        return _("{n:,} {unit} is very little to start from nothing.", n=n, unit=unit)
    if n >= FEW and draft.strategy is Strategy.FEATURES:
        return _("{n:,} {unit} is enough to let the last blocks learn as well.", n=n, unit=unit)
    return ""


def _time(expected: plan.Expected | None) -> None:
    """How long a run takes, by phase, and what says so."""
    if expected is None:
        return
    found = expected.forecast
    text = _(
        "about **{duration}** on this machine ({device})", duration=words.duration(found.own), device=expected.device
    )
    more = (
        _(", and {duration} more for the comparison", duration=words.duration(found.comparison))
        if found.comparison
        else ""
    )
    st.markdown(text + more)
    st.caption(cost.by_phase(found))
    st.caption(f"{cost.grounds(found)} {cost.memory(found)}")


def _time_steps(draft: Draft, report: dict[str, Any], place: DeltaGenerator) -> None:
    """A better word on the time, from some real steps: last, when all else is drawn and can be used. Once for the same
    choices; where it does not work out, what was said stays."""
    asked = st.session_state.setdefault(TIMED, set())
    now = repr((draft.data, draft.model, draft.strategy, sorted(draft.settings.items())))
    if now in asked:
        return
    told = st.empty()
    began = time.monotonic()

    def tell(*_unused: int) -> None:
        share = min(0.95, (time.monotonic() - began) / plan.TIMING_SECONDS)
        told.progress(share, _("Timing some real steps, for a better estimate. You may go on meanwhile."))

    tell()
    with contextlib.suppress(InputError, client.ServerFailed):
        plan.time_steps(draft, report, tell)
        with place.container(gap="xsmall"):
            _time(plan.expected(draft, report))
    asked.add(now)
    told.empty()


def _settings(draft: Draft, compares: bool) -> None:
    """Every setting of the task that a person may change, from its own description."""
    task = registry.task(draft.task)
    if compares and fields.can_compare(task.settings) and draft.strategy is not Strategy.SCRATCH:
        st.session_state["baseline_toggle"] = draft.settings.get("baseline") == "scratch"

        def compare() -> None:
            choose_setting(draft, "baseline", "scratch" if st.session_state["baseline_toggle"] else "none")

        words_ = task.info.words
        changed = user_changes.changed("baseline_toggle", compare)
        st.toggle(words_.compare, key="baseline_toggle", on_change=changed, help=words_.compare_help)
    elsewhere = {"baseline", "blocks", "depth", *naming.ASKS, *task.settings.reading(), *task.settings.hidden}
    elsewhere |= {"adapt"} if draft.target is None else set()
    own = [field for field in dataclasses.fields(task.settings) if field.name not in elsewhere]
    moved = {f.name for f in own if draft.settings.get(f.name, f.default) != f.default}
    label = _("Settings, {moved} changed", moved=len(moved)) if moved else _("Settings")
    with st.expander(label, icon=":material/tune:", key="settings"):
        for group, title in messages.told(GROUPS).items():
            if among := [field for field in own if task.settings.group(field.name) == group]:
                st.markdown(f"**{title}**")
                with st.grid(min_column_width=220):
                    for field in among:
                        _field(draft, field)
        if moved and st.button(_("Reset all of them"), icon=":material/undo:", key="reset_settings"):
            _reset(draft, moved)


def _reset(draft: Draft, changed: set[str]) -> None:
    """Back to the defaults: those of a run in the address have to be said, others are what nobody says."""
    here = address.read()
    kept: dict[str, Any] = {name: value for name, value in here.settings if name not in changed}
    known = registry.task(draft.task).settings.__dataclass_fields__
    said = {name: known[name].default for name in changed} if here.run else {}
    address.put(dataclasses.replace(here.with_settings({**kept, **said}), step="strategy"))
    st.rerun()


def _field(draft: Draft, field: dataclasses.Field[Any]) -> None:
    settings, key = registry.task(draft.task).settings, f"set_{field.name}"

    def change() -> None:
        choose_setting(draft, field.name, st.session_state[key])

    act = user_changes.changed(key, change)
    value = draft.settings.get(field.name, field.default)
    fields.draw(settings, field, key=key, value=value, strategy=draft.strategy, on_change=act)


def choose_setting(draft: Draft, name: str, value: str | float | None) -> None:
    """Keep a setting in the address when it differs from the default; say so when it makes no sense."""
    task = registry.task(draft.task)
    here = address.read()
    chosen = {**dict(here.settings), name: value}
    with errors.calm(_("This setting could not be changed.")):
        task.settings.parse({name: value})
        address.put(dataclasses.replace(here.with_settings(chosen), step="strategy"))


def _start(draft: Draft, missing: str) -> None:
    why, refused = plan.hindrance(draft) or missing, _refused(draft)
    stopped = bool(why or refused)
    if st.button(_("Start training"), type="primary", icon=":material/play_arrow:", disabled=stopped):
        title = uploads.origin(draft.data).title if draft.data else ""
        train.start(draft, title)
    if why:
        st.caption(f":material/block: {why}")
    elif refused:
        errors.say(InputError(*refused), _("Change this here, in the settings, or in the step before."))


def _refused(draft: Draft) -> list[Problem] | None:
    """What a run with these choices would be refused for; None where nobody has asked yet."""
    try:
        return rehearsals.known(draft)
    except InputError as error:
        return list(error.problems)


def _look_ahead(draft: Draft) -> None:
    """Asks, once the page is drawn, whether a run with these choices would be refused, and says so above."""
    if plan.hindrance(draft) or _refused(draft) is not None:
        return
    try:
        train.fits_together(draft)
    except InputError as error:
        if _refused(draft):
            st.rerun()
        errors.say(error)
    except Exception:
        errors.broke(_("It could not be looked whether these choices fit the data."))
