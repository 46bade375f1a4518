"""Which words decided: networks that are entered behind their word vectors, and those that are one stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from engines.text.models import encoders
from engines.text.sentiment import explain, predict
from engines.text.settings import TextSettings
from tests import tiny_nli, tiny_text

TEXT = "The lamp is superb, not dreadful."
pytestmark = pytest.mark.usefixtures("one_thread")


def write(models: Path, kind: str) -> None:
    """An ALBERT, whose blocks are one and the same, a BART, whose decoder reads the text once more, or a BERT."""
    from transformers import AlbertConfig, AlbertModel, BartModel

    tokenizer = tiny_nli.tokenizer_like("bart" if kind == "bart" else "bert")
    if kind == "bert":
        tiny_text.write_bert(models, "tiny")
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if kind == "bart":
            model: Any = BartModel(tiny_nli.network_like("bart", tokenizer).config)
        else:
            config = AlbertConfig(
                vocab_size=len(tokenizer),
                embedding_size=16,
                hidden_size=tiny_text.WIDTH,
                num_hidden_layers=3,
                num_attention_heads=2,
                intermediate_size=64,
                max_position_embeddings=64,
                initializer_range=0.1,
            )
            model = AlbertModel(config)
    model.save_pretrained(models / "tiny")
    tokenizer.save_pretrained(models / "tiny")


@pytest.mark.parametrize(("kind", "stages"), [("albert", ["body"]), ("bart", ["body"]), ("bert", None)])
def test_what_each_word_adds_adds_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, stages: list[str] | None
) -> None:
    """To the change of the logit from a text of nothing, over two windows; after the model was kept and read again."""
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "models"))
    write(tmp_path / "models", kind)
    encoders.describe.cache_clear()
    card = encoders.describe("tiny")
    network = encoders.build(card, 2, pretrained=True, seed=0)
    with torch.no_grad():
        network.head().weight.normal_(generator=torch.Generator().manual_seed(1))
    assert stages is None or [stage.name for stage in network.stages] == stages
    settings = TextSettings(max_tokens=16)
    predict.save(tmp_path / "model", network, card, ["bad", "good"], settings, temperature=1.0, columns={})
    classifier = predict.TextClassifier(tmp_path / "model")
    text = f"{TEXT} {TEXT} {TEXT}"
    read = classifier.read(text)
    assert len(read.windows) > 1
    found = explain.attributed(classifier, text)
    assert found["tokens"][:4] == ["The", "lamp", "is", "superb"]
    assert found["completeness_error"] < 0.05
    with torch.no_grad():
        logits = classifier.network(classifier.inputs([read.windows]))[0]
        nothing = classifier.network(classifier.inputs([classifier.reader.without_words(read)]))[0]
    target = classifier.classes.index(found["label"])
    assert target == int(logits.argmax())
    change = float(logits[target] - nothing[target])
    assert sum(found["scores"]) == pytest.approx(change, abs=0.06 * abs(change) + 1e-4)
    assert len({round(score, 6) for score in found["scores"]}) > 4, "words add different things"
    tested, reverse = (
        explain.tested(classifier, text, found | {"scores": [sign * score for score in found["scores"]]})
        for sign in (1, -1)
    )
    assert tested is not None
    assert reverse is not None
    assert tested["units"] == len(found["tokens"])
    assert 0 < tested["deletion"] < 1
    reversed_ = (reverse["insertion"], reverse["deletion"])
    assert (tested["deletion"], tested["insertion"]) == pytest.approx(reversed_), "put back last what was taken first"
    encoders.describe.cache_clear()
