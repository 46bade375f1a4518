"""The task text.translation beyond the contract: networks of both kinds, what a pair becomes, and the scores."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sacrebleu
import torch

from engines import lifecycle
from engines.contract import InputError, Recipe, Strategy
from engines.evidence import bootstrap
from engines.evidence.scores import Sums
from engines.evidence.verdict import judge
from engines.runs import RunFolder
from engines.text.generative import encoding, networks
from engines.text.generative.conversations import Written
from engines.text.generative.examples import Sequence, Sequences
from engines.text.generative.settings import TranslationSettings
from engines.text.translation import predict, scores
from engines.text.translation.predict import limits
from engines.text.translation.task import Translation
from tests import alone, tiny_text, tiny_writers

KINDS = ("tiny-marian", "tiny-t5")
REFERENCES = ["le chat voit une maison", "le chien dort", "un arbre vert", "bonjour"]
GOOD = ["le chat voit la maison", "le chien dort", "un arbre bleu", "bonjour"]
POOR = ["chat", "le le le le", "an arbre", "bon jour"]


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny Marian and a tiny T5 where HEADSTART_MODELS is looked in; one thread."""
    folder, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    tiny_writers.write_marian(folder)
    tiny_writers.write_t5(folder)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        patch.setenv("HEADSTART_HOME", str(tmp_path_factory.mktemp("home")))
        yield folder
    torch.set_num_threads(threads)


