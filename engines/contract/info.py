"""What a domain and a task say of themselves: pages, command line, model card and contract suite read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from engines.contract.strategies import Strategy, StrategyInfo
from engines.messages import Declared, _


@dataclass(frozen=True)
class Metric(Declared):
    """What a run is measured by."""

    name: str
    """As in result.json: 'balanced_accuracy'."""
    title: str
    help: str
    """One sentence a workshop attendee understands."""
    higher_is_better: bool
    kind: Literal["share", "number", "count"] = "number"
    """'share': between 0 and 1, read as a percentage; 'count': whole units, such as a return."""


BALANCED_ACCURACY = Metric(
    "balanced_accuracy",
    _("Balanced accuracy"),
    _("The share named correctly, averaged over the classes: a large class cannot hide a small one."),
    higher_is_better=True,
    kind="share",
)


@dataclass(frozen=True)
class Words(Declared):
    """What a page calls things of this task, where the usual words do not fit."""

    question: str = _("How much of the network should learn?")
    """What the strategy step asks."""
    next_question: str = _("how much should learn?")
    """The same in short, on the button that leads there."""
    compare: str = _("Also train the same network from scratch")
    compare_help: str = _(
        "The same network learns the same data from random numbers: only then can the result say what "
        "the transfer was worth. It gets as many passes as a start from nothing usually needs, which the "
        "result names. It takes the extra time named above."
    )
    brought: str = ""
    """What a person is asked to bring; by default 'your' and the unit."""
    head: str = "head"
    """What the last layer is called in a drawing."""
    explain_question: str = _("What decided?")
    """What a page asks of one test example."""
    explain_methods: Mapping[str, str] = field(default_factory=lambda: {"": "Automatic"})
    """Ways to find out, as `Task.explain` knows them, and what each is called."""


@dataclass(frozen=True)
class DomainInfo(Declared):
    """One domain's page. It stands in the domain's `__init__.py`, as DOMAIN."""

    title: str
    icon: str
    """A Material symbol, as Streamlit writes it: ':material/image:'."""
    does: str
    """What it does, in a few words."""


@dataclass(frozen=True)
class TaskInfo(Declared):
    """What a task can do."""

    name: str
    """domain.task, e.g. 'vision.classification'."""
    title: str
    """A verb for the page's switch, e.g. 'Classify'."""
    unit: str
    """What one example is called, in the plural: 'photographs', 'texts', 'clips'."""
    metric: Metric
    offers: tuple[StrategyInfo, ...]
    """Its strategies, in the order in which a page shows them."""
    usual: Strategy
    """The strategy for whoever has not chosen one."""
    formats: tuple[str, ...]
    """Accepted data, one phrase each."""
    accepts: tuple[str, ...]
    """Endings of the files that a page takes, without dots."""
    exports: tuple[str, ...]
    """Among 'safetensors', 'onnx', 'sb3' (a zip of Stable-Baselines3), 'script'."""
    default_model: str
    pipeline_tag: str
    """What the Hugging Face hub calls such a task, for the model card."""
    library: str
    """The library that loads the exported model, as the hub calls it."""
    builds_without_files: bool = False
    """Whether a network is built and trained from scratch where its published files are not to be had."""
    whole: tuple[str, ...] | None = None
    """Of `accepts`, those of files that are data by themselves, all of them unless told; others are packed together."""
    rival: str = "scratch"
    """What a page compares a run with, beside its free baselines: 'scratch', or 'zero_shot' where that says more."""
    learning: Literal["metric", "loss", "steps"] = "metric"
    """How a report shows a training: the metric by epoch, between 0 and 1; the loss by epoch; or the metric by steps,
    which are `Result.details["curve"]`."""
    words: Words = Words()
    adapts_by: tuple[str, ...] | None = None
    """How a run adapts to data of a new domain without labels where nobody chose: the first of these methods
    (`adaptation.rule`) that has enough of them, so none where there is none. None: the task takes no such data."""
    explored_as: str | None = None
    """The task that looks through its data without labels, where it has no embed.py: at their sounds or texts."""
    one_model: str | None = None
    """Why the metric cannot tell which of two models is better, as a phrase; None where it can."""
    on_card: bool = True
    """Whether its networks learn on a graphics card where there is one: else a run takes none from the others."""
    no_target: str = _("it takes no data of a new domain")
    """Why it takes none, and what it does instead, as a phrase."""

    @property
    def strategies(self) -> tuple[Strategy, ...]:
        return tuple(offer.strategy for offer in self.offers)

    def offer(self, strategy: str) -> StrategyInfo:
        """How the task offers that strategy. Raises KeyError for one that it does not offer."""
        return {offer.strategy: offer for offer in self.offers}[Strategy(strategy)]

    @property
    def domain(self) -> str:
        return self.name.split(".")[0]
