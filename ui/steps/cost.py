"""What a run costs, in words: before it starts, and beside what was said once it is done."""

from __future__ import annotations

from typing import Any

import streamlit as st

from engines.contract import Result
from engines.cost.forecast import Forecast
from engines.cost.work import PHASES
from ui.page import words

SHORT = 0.5  # seconds: a phase below is not worth a word
ALIKE = {"model": "of this model", "strategy": "of other models", "task": "with other choices"}


def by_phase(found: Forecast) -> str:
    """'Starting and reading the data 6 s · training 30 s · testing 2 s'"""
    said = [f"{_title(name)} {words.duration(s)}" for name, s in found.phases.items() if s >= SHORT]
    line = " · ".join(said)
    return line[:1].upper() + line[1:]


def grounds(found: Forecast) -> str:
    """What a forecast rests on: 'From 5 runs of this model here, which would have taken 30 s to 1 min in all.'"""
    if found.timed:
        return "From some real steps on your data, timed just now: no run of this kind has finished here yet."
    if not found.runs:
        return "From a probe of this machine: no run of this kind has finished here yet."
    said = f"From {words.count(found.runs, 'runs')} {ALIKE[found.alike]} here"
    if found.low is None or found.high is None:
        return f"{said}."
    low, high = words.duration(found.low), words.duration(found.high)
    between = low if low == high else f"{low} to {high}"
    return f"{said}: at their pace {between} in all."


def memory(found: Forecast) -> str:
    """Of runs of the same model; '' where there were none."""
    return f"About {words.size(found.memory)} of memory, as those took." if found.memory else ""


def after(result: Result) -> None:
    """What was said before, and what it took; nothing of runs from before it was counted."""
    if lines := told(result.details.get("cost")):
        with st.expander("What it cost, and what was said before", icon=":material/timer:"):
            st.markdown("\n".join(f"- {line}" for line in lines))


def told(cost: dict[str, Any] | None) -> list[str]:
    """A sentence a line, of `Result.details["cost"]` (see `engines.cost.meter`)."""
    if not cost:
        return []
    took = words.duration(cost["took"])
    lines = [f"It took **{took}**; nobody could say so before: no run of this kind had finished here."]
    if cost["said"] is not None:
        off = 100 * (cost["took"] - cost["said"]) / max(cost["said"], 1e-9)
        rests = f"from {words.count(cost['runs'], 'runs')} here" if cost["runs"] else "from a probe of this machine"
        rests = "from some steps timed before" if cost.get("timed") else rests
        far = "just as said" if round(off) == 0 else f"{abs(off):.0f} % {'more' if off > 0 else 'less'}"
        lines = [f"Said {words.duration(cost['said'])}, {rests}; took **{took}**: {far}."]
    if cost.get("resumed"):
        lines = [f"It took **{took}** since it was resumed."]
    for name, each in cost["phases"].items():
        title = PHASES.get(name, name)
        before = "" if each["said"] is None else f", said {words.duration(each['said'])}"
        lines.append(f"{title}: {words.duration(each['took'])}{before}")
    if cost["memory"]:
        gpu = f", and {words.size(cost['gpu_memory'])} on the GPU" if cost["gpu_memory"] else ""
        lines.append(f"Memory at the peak: {words.size(cost['memory'])}{gpu}")
    joules = [f"{used / 3600:.2g} Wh ({name})" for name, used in cost["energy"].items()]
    all_of_it = f"{' and '.join(joules)}, by all that ran on this machine meanwhile"
    lines.append(f"Energy: {all_of_it if joules else 'not measurable here, no counter can be read'}")
    return lines


def _title(phase: str) -> str:
    title = PHASES[phase]
    return title[0].lower() + title[1:]
