"""What a comparison came to, in a sentence. Light: pages and reports use it."""

from __future__ import annotations

from engines.contract import Verdict

WORDS = {"pays": "Transfer pays", "hurts": "Transfer hurts", "undecided": "Undecided"}


def sentence(verdict: Verdict) -> str:
    """For accuracies in [0, 1]: 'Transfer pays: +37.0 points over training from scratch (95 % interval …).'"""
    d = verdict.difference
    other = "training from scratch" if verdict.against == "scratch" else verdict.against
    seeds = f"{d.seeds} seeds" if d.seeds > 1 else "one seed"
    return (
        f"{WORDS[verdict.verdict]}: {d.value * 100:+.1f} points over {other} "
        f"(95 % interval {d.low * 100:+.1f} to {d.high * 100:+.1f}, {d.n:,} test examples, {seeds})."
    )
