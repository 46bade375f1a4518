"""Texts and their classes, in whatever table a person brings them, checked row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, Progress, ReadAs, Skipped
from engines.data import class_names, labelled
from engines.data.class_names import about_numbers, as_known, by_size, clean, one_name
from engines.data.missing import is_missing
from engines.data.row_sampling import MOST_NAMED, Table
from engines.data.several_labels import LEFT_OUT, TOGETHER, about_left_out, listed, read_as, without_joined
from engines.messages import _
from engines.text.columns import Asked, Guess, guess_labelled
from engines.text.duplicates import content_of, group_of
from engines.text.label_cells import UNLABELLED, Words, about_words, label_of, words_of
from engines.text.sentiment.data_quality import TEXTS, about_columns
from engines.text.settings import TextSettings
from engines.text.table_reading import PartTable, asked_split, parts_read, read_tables, row_part, with_one_class

MOST_TEXTS = 100_000


@dataclass(frozen=True)
class LabelledText:
    """One text, and its class."""

    text: str
    name: str
    """Where it stands, as it is shown to people: 'line 17', or 'test.csv, line 17' where there are several tables."""
    label: str
    split: str | None
    """'train', 'validation' or 'test' where the data say so themselves."""
    sha256: str
    """Shared by texts that differ in capital letters, space and punctuation alone: they stay on one side of a split."""
    content: str
    """SHA-256 of the text as it stands: what is computed from it is filed under this."""


@dataclass
class Texts:
    """Everything found in somebody's data."""

    examples: list[LabelledText]
    """In the order of the table; of several tables, those to train on first."""
    skipped: list[Skipped]
    notes: list[str]
    sha256: str
    """Over every example's text and label, whatever their order."""
    columns: list[str]
    """Of the (first) table."""
    guess: Guess
    """What these were taken for."""
    words: Words
    """Which words are classes that may mean nothing."""
    read_as: list[ReadAs] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    """The texts of rows that are left out because they have no class."""

    @property
    def classes(self) -> list[str]:
        """Class names, sorted; whole numbers by size."""
        return by_size({example.label for example in self.examples})

    @property
    def reading(self) -> dict[str, str]:
        """Which column is the text and which the class: what a run keeps to read new data alike."""
        return {role: self.guess.roles[role] for role in ("text", "label")}

    def details(self) -> dict[str, Any]:
        """For a page, as plain data: the columns, and what they were taken for."""
        return {"columns": self.columns, **self.guess.details()}


def open_texts(
    data: Path,
    settings: TextSettings,
    *,
    like: Texts | None = None,
    progress: Progress | None = None,
    to_train: bool = True,
    seed: int = 0,
) -> Texts:
    """Finds the texts and their classes in `data`: a table, or a zip or folder with one, or with train and test.

    Columns are guessed where the settings do not name them; `like` are data that these belong to: they are read as
    those were, where they have the same columns. Rows that can't be used are skipped and named; so is a table without
    classes beside one to train on. Of more than MOST_TEXTS rows that many are drawn at random by `seed`. Raises
    InputError when nothing is left to learn from: fewer than two classes of two texts, or fewer than FEWEST_TEXTS
    texts. With `to_train=False` (test data) one text will do.
    """
    tables = with_one_class(read_tables(data, settings, most_rows=MOST_TEXTS, seed=seed, progress=progress))
    first = tables.tables[0].table
    guess = _guessed(first, settings, like, to_train)
    words = like.words if like else words_of(first.column(guess.roles["label"]), settings.missing)
    guesses, notes = _read_as(first, guess, words, settings)
    found = Texts([], tables.skipped, tables.notes + notes, "", first.columns, guess, words, guesses)
    rows = Rows([], [], [])
    for part in tables.tables:
        if lacks := _lacks(part.table, guess, rows):
            found.skipped.append(Skipped(part.name, lacks))
            found.notes.append(_("{name} {lacks}: it is left out.", name=part.name, lacks=lacks))
            continue
        own = _rows(part, guess, words, settings.several_labels)
        several = rows.several + own.several
        rows = Rows(rows.examples + own.examples, rows.skipped + own.skipped, rows.written + own.written, several)
        found.unlabelled += own.unlabelled
    found.read_as += tables.read_as
    renamed = one_name(map(clean, rows.written))
    written = [renamed.get(clean(label), label) for label in rows.written]
    examples = [replace(each, label=renamed.get(each.label, each.label)) for each in rows.examples]
    how, n_several = settings.several_labels, len(rows.several)
    examples, told = without_joined(examples, how, TEXTS.many, guess.roles["label"], known=n_several > 0)
    found.examples, leaks = labelled.without_leaks(examples, TEXTS)
    found.skipped += rows.skipped + told.skipped + leaks
    if to_train:
        require_training(data.name, found.examples)
    labelled.require_enough(data.name, found.examples, found.skipped, to_train, TEXTS)
    labels = set(map(clean, written))
    found.notes += class_names.merged_names(written) + labelled.notes(labels, found.examples, TEXTS)
    if n_several and how != TOGETHER:
        shown = [_(" and ").join(each) for each in rows.several[:3]]
        found.notes.append(about_left_out(n_several, n_several + len(rows.examples), shown, TEXTS.many))
    found.read_as += told.read_as + read_as(n_several, TOGETHER if how == TOGETHER else LEFT_OUT, TEXTS.many)
    found.notes += about_numbers(renamed, labels) + told.notes
    found.sha256 = digest(found.examples)
    return found


