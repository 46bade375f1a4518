"""What a chatbot's or a translator's curves suggest to train next."""

from __future__ import annotations

import pytest

from engines.contract import Recipe, Strategy
from engines.text.generative.fit import advise
from engines.text.generative.settings import WritingSettings
from engines.training.overfitting import Fit, Reading


def fit(reading: Reading) -> Fit:
    return Fit(reading, "The curves say so.", 0.1, "loss", 1.0)


@pytest.mark.parametrize(
    ("strategy", "reading", "rank", "expected"),
    [
        (Strategy.FULL, "by heart", 8, ("The curves say so: adapters change less of the model.", "lora", {})),
        (
            *(Strategy.LORA, "by heart", 8),
            ("The curves say so: smaller adapters leave it less room.", "lora", {"lora_rank": 4}),
        ),
        (
            *(Strategy.LORA, "by heart", 1),
            (
                "The curves say so: more conversations would help most. Letting more of the network learn would not.",
                None,
                {},
            ),
        ),
        (
            *(Strategy.LORA, "still improving", 8),
            ("The curves say so. Let it go on for twice as long.", "lora", {"epochs": 8}),
        ),
    ],
)
def test_what_follows(
    strategy: Strategy, reading: Reading, rank: int, expected: tuple[str, str | None, dict[str, int]]
) -> None:
    recipe = Recipe("text.generation", "/data", "smollm2-135m-instruct", strategy)
    found = advise(recipe, WritingSettings(lora_rank=rank, epochs=4), fit(reading), "conversations")
    assert found is not None
    assert tuple(found.values()) == expected


def test_nothing_follows_where_nothing_is_read_or_all_is_well() -> None:
    recipe = Recipe("text.generation", "/data", "smollm2-135m-instruct", Strategy.LORA)
    assert advise(recipe, WritingSettings(), None, "conversations") is None
    assert advise(recipe, WritingSettings(), fit("fine"), "conversations") is None
