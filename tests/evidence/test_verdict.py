"""One interval and one rule for every comparison: what it says, what it refuses to say, and how often it errs."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import t

from engines.contract import BALANCED_ACCURACY, Estimate, Metric, Verdict
from engines.evidence.effects import Effects, influence, usual_seed_sd
from engines.evidence.scores import Accuracies, Means, Returns, Sums
from engines.evidence.verdict import apart, compared, judge, margin, needed, showable
from engines.reporting import wording

WER = Metric("wer", "WER", "", higher_is_better=False, kind="share")
LABELS = np.repeat([0, 1], 20)


def right(share: int) -> np.ndarray:
    """Of 20 examples a class, the first so many."""
    return (np.arange(40) % 20 < share).astype(float)


def verdict(ours: list[np.ndarray], theirs: list[np.ndarray], labels: np.ndarray = LABELS) -> Verdict:
    return compared(Accuracies(labels, ours), Accuracies(labels, theirs), "scratch", BALANCED_ACCURACY, learnt_from=100)


# --- the interval ---------------------------------------------------------------------------------


def test_one_seed_by_hand() -> None:
    """Four items of one class, differences 1, 0, 0, 1: a mean of .5, a variance of 1/3 over 4."""
    d = Effects.alike(np.array([[1.0, 0.0, 0.0, 1.0]]), unit=1.0)
    half = t.ppf(0.975, 3) * math.sqrt(1 / 12 + 1 / 36)
    assert dataclasses.astuple(d.interval()) == pytest.approx((0.5, 0.5 - half, 0.5 + half, 4, 1))


def test_a_balanced_mean_weighs_classes_and_keeps_their_own_variance() -> None:
    labels = np.array([0] * 8 + [1] * 2)
    d = Accuracies(labels, [np.array([1.0] * 8 + [1.0, 0.0])]).effects()
    found = d.interval()
    assert found.value == pytest.approx(0.75)
    variance = 0.25 * 0.5 / 2  # (1/2)² × var(1, 0) / 2; the large class does not vary
    unseen = 1 / (1 / (8 / 256 + 2 / 16) + 2) ** 2
    assert found.high - found.value == pytest.approx(t.ppf(0.975, 1) * math.sqrt(variance + unseen))


def test_what_is_drawn_together_counts_once() -> None:
    values = np.array([[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]])
    each = Effects.alike(values, unit=0.0)
    pairs = dataclasses.replace(each, groups=np.arange(8) // 2)
    once = Effects.alike(values[:, ::2], unit=0.0)
    assert pairs.interval().high == pytest.approx(once.interval().high)
    assert pairs.interval().high > each.interval().high


def test_seeds_that_disagree_widen_the_interval() -> None:
    alike = Accuracies(LABELS, [right(14)] * 3).minus(Accuracies(LABELS, [right(10)] * 3), learnt_from=100)
    ours = [right(n) for n in (9, 14, 19)]
    unlike = Accuracies(LABELS, ours).minus(Accuracies(LABELS, [right(10)] * 3), learnt_from=100)
    assert alike.value == unlike.value == pytest.approx(0.2)
    assert alike.seeds == unlike.seeds == 3
    assert unlike.high - unlike.low > 1.5 * (alike.high - alike.low)


def test_few_seeds_that_agree_are_not_believed_to_be_without_chance() -> None:
    """Three seeds with the very same answers: the usual seed variance still counts, the more the fewer the labels."""
    ours, theirs = Accuracies(LABELS, [right(14)] * 3), Accuracies(LABELS, [right(10)] * 3)
    widths = [(d := ours.minus(theirs, learnt_from=n)).high - d.low for n in (10, 100, 10_000)]
    one = Accuracies(LABELS, [right(14)]).minus(Accuracies(LABELS, [right(10)]))
    assert widths == sorted(widths, reverse=True)
    assert widths[2] == pytest.approx(one.high - one.low, rel=0.02)


def test_returns_are_judged_over_seeds_alone() -> None:
    found = Returns([np.full(20, 100.0), np.full(20, 200.0), np.full(20, 300.0)]).estimate()
    half = t.ppf(0.975, 2) * 100 / math.sqrt(3)
    assert dataclasses.astuple(found) == pytest.approx((200, 200 - half, 200 + half, 60, 3))


def test_the_influence_of_examples_on_a_ratio() -> None:
    """Of a mean, an example's influence is the example itself; of a ratio, the mean of them is the ratio."""
    values = np.array([[1.0], [2.0], [6.0]])
    without = np.array([(9 - row[0]) / 2 for row in values])
    assert influence(values, 3.0, without) == pytest.approx([1, 2, 6])
    counts = np.array([[2.0, 10.0], [1.0, 2.0], [0.0, 8.0]])
    rows = Sums([counts], lambda sums: float(sums[0] / sums[1])).influences
    assert rows.mean() == pytest.approx(3 / 20)
    assert min(rows[0, :2]) > 3 / 20 > rows[0, 2]


