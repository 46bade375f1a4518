"""What a run is compared with, and in which order that is told. Light: pages and reports use it."""

from __future__ import annotations

from engines.contract import Estimate, Result, Strategy, Verdict
from engines.evidence.verdict import apart, judge, margin
from engines.reporting.wording import AS_IT_CAME, is_share


def against(result: Result, name: str) -> Verdict | None:
    """The run against one of its baselines: paired over the test examples where the run kept that, else from both
    intervals; None where there is no interval to judge by."""
    if name in AS_IT_CAME and result.strategy == Strategy.ZERO_SHOT:
        return None  # they are the same
    if result.verdict and result.verdict.against == name:
        return result.verdict
    if name == "zero_shot" and (found := result.details.get("against_zero_shot")):
        return Verdict.read(found)
    known = result.baseline_details.get(name) or {}
    if name not in result.baselines or "low" not in known:
        return None
    if paired := known.get("difference"):
        difference = Estimate(**paired)
    else:
        ours = Estimate(known.get("there", result.value), result.low, result.high, result.n_test)
        difference = apart(ours, Estimate(result.baselines[name], known["low"], known["high"], result.n_test))
    worth = margin(is_share(result.metric), result.baselines[name])
    return judge(difference, name, higher_is_better=result.higher_is_better, worth=worth)


def as_it_came(result: Result) -> Verdict | None:
    """The run against the pretrained model as it came; None where that could do nothing yet, or nothing learnt."""
    if result.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT}:
        return None
    return next((found for name in AS_IT_CAME if (found := against(result, name))), None)


def told(result: Result) -> list[Verdict]:
    """The verdicts of a run in the order in which they are told.

    What fine-tuning gained comes first where it gained nothing sure: then nothing else about the run is a success.
    """
    came, rival = as_it_came(result), result.verdict
    found = [rival] if rival else []
    if came is None or (rival and rival.against == came.against):
        return found
    return [came, *found] if came.side != "better" or not rival else [*found, came]
