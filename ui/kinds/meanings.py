"""What each kind of transfer is called and means, and a sample of it that can be run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engines.contract import Strategy
from engines.evidence.kind import FEW, Kind


@dataclass(frozen=True)
class Example:
    """A sample that is of this kind when it is trained so."""

    task: str
    sample: str
    strategy: str
    what: str
    """What happens, in one sentence."""


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


PHOTOGRAPHS = ("photographs from the web", "a thousand things")
MEANINGS: Mapping[Kind, Meaning] = {
    "adaptation": Meaning(
        "Domain adaptation",
        "same task, your labels",
        "The question stays the same, and the data look or sound different: another accent, other series, a robot that "
        "is heavier than the simulated one. Right answers from the new domain are at hand.",
        ("American voices", "words said"),
        ("a Scottish voice", "words said"),
        "right answers",
        (
            Example("speech.transcription", "scottish", Strategy.LORA, "Whisper learns a Scottish accent."),
            Example(
                "forecasting.forecast",
                "passengers",
                Strategy.PARTIAL,
                "A general forecaster learns one airline's months.",
            ),
            Example(
                "control.policy", "invertedpendulum-long", "identified", "1,000 real steps tell how a robot differs."
            ),
        ),
        note="Pan and Yang call it inductive because labels of the target are used. Most people call it supervised "
        "domain adaptation.",
    ),
    "inductive": Meaning(
        "Inductive",
        "new task, your labels",
        "The network learnt another task. From your labelled examples it learns yours: new classes, on what it already "
        "sees.",
        PHOTOGRAPHS,
        ("your photographs", "your classes"),
        f"more than {FEW} a class",
        (
            Example(
                "vision.classification", "photographs", Strategy.FEATURES, "ImageNet's network learns four classes."
            ),
            Example("text.sentiment", "films", Strategy.FEATURES, "A sentence encoder learns to judge film reviews."),
            Example("vision.classification", "digits", Strategy.FEATURES, "The same network meets handwriting."),
        ),
    ),
    "few-shot": Meaning(
        "Few-shot",
        f"1 to {FEW} labels a class",
        f"Inductive, with at most {FEW} labelled examples of each class; with one of each it is one-shot. Frozen "
        "features and a small head are nearly all that so few labels can teach.",
        ("thousands of voices", "same voice or not"),
        ("six voices", "whose voice"),
        f"1 to {FEW} a class",
        (Example("speech.speaker", "voices", Strategy.FEATURES, "Six voices, seven clips of each to learn from."),),
        (("showing", "Show a few pictures, sounds or sentences of each class"),),
    ),
    "transductive": Meaning(
        "Transductive",
        "same task, no labels",
        "The question stays the same and the data differ, but none of the new data are labelled: the network adapts to "
        "how they look. It can do harm, so the unadapted network is always shown beside it.",
        ("film reviews", "good or bad"),
        ("product reviews", "good or bad"),
        "many, without labels",
        note="Series and robots have their own form. The future of a series is its own label, and a robot answers by "
        "how it does: there the same is called zero-shot, and domain randomisation.",
    ),
    "unsupervised": Meaning(
        "Unsupervised",
        "no task yet, no labels",
        "Nobody has named a class. Pretrained features put what is alike close together, so that you can look through "
        "it, find what does not belong, and name classes.",
        PHOTOGRAPHS,
        ("your pictures", "none yet"),
        "many, without labels",
        (),
        (("explore", "Look through data without labels"),),
    ),
    "zero-shot": Meaning(
        "Zero-shot",
        "nothing of yours is learnt from",
        "The network answers as it came. Where the task is the same it just answers; where the classes are new, it "
        "finds them by their names alone.",
        ("pictures and words", "which belong together"),
        ("your photographs", "classes by name"),
        "none",
        (
            Example("text.sentiment", "films", Strategy.ZERO_SHOT, "Good or bad, by these two words alone."),
            Example(
                "forecasting.forecast", "passengers", Strategy.ZERO_SHOT, "A series is forecast that was never seen."
            ),
            Example(
                "control.policy",
                "pendulum-heavy",
                "randomised",
                "Domain randomisation: a policy tuned in varied simulators meets a robot that it never saw.",
            ),
            Example(
                "speech.transcription", "scottish", Strategy.ZERO_SHOT, "Whisper as it came hears a Scottish voice."
            ),
        ),
        note="Series and robots have their own form of transfer without labels, and this is it: a forecaster that has "
        "seen many series, and a policy that has seen many physics.",
    ),
    "none": Meaning(
        "From scratch",
        "no transfer",
        "The same network learns from random numbers. It is what transfer is measured against.",
        ("none", "none"),
        ("your data", "your task"),
        "all that there are",
        (
            Example(
                "vision.classification", "digits", Strategy.SCRATCH, "The same network learns ten digits from nothing."
            ),
        ),
    ),
}
"""In the order of the map: the row with labels, without labels, and with nothing of the target."""