def test_pairs_of_sums_and_means_leave_out_what_both_share() -> None:
    rng = np.random.default_rng(0)
    counts = np.stack([rng.integers(0, 9, 40), np.full(40, 10)], axis=1).astype(float)
    fewer = counts - [1, 0] * (counts[:, :1] > 0)
    ours, theirs = (Sums([one], lambda sums: float(sums[0] / sums[1])) for one in (fewer, counts))
    d = ours.minus(theirs)
    assert d.high < 0
    assert d.high - d.low < 0.5 * (ours.estimate().high - ours.estimate().low)
    draws = rng.multinomial(40, np.full(40, 1 / 40), 500)
    errors = rng.random(40)
    better = Means([errors - 0.1], draws, 40, 40).minus(Means([errors], draws, 40, 40))
    assert (better.value, better.low, better.high) == pytest.approx((-0.1, -0.1, -0.1))
    unknown = Means([np.full(40, np.nan)], draws, 40, 40)
    assert math.isnan(unknown.minus(Means([errors], draws, 40, 40)).value)


@pytest.mark.parametrize(("seeds", "sd"), [(1, 0.0), (3, 0.0), (3, 0.03), (5, 0.03)])
def test_the_interval_holds_the_truth_and_seldom_finds_what_is_not_there(seeds: int, sd: float) -> None:
    """300 simulated comparisons of learners that are equally good, on 150 items that are unequally hard."""
    rng = np.random.default_rng(seeds)
    labels, called = np.arange(150) % 3, 0
    for _ in range(300):
        hard = rng.normal(size=150)

        def arm(hard: np.ndarray = hard) -> Accuracies:
            level = 0.39 + rng.normal(0, sd / 0.37, seeds)  # Φ(.39) = .65, where its slope is .37
            noise = rng.normal(size=(seeds, 150))
            answers = level[:, None] + math.sqrt(0.6) * hard + math.sqrt(0.4) * noise > 0
            return Accuracies(labels, list(answers.astype(float)))

        d = arm().minus(arm(), learnt_from=100)
        called += d.low > 0 or d.high < 0
    assert called <= 0.075 * 300


# --- the word -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("low", "high", "side", "word"),
    [
        (0.01, 0.2, "better", "pays"),
        (-0.2, -0.01, "worse", "hurts"),
        (-0.1, 0.2, "unclear", "undecided"),
        (0, 0.2, "unclear", "undecided"),
        (-0.02, 0.025, "close", "no_difference"),
        (0.005, 0.025, "close", "no_difference"),  # sure, and not worth having
    ],
)
def test_four_words(low: float, high: float, side: str, word: str) -> None:
    several = Estimate((low + high) / 2, low, high, 50, 3)
    found = judge(several, "scratch", higher_is_better=True, worth=0.03)
    assert (found.side, found.verdict, found.scope) == (side, word, "training")
    one = dataclasses.replace(several, seeds=1)
    found = judge(one, "scratch", higher_is_better=True, worth=0.03)
    assert (found.side, found.verdict, found.scope) == (side, None, "networks"), "one seed tells of two networks"


def test_lower_may_be_better() -> None:
    assert judge(Estimate(-0.1, -0.2, -0.05, 9, 3), "x", higher_is_better=False).verdict == "pays"


def test_a_test_of_three_a_class_decides_nothing() -> None:
    labels = np.array([0] * 37 + [1] * 3)
    ours, theirs = np.ones(40), np.zeros(40)
    found = verdict([ours] * 5, [theirs] * 5, labels)
    assert (found.side, found.verdict) == ("better", "undecided")
    assert found.reason == "one class has 3 test examples, and it takes 5 of each to say more"
    assert verdict([ours] * 5, [theirs] * 5).verdict == "pays"


def test_a_small_test_does_not_show_that_there_is_no_difference() -> None:
    assert verdict([right(10)] * 3, [right(10)] * 3).verdict == "undecided"
    many = np.repeat([0, 1], 1000)
    same = (np.arange(2000) % 10 < 5).astype(float)
    again = Accuracies(many, [same] * 3)
    assert compared(again, again, "scratch", BALANCED_ACCURACY, learnt_from=2000).verdict == "no_difference"


def test_the_margin() -> None:
    assert margin(is_share=True, rival=0.9) == 0.03
    assert margin(is_share=False, rival=-200.0) == 6
    assert margin(is_share=False, rival=math.nan) == 0


