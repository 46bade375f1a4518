"""What a comparison came to, in a sentence. Light: pages and reports use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.contract import Verdict

SHARES = {
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "f1",
    "precision",
    "recall",
    "wer",
    "cer",
    "eer",
    "smape",
    "coverage_80",
}
"""Metrics between 0 and 1 that people read as percentages."""
RIVALS = {"scratch": "training from scratch", "zero_shot": "the model as it came"}
WORDS = {"pays": "Transfer pays", "hurts": "Transfer hurts", "undecided": "Undecided"}


def value(metric: str, number: float) -> str:
    """'80.5%' for a share, '0.268' or '49,152' otherwise."""
    if metric in SHARES:
        return f"{number:.1%}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def on_some(baseline: Mapping[str, Any] | None) -> str:
    """', on 36 of them', for a baseline that was measured on some of the test examples (`Result.baseline_details`)."""
    return f", on {baseline['n']:,} of them" if baseline and "there" in baseline else ""


def sentence(verdict: Verdict, metric: str = "accuracy") -> str:
    """'Transfer pays: +37.0 points over training from scratch (95 % interval …).'"""
    d = verdict.difference
    other = RIVALS.get(verdict.against, verdict.against.replace("_", " "))
    seeds = f"{d.seeds} seeds" if d.seeds > 1 else "one seed"
    amount, low, high = (
        f"{number * 100:+.1f}" if metric in SHARES else format(number, "+,.0f" if abs(number) >= 1000 else "+.3g")
        for number in (d.value, d.low, d.high)
    )
    return (
        f"{WORDS[verdict.verdict]}: {amount}{' points' if metric in SHARES else ''} over {other} "
        f"(95 % interval {low} to {high}, {d.n:,} test examples, {seeds})."
    )
