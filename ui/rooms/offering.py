"""What whoever teaches offers everybody: data, model, how much learns, the settings that most people change."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import ModelCard, Strategy, Task
from engines.jobs.serving import client
from engines.messages import _
from engines.rooms import asides, rooms
from engines.rooms.rooms import Broadcast, Room
from ui.page import domains, errors, samples, waiting, words
from ui.rooms import taking
from ui.steps import fields, naming

LONGEST_NOTE = 140


def show(room: Room) -> None:
    """Folded away."""
    with st.expander(_("Offer something to everybody"), icon=":material/campaign:"):
        name = st.selectbox(_("Task"), registry.names(), format_func=_called, key="broadcast_task", width="stretch")
        task = registry.task(name)
        titles = {"": _("their own data")} | {s.name: s.title for s in task.samples() if task.has_sample(s.name)}
        sample = st.selectbox(_("Data"), titles, format_func=titles.__getitem__, key=f"broadcast_data_{name}")
        board = bool(sample) and _with_board(task, room, sample)
        cards = {card.name: card for card in task.models()}
        models = {"": _("as they like")} | {card.name: card.title for card in cards.values()}
        model = st.selectbox(_("Model"), models, format_func=models.__getitem__, key=f"broadcast_model_{name}")
        strategy = _strategy(task, cards.get(model))
        typed = _learns(task, cards.get(model), strategy) | _settings(task, strategy)
        note = st.text_input(_("A line from you"), max_chars=LONGEST_NOTE, key="broadcast_note")
        if st.button(_("Offer it"), type="primary", icon=":material/campaign:"):
            with errors.calm(_("This could not be offered.")):
                offer = Broadcast(name, sample, model, strategy, _chosen(task, typed), rooms.clean(note))
                if board:
                    keep_aside(room, name, sample)
                rooms.broadcast(room.code, offer)
                st.success(_("Offered: {what}. It stands above everybody's page.", what=taking.sentence(offer)))
        elif last := rooms.offered(room.code):
            st.caption(_("Offered last: {what}", what=taking.sentence(last)))


def keep_aside(room: Room, task: str, sample: str) -> None:
    """From now on the room has a board for that sample, and where the task can, keeps a part of it aside. Raises
    InputError and ServerFailed."""
    whole = samples.made(task, sample)
    if not registry.task(task).holds_out:
        asides.keep_whole(room, task, sample, whole)
        return
    question = {"verb": "hold_out", "task": task, "data": str(whole), "most": asides.MOST, "seed": room.seed}
    question |= {"out": str(asides.folder(room, task, sample))}
    waiting.with_bar(_("Keeping a part aside for the board"), lambda tell: client.ask(question, tell))


def _called(task: str) -> str:
    domain = domains.domains()[task.partition(".")[0]]
    return f"{domain.title}: {registry.task(task).info.title}"


def _with_board(task: Task, room: Room, sample: str) -> bool:
    """Whether there is to be a board for the sample."""
    if there := asides.of(room, task.info.name, sample):
        st.caption(_about(task, there.n, there.left))
        return False
    wanted = st.toggle(_("With a board of results"), value=True, key=f"broadcast_board_{task.info.name}_{sample}")
    if task.holds_out:
        st.caption(
            _(
                "A quarter of it, {most} {unit} at most, is kept aside: nobody in the room gets them, and models of "
                "those who like are asked about them. Whoever has taken the sample before takes it again.",
                most=asides.MOST,
                unit=task.info.unit,
            )
        )
    else:
        st.caption(_("Of this task nothing is kept aside: the board shows what each run's own test came to."))
    return wanted


def _about(task: Task, n: int, left: int) -> str:
    if not n:
        return _("It has a board, of what each run's own test came to.")
    return _(
        "It has a board: {n} {unit} are kept aside, {left} are there to learn from.",
        n=n,
        left=left,
        unit=task.info.unit,
    )


def _strategy(task: Task, card: ModelCard | None) -> str:
    """'' where they shall choose."""
    offered = [s for s in task.info.strategies if card is None or not task.lacks(s, card)]
    titles = {"": _("as they like")} | {str(s): words.strategy(task.info, s) for s in offered}
    key = f"broadcast_strategy_{task.info.name}"
    if st.session_state.get(key) not in titles:
        st.session_state.pop(key, None)
    return str(st.selectbox(task.info.words.question, titles, format_func=titles.__getitem__, key=key))


def _learns(task: Task, card: ModelCard | None, strategy: str) -> dict[str, Any]:
    """How many blocks learn, or are used: as far as the strategy leaves that open, and the model is known."""
    name = task.info.name
    if strategy == Strategy.PARTIAL:
        known = card or next((c for c in task.models() if c.name == task.info.default_model), None)
        most = max(2, len(known.stages) if known else 2)
        said, usual = _("Blocks that learn, counted from the head"), getattr(task.settings(), "blocks", 1)
        return {"blocks": st.slider(said, 1, most, min(usual, most), key=f"broadcast_blocks_{name}_{most}")}
    if strategy == Strategy.FEATURES and card and fields.ends_early(task.settings, card):
        names = [stage.name for stage in card.stages]
        depth = st.select_slider(
            task.settings.title("depth"),
            range(1, len(names) + 1),
            len(names),
            key=f"broadcast_depth_{card.name}",
            format_func=lambda depth: _("the last") if depth == len(names) else names[depth - 1],
        )
        return {"depth": 0 if depth == len(names) else depth}
    return {}


def _settings(task: Task, strategy: str) -> dict[str, Any]:
    """Those that most people change, as they were typed."""
    name, settings = task.info.name, task.settings
    typed: dict[str, Any] = {}
    if strategy != Strategy.SCRATCH and fields.can_compare(settings):
        said, usual = task.info.words, task.info.rival == "scratch"
        wanted = st.toggle(said.compare, usual, key=f"broadcast_baseline_{name}", help=said.compare_help)
        typed |= {"baseline": "scratch" if wanted else "none"} if wanted != usual else {}
    elsewhere = {"baseline", "blocks", "depth", "adapt", *naming.ASKS, *settings.reading(), *settings.hidden}
    often = [f for f in dataclasses.fields(settings) if f.name not in elsewhere and settings.group(f.name) == "often"]
    if not often:
        return typed
    with st.expander(_("Settings"), icon=":material/tune:", key="broadcast_settings"), st.grid(min_column_width=220):
        for field in often:
            key = f"broadcast_set_{name}_{field.name}"
            value = st.session_state.get(key, field.default)
            typed[field.name] = fields.draw(settings, field, key=key, value=value, strategy=strategy or task.info.usual)
    return typed


def _chosen(task: Task, typed: dict[str, Any]) -> dict[str, Any]:
    """What differs from the usual. Raises InputError for what makes no sense."""
    given = {name: value for name, value in typed.items() if value != ""}
    found = task.settings.parse(given).changed()
    return found | {name: given[name] for name in ("baseline", "blocks") if name in given}
