"""What a comparison came to, in a sentence. Light: pages and reports use it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from engines.contract import Metric, Side, Strategy, Verdict, Word
from engines.messages import _, _n, told

SHARES = {"accuracy", "balanced_accuracy", "macro_f1", "recall", "wer", "cer", "eer", "smape", "coverage_80"}
"""Metrics that people read as percentages, where only the name is known; a task's own says it (`Metric.kind`)."""
RIVALS = {
    "scratch": _("training from scratch"),
    "zero_shot": _("the model as it came"),
    "zero_shot_inputs": _("the model as it came, reading the chosen inputs"),
    "nearest_voice": _("the model as it came, taking the nearest voice"),
    "seasonal_naive": _("seasonal naive"),
    "tfidf_logistic_regression": _("counting words"),
    "pixels_logistic_regression": _("weighing the pixels themselves"),
    "auto_ets": "AutoETS",
    "without_masked_words": _("the same without continued pretraining"),
    "before_adapting": _("the model before it was adapted"),
}
HOLD = _("The numbers hold for data like the test data; elsewhere they have to be measured again.")
AS_IT_CAME = ("zero_shot_inputs", "nearest_voice", "zero_shot")
"""Baselines in which nothing of the pretrained model learnt, the strongest first."""
TRANSFER: dict[Word, str] = {
    "pays": _("Transfer pays"),
    "hurts": _("Transfer hurts"),
    "no_difference": _("No difference worth having"),
    "undecided": _("Undecided"),
}
"""What a comparison with training from scratch claims."""
FINE_TUNING: dict[Word, str] = {
    "pays": _("Fine-tuning pays"),
    "hurts": _("Fine-tuning hurts"),
    "no_difference": _("Fine-tuning made no difference worth having"),
    "undecided": _("Fine-tuning gained nothing sure"),
}
"""What a comparison with the model as it came claims."""
FROZEN = _("Frozen features hurt")
"""What is claimed instead where nothing but a head learnt: the backbone might have done better had it learnt, too."""
NETWORKS: dict[Side, str] = {
    "better": _("These two networks differ"),
    "worse": _("These two networks differ"),
    "close": _("These two networks are about as good"),
    "unclear": _("These two networks cannot be told apart"),
}
"""All that one seed says."""
SAID: dict[Side, str] = {
    "better": _("better than"),
    "worse": _("worse than"),
    "close": _("about as good as"),
    "unclear": _("not told apart from"),
}


def is_share(metric: Metric | str) -> bool:
    """Whether its values are between 0 and 1 and read as percentages."""
    return metric in SHARES if isinstance(metric, str) else metric.kind == "share"


def value(metric: Metric | str, number: float) -> str:
    """'80.5%' for a share, '0.268' or '49,152' otherwise."""
    if is_share(metric):
        return f"{number:.1%}"
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def within(title: str) -> str:
    """A title within a sentence: 'Balanced accuracy' loses its capital, 'MASE' and 'chrF' keep theirs."""
    return title.lower() if title[1:].islower() else title


def seeds(n: int) -> str:
    return _n("one seed", "{n} seeds", n)


def on_some(baseline: Mapping[str, Any] | None) -> str:
    """', on 36 of them', for a baseline that was measured on some of the test examples (`Result.baseline_details`)."""
    return _(", on {n:,} of them", n=baseline["n"]) if baseline and "there" in baseline else ""


def direction(metric: Metric) -> str:
    return _("{higher} is better", higher=_("higher") if metric.higher_is_better else _("lower"))


def claim(verdict: Verdict, strategy: str = "") -> str:
    """'Transfer pays', of a comparison with training from scratch; 'Fine-tuning pays', with the model as it came; of
    one seed, 'These two networks differ'. Empty beside another method, which says nothing of either."""
    if verdict.against != "scratch" and verdict.against not in AS_IT_CAME:
        return ""
    if verdict.verdict is None:
        return told(NETWORKS)[verdict.side]
    if verdict.against != "scratch":
        return told(FINE_TUNING)[verdict.verdict]
    return FROZEN if verdict.verdict == "hurts" and strategy == Strategy.FEATURES else told(TRANSFER)[verdict.verdict]


def badge(verdict: Verdict, strategy: str = "") -> str:
    """A verdict in a few words, with what was compared: 'Transfer pays: better than training from scratch'. Of one seed
    it has to fit a phone."""
    said = f"{told(SAID)[verdict.side]} {other(verdict)}"
    if verdict.against == "scratch":
        judged = _("One seed") if verdict.difference.seeds == 1 else _("Judged before")
        claimed = judged if verdict.verdict is None else claim(verdict, strategy)
        return f"{claimed}: {said}"
    return said[0].upper() + said[1:]


def other(verdict: Verdict) -> str:
    """What the verdict is against, within a sentence."""
    return told(RIVALS).get(verdict.against, verdict.against.replace("_", " "))


def rests_on(verdict: Verdict, metric: Metric) -> str:
    """What a verdict cannot say, and why: 'one seed: …'; empty where there is nothing to add."""
    said = [verdict.reason[:1].upper() + verdict.reason[1:]] if verdict.reason else []
    if verdict.scope == "networks" and (verdict.against == "scratch" or verdict.against in AS_IT_CAME):
        one = _("one seed tells of these two networks, not of this way of training")
        before = _("an older version judged these seeds, and was too sure: only training them again says more")
        said.append(one if verdict.difference.seeds == 1 else before)
    if verdict.side == "unclear" and math.isfinite(verdict.smallest):
        said.append(
            _("a test like this one shows differences from about {amount}", amount=amount(metric, verdict.smallest))
        )
    text = "; ".join(said)
    return text[:1].upper() + text[1:] + "." if text else ""


def amount(metric: Metric | str, size: float) -> str:
    """A difference without its sign: '15 points' of a share, '0.12' otherwise."""
    if is_share(metric):
        points = 100 * size
        return (
            _("{points:.1f} points", points=points)
            if points < 1
            else _n("{points:.0f} point", "{points:.0f} points", round(points), points=points)
        )
    return f"{size:,.0f}" if size >= 100 else f"{size:.2g}"


def sentence(verdict: Verdict, metric: Metric, strategy: str = "", *, level: float = 0.95) -> str:
    """'Transfer pays: accuracy +37.0 points over training from scratch (95 % interval …; higher is better).' The
    interval is of that level."""
    d = verdict.difference
    signed, low, high = (
        f"{number * 100:+.1f}" if is_share(metric) else format(number, "+,.0f" if abs(number) >= 1000 else "+.3g")
        for number in (d.value, d.low, d.high)
    )
    over = _("over") if d.value > 0 and metric.higher_is_better else "against"
    limits = rests_on(verdict, metric)
    return _(
        "{claim}: {within} {signed}{points} {over} {other} ({level:.3g} % interval {low} to "
        "{high}, {n:,} test examples, {seeds}; {direction}).{limits}",
        claim=claim(verdict, strategy) or told(SAID)[verdict.side].capitalize(),
        within=within(metric.title),
        signed=signed,
        points=_(" points") if is_share(metric) else "",
        over=over,
        other=other(verdict),
        level=100 * level,
        low=low,
        high=high,
        n=d.n,
        seeds=seeds(d.seeds),
        direction=direction(metric),
        limits=" " + limits if limits else "",
    )
