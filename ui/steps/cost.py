"""What a run costs, in words: before it starts, and beside what was said once it is done."""

from __future__ import annotations

import dataclasses
from typing import Any

import psutil
import streamlit as st

from engines import messages, registry
from engines.contract import ModelCard, Result, Strategy, Task
from engines.cost import room
from engines.cost.forecast import Forecast
from engines.cost.work import PHASES
from engines.jobs.local import gpus
from engines.messages import _, _n
from engines.training.settings import TrainSettings
from ui.page import words
from ui.page.draft import Draft

SHORT = 0.5  # seconds: a phase below is not worth a word
LITTLE = {Strategy.FEATURES, Strategy.PROTOTYPES, Strategy.ZERO_SHOT}
"""What learns little: its memory is that of the weights."""
ALIKE = {"model": _("of this model"), "strategy": _("of other models"), "task": _("with other choices")}


def by_phase(found: Forecast) -> str:
    """'Starting and reading the data 6 s · training 30 s · testing 2 s'"""
    said = [f"{_title(name)} {words.duration(s)}" for name, s in found.phases.items() if s >= SHORT]
    line = " · ".join(said)
    return line[:1].upper() + line[1:]


def grounds(found: Forecast) -> str:
    """What a forecast rests on: 'From 5 runs of this model here, which would have taken 30 s to 1 min in all.'"""
    if found.timed:
        return _("From some real steps on your data, timed just now: no run of this kind has finished here yet.")
    if not found.runs:
        return _("From a probe of this machine: no run of this kind has finished here yet.")
    said = _(
        "From {runs} {alike} here",
        runs=_n("{n:,} run", "{n:,} runs", found.runs),
        alike=messages.told(ALIKE)[found.alike],
    )
    if found.low is None or found.high is None:
        return f"{said}."
    low, high = words.duration(found.low), words.duration(found.high)
    between = low if low == high else _("{low} to {high}", low=low, high=high)
    return _("{said}: at their pace {between} in all.", said=said, between=between)


def memory(found: Forecast) -> str:
    """Of runs of the same model; '' where there were none."""
    return _("About {size} of memory, as those took.", size=words.size(found.memory)) if found.memory else ""


def short_of_memory(draft: Draft, model: ModelCard) -> str:
    """Where this machine has little memory left for such a run: how little, and what would need less; '' else, and
    where runs compute on a graphics card."""
    if draft.strategy in LITTLE or gpus.names():
        return ""
    task, free = registry.task(draft.task), int(psutil.virtual_memory().available)
    if not issubclass(task.settings, TrainSettings):
        return ""
    need = room.held(model, draft.strategy, draft.blocks, draft.settings)
    if need < room.SHORT * free:
        return ""
    said = _(
        "Weights, gradients and the optimiser alone take {need} with “{title}”, and {free} of memory are free here.",
        need=words.size(need),
        title=task.info.offer(draft.strategy).title,
        free=words.size(free),
    )
    names = {field.name for field in dataclasses.fields(task.settings)}
    found = room.less(
        model, draft.strategy, draft.blocks, draft.settings, int(room.SHORT * free), eight_bits="eight_bits" in names
    )
    ways = [
        _("“{title}” {need}", title=_titled(task, strategy, own), need=words.size(size))
        for strategy, own, size in found
        if strategy in task.info.strategies and not task.lacks(strategy, model)
    ]
    return f"{said} {_('Less takes: {ways}.', ways=', '.join(ways))}" if ways else said


def _titled(task: Task, strategy: Strategy, settings: dict[str, Any]) -> str:
    """'Adapters, Frozen weights in 8 bits'"""
    return ", ".join([task.info.offer(strategy).title, *map(task.settings.title, settings)])


def after(result: Result) -> None:
    """What was said before, and what it took; nothing of runs from before it was counted."""
    if lines := told(result.details.get("cost")):
        with st.expander(_("What it cost, and what was said before"), icon=":material/timer:"):
            st.markdown("\n".join(f"- {line}" for line in lines))


def told(cost: dict[str, Any] | None) -> list[str]:
    """A sentence a line, of `Result.details["cost"]` (see `engines.cost.meter`)."""
    if not cost:
        return []
    took = words.duration(cost["took"])
    lines = [_("It took **{took}**; nobody could say so before: no run of this kind had finished here.", took=took)]
    if cost["said"] is not None:
        off = 100 * (cost["took"] - cost["said"]) / max(cost["said"], 1e-9)
        rests = (
            _("from {runs} here", runs=_n("{n:,} run", "{n:,} runs", cost["runs"]))
            if cost["runs"]
            else _("from a probe of this machine")
        )
        rests = _("from some steps timed before") if cost.get("timed") else rests
        far = _("just as said") if round(off) == 0 else f"{abs(off):.0f} % {'more' if off > 0 else 'less'}"
        lines = [
            _(
                "Said {duration}, {rests}; took **{took}**: {far}.",
                duration=words.duration(cost["said"]),
                rests=rests,
                took=took,
                far=far,
            )
        ]
    if cost.get("resumed"):
        lines = [_("It took **{took}** since it was resumed.", took=took)]
    for name, each in cost["phases"].items():
        title = messages.told(PHASES).get(name, name)
        before = "" if each["said"] is None else _(", said {duration}", duration=words.duration(each["said"]))
        lines.append(f"{title}: {words.duration(each['took'])}{before}")
    if cost["memory"]:
        gpu = _(", and {size} on the GPU", size=words.size(cost["gpu_memory"])) if cost["gpu_memory"] else ""
        lines.append(_("Memory at the peak: {size}{gpu}", size=words.size(cost["memory"]), gpu=gpu))
    joules = [_("{used:.2g} Wh ({name})", used=used / 3600, name=name) for name, used in cost["energy"].items()]
    all_of_it = _("{joules}, by all that ran on this machine meanwhile", joules=_(" and ").join(joules))
    lines.append(
        _("Energy: {all_of_it}", all_of_it=all_of_it if joules else _("not measurable here, no counter can be read"))
    )
    return lines


def _title(phase: str) -> str:
    title = messages.told(PHASES)[phase]
    return title[0].lower() + title[1:]
