"""Networks that read, ended behind an earlier block: they see what Transformers' own hidden states are there."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModel

from engines import hub_files
from engines.contract import InputError, Strategy
from engines.text.models import encoders
from engines.text.models.catalogue import cards
from engines.text.models.elmo_input import characters
from engines.text.models.pooled import pool
from engines.training.staged import count
from engines.training.tokens import Tokens
from tests import tiny_text

pytestmark = pytest.mark.usefixtures("one_thread")

TEXTS = [[torch.tensor([5, 6, 7, 8, 9])], [torch.tensor([6, 5, 4])]]


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for write in (tiny_text.write_bert, tiny_text.write_gpt, tiny_text.write_llama):
        write(tmp_path)
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("models")
@pytest.mark.parametrize("name", ["tiny-bert", "tiny-gpt", "tiny-llama"])
def test_an_early_end_sees_the_hidden_states_there(name: str) -> None:
    """Before a normalisation behind the last block, which is left out with it."""
    card, tokens = encoders.describe(name), Tokens.padded(TEXTS)
    whole = AutoModel.from_pretrained(hub_files.folder(card, with_weights=True), dtype=torch.float32).eval()
    with torch.no_grad():
        states = whole(tokens.values, attention_mask=tokens.mask.long(), output_hidden_states=True).hidden_states
    for depth in range(1, len(card.stages)):
        early = encoders.build(card, 3, pretrained=True, seed=0, depth=depth)
        assert early.ends_early
        with torch.no_grad():
            seen = early.eval().run(tokens, 0, len(early.stages))
            logits = early.model(input_ids=tokens.values, attention_mask=tokens.mask.long()).logits
        expected = pool(states[depth - 1], tokens.mask, early.model.config.pooling)  # type: ignore[union-attr, arg-type]
        torch.testing.assert_close(seen, expected)
        torch.testing.assert_close(logits, early.head()(expected))
        drawn = card.network(Strategy.FEATURES, 1, 3, depth=depth)
        assert (drawn.parameters, drawn.learning) == (count(early.parameters()), count(early.head().parameters()))


@pytest.mark.usefixtures("models")
def test_all_of_a_network_is_the_network() -> None:
    card = encoders.describe("tiny-gpt")
    for depth in (0, len(card.stages)):
        built = encoders.build(card, 3, pretrained=True, seed=0, depth=depth)
        assert not built.ends_early
        assert count(built.parameters()) == card.network(Strategy.FEATURES, 1, 3).parameters


def test_an_elmo_that_ends_early_hands_on_the_mean_of_its_last_layer() -> None:
    card = next(card for card in cards() if card.family == "ELMo")
    ids = characters([["A", "gripping", "tale", "!"], ["Dull"]])
    whole = encoders.build(card, 3, pretrained=True, seed=0).eval()
    with torch.no_grad():
        layers, mask = whole.model.elmo.layers(ids)  # type: ignore[union-attr, operator]
    means = layers.sum(1) / mask.sum(1)[:, None, None]
    for depth in range(1, len(card.stages)):
        early = encoders.build(card, 3, pretrained=True, seed=0, depth=depth).eval()
        assert len(early.stages) == depth
        tokens = Tokens(ids, mask=(ids != 0).any(-1), owner=torch.arange(2))
        with torch.no_grad():
            seen = early.run(tokens, 0, depth)
            torch.testing.assert_close(early.model(ids), early.head()(seen))
        torch.testing.assert_close(seen, means[:, depth - 1], atol=1e-5, rtol=1e-5)
        drawn = card.network(Strategy.FEATURES, 1, 3, depth=depth)
        assert (drawn.parameters, drawn.learning) == (count(early.parameters()), count(early.head().parameters()))


def test_where_a_network_cannot_be_ended(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that are no list of their own by the configuration: refused, not run differently in silence."""
    assert models
    card = encoders.describe("tiny-bert")
    monkeypatch.setattr(encoders, "end_early", lambda *_: None)
    with pytest.raises(
        InputError, match="setting depth: found 2, behind which this network cannot be ended; accepted: 0"
    ):
        encoders.build(card, 3, pretrained=True, seed=0, depth=2)
