"""Does a network learn its training data by heart? Read off its curves, alike for every domain. Light: pages use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from engines.contract import Metric, Strategy
from engines.messages import _, _n
from engines.training.settings import TrainSettings

Reading = Literal["by heart", "still improving", "fine"]
Row = Mapping[str, Any]
"""Of one pass: epoch, train_loss, and where they were measured validation_loss, train_metric, validation_metric."""

Way = tuple[str, Strategy, dict[str, Any]]
"""What holds a network back that learns by heart: in words, and as strategy and settings."""

FAR = 0.15
"""How far a share may be better on training examples than on new ones; beyond it they are known by heart."""
RISE = 0.05
"""By which share of its least value the loss on new examples rises where later passes learn by heart."""
FALL = 0.02
"""By which share the loss on new examples still falls over the last quarter of the passes where more would help."""


@dataclass(frozen=True)
class Fit:
    """What the curves of a training say."""

    reading: Reading
    text: str
    gap: float
    """How much better the kept network does on training examples than on new ones: of `measure`, positive: better."""
    measure: str
    """A metric's name, or 'loss'."""
    value: float
    """Of `measure`, on new examples."""


def read(history: Sequence[Row], best_epoch: int, metric: Metric, unit: str) -> Fit | None:
    """`history`: a row a pass, of which number `best_epoch` was kept, the one with the least loss on new examples. None
    where nothing was validated, or nothing learnt.

    A gap beyond `FAR` in a metric that is a share, or a loss on new examples that rises while that on known ones falls,
    is learning by heart (Prechelt 1998, 'Early stopping – but when?': generalisation loss). A loss on new examples that
    has not levelled off when the passes or the time run out leaves room.
    """
    rows = [row for row in history if "validation_loss" in row]
    kept = next((row for row in rows if row["epoch"] == best_epoch), None)
    if kept is None:
        return None
    last, measure, value = rows[-1], "loss", float(kept["validation_loss"])
    gap = value - float(kept["train_loss"])
    if metric.kind == "share" and {"train_metric", "validation_metric"} <= kept.keys():
        measure, value = metric.name, float(kept["validation_metric"])
        gap = (float(kept["train_metric"]) - value) * (1 if metric.higher_is_better else -1)
        if gap > FAR:
            text = _("It knows its training {unit} {points} better than new ones.", unit=unit, points=_points(gap))
            return Fit("by heart", text, gap, measure, value)
    rise = last["validation_loss"] / kept["validation_loss"] - 1 if kept["validation_loss"] > 0 else 0.0
    if rise > RISE and last["train_loss"] < kept["train_loss"]:
        text = _(
            "After pass {best_epoch} of {epoch} the loss on new {unit} rose by {rise:.0f} % "
            "while that on known ones went on falling: it began to learn by heart, and pass "
            "{best_epoch} was kept.",
            best_epoch=best_epoch,
            epoch=last["epoch"],
            unit=unit,
            rise=100 * rise,
        )
        return Fit("by heart", text, gap, measure, value)
    earlier = rows[-1 - max(1, len(rows) // 4)] if len(rows) > 1 else last
    fall = 1 - last["validation_loss"] / earlier["validation_loss"] if earlier["validation_loss"] > 0 else 0.0
    if best_epoch == last["epoch"] and fall > FALL:
        passes = last["epoch"] - earlier["epoch"]
        over = _n("in the last pass", "over the last {n} passes", passes)
        text = _(
            "The loss on new {unit} was still falling when training ended, by {fall:.0f} % {over}.",
            unit=unit,
            fall=100 * fall,
            over=over,
        )
        return Fit("still improving", text, gap, measure, value)
    return Fit(
        "fine", _("No sign of learning by heart: {apart}.", apart=_apart(gap, measure, unit)), gap, measure, value
    )


def details(fit: Fit | None) -> dict[str, Any]:
    """What `Result.details` has of it; nothing where nothing can be read."""
    return {} if fit is None else {"overfitting": dict(vars(fit))}


def longer(fit: Fit, strategy: Strategy, settings: TrainSettings) -> dict[str, Any]:
    """What to train next where it is still improving: text, strategy, settings."""
    given = settings.max_seconds
    more = {"epochs": 2 * settings.epochs_for(strategy)} if given is None else {"max_seconds": 2 * given}
    return {
        "text": _("{text} Let it go on for twice as long.", text=fit.text),
        "strategy": str(strategy),
        "settings": more,
    }


def held_back(fit: Fit, strategy: Strategy, settings: TrainSettings, unit: str, ways: Sequence[Way]) -> dict[str, Any]:
    """What to train next where it learns by heart: the first of `ways` that changes something; else more examples, for
    which there is nothing to click."""
    known = fit.text.removesuffix(".")
    for words, way, changes in ways:
        if way is not strategy or any(getattr(settings, name) != value for name, value in changes.items()):
            return {"text": f"{known}: {words}.", "strategy": str(way), "settings": changes}
    text = _(
        "{known}: more {unit} would help most. Letting more of the network learn would not.", known=known, unit=unit
    )
    return {"text": text, "strategy": None, "settings": {}}


def _apart(gap: float, measure: str, unit: str) -> str:
    if measure == "loss":
        side = _("above") if gap >= 0 else _("below")
        return _("the loss on new {unit} is {gap:.2g} {side} that on known ones", unit=unit, gap=abs(gap), side=side)
    if round(abs(gap) * 100) == 0:
        return _("new {unit} and known ones come out alike", unit=unit)
    return _(
        "new {unit} come out {points} {worse} than known ones",
        unit=unit,
        points=_points(abs(gap)),
        worse=_("worse") if gap > 0 else _("better"),
    )


def _points(share: float) -> str:
    points = round(share * 100)
    return _n("1 point", "{n} points", points)
