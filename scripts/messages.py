"""Collects everything that people read into engines/locale/headstart.pot: `make messages`.

What stands in `_("…")` and `_n("…", "…", n)`, and in every catalogue.json what a card says in words. Files are named
and lines are not, so that the file changes with what is said alone.
"""

from __future__ import annotations

import io
import json
import string
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import write_po

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from engines.contract.cards import TOLD  # noqa: E402  (the line above finds it)

POT = ROOT / "engines" / "locale" / "headstart.pot"
KEYWORDS = {"_": None, "_n": (1, 2)}
HEADER = """# What people read in Headstart. Made by `make messages`; in English each text is as it stands here.
msgid ""
msgstr ""
"Project-Id-Version: Headstart\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def collected(root: Path = ROOT) -> Catalog:
    """Every template below `root`, with the files that it stands in."""
    catalogue = Catalog(fuzzy=False)
    folders = ("engines", "ui", "pages", "templates")
    for file in [*sorted(path for folder in folders for path in (root / folder).rglob("*.py")), root / "app.py"]:
        with file.open("rb") as source:
            for _line, said, _comments, _context in extract("python", source, KEYWORDS):
                add(catalogue, said, file.relative_to(root))
    for file in sorted((root / "engines").rglob("catalogue.json")):
        for card in json.loads(file.read_text(encoding="utf-8")):
            for name in TOLD:
                if card.get(name):
                    add(catalogue, card[name], file.relative_to(root))
    return catalogue


def add(catalogue: Catalog, said: str | tuple[str, ...], file: Path) -> None:
    """Adds one; the same words in two files are one message."""
    message = catalogue.add(said, locations=[(file.as_posix(), 0)])
    message.flags.discard("python-format")  # '95 % interval' is none
    if fields(said if isinstance(said, str) else said[-1]):
        message.flags.add("python-brace-format")


def fields(template: str) -> set[str]:
    """The names of a template's fields; none where it is a text as it stands."""
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return set()
    inner = {name for _text, _name, spec, _how in parts for name in fields(spec or "")}
    return inner | {name for _text, name, _spec, _how in parts if name}


def written(catalogue: Catalog) -> str:
    """The .pot, in the order of the templates."""
    file = io.BytesIO()
    write_po(file, catalogue, omit_header=True, include_lineno=False, sort_output=True, width=118)
    return HEADER + file.getvalue().decode()


if __name__ == "__main__":
    found = collected()
    POT.parent.mkdir(exist_ok=True)
    POT.write_text(written(found), encoding="utf-8")
    print(f"{len(found):,} messages in {POT.relative_to(ROOT)}")
