"""What the usage.py of exported models share. The export puts in the place of a template's import of it what that
usage.py needs."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

RUN: dict[str, Any] = {}  # filled in by the export
HERE = Path(__file__).parent


def words_given(usage: str) -> list[str]:
    """The words behind the program's name. Without any, it says how it is used and ends."""
    if len(sys.argv) < 2:
        print(f"usage: python {Path(sys.argv[0]).name} {usage}", file=sys.stderr)
        sys.exit(2)
    return sys.argv[1:]


Row = dict[str, Any]
"""{'file', …} what the model says of one example; {'file', 'error'} of one that cannot be read."""


def say_all(rows: Iterable[Row]) -> int:
    """Prints a line of JSON a row; answers the exit status: 2 where nothing could be read."""
    read = False
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))
        read = read or "error" not in row
    return 0 if read else 2


def stop(sentence: str) -> None:
    """Says what is wrong with what was given, and ends."""
    print(sentence, file=sys.stderr)
    sys.exit(2)


def each(items: Iterable[Any], answer: Callable[[Any], Row]) -> Iterator[Row]:
    """The row of each of `items`, (name, what is asked about): `answer` raises ValueError where it is of no use."""
    for name, item in items:
        try:
            yield {"file": name, **answer(item)}
        except ValueError as error:
            yield {"file": name, "error": str(error)}


def named(paths: Iterable[Path]) -> list[tuple[str, Path]]:
    return [(path.name, path) for path in paths]


def of_table(path: Path, answer: Callable[[Path], Iterable[Row]]) -> list[Row]:
    """What is said of a table. Where it is of no use (ValueError), or not there, it says so and ends."""
    try:
        if not path.is_file():
            raise ValueError("there is no such file")
        return list(answer(path))
    except ValueError as error:
        stop(f"{path.name}: {error}")
        return []


def asked(answer: Callable[[str], Row]) -> Callable[[str], Row]:
    """`answer` of a text, with the text; raises ValueError where there is none."""

    def of(text: str) -> Row:
        if not text:
            raise ValueError("has no text")
        return {"text": text, **answer(text)}

    return of


def chosen(classes: list[str], logits: np.ndarray, temperature: float) -> dict[str, Any]:
    """The likeliest class, how likely it is, and all of them; logits: (C,)."""
    cooled = np.asarray(logits, dtype=np.float64) / temperature
    shares = np.exp(cooled - cooled.max())
    shares /= shares.sum()
    probabilities = {name: round(float(share), 6) for name, share in zip(classes, shares, strict=True)}
    best = int(shares.argmax())
    return {"label": classes[best], "confidence": round(float(shares[best]), 6), "probabilities": probabilities}


def rows_of(path: Path) -> list[tuple[str, dict[str, str]]]:
    """What each row of a CSV or TSV file is called ('line 2'), and its cells by column."""
    text = path.read_text(encoding="utf-8-sig", errors="replace").replace("\0", "")
    first = text.partition("\n")[0]
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
    found = []
    before = 1
    for row in table:
        found.append((f"line {before + 1}", {name: cell or "" for name, cell in row.items() if isinstance(name, str)}))
        before = table.line_num
    return found


def names_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except OSError:  # a text longer than the name of a file may be
        return False


def texts_of(given: list[str], columns: list[str]) -> list[tuple[str, str]]:
    """What each text is called, and the text: the words themselves, or what stands in a file, see `texts_in`. Where
    that has none, it says so and ends."""
    if len(given) > 1 or not names_file(given[0]):
        return numbered(given)
    try:
        return texts_in(Path(given[0]), columns)
    except ValueError as error:
        stop(str(error))
        return []


def numbered(texts: Iterable[str]) -> list[tuple[str, str]]:
    return [(f"text {number}", text.strip()) for number, text in enumerate(texts, 1)]


def texts_in(path: Path, columns: list[str]) -> list[tuple[str, str]]:
    """What each text in a file is called, and the text: a line, or a row of a table, in the first of `columns` that it
    has, or in its only one. Raises ValueError where it has none of them."""
    if path.suffix.lower() == ".txt":
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [(f"line {number}", line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    rows = rows_of(path)
    there = list(rows[0][1]) if rows else []
    named = [name for name in columns if name in there] or there[: len(there) == 1]
    if not named:
        wanted = " or ".join(columns)
        raise ValueError(f"{path.name}: its columns are {', '.join(there)}; the texts have to stand in {wanted}")
    return [(where, row[named[0]].strip()) for where, row in rows]
