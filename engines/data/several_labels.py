"""Examples with several labels at once: a classifier of one class each leaves them out, or learns each combination."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from engines.contract import ReadAs, Skipped, setting
from engines.data.class_names import clean
from engines.data.labelled import Labelled
from engines.data.row_sampling import MOST_NAMED
from engines.messages import _

E = TypeVar("E", bound=Labelled)

SEPARATORS = ("|", ";", ",", "+", "/", " ")
COMBINED = 0.05
"""Share of the examples that has to carry several, joined in one name, before that is taken for more than a name."""
MARKS = {"0", "1", "0.0", "1.0", "true", "false"}
MOSTLY_ONE = 0.6
"""Columns of 0 and 1 are a class each where so many rows have a 1 in just one. Where such columns have nothing to do
with each other, at most half do."""
IN_NUMPY = re.compile(r"'([^']*)'|\"([^\"]*)\"|([-+.\w]+)")
NUMPY = re.compile(r"""\[\s*('[^']*'|"[^"]*"|-?\d+)(\s+('[^']*'|"[^"]*"|-?\d+))+\s*\]""")
"""An array as NumPy prints it, without commas."""
LEFT_OUT, TOGETHER = "left-out", "combined"
SETTING = "several_labels"


class Several(ValueError):
    """A cell that names several classes."""

    def __init__(self, labels: Sequence[str]):
        more = _(" and {labels:,} more", labels=len(labels) - 4) if len(labels) > 4 else ""
        super().__init__(_("names several classes ({labels}{more})", labels=", ".join(labels[:4]), more=more))


def several_setting() -> str:
    """The setting by which a person says what becomes of them."""
    return setting(
        "auto",
        _("What becomes of an example with several labels at once: it is left out, or each combination is a class"),
        title=_("Several labels at once"),
        choices=("auto", LEFT_OUT, TOGETHER),
        reads=True,
    )


@dataclass(frozen=True)
class Joined:
    """Class names that hold several labels, 'cat|dog' beside 'cat|bird'."""

    separator: str
    labels: frozenset[str]


# --- lists in cells -------------------------------------------------------------------------------


def one_of(cell: str, how: str = "auto") -> str:
    """The one label that a cell names, also in a list of one; those of several as one name where `how` says so; '' for
    an empty list. Raises Several."""
    label = clean(cell)
    if is_nested(label):
        raise ValueError(_("marks places within the text ({label}…) and names no class of it", label=label[:40]))
    entries = listed(label)
    if entries and len(entries) > 1 and set(entries) <= {"0", "1"}:
        raise ValueError(_("holds a list of 0 and 1, a place for each class: write the classes' names instead"))
    return label if entries is None else as_one(entries, how)


def as_one(labels: Iterable[str], how: str) -> str:
    """The one label, whatever the order and however often each is named. Raises Several."""
    found = list(dict.fromkeys(labels))
    if len(found) > 1 and how != TOGETHER:
        raise Several(found)
    return " + ".join(sorted(found))


def is_nested(label: str) -> bool:
    """Whether a cell holds lists or objects within a list, or an object, as marks within a text are written."""
    if not label.startswith(("[", "{")):
        return False
    try:
        found = json.loads(label)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) or (
        isinstance(found, list) and any(isinstance(entry, list | dict) for entry in found)
    )


def listed(label: str) -> list[str] | None:
    """The entries of a list as JSON, Python or NumPy writes it; None for what is none, such as '[b]'."""
    if not (label.startswith("[") and label.endswith("]")):
        return None
    if NUMPY.fullmatch(label):  # before Python, which would put two strings side by side together
        return [clean(quoted or other or bare) for quoted, other, bare in IN_NUMPY.findall(label)]
    try:
        found = json.loads(label)
    except ValueError:
        try:
            found = ast.literal_eval(label)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return None
    if not isinstance(found, list) or any(isinstance(entry, list | dict) for entry in found):
        return None
    return [
        clean(str(entry).lower() if isinstance(entry, bool) else str(entry)) for entry in found if entry is not None
    ]


