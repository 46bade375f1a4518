"""A message: English as f-strings say it, told again in another language, kept in files and sent between processes."""

from __future__ import annotations

import copy
import gettext
import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from engines import messages
from engines.contract import InputError, Metric, Problem, Recipe
from engines.jobs.serving import wire
from engines.messages import Declared, Message, _, _n, speaking, told
from engines.runs import RunFolder

GERMAN = {
    "{n} texts of {where} were left out.": "{n} Texte aus {where} wurden ausgelassen.",
    "your table": "deiner Tabelle",
    "Accuracy": "Genauigkeit",
    " and ": " und ",
    "cats": "Katzen",
    "It broke.": "{nothing} passt.",
    "It broke with {what}.": "{nothing} passt.",
}


class German(gettext.NullTranslations):
    def gettext(self, message: str) -> str:
        return GERMAN.get(message, message)

    def ngettext(self, one: str, many: str, n: int) -> str:
        return "{n} Bild" if n == 1 else "{n} Bilder"


@pytest.fixture(autouse=True)
def german(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    found = {"de": German(), "xx": gettext.NullTranslations()}
    monkeypatch.setattr(messages, "catalogue", lambda language: found[language])
    return


def note() -> str:
    return _("{n} texts of {where} were left out.", n=3, where=_("your table"))


# --- in English -----------------------------------------------------------------------------------


def test_in_english_a_message_is_the_text_that_an_f_string_would_be() -> None:
    value, digits, name = 1234.5678, 2, "a'b"
    said = _(
        "{value:,.{digits}f} of {name!r}, {{braces}} ({share:.1%})", value=value, digits=digits, name=name, share=0.5
    )
    assert said == f"{value:,.{digits}f} of {name!r}, {{braces}} ({0.5:.1%})"
    assert _("a {text} as it stands") == "a {text} as it stands", "without values nothing is filled in"
    assert isinstance(said, str)
    assert hash(said) == hash(str(said))
    assert {said: 1}[str(said)] == 1


def test_a_plural_depends_on_its_number() -> None:
    assert [_n("one text", "{n:,} texts", n) for n in (0, 1, 2, 1000)] == [
        "0 texts",
        "one text",
        "2 texts",
        "1,000 texts",
    ]
    assert _n("{n} of {all} fits", "{n} of {all} fit", 1, all=2) == "1 of 2 fits"


def test_a_template_that_misses_a_value_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        _("{one} and {two}", one=1)


@settings(deadline=None)
@given(some.dictionaries(some.from_regex(r"[a-z]{1,4}", fullmatch=True), some.text() | some.integers() | some.floats()))
def test_whatever_is_said_comes_back_from_json_to_the_letter(values: dict[str, str | int | float]) -> None:
    said = _("".join(f"{{{name}}}, " for name in values) or "nothing", **values)
    data = json.loads(json.dumps(messages.kept({"deep": [{"a/b": said}], "n": 1})))
    found = messages.read(data)
    assert found == {"deep": [{"a/b": said}], "n": 1}
    assert isinstance(found["deep"][0]["a/b"], Message)


# --- told again -----------------------------------------------------------------------------------


def test_what_was_said_in_english_is_told_in_the_language_of_whoever_asks() -> None:
    said = note()
    with speaking("de"):
        assert str(said) == "3 Texte aus deiner Tabelle wurden ausgelassen."
        assert f"({said})" == "(3 Texte aus deiner Tabelle wurden ausgelassen.)"
        assert told({"notes": [said], "n": 1}) == {"notes": ["3 Texte aus deiner Tabelle wurden ausgelassen."], "n": 1}
        assert note() == str(said), "what is said meanwhile is German at once"
    assert str(said) == said == "3 texts of your table were left out."


def test_what_is_made_in_german_is_english_again_for_an_english_reader() -> None:
    with speaking("de"):
        said = note()
    assert str(said) == "3 texts of your table were left out."


def test_plurals_follow_the_language() -> None:
    said = [_n("{n} picture", "{n} pictures", n) for n in (1, 2, 1.5)]
    with speaking("de"):
        assert [str(text) for text in said] == ["1 Bild", "2 Bilder", "1.5 Bilder"]


def test_sums_and_lists_of_messages_stay_messages() -> None:
    both = "1: " + _("Accuracy") + _(" and ").join([_("cats"), "dogs"])
    assert both == "1: Accuracycats and dogs"
    with speaking("de"):
        assert str(both) == "1: GenauigkeitKatzen und dogs"
        assert both.lower() == "1: GenauigkeitKatzen und dogs"
        assert both[3:6] == "Gen"


def test_a_translation_that_does_not_fit_leaves_the_english() -> None:
    said = [_("It broke."), _("It broke with {what}.", what=7)]
    with speaking("de"):
        assert list(map(str, said)) == ["{nothing} passt.", "It broke with 7."]


def test_a_language_without_a_catalogue_is_english(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(messages, "LOCALE", tmp_path)
    with speaking("tlh"):
        assert str(note()) == note() == "3 texts of your table were left out."


def test_what_is_declared_at_import_is_told_when_it_is_asked_for() -> None:
    metric = Metric("accuracy", _("Accuracy"), _("How many are right."), higher_is_better=True)

    @dataclass(frozen=True)
    class Row(Declared):
        names: tuple[str, ...]

    row = Row((_("cats"), "b"))
    assert (metric.title, row.names) == ("Accuracy", ("cats", "b"))
    with speaking("de"):
        assert (metric.title, metric.name, row.names) == ("Genauigkeit", "accuracy", ("Katzen", "b"))


# --- kept and sent --------------------------------------------------------------------------------


def test_a_message_survives_copies_and_pickles() -> None:
    said = note()
    with speaking("de"):
        again = [copy.deepcopy(said), copy.copy(said), pickle.loads(pickle.dumps(said))]  # noqa: S301  (our own)
        assert [str(text) for text in again] == ["3 Texte aus deiner Tabelle wurden ausgelassen."] * 3


def test_keys_stay_plain_strings_and_templates_lie_beside_them() -> None:
    assert messages.kept({"notes": ["plain", note()]}) == {
        "notes": ["plain", "3 texts of your table were left out."],
        messages.MESSAGES: {
            "notes/1": {
                "template": "{n} texts of {where} were left out.",
                "values": {"n": 3, "where": {"text": "your table", "template": "your table", "values": {}}},
            }
        },
    }
    assert messages.kept({"notes": ["plain"]}) == {"notes": ["plain"]}
    assert messages.read({"notes": ["plain"]}) == {"notes": ["plain"]}, "of an older run"


def test_a_number_of_numpy_and_an_error_are_kept_as_what_they_say() -> None:
    said = _("{share:.1f} after {error}", share=np.float32(0.5), error=ValueError(_("cats")))
    assert said == "0.5 after cats"
    found = messages.read(json.loads(json.dumps(messages.kept({"said": said}))))["said"]
    with speaking("de"):
        assert str(found) == "0.5 after Katzen"


def test_an_event_of_a_run_is_read_in_the_readers_language(tmp_path: Path) -> None:
    run = RunFolder.create(Recipe(task="text.sentiment", data="", model="", strategy="features"), tmp_path / "run")
    run.emit("note", message=note())
    assert run.events()[0].data == {"message": note()}
    with speaking("de"):
        assert run.events()[0].data == {"message": "3 Texte aus deiner Tabelle wurden ausgelassen."}


def test_what_the_warm_server_answers_is_told_in_the_language_of_the_page() -> None:
    class Pipe:
        def send_bytes(self, sent: bytes) -> None:
            self.sent = sent

        def recv_bytes(self, most: int | None = None) -> bytes:
            return self.sent

    pipe = Pipe()
    wire.send(pipe, {"problems": [["row 1", note(), "accepted: a text", ()]]})  # type: ignore[arg-type]
    with speaking("de"):
        [[where, found, _accepted, _choices]] = wire.receive(pipe)["problems"]  # type: ignore[arg-type]
        error = InputError(Problem(where, found, "accepted: a text"))
    assert str(error) == "row 1: 3 Texte aus deiner Tabelle wurden ausgelassen.; accepted: a text."
