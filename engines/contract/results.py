"""What comes back: a number with its interval, the verdict, the whole outcome of a run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from engines.contract.data import Skipped
from engines.contract.files import fields_of, written

Comparison = Literal["running", "done", "skipped"]
"""Where the comparison with a baseline that learns stands."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and what it rests on."""

    value: float
    low: float
    high: float
    n: int
    """Test examples."""
    seeds: int = 1


Word = Literal["pays", "hurts", "no_difference", "undecided"]
"""'no_difference': none worth having."""
Side = Literal["better", "worse", "close", "unclear"]
"""Where the whole interval is: on the better side of zero, on the worse, within what is not worth having, or nowhere
that tells."""
Scope = Literal["networks", "training"]


@dataclass(frozen=True)
class Verdict:
    """Does transfer pay here? `difference` is transfer minus baseline, in the metric's own unit."""

    verdict: Word | None
    """None of one seed: it speaks of two networks, not of a way of training."""
    difference: Estimate
    against: str
    side: Side = "unclear"
    """What the interval says, whatever may be claimed of it."""
    scope: Scope = "networks"
    """Of what it speaks: these two networks, or this way of training them."""
    reason: str = ""
    """Why nothing may be claimed, where that is so."""

    @property
    def smallest(self) -> float:
        """The smallest gain that a test like this one shows four times in five: what its interval is wide, and the
        80th percentile of chance beyond it."""
        t, chance = 1.96, 0.84
        return (self.difference.high - self.difference.low) / 2 * (1 + chance / t)

    @classmethod
    def read(cls, values: dict[str, Any]) -> Verdict:
        """What `dataclasses.asdict` made of one. One of before 0.3, which knew no scope, claims less than it did: what
        it says of its two networks stays."""
        difference = Estimate(**values["difference"])
        if "scope" in values:
            return cls(**{**values, "difference": difference})
        sides: dict[str, Side] = {"pays": "better", "hurts": "worse"}
        return cls(None, difference, values["against"], sides.get(values["verdict"], "unclear"))


@dataclass
class Result:
    """The outcome of one run: result.json, and the last line of `fit --json`."""

    run: str
    task: str
    model: str
    strategy: str
    metric: str
    value: float
    low: float
    high: float
    """The 95 % interval of `value` over test examples (engines/evidence says how)."""
    higher_is_better: bool
    n_train: int
    n_validation: int
    n_test: int
    seconds: float
    """Wall time of the whole run, baseline included."""
    trainable_parameters: int
    parameters: int
    seed: int
    baselines: dict[str, float]
    """Name -> value on the same test set and metric."""
    baseline_details: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name -> {'low', 'high', 'seconds', …} for each baseline, and where it was scored example by example 'difference',
    the run minus it, as an estimate. One that was tested on some of the examples, in some of a run's folds, has their
    number 'n', and in 'there' the run's own value on these."""
    verdict: Verdict | None = None
    """Against the from-scratch baseline, when one was trained."""
    comparison: Comparison = "done"
    """'running' while the from-scratch baseline trains; 'skipped' where none was asked for, or it was cancelled."""
    metrics: dict[str, Estimate] = field(default_factory=dict)
    """Further metrics on the same test set."""
    device: str = "cpu"
    precision: str = "fp32"
    best_epoch: int = 0
    epochs: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    """What only this task's page reads, e.g. the confusion matrix."""

    @property
    def baseline_may_improve(self) -> bool:
        """Whether training from scratch had not stopped improving: its best pass was among the last."""
        known = self.baseline_details.get("scratch") or {}
        passes = int(known.get("epochs") or 0)
        return passes > 0 and passes - int(known.get("best_epoch") or passes) < max(3, passes // 4)

    def to_json(self, indent: int | None = 2) -> str:
        return written(self, indent)

    @classmethod
    def from_json(cls, text: str) -> Result:
        """Raises InputError for a result of a newer version."""
        values = fields_of(cls, text, "result.json")
        if values.get("verdict"):
            values["verdict"] = Verdict.read(values["verdict"])
        values["metrics"] = {name: Estimate(**estimate) for name, estimate in values["metrics"].items()}
        values["skipped"] = [Skipped(**entry) for entry in values["skipped"]]
        return cls(**values)
