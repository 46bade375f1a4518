"""One life of a run: data opened once (`Study`), any strategy tried on them (`Trial`), and what came out (`Scores`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, Self

from engines.contract.cards import ModelCard
from engines.contract.data import Skipped
from engines.contract.errors import InputError, Problem
from engines.contract.events import Run
from engines.contract.info import TaskInfo
from engines.contract.recipe import Recipe
from engines.contract.results import Estimate
from engines.contract.settings import Settings
from engines.contract.strategies import Strategy
from engines.messages import _

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Scores(Protocol):
    """How well something does on the test examples of a study, with one network or with those of several seeds."""

    @property
    def n(self) -> int:
        """Test examples."""

    @property
    def outcomes(self) -> Sequence[np.ndarray]:
        """What each seed left, an array of numbers each: `Study.scores` makes the same scores of it again."""

    @property
    def too_few(self) -> str:
        """Why a test like this decides nothing; empty where it can."""

    def effects(self) -> Any:
        """What each test example adds to the metric, see `evidence.effects`."""

    def estimate(self, *, learnt_from: int = 0) -> Estimate:
        """The metric with its 95 % interval, over examples and, of several, over seeds. `learnt_from`: labels that each
        training had, 0 where there is no telling; see `evidence.effects`."""

    def minus(self, other: Self, *, learnt_from: int = 0, level: float = 0.95) -> Estimate:
        """This minus the other, paired on the same examples and seeds, with its interval at that level."""


class Describes(Protocol):
    """What a study asks of its task."""

    info: TaskInfo

    def describe(self, model: str) -> ModelCard: ...


class Progress(Protocol):
    """How a training went; see `training.checkpoint.Progress`."""

    epoch: int
    best_epoch: int
    seconds: float
    """Of the epochs alone."""
    history: list[dict[str, Any]]


class Trial(Protocol):
    """One strategy, tried once."""

    @property
    def scores(self) -> Scores: ...
    @property
    def progress(self) -> Progress: ...
    @property
    def trainable(self) -> int:
        """Parameters that learnt."""

    @property
    def parameters(self) -> int:
        """All of the network's."""

    @property
    def seconds(self) -> float: ...
    def state(self) -> dict[str, Tensor]:
        """What learnt, on the CPU."""


@dataclass(frozen=True)
class Budgets:
    """How much a learner may be given, and what is counted."""

    low: int
    high: int
    unit: str
    """'photographs', 'real steps', 'values of history'."""
    low_reason: str = ""
    """What stands behind the lower bound in a sentence: 'one a class'."""
    high_reason: str = ""
    """And behind the unit of the upper: '(all that are not tested on)'."""
    counts_examples: bool = True
    """Whether the unit is one example; not where steps or values are counted."""


@dataclass(frozen=True)
class Features:
    """What a frozen network sees of examples."""

    values: np.ndarray
    """float32 (N, D)"""
    targets: np.ndarray
    """int64 (N,) of a classifier, else float64 (N, …)."""


@dataclass(frozen=True)
class Items:
    """The test examples, for whoever draws them anew."""

    weights: np.ndarray
    """float64 (N,): how much each counts."""
    strata: np.ndarray
    """int64 (N,): within which they are drawn, such as classes."""
    groups: np.ndarray
    """int64 (N,): what is drawn together, such as the clips of one speaker."""


