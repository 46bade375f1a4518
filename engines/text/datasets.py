"""Texts and their classes, in whatever table a person brings them, checked row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engines.contract import InputError, Problem, Progress, Skipped
from engines.data import labelled
from engines.data.collecting import MOST_NAMED, Table
from engines.data.labelled import SPLITS, clean
from engines.data.table_files import TableFile, tables_in
from engines.data.tables import decode, read_table
from engines.text.columns import Guess, guess_labelled, guess_text, is_missing
from engines.text.findings import ACCEPTED, TEXTS, content_of, group_of

MOST_TEXTS = 100_000
MOST_LINES = 64 << 20  # bytes of a file with a text a line


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
    columns: list[str] = field(default_factory=list)
    """Of the (first) table."""
    guess: Guess | None = None
    """What these were taken for."""

    @property
    def classes(self) -> list[str]:
        """Class names, sorted; whole numbers by size."""
        names = {example.label for example in self.examples}
        if all(name.lstrip("-").isdecimal() for name in names):
            return sorted(names, key=lambda name: (int(name), name))
        return sorted(names)

    def details(self) -> dict[str, Any]:
        """For a page, as plain data: the columns, and what they were taken for."""
        return {"columns": self.columns, **(self.guess.details() if self.guess else {})}


def open_texts(
    data: Path,
    work: Path,
    *,
    text_column: str | None = None,
    label_column: str | None = None,
    progress: Progress | None = None,
    to_train: bool = True,
    seed: int = 0,
) -> Texts:
    """Finds the texts and their classes in `data`: a table, or a zip or folder with one, or with train and test.

    Columns are guessed where they are not named. Rows that can't be used are skipped and named; of more than MOST_TEXTS
    rows that many are drawn at random by `seed`. Raises InputError when nothing is left to learn from: fewer than two
    classes of two texts, or fewer than FEWEST_TEXTS texts. With `to_train=False` (test data) one text will do.
    """
    files, skipped = tables_in(data, work)
    files = sorted(files, key=lambda file: (file.split != "train", file.name))
    examples: list[LabelledText] = []
    notes: list[str] = []
    written: list[str] = []
    first: tuple[list[str], Guess] | None = None
    for file in files:
        table = read_table(file.path, most_rows=MOST_TEXTS, seed=seed, progress=progress)
        if first is not None:  # the second table is read as the first was, where it can be
            text_column, label_column = first[1].roles["text"], first[1].roles["label"]
        guess = guess_labelled(
            table, text_column=text_column, label_column=label_column, to_train=to_train and not first
        )
        first = first or (table.columns, guess)
        before = f"{file.name}, " if len(files) > 1 else ""
        found, left_out, labels = _rows(table, guess, file, before)
        examples += found
        written += labels
        skipped += [Skipped(before + entry.where, entry.reason) for entry in table.skipped] + left_out
        notes += [before + note for note in table.notes]
    assert first is not None
    examples, leaks = labelled.without_leaks(examples, TEXTS)
    skipped = skipped + leaks
    labelled.require_enough(data.name, examples, skipped, to_train, TEXTS)
    notes.append(first[1].reason)
    notes += labelled.merged_names(written) + labelled.notes({clean(label) for label in written}, examples, TEXTS)
    return Texts(examples, skipped, notes, digest(examples), first[0], first[1])


def open_unlabelled(
    data: Path, work: Path, *, text_column: str | None = None, most: int = 10_000
) -> tuple[list[tuple[str, str]], list[Skipped]]:
    """(name, text) of the texts in `data`, in order, and what was left out.

    A .txt file holds one text a line; anything else is a table, or a zip or folder with one, whose column of texts is
    guessed where it is not named. Raises InputError when there is none, or a table has more than `most`.
    """
    files, skipped = tables_in(data, work)
    if len(files) > 1:
        raise InputError(Problem(data.name, f"it holds {len(files):,} tables", "accepted: one table, or a text file"))
    found: list[tuple[str, str]] = []
    if files[0].path.suffix.lower() == ".txt":
        found = [(f"line {number}", line.strip()) for number, line in enumerate(_lines(files[0]), 1) if line.strip()]
        n_rows = len(found)
    else:
        table = read_table(files[0].path, most_rows=most)
        skipped = skipped + table.skipped
        n_rows = table.n_rows
        for index, cell in enumerate(table.column(guess_text(table, text_column))):
            if is_missing(cell):
                skipped.append(Skipped(table.where(index), "has no text"))
            else:
                found.append((table.where(index), cell.strip()))
    if n_rows > most:
        raise InputError(Problem(data.name, f"it holds {n_rows:,} texts", f"accepted: {most:,} at most at once"))
    if not found:
        raise InputError(Problem(data.name, f"no text in it{labelled.first(skipped)}", ACCEPTED))
    return found, skipped


def with_test(found: Texts, test: Texts, name: str) -> Texts:
    """`found` with its test part replaced by `test`; what is in both is tested on and not trained on.

    `name` is what the test data are called. Raises InputError when they have a class that cannot be learnt.
    """
    examples, remarks = labelled.with_test(found.examples, test.examples, name, TEXTS.many)
    return replace(
        found,
        examples=examples,
        skipped=found.skipped + [Skipped(f"{name}, {entry.where}", entry.reason) for entry in test.skipped],
        notes=found.notes + remarks,
        sha256=hashlib.sha256((found.sha256 + test.sha256).encode()).hexdigest(),
    )


def digest(examples: Iterable[LabelledText]) -> str:
    """SHA-256 over texts and labels, whatever the order and the names."""
    lines = sorted(f"{example.content} {example.label}" for example in examples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _rows(
    table: Table, guess: Guess, file: TableFile, before: str
) -> tuple[list[LabelledText], list[Skipped], list[str]]:
    """Usable rows, the others, and every label as it was written."""
    found: list[LabelledText] = []
    skipped: list[Skipped] = []
    written: list[str] = []
    n_skipped = 0
    text_at, label_at = (table.columns.index(guess.roles[role]) for role in ("text", "label"))
    split_at = table.columns.index(guess.roles["split"]) if "split" in guess.roles else None
    for index, row in enumerate(table.rows):
        text, label = row[text_at].strip(), row[label_at]
        has_text, has_label = not is_missing(text), not is_missing(clean(label))
        if has_label:
            written.append(label)
        if not (has_text and has_label):
            n_skipped += 1
            if n_skipped <= MOST_NAMED:
                column = guess.roles["label" if has_text else "text"]
                skipped.append(Skipped(before + table.where(index), f"has nothing in the column '{column}'"))
            continue
        split = SPLITS.get(row[split_at].strip().casefold()) if split_at is not None else None
        found.append(
            LabelledText(
                text, before + table.where(index), clean(label), split or file.split, group_of(text), content_of(text)
            )
        )
    if n_skipped > MOST_NAMED:
        skipped.append(Skipped(file.name, f"has {n_skipped - MOST_NAMED:,} more rows without text or class"))
    return found, skipped, written


def _lines(file: TableFile) -> list[str]:
    if file.path.stat().st_size > MOST_LINES:
        found = f"it is larger than {MOST_LINES >> 20} MiB"
        raise InputError(Problem(file.name, found, "accepted: a smaller file, or a table"))
    return decode(file.path.read_bytes()).replace("\0", "").splitlines()
