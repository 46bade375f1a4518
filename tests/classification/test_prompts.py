"""What a network that reads words is asked of each class."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.classification.few_labels import prompts
from engines.contract import InputError
from engines.data.class_names import codes


def test_one_sentence_a_class_or_several() -> None:
    assert prompts.sentences(["red_apple", "pear"], "a {}.", None) == [["a red apple."], ["a pear."]]
    assert prompts.sentences(["a"], "one {label} | two {}", '{"a": "fig"}') == [["one fig", "two fig"]]


@pytest.mark.parametrize("name", ["n02123045", "0", "12", "class_3", "Label 4", "c1", "-", "x", "3.0"])
def test_codes(name: str) -> None:
    assert codes([name, "cat"]) == [name]


@pytest.mark.parametrize("name", ["cat", "class act", "golden retriever", "B-52 bomber", "火山", "Ei", "4x4 car"])
def test_words(name: str) -> None:
    assert codes([name]) == []


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("a photo", r"^setting prompt: found 'a photo'; accepted: a sentence with \{\} in it"),
        ("a {} | a photo", r"^setting prompt: found 'a photo'"),
        (" | ", r"^setting prompt: it is empty"),
    ],
)
def test_a_sentence_without_a_place_for_the_name(prompt: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        prompts.sentences(["cat"], prompt, None)


@pytest.mark.parametrize("names", ["{", "[]", '{"cat": 3}', '{"cat": " "}', '{"dog": "hound"}'])
def test_names_that_are_none(names: str) -> None:
    with pytest.raises(InputError, match=r"^setting class_names: "):
        prompts.sentences(["cat"], "a {}", names)


def test_a_code_that_somebody_names_is_no_code() -> None:
    assert prompts.sentences(["0", "1"], "a {}", '{"0": "zero", "1": "1"}') == [["a zero"], ["a 1"]]


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (prompts.words, prompts.templates):
        with contextlib.suppress(InputError):
            read(text)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=4))
def test_what_is_written_is_read_again(called: dict[str, str]) -> None:
    again = prompts.words(prompts.written(called))
    assert again == {k: v.strip() for k, v in called.items() if v.strip() and (v.strip() != k or codes([k]))}
