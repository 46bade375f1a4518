"""A recogniser learns from what it hears itself in clips of a new domain, where it is sure of it: pseudo-labels.

Kahn, Lee & Hannun 2020, 'Self-training for end-to-end speech recognition': transcripts are kept by how likely the model
finds them for their length, and without those that go round in circles. How the two are measured, and below which value
a transcript is not believed, is Radford et al. 2022, 'Robust speech recognition via large-scale weak supervision',
section 4.5. Nothing here was tuned.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines import messages
from engines.adaptation import rule
from engines.adaptation.outcome import BEFORE, FILE, SHOWN, sentence
from engines.contract import InputError, Problem, TaskInfo
from engines.evidence.verdict import compared
from engines.messages import _
from engines.speech.models.states import Transcript
from engines.speech.transcription import normalisers, train, word_errors
from engines.speech.transcription.new_domain.target import NewClips
from engines.speech.transcription.prepare import Selection
from engines.speech.transcription.train import TrainSpec
from engines.speech.transcription.word_errors import WordErrors, plain_words

LEAST_SURE = -1.0
"""The mean log-probability of a transcript's tokens below which it is not believed."""
MOST_REPEATED = 2.4
"""How many times shorter zlib may make a transcript; one that says the same again and again compresses more."""
SURER = 0.5
"""The share of those that are believed that is learnt from."""
PHASE = "pseudo-labels"


@dataclass(frozen=True)
class Adapted:
    """What a recogniser heard in the clips of the new domain before and after it learnt from them."""

    choice: rule.Choice
    before: list[Transcript]
    after: list[str]
    kept: list[int]
    """The clips whose transcripts were learnt from."""


def repeated(text: str) -> float:
    """How many times shorter zlib makes it."""
    content = text.encode()
    return len(content) / max(1, len(zlib.compress(content)))


def believed(heard: Sequence[Transcript]) -> list[int]:
    """Positions of the transcripts that are learnt from, in order: the surer half of those that pass both filters."""
    passing = [
        i
        for i, own in enumerate(heard)
        if plain_words(own.text) and own.sure >= LEAST_SURE and repeated(own.text) <= MOST_REPEATED
    ]
    surest = sorted(passing, key=lambda i: -heard[i].sure)[: round(SURER * len(passing))]
    return sorted(surest)


def adapt(
    spec: TrainSpec, choice: rule.Choice, target: NewClips, training: Selection, checks: Selection, unit: str
) -> Adapted:
    """Writes down the target's clips, and where the choice says so teaches the recogniser in `spec`, in place, with
    the labelled clips `training` and the transcripts that are believed; `checks` choose the epoch.

    Raises InputError where none is believed, and Cancelled."""
    clips = target.selection()
    listening = _("Writing down {target:,} {unit} of the new domain", target=len(clips), unit=unit)
    heard = train.transcribed(spec, spec.seen(clips.unspelt(spec.recogniser)), clips.seconds, listening)
    if choice.method == rule.NONE:
        return Adapted(choice, heard, [own.text for own in heard], [])
    kept = believed(heard)
    if not kept:
        found = _("of none of its {unit} the model is sure what is said", unit=unit)
        raise InputError(Problem("--target", found, _("accepted: other {unit}, or adapt=none", unit=unit)))
    own = clips.at(kept)
    own.texts = [heard[i].text for i in kept]
    came_with = train.freeze(spec)
    title = _("Learning from what it heard in {kept:,} {unit} of the new domain", kept=len(kept), unit=unit)
    spoken = training.beside(own).spoken(spec.recogniser, spec.settings)
    train.adapt(
        spec, spoken, checks.spoken(spec.recogniser) if len(checks) else None, came_with, phase=PHASE, title=title
    )
    listening = _("Listening to the {target:,} {unit} again", target=len(clips), unit=unit)
    after = train.transcripts(spec, spec.seen(clips.unspelt(spec.recogniser)), clips.seconds, listening)
    return Adapted(choice, heard, after, kept)


def counts(target: NewClips, heard: Sequence[str], normaliser: str) -> WordErrors:
    """Of the clips whose truth is known."""
    alike, at = normalisers.of(normaliser), target.judged.tolist()
    said, written = ([texts[i] for i in at] for texts in (target.texts, heard))
    return WordErrors([word_errors.word_counts(alike(said), alike(written))[:, :2]])


def details(target: NewClips, adapted: Adapted, info: TaskInfo, normaliser: str) -> dict[str, Any]:
    """`Result.details["adaptation"]`: see docs/few_labels/new_domain.md."""
    method = messages.told(rule.METHODS).get(adapted.choice.method)
    before = [own.text for own in adapted.before]
    pairs = zip(map(plain_words, before), map(plain_words, adapted.after), strict=True)
    changed = [i for i, (was, now) in enumerate(pairs) if was != now]
    found: dict[str, Any] = {
        "method": adapted.choice.method,
        "title": adapted.choice.title,
        "does": method.does if method else "",
        "why": adapted.choice.why,
        "experimental": bool(method and method.experimental),
        "record": rule.record(info.name, adapted.choice.method),
        "n": len(target),
        "found": target.found,
        "skipped": len(target.skipped),
        "labelled": target.labelled,
        "kept": len(adapted.kept),
        "changed": len(changed),
        "answers": {},
        "examples": [
            {"file": target.clips[i].name, "before": before[i], "after": adapted.after[i]} for i in changed[:SHOWN]
        ],
        "estimate": {"before": None, "after": None, "error": None},
        "truth": None,
        "sentence": sentence(len(target), adapted.choice, info),
    }
    if len(target.judged):
        ours, theirs = counts(target, adapted.after, normaliser), counts(target, before, normaliser)
        found["truth"] = {
            "before": asdict(theirs.estimate()),
            "after": asdict(ours.estimate()),
            "verdict": asdict(compared(ours, theirs, BEFORE, info.metric)),
        }
    return found


def write(folder: Path, target: NewClips, adapted: Adapted) -> None:
    """target.parquet: a row a clip of the new domain, and what is said in it where that is known."""
    learnt = set(adapted.kept)
    columns: dict[str, Any] = {
        "file": [clip.name for clip in target.clips],
        "label": [text or None for text in target.texts],
        "before": [own.text for own in adapted.before],
        "after": adapted.after,
        "sure": np.array([own.sure for own in adapted.before], np.float32),
        "learnt_from": [i in learnt for i in range(len(target))],
    }
    pq.write_table(pa.table(columns), folder / FILE)
