"""The model card of the small ELMo: elmo_card.md with the numbers that pretraining and measuring recorded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_suffix(".md")
"""The words, with names in braces for the numbers."""

TITLES = {
    "pretrained": "**this model**, even mix",
    "pretrained, letters alone": "this model, letters alone",
    "pretrained, LSTM 1 alone": "this model, first LSTM alone",
    "pretrained, LSTM 2 alone": "this model, second LSTM alone",
    "random": "random weights, even mix",
    "random, letters alone": "random weights, letters alone",
    "random, LSTM 1 alone": "random weights, first LSTM alone",
    "random, LSTM 2 alone": "random weights, second LSTM alone",
    "tf-idf": "tf-idf (words and pairs of words)",
    "MiniLM": "all-MiniLM-L6-v2",
}


def card(pretraining: dict[str, Any], transfer: dict[str, Any], parameters: int, size: int) -> str:
    """Markdown, from pretraining.json and transfer.json, the number of parameters and the bytes of the weight file."""
    corpus, checks = pretraining["corpus"], pretraining["checks"]
    seen = checks[-1]["words_seen"]
    rounds = seen / (corpus["words"]["train"] + corpus["sentences"]["train"])
    best = min(checks, key=lambda check: math.sqrt(check["forward"] * check["backward"]))
    perplexities = [
        f"| {title} | {found['words']:,.0f} | {found['forward']:.1f} | {found['backward']:.1f} "
        f"| {100 * pretraining['unknown'][name]:.1f} % |"
        for name, title in (
            ("test", "IMDb reviews and others, held out"),
            ("film", "film-review snippets"),
            ("products", "product-review snippets"),
        )
        for found in [pretraining["perplexity"][name]]
    ]
    accuracies = [f"| {title} | {_interval(transfer['accuracy'][name])} |" for name, title in TITLES.items()] + [
        f"| always the commoner class | {_interval(transfer['majority'])} |"
    ]
    return PAGE.read_text(encoding="utf-8").format(
        parameters=parameters,
        megabytes=size / 1e6,
        words_train=corpus["words"]["train"],
        sentences_train=corpus["sentences"]["train"],
        seen=seen,
        epochs=f"{rounds:.2f} rounds" if rounds > 1 else f"{100 * rounds:.0f} % and none twice",
        reviews=corpus["reviews"],
        others=corpus["texts"] - corpus["reviews"],
        package_reviews=corpus["packages"][0],
        package_vader=corpus["packages"][1],
        left_out=corpus["sentences_left_out"],
        steps=pretraining["steps"],
        seed=pretraining["seed"],
        vocabulary=pretraining["vocabulary"],
        torch=pretraining["torch"],
        seconds=checks[-1]["cpu_seconds"],
        checks=len(checks),
        stopped="it never stopped it, the last check was the best"
        if best is checks[-1]
        else f"step {best['step']} was best",
        perplexities="\n".join(perplexities),
        accuracies="\n".join(accuracies),
        gain=_points(transfer["gain"]),
        verdict=_verdict(transfer["gain"]),
        more_gain=_points(transfer["more_gain"]),
        more_verdict=_verdict(transfer["more_gain"]),
        more_test=transfer["more_test"],
        more_pretrained=_interval(transfer["more"]["pretrained"]),
        more_random=_interval(transfer["more"]["random"]),
        minilm=_points(transfer["behind_minilm"]),
        tf_idf=_points(transfer["over_tf_idf"]),
        times=22_713_216 / parameters,
        **{name: transfer[name] for name in ("train", "test", "texts", "seeds")},
    )


def _interval(found: dict[str, Any]) -> str:
    return f"{found['mean']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def _points(found: dict[str, Any]) -> str:
    return f"{100 * found['mean']:+.1f} points ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def _verdict(found: dict[str, Any]) -> str:
    """In words, whether the interval lies on one side of nothing."""
    return "it pays" if found["low"] > 0 else "it hurts" if found["high"] < 0 else "undecided"
