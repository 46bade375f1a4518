"""Look at somebody's conversations or sentence pairs before anything trains."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import DataReport, Progress, Recipe, Strategy, Task
from engines.messages import _
from engines.text.generative.prepare import Prepared, prepare
from engines.text.generative.settings import WritingSettings

SHOWN = 12


def report(
    task: Task,
    data: Path,
    settings: WritingSettings,
    *,
    seed: int,
    gallery: Path | None,
    test: Path | None,
    progress: Progress | None,
) -> DataReport:
    """What is in `data` and how it would be split. Raises InputError when nothing could be trained on it."""
    info, tested = task.info, str(test) if test else None
    recipe = Recipe(info.name, str(data), info.default_model, Strategy.ZERO_SHOT, test=tested, seed=seed)
    prepared = prepare(task.verb("prepare").WAY, recipe, settings, progress)
    found = prepared.found
    if progress:
        progress(len(found.examples), len(found.examples))
    return DataReport(
        task=info.name,
        data=str(data),
        n_examples=len(found.examples),
        classes={},
        splits={name: len(rows) for name, rows in prepared.parts.items()},
        skipped=found.skipped,
        notes=[*found.notes, *remarks(prepared, info.unit)],
        sha256=found.sha256,
        gallery=shown(prepared) if gallery else [],
        details=found.details() | {"words": words(prepared)},
        read_as=found.read_as,
    )


def remarks(prepared: Prepared, unit: str) -> list[str]:
    """Things to know that are not wrong."""
    examples = prepared.found.examples
    notes = []
    if twice := len(examples) - len({one.digest for one in examples}):
        notes.append(
            _(
                "{twice:,} {unit} are there more than once: they stay together, to learn from or to test on.",
                twice=twice,
                unit=unit,
            )
        )
    answers = Counter(one.answer for one in examples)
    answer, often = answers.most_common(1)[0]
    if often > 1 and often >= len(examples) / 5:
        notes.append(
            _("{often:,} {unit} have the same answer: “{answer}”.", often=often, unit=unit, answer=answer[:60])
        )
    if len(prepared.parts["test"]) < 20:
        notes.append(
            _(
                "Only {test} {unit} are left to test on: the intervals will be wide.",
                test=len(prepared.parts["test"]),
                unit=unit,
            )
        )
    return notes


def words(prepared: Prepared) -> dict[str, list[int]]:
    """Words of a question and of an answer: 5th percentile, median, 95th percentile."""
    examples = prepared.found.examples
    lengths = {
        "question": [len(one.question.split()) for one in examples],
        "answer": [len(one.answer.split()) for one in examples],
    }
    return {name: [int(q) for q in np.percentile(each, [5, 50, 95])] for name, each in lengths.items()}


def shown(prepared: Prepared) -> list[dict[str, Any]]:
    """A few examples, spread over the table."""
    examples = prepared.found.examples
    chosen = examples[:: max(1, len(examples) // SHOWN)][:SHOWN]
    return [
        {"label": one.answer, "name": one.name, "text": one.question, "messages": [list(m) for m in one.messages]}
        for one in chosen
    ]
