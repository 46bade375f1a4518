"""What the two tasks whose model writes bring to a run that they share: how data are read, encoded and measured."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from accelerate import Accelerator

from engines import places
from engines.contract import InputError, Problem, Progress, Recipe, Run, Skipped
from engines.data.splits import complete
from engines.data.table_files import tables_in
from engines.data.tables import Table, read_table
from engines.evidence.resampling import Value
from engines.text.columns import Guess
from engines.text.conversations import Written
from engines.text.sequences import Sequence, Sequences
from engines.text.writing_settings import WritingSettings
from engines.training.staged import Staged


@dataclass
class Found:
    """What a table holds, as examples."""

    examples: list[Written]
    skipped: list[Skipped]
    notes: list[str]
    details: dict[str, Any]
    """What the page shows of the table: its columns, and what each was taken for."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256("".join(one.digest for one in self.examples).encode()).hexdigest()


@dataclass
class Measured:
    """How well a network writes on the test examples."""

    statistics: np.ndarray
    """float (N, K): what the metric is a function of, added up over examples."""
    columns: dict[str, list[Any]]
    """What predictions.parquet says of each test example."""
    further: dict[str, tuple[np.ndarray, Value]] = field(default_factory=dict)
    """Further metrics, each with statistics of its own."""
    aside: dict[str, np.ndarray] = field(default_factory=dict)
    """Statistics of other texts, for the craft's own `details`."""


@dataclass
class Prepared:
    """Data that are ready to train on."""

    found: Found
    parts: dict[str, np.ndarray]
    """'train', 'validation', 'test' -> positions in `found.examples`."""

    def examples(self, part: str) -> list[Written]:
        return [self.found.examples[i] for i in self.parts[part]]


@dataclass(frozen=True)
class Craft:
    """One kind of writing."""

    settings: type[WritingSettings]
    read: Callable[[Path, Any, int, Progress | None], Found]
    """(data, settings, seed, progress) -> examples. Raises InputError."""
    encode: Callable[[Any, Any, Written, Any], Sequence]
    """(tokenizer, model config, example, settings) -> tokens."""
    measure: Callable[[Staged, Any, list[Written], Sequences, Any, Accelerator, Run], Measured]
    """(network, tokenizer, examples, the same as tokens, settings, device, run). Raises Cancelled."""
    value: Value
    metric_of_loss: Callable[[float], float] | None
    baselines: Callable[[Any, Prepared], dict[str, float]]
    """(model config, prepared) -> what can be had without any model, by the same metric."""
    details: Callable[[Measured | None, Measured], dict[str, Any]]
    """(before it learnt, after) -> what only this task's page reads of `Result.details`."""
    loader: str
    """Transformers' class that loads the exported model."""


def read(craft: Craft, recipe: Recipe, settings: Any, progress: Progress | None = None) -> Prepared:
    """Reads and splits the recipe's data. Raises InputError where nothing is left to learn from or to test on."""
    data = Path(recipe.data)
    found = craft.read(data, settings, recipe.seed, progress)
    found.examples = without_leaks(found)
    given = [one.split for one in found.examples]
    test_share = settings.test_fraction
    if recipe.test is not None:
        found, given = with_test(found, craft.read(Path(recipe.test), settings, recipe.seed, progress))
        test_share = 0.0
    parts = np.array(
        complete(
            given, ["all"] * len(given), [one.group for one in found.examples],
            validation=settings.validation_fraction, test=test_share, seed=recipe.seed,
        )
    )  # fmt: skip
    prepared = Prepared(found, {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")})
    for part, use in (("train", "learn from"), ("test", "test on")):
        if not len(prepared.parts[part]):
            accepted = "accepted: three examples that ask different things, or more"
            raise InputError(Problem(data.name, f"nothing is left to {use}", accepted))
    return prepared


def from_tables(
    data: Path, guess: Callable[[Table], Guess], rows: Callable[[Table, Guess], tuple[list[Written], list[Skipped]]],
    unit: str, settings: WritingSettings, seed: int, progress: Progress | None,
) -> Found:  # fmt: skip
    """The examples in a table, or in a zip or folder with one, or with train and test.

    Raises InputError when there is none that can be used.
    """
    files, skipped = tables_in(data, places.work(data))
    files = sorted(files, key=lambda file: (file.split != "train", file.name))
    found = Found([], list(skipped), [], {})
    for file in files:
        table = read_table(file.path, most_rows=settings.most_examples, seed=seed, progress=progress)
        guessed = guess(table)
        before = f"{file.name}, " if len(files) > 1 else ""
        examples, left_out = rows(table, guessed)
        found.examples += [replace(one, name=before + one.name, split=file.split) for one in examples]
        found.skipped += [Skipped(before + each.where, each.reason) for each in (*table.skipped, *left_out)]
        found.notes += [before + note for note in table.notes]
        if not found.details:
            found.details = {"columns": table.columns, **guessed.details()}
            found.notes.append(guessed.reason)
    if not found.examples:
        reasons = "; ".join(f"{each.where} {each.reason}" for each in found.skipped[:3])
        problem = f"there are no {unit} in it" + (f" ({reasons})" if reasons else "")
        raise InputError(Problem(data.name, problem, "accepted: a table with a column of each side filled in"))
    return found


def with_test(found: Found, test: Found) -> tuple[Found, list[str | None]]:
    """Both together, and each example's part; what is asked in the test too is not learnt from."""
    asked = {one.group for one in test.examples}
    kept = [one for one in found.examples if one.group not in asked and one.split != "test"]
    notes = list(found.notes)
    if leaked := sum(one.group in asked for one in found.examples):
        notes.append(f"{leaked:,} examples ask the same as one in the test data: left out of training.")
    tested = [replace(one, name=f"test {one.name}") for one in test.examples]
    both = Found(kept + tested, found.skipped + test.skipped, notes, found.details)
    return both, [*(one.split for one in kept), *["test"] * len(tested)]


def without_leaks(found: Found) -> list[Written]:
    """Where the data say what is for testing: what is asked there too is not learnt from."""
    tested = {one.group for one in found.examples if one.split == "test"}
    kept = [one for one in found.examples if one.split == "test" or one.group not in tested]
    if leaked := len(found.examples) - len(kept):
        found.notes.append(f"{leaked:,} examples ask the same as one in the test part: left out of training.")
    return kept


def encoded(craft: Craft, tokenizer: Any, config: Any, examples: list[Written], settings: Any, model: str) -> Sequences:
    """The examples as tokens. Raises InputError where an example cannot be written down for this model."""
    sequences = [craft.encode(tokenizer, config, one, settings) for one in examples]
    rows = "".join(one.digest for one in examples) + repr((settings.max_tokens, getattr(settings, "prefix", None)))
    return Sequences(sequences, hashlib.sha256((rows + model).encode()).hexdigest())
