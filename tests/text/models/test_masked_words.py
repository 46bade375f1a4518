"""Continued pretraining: which texts it reads, what changes by it, that it is told beside the same run without it, and
where it is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from safetensors.torch import load_file

from engines import api
from engines.contract import Cancelled, InputError, Result, Strategy
from engines.evidence.ranking import Aside
from engines.reporting import comparisons
from engines.text.models import encoders, masked_words
from engines.text.models.masked_words import ContinuedPretraining
from engines.text.models.pooled import PooledForSequenceClassification
from engines.text.models.tokenising import TokenReader
from engines.text.settings import TextSettings
from tests import tiny_text
from tests.training.card import pretend

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = "text.sentiment"


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("models")
    tiny_text.write_bert(folder)
    tiny_text.write_gpt(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        yield folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """36 texts with a class, and 40 others without."""
    known, others = tiny_text.reviews(12), tiny_text.reviews(14, seed=9)[:40]
    rows = [*known, *((text, "") for text, _ in others)]
    return tiny_text.write_table(tmp_path_factory.mktemp("data") / "reviews.csv", rows)


def fitted(data: Path, out: Path, strategy: str = "features", model: str = "tiny-bert", **settings: object) -> Result:
    given = {"masked_words": 1, "epochs": 2, **settings}
    return api.fit(api.recipe(TASK, data, model=model, strategy=strategy, settings=given), out)


@pytest.mark.parametrize("strategy", ["features", "partial"])
def test_the_network_goes_on_and_the_result_says_what_it_gained(
    strategy: str, data: Path, models: Path, tmp_path: Path
) -> None:
    result = fitted(data, tmp_path / "run", strategy)
    against = comparisons.against(result, "without_masked_words")
    assert against is not None
    assert against.difference.n == result.n_test
    assert result.value - result.baselines["without_masked_words"] == pytest.approx(against.difference.value, abs=1e-6)
    learnt_from = result.details["masked_words"]
    assert learnt_from == 40 + result.n_train + result.n_validation
    assert any(f"masked words of {learnt_from} texts" in note for note in result.notes)
    came, kept = load_file(models / "tiny-bert/model.safetensors"), load_file(tmp_path / "run/model/model.safetensors")
    name = "encoder.layer.0.attention.self.query.weight"
    assert not torch.equal(came[name], kept[f"backbone.{name}"])
    assert not (tmp_path / "run/checkpoint").exists()
    with pytest.raises(InputError, match="went on with masked words"):
        api.export(tmp_path / "run", tmp_path / "script", "script")


def test_words_are_learnt_and_marks_are_not_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = encoders.describe("tiny-bert")
    network, reader = encoders.build(card, 2, pretrained=True, seed=0), encoders.reader(card, TextSettings())
    model = network.model
    assert isinstance(model, PooledForSequenceClassification)
    assert isinstance(reader, TokenReader)
    words = masked_words.MaskedWords(model.backbone, reader)
    ids = reader.read(["The film is lovely today."])[0].windows[0][None].repeat(400, 1)
    mask = torch.ones_like(ids, dtype=torch.bool)
    mask[:, -2] = False
    seen, asked = words.masked(ids, mask, torch.Generator().manual_seed(0))
    assert not asked[:, [0, -1, -2]].any()
    assert asked[:, 1:-2].float().mean() == pytest.approx(masked_words.SHARE, abs=0.03)
    assert (seen[asked] == words.mask_id).float().mean() == pytest.approx(masked_words.BECOME_MASK, abs=0.06)
    assert torch.equal(seen[~asked], ids[~asked])

    monkeypatch.setattr(masked_words, "RATE", 3e-3)  # the network is tiny, and the passes are few
    texts = [text for text, _ in tiny_text.reviews(20)]
    losses = ContinuedPretraining(reader, texts, 9, 0, Aside(tmp_path)).learn(model, Accelerator(cpu=True))
    assert len(losses) == 10
    assert losses[-1] < losses[1] - 0.5


def test_a_card_is_asked_once_a_pass_and_learns_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = encoders.describe("tiny-bert")
    reader = encoders.reader(card, TextSettings())
    texts = [f"the film is lovely today {'so ' * 3}{number % 10}" for number in range(40)]  # all of one length

    def learnt(on: Any) -> list[float]:
        network = encoders.build(card, 2, pretrained=True, seed=0).to(on.device)
        assert isinstance(network.model, PooledForSequenceClassification)
        return ContinuedPretraining(reader, texts, 1, 0, Aside(tmp_path)).learn(network.model, on)

    here = learnt(Accelerator(cpu=True))
    with pretend.card(monkeypatch) as there:
        assert learnt(pretend.Prepared()) == pytest.approx(here, abs=2e-3)  # products of a processor that rounds
    assert there.seen == {"copy to the processor": 2}


def test_a_stopped_run_takes_up_what_it_had_come_to(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fitted(data, tmp_path / "whole")

    def stops(*_: object, **__: object) -> None:
        raise Cancelled

    with monkeypatch.context() as patch:
        patch.setattr("engines.training.transfer.fit_head", stops)
        with pytest.raises(Cancelled):
            fitted(data, tmp_path / "run")

    def again(*_: object) -> None:
        raise AssertionError("it read them again")

    monkeypatch.setattr(ContinuedPretraining, "learn", again)
    assert fitted(data, tmp_path / "run").value == whole.value


@pytest.mark.parametrize(
    ("found", "how"),
    [
        ("tiny-gpt does not read texts in which words are masked", {"model": "tiny-gpt"}),
        ("with 'scratch' nothing goes on", {"strategy": Strategy.SCRATCH}),
        ("in folds every text is tested on", {"folds": 3}),
    ],
)
def test_where_it_is_refused(found: str, how: dict[str, object], data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=found):
        fitted(data, tmp_path / "run", **how)  # type: ignore[arg-type]


def test_too_few_texts_are_refused_and_none_that_is_tested_on_is_read() -> None:
    texts = [f"text number {n}" for n in range(40)]
    assert set(masked_words.some(texts, ["Text number 3!"], seed=0)) == set(texts) - {"text number 3"}
    with pytest.raises(InputError, match="only 29 texts"):
        masked_words.some(texts[:29], [], seed=0)
