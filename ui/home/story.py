"""What is transfer learning? The whole story, each part with what was measured and a button that runs it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import streamlit as st

from engines import registry
from engines.contract import Strategy
from engines.messages import Declared, _
from ui.home import story_plots as plots
from ui.kinds import shots
from ui.page import domains, errors, frame, samples
from ui.widgets import drawing
from ui.widgets import plots as tables


@dataclass(frozen=True)
class Run(Declared):
    """A button: where the app opens, and with what chosen."""

    label: str
    task: str
    sample: str
    strategy: str = Strategy.FEATURES
    step: str = "strategy"
    further: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Part(Declared):
    """One part of the story."""

    title: str
    text: str
    runs: tuple[Run, ...]
    shown: tuple[tuple[str, Callable[[], None]], ...] = ()
    """Plots, each with the sentence that stands above it."""
    has_a_map: bool = False


def idea() -> None:
    drawing.draw(drawing.idea(), key="story_idea")


def ranked() -> None:
    st.caption(
        _(
            "Source: the pages on evidence, `benchmarks/transferability.py`: seven sets of pictures, 35 pairs of a "
            "network and a depth each; mean over sets, 95 % interval."
        )
    )


def parameters() -> None:
    tables.rows(plots.learning_parameters())


def named() -> None:
    sample = next((one for one in shots.recorded().get("samples", []) if one["sample"] == "films"), None)
    if sample is not None:
        tables.show(shots.figure(sample), "story_named", alt=shots.told(sample), table=lambda: shots.rows(sample))
        st.caption(shots.about(sample, shots.recorded()))


PARTS: tuple[Part, ...] = (
    Part(
        _("The idea"),
        _(
            "What was learnt on one task becomes the starting point of another. A network that has sorted a million "
            "photographs knows edges, textures and shapes; yours need only the last step. The task it came from is the "
            "**source**, yours is the **target**."
        ),
        (Run(_("Try it: four kinds of photographs"), "vision.classification", "photographs"),),
        (("", idea),),
    ),
    Part(
        _("Three moves"),
        _(
            "**1. Select** a pretrained model. **2. Extract features**: its early layers stay frozen, and a new last "
            "layer, the head, learns on what they see. **3. Fine-tune**: a few of the later layers learn, too. In "
            "five steps: choose a model, load its weights, freeze the base, add a head, and fine-tune a part of it. "
            "How much learns is one slider in Headstart."
        ),
        (
            Run(_("Move 2: head only"), "text.sentiment", "films"),
            Run(_("Move 3: the last block, too"), "text.sentiment", "films", Strategy.PARTIAL, further={"blocks": "1"}),
        ),
    ),
    Part(
        _("Three kinds"),
        _(
            "**Inductive**: the task is new, and you have labels for it. **Transductive**: the task is the same, and "
            "the new data look different and have no labels. **Unsupervised**: nobody has named anything yet."
        ),
        (
            Run(_("Inductive: photographs"), "vision.classification", "photographs"),
            Run(_("Its opposite: from scratch"), "vision.classification", "digits", Strategy.SCRATCH),
        ),
        has_a_map=True,
    ),
    Part(
        _("Three promises"),
        _(
            "Less time and computing, better results from few examples, faster learning. Each is held against the "
            "same network trained from scratch on the same data. They are kept often, and not always: see the "
            "troubles below."
        ),
        (
            Run(
                _("Check them: train both sides"),
                "vision.classification",
                "photographs",
                further={"set": "baseline:scratch"},
            ),
        ),
        (
            (
                _("**Less time.** What is frozen runs once, and not in every pass. Three recorded runs, seed 0:"),
                plots.time_taken,
            ),
            (
                _(
                    "**Better from few examples.** A frozen network, and a handful of labelled photographs of each "
                    "class:"
                ),
                plots.few_labels,
            ),
            (
                _("**Faster.** The recorded run of the photographs, on the part that decides when to stop:"),
                plots.convergence,
            ),
        ),
    ),
    Part(
        _("The models"),
        _(
            "For pictures: ResNet, VGGNet, EfficientNet. For language: BERT, GPT and, before them, ELMo. For speech: "
            "Whisper and wav2vec. For series: Chronos, TimesFM and a small one of our own. For robots: policies from a "
            "simulator. The catalogue says of each what it learnt before, how large it is, and under which licence."
        ),
        (
            Run(_("Models for pictures"), "vision.classification", "photographs", step="model"),
            Run(_("Models for language"), "text.sentiment", "films", step="model"),
        ),
    ),
    Part(
        _("Trouble 1: the data are too different"),
        _(
            "A network that has seen photographs knows little of pen strokes. On scans of handwritten digits its "
            "frozen features lose against training from scratch. Headstart measures that, says so, and offers what "
            "to try."
        ),
        (
            Run(_("See it lose"), "vision.classification", "digits", further={"set": "baseline:scratch"}),
            Run(_("The answer: let more of it learn"), "vision.classification", "digits", Strategy.PARTIAL),
        ),
        ((_("The recorded run, 100 test images, one seed:"), lambda: plots.measured(plots.DIGITS)),),
    ),
    Part(
        _("Trouble 2: learning by heart"),
        _(
            "With few examples a large network learns them by heart: all of the known ones right, and no better on new "
            "ones. The fewer of its numbers may learn, the less it can. Every result says in a sentence whether it "
            "happened."
        ),
        (
            Run(_("See it happen: from scratch"), "text.sentiment", "films", Strategy.SCRATCH),
            Run(_("The answer: head only"), "text.sentiment", "films"),
        ),
        ((_("The films' network from scratch, 400 sentences, seed 0:"), plots.by_heart),),
    ),
    Part(
        _("Trouble 3: large models cost much"),
        _(
            "So only a small part of them learns. Adapters (LoRA) are narrow layers beside the frozen ones. The "
            "Strategy step says what a choice will take before it begins."
        ),
        (Run(_("A language model on a laptop"), "text.generation", "conversations", Strategy.LORA),),
        ((_("Recorded runs:"), parameters),),
    ),
    Part(
        _("Trouble 4: why here, and not there?"),
        _(
            "Which network suits which data can partly be known beforehand: how well the classes stand apart in what a "
            "frozen network sees. On our picture sets the order foretold and the order that came agree with a rank "
            "correlation of 0.70 (0.48 to 0.88), where 1 is the same order and 0 is chance. It is a hint, and no proof."
        ),
        (Run(_("Ask it of the photographs"), "vision.classification", "photographs", step="model"),),
        (("", ranked),),
    ),
    Part(
        _("What comes next"),
        _(
            "**Zero-shot**: a network that has read enough answers about classes it knows only by name. **Federated**: "
            "networks learn where the data are, and only what they learnt travels; on a frozen network even one "
            "exchange of "
            "sums is enough. The Strategy step tries it out on your data."
        ),
        (Run(_("Zero-shot: by two words alone"), "text.sentiment", "films", Strategy.ZERO_SHOT),),
        ((_("None, one or a few labels a class, on film reviews:"), named),),
    ),
)
"""In the order of the story."""


def show() -> None:
    """All of it."""
    for number, part in enumerate(PARTS):
        _part(number, part)


def _part(number: int, part: Part) -> None:
    with frame.card(part.title, key=f"part_{number}"):
        st.markdown(part.text)
        with errors.calm(_("What was measured could not be drawn.")):
            for sentence, draw in part.shown:
                if sentence:
                    st.markdown(sentence)
                draw()
        if part.has_a_map and (page := domains.further("kinds")) is not None:
            st.page_link(page, label=_("The whole map, with your runs on it"), icon=":material/map:")
        _buttons(part.runs)


def _buttons(runs: Sequence[Run]) -> None:
    with st.container(horizontal=True):
        for run in runs:
            page = domains.page_of(run.task)
            if page is None or run.task not in registry.names():
                continue
            query = samples.link(run.task, run.sample, run.step, run.strategy, run.further)
            st.page_link(page, label=run.label, icon=":material/play_arrow:", query_params=query)