def with_test(found: Texts, test: Texts, name: str) -> Texts:
    """`found` with its test part replaced by `test`; what is in both is tested on and not trained on.

    `name` is what the test data are called. Raises InputError when they have a class that cannot be learnt.
    """
    known = {example.label for example in found.examples}
    renamed = as_known({example.label for example in test.examples}, known)
    tested = [replace(each, label=renamed.get(each.label, each.label)) for each in test.examples]
    column = found.guess.roles["label"]
    if test.guess.roles["label"] != column and not {each.label for each in tested} <= known:
        accepted = _("accepted: test data with the same columns")
        raise InputError(
            Problem(
                _("test data {name}", name=name),
                _("they have no column '{column}', which holds the classes", column=column),
                accepted,
            )
        )
    examples, remarks = labelled.with_test(found.examples, tested, name, TEXTS.many)
    return replace(
        found,
        examples=examples,
        skipped=found.skipped + [Skipped(f"{name}, {entry.where}", entry.reason) for entry in test.skipped],
        notes=found.notes + _about_test(found, test, name) + remarks,
        sha256=hashlib.sha256((found.sha256 + test.sha256).encode()).hexdigest(),
    )


def require_training(where: str, examples: Iterable[LabelledText]) -> None:
    """Raises InputError where the data say that all of them are to validate and to test."""
    parts = {example.split for example in examples}
    if parts and parts <= {"validation", "test"}:
        found = _("all of its texts are to validate or to test, and none to train on")
        raise InputError(Problem(where, found, _("accepted: a part to train on, or setting parts=drawn")))


def digest(examples: Iterable[LabelledText]) -> str:
    """SHA-256 over texts and labels, whatever the order and the names."""
    lines = sorted(f"{example.content} {example.label}" for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


@dataclass
class Rows:
    """The rows of a table."""

    examples: list[LabelledText]
    skipped: list[Skipped]
    written: list[str]
    """Every class as it was written, also where the text is missing."""
    several: list[list[str]] = field(default_factory=list)
    """The classes of each row that names several."""
    unlabelled: list[str] = field(default_factory=list)
    """The texts of rows without a class."""


def _rows(part: PartTable, guess: Guess, words: Words, how: str) -> Rows:
    """Usable rows, the others, and every label as it was written. `how` is the setting `several_labels`."""
    found = Rows([], [], [])
    table, n_skipped = part.table, 0
    text_at, label_at = (table.index(guess.roles[role]) for role in ("text", "label"))
    for index, row in enumerate(table.rows):
        text, where = row[text_at].strip(), part.before + table.where(index)
        try:
            label = label_of(row[label_at], words, how)
            split = row_part(part, guess.roles.get("split"), row)
        except ValueError as error:
            reason, label = str(error), None
        else:
            column = guess.roles["text" if is_missing(text) else "label"]
            reason = _("has nothing in the column '{column}'", column=column)
            if label is None and not is_missing(text):
                found.unlabelled.append(text)
        if len(entries := list(dict.fromkeys(listed(row[label_at]) or []))) > 1:
            found.several.append(entries)
        if label is not None:
            found.written.append(row[label_at] if clean(row[label_at]) == label else label)
        if label is None or is_missing(text):
            n_skipped += 1
            if n_skipped <= MOST_NAMED:
                found.skipped.append(Skipped(where, reason))
            continue
        found.examples.append(LabelledText(text, where, label, split, group_of(text), content_of(text)))
    if n_skipped > MOST_NAMED:
        more = _("has {n_skipped:,} more rows without text or class", n_skipped=n_skipped - MOST_NAMED)
        found.skipped.append(Skipped(part.name, more))
    return found


def _guessed(table: Table, settings: TextSettings, like: Texts | None, to_train: bool) -> Guess:
    """Which column is which: as the settings say, or as in the data that these belong to, where they have those."""
    text, label = settings.text_column, settings.label_column
    if like is not None:
        text, label = (_there(table, like.guess.roles[role]) for role in ("text", "label"))
    asked = Asked(text, label, asked_split(settings), settings.accept_guesses)
    return guess_labelled(table, asked, to_train=to_train)


def _there(table: Table, column: str) -> str | None:
    try:
        return table.columns[table.index(column)]
    except InputError:
        return None


def _read_as(table: Table, guess: Guess, words: Words, settings: TextSettings) -> tuple[list[ReadAs], list[str]]:
    """What was guessed of the (first) table, and what is to be said of its columns."""
    read_as = guess.read_as(text="texts", label="classes")
    if (parts := parts_read(settings, table, guess)) is not None:
        read_as.append(parts)
    of_words, notes = about_words(table.column(guess.roles["label"]), words, guess.roles["label"])
    return read_as + of_words, guess.notes + about_columns(table, guess.roles) + notes


def _lacks(table: Table, guess: Guess, rows: Rows) -> str | None:
    """What a table beside the one to train on has not, so that nothing of it can be used."""
    for role in ("text", "label"):
        if _there(table, guess.roles[role]) is None:
            return _("has no column '{roles}'", roles=guess.roles[role])
    labels = {clean(cell) for cell in table.column(guess.roles["label"])}
    taught = {example.label for example in rows.examples}
    if not taught:
        return None  # the first table: its rows say what is wrong
    if all(map(is_missing, labels)) or (labels == {UNLABELLED} and UNLABELLED not in taught):
        return _("has no classes in its column '{label}'", label=guess.roles["label"])
    return None


def _about_test(found: Texts, test: Texts, name: str) -> list[str]:
    """What to say where the test data were read otherwise than the others."""
    own, theirs = found.guess.roles, test.guess.roles
    return [
        _(
            "The test data {name} have no column '{own}': '{theirs}' is read.",
            name=name,
            own=own[role],
            theirs=theirs[role],
        )
        for role in ("text", "label")
        if own[role].casefold() != theirs[role].casefold()
    ]
