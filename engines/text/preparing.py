"""From a recipe's data to texts that are ready to train on, split and numbered."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from engines import places
from engines.classifying import domain
from engines.contract import InputError, ModelCard, Problem, Progress, Recipe, Run, Strategy
from engines.data import labelled
from engines.data.splits import complete
from engines.text import entailment, networks, writer_files
from engines.text.datasets import LabelledText, open_texts, with_test
from engines.text.findings import TEXTS
from engines.text.reading import TextExamples, read_all
from engines.text.settings import TextSettings

UNIT = "texts"


@dataclass
class Prepared(domain.Prepared):
    """Texts that are ready to train on."""

    texts: list[LabelledText]
    long: int
    """How many were longer than the network reads at once."""
    left_out: int
    """How many were longer than all windows together."""

    @property
    def groups(self) -> list[str]:
        return [text.sha256 for text in self.texts]

    @property
    def has_own_test(self) -> bool:
        return any(text.split == "test" for text in self.texts)


def prepare(recipe: Recipe, card: ModelCard, settings: TextSettings, run: Run) -> Prepared:
    """Reads, checks, splits and tokenises the recipe's data. Raises InputError and Cancelled."""

    def progress(phase: str, unit: str) -> Progress:
        def tell(done: int, total: int) -> None:
            run.check_cancelled()
            run.emit("progress", phase=phase, done=done, total=total, unit=unit)

        return tell

    reader = networks.reader(card, settings)
    of_sentences = recipe.strategy is Strategy.ZERO_SHOT and entailment.asks(card)
    run.emit("phase", name="checking", title=f"Checking {UNIT}")
    opened = partial(
        open_texts, text_column=settings.text_column, label_column=settings.label_column,
        progress=progress("checking", "bytes"),
    )  # fmt: skip
    data = Path(recipe.data)
    found = opened(data, places.work(data))
    if recipe.test is not None:
        test = Path(recipe.test)
        found = with_test(found, opened(test, places.work(test), to_train=False), test.name)
    texts = found.examples
    parts = np.array(
        complete(
            [t.split for t in texts], [t.label for t in texts], [t.sha256 for t in texts],
            validation=settings.validation_fraction, test=settings.test_fraction, seed=recipe.seed,
        )
    )  # fmt: skip
    texts, kept, remarks = labelled.correct(texts, settings.corrections)
    parts = np.where(kept, parts, "dropped")
    used = [text for text, is_kept in zip(texts, kept, strict=True) if is_kept]
    classes = replace(found, examples=used).classes
    if remarks:
        labelled.require_enough(data.name, used, found.skipped, True, TEXTS)
    if not (parts == "test").any():
        accepted = f"accepted: more {UNIT} a class, or separate test data"
        raise InputError(Problem(data.name, f"no {UNIT} are left to test on", accepted))
    answers = []
    if recipe.strategy is Strategy.ZERO_SHOT:
        sentences = hypotheses(classes, settings.hypothesis)
        answers.append(about_sentences(sentences, of_sentences))
        if of_sentences:
            folder = writer_files.folder(card, with_weights=False)
            reader = entailment.PremiseReader(folder, card.name, sentences, settings.max_tokens, settings.max_windows)
    run.emit("phase", name="reading", title=f"Reading {len(texts):,} {UNIT}")
    read = read_all(reader, [t.text for t in texts], progress("reading", UNIT))
    labels = torch.tensor([classes.index(t.label) if t.label in classes else -1 for t in texts])
    long, left_out = sum(len(r.windows) > 1 for r in read), sum(r.left_out for r in read)
    return Prepared(
        classes,
        [t.name for t in texts],
        TextExamples([r.windows for r in read], labels, [t.content for t in texts], reader),
        {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")},
        found.skipped,
        [*found.notes, *remarks, *answers, *about_length(long, left_out, settings)],
        labelled.corrected_digest(found.sha256, settings.corrections, remarks),
        texts,
        long,
        left_out,
    )


def hypotheses(classes: list[str], template: str) -> list[str]:
    """One sentence a class. Raises InputError for a template without {label}."""
    if "{label}" not in template:
        raise InputError(
            Problem("setting hypothesis", f"found {template!r}", "accepted: a sentence with {label} in it")
        )
    return [template.replace("{label}", name.replace("_", " ")) for name in classes]


def about_sentences(sentences: list[str], entailed: bool) -> str:
    """How classes are looked for, where nothing is learnt, in a sentence."""
    if entailed:
        return f"A class is as likely as the text entails its sentence, such as '{sentences[0]}' (Yin et al. 2019)."
    return f"A text belongs to the class whose sentence is nearest to it (cosine), such as '{sentences[0]}'."


def about_length(long: int, left_out: int, settings: TextSettings) -> list[str]:
    """What to know about long texts, a sentence each."""
    found = []
    if long:
        found.append(f"{long:,} {UNIT} are longer than {settings.max_tokens:,} tokens: read in windows, and averaged.")
    if left_out:
        found.append(f"{left_out:,} {UNIT} go on after {settings.max_windows} windows; the rest of these is not read.")
    return found