# --- a column for each class ----------------------------------------------------------------------


def marked(columns: Mapping[str, Sequence[str]]) -> list[list[str]] | None:
    """Of columns (name -> cells) of 0 and 1: which of them each row marks; None where they are no classes. Two such
    columns at least, and a 1 in just one of them in most rows; of two columns, which may be a class and something
    beside it, in every row."""
    if len(columns) < 2 or not all(columns.values()):
        return None
    rows = [
        [name for name, cell in zip(columns, cells, strict=True) if _is_marked(cell)]
        for cells in zip(*columns.values(), strict=True)
    ]
    used = {name for found in rows for name in found}
    single = sum(len(found) == 1 for found in rows)
    enough = single == len(rows) if len(columns) == 2 else single >= MOSTLY_ONE * len(rows)
    return rows if enough and len(used) > 1 else None


def are_marks(cells: Iterable[str]) -> bool:
    """Whether a column holds nothing but 0 and 1."""
    return MARKS.issuperset(cell.strip().casefold() for cell in cells)


def _is_marked(cell: str) -> bool:
    return cell.strip().casefold() in {"1", "1.0", "true"}


def about_marked(rows: Sequence[Sequence[str]], names: Sequence[str], said: str) -> str:
    """A sentence on columns that were read as classes; `said` is how the names are listed."""
    one, none = (sum(len(found) == n for found in rows) for n in (1, 0))
    if one == len(rows):
        return _("each row has a 1 in one of the columns {said}; the column's name is the class.", said=said)
    several = len(rows) - one - none
    counted = [_("{several:,} in several of them", several=several)] * bool(several) + [
        _("{none:,} in none", none=none)
    ] * bool(none)
    told = _(
        "of {rows:,} rows, {one:,} have a 1 in one of the {names} columns {said}",
        rows=len(rows),
        one=one,
        names=len(names),
        said=said,
    )
    return _("{told}, {counted}; the column's name is the class.", told=told, counted=_(" and ").join(counted))


# --- several in one name --------------------------------------------------------------------------


def joined(counts: Mapping[str, int], heading: str = "") -> Joined | None:
    """The class names that hold several labels; None where these are classes like others. `counts` are examples by
    class; under a `heading` such as 'tags' or 'genres' also words with a space between are labels of their own."""
    n = sum(counts.values())
    many = heading.strip().casefold() in {"tags", "labels", "genres", "categories", "topics", "classes", "keywords"}
    for separator in SEPARATORS:
        pieces = {label: [piece.strip() for piece in label.split(separator)] for label in counts}
        found = [label for label in counts if len(pieces[label]) > 1]
        rows = sum(counts[label] for label in found)
        used = Counter(piece for label in counts for piece in set(pieces[label]))
        repeated = all(piece and used[piece] > 1 for label in found for piece in pieces[label])
        words_of_names = separator == " " and not many and not used.keys() <= counts.keys()  # 'very good' beside 'good'
        if len(found) > 1 and rows >= COMBINED * n and repeated and len(used) < len(counts) and not words_of_names:
            return Joined(separator, frozenset(found))
    return None


def about_joined(found: Joined, counts: Mapping[str, int], many: str) -> str:
    """A sentence on such names. `many` is what examples are called."""
    rows = sum(counts[label] for label in found.labels)
    example = max((label for label in counts if label in found.labels), key=counts.__getitem__)
    said = _(
        "{rows:,} of {values:,} {many} have a class such as '{example}'",
        rows=rows,
        values=sum(counts.values()),
        many=many,
        example=example,
    )
    return _(
        "{said}: this looks like several labels at once. Each combination is learnt as a "
        "class of its own; {setting}={left_out} leaves them out.",
        said=said,
        setting=SETTING,
        left_out=LEFT_OUT,
    )