# --- networks and tokens --------------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_the_stages_add_up(name: str) -> None:
    card = Translation().describe(name)
    network = networks.build(card, pretrained=True, seed=0)
    assert [stage.name for stage in network.stages] == ["words and encoder", "decoder block 1", "decoder block 2"]
    assert sum(stage.parameters for stage in card.stages) == card.parameters
    examples = Sequences(
        [Sequence([0, 5, 6, 1], [False, True, True, True], [7, 8, 1]), Sequence([0, 1], [False, True], [9, 1])], "two"
    )
    batch = examples.plain(torch.arange(2))
    network.eval()
    with torch.no_grad():
        whole = network.model(
            input_ids=batch.source,
            attention_mask=batch.source_mask,
            decoder_input_ids=batch.values,
            decoder_attention_mask=batch.mask,
        ).logits
        ours, behind = network(batch), network(network.run(batch, 0, 1), 1)
    expected = torch.stack([whole[0, 0], whole[0, 1], whole[0, 2], whole[1, 0]])
    torch.testing.assert_close(ours, expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(behind, expected, atol=1e-5, rtol=0)
    assert examples.targets(torch.arange(2)).tolist() == [5, 6, 1, 1]


@pytest.mark.parametrize("name", KINDS)
def test_the_last_blocks_learn_and_the_encoder_does_not(name: str) -> None:
    card = Translation().describe(name)
    network = networks.build(card, pretrained=True, seed=0)
    networks.apply(network, Strategy.PARTIAL, TranslationSettings(blocks=1))
    learning = network.trainable()
    assert sum(p.numel() for p in learning.values()) == card.trainable(Strategy.PARTIAL, 1, 0)
    assert all(".decoder." in f".{name}" and "encoder." not in name.replace("decoder.", "") for name in learning)


@pytest.mark.parametrize("name", KINDS)
def test_a_pair_begins_as_the_model_does_and_ends_with_end_of_text(models: Path, name: str) -> None:
    tokenizer, config = networks.tokenizer(models / name), networks.config(models / name)
    pair = Written("line 1", "the red fox", "le rouge renard")
    found = encoding.pair(tokenizer, config, pair, 50, "")
    assert (found.ids[0], found.ids[-1], found.source[-1]) == (
        config.decoder_start_token_id,
        tokenizer.eos_token_id,
        tokenizer.eos_token_id,
    )
    assert found.asked == [False] + [True] * (len(found.ids) - 1)
    assert tokenizer.decode(found.ids[1:], skip_special_tokens=True) == "le rouge renard"
    short = encoding.pair(tokenizer, config, pair, 4, "")
    assert (len(short.ids), len(short.source), short.cut, found.cut) == (5, 4, True, False)
    assert short.ids[-1] == short.source[-1] == tokenizer.eos_token_id


def test_a_translation_is_given_up_at_some_length() -> None:
    assert limits([[1] * 4, [1] * 40, [1] * 400], 128) == [16, 70, 128]


def test_no_more_is_read_and_written_than_the_model_has_positions_for(tmp_path: Path) -> None:
    """A sentence of more tokens than tiny-marian's 64 positions, and 200 asked for: read, translated and exported."""
    settings = {"max_tokens": 200, "baseline": "none", "device": "cpu", "mixed_precision": "no"}
    data = tiny_writers.write_pairs(tmp_path / "data")
    with data.open("a", encoding="utf-8") as file:
        file.writelines(f"{'the red fox ' * (40 + i)},{'le renard ' * (40 + i)}\n" for i in range(12))
    recipe = Recipe("text.translation", str(data), "tiny-marian", Strategy.ZERO_SHOT, settings=settings)
    run = RunFolder.create(recipe, tmp_path / "run")
    lifecycle.fit(Translation(), recipe, run)
    translator = predict.load(Translation(), run.path)
    long = "the red fox sees a boat " * 40
    ids = translator.prompt(long)
    assert (len(ids), translator.limit(ids)) == (64, 63)
    (answer,) = translator.translate([long])
    folder = Translation().export(run.path, "safetensors", tmp_path / "out")
    said = alone.run(folder / "usage.py", long, cwd=folder)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["label"] == answer


# --- scores ---------------------------------------------------------------------------------------


def test_the_scores_are_those_of_sacrebleu() -> None:
    for ours, theirs in ((scores.chrf, sacrebleu.corpus_chrf), (scores.bleu, sacrebleu.corpus_bleu)):
        for translations in (GOOD, POOR, REFERENCES):
            statistics, value = ours(translations, REFERENCES)
            assert len(statistics) == len(REFERENCES)
            assert value(statistics.sum(0)) == pytest.approx(theirs(translations, [REFERENCES]).score, abs=1e-9)
    statistics, value = scores.chrf(GOOD, REFERENCES)
    assert scores.value_of_chrf(statistics.sum(0)) == value(statistics.sum(0))
    assert value(statistics[1]) == pytest.approx(sacrebleu.sentence_chrf(GOOD[1], [REFERENCES[1]]).score) == 100


def test_better_translations_are_better_for_sure_once_there_are_enough() -> None:
    good, value = scores.chrf(GOOD * 10, REFERENCES * 10)
    poor, _ = scores.chrf(POOR * 10, REFERENCES * 10)
    difference = Sums([good], value).minus(Sums([poor], value))
    assert difference.value == pytest.approx(value(good.sum(0)) - value(poor.sum(0)))
    assert 0 < difference.low < difference.value < difference.high
    assert judge(difference, "zero_shot", higher_is_better=True).side == "better"
    assert bootstrap.estimate(good[:1], value).low == bootstrap.estimate(good[:1], value).high, (
        "one sentence, no spread"
    )


def test_an_empty_translation_scores_nothing() -> None:
    for score in (scores.chrf, scores.bleu):
        statistics, value = score([""], ["bonjour"])
        assert value(statistics.sum(0)) == pytest.approx(0.0, abs=1e-9)
        assert np.isfinite(statistics).all()


# --- a run ----------------------------------------------------------------------------------------


def test_it_learns_to_translate(tmp_path: Path) -> None:
    """Word for word, and sentences that it never saw."""
    data = tiny_writers.write_pairs(tmp_path / "data")
    settings = {
        "epochs": 30,
        "learning_rate": 1e-2,
        "patience": 30,
        "batch_size": 4,
        "device": "cpu",
        "mixed_precision": "no",
    }
    recipe = Recipe("text.translation", str(data), "tiny-marian", Strategy.FULL, settings=settings)
    run = RunFolder.create(recipe, tmp_path / "run")
    result = lifecycle.fit(Translation(), recipe, run)
    assert result.value > 40 > result.baselines["copy"] > result.baselines["zero_shot"]
    assert result.metrics["bleu"].value > result.details["bleu_before"]["value"]
    assert result.verdict is not None
    assert (result.verdict.side, result.verdict.against) == ("better", "zero_shot")
    run.write("result.json", result.to_json())
    translator = predict.load(Translation(), run.path)
    one, two = translator.translate(["the red fox sees a boat", "the blue dog sees a car"])
    assert one.startswith("le ")
    assert two.startswith("le ")
    assert one != two
    assert translator.translate(["the blue dog sees a car"]) == [two], "alone or among others"
    beside = (run.path / "README.md").read_text(encoding="utf-8")
    assert "chrF of handing back the source" in beside


def test_a_gpt_is_no_translator(models: Path) -> None:
    tiny_text.write_gpt(models)
    with pytest.raises(InputError, match=r"^model tiny-gpt: it is a decoder alone; accepted: an encoder-decoder"):
        Translation().describe("tiny-gpt")


def test_without_the_hub_the_catalogue_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from engines import weights

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert {weights.where(card) for card in Translation().models()} == {"unreachable"}
    with pytest.raises(InputError, match=r"^model opus-mt-en-fr: its weights are not on this machine"):
        networks.build(Translation().models()[0], pretrained=True, seed=0)
