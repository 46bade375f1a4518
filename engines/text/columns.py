"""Which column of a table is which, judged by names and values; a person's own word counts first."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any

from engines.contract import InputError, Problem
from engines.data.collecting import listed
from engines.data.labelled import SPLITS, clean
from engines.data.tables import Table

TEXTS = (
    "text", "texts", "sentence", "review", "review_text", "reviewtext", "comment", "tweet", "message", "body",
    "content", "document", "post", "utterance", "phrase", "snippet", "description", "abstract",
    "headline", "title", "question",
)  # fmt: skip
LABELS = (
    "label", "labels", "class", "class_name", "category", "sentiment", "target", "label_text", "topic", "intent",
    "emotion", "polarity", "stars", "rating", "score", "type", "tag", "language", "genre",
)  # fmt: skip
SPLIT_COLUMNS = ("split", "part", "subset", "set", "partition")
PROMPTS = ("prompt", "question", "instruction", "user", "query", "human", "input", "request", "customer")
RESPONSES = ("response", "answer", "completion", "output", "assistant", "reply", "chosen", "bot", "agent")
CHATS = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue")
LANGUAGES = (
    "en", "english", "de", "german", "deutsch", "fr", "french", "français", "es", "spanish", "it", "italian", "pt",
    "portuguese", "nl", "dutch", "pl", "polish", "ru", "russian", "zh", "chinese", "ja", "japanese", "ar", "arabic",
)  # fmt: skip
SOURCES = ("source", "src", "original", "from", "input", *LANGUAGES)
TARGETS = ("target", "tgt", "translation", "trg", "to", "output", *LANGUAGES)
MOST_CLASSES = 1_000
LOOKED_AT = 2_000
"""Rows by which columns are judged."""
MISSING = {"", "nan", "null", "#n/a", "<na>"}
"""How programs write that there is nothing, in small letters."""


@dataclass(frozen=True)
class Guess:
    """What each column was taken for."""

    roles: dict[str, str]
    """'text', 'label', 'split'; 'prompt', 'response', 'messages'; 'source', 'target' -> name of the column."""
    reason: str
    """One sentence or two."""
    alternatives: dict[str, list[str]] = field(default_factory=dict)
    """Role -> the other columns, the likeliest first."""

    def details(self) -> dict[str, Any]:
        """For a page, as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Look:
    """What a column's values are like."""

    name: str
    key: str
    """The name as names are compared: small letters, underscores, the last part of a.b."""
    filled: int
    distinct: int
    words: float
    """On average, over filled cells."""
    numeric: float
    """Share of filled cells."""
    measured: float
    """Share of filled cells that are numbers with decimals."""
    chats: float
    """Share of filled cells that are JSON lists of messages."""

    @property
    def fresh(self) -> float:
        """Share of filled cells that no other cell repeats, or nearly so."""
        return self.distinct / max(self.filled, 1)

    @property
    def text_score(self) -> float:
        """How much it looks like running text; above 0 for anything that may be one."""
        if not self.filled or self.numeric > 0.9:
            return 0.0
        named = 3.0 if self.key in TEXTS else 0.0
        is_identifier = self.words < 1.2 and self.fresh > 0.9
        return (named + min(self.words, 30) ** 0.5) * (0.2 + self.fresh) * (0.5 if is_identifier else 1.0)

    def label_score(self, n_rows: int) -> float:
        """How much it looks like classes; above 0 for anything that may be."""
        if self.distinct < 2:
            return 0.0
        named = 6.0 - 0.1 * LABELS.index(self.key) if self.key in LABELS else 0.0
        repeats = self.filled / self.distinct
        plain = 1 / (1 + self.words) + min(repeats, 50) / 50 + (2.0 if self.distinct <= 20 else 0.0)
        return (named + plain) * self.filled / max(n_rows, 1) * (0.2 if self.measured > 0.5 or repeats < 2 else 1.0)


