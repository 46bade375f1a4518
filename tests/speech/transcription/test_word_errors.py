"""Word errors: counted, aligned, by accent; whose words suffer; how a long transcript is shared out."""

from __future__ import annotations

import jiwer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engines.speech.transcription import phones, word_errors

WORDS = st.lists(st.sampled_from(["the", "dog", "ran", "home", "late", "don't", "Ärger"]), min_size=1, max_size=8)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hello, World!", "hello world"),
        ("Don\u2019t 'quote' me", "don't quote me"),
        ("a  b\tc\n", "a b c"),
        ("ill-disposed", "ill disposed"),
        ("ＦＵＬＬ width", "full width"),
        ("Привет, мир", "привет мир"),
        ("... !", ""),
    ],
)
def test_plain_words(text: str, plain: str) -> None:
    assert word_errors.plain_words(text) == plain


def test_alignment_word_by_word() -> None:
    assert word_errors.aligned("The cat sat on the mat", "the bat sat the mat too") == [
        ("equal", "the", "the"),
        ("substitute", "cat", "bat"),
        ("equal", "sat", "sat"),
        ("delete", "on", ""),
        ("equal", "the", "the"),
        ("equal", "mat", "mat"),
        ("insert", "", "too"),
    ]
    assert word_errors.aligned("", "uh oh") == [("insert", "", "uh"), ("insert", "", "oh")]
    assert word_errors.aligned("gone", "") == [("delete", "gone", "")]


def test_counts_and_rate() -> None:
    counts = word_errors.word_counts(["one two three", "four"], ["one too", "four"])
    np.testing.assert_array_equal(counts, [[2, 3, 1, 1, 0], [0, 1, 0, 0, 0]])
    assert word_errors.rate(counts.sum(0)) == 0.5
    np.testing.assert_array_equal(word_errors.letter_counts(["abc"], ["abd e"]), [[3, 3]])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
def test_the_rate_is_that_of_jiwer(pairs: list[tuple[list[str], list[str]]]) -> None:
    said, heard = [" ".join(a) for a, _ in pairs], [" ".join(b) for _, b in pairs]
    expected = jiwer.wer([s.casefold() for s in said], [h.casefold() for h in heard])
    counts = word_errors.word_counts(said, heard)
    assert word_errors.rate(counts.sum(0)) == pytest.approx(expected)
    estimate = word_errors.wer(counts)
    assert estimate.low <= estimate.value <= estimate.high


def test_no_error_at_all_is_not_certainty() -> None:
    found = word_errors.wer(word_errors.word_counts(["one two three"] * 5, ["one two three"] * 5))
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 15))  # Clopper-Pearson for 0 of 15


def test_the_difference_is_paired() -> None:
    said = ["a b c d", "e f g h", "i j k l"]
    before, after = ["a b x x", "e f x x", "i j x x"], ["a b c x", "e f g x", "i j k x"]
    found = word_errors.difference(word_errors.word_counts(said, after), word_errors.word_counts(said, before))
    assert (found.value, found.low, found.high) == (-0.25, -0.25, -0.25)  # every clip gains as much


def test_by_accent() -> None:
    rows = word_errors.by_accent(
        ["Welsh", "Irish", "Welsh"], ["a b", "c d", "e f"], ["a x", "c d", "x x"], ["a b", "c d", "e x"]
    )
    assert [(row["accent"], row["n"], row["words"]) for row in rows] == [
        ("Irish", 1, 2),
        ("Welsh", 2, 4),
        ("all", 3, 6),
    ]
    assert rows[1]["wer"]["before"]["value"] == 0.75
    assert rows[1]["wer"]["after"]["value"] == 0.25
    assert rows[1]["kinds"]["before"] == {"substituted": 3, "left out": 0, "invented": 0}
    assert len(word_errors.by_accent(["Welsh"], ["a"], ["a"], ["a"])) == 1


def test_worst_words() -> None:
    rows = word_errors.worst_words(
        ["a bird a bird", "bird song"], ["a beard a beard", "song"], ["a bird a", "bird song"]
    )
    assert rows[0] == {"word": "bird", "said": 3, "before": 3, "after": 1, "as": ["beard"]}
    assert [row["word"] for row in rows] == ["bird"]


def test_a_long_transcript_is_shared_out_by_what_was_heard() -> None:
    whole = "Once upon a time, there lived a queen. She had a daughter and a dog."
    heard = ["once a pond a time there lived", "a queen she had", "daughter and the dog"]
    assert word_errors.shares(whole, heard) == [
        "Once upon a time, there lived",
        "a queen. She had a",
        "daughter and a dog.",
    ]


@settings(max_examples=80, deadline=None)
@given(WORDS, st.lists(WORDS, min_size=1, max_size=4))
def test_no_word_of_a_long_transcript_is_lost_or_moved(said: list[str], heard: list[list[str]]) -> None:
    parts = word_errors.shares(" ".join(said), [" ".join(part) for part in heard])
    assert len(parts) == len(heard)
    assert " ".join(part for part in parts if part).split() == said


@pytest.mark.skipif(phones.program() is None, reason="espeak-ng is missing: sudo apt-get install espeak-ng")
def test_phones_that_suffer() -> None:
    assert phones.pronunciations(["bit", "bat"]) == {"bat": ["b", "æ", "t"], "bit": ["b", "ɪ", "t"]}
    rows = phones.suffering(["a bit", "bit"], ["a bat", "bat"], ["a bit", "bat"])
    assert rows == [{"phone": "ɪ", "said": 2, "before": 2, "after": 1}]


def test_phones_without_espeak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phones, "program", lambda: None)
    assert phones.suffering(["a"], ["b"], ["c"]) == []
