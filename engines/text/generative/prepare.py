"""Conversations or sentence pairs, read and split: what the two tasks whose model writes share of it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from engines.contract import InputError, Problem, Progress, ReadAs, Recipe, Skipped
from engines.data import labelled
from engines.data.labelled import Kind
from engines.data.row_sampling import listed
from engines.data.splits import complete
from engines.data.tables import Table
from engines.messages import _
from engines.text.columns import Guess
from engines.text.generative.conversations import Rows, Written
from engines.text.generative.settings import WritingSettings
from engines.text.rejected import about_rejected
from engines.text.table_reading import PartTable, Tables, asked_split, parts_read, read_tables

OPTIONAL = {"split", "context", "system"}
"""Columns that a table of the same data may lack."""


@dataclass
class Found:
    """What a table holds, as examples."""

    examples: list[Written]
    skipped: list[Skipped]
    notes: list[str]
    guess: Guess
    """What its columns were taken for."""
    columns: list[str]
    read_as: list[ReadAs]

    @property
    def sha256(self) -> str:
        return hashlib.sha256("".join(one.digest for one in self.examples).encode()).hexdigest()

    def details(self) -> dict[str, Any]:
        """For a page, as plain data: the columns, and what they were taken for."""
        return {"columns": self.columns, **self.guess.details()}


@dataclass(frozen=True)
class Way:
    """How a task reads its tables."""

    kind: Kind
    titles: dict[str, str]
    """Role of a column -> what a person calls what is in it."""
    guess: Callable[[Table, Mapping[str, Any]], Guess]
    """Of a table, and what was said of its columns: {'prompt_column': …}. Raises InputError."""
    rows: Callable[[PartTable, Guess, Any], Rows]
    """Of a table, what its columns are and the settings."""
    tables: Callable[..., Tables] = read_tables

    def asked(self, settings: WritingSettings) -> dict[str, Any]:
        """What the settings say of the columns."""
        named = {f"{role}_column": getattr(settings, f"{role}_column") for role in self.titles}
        return {**named, "split_column": asked_split(settings), "accept_guesses": settings.accept_guesses}


@dataclass
class Prepared:
    """Data that are ready to train on."""

    found: Found
    parts: dict[str, np.ndarray]
    """'train', 'validation', 'test' -> positions in `found.examples`."""

    def examples(self, part: str) -> list[Written]:
        return [self.found.examples[i] for i in self.parts[part]]


def prepare(way: Way, recipe: Recipe, settings: WritingSettings, progress: Progress | None = None) -> Prepared:
    """Reads and splits the recipe's data. Raises InputError where nothing is left to learn from or to test on."""
    data = Path(recipe.data)
    found = read(way, data, settings, recipe.seed, progress)
    found.examples, leaks = labelled.without_leaks(found.examples, way.kind)
    found.skipped += leaks
    test_share = settings.test_fraction
    if recipe.test is not None:
        apart = replace(settings, table=None, sheet=None)  # these name what is in the data
        found = with_test(found, read(way, Path(recipe.test), apart, recipe.seed, progress, like=found.guess))
        test_share = 0.0
    parts = np.array(
        complete(
            [one.split for one in found.examples],
            ["all"] * len(found.examples),
            [one.sha256 for one in found.examples],
            validation=settings.validation_fraction,
            test=test_share,
            seed=recipe.seed,
        )
    )
    prepared = Prepared(found, {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")})
    for part, use in (("train", _("learn from")), ("test", _("test on"))):
        if not len(prepared.parts[part]):
            accepted = _("accepted: three examples that ask different things, or more")
            raise InputError(Problem(data.name, _("nothing is left to {use}", use=use), accepted))
    return prepared


def read(
    way: Way,
    data: Path,
    settings: WritingSettings,
    seed: int,
    progress: Progress | None = None,
    *,
    like: Guess | None = None,
) -> Found:
    """The examples in a table, or in a zip or folder with one, or with train and test.

    `like` says what the columns were of data that these belong to: where they have the same, they are read alike.
    Raises InputError when there is none that can be used.
    """
    tables = way.tables(data, settings, most_rows=settings.most_examples, seed=seed, progress=progress)
    first = tables.tables[0].table
    asked = way.asked(settings)
    guess = way.guess(first, asked) if like is None or not has_columns(first, like) else like
    read_as = guess.read_as(**way.titles)
    if (parts := parts_read(settings, first, guess)) is not None:
        read_as.append(parts)
    others = {name: first.column(name) for name in first.columns if name not in guess.roles.values()}
    notes = [*tables.notes, *guess.notes, *about_rejected(others)]
    found = Found([], tables.skipped, notes, guess, first.columns, read_as + tables.read_as)
    for part in tables.tables:
        examples, left_out = way.rows(part, guess, settings) if has_columns(part.table, guess) else ([], [])
        if found.examples and not examples:
            lacks = _(
                "has no {many} in the columns {values}", many=way.kind.many, values=listed(list(guess.roles.values()))
            )
            found.skipped.append(Skipped(part.name, lacks))
            found.notes.append(_("{name} {lacks}: it is left out.", name=part.name, lacks=lacks))
            continue
        found.examples += examples
        found.skipped += left_out
    if not found.examples:
        reasons = "; ".join(f"{each.where} {each.reason}" for each in found.skipped[:3])
        problem = _("there are no {many} in it", many=way.kind.many) + (f" ({reasons})" if reasons else "")
        raise InputError(Problem(data.name, problem, way.kind.accepted))
    if like is None and {one.split for one in found.examples} <= {"validation", "test"}:
        problem = _("all of its {many} are to validate or to test, and none to train on", many=way.kind.many)
        raise InputError(Problem(data.name, problem, _("accepted: a part to train on, or setting parts=drawn")))
    return found


def has_columns(table: Table, guess: Guess) -> bool:
    """Whether a table has the columns that a guess names, those that may be missing aside."""
    known = {name.casefold() for name in table.columns}
    return all(name.casefold() in known for role, name in guess.roles.items() if role not in OPTIONAL)


def with_test(found: Found, test: Found) -> Found:
    """Both together, `test` as the test part; what is asked in the test too is not learnt from."""
    asked = {one.sha256 for one in test.examples}
    kept = [one for one in found.examples if one.sha256 not in asked and one.split != "test"]
    notes = list(found.notes)
    if leaked := sum(one.sha256 in asked for one in found.examples):
        notes.append(
            _("{leaked:,} examples ask the same as one in the test data: left out of training.", leaked=leaked)
        )
    if test.guess.roles != found.guess.roles:
        notes.append(_("In the test data, {reason}", reason=test.guess.reason))
    tested = [replace(one, name=f"test {one.name}", split="test") for one in test.examples]
    return replace(found, examples=kept + tested, skipped=found.skipped + test.skipped, notes=notes)
