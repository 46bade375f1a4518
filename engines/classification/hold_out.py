"""A part of labelled data kept aside for good: nobody learns from it, and finished models are asked about it."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from engines.classification.fit import ClassificationStudy
from engines.contract import Estimate, InputError, Problem, Recipe, Strategy, Task
from engines.data import splits
from engines.datasets import exporting
from engines.evidence import intervals, ranking
from engines.messages import _

SHARE = 0.25
"""Of each class, unless that is more than are asked for."""
KEY = "key.json"


@dataclass(frozen=True)
class Example:
    """One example as it came."""

    original: Path | str
    """Its file, or its text."""
    label: str
    group: str
    part: str
    """What the data say that it is for; mostly ''."""


def hold_out(task: Task, data: Path, out: Path, most: int, seed: int) -> dict[str, Any]:
    """See `contract.Task.hold_out`. What is learnt from is a zip with a metadata.csv, as data sets made in the app are;
    what is asked about has no classes, and numbers for names."""
    kind = {of: kind for kind, of in exporting.TASKS.items()}[task.info.name]
    found = read(task, data)
    aside = drawn([f"{e.label}\0{e.part}" for e in found], [e.group for e in found], most, seed)
    learnt = [example for example, held in zip(found, aside, strict=True) if not held]
    asked = [example for example, held in zip(found, aside, strict=True) if held]
    learn, ask = Path("learn") / f"{data.stem}.zip", Path("ask") / f"{data.stem}{'.csv' if kind == 'texts' else '.zip'}"
    write_learnt(out / learn, kind, learnt)
    names = write_asked(out / ask, asked)
    key = {"names": names, "labels": [example.label for example in asked]}
    (out / KEY).write_text(json.dumps(key, ensure_ascii=False), encoding="utf-8")
    return {"learn": learn.as_posix(), "ask": ask.as_posix(), "n": len(asked), "left": len(learnt)}


def read(task: Task, data: Path) -> list[Example]:
    """The examples as a run would read them; each file once. Raises InputError."""
    recipe = Recipe(task.info.name, str(data.absolute()), task.model_for(data), Strategy.FEATURES)
    with tempfile.TemporaryDirectory(prefix="hold-out-") as place:
        study = cast(ClassificationStudy[Any, Any], task.open(recipe, ranking.Aside(Path(place), phase=None)))
    known, found = study.prepared, list[Example]()
    for number, (label, group) in enumerate(zip(known.came_as, known.groups, strict=True)):
        found.append(Example(known.original(number), label, group, known.own_part(number) or ""))
    of_file = {e.original: number for number, e in reversed(list(enumerate(found))) if isinstance(e.original, Path)}
    return [e for number, e in enumerate(found) if isinstance(e.original, str) or of_file[e.original] == number]


def drawn(strata: Sequence[str], groups: Sequence[str], most: int, seed: int) -> np.ndarray:
    """bool (N,): what is kept aside: SHARE of each stratum, about `most` in all at most; the examples of a group, such
    as copies of one another, stay together."""
    share = min(SHARE, most / max(1, len(strata)))
    return np.array(splits.split(strata, groups, validation=0.0, test=share, seed=seed)) == "test"


def score(rows: Iterable[Mapping[str, Any]], key: Path) -> Estimate:
    """See `contract.Task.score_held_out`: balanced accuracy, with the interval of `evidence.intervals`. What a model
    could not answer counts as wrong."""
    known = json.loads(key.read_text(encoding="utf-8"))
    said = [(str(row["file"]), row.get("label")) for row in rows]
    if known["names"] is None:  # texts, in their order
        answers = [label for _name, label in said]
        if len(answers) != len(known["labels"]):
            found = _("it answered {n} of {of}", n=len(answers), of=len(known["labels"]))
            raise InputError(Problem(_("the part kept aside"), found, _("accepted: an answer to each")))
    else:
        by_name = dict(said)
        answers = [by_name.get(name) for name in known["names"]]
    classes = sorted(set(known["labels"]))
    labels = np.array([classes.index(label) for label in known["labels"]])
    right = np.array([answer == label for answer, label in zip(answers, known["labels"], strict=True)])
    return intervals.balanced_accuracy(labels, right)


def write_learnt(out: Path, kind: str, examples: Sequence[Example]) -> None:
    """A zip of that kind of data set, with their classes."""
    texts, parts = kind == "texts", any(example.part for example in examples)
    table, files = io.StringIO(), []
    writer = csv.writer(table, lineterminator="\n")
    head = ["text" if texts else "file_name", exporting.LABEL_COLUMN[kind]]
    writer.writerow([*head, *(["split"] if parts else [])])
    for number, example in enumerate(examples):
        original = example.original
        inside = f"{kind}/{number:05d}-{original.name}" if isinstance(original, Path) else original
        files += [(inside, original)] if isinstance(original, Path) else []
        writer.writerow([inside, example.label, *([example.part or "train"] if parts else [])])
    exporting.write_zip(out, {"metadata.csv": table.getvalue().encode()}, files)


def write_asked(out: Path, examples: Sequence[Example]) -> list[str] | None:
    """Writes them without their classes. What `predict` calls each; None of texts, which it answers in their order."""
    files = [example.original for example in examples if isinstance(example.original, Path)]
    if not files:
        out.parent.mkdir(parents=True)
        with out.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([["text"], *([str(e.original)] for e in examples)])
        return None
    names = [f"{number:05d}{file.suffix}" for number, file in enumerate(files)]
    exporting.write_zip(out, {}, zip(names, files, strict=True))
    return names
