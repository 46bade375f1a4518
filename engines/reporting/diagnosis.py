"""What a clinic asks of a run on patients' pictures, laid out for card and report: see `classification.diagnostics`."""

from __future__ import annotations

from typing import Any

from engines.contract import Result
from engines.messages import _, told
from engines.reporting import wording
from engines.reporting.facts import Measure

CHOSEN_ON = {
    "out-of-fold": _("on the pooled predictions out of the folds, and judged in each fold with the others' threshold"),
    "validation": _("on the part that was held out to choose by"),
    "nothing": _("on nothing: no part was held out, so it is one half"),
}
SHARES = {
    "sensitivity": _("sensitivity (of the ill, those found)"),
    "specificity": _("specificity (of the well, those left in peace)"),
    "ppv": _("of those said to be ill, the ill"),
    "npv": _("of those said to be well, the well"),
}
FEW = 30
"""Ill examples below which a threshold for a stated sensitivity is rough."""


def measures(result: Result) -> list[Measure]:
    """Areas under the curves, and shares at the threshold; nothing of other runs."""
    found: dict[str, Any] = result.details.get("clinic") or {}
    if not found:
        return []
    lines = [
        Measure.of(_("area under the ROC curve"), "accuracy", found["auroc"]),
        Measure.of(_("average precision"), "accuracy", found["average_precision"]),
    ]
    shares = told(SHARES)
    lines += [Measure.of(shares[name], "accuracy", own) for name in SHARES if (own := found["operating"].get(name))]
    return lines


def sentences(result: Result) -> list[str]:
    """What was looked for among whom, and how the threshold was chosen."""
    found: dict[str, Any] = result.details.get("clinic") or {}
    if not found:
        return []
    at = found["operating"]
    said = [
        _(
            "Looked for: {positive}, {n_ill:,} of {n:,} tested pictures, of {patients:,} patients. Intervals are over "
            "patients.",
            positive=found["positive"],
            n_ill=found["n_ill"],
            n=found["n"],
            patients=found["patients"],
        ),
        _(
            "The threshold {threshold:.3f}, for a sensitivity of {wanted}, was chosen {chosen}.",
            threshold=at["threshold"],
            wanted=wording.value("accuracy", at["wanted"]),
            chosen=told(CHOSEN_ON)[at["on"]],
        ),
    ]
    if at["on"] != "nothing" and at["n_ill"] < FEW:
        said.append(
            _("It rests on {n:,} ill examples alone: with so few it is rough, whatever it reached here.", n=at["n_ill"])
        )
    return said