def about_left_out(n: int, of: int, examples: Sequence[str], many: str, *, as_names: bool = True) -> str:
    """A sentence on examples with several labels that were left out; `examples` are a few of their labels, `as_names`
    whether each combination may as well be a class."""
    other = (
        _(" {setting}={together} makes each combination a class of its own.", setting=SETTING, together=TOGETHER)
        if as_names
        else ""
    )
    shown = _(" (such as {fromkeys})", fromkeys="; ".join(list(dict.fromkeys(examples))[:3])) if examples else ""
    return _(
        "{n:,} of {of:,} {many} have several labels each{shown}: they are left out, because "
        "one class each is learnt.{other}",
        n=n,
        of=of,
        many=many,
        shown=shown,
        other=other,
    )


@dataclass
class Sorted:
    """What became of examples with several labels."""

    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    read_as: list[ReadAs] = field(default_factory=list)


def without_joined(
    examples: list[E], how: str, many: str, heading: str | None = None, known: bool = False
) -> tuple[list[E], Sorted]:
    """The examples, less those whose names hold several labels, or whose content stands in several classes, where `how`
    (the setting) leaves them out; and what to say of them. Under no `heading` (folders), names are no lists.
    `known`: whether it is said already what became of lists."""
    told, counts = Sorted(), Counter(example.label for example in examples)
    found = joined(counts, heading) if heading is not None else None
    if found and not known and how != LEFT_OUT:
        told.notes.append(about_joined(found, counts, many))
    if found and not known:
        n = sum(counts[label] for label in found.labels)
        told.read_as = read_as(n, LEFT_OUT if how == LEFT_OUT else TOGETHER, many)
    if how != LEFT_OUT:
        return examples, told
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for example in examples:
        own = example.label.split(found.separator) if found and example.label in found.labels else [example.label]
        classes[example.sha256].update(map(str.strip, own))
    left = [example for example in examples if len(classes[example.sha256]) > 1]
    told.skipped = [Skipped(each.name, str(Several(sorted(classes[each.sha256])))) for each in left[:MOST_NAMED]]
    if left:
        shown = [_(" and ").join(sorted(classes[each.sha256])) for each in left[:3]]
        told.notes.append(about_left_out(len(left), len(examples), shown, many, as_names=found is not None))
    return [example for example in examples if len(classes[example.sha256]) < 2], told


def read_as(n: int, how: str, many: str) -> list[ReadAs]:
    """How `n` examples with several labels were read, and how else they may be."""
    other = LEFT_OUT if how == TOGETHER else TOGETHER
    why = _("{n:,} {many} have several labels at once.", n=n, many=many)
    return [ReadAs(_("several labels at once"), how, [other], SETTING, why)] if n else []


# --- several columns ------------------------------------------------------------------------------


def further(label: str, columns: Iterable[str]) -> list[str]:
    """The columns that are called as `label` but for a number at the end: label2 and label3 beside label1."""
    stem = _stem(label)
    return [name for name in columns if name != label and _stem(name) == stem and name.strip()[-1:].isdecimal()]


def about_further(label: str, name: str, pairs: Iterable[tuple[str, str]]) -> list[str]:
    """A sentence where such a column names further classes; `pairs` are (the label, what the column says)."""
    rows = [(clean(one), clean(other)) for one, other in pairs]
    others = [(one, other) for one, other in rows if other and other != one]
    if not others:
        return []
    shown = _("'{others}' and '{others2}'", others=others[0][0], others2=others[0][1])
    return [
        _(
            "The column '{name}' names a further class in {others:,} of {rows:,} rows (such as "
            "{shown}): only '{label}' is learnt.",
            name=name,
            others=len(others),
            rows=len(rows),
            shown=shown,
            label=label,
        )
    ]


def _stem(name: str) -> str:
    return re.sub(r"[\s_.\-]*\d+$", "", name.strip().casefold())
