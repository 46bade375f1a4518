"""What whoever teaches offers everybody, in words, and taken with one click."""

from __future__ import annotations

import streamlit as st

from engines import registry
from engines.contract import InputError, Strategy
from engines.messages import _
from engines.rooms import members
from engines.rooms.members import Member
from engines.rooms.rooms import Broadcast
from ui.page import address, domains, errors, samples, words
from ui.page.draft import card
from ui.steps import fields


def sentence(offer: Broadcast) -> str:
    """'Vision, Classify pictures: the sample Digits; Head only; with EfficientNet-Lite0'"""
    info = registry.task(offer.task).info
    said = [words.plain(info.title)]
    if offer.sample:
        said.append(_("the sample {title}", title=words.plain(_sample(offer))))
    if offer.strategy:
        blocks, depth = (int(offer.settings.get(name) or 0) for name in ("blocks", "depth"))
        said.append(words.strategy(info, Strategy(offer.strategy), blocks or None, depth or None))
    if offer.model:
        said.append(_("with {model}", model=words.plain(_model(offer))))
    if further := _settings(offer):
        said.append(further)
    return " · ".join(said)


def take(member: Member, offer: Broadcast) -> None:
    """Goes to where it is done, with the data and the choices that were offered; without a sample, with the data that
    are here."""
    page = domains.page_of(offer.task)
    if page is None:
        return
    with errors.calm(_("This could not be taken."), _("Choose it by hand, or say that you are stuck.")):
        here = address.read()
        query: dict[str, str | list[str]] = {"task": offer.task}
        if offer.sample:
            query["data"] = samples.taken(offer.task, offer.sample)
        elif here.data and here.task in {None, offer.task}:
            query["data"] = here.data
        chosen = {"model": offer.model, "strategy": offer.strategy}
        query |= {name: value for name, value in chosen.items() if value}
        is_chosen = any(chosen.values()) or offer.settings
        query["step"] = "strategy" if is_chosen and "data" in query else "data"
        if offer.settings:
            query["set"] = [f"{name}:{value}" for name, value in sorted(offer.settings.items())]
        members.have(member, offer.number)
        st.switch_page(page, query_params=query)


def _sample(offer: Broadcast) -> str:
    return next((s.title for s in registry.task(offer.task).samples() if s.name == offer.sample), offer.sample)


def _settings(offer: Broadcast) -> str:
    """'Passes over the data 5, Without training from scratch'; '' where there are none."""
    settings, further = registry.task(offer.task).settings, dict(offer.settings)
    said = []
    if baseline := further.pop("baseline", ""):
        said.append(_("without training from scratch") if baseline == "none" else _("with training from scratch"))
    said += [
        f"{settings.title(name)} {fields.said(value)}"
        for name, value in further.items()
        if name not in {"blocks", "depth"}
    ]
    return words.plain(", ".join(said))


def _model(offer: Broadcast) -> str:
    try:
        return card(offer.task, offer.model).title
    except InputError:
        return offer.model
