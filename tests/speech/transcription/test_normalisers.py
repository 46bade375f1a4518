"""What is made alike before words are compared."""

from __future__ import annotations

import pytest

from engines.speech.transcription import normalisers
from engines.speech.transcription.word_errors import plain_words


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("Page three hundred and six is missing", "Page 306 is missing."),
        ("Page three hundred and six is missing", "page 300 and 6 is missing"),
        ("The train leaves at ten forty", "The train leaves at 10:40."),
        ("The room is twelve feet wide", "The room is 12 feet wide"),
        ("It costs nine pounds fifty", "It costs £9.50"),
        ("She was born in nineteen eighty four", "She was born in 1984."),
        ("Doctor Smith is not grey", "Dr. Smith isn't gray"),
        ("twelve percent", "12%"),
    ],
)
def test_numbers_abbreviations_and_spelling_are_made_alike(said: str, heard: str) -> None:
    first, second = map(plain_words, normalisers.of("english")([said, heard]))
    assert first == second
    gone, errors = normalisers.spelling_only([said], [heard])
    assert gone == errors > 0


def test_other_words_stay_errors() -> None:
    assert normalisers.spelling_only(["a red kite", "ten boats"], ["a red coat", "10 boats"]) == (1, 2)
    assert normalisers.spelling_only([""], [""]) == (0, 0)


def test_plain_leaves_texts_as_they_are() -> None:
    assert normalisers.of("plain")(["Ten  Boats!"]) == ["Ten  Boats!"]
