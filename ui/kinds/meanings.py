"""What each kind of transfer is called and means, and a sample of it that can be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engines.contract import Strategy
from engines.evidence.kind import FEW, Kind
from engines.messages import _


@dataclass(frozen=True)
class Example:
    """A sample that is of this kind when it is trained so."""

    task: str
    sample: str
    strategy: str
    what: str
    """What happens, in one sentence."""
    target: str = ""
    """The sample that is the new domain, without its labels."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Those without which it would be of another kind."""


@dataclass(frozen=True)
class Meaning:
    """A kind, in words a workshop attendee knows."""

    title: str
    short: str
    """A few words, for the map."""
    text: str
    source: tuple[str, str]
    """Domain and task of the source, for the drawing."""
    target: tuple[str, str]
    labels: str
    """What is at hand of the target."""
    examples: tuple[Example, ...] = ()
    pages: tuple[tuple[str, str], ...] = ()
    """Further pages for it, where they are there: the file below pages/, and what is done on it."""
    note: str = ""


PHOTOGRAPHS = (_("photographs from the web"), _("a thousand things"))
MEANINGS: Mapping[Kind, Meaning] = {
    "adaptation": Meaning(
        _("Domain adaptation"),
        _("same task, your labels"),
        _(
            "The question stays the same, and the data look or sound different: another accent, other "
            "series, a robot that is heavier than the simulated one. Right answers from the new domain are "
            "at hand."
        ),
        (_("American voices"), _("words said")),
        (_("a Scottish voice"), _("words said")),
        _("right answers"),
        (
            Example("speech.transcription", "scottish", Strategy.LORA, _("Whisper learns a Scottish accent.")),
            Example(
                "forecasting.forecast",
                "passengers",
                Strategy.PARTIAL,
                _("A general forecaster learns one airline's months."),
            ),
            Example(
                "control.policy", "invertedpendulum-long", "identified", _("1,000 real steps tell how a robot differs.")
            ),
        ),
        note=_(
            "Pan and Yang call it inductive because labels of the target are used. Most people call it "
            "supervised domain adaptation."
        ),
    ),
    "inductive": Meaning(
        _("Inductive"),
        _("new task, your labels"),
        _(
            "The network learnt another task. From your labelled examples it learns yours: new classes, on "
            "what it already sees."
        ),
        PHOTOGRAPHS,
        (_("your photographs"), _("your classes")),
        _("more than {few} a class", few=FEW),
        (
            Example(
                "vision.classification", "photographs", Strategy.FEATURES, _("ImageNet's network learns four classes.")
            ),
            Example(
                "text.sentiment", "films", Strategy.FEATURES, _("A sentence encoder learns to judge film reviews.")
            ),
            Example("vision.classification", "digits", Strategy.FEATURES, _("The same network meets handwriting.")),
        ),
    ),
    "few-shot": Meaning(
        "Few-shot",
        _("1 to {few} labels a class", few=FEW),
        _(
            "Inductive, with at most {few} labelled examples of each class; with one of each it "
            "is one-shot. Frozen features and a small head are nearly all that so few labels can "
            "teach.",
            few=FEW,
        ),
        (_("thousands of voices"), _("same voice or not")),
        (_("six voices"), _("whose voice")),
        _("1 to {few} a class", few=FEW),
        (
            Example(
                "vision.classification",
                "photographs",
                Strategy.PROTOTYPES,
                _("Learns from five photographs of each class, and is tested on all others."),
                settings={"shots": 5},
            ),
            Example(
                "speech.speaker",
                "voices",
                Strategy.PROTOTYPES,
                _("One clip of each of six voices: one-shot."),
                settings={"shots": 1},
            ),
        ),
        (("showing", _("Show a few pictures, sounds or sentences of each class")),),
    ),
    "transductive": Meaning(
        _("Transductive"),
        _("same task, no labels"),
        _(
            "The question stays the same and the data differ, but none of the new data are labelled: the "
            "network adapts to how they look. It can do harm, so the unadapted network is always shown "
            "beside it."
        ),
        (_("film reviews"), _("good or bad")),
        (_("product reviews"), _("good or bad")),
        _("many, without labels"),
        (
            Example(
                "text.sentiment",
                "films",
                Strategy.FEATURES,
                _("Learns from film reviews, and adapts to product reviews whose labels only tell how well it does."),
                "products",
            ),
        ),
        note=_(
            "Series and robots have their own form. The future of a series is its own label, and a robot "
            "answers by how it does: there the same is called zero-shot, and domain randomisation."
        ),
    ),
    "unsupervised": Meaning(
        _("Unsupervised"),
        _("no task yet, no labels"),
        _(
            "Nobody has named a class. Pretrained features put what is alike close together, so that you can "
            "look through it, find what does not belong, and name classes."
        ),
        PHOTOGRAPHS,
        (_("your pictures"), _("none yet")),
        _("many, without labels"),
        (),
        (("explore", _("Look through data without labels")),),
    ),
    "zero-shot": Meaning(
        "Zero-shot",
        _("nothing of yours is learnt from"),
        _(
            "The network answers as it came. Where the task is the same it just answers; where the classes "
            "are new, it finds them by their names alone."
        ),
        (_("pictures and words"), _("which belong together")),
        (_("your photographs"), _("classes by name")),
        "none",
        (
            Example("text.sentiment", "films", Strategy.ZERO_SHOT, _("Good or bad, by these two words alone.")),
            Example(
                "forecasting.forecast", "passengers", Strategy.ZERO_SHOT, _("A series is forecast that was never seen.")
            ),
            Example(
                "control.policy",
                "pendulum-heavy",
                "randomised",
                _("Domain randomisation: a policy tuned in varied simulators meets a robot that it never saw."),
            ),
            Example(
                "speech.transcription", "scottish", Strategy.ZERO_SHOT, _("Whisper as it came hears a Scottish voice.")
            ),
        ),
        note=_(
            "Series and robots have their own form of transfer without labels, and this is it: a forecaster "
            "that has seen many series, and a policy that has seen many physics."
        ),
    ),
    "none": Meaning(
        _("From scratch"),
        _("no transfer"),
        _("The same network learns from random numbers. It is what transfer is measured against."),
        ("none", "none"),
        (_("your data"), _("your task")),
        _("all that there are"),
        (
            Example(
                "vision.classification",
                "digits",
                Strategy.SCRATCH,
                _("The same network learns ten digits from nothing."),
            ),
        ),
    ),
}
"""In the order of the map: the row with labels, without labels, and with nothing of the target."""
