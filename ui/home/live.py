"""The live result on the first page: press an example, see what both networks answer, and what transfer was worth."""

from __future__ import annotations

import streamlit as st

from engines import registry
from engines.hosting import limits
from engines.messages import _, told
from engines.reporting import comparisons, wording
from ui.home import choices, curves, exhibits
from ui.home.exhibits import Answer, Exhibit, Item
from ui.kinds import samples
from ui.page import domains, errors, recorded, words
from ui.vision import boxed
from ui.widgets import drawing

SWITCH = "exhibit"
MARKS = {True: _(":material/check: right"), False: _(":material/close: wrong"), None: ""}


@st.fragment
def show() -> None:
    """The whole card; a press redraws nothing else."""
    with errors.calm(_("The recorded answers could not be shown.")):
        offered = exhibits.here()
        if not offered:
            return
        with st.container(border=True, key="live"):
            exhibit = _chosen(offered)
            _asked(exhibit)
        _what_next(exhibit)


def _chosen(offered: list[Exhibit]) -> Exhibit:
    names = {exhibit.name: exhibit for exhibit in offered}
    name = st.pills(
        _("Ask two networks about"),
        list(names),
        format_func=lambda name: told(names[name].title),
        default=offered[0].name,
        required=True,
        key=SWITCH,
    )
    return names[name or offered[0].name]


def _asked(exhibit: Exhibit) -> None:
    found, items = exhibits.found(exhibit), exhibits.items(exhibit)
    st.markdown(_("{question} **Press one.**", question=told(exhibit.question)))
    key = f"pressed_{exhibit.name}"
    pressed = choices.show([item.choice for item in items], f"choices_{exhibit.name}", st.session_state.get(key))
    st.session_state[key] = pressed
    with st.container(key="answers"):
        if pressed is not None and pressed < len(items):
            _answered(exhibit, items[pressed])
    _measured(exhibit, found, len(items))


def _answered(exhibit: Exhibit, item: Item) -> None:
    if item.sound is not None and item.sound.is_file():
        st.audio(str(item.sound))
    if item.drawing:
        drawing.draw(item.drawing, key="answer_curves")
    if item.boxes is not None:
        boxed.show([item.boxes], width=320)
    for column, answer in zip(st.columns(len(item.answers)), item.answers, strict=True):
        column.markdown(_said(answer))
    if exhibit.bars == exhibits.FROM_SCRATCH and len(item.answers) < 2:
        st.caption(_("What the network from scratch says of single examples was not recorded; the bars hold for all."))
    if item.truth:
        st.caption(_("In the data: {truth}", truth=item.truth))


def _said(answer: Answer) -> str:
    mark = told(MARKS)[answer.right]
    return f":{answer.colour}[■] **{answer.who}**  \n{answer.said}  {mark}"


# --- over the whole test --------------------------------------------------------------------------


def _measured(exhibit: Exhibit, found: recorded.Finished, offered: int) -> None:
    """All of the test: the run and its baselines as bars, their difference in words, and what it rests on."""
    result, info = found.result, registry.task(found.recipe.task).info
    direction = "" if info.metric.higher_is_better else f" ({wording.direction(info.metric)})"
    title = _("**Over the whole test: {metric}**", metric=wording.within(info.metric.title))
    st.markdown(f"{title}{direction}", help=info.metric.help)
    drawing.draw(curves.bars(curves.of(found, exhibit.bars), curves.top(info.metric)), key=f"bars_{exhibit.name}")
    for verdict in comparisons.told(result)[:1]:
        sentence, line = words.verdict(verdict, info.metric)
        st.markdown(f"**{sentence}** ({line}).")
    st.caption(_about(found, offered))


def _about(found: recorded.Finished, offered: int) -> str:
    result, info = found.result, registry.task(found.recipe.task).info
    again = exhibits.second_training(found) if info.metric.name == "balanced_accuracy" else None
    card = next((card for card in registry.task(found.recipe.task).models() if card.name == result.model), None)
    said = _(
        "{model}, learnt from {learnt}, tested on {tested}, seed {seed}. Recorded {day} in {duration}, all comparisons "
        "included, on two cores. The {offered} above are spread evenly over the test, whatever came of them. Whiskers "
        "are 95 % intervals.",
        model=card.title if card else result.model,
        learnt=words.count(result.n_train, info.unit),
        tested=words.count(result.n_test, info.unit),
        seed=result.seed,
        day=words.day(found.finished),
        duration=words.duration(result.seconds),
        offered=offered,
    )
    if again is None:
        return said
    value = words.metric(info.metric, again)
    return (
        said
        + " "
        + _("The answers from scratch are those of a second training of it, which came to {value}.", value=value)
    )


# --- what next ------------------------------------------------------------------------------------


def _what_next(exhibit: Exhibit) -> None:
    example, why = exhibit.example, ""
    if limits.showcase():
        return
    why = samples.hindrance(example)
    page = domains.page_of(example.task)
    with st.container(horizontal=True, vertical_alignment="center", key="what_next"):
        pressed = st.button(
            _("Train it on this sample"),
            type="primary",
            icon=":material/play_arrow:",
            disabled=bool(why),
            key="train_it",
        )
        if page is not None:
            st.page_link(
                page,
                label=_("Use my own data"),
                icon=":material/upload:",
                query_params={"task": example.task, "step": "data"},
            )
    if why:
        st.caption(f":material/block: {why}")
    if pressed:
        samples.start(example)
