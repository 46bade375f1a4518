"""In a made-up language, which puts ⟦brackets⟧ around each text of the catalogue, home, the list of runs, what tasks
say of themselves and a few problems show no English outside them."""

from __future__ import annotations

import gettext
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from google.protobuf.message import Message as Proto

import ui
from engines import messages, registry
from engines.contract import InputError
from scripts.messages import POT
from tests.pages.opening import opened

READ = {"body", "label", "help", "placeholder", "options", "caption", "content", "text", "tooltip", "title", "header"}
"""Fields of Streamlit's elements that a person reads."""
ENGLISH = re.compile(r"[A-Za-z]{2,}[,;:.)]? +[A-Za-z(]{2,}")
NOT_READ = re.compile(
    r"<style.*?</style>|<svg.*?</svg>|<[^<>]*>|```.*?```|`[^`]*`|:material/\w+:|:[a-z-]+\[|https?://\S+", re.DOTALL
)


class Bracketed(gettext.NullTranslations):
    """Every text of the .pot in brackets; what is not in it stays English."""

    def __init__(self) -> None:
        super().__init__()
        with POT.open("rb") as file:
            found = [message.id for message in read_po(file) if message.id]
        self.known = {said if isinstance(said, str) else said[0] for said in found}

    def gettext(self, message: str) -> str:
        return f"⟦{message}⟧" if message in self.known else message

    def ngettext(self, one: str, many: str, n: int) -> str:
        said = one if n == 1 else many
        return f"⟦{said}⟧" if one in self.known else said


@pytest.fixture(scope="module", autouse=True)
def _declared() -> None:
    """Whatever is declared is imported in English, as an app does: the tests that come after read it so."""
    for name in registry.names():
        registry.task(name)
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        importlib.import_module(module.name)


@pytest.fixture(autouse=True)
def bracketed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In every thread of this process."""
    made_up = Bracketed()
    monkeypatch.setattr(messages, "language", lambda: "xx")
    monkeypatch.setattr(messages, "catalogue", lambda _language: made_up)
    return


def outside(text: str) -> str:
    """What of a text stands in no brackets."""
    depth, found = 0, []
    for letter in text:
        depth += (letter == "⟦") - (letter == "⟧")
        found.append(" ¦ " if letter in "⟦⟧" else letter if depth == 0 else "")
    return "".join(found)


def english(text: str) -> str | None:
    bare = NOT_READ.sub(" ", outside(text))
    return bare.strip() if ENGLISH.search(bare) else None


def texts(proto: Proto) -> Iterator[str]:
    for field, value in proto.ListFields():
        for one in [value] if isinstance(value, str | bytes | int | float | Proto) else list(value):
            if isinstance(one, Proto):
                yield from texts(one)
            elif isinstance(one, str) and field.name in READ:
                yield one


def seen(node: Any) -> Iterator[str]:
    """Every text on a page."""
    proto = getattr(node, "proto", None)
    if isinstance(proto, Proto):
        yield from texts(proto)
    for child in getattr(node, "children", {}).values():
        yield from seen(child)


def left(page: str | None, **query: str) -> list[str]:
    """The English on a page."""
    at = opened(page, **query)
    assert not at.exception
    found = [text for text in seen(at._tree) if text.strip()]
    assert sum("⟦" in text for text in found) > 5, "the check looked at nothing"
    return sorted({bare for text in found if (bare := english(text))})


@pytest.mark.parametrize("page", [None, "pages/runs.py"])
def test_pages_around_the_domains_are_all_in_the_language(page: str | None) -> None:
    assert left(page) == []


def test_what_a_task_says_of_itself_is_in_the_language() -> None:
    for name in registry.names():
        info = registry.task(name).info
        said = [info.title, info.unit, info.metric.help, *info.formats, *(offer.meaning for offer in info.offers)]
        assert [text for text in said if not text.startswith("⟦")] == [], name


def test_problems_are_in_the_language(tmp_path: Path) -> None:
    from engines import api

    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for task, settings in (
        ("text.sentiment", {}),
        ("forecasting.forecast", {}),
        ("text.sentiment", {"epochs": "many"}),
    ):
        with pytest.raises(InputError) as problem:
            api.check(task, empty, settings=settings)
        assert english(str(problem.value)) is None
