"""What adapting to a new domain without labels came to, in sentences. Light: page and command line say the same."""

from __future__ import annotations

from typing import Any

from engines.contract import Metric, Result, Verdict
from engines.messages import _
from engines.reporting import wording

GUESSED = _("Average thresholded confidence, Garg et al. 2022")


def sentences(result: Result, metric: Metric) -> list[str]:
    """What was done, what its truth is or what it is guessed to be, and what is known of such guesses; none without a
    target."""
    found: dict[str, Any] | None = result.details.get("adaptation")
    if found is None:
        return []
    return [done(found), *truth(found, metric), *guess(found)]


def done(found: dict[str, Any]) -> str:
    """'New domain: adapted by T3A; 12 of 300 answers changed.'"""
    if found["method"] == "none":
        return _("New domain: not adapted. {why}", why=found["why"])
    return _(
        "New domain: adapted by {title}; {changed:,} of {n:,} answers changed.",
        title=found["title"],
        changed=found["changed"],
        n=found["n"],
    )


def truth(found: dict[str, Any], metric: Metric) -> list[str]:
    """By the labels of the target, where it has some."""
    if found["truth"] is None:
        return []
    before, after = (wording.value(metric, found["truth"][name]["value"]) for name in ("before", "after"))
    if found["method"] == "none":
        return [_("By the labels there: {within} {before}.", within=wording.within(metric.title), before=before)]
    verdict = Verdict.read(found["truth"]["verdict"])
    return [
        _(
            "By the labels there: {before} before, {after} after. {sentence}",
            before=before,
            after=after,
            sentence=wording.sentence(verdict, metric),
        )
    ]


def guess(found: dict[str, Any]) -> list[str]:
    """What the share of right answers is guessed to be, without any label, and how far off such guesses were."""
    known, names = found["estimate"], ("before", "after")
    said = [f"{wording.value('accuracy', known[name])} {name}" for name in names if known[name] is not None]
    if found["method"] == "none":
        said = said[:1]
    if not said:
        return []
    error = known.get("error")
    off = (
        _(
            "; where it was measured, such an estimate was off by {amount} on average and {amount_accuracy} at worst",
            amount=wording.amount("accuracy", error["mean"]),
            amount_accuracy=wording.amount("accuracy", error["worst"]),
        )
        if error
        else _("; how far off it is was not measured")
    )
    text = ", ".join(said) if found["method"] != "none" else said[0].removesuffix(" before")
    return [_("Estimate without labels, right answers: {text} ({guessed}){off}.", text=text, guessed=GUESSED, off=off)]
