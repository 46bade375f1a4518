"""What the usage.py of exported models share. The export puts in the place of a template's import of it what that
usage.py needs."""

import csv
import io
import json
import sys
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


def say(row: dict[str, Any]) -> None:
    print(json.dumps(row, ensure_ascii=False))


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
    """What each text is called, and the text: the words themselves; or, of a file, each line, or each row of a table,
    in the first of `columns` that it has, or in its only one."""
    if len(given) > 1 or not names_file(given[0]):
        return [(f"text {number}", text.strip()) for number, text in enumerate(given, 1)]
    path = Path(given[0])
    if path.suffix.lower() == ".txt":
        lines = path.read_text(encoding="utf-8-sig").splitlines()
        return [(f"line {number}", line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
    rows = rows_of(path)
    there = list(rows[0][1]) if rows else []
    named = [name for name in columns if name in there] or there[: len(there) == 1]
    if not named:
        wanted = " or ".join(columns)
        print(f"{path.name}: its columns are {', '.join(there)}; the texts have to stand in {wanted}", file=sys.stderr)
        sys.exit(2)
    return [(where, row[named[0]].strip()) for where, row in rows]
