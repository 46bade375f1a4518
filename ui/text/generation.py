"""Chat: the conversations in a table, and the result of a run with a chat box beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import streamlit as st

from engines import registry
from engines.messages import _, told
from ui.page import errors, frame, recorded, words
from ui.page.draft import Draft
from ui.rooms import showing
from ui.steps import result as result_step
from ui.text import generative_result
from ui.widgets import examples, take_home, text_cards, try_it

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

SHOWN = 6
MOST_CHARACTERS = 2000  # of one question
MOST_TURNS = 20
MOST_TOKENS = 256
TITLES = {"tuned": _("After it learnt"), "base": _("As it came")}
AVATARS = {"tuned": ":material/school:", "base": ":material/smart_toy:"}


def found(_unused: Draft, report: dict[str, Any]) -> None:
    """The Data step's own part: a few conversations."""
    left, right = st.columns([3, 2])
    with left, frame.card(_("A few of the conversations")):
        for example in report["gallery"][:SHOWN]:
            text_cards.show([(content, role) for role, content in example["messages"]])
    with right, frame.card(_("How long they are")):
        generative_result.lengths(report["details"], _("Questions"), _("Answers"))


def result(found: recorded.Finished) -> None:
    """Everything about a finished run of a chatbot."""
    info = registry.task(found.recipe.task).info
    result_step.verdict(info, found)
    with frame.card(_("Talk with it"), key="talk"):
        st.fragment(talk)(found)
    with frame.card(_("Take it home")):
        take_home.show(info, found)
    showing.show(found)
    with frame.card(_("Test questions, answered before and after")):
        st.fragment(_before_and_after)(found)
    left, right = st.columns([1, 1])
    with left:
        generative_result.others(info, found, hidden=("uniform",))
    with right, frame.card(_("What it forgot"), help=_("Learning something new can cost what a model knew.")):
        _forgetting(found)
    result_step.advise(found)
    with result_step.further_details():
        result_step.how_it_learnt(info, found)
        result_step.kept_and_trained(found)
        result_step.small_print(info, found)


def _forgetting(found: recorded.Finished) -> None:
    measured = found.result.details.get("forgetting")
    if not measured:
        st.caption(_("Not measured in this run."))
        return
    before, after, apart = measured["before"], measured["after"], measured["difference"]
    columns = st.columns(2)
    columns[0].metric(
        _("Perplexity of general English, before"),
        words.metric("perplexity", before["value"]),
        help=_("Between how many equally likely next tokens it wavers, on average: lower is better."),
    )
    columns[1].metric(
        _("and after"), words.metric("perplexity", after["value"]), f"{apart['value']:+.3g}", delta_color="inverse"
    )
    sure = (
        _("more than chance")
        if apart["low"] > 0
        else _("which may be chance")
        if apart["high"] > 0
        else _("it reads better")
    )
    st.caption(
        _(
            "{n} passages of well-known books, {tokens:,} tokens; difference {signed} to "
            "{signed_high} (95 % interval): {sure}.",
            n=apart["n"],
            tokens=measured["tokens"],
            signed=words.signed(apart["low"], ".2g"),
            signed_high=words.signed(apart["high"], ".2g"),
            sure=sure,
        )
    )


def _before_and_after(found: recorded.Finished) -> None:
    rows = [row for row in generative_result.rows(found) if row.get("predicted") is not None]
    if not rows:
        st.caption(_("No answers were kept."))
        return
    number = st.selectbox(_("Question"), range(len(rows)), format_func=lambda i: rows[i]["question"][:120], key="asked")
    row = rows[number or 0]
    texts = [(row["label"], _("the answer in the data"))]
    if "base_predicted" in row:
        texts.append(
            (
                row["base_predicted"],
                _("before · perplexity {metric}", metric=words.metric("perplexity", row["base_perplexity"])),
            )
        )
    texts.append(
        (row["predicted"], _("after · perplexity {metric}", metric=words.metric("perplexity", row["perplexity"])))
    )
    generative_result.pair(row["question"], texts)
    st.caption(_("Its own words break off after 64 tokens. Perplexity is that of the answer in the data."))