def guess_labelled(
    table: Table, *, text_column: str | None = None, label_column: str | None = None, to_train: bool = True
) -> Guess:
    """The columns 'text' and 'label', and 'split' where one says what each row is for.

    Raises InputError for a name that the table lacks, a table of one column, and classes that are as many as texts:
    then it asks whether the columns were mistaken for one another.
    """
    looks = look_at(table)
    by_name = {look.name: look for look in looks}
    split = _split_column(table)
    free = [look for look in looks if look.name != split]
    chosen_text = table.columns[table.index(text_column)] if text_column else None
    chosen_label = table.columns[table.index(label_column)] if label_column else None
    if chosen_text and chosen_text == chosen_label:
        raise InputError(Problem(table.name, f"'{chosen_text}' cannot be both text and label", "accepted: two columns"))
    if len(free) < 2:
        found = f"it has one column, '{table.columns[0]}'" if len(looks) == 1 else "it has one column beside the split"
        raise InputError(Problem(table.name, found, "accepted: a table with a column of texts and one of classes"))
    texts = sorted(free, key=lambda look: look.text_score, reverse=True)
    labels = sorted(free, key=lambda look: look.label_score(len(table.rows)), reverse=True)
    text = chosen_text or next(look.name for look in texts if look.name != chosen_label)
    label = chosen_label or next(look.name for look in labels if look.name != text)
    if not chosen_text and by_name[text].text_score == 0:
        found = f"none of its columns holds texts (they are {listed(table.columns)})"
        raise InputError(Problem(table.name, found, "accepted: a column of texts, or its name as text_column"))
    _require_classes(table, by_name[text], by_name[label], asked=label_column is not None, to_train=to_train)
    roles = {"text": text, "label": label} | ({"split": split} if split else {})
    reason = f"{_about_text(by_name[text], chosen_text)}; {_about_label(table, by_name[label], chosen_label)}."
    if split:
        reason += f" '{split}' says what each row is for."
    taken = set(roles.values())
    return Guess(
        roles,
        reason,
        {
            "text": [look.name for look in texts if look.name not in taken],
            "label": [look.name for look in labels if look.name not in taken],
        },
    )


def guess_text(table: Table, text_column: str | None = None) -> str:
    """The column of texts alone, where no classes are needed. Raises InputError for a name that the table lacks."""
    if text_column:
        return table.columns[table.index(text_column)]
    if len(table.columns) == 1:
        return table.columns[0]
    best = max(look_at(table), key=lambda look: look.text_score)
    if best.text_score == 0:
        found = f"none of its columns holds texts (they are {listed(table.columns)})"
        raise InputError(Problem(table.name, found, "accepted: a column of texts"))
    return best.name


def guess_conversations(
    table: Table,
    *,
    prompt_column: str | None = None,
    response_column: str | None = None,
    messages_column: str | None = None,
) -> Guess:
    """The column 'messages' of whole chats, or the columns 'prompt' and 'response'.

    Raises InputError for a name that the table lacks and a table without either.
    """
    looks = look_at(table)
    if messages_column:
        name = table.columns[table.index(messages_column)]
        return Guess({"messages": name}, f"'{name}' holds the conversations, as you say.")
    chats = sorted((look for look in looks if look.chats > 0.5), key=lambda look: (look.key not in CHATS, -look.chats))
    if chats and not (prompt_column or response_column):
        others = [look.name for look in chats[1:]]
        return Guess({"messages": chats[0].name}, f"'{chats[0].name}' holds whole conversations.", {"messages": others})
    return _two_columns(
        table, looks, ("prompt", PROMPTS, prompt_column), ("response", RESPONSES, response_column),
        "accepted: a column of questions and one of answers, or a column of messages (role, content)",
    )  # fmt: skip


def guess_pairs(table: Table, *, source_column: str | None = None, target_column: str | None = None) -> Guess:
    """The columns 'source' and 'target' of sentence pairs.

    Raises InputError for a name that the table lacks and a table without two columns of text.
    """
    return _two_columns(
        table, look_at(table), ("source", SOURCES, source_column), ("target", TARGETS, target_column),
        "accepted: a column of sentences and one of their translations",
    )  # fmt: skip


