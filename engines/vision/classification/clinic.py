"""What is told besides of a run on scans or pictures of patients; and that it is no medical device."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from engines.classification import diagnostics
from engines.classification.fit import ClassificationStudy
from engines.classification.trial import ClassificationTrial
from engines.contract import InputError, Problem, ReadAs
from engines.evidence import calibration
from engines.messages import _
from engines.vision.classification.settings import VisionSettings

NOTICE = _(
    "Not a medical device: this was made to learn from and to try out, and nobody has tested it in a clinic. It must "
    "not decide about anybody's health, nor help to decide."
)
WELL = frozenset({"normal", "healthy", "benign", "negative", "control", "controls", "no", "none", "0", "false", "well"})
ILL = frozenset(
    {"lesion", "lesions", "tumor", "tumour", "cancer", "malignant", "abnormal", "positive", "disease", "ill", "sick"}
    | {"yes", "1", "true", "pneumonia", "fracture", "stroke", "bleeding", "haemorrhage", "hemorrhage", "melanoma"}
)


def positive_class(classes: Sequence[str], labels: Sequence[str], asked: str | None) -> str:
    """Of two classes the one that is looked for: what is `asked` for, what is called so, else the rarer one. `labels`
    are of all examples. Raises InputError for a class that there is not."""
    if asked is not None:
        if asked not in classes:
            accepted = _("accepted: {classes}", classes=", ".join(classes))
            raise InputError(Problem("setting positive_class", _("found '{asked}'", asked=asked), accepted))
        return asked
    first, second = classes
    for one, other in ((first, second), (second, first)):
        if _says(one, WELL) and not _says(other, WELL):
            return other
    for one, other in ((first, second), (second, first)):
        if _says(one, ILL) and not _says(other, ILL):
            return one
    return min((second, first), key=list(labels).count)


def read_as(classes: Sequence[str], labels: Sequence[str], asked: str | None) -> list[ReadAs]:
    """What is looked for, as a guess to be changed; nothing but of two classes. Raises InputError."""
    if len(classes) != 2:
        return []
    found = positive_class(classes, labels, asked)
    other = next(one for one in classes if one != found)
    why = _("Sensitivity and threshold are of this class.")
    return [ReadAs(_("looked for"), found, [other], "positive_class", why)]


def kept_with_model(settings: VisionSettings) -> dict[str, Any]:
    """What the model's configuration says besides: the notice, and how scans are read."""
    how = {name: value for name in ("window", "frames", "axis", "slice_step") if (value := getattr(settings, name))}
    return {"notice": str(NOTICE), "scans": how}


def found(study: ClassificationStudy[Any, Any], trial: ClassificationTrial) -> dict[str, Any]:
    """`details` of a run on clinical data: the notice, and of two classes `diagnostics.report`."""
    said: dict[str, Any] = {"notice": NOTICE, "scans": study.prepared.scans}
    classes = study.prepared.classes
    labels = study.labels
    if len(classes) != 2 or len(np.unique(labels)) < 2:
        return said
    came = [classes[label] for label in study.prepared.examples.labels.tolist() if label >= 0]
    positive = positive_class(classes, came, study.settings.positive_class)
    at = classes.index(positive)
    held_out = None
    if (logits := trial.kept.held_out) is not None:
        known = calibration.probabilities(logits.numpy(), study.calibrated["temperature"])
        held_out = study.prepared.labels("validation") == at, known[:, at]
    report = diagnostics.report(
        labels == at,
        study.probabilities[:, at],
        study.items().groups,
        sensitivity=study.settings.sensitivity,
        folds=_folds(study) if study.folds else None,
        held_out=None if study.folds else held_out,
    )
    return said | {"clinic": {"positive": positive, **report}}


def _folds(study: ClassificationStudy[Any, Any]) -> np.ndarray:
    """int (N,): the fold that tested each test example."""
    of_each = np.full(len(study.everything.parts["test"]), -1)
    for number, fold in enumerate(study.folds):
        of_each[fold.tested.numpy()] = number
    return of_each[of_each >= 0]


def _says(name: str, words: frozenset[str]) -> bool:
    own = set(re.findall("[a-z]+|[0-9]+", name.casefold()))
    return not own.isdisjoint(words)