# --- the chat box ---------------------------------------------------------------------------------


def talk(found: recorded.Finished) -> None:
    """A chat with the tuned model and, side by side, with the one it came from. Nothing of it is kept."""
    if try_it.without_model(found, answers=False):
        return
    turns: list[dict[str, str]] = st.session_state.setdefault(f"chat_{found.run.id}", [])
    chosen = _controls(turns)
    said = st.container()  # above the box to write in, also what is being said just now
    with said:
        for turn in turns:
            _question(turn)
            for who, place in _sides(chosen["who"]):
                if turn.get(who):
                    _said(place, who, turn[who])
    offered = examples.text(found, "question")
    asked_before = any(turn["user"] == offered for turn in turns)
    typed = st.chat_input(_("Ask it something"), max_chars=MOST_CHARACTERS, key="question")
    question = typed or ("" if asked_before else offered)
    if not question or len(turns) >= MOST_TURNS:
        if len(turns) >= MOST_TURNS:
            st.caption(_("This chat is long enough: begin a new one."))
        return
    turn = {"user": question}
    turns.append(turn)
    with said:
        _question(turn)
        stop = st.empty()  # a press begins another pass over the page, and with this one the writing ends
        stop.button(_("Stop"), key="stop", icon=":material/stop_circle:")
        for who, place in _sides(chosen["who"]):
            with (
                errors.calm(_("The model could not be asked.")),
                place.chat_message(told(TITLES)[who], avatar=AVATARS[who]),
            ):
                st.caption(told(TITLES)[who])
                st.write_stream(_pieces(found, turns, who, chosen))
        stop.empty()


def _controls(turns: list[dict[str, str]]) -> dict[str, Any]:
    with st.container(horizontal=True, vertical_alignment="center"):
        both = st.toggle(_("Beside it the model as it came"), value=True, key="both")
        with st.popover(_("How it answers"), icon=":material/tune:"):
            most = st.slider(_("Longest answer, in tokens"), 16, MOST_TOKENS, 96, 16, key="most")
            temperature = st.slider(
                _("Temperature"),
                0.0,
                1.5,
                0.0,
                0.1,
                key="temperature",
                help=_("0 always takes the likeliest next token; more makes it livelier, and wronger."),
            )
            seed = st.number_input(
                _("Seed"), 0, 10_000, 0, key="seed", help=_("With a temperature: another seed, another answer.")
            )
        st.button(_("New chat"), icon=":material/restart_alt:", key="new_chat", on_click=_anew, args=(turns,))
    who = ("tuned", "base") if both else ("tuned",)
    return {"who": who, "most": most, "temperature": temperature, "seed": seed}


def _anew(turns: list[dict[str, str]]) -> None:
    turns.clear()
    examples.forget()


def _sides(who: tuple[str, ...]) -> list[tuple[str, Any]]:
    return list(zip(who, st.columns(len(who)), strict=True))


def _question(turn: dict[str, str]) -> None:
    with st.chat_message("user"):
        st.markdown(words.plain(turn["user"]))


def _said(place: DeltaGenerator, who: str, text: str) -> None:
    with place.chat_message(told(TITLES)[who], avatar=AVATARS[who]):
        st.caption(told(TITLES)[who])
        st.markdown(words.plain(text))


def _pieces(found: recorded.Finished, turns: list[dict[str, str]], who: str, chosen: dict[str, Any]) -> Iterator[str]:
    """The answer as it is written, kept piece by piece: a stopped one stays as far as it came."""
    from engines.jobs.serving import client

    messages = []
    for turn in turns:
        messages.append({"role": "user", "content": turn["user"]})
        if turn is not turns[-1] and turn.get(who):
            messages.append({"role": "assistant", "content": turn[who]})
    asked = {
        "verb": "chat",
        "run": found.run.address,
        "messages": messages,
        "who": who,
        "most": chosen["most"],
        "temperature": chosen["temperature"],
        "seed": chosen["seed"],
    }
    for piece in client.stream(asked):
        turns[-1][who] = turns[-1].get(who, "") + piece
        yield words.plain(piece)