def look_at(table: Table) -> list[Look]:
    """Every column, by at most LOOKED_AT of its rows, spread over the table."""
    step = max(1, len(table.rows) // LOOKED_AT)
    rows = table.rows[::step]
    return [_look(name, [row[index] for row in rows]) for index, name in enumerate(table.columns)]


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is nothing."""
    return cell.strip().casefold() in MISSING


def _look(name: str, cells: list[str]) -> Look:
    filled = [cell.strip() for cell in cells if not is_missing(cell)]
    n = max(len(filled), 1)
    numbers = [cell for cell in filled if re.fullmatch(r"[-+]?[\d.,]*\d[\d.,]*(e[-+]?\d+)?%?", cell, re.IGNORECASE)]
    return Look(
        name=name,
        key=re.sub(r"[\s\-]+", "_", name.rsplit(".", 1)[-1].strip().casefold()),
        filled=len(filled),
        distinct=len({clean(cell) if len(cell) < 200 else cell for cell in filled}),
        words=sum(_words(cell) for cell in filled) / n,
        numeric=len(numbers) / n,
        measured=sum(re.search(r"[.,]\d*[1-9]", cell) is not None for cell in numbers) / n,
        chats=sum(_is_chat(cell) for cell in filled[:100]) / min(n, 100),
    )


def _words(cell: str) -> float:
    """Words; scripts that write no spaces count two letters as one."""
    return (
        len(cell.split()) + sum("\u2e80" <= letter <= "\u9fff" or "\u0e00" <= letter <= "\u0eff" for letter in cell) / 2
    )


def _is_chat(cell: str) -> bool:
    if not cell.startswith(("[", "{")):
        return False
    try:
        value = json.loads(cell)
    except (ValueError, RecursionError):
        return False
    if isinstance(value, dict):
        value = next((entry for entry in value.values() if isinstance(entry, list)), None)
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return False
    return bool(value[0].keys() & {"role", "from"}) and bool(value[0].keys() & {"content", "value"})


def _split_column(table: Table) -> str | None:
    """A column that is called like one and says nothing but train, validation and test."""
    for index, name in enumerate(table.columns):
        if name.strip().casefold() in SPLIT_COLUMNS:
            values = {row[index].strip().casefold() for row in table.rows} - MISSING
            if values and values <= SPLITS.keys():
                return name
    return None


def _require_classes(table: Table, text: Look, label: Look, *, asked: bool, to_train: bool) -> None:
    cells = table.column(label.name)
    values = Counter(clean(cell) for cell in cells if not is_missing(cell))
    n = values.total()
    if not (len(values) > MOST_CLASSES or (to_train and len(values) > max(20, n / 2))):
        return
    found = f"the column '{label.name}' has {len(values):,} different values in {n:,} rows"
    if asked and label.text_score < text.text_score:
        accepted = f"accepted: a column of classes, {MOST_CLASSES:,} at most, each with several texts"
    else:
        accepted = "is this the text column? Say which is which with text_column and label_column"
    raise InputError(Problem(table.name, found, accepted))


def _about_text(look: Look, chosen: str | None) -> str:
    if chosen:
        return f"'{look.name}' holds the texts, as you say"
    return f"'{look.name}' holds the texts ({look.words:.0f} word{'s' * (round(look.words) != 1)} on average)"


def _about_label(table: Table, look: Look, chosen: str | None) -> str:
    if chosen:
        return f"'{look.name}' holds the classes, as you say"
    count = len({clean(cell) for cell in table.column(look.name) if not is_missing(cell)})
    return f"'{look.name}' holds the classes ({count:,} different value{'s' * (count != 1)})"


Role = tuple[str, tuple[str, ...], str | None]
"""What it is for, what it is often called, and what a person said it is called."""


def _two_columns(table: Table, looks: list[Look], one: Role, other: Role, accepted: str) -> Guess:
    """Two columns of text: those that were named, else those that are called like it, else the first two."""
    roles: dict[str, str] = {}
    reasons = []
    for role, _, given in (one, other):
        if given:
            roles[role] = table.columns[table.index(given)]
            reasons.append(f"'{roles[role]}' is the {role}, as you say")
    for role, names, given in (one, other):
        if given:
            continue
        free = [look for look in looks if look.name not in roles.values() and look.numeric < 0.9 and look.filled]
        called = sorted((look for look in free if look.key in names), key=lambda look: names.index(look.key))
        if role == other[0] and one[0] in roles:  # a pair often is 'source' and 'de', or 'en' and 'de'
            called.sort(key=lambda look: look.key in LANGUAGES)
        texts = called or [look for look in free if look.text_score > 0]
        if not texts:
            found = f"there is no column for the {role} (its columns are {listed(table.columns)})"
            raise InputError(Problem(table.name, found, accepted))
        roles[role] = texts[0].name
        reasons.append(f"'{roles[role]}' is the {role}" + (", by its name" if called else ", by its place"))
    if len(set(roles.values())) < len(roles):
        raise InputError(Problem(table.name, f"'{roles[one[0]]}' cannot be both {one[0]} and {other[0]}", accepted))
    others = [name for name in table.columns if name not in roles.values()]
    ordered = {one[0]: roles[one[0]], other[0]: roles[other[0]]}
    return Guess(ordered, "; ".join(reasons) + ".", {one[0]: others, other[0]: others})
