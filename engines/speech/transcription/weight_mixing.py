"""How much is kept of what was learnt: the weights lie between those the model came with and those it learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from engines.messages import _
from engines.speech.transcription import normalisers, word_errors
from engines.speech.transcription.prepare import Selection
from engines.speech.transcription.train import TrainOutcome, TrainSpec, transcripts

SHARES = (0.5, 0.35, 0.2)
"""How much of what was learnt is kept: the first that the source accent bears. Half is what Wortsman et al. advise
where nothing is known: it often has most of both."""


@dataclass
class Transcripts:
    """What was heard in the test and in the source accent, with some share of what was learnt."""

    share: float
    test: list[str]
    source: list[str]


def mix(spec: TrainSpec, outcome: TrainOutcome, share: float) -> None:
    """Sets the network to `share` of the way from what it came with to what it learnt.

    Wortsman et al. 2022, 'Robust fine-tuning of zero-shot models' (WiSE-FT): the straight line between the two often
    keeps most of both.
    """
    state = {name: torch.lerp(was, outcome.after[name], share) for name, was in outcome.before.items()}
    spec.recogniser.network.model.load_state_dict(state, strict=False)


def choose_share(spec: TrainSpec, outcome: TrainOutcome, choosing: Selection, before: list[str]) -> dict[str, Any]:
    """The largest of SHARES with which the source accent loses no more than `worse_by` points, on clips of its own.

    `before` is what was heard in these clips before anything was learnt.
    """
    settings = spec.settings
    if settings.mix is not None:
        return {"share": settings.mix, "why": _("It was asked for.")}
    if not len(choosing):
        return {"share": 1.0, "why": _("What it does to the accent it came with was not measured.")}
    alike = normalisers.of(settings.normaliser)

    def wer(heard: list[str]) -> float:
        return word_errors.wer(word_errors.word_counts(alike(choosing.texts), alike(heard))).value

    most = wer(before) + settings.worse_by / 100
    tried = []
    for share in SHARES:
        mix(spec, outcome, share)
        title = _("Listening to the accent it came with, {share:.0%} of what was learnt", share=share)
        now = transcripts(spec, spec.seen(choosing.spoken(spec.recogniser)), choosing.seconds, title)
        tried.append({"share": share, "wer": wer(now)})
        if tried[-1]["wer"] <= most:
            why = _("With it, the accent it came with loses at most {worse_by:g} points.", worse_by=settings.worse_by)
            return {"share": share, "tried": tried, "n": len(choosing), "why": why}
    why = _(
        "With every share that was tried the accent it came with loses more than {worse_by:g} points.",
        worse_by=settings.worse_by,
    )
    return {"share": SHARES[-1], "tried": tried, "n": len(choosing), "why": why}


def along(
    spec: TrainSpec, outcome: TrainOutcome, testing: Selection, source: Selection, share: float
) -> list[Transcripts]:
    """What is heard on the line from before to after: at `share`, and at some points between."""
    points = spec.settings.curve
    between = [round((i + 1) / (points + 1), 3) for i in range(points)] if len(source) else []
    shares = sorted({*between, *([1.0] if points and len(source) else []), share} - {0.0})
    sets = [spec.seen(chosen.spoken(spec.recogniser)) for chosen in (testing, source) if len(chosen)]
    found = []
    for one in shares:
        mix(spec, outcome, one)
        title = _("Testing on clips never learnt from, with {one:.0%} of what was learnt", one=one)
        test = transcripts(spec, sets[0], testing.seconds, title)
        title = _("Listening to the accent it came with, {one:.0%} of what was learnt", one=one)
        own = transcripts(spec, sets[1], source.seconds, title) if len(source) else []
        found.append(Transcripts(one, test, own))
    return found
