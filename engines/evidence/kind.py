"""Which kind of transfer a run is, told by its data: never by its task's name.

Pan & Yang 2010, 'A survey on transfer learning', section 2.3: a domain is what the inputs are like, a task is a set of
labels and how inputs lead to them. What differs between source and target, and which labels are at hand, makes the
kind. Two things are said more finely than there: the same task with labels of the new domain is usually called domain
adaptation, and where nothing of the target is learnt from at all the transfer is zero-shot. Light: pages read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any, Literal

from engines.contract import Recipe, Result, Strategy
from engines.messages import _

FEW = 20
"""Examples a class up to which a run is few-shot."""
MOST_NAMED = 3

Kind = Literal["inductive", "few-shot", "adaptation", "transductive", "zero-shot", "unsupervised", "none"]


def _plain(name: str) -> str:
    return name.replace("_", " ").strip().casefold()


@dataclass(frozen=True)
class Facts:
    """What a run's data say of source and target."""

    transfers: bool
    """Whether it began with what a network had learnt."""
    target_labels: Set[str] | None
    """The target's classes, none of them where it has no task; None where the network answers as it always did."""
    source_labels: Set[str] | None
    """Those that the network came with; None where nobody has listed them."""
    labelled: int
    """Examples of the target from whose right answers something was learnt or chosen."""
    unlabelled: int = 0
    """Examples of the target that something was learnt from without their answers."""
    unit: str = "examples"
    further: str = ""
    """What else is known of how the domains differ, as a sentence."""
    learnt: bool = True
    """Whether anything learnt, from whatever it was."""

    @property
    def same_task(self) -> bool:
        """Whether source and target ask for the same answers."""
        if self.target_labels is None:
            return True
        return bool(self.target_labels) and len(self.known) == len(self.target_labels)

    @property
    def known(self) -> Set[str]:
        """The target's classes that are the source's, too, however they are written."""
        theirs = {_plain(name) for name in self.source_labels or ()}
        return {name for name in self.target_labels or () if _plain(name) in theirs}

    @property
    def shots(self) -> float | None:
        """Labelled examples a class, on average; None where there are no classes."""
        return self.labelled / len(self.target_labels) if self.target_labels else None


@dataclass(frozen=True)
class Placed:
    """A run's place on the map, and why."""

    kind: Kind
    same_task: bool
    reasons: tuple[str, ...]
    """A sentence each: of the task, of the labels, of the domain."""

    @property
    def said(self) -> str:
        return " ".join(self.reasons)


def of_run(
    recipe: Recipe,
    result: Result,
    *,
    source_labels: Set[str] | None = None,
    mismatch: Mapping[str, Any] | None = None,
    unit: str = "examples",
) -> Placed:
    """Where a finished run stands. `source_labels` are the classes that its network came with, where they are listed;
    `mismatch` is what was measured of its data before it trained (see `evidence.mismatch.placed`)."""
    return placed(facts(recipe, result, source_labels=source_labels, mismatch=mismatch, unit=unit))


def facts(
    recipe: Recipe,
    result: Result,
    *,
    source_labels: Set[str] | None = None,
    mismatch: Mapping[str, Any] | None = None,
    unit: str = "examples",
) -> Facts:
    """See `of_run`."""
    classes = result.details.get("classes")
    labels = None if classes is None else frozenset(map(str, classes))
    learnt = result.trainable_parameters > 0
    labelled = _learnt_from(result) if learnt else 0
    further = (mismatch or {}).get("said") or _other_physics(result)
    transfers = recipe.strategy is not Strategy.SCRATCH
    if getattr(recipe, "target", None):  # its own classes are the source's, those of the target are not looked at
        return Facts(transfers, labels, labels, 0, unlabelled=max(1, _of_target(result)), unit=unit, further=further)
    return Facts(transfers, labels, source_labels, labelled, unit=unit, further=further, learnt=learnt)


def _learnt_from(result: Result) -> int:
    """What was learnt from or chosen by; in folds each example is both that and tested, by different networks."""
    return result.n_train + (result.n_validation if result.n_train else 0)


def _of_target(result: Result) -> int:
    found = result.details.get("target")
    return int(found.get("n", 0)) if isinstance(found, dict) else 0


def _other_physics(result: Result) -> str:
    """How a robot differs from its simulator, where a run was told."""
    target = result.details.get("target")
    physics = target.get("physics") if isinstance(target, dict) else None
    if not isinstance(physics, dict) or not physics:
        return ""
    some = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in list(physics.items())[:MOST_NAMED])
    return _("The target's physics differ from the simulator's: {some}.", some=some)


def placed(found: Facts) -> Placed:
    """The kind, decided by task, labels and whether anything was transferred at all."""
    reasons = (about_task(found), about_labels(found), about_domain(found))
    return Placed(kind_of(found), found.same_task, reasons)


def kind_of(found: Facts) -> Kind:
    if not found.transfers:
        return "none"
    if not found.labelled:
        if not found.unlabelled:
            return "zero-shot"
        return "transductive" if found.same_task else "unsupervised"
    if found.same_task:
        return "adaptation"
    shots = found.shots
    return "few-shot" if shots is not None and shots <= FEW else "inductive"


def about_task(found: Facts) -> str:
    if not found.transfers:
        return _("It began with random numbers: there is no source.")
    labels = found.target_labels
    if labels is None:
        return _("Same task: the network gives the kind of answer that it always gave.")
    if not labels:
        return _("No task yet: nobody has named a class.")
    if found.same_task:
        return _("Same task: its {labels} classes are among those that the network came with.", labels=len(labels))
    named = ", ".join(sorted(labels)[:MOST_NAMED]) + (", …" if len(labels) > MOST_NAMED else "")
    if found.source_labels is None:
        return _("New task: its classes ({named}) are yours.", named=named)
    known = len(found.known)
    return _(
        "New task: {known} of its {labels} classes ({named}) are among those that the network came with.",
        known=known,
        labels=len(labels),
        named=named,
    )


def about_labels(found: Facts) -> str:
    shots = found.shots
    if found.labelled and shots is not None:
        return _(
            "It learnt from {labelled:,} labelled {unit}, {value:,} a class.",
            labelled=found.labelled,
            unit=found.unit,
            value=max(1, round(shots)),
        )
    if found.labelled:
        return _(
            "It learnt from {labelled:,} {unit} of the target, with their right answers.",
            labelled=found.labelled,
            unit=found.unit,
        )
    if found.unlabelled:
        return _("It learnt from {unit} of the target without their labels.", unit=found.unit)
    if found.learnt:
        return _("What learnt, learnt from nothing of the target.")
    return _("Nothing learnt: the target's labels were used for the test alone.")


def about_domain(found: Facts) -> str:
    if not found.transfers:
        return ""
    return found.further or _("How far its data lie from the source's was not measured before it trained.")
