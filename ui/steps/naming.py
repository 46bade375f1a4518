"""Classes found by their names: what each is called and asked by, and why it cannot be had where it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import streamlit as st

from engines import messages, registry, weights
from engines.classification.few_labels import prompts
from engines.contract import InputError, ModelCard, Strategy
from engines.data.class_names import codes
from engines.messages import _
from ui.page import domains, frame, user_changes, words
from ui.page.draft import Draft, knows

MOST_TOLD = 5
MOST = 24
"""Classes that have a field of their own; more are called as they are, or by the setting `class_names`."""
ASKS = ("prompt", "class_names")
"""The settings that are asked for here."""
Choose = Callable[[Draft, str, str | None], None]


def asks(draft: Draft) -> bool:
    """Whether classes are found by their names, in sentences that can be changed."""
    return draft.strategy is Strategy.ZERO_SHOT and knows(registry.task(draft.task).settings, "prompt")


def show(draft: Draft, report: dict[str, Any] | None, choose: Choose) -> None:
    """The sentence, and a field for the name of each class. `choose` keeps a setting."""
    classes = list((report or {}).get("classes") or ())
    prompt = draft.settings.get("prompt", messages.told(prompts.PROMPT))
    with frame.card(_("What is looked for"), key="naming"):
        st.caption(
            _(
                "The network learnt pictures together with words. Nothing is learnt here: each class is looked "
                "for by its name in a sentence, and {} is where the name goes. Several sentences, with | between "
                "them, are averaged."
            )
        )
        _field("naming_prompt", _("Sentence for a class"), prompt, lambda text: choose(draft, "prompt", text))
        if classes:
            _names(draft, classes, choose)
        if unnamed := unknown(draft, classes):
            told = ", ".join(f"'{words.plain(name)}'" for name in unnamed[:MOST_TOLD]) + " …" * (
                len(unnamed) > MOST_TOLD
            )
            st.warning(
                _("{told}: codes say nothing to this network. Say in a word what is on these pictures.", told=told)
            )
        else:
            _preview(classes, prompt, draft.settings.get("class_names"))


def _names(draft: Draft, classes: list[str], choose: Choose) -> None:
    called, unnamed = _called(draft), unknown(draft, classes)

    def rename(name: str) -> Callable[[str], None]:
        return lambda text: choose(draft, "class_names", prompts.written({**called, name: text}) or None)

    with st.grid(min_column_width=190):
        for name in classes[:MOST]:
            shown = called.get(name, "" if name in unnamed else name.replace("_", " "))
            with st.container(gap="xxsmall"):
                st.markdown(_("{plain} is called", plain=words.plain(name)))
                _field(f"called_{name}", _("{name} is called", name=name), shown, rename(name), seen=False)
    if classes[MOST:]:
        st.caption(_("{classes:,} more classes are called as they are.", classes=len(classes) - MOST))


def _field(key: str, label: str, value: str, change: Callable[[str], None], *, seen: bool = True) -> None:
    """`seen=False`: the label is for screen readers alone, which read markdown's own signs too."""
    st.session_state[key] = value
    act = user_changes.changed(key, lambda: change(st.session_state[key]))
    visible: Literal["visible", "collapsed"] = "visible" if seen else "collapsed"
    st.text_input(label, key=key, max_chars=300, on_change=act, label_visibility=visible)


def _called(draft: Draft) -> dict[str, str]:
    try:
        return prompts.words(draft.settings.get("class_names"))
    except InputError:  # typed into the address
        return {}


def unknown(draft: Draft, classes: Iterable[str]) -> list[str]:
    """The classes whose names are codes, and which nobody has called by a word yet."""
    called = _called(draft)
    return codes(name for name in classes if name not in called)


def _preview(classes: list[str], prompt: str, class_names: str | None) -> None:
    try:
        about = prompts.sentences(classes or ["cat"], prompt, class_names)
    except InputError as error:
        st.warning(words.plain(" ".join(map(str, error.problems))), icon=":material/error:")
        return
    st.caption(_("Asked: ") + "; ".join(f"“{words.plain(sentence)}”" for sentence in about[0]))


def hindrance(draft: Draft, report: dict[str, Any] | None) -> str:
    """Why a run by names cannot start yet, in words; else ''."""
    if not asks(draft):
        return ""
    unnamed = unknown(draft, (report or {}).get("classes") or ())
    return _("Call each class by a word first: the network knows no codes.") if unnamed else ""


def elsewhere(draft: Draft, model: ModelCard | None = None) -> None:
    """What is to be known of zero-shot where only some models can: which can, and what to do where none is here.

    With `model` only where that one cannot, or is not to be had.
    """
    task = registry.task(draft.task)
    if Strategy.ZERO_SHOT not in task.info.strategies:
        return
    able = [card for card in task.models() if not task.lacks(Strategy.ZERO_SHOT, card)]
    ready = model and not task.lacks(Strategy.ZERO_SHOT, model) and weights.where(model) != "unreachable"
    if not able or len(able) == len(task.models()) or ready:
        return
    here = [card for card in able if weights.where(card) == "here"]
    names = _(" or ").join(card.title for card in here or able)
    said = _(
        "**By naming** (zero-shot) finds classes by their names, without an example. It takes a network that learnt "
    )
    if here:
        st.caption(_(":material/label: {said}pictures together with words: choose {names}.", said=said, names=names))
        return
    sizes = _(" or ").join(words.size(card.download_bytes) for card in able)
    st.caption(
        _(
            ":material/block: {said}pictures together with words: {names}. Not here; needs a download of {sizes}.",
            said=said,
            names=names,
            sizes=sizes,
        )
    )
    if (page := domains.further("showing")) is not None:
        st.page_link(page, label=_("Instead, show a few pictures of each class"), icon=":material/photo_camera:")
