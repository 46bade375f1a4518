"""Every language says every sentence, with the same fields, and what is loaded is what the .po says."""

from __future__ import annotations

import gettext
import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from engines import messages
from engines.contract import InputError, Problem
from engines.messages import _, _n
from scripts import messages as collecting

LANGUAGES = {po.parents[1].name: po for po in collecting.languages()}
THE_SAME = re.compile(
    r"""^(?: [^A-Za-z]* | .{1,4} | [\w.+-]+ | .*[`{<%].*
        | .*\b(?:Headstart|Vision|Text|Export|MASE|GE2E|CLIP|ImageNet)\b.* )$""",
    re.VERBOSE | re.DOTALL,
)
"""What may be alike in two languages: one word or number, names, code, and texts that models read."""
SENTENCES_ALIKE = 20
"""So many others may be, of 5,000."""


def catalogue(language: str) -> Catalog:
    with LANGUAGES[language].open("rb") as file:
        return read_po(file, locale=language)


def pairs(message: Message) -> list[tuple[str, str]]:
    """English and translation, form by form."""
    english = (message.id,) if isinstance(message.id, str) else message.id
    return list(zip(english, collecting.said(message), strict=True))


def loaded(file: io.BytesIO) -> set[tuple[str, str]]:
    found = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]  # no other way to look at all of it
    return {(str(template), said) for template, said in found.items() if template}


def test_there_is_german() -> None:
    assert messages.languages() == ("en", *LANGUAGES)
    assert "de" in LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_none_is_missing_and_none_too_many(language: str) -> None:
    templates = {message.id for message in collecting.collected() if message.id}
    translated = {message.id for message in catalogue(language) if message.id and all(collecting.said(message))}
    assert templates - translated == set(), "translate these in the .po, then `make messages`"
    assert translated - templates == set(), "run `make messages`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_fields_are_those_of_the_english(language: str) -> None:
    wrong = []
    for message in catalogue(language):
        several = message.id[-1] if isinstance(message.id, tuple) else message.id
        for english, said in pairs(message) if message.id else ():
            own, theirs = collecting.fields(english), collecting.fields(said)
            if own and own != theirs and not (message.pluralizable and theirs <= collecting.fields(several)):
                wrong.append((english, said))
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_alike_is_names_and_code(language: str) -> None:
    said = [pair for message in catalogue(language) if message.id for pair in pairs(message)]
    sentences = [english for english, own in said if english == own and not THE_SAME.match(english)]
    assert len(sentences) <= SENTENCES_ALIKE, sentences


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_loaded_is_what_the_po_says(language: str) -> None:
    file: Path = LANGUAGES[language].with_suffix(".mo")
    said = loaded(io.BytesIO(file.read_bytes())) == loaded(io.BytesIO(collecting.compiled(catalogue(language))))
    assert said, "run `make messages`"


def test_a_sentence_made_in_english_is_told_in_german() -> None:
    said = _("accepted: {verbs}", verbs="fit")
    several = _n("**{n:,} answer**", "**{n:,} answers**", 2)
    with messages.speaking("de"):
        assert str(said) == "erlaubt: fit"
        assert str(several) == "**2 Antworten**"
    assert str(said) == "accepted: fit"


def test_whoever_draws_says_what_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "_ask", lambda: "de")
    assert messages.language() == "de"
    with messages.speaking("en"):
        assert messages.language() == "en"
    monkeypatch.setattr(messages, "_ask", lambda: None)
    assert messages.language() == "en"


def test_a_problem_is_told_whole() -> None:
    problem = InputError(Problem("task", _("there is no task {name!r}", name="x"), _("known: {known}", known="y")))
    with messages.speaking("de"):
        assert str(problem.problems[0].found) == "es gibt keine Aufgabe 'x'"
