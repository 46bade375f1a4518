"""Which column of a table holds the texts and which the classes, judged by names and values; a person's own word counts
first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from typing import Any

from engines.contract import InputError, Problem, ReadAs
from engines.data import parts
from engines.data.class_names import clean
from engines.data.missing import is_missing
from engines.data.row_sampling import listed
from engines.data.several_labels import about_further, further
from engines.data.tables import Table
from engines.messages import _, _n
from engines.text.column_looks import Look, look_at
from engines.text.column_names import SURE_LABELS, SURE_TEXTS

MOST_CLASSES = 1_000
NEARLY = 0.9
"""A column whose score is this share of the best one's may as well be meant: that is asked."""
NOTHING = "nothing"
"""What a person says for a column that there is none."""


@dataclass(frozen=True)
class Guess:
    """What each column was taken for."""

    roles: dict[str, str]
    """'text', 'label', 'split'; 'prompt', 'context', 'system', 'response', 'messages'; 'source', 'target' -> the
    column's name."""
    reason: str
    """One sentence or two."""
    alternatives: dict[str, list[str]] = field(default_factory=dict)
    """Role -> the other columns, the likeliest first."""
    notes: list[str] = field(default_factory=list)
    """What else is to be known of the columns, a sentence each."""

    def details(self) -> dict[str, Any]:
        """For a page, as plain data."""
        return asdict(self)

    def read_as(self, **titles: str) -> list[ReadAs]:
        """The guesses as a page shows them; `titles` are role=what it is called."""
        return [
            ReadAs(title, self.roles.get(role, ""), self.alternatives.get(role, []), f"{role}_column", self.reason)
            for role, title in titles.items()
            if role in self.roles or self.alternatives.get(role)
        ]


@dataclass(frozen=True)
class Asked:
    """What a person said of the columns of texts and classes."""

    text: str | None = None
    label: str | None = None
    split: str | None = None
    accept_guesses: bool = False
    """Where two columns are nearly as likely, the likelier is taken; else it is asked."""


def guess_labelled(table: Table, asked: Asked = Asked(), *, to_train: bool = True) -> Guess:
    """The columns 'text' and 'label', and 'split' where one says what each row is for.

    Raises InputError for a name that the table lacks, a table of one column, classes that are as many as texts (then it
    asks whether the columns were mistaken for one another) and two columns that are nearly as likely.
    """
    looks = look_at(table)
    by_name = {look.name: look for look in looks}
    split, notes = split_column(table, asked.split)
    free = [look for look in looks if look.name not in (split, split_column(table)[0])]
    chosen_text = table.columns[table.index(asked.text)] if asked.text else None
    chosen_label = table.columns[table.index(asked.label)] if asked.label else None
    if chosen_text and chosen_text == chosen_label:
        raise InputError(
            Problem(
                table.name,
                _("'{chosen_text}' cannot be both text and label", chosen_text=chosen_text),
                _("accepted: two columns"),
            )
        )
    if len(free) < 2:
        found = (
            _("it has one column, '{columns}'", columns=table.columns[0])
            if len(looks) == 1
            else _("it has one column beside the split")
        )
        raise InputError(Problem(table.name, found, _("accepted: a table with a column of texts and one of classes")))
    texts = sorted(free, key=lambda look: look.text_score, reverse=True)
    labels = sorted(free, key=lambda look: look.label_score(len(table.rows)), reverse=True)
    text = chosen_text or next(look.name for look in texts if look.name != chosen_label)
    label = chosen_label or next(look.name for look in labels if look.name != text)
    if not chosen_text and by_name[text].text_score == 0:
        found = _("none of its columns holds texts (they are {columns})", columns=listed(table.columns))
        raise InputError(Problem(table.name, found, _("accepted: a column of texts, or its name as text_column")))
    if to_train and not asked.accept_guesses:
        if not chosen_text:
            _ask_for_text(table, by_name[text], [look for look in texts if look.name not in (text, label)])
        if not chosen_label:
            _ask_for_label(table, by_name[label], [look for look in labels if look.name not in (text, label)])
    _require_classes(table, by_name[text], by_name[label], asked=asked.label is not None, to_train=to_train)
    roles = {"text": text, "label": label} | ({"split": split} if split else {})
    reason = f"{_about_text(by_name[text], chosen_text)}; {_about_label(table, by_name[label], chosen_label)}."
    if split:
        reason += _(" '{split}' says what each row is for.", split=split)
    taken = set(roles.values())
    others = {
        "text": [look.name for look in texts if look.name not in taken],
        "label": [look.name for look in labels if look.name not in taken],
    }
    return Guess(roles, reason, others, notes + _about_others(table, label, others["label"]))


def guess_text(table: Table, text_column: str | None = None) -> str:
    """The column of texts alone, where no classes are needed. Raises InputError for a name that the table lacks."""
    if text_column:
        return table.columns[table.index(text_column)]
    if len(table.columns) == 1:
        return table.columns[0]
    best = max(look_at(table), key=lambda look: look.text_score)
    if best.text_score == 0:
        found = _("none of its columns holds texts (they are {columns})", columns=listed(table.columns))
        raise InputError(Problem(table.name, found, _("accepted: a column of texts")))
    return best.name


