"""What fine-tuning changed inside a network, stage by stage; computed by the warm server once somebody asks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from engines import messages, registry
from engines.contract import Strategy, TaskInfo
from engines.evidence.layers import sentences
from engines.jobs.serving import client
from engines.messages import _
from ui.page import errors, frame, recorded
from ui.widgets import plots

HELP = _(
    "The network is shown pictures, texts or clips that it did not learn from, as it was before and "
    "as it is after. Similarity is the unbiased CKA of what a stage sees (Kornblith et al. 2019, "
    "Nguyen et al. 2021): 1 is the same, about 0 unrelated. A probe is a linear classifier that "
    "reads one stage alone."
)
CAVEAT = _(
    "One network from one seed: a picture of this run, not evidence. A stage that changed more is "
    "neither better nor worse for it, and the probe's examples also chose the pass that was kept."
)
UNLEARNT = {Strategy.FEATURES, Strategy.PROTOTYPES, Strategy.ZERO_SHOT}
HEIGHT = 190  # pixels


def show(found: recorded.Finished) -> None:
    """The section of a classifier's result. Nothing of other tasks, or of a recording that was not looked into."""
    if not found.result.details.get("classes"):
        return
    known = found.run.layers
    if known is None and found.result.strategy in UNLEARNT:
        known = {"changed": False}
    if known is None and (not recorded.is_own(found.run) or not Path(found.recipe.data).exists()):
        return
    info = registry.task(found.recipe.task).info
    with frame.card(_("What changed inside"), help=messages.told(HELP)):
        if known is None:
            st.caption(_("Compares the network before and after, stage by stage. It takes some seconds, once."))
            if not st.button(_("Look inside"), icon=":material/layers:", key="layers_ask"):
                return
            with errors.calm(_("It could not be looked into.")):
                known = _asked(info, found)
        if known:
            _draw(info, known)


def _asked(info: TaskInfo, found: recorded.Finished) -> dict[str, Any]:
    """The warm server's answer, with a bar while it works. Raises InputError and client.ServerFailed."""
    place = st.empty()
    place.caption(_(":material/hourglass_top: Reading the {unit} …", unit=info.unit))

    def tell(done: int, total: int) -> None:
        place.progress(
            min(done / max(total, 1), 1.0),
            _("Looking at {unit}: {done:,} of {total:,}", unit=info.unit, done=done, total=total),
        )

    try:
        return client.ask({"verb": "layers", "run": found.run.address}, tell)
    finally:
        place.empty()


def _draw(info: TaskInfo, known: dict[str, Any]) -> None:
    told = sentences(known, info.unit)
    if "unchanged" in told:
        st.markdown(told["unchanged"])
        return
    stages = known["stages"]
    came = plots.SCRATCH if known["began"] == "random" else plots.PRETRAINED
    similarity = [_curve("similarity", [stage["similarity"] for stage in stages], plots.TRAINED)]
    _plot("similarity", similarity, stages, "similarity", told["similarity"])
    weights = [_curve("moved", [stage["moved"] for stage in stages], plots.TRAINED)]
    _plot("moved", weights, stages, _("weights moved, share of their size"), told["moved"])
    probes = [
        _probe(when, stages, colour, dash)
        for when, colour, dash in (("before", came, "dash"), ("after", plots.TRAINED, "solid"))
    ]
    _plot("probes", probes, stages, "balanced accuracy", told["probes"])
    st.caption(
        _("{caveat} Whiskers: 95 % intervals over {n:,} held-out {unit}.", caveat=CAVEAT, n=known["n"], unit=info.unit)
    )
    if st.toggle(_("Show the numbers"), key="layers_table"):
        plots.rows(numbers(stages))


def _plot(key: str, curves: list[plots.Figure], stages: list[dict[str, Any]], y: str, sentence: str) -> None:
    st.markdown(sentence)
    figure = plots.lines(curves, x=_("stage"), y=y, last_x=len(stages), share=key != "similarity", height=HEIGHT)
    figure["layout"]["xaxis"] |= {
        "tickmode": "array",
        "tickvals": list(range(1, len(stages) + 1)),
        "ticktext": [stage["name"] for stage in stages],
    }
    if key == "moved":  # often below one in a hundred
        figure["layout"]["yaxis"]["tickformat"] = ".2~%"
    plots.show(figure, f"layers_{key}", alt=sentence)


def _curve(name: str, values: list[float | None], colour: str, dash: str = "solid") -> plots.Figure:
    return plots.line(name, list(range(1, len(values) + 1)), values, colour, dash)


def _probe(when: str, stages: list[dict[str, Any]], colour: str, dash: str) -> plots.Figure:
    curve = _curve(when, [stage[when]["value"] for stage in stages], colour, dash)
    bounds = [(stage[when]["low"], stage[when]["value"], stage[when]["high"]) for stage in stages]
    return curve | {"error_y": plots.whiskers(bounds, colour)}


def numbers(stages: list[dict[str, Any]]) -> plots.Rows:
    """The plots as a table."""
    return [
        {
            "stage": stage["name"],
            "similarity": None if stage["similarity"] is None else round(stage["similarity"], 3),
            "weights moved": f"{100 * stage['moved']:.3g} %",
            **{f"probe {when}": _interval(stage[when]) for when in ("before", "after")},
        }
        for stage in stages
    ]


def _interval(bounds: dict[str, float]) -> str:
    return f"{bounds['value']:.2f} [{bounds['low']:.2f}, {bounds['high']:.2f}]"
