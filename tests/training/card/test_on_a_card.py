"""Every task that learns by gradients, on a card that is pretended: nothing is left on another device, and a step asks
the card nothing but what the libraries ask."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch
from accelerate import Accelerator

from engines import registry
from engines.contract import Recipe, Strategy
from engines.speech.models import ctc
from engines.speech.models.states import Answers
from engines.training import devices
from tests import tiny_series, tiny_speech
from tests.contract.tiny import TINY
from tests.training.card import pretend
from tests.training.toys import Notebook

pytestmark = pytest.mark.usefixtures("one_thread")

NUMBER, COPY = "_local_scalar_dense", "copy to the processor"
MASK = {NUMBER: 1}
ASKED: dict[tuple[str, Strategy, str], list[dict[str, int]]] = {
    ("vision.classification", Strategy.FEATURES, ""): [{}],
    ("vision.classification", Strategy.SCRATCH, ""): [{}],
    ("vision.detection", Strategy.FULL, ""): [{}],
    ("vision.detection", Strategy.LORA, "tiny-detr"): [{NUMBER: 8, COPY: 1}],
    ("text.sentiment", Strategy.SCRATCH, ""): [{}, MASK],  # where a batch has padding
    ("text.generation", Strategy.SCRATCH, ""): [MASK],
    ("text.translation", Strategy.SCRATCH, ""): [{NUMBER: 3}],
    ("speech.transcription", Strategy.FULL, ""): [MASK],
    ("speech.transcription", Strategy.FULL, "tiny-ctc"): [{}],
    ("speech.speaker", Strategy.FEATURES, ""): [{}],
    ("forecasting.forecast", Strategy.FULL, ""): [{}],
}
"""(task, strategy, model) -> what steps may ask: docs/gpu.md says whose questions these are."""


def test_a_pretended_card_counts_what_a_real_one_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pretend.card(monkeypatch) as card:
        numbers = torch.arange(6.0).to(pretend.CARD)
        assert numbers.device == pretend.CARD
        doubled = (numbers * 2)[torch.tensor([1, 2])] + torch.ones(2, device=pretend.CARD)
        assert not card.seen
        assert doubled.tolist() == [3, 5]
        assert float(numbers.sum()) == 15
        assert len(numbers[numbers > 3]) == 2
        assert doubled.cpu().tolist() == [3, 5]
        assert dict(card.seen) == {COPY: 2, NUMBER: 1, "index": 1}
        with pytest.raises(RuntimeError, match="same device"):
            numbers + torch.arange(6.0)


def test_a_forecaster_of_the_hub_says_the_processor_that_it_runs_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, task = str(TINY["forecasting.forecast"].write_data(tmp_path / "data")), registry.task("forecasting.forecast")
    said = {}
    with pretend.card(monkeypatch):
        monkeypatch.setattr(
            devices, "Accelerator", lambda cpu, **_: Accelerator(cpu=True) if cpu else pretend.Prepared()
        )
        for model in ("ttm-r2", "fracast"):
            recipe = Recipe(task.info.name, data, model, Strategy.ZERO_SHOT, settings=tiny_series.SETTINGS)
            said[model] = task.open(recipe, Notebook(tmp_path)).device
    assert said == {"ttm-r2": devices.name(torch.device("cpu")), "fracast": "Pretended"}


def test_ctc_counts_on_the_processor_what_apples_cards_cannot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = ctc.from_folder(tiny_speech.write_ctc(tmp_path / "ctc", "wav2vec2"))
    logits = torch.randn(2, 9, len(model.tokenizer), generator=torch.Generator().manual_seed(0))
    asked, lengths = Answers.of(torch.tensor([[5, 6, 7], [8, -100, -100]])), torch.tensor([9, 7])
    expected = model.loss((logits, lengths), asked, 0.0)
    with pretend.card(monkeypatch) as card:
        there = logits.to(pretend.CARD), asked.to(pretend.CARD)
        for kind, copies in (("cuda:0", 0), ("mps:0", 2)):
            monkeypatch.setattr(pretend.OnCard, "device", torch.device(kind))
            found = model.loss((there[0], lengths), there[1], 0.0)
            assert card.seen[COPY] == copies
            assert float(found) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("name", "strategy", "model"), ASKED)
def test_a_step_asks_a_card_nothing_but_what_libraries_ask(
    name: str, strategy: Strategy, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, models = TINY[name], tmp_path / "models"
    models.mkdir()
    monkeypatch.setenv("HEADSTART_MODELS", str(models))
    tiny.write_weights(models)
    if model == "tiny-ctc":
        tiny_speech.write_ctc(models / model, "wav2vec2")
    settings = {**tiny.strategies[strategy], "batch_size": 4, "epochs": 1}
    data = str(tiny.write_data(tmp_path / "data"))
    with pretend.card(monkeypatch) as card:
        run = Notebook(tmp_path)
        study = registry.task(name).open(Recipe(name, data, model or tiny.model, strategy, settings=settings), run)
        study.trial(strategy, series="transfer")
    assert card.steps
    for step in card.steps:
        assert step in map(Counter, ASKED[name, strategy, model])
