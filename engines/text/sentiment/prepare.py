"""From a recipe's data to texts that are ready to train on, split and numbered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from engines import hub_files
from engines.classification import prepared
from engines.contract import InputError, ModelCard, Problem, Progress, Recipe, Run, Strategy
from engines.messages import _
from engines.text.models import encoders, entailment
from engines.text.models.tokenising import Reader, TextExamples, read_all
from engines.text.sentiment.dataset import LabelledText
from engines.text.sentiment.reading import InParts, read_in_parts
from engines.text.settings import TextSettings

UNIT = "texts"


@dataclass
class Prepared(prepared.Prepared):
    """Texts that are ready to train on."""

    texts: list[LabelledText]
    long: int
    """How many were longer than the network reads at once."""
    left_out: int
    """How many were longer than all windows together."""
    reading: dict[str, str] = field(default_factory=dict)
    """Which column was the text and which the class."""
    unlabelled: list[str] = field(default_factory=list)
    """Texts that came without a class."""

    @property
    def reader(self) -> Reader:
        assert isinstance(self.examples, TextExamples)
        return self.examples.reader

    @property
    def groups(self) -> list[str]:
        return [text.sha256 for text in self.texts]

    @property
    def has_own_test(self) -> bool:
        return any(text.split == "test" for text in self.texts)

    def original(self, number: int) -> Path | str:
        return self.texts[number].text

    def own_part(self, number: int) -> str | None:
        return self.texts[number].split


def prepare(recipe: Recipe, card: ModelCard, settings: TextSettings, run: Run) -> Prepared:
    """Reads, checks, splits and tokenises the recipe's data. Raises InputError and Cancelled."""

    reader = encoders.reader(card, settings)
    of_sentences = recipe.strategy is Strategy.ZERO_SHOT and entailment.asks(card)
    run.emit("phase", name="checking", title=_("Checking {unit}", unit=UNIT))
    test = Path(recipe.test) if recipe.test is not None else None
    told = _progress(run, "checking", "bytes")
    brought = read_in_parts(Path(recipe.data), test, settings, seed=recipe.seed, progress=told)
    answers = []
    if recipe.strategy is Strategy.ZERO_SHOT:
        sentences = hypotheses(brought.classes, settings.hypothesis)
        answers.append(about_sentences(sentences, of_sentences))
        if of_sentences:
            folder = hub_files.folder(card, with_weights=False)
            reader = entailment.PremiseReader(folder, card.name, sentences, settings.max_tokens, settings.max_windows)
    return made_ready(brought, reader, settings, run, answers)


def made_ready(
    brought: InParts, reader: Reader, settings: TextSettings, run: Run, answers: Sequence[str] = ()
) -> Prepared:
    """The texts numbered and tokenised. `answers`: what else to say of them. Raises Cancelled."""
    texts, parts, classes = brought.texts, brought.parts, brought.classes
    run.emit("phase", name="reading", title=_("Reading {texts:,} {unit}", texts=len(texts), unit=UNIT))
    read = read_all(reader, [t.text for t in texts], _progress(run, "reading", UNIT))
    labels = torch.tensor([classes.index(t.label) if t.label in classes else -1 for t in texts])
    long, left_out = sum(len(r.windows) > 1 for r in read), sum(r.left_out for r in read)
    return Prepared(
        classes,
        [t.name for t in texts],
        TextExamples([r.windows for r in read], labels, [t.content for t in texts], reader),
        {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")},
        brought.found.skipped,
        [brought.found.guess.reason, *brought.notes, *answers, *about_length(long, left_out, settings)],
        brought.sha256,
        texts,
        long,
        left_out,
        brought.found.reading,
        brought.found.unlabelled,
    )


def _progress(run: Run, phase: str, unit: str) -> Progress:
    def tell(done: int, total: int) -> None:
        run.check_cancelled()
        run.emit("progress", phase=phase, done=done, total=total, unit=unit)

    return tell


def unlabelled(texts: list[str], contents: list[str], reader: Reader, run: Run) -> TextExamples:
    """Texts of no known class, as examples. Raises Cancelled."""

    read = read_all(reader, texts, _progress(run, "adapting", UNIT))
    return TextExamples([one.windows for one in read], torch.full((len(texts),), -1), contents, reader)


def hypotheses(classes: list[str], template: str) -> list[str]:
    """One sentence a class. Raises InputError for a template without {label}."""
    if "{label}" not in template:
        raise InputError(
            Problem(
                _("setting hypothesis"),
                _("found {template!r}", template=template),
                _("accepted: a sentence with {label} in it"),
            )
        )
    return [template.replace("{label}", name.replace("_", " ")) for name in classes]


def about_sentences(sentences: list[str], entailed: bool) -> str:
    """How classes are looked for, where nothing is learnt, in a sentence."""
    if entailed:
        return _(
            "A class is as likely as the text entails its sentence, such as '{sentences}' (Yin et al. 2019).",
            sentences=sentences[0],
        )
    return _(
        "A text belongs to the class whose sentence is nearest to it (cosine), such as '{sentences}'.",
        sentences=sentences[0],
    )


def about_length(long: int, left_out: int, settings: TextSettings) -> list[str]:
    """What to know about long texts, a sentence each."""
    found = []
    if long:
        found.append(
            _(
                "{long:,} {unit} are longer than {max_tokens:,} tokens: read in windows, and averaged.",
                long=long,
                unit=UNIT,
                max_tokens=settings.max_tokens,
            )
        )
    if left_out:
        found.append(
            _(
                "{left_out:,} {unit} go on after {max_windows} windows; the rest of these is not read.",
                left_out=left_out,
                unit=UNIT,
                max_windows=settings.max_windows,
            )
        )
    return found