class Study(ABC):
    """A recipe's data, read, split and encoded: any strategy is tried on one test.

    A task's `fit.py` subclasses it with what only that task knows. It is driven by `lifecycle.fit` and
    `evidence.learning_curve.compare`.
    """

    tests_by_seed: ClassVar[bool] = False
    """Whether each seed is tested on examples of its own: then what learns nothing differs from seed to seed, too."""
    sha256: str
    """Over every example's bytes and label, as the data were read."""
    notes: list[str]
    """What is good to know of the data; more may come while a run goes on."""
    skipped: list[Skipped]
    device: str
    precision: str

    def __init__(self, task: Describes, recipe: Recipe, settings: Settings, run: Run):
        """A subclass reads the data. Raises InputError and Cancelled."""
        self.task, self.info, self.card = task, task.info, task.describe(recipe.model)
        self.recipe, self.settings, self.run = recipe, settings, run
        self.notes, self.skipped = [], []

    @property
    def rival(self) -> Strategy:
        """The strategy that `compare` compares with: 'scratch', or 'zero-shot' where that says more."""
        return Strategy.SCRATCH

    @property
    @abstractmethod
    def budgets(self) -> Budgets:
        """What a comparison may give to learn from."""

    def learnt_from(self, budget: int) -> int:
        """Labels that a budget comes to, about: where it counts something else, such as seconds, they are fewer."""
        return budget

    @property
    def compares(self) -> bool:
        """Whether the recipe asks for training from scratch beside the run."""
        asked = getattr(self.settings, "baseline", "none") == "scratch"
        return asked and self.recipe.strategy is not Strategy.SCRATCH

    @property
    def trains_alone(self) -> str:
        """Why several processes would train this run no faster than one, or not to the same numbers; empty where they
        would."""
        if self.recipe.strategy in {Strategy.FEATURES, Strategy.PROTOTYPES, Strategy.ZERO_SHOT}:
            return _("with '{strategy}' no more than a head learns", strategy=str(self.recipe.strategy))
        return "" if self.recipe.target is None else _("it is adapted to a new domain")

    def require(self) -> None:  # noqa: B027  (many tasks meet nothing more)
        """Meets whatever a run's own trial meets before its first step and may refuse, and changes nothing by it: so
        `check` refuses it too. Raises InputError."""

    def hold_back_test(self) -> None:
        """Puts away what is tested on, for whoever chooses between trials (`engines.search`): from here on the examples
        that were to choose by are the test, and a part of those that are learnt from decides when to stop. To be
        called before `compute`, and once. Raises InputError where nothing is left to choose by."""
        found = _("what it is tested on cannot be put away, so nothing could be chosen without looking at it")
        raise InputError(Problem(self.info.name, found, _("accepted: another task")))

    def require_held_out(self, n: int) -> None:
        """Raises InputError where no example is there to choose by."""
        if not n:
            accepted = _("accepted: more data, or setting validation_fraction above 0")
            raise InputError(Problem("data", _("none of them are held out to choose by"), accepted))

    def compute(self) -> None:  # noqa: B027  (the same)
        """What takes long once the data are open and refuses nothing, such as decoding pictures: called for a run, not
        for a question."""

    def before(self) -> dict[str, Scores]:
        """Called once before a run's own trial, not before those of a comparison: what the model does as it came, where
        a task measures that before anything learns: {'zero_shot': …}."""
        return {}

    def tell(self, note: str) -> None:
        """Something good to know that came up while the run goes on."""
        self.notes.append(note)
        self.run.emit("note", message=note)

    @abstractmethod
    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> Trial:
        """Trains by `strategy` and tests. `seed` (default: the recipe's) draws the weights, the order and, with a
        `budget`, what may be learnt from: it counts all that a training sees of the right answers, what decides when to
        stop included. Raises InputError and Cancelled."""

    def simple(self, budget: int, seed: int) -> dict[str, np.ndarray]:
        """What simple methods, strong for this task, leave on the same test (see `Scores.outcomes`), by name, having
        had so much to learn from, the same that `trial` draws."""
        return {}

    @abstractmethod
    def scores(self, outcomes: Sequence[np.ndarray]) -> Scores:
        """Scores of what some seeds' trials left (`Scores.outcomes`)."""

    @abstractmethod
    def keep(self, trial: Trial, value: Estimate) -> None:
        """Leaves model and predictions in `run.path`."""

    def keep_rival(self, rival: Trial) -> None:  # noqa: B027  (not every task's answers can be laid side by side)
        """Leaves what the network from scratch answers of each test example in `run.path`."""

    @abstractmethod
    def counts(self, trial: Trial) -> tuple[int, int, int]:
        """How many examples were learnt from, chosen by and tested on."""

    def workload(self) -> dict[str, Any]:
        """What the cost of a run depends on besides the number of examples, by the names that the details of the task's
        check have for it; `relative_cost` is what one example costs, compared with one as on the models' cards."""
        return {}

    def metrics(self, trial: Trial) -> dict[str, Estimate]:
        """Further metrics on the same test."""
        return {}

    def baselines(self, trial: Trial) -> dict[str, Scores | float]:
        """What others do on the same test: free ones, and those that need no training."""
        return {}

    def baseline_details(self, trial: Trial, rival: Trial) -> dict[str, Any]:
        """What `Result.baseline_details` says of the network trained from scratch, besides its interval."""
        progress = rival.progress
        return {"seconds": round(rival.seconds, 1), "epochs": progress.epoch, "best_epoch": progress.best_epoch}

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        """What only this task's page reads of `Result.details`. `rival`, from scratch, is None until it is trained."""
        return {}

    def features(
        self, part: str, *, model: str | None = None, depth: int | None = None, pretrained: bool = True
    ) -> Features | None:
        """What a frozen network sees of a part, behind its last stage or behind `depth` stages; None where there is no
        such thing. `model` is another one of the catalogue, `pretrained=False` the same network with random weights."""
        return None

    def clients(self, n: int, alpha: float, seed: int) -> list[Study]:
        """The study of each of `n` sites that have a part each of what may be learnt from, and the same test: the
        larger alpha, the more alike. Raises InputError where these data cannot be divided so."""
        found = _("what {title} learns from cannot be divided among sites", title=self.info.title)
        raise InputError(Problem(self.info.name, found, _("accepted: a classifier of pictures, texts or voices")))

    @abstractmethod
    def items(self) -> Items:
        """The test examples, for whoever draws them anew."""