def split_column(table: Table, asked: str | None = None) -> tuple[str | None, list[str]]:
    """The column that says what each row is for, and what is to be said of one that is called so and does not.

    That is one called split, part, … or is_valid whose cells say train, validation and test, or for the most part where
    they say train. Raises InputError for a name that the table lacks.
    """
    if asked is not None and asked.casefold() == NOTHING and asked not in table.columns:
        return None, []
    if asked is not None:
        name = table.columns[table.index(asked)]
        words = list(dict.fromkeys(cell.strip() for cell in table.column(name) if not is_missing(cell)))
        if not any(parts.of_cell(name, word) for word in words):
            found = _("'{name}' says no part ({words})", name=name, words=listed(words, 3))
            raise InputError(
                Problem(_("setting split_column"), found, _("accepted: a column of train, validation and test"))
            )
        return name, []
    unclear = []
    for index, name in enumerate(table.columns):
        if name.strip().casefold() not in parts.COLUMNS and not parts.says_part(name):
            continue
        values = Counter(row[index].strip() for row in table.rows if not is_missing(row[index]))
        said = {value: part for value in values if (part := parts.of_cell(name, value))}
        n_said = sum(values[value] for value in said)
        if said and (len(said) == len(values) or ("train" in said.values() and 2 * n_said > values.total())):
            return name, []
        if name.strip().casefold() == "split" and values:
            shown = listed(list(values), 3)
            unclear.append(
                _(
                    "The column '{name}' does not say train, validation or test ({shown}): it is not used.",
                    name=name,
                    shown=shown,
                )
            )
    return None, unclear


def _ask_for_text(table: Table, best: Look, others: Collection[Look]) -> None:
    """Raises InputError where another column is as likely to hold the texts."""
    near = [look.name for look in others if look.words >= 2 and look.text_score >= NEARLY * best.text_score]
    if near and best.key not in SURE_TEXTS:
        raise _question("text_column", table, [best.name, *near], _("the texts"))


def _ask_for_label(table: Table, best: Look, others: Collection[Look]) -> None:
    """Raises InputError where another column is as likely to hold the classes, and says something else."""
    least = NEARLY * best.label_score(len(table.rows))
    near = [look.name for look in others if look.label_score(len(table.rows)) >= least]
    near = [name for name in near if not _same_classes(table, best.name, name)]
    if near and best.key not in SURE_LABELS:
        raise _question("label_column", table, [best.name, *near], _("the classes"))


def _question(setting: str, table: Table, names: list[str], what: str) -> InputError:
    found = _(
        "of the columns of {name}, {names} are as likely to hold {what}",
        name=table.name,
        names=listed(names, 4),
        what=what,
    )
    return InputError(
        Problem(_("setting {setting}", setting=setting), found, _("say which it is"), choices=tuple(names))
    )


def _same_classes(table: Table, one: str, other: str) -> bool:
    """Whether two columns say the same in other words: 1 and 'positive'."""
    pairs = set(zip(table.column(one), table.column(other), strict=True))
    return len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs})


def _about_others(table: Table, label: str, others: list[str]) -> list[str]:
    """What is to be said of columns that may be classes too."""
    notes = []
    for name in further(label, others):
        notes += about_further(label, name, zip(table.column(label), table.column(name), strict=True))
    twins = [name for name in others if _same_classes(table, label, name)]
    if twins and len(set(table.column(label))) < len(table.rows):
        notes.append(_("'{twins}' says the same as '{label}' in other words.", twins=twins[0], label=label))
    flags = [name for name in (label, *others) if set(map(str.strip, table.column(name))) == {"0", "1"}]
    if label in flags and len(flags) > 2:
        told = listed([name for name in table.columns if name in flags], 4)
        notes.append(
            _(
                "The columns {told} hold nothing but 0 and 1: this looks like several labels a row, "
                "and only '{label}' is learnt.",
                told=told,
                label=label,
            )
        )
    return notes


def _require_classes(table: Table, text: Look, label: Look, *, asked: bool, to_train: bool) -> None:
    cells = table.column(label.name)
    values = Counter(clean(cell) for cell in cells if not is_missing(cell))
    n = values.total()
    if not (len(values) > MOST_CLASSES or (to_train and len(values) > max(20, n / 2))):
        return
    found = _(
        "the column '{name}' has {values:,} different values in {n:,} rows", name=label.name, values=len(values), n=n
    )
    if label.measured > 0.5:
        found += _(", which look like measurements ('{values}')", values=next(iter(values)))
        accepted = _("accepted: a column of classes; put numbers into a few ranges with a name each")
    elif asked and label.text_score < text.text_score:
        accepted = _(
            "accepted: a column of classes, {most_classes:,} at most, each with several texts",
            most_classes=MOST_CLASSES,
        )
    else:
        accepted = _("is this the text column? Say which is which with text_column and label_column")
    raise InputError(Problem(table.name, found, accepted))


def _about_text(look: Look, chosen: str | None) -> str:
    if chosen:
        return _("'{name}' holds the texts, as you say", name=look.name)
    return _n(
        "'{name}' holds the texts ({words:.0f} word on average)",
        "'{name}' holds the texts ({words:.0f} words on average)",
        round(look.words),
        name=look.name,
        words=look.words,
    )


def _about_label(table: Table, look: Look, chosen: str | None) -> str:
    if chosen:
        return _("'{name}' holds the classes, as you say", name=look.name)
    count = len({clean(cell) for cell in table.column(look.name)} - {""})
    return _n(
        "'{name}' holds the classes ({n:,} different value)",
        "'{name}' holds the classes ({n:,} different values)",
        count,
        name=look.name,
    )
