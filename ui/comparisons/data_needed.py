"""Before training: what a test of this size can show, and a comparison that tells how much data it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from engines import registry
from engines.contract import InputError, Job, Problem, Strategy
from engines.evidence.verdict import needed, showable
from engines.messages import _, _n
from ui.comparisons.found import MOST_SEEDS, SEEDS
from ui.page import again, errors, uploads, words
from ui.page.draft import Draft, card, folds, knows, strategies
from ui.steps import plan

OTHERWISE = {"forecasting.forecast", "control.policy", "speech.transcription", "speech.speaker"}
"""Tasks that do not count what they learn from in examples: their check says what may be asked for."""
LEAST = 10  # examples, or two a class
STEPS = 3
WORTH = 0.05
"""The gain for which the test size is named that it takes."""


def can_show(draft: Draft, report: dict[str, Any]) -> str:
    """'With 62 test photographs, a gain of about 17 points can be shown.'; empty where that is not about right or
    wrong."""
    info = registry.task(draft.task).info
    if info.metric.kind != "share" or not info.metric.higher_is_better:
        return ""
    parts, in_folds = report["splits"], folds(draft, report)
    n = report["n_examples"] if in_folds else parts.get("test", 0)
    learnt = report["n_examples"] if in_folds else parts.get("train", 0)
    if not n:
        return ""
    gain = 100 * showable(n, seeds=SEEDS, learnt_from=learnt)
    said = _(
        "With {count}, a gain of about {gain:.0f} points can be shown.",
        count=words.count(n, _("test {unit}", unit=info.unit)),
        gain=gain,
    )
    more = needed(WORTH, seeds=SEEDS, learnt_from=learnt)
    if gain > 100 * WORTH + 0.5 and more:
        said += _(" For {worth:.0f} points it takes about {round:,}.", worth=100 * WORTH, round=_round(more))
    return said


def show(draft: Draft, report: dict[str, Any]) -> None:
    """The comparison over several amounts of data, with what it costs; nothing where it could not be made."""
    least, most, unit = counted(draft, report)
    if draft.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT} or not _has_rival(draft) or most < 2 * least:
        return
    with st.expander(_("How much data do I need?"), icon=":material/show_chart:", key="data_needed"):
        st.markdown(
            _(
                "Trains with several amounts of {unit}, several times each, against what it is "
                "compared with. You see how fast it gets better, and how much of them the pretrained "
                "model saves.",
                unit=unit,
            )
        )
        left, right = st.columns([3, 2])
        usual = ", ".join(map(str, spread(least, most)))
        said = left.text_input(
            _("{unit}{unit2} to learn from", unit=unit[0].upper(), unit2=unit[1:]),
            usual,
            key="compare_budgets",
            help=_("Numbers from {least:,} to {most:,}, with commas between them", least=least, most=most),
        )
        seeds = right.slider(_("Seeds, at most"), 2, MOST_SEEDS, SEEDS, key="compare_seeds")
        with errors.calm(_("The comparison could not be planned.")):
            budgets = read(said, least, most)
            _start(draft, report, budgets, seeds)


def counted(draft: Draft, report: dict[str, Any]) -> tuple[int, int, str]:
    """The least and the most that may be learnt from, and in what it is counted: as the check has it, else in
    examples; of a robot, the real steps that the draft asks for."""
    if own := (report.get("details") or {}).get("budget"):
        steps = draft.settings.get("real_steps")
        high = int(steps) if steps else own["high"]
        return (max(1, high // 10) if steps else own["low"]), high, own["unit"]
    info = registry.task(draft.task).info
    if draft.task in OTHERWISE:
        return 1, 0, info.unit  # of logs, or checked before it was counted: nothing can be asked for
    most = sum(report["splits"].get(part, 0) for part in ("train", "validation"))  # whatever is not tested on
    return max(LEAST, 2 * len(report["classes"])), most, info.unit


def _has_rival(draft: Draft) -> bool:
    """Whether there is something to compare with: not where another library runs the model, which says nothing of its
    size, and cannot begin with random weights."""
    own = any(stage.macs for stage in card(draft.task, draft.model).stages)
    return own or Strategy.SCRATCH not in strategies(draft)


def _start(draft: Draft, report: dict[str, Any], budgets: list[int], seeds: int) -> None:
    trainings = _n("{n:,} training", "{n:,} trainings", 2 * seeds * len(budgets))
    time = seconds(draft, report, budgets, seeds)
    cost = _(", about {duration}", duration=words.duration(time)) if time else ""
    st.caption(
        _(
            "At most {trainings}{cost}. It looks after each seed, and stops as soon as it is decided.",
            trainings=trainings,
            cost=cost,
        )
    )
    why = plan.hindrance(draft)
    if st.button(_("Find out"), icon=":material/balance:", disabled=bool(why)):
        title = uploads.origin(draft.data).title if draft.data else ""
        job = Job(draft.recipe(title), "compare", {"budgets": budgets, "seeds": seeds})
        again.submit(job, _("The comparison could not be started."))


def spread(least: int, most: int) -> list[int]:
    """Three budgets whose ratios are alike, from the least to all; the one in between is a round number."""
    return sorted({least, _round(least * (most / least) ** 0.5), most})


def _round(n: float) -> int:
    """To two digits: 38, 120, 2700."""
    return int(float(f"{n:.2g}"))


def read(said: str, least: int, most: int) -> list[int]:
    """The numbers that somebody typed. Raises InputError."""
    accepted = _("accepted: whole numbers from {least:,} to {most:,}, with commas between them", least=least, most=most)
    words_ = [word.strip() for word in said.split(",") if word.strip()]
    wrong = [word for word in words_ if not word.isdecimal() or not least <= int(word) <= most]
    if wrong or not words_:
        found = _("found {wrong}", wrong=", ".join(wrong)) if wrong else _("there is none")
        raise InputError(Problem(_("numbers to learn from"), found, accepted))
    return sorted({int(word) for word in words_})


def seconds(draft: Draft, report: dict[str, Any], budgets: list[int], seeds: int) -> float:
    """At most, on this machine; 0 where nothing can say it. Raises InputError and ServerFailed."""
    offered = registry.task(draft.task).settings.__dataclass_fields__.get("baseline")
    scratch = offered is not None and "scratch" in (offered.metadata["choices"] or ())
    both = {**draft.settings, "baseline": "scratch"} if scratch else draft.settings
    alone = {"repeats": 1, "scratch_times": 1} if knows(registry.task(draft.task).settings, "real_steps") else {}
    _, most, _ = counted(draft, report)
    examples = sum(report["splits"].get(part, 0) for part in ("train", "validation"))
    total = 0.0
    for budget in budgets:
        share = {**report, "splits": {**report["splits"], "train": round(examples * budget / most)}}
        own = both | ({**alone, "real_steps": budget} if alone else {})
        if (time := plan.expected(replace(draft, settings=own), share)) is None:
            return 0.0
        total += seeds * (time.forecast.own + time.forecast.comparison)
    return total