def test_what_a_test_can_show_before_anything_is_trained() -> None:
    """About 15 points with 63 examples and one seed; the more examples, and the more labels, the less."""
    assert showable(63, seeds=1, learnt_from=100) == pytest.approx(0.17, abs=0.02)
    assert showable(150, seeds=5, learnt_from=100) == pytest.approx(0.12, abs=0.02)
    assert showable(150, seeds=5, learnt_from=20) > showable(150, seeds=5, learnt_from=100)
    n = needed(0.05, seeds=5, learnt_from=1000)
    assert n is not None
    assert showable(n, seeds=5, learnt_from=1000) <= 0.05 < showable(n / 2, seeds=5, learnt_from=1000)
    assert needed(0.05, seeds=3, learnt_from=4) is None, "seeds differ by more than that, whatever the test"


def test_the_usual_seed_variance() -> None:
    assert usual_seed_sd(0) == usual_seed_sd(12) == 0.10
    assert usual_seed_sd(100) == pytest.approx(0.035)


def test_two_intervals_alone_decide_less_than_a_paired_one() -> None:
    ours, theirs = Estimate(0.9, 0.8, 0.95, 60), Estimate(0.5, 0.44, 0.62, 60)
    assert apart(ours, theirs) == Estimate(
        pytest.approx(0.4), pytest.approx(0.4 - math.hypot(0.1, 0.12)), pytest.approx(0.4 + math.hypot(0.05, 0.06)), 60
    )


def test_a_verdict_of_before_says_less() -> None:
    """Results of before 0.3 called one seed 'pays'."""
    difference = {"value": 0.4, "low": 0.2, "high": 0.5, "n": 63, "seeds": 1}
    found = Verdict.read({"verdict": "pays", "difference": difference, "against": "scratch"})
    assert (found.verdict, found.side, found.scope) == (None, "better", "networks")
    now = judge(Estimate(0.4, 0.2, 0.5, 63, 3), "scratch", higher_is_better=True)
    assert Verdict.read(dataclasses.asdict(now)) == now


# --- in words -------------------------------------------------------------------------------------


def said(*numbers: Any, against: str = "scratch", metric: Metric = BALANCED_ACCURACY, strategy: str = "") -> str:
    found = judge(Estimate(*numbers), against, higher_is_better=metric.higher_is_better, worth=0.03)
    return wording.sentence(found, metric, strategy)


def test_a_verdict_in_a_sentence() -> None:
    assert said(0.37, 0.251, 0.48, 62, 3) == (
        "Transfer pays: balanced accuracy +37.0 points over training from scratch "
        "(95 % interval +25.1 to +48.0, 62 test examples, 3 seeds; higher is better)."
    )
    assert said(0.37, 0.251, 0.48, 62) == (
        "These two networks differ: balanced accuracy +37.0 points over training from scratch "
        "(95 % interval +25.1 to +48.0, 62 test examples, one seed; higher is better). "
        "One seed tells of these two networks, not of this way of training."
    )
    assert said(-0.01, -0.1, 0.08, 1200, 3, against="zero_shot", metric=WER) == (
        "Fine-tuning gained nothing sure: WER -1.0 points against the model as it came "
        "(95 % interval -10.0 to +8.0, 1,200 test examples, 3 seeds; lower is better). "
        "A test like this one shows differences from about 13 points."
    )


def test_frozen_features_that_hurt_are_not_transfer_that_hurts() -> None:
    assert said(-0.1, -0.2, -0.05, 60, 3, strategy="features").startswith("Frozen features hurt:")
    assert said(-0.1, -0.2, -0.05, 60, 3, strategy="full").startswith("Transfer hurts:")
    assert said(0.1, 0.05, 0.2, 60, 3, strategy="features").startswith("Transfer pays:")


@pytest.mark.parametrize(
    ("low", "high", "seeds", "against", "badge"),
    [
        (0.1, 0.2, 3, "scratch", "Transfer pays: better than training from scratch"),
        (0.1, 0.2, 1, "scratch", "One seed: better than training from scratch"),
        (-0.1, 0.2, 3, "scratch", "Undecided: not told apart from training from scratch"),
        (-0.01, 0.02, 3, "scratch", "No difference worth having: about as good as training from scratch"),
        (-0.1, 0.2, 1, "zero_shot_inputs", "Not told apart from the model as it came, reading the chosen inputs"),
        (-0.2, -0.1, 1, "seasonal_naive", "Worse than seasonal naive"),
    ],
)
def test_a_badge_says_what_was_compared(low: float, high: float, seeds: int, against: str, badge: str) -> None:
    difference = Estimate((low + high) / 2, low, high, 60, seeds)
    assert wording.badge(judge(difference, against, higher_is_better=True, worth=0.03)) == badge
