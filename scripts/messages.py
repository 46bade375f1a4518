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

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

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


def translated(templates: Catalog, po: Path) -> Catalog:
    """The templates with what `po` says of them: what it does not say stays empty, what is none any more goes."""
    with po.open("rb") as file:
        known = read_po(file, locale=po.parents[1].name)
    fresh = Catalog(locale=po.parents[1].name, fuzzy=False)
    for template in templates:
        if template.id:
            there = known.get(template.id)
            said = there.string if there else ("", "") if template.pluralizable else ""
            fresh.add(template.id, said, template.locations, template.flags)
    return fresh


def compiled(catalogue: Catalog) -> bytes:
    """The .mo; what is empty in it is told in English."""
    file = io.BytesIO()
    write_mo(file, catalogue)
    return file.getvalue()


def said(message: Message) -> tuple[str, ...]:
    """A translation in its forms: one, or of a plural as many as the language has."""
    return (message.string,) if isinstance(message.string, str) else tuple(message.string or ("",))


def languages() -> list[Path]:
    """The .po of each."""
    return sorted(POT.parent.glob("*/LC_MESSAGES/headstart.po"))


def po_text(catalogue: Catalog) -> str:
    """Without files and dates, so that it changes with what is said alone."""
    file = io.BytesIO()
    write_po(file, catalogue, omit_header=True, no_location=True, sort_output=True, width=118)
    forms = f"nplurals={catalogue.num_plurals}; plural={catalogue.plural_expr};"
    head = HEADER.replace('"MIME', f'"Language: {catalogue.locale}\\n"\n"Plural-Forms: {forms}\\n"\n"MIME')
    return head + file.getvalue().decode()


if __name__ == "__main__":
    found = collected()
    POT.parent.mkdir(exist_ok=True)
    POT.write_text(written(found), encoding="utf-8")
    print(f"{len(found):,} messages in {POT.relative_to(ROOT)}")
    for po in languages():
        own = translated(found, po)
        po.write_text(po_text(own), encoding="utf-8")
        po.with_suffix(".mo").write_bytes(compiled(own))
        missing = sum(not all(said(message)) for message in own if message.id)
        print(f"{po.parents[1].name}: {missing:,} of them are not translated")
