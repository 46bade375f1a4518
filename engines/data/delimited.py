"""Read delimited text the way people's programs write it: any usual separator, encoding and line end, streamed."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from engines import messages
from engines.cancellation import cancellation_point
from engines.contract import InputError, Problem, Progress
from engines.data.encodings import beginning, encoding_of
from engines.data.row_sampling import Source, clean, require_columns
from engines.messages import _

SEPARATORS = {",": "comma", "\t": "tab", ";": "semicolon", "|": _("vertical bar")}
MOST_LINE = 4 << 20  # characters of one row; a longer one is no table's
MOST_CELL = 1 << 20  # characters
LABEL = "__label__"
SAMPLE_ROWS = 100
SAMPLE_CHARACTERS = 1 << 18
ACCEPTED = _("accepted: a table with one row a line, its cells separated by comma, semicolon, tab or |")
ENDS = (".", "!", "?", "…", "。", "！", "？")
KNOWN = {
    "text",
    "texts",
    "label",
    "labels",
    "class",
    "category",
    "sentiment",
    "sentence",
    "review",
    "comment",
    "message",
    "messages",
    "tweet",
    "title",
    "body",
    "content",
    "document",
    "source",
    "target",
    "prompt",
    "response",
    "question",
    "answer",
    "instruction",
    "output",
    "input",
    "id",
    "split",
    "rating",
    "score",
    "date",
    "ds",
    "y",
    "unique_id",
    "value",
}
"""What columns are often called: such a first line is a header, whatever follows."""


class UnclosedQuote(Exception):
    """A quotation mark at the start of a cell has no partner, so that the rest of the file would be one cell."""


def open_delimited(
    path: Path, *, quotes: bool = True, above: int = 0, heading: bool | None = None, progress: Progress | None = None
) -> Source:
    """The rows of a CSV, TSV or its like, without the first `above` lines; `progress` counts bytes. `heading` says
    whether the first line names the columns, where somebody knows.

    With `quotes`, the source's rows raise UnclosedQuote where that is what happened: then read again without.
    Raises InputError for a file that is empty or no text.
    """
    encoding, note = encoding_of(path)
    notes = [note] if note else []
    start = "".join(beginning(path, encoding, SAMPLE_CHARACTERS).splitlines(keepends=True)[above:])
    require_text(path.name, start)
    if start.lstrip("\ufeff \t\r\n").startswith(LABEL):
        return _labelled_lines(path, encoding, notes)
    separator, told = separator_of(start, path.suffix.lower(), quotes)
    if separator != "," and not (separator == "\t" and path.suffix.lower() == ".tsv"):
        notes.append(
            _("The cells are separated by {separators}.", separators=messages.told(SEPARATORS)[separator])
            if separator
            else _("It has one column.")
        )
    if not quotes:
        notes.append(_("A quotation mark has no partner: quotation marks are read as part of the text."))
    sample = list(_sample(start, separator, quotes))[1 if told else 0 :]
    header = sample[0] if sample else []
    while len(header) > 1 and not header[-1].strip():
        header.pop()
    require_columns(path.name, len(header))
    rows = _rows(path, encoding, separator, quotes, notes, progress)
    for _unused in range(above + told):
        next(rows, None)
    guessed = heading is None and not _settled(header, sample[1:])
    if not (has_header(header, sample[1:]) if heading is None else heading):
        notes.append(
            _("The first line is no header: the columns are called column_1 to column_{header}.", header=len(header))
        )
        if len(header) == 1:
            notes[-1] = _("The first line is no header: the column is called column_1.")
        names = [f"column_{n}" for n in range(1, len(header) + 1)]
        return Source(names, rows, "line", notes, guessed_heading=guessed)
    next((row for row in rows if any(cell.strip() for cell in row[1])), None)  # the header
    widths = Counter(len(row) for row in sample[1:])
    if widths and widths.most_common(1)[0][0] == len(header) + 1 and len(header) not in widths:
        notes.append(_("The header lacks a name for the first column (as R writes row names): it is 'row_name' here."))
        header = ["row_name", *header]
    return Source(header, rows, "line", notes, guessed_heading=guessed)


def _labelled_lines(path: Path, encoding: str, notes: list[str]) -> Source:
    """Lines as fastText has them: one label or more, then the text."""
    notes.append(_("Each line begins with its label ({label}…), as fastText has it.", label=LABEL))

    def rows() -> Iterator[tuple[int, list[str]]]:
        with path.open(encoding=encoding, errors="replace") as file:
            for number, line in enumerate(file, 1):
                words = line.lstrip("\ufeff").split()
                n = next((at for at, word in enumerate(words) if not word.startswith(LABEL)), len(words))
                labels = [word.removeprefix(LABEL) for word in words[:n]]
                label = labels[0] if len(labels) == 1 else json.dumps(labels, ensure_ascii=False)
                yield number, [" ".join(words[n:]), label if labels else ""]

    return Source(["text", "label"], rows(), "line", notes)


def require_text(name: str, start: str) -> None:
    """Raises InputError when `start`, the beginning of a file, is blank or was no text before it was decoded."""
    if not start.strip("\0 \t\r\n\f\v\ufeff"):
        raise InputError(Problem(name, _("the file is empty"), ACCEPTED))
    odd = sum(letter < " " and letter not in "\t\r\n\f" or letter == "\N{REPLACEMENT CHARACTER}" for letter in start)
    if odd > 0.05 * len(start):
        raise InputError(Problem(name, _("this is no text"), ACCEPTED))


def separator_of(start: str, suffix: str, quotes: bool = True) -> tuple[str, bool]:
    """What separates the cells ('' where there is one column), and whether the first line says so (Excel's `sep=;`).

    The separator that the most of the first rows have as often as the first one; among equals, the one that makes the
    most columns, except that a .tsv has tabs where its first line has any.
    """
    if told := re.match(r"\ufeff?sep=(.)\r?\n", start, re.IGNORECASE):
        return (told[1], True) if told[1] in SEPARATORS else ("", True)
    scores: dict[str, tuple[float, int]] = {}
    for separator in SEPARATORS:
        sample = list(_sample(start, separator, quotes))
        widths = [len(row) for row in sample]
        if not widths or widths[0] < 2:
            continue
        same = sum(width == widths[0] for width in widths) / len(widths)
        if all(is_usual_name(name) for name in sample[0]):
            return separator, False
        if suffix == ".tsv" and separator == "\t":
            return separator, False
        if same >= 0.5 or all(width > 1 for width in widths):
            scores[separator] = (round(same, 1), widths[0])
    return max(scores, key=scores.__getitem__, default=""), False


def has_header(first: list[str], below: list[list[str]]) -> bool:
    """Whether `first` names the columns, judged by the rows below it.

    Names are short, distinct and no numbers, and no column repeats its own name further down. A name that is often
    given to columns, and is no value further down, settles it.
    """
    if _settled(first, below):
        return True
    cells = [cell.strip() for cell in first]
    repeated = _repeated(first, below)
    if _sentence_among_sentences(cells, below):
        return False
    names = [cell for cell in cells if cell]
    if not names or len(set(names)) < len(names) or any(_is_number(name) for name in names):
        return False
    if any(len(name) > 60 or len(name.split()) > 6 for name in names):
        return False
    if any(again for cell, again in zip(cells, repeated, strict=True) if cell):
        return False
    if len(first) > 1:
        return True
    return len(names[0].split()) == 1 and any(
        len(cell.split()) > 1 or _is_number(cell) for row in below for cell in row
    )


def _sentence_among_sentences(cells: list[str], below: list[list[str]]) -> bool:
    """Whether a cell ends as a sentence does, and so do most of its column: 'Go.' above 'Run!'."""
    for at, cell in enumerate(cells):
        column = [row[at].strip() for row in below if at < len(row)]
        if cell.endswith(ENDS) and 2 * sum(each.endswith(ENDS) for each in column) > len(column):
            return True
    return False


def _settled(first: list[str], below: list[list[str]]) -> bool:
    """Whether `first` holds a name that is often given to columns, and is no value further down."""
    known = list(map(is_usual_name, first))
    return all(known) or any(name and not again for name, again in zip(known, _repeated(first, below), strict=True))


def _repeated(first: list[str], below: list[list[str]]) -> list[bool]:
    """Of each cell of `first` whether its column holds it again."""
    columns = list(zip(*(row for row in below if len(row) == len(first)), strict=False)) or [()] * len(first)
    return [cell.strip() in map(str.strip, column) for cell, column in zip(first, columns, strict=True)]


def is_usual_name(cell: str) -> bool:
    """Whether columns are often called so."""
    return cell.strip("\ufeff \t").casefold().replace(" ", "_") in KNOWN


def _is_number(cell: str) -> bool:
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def _sample(start: str, separator: str, quotes: bool) -> Iterator[list[str]]:
    """The first rows that are not blank; the last may be cut off and is left out where others are there."""
    lines = start.splitlines(keepends=True) if "\n" not in start else io.StringIO(start, newline="")
    reader = _reader(lines, separator, quotes)
    previous: list[str] | None = None
    count = 0
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                if previous is not None:
                    yield previous
                    count += 1
                previous = row
            if count >= SAMPLE_ROWS:
                return
    except csv.Error:
        pass
    if previous is not None and (len(start) < SAMPLE_CHARACTERS or count == 0):
        yield previous


def _reader(
    lines: Iterator[str] | list[str] | io.StringIO, separator: str, quotes: bool, strict: bool = False
) -> Iterator[list[str]]:
    csv.field_size_limit(MOST_CELL)  # of the whole process: somebody else may have raised it
    delimiter = separator or "\x1f"  # one column: a separator that no text has
    if quotes:
        return csv.reader(lines, delimiter=delimiter, strict=strict)
    return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)


class _Lines:
    """A file's lines with their ends (\\n, \\r\\n or a bare \\r), none longer than memory can bear."""

    def __init__(self, path: Path, encoding: str, progress: Progress | None):
        self.name = path.name
        self.size = path.stat().st_size
        self.raw = path.open("rb")
        self.file = io.TextIOWrapper(self.raw, encoding=encoding, errors="replace", newline="")
        self.progress = progress
        self.number = 0
        """Of the line that was handed out last, from 1."""
        self.in_row = 0
        """Characters handed out since the last row ended."""
        self.ended = False
        self.n_nul = 0
        self.last = ""

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self.file.readline(MOST_LINE)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self.in_row += len(line)
        if self.in_row >= MOST_LINE:
            found = _("more than {most_line:,} characters without the end of a row", most_line=MOST_LINE)
            raise InputError(Problem(_("{name}, line {number}", name=self.name, number=self.number), found, ACCEPTED))
        if self.progress and self.number % 10_000 == 0:
            self.progress(self.raw.tell(), self.size)
        if "\0" in line:
            self.n_nul += line.count("\0")
            line = line.replace("\0", "")
        self.last = line
        return line


def _mended(name: str, start: int, lines: _Lines, separator: str, quotes: bool) -> list[str]:
    """A row with a quotation mark in the wrong place, read leniently. Raises UnclosedQuote where it swallowed lines."""
    if quotes and (lines.number > start or lines.ended):
        raise UnclosedQuote
    try:
        return next(_reader([lines.last], separator, quotes))
    except csv.Error:
        found = _("a cell has more than {most_cell:,} characters", most_cell=MOST_CELL)
        raise InputError(Problem(_("{name}, line {start}", name=name, start=start), found, ACCEPTED)) from None


def _unquoted(cell: str) -> str:
    """Of a cell in a file whose quotation marks are text, those around the whole."""
    inner = cell[1:-1]
    return inner if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner else cell


def _rows(
    path: Path, encoding: str, separator: str, quotes: bool, notes: list[str], progress: Progress | None
) -> Iterator[tuple[int, list[str]]]:
    lines = _Lines(path, encoding, progress)
    with lines.file:
        reader = _reader(lines, separator, quotes, strict=quotes)
        while True:
            cancellation_point()
            start = lines.number + 1
            lines.in_row = 0
            try:
                row = next(reader)
            except StopIteration:
                break
            except InputError:
                if quotes and lines.number > start:
                    raise UnclosedQuote from None
                raise
            except csv.Error:
                row = _mended(path.name, start, lines, separator, quotes)
            yield start, [clean(cell) if quotes else clean(_unquoted(cell)) for cell in row]
    if lines.n_nul:
        notes.append(_("{n_nul:,} NUL characters were taken out.", n_nul=lines.n_nul))
    if progress:
        progress(lines.size, lines.size)
