"""The `Task` that a domain fills in."""

from __future__ import annotations

import importlib
import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np

from engines.contract.cards import ModelCard
from engines.contract.data import DataReport, Progress, Sample
from engines.contract.errors import InputError, Problem
from engines.contract.events import Run
from engines.contract.info import TaskInfo
from engines.contract.recipe import Recipe
from engines.contract.results import Estimate
from engines.contract.settings import Settings
from engines.contract.strategies import Strategy
from engines.contract.study import Study
from engines.messages import _

EXPORTS = "engines.exports"
ALIKE = {"notebook": "script", "service": "", "app": ""}
"""What every task exports alike, by the verbs that stand in EXPORTS -> the format that it has to offer for that."""


class Predictor(Protocol):
    """A loaded model, kept warm. Whoever derives from it has `predict` of its `stream`."""

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """One row an example, as it is answered: {'file', 'label', 'probabilities': {class: p}} for a classifier.

        Raises InputError when nothing in `data` can be read, at its end at the latest; one bad file among good ones
        becomes a row {'file', 'error'}. `progress` hears how many of how many have been asked.
        """
        ...

    def predict(self, data: Path) -> list[dict[str, Any]]:
        """All rows of `stream`."""
        return list(self.stream(data))


class Embedder(Protocol):
    """A frozen network, kept warm, that looks at single examples."""

    identity: str
    """Changes with the network and with how examples are read: what is cached is filed under it."""

    def embed(self, examples: Sequence[bytes]) -> list[np.ndarray | str]:
        """Of each example, a file or a text as it is, float32 (D,), or a phrase that says why it cannot be used."""


@runtime_checkable
class Chatty(Predictor, Protocol):
    """A model that talks."""

    def answer(
        self,
        messages: list[dict[str, str]],
        *,
        who: Literal["tuned", "base"] = "tuned",
        most: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
    ) -> Generator[str, None, None]:
        """The next message in pieces, as they are written, of `most` tokens; closing the iterator stops the writing.

        `messages` are {'role', 'content'}; `who` is the fine-tuned model or the one that it came from; `temperature`
        0 takes the likeliest token each time. Raises InputError for messages that are none, or too many.
        """


class Task(ABC):
    """One thing Headstart can teach a model: `task.py` of its folder.

    A subclass declares `info` and `settings` and says which models and samples there are. What it does stands beside
    it, a file a verb, imported only when it is asked for: check.py, fit.py, predict.py, explain.py, export_FORMAT.py.
    A verb that is not in its folder is that of the folder of the class it is built on. task.py imports no torch.
    """

    info: TaskInfo
    settings: type[Settings]
    goes_on: ClassVar[bool] = False
    """Whether a run can go on from a finished one (`Recipe.start`)."""

    @abstractmethod
    def models(self) -> list[ModelCard]:
        """The catalogue, default first."""

    @abstractmethod
    def describe(self, model: str) -> ModelCard:
        """The card of any model name the task can build, in the catalogue or not. Raises InputError."""

    def bring(self, file: Path, architecture: str = "") -> tuple[str, list[str]]:
        """Takes over a checkpoint that a person brings: the model name that it has from now on, and what of it fits, in
        sentences. Raises InputError where it does not, or the task takes none."""
        found = _("{title} takes no checkpoint of your own", title=self.info.title)
        raise InputError(Problem(file.name, found, _("accepted: a model's name, see `models`")))

    def model_for(self, data: Path, settings: Settings | None = None) -> str:
        """The name of the model that suits these data, for whoever has not chosen one.

        Raises InputError where the data cannot be read, or nothing suits them.
        """
        return self.info.default_model

    @abstractmethod
    def samples(self) -> list[Sample]:
        """What a person can start from, the best first."""

    def has_sample(self, name: str) -> bool:
        """Whether `make_sample` finds what that sample needs on this machine."""
        return True

    @abstractmethod
    def make_sample(self, name: str, out: Path) -> Path:
        """Writes the sample below `out` in one of the task's formats and returns its path. Raises InputError."""

    def templates(self) -> dict[str, bytes]:
        """Small files that show how data may look, by their names, for people to fill in: `templates` of the folder's
        templates.py; none where there is no such file."""
        try:
            files: dict[str, bytes] = self.verb("templates").templates()
        except NotImplementedError:
            return {}
        return files

    def check(
        self,
        data: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        gallery: Path | None = None,
        test: Path | None = None,
        progress: Progress | None = None,
    ) -> DataReport:
        """Reads all of `data` and says what is in it. Raises InputError when nothing could be trained on it.

        With `gallery`, thumbnails of a few examples are written there.
        """
        chosen = self.own(settings)
        report: DataReport = self.verb("check").report(
            self, data, chosen, seed=seed, gallery=gallery, test=test, progress=progress
        )
        return report

    def require_offered(self, recipe: Recipe) -> None:
        """Raises InputError where the recipe asks for what cannot be done: before weights are fetched or data read."""
        if recipe.strategy not in self.info.strategies:
            accepted = _("accepted: {strategies}", strategies=", ".join(self.info.strategies))
            raise InputError(
                Problem("strategy", _("{strategy} is not offered here", strategy=recipe.strategy), accepted)
            )
        if recipe.target is not None:
            self.require_target(recipe.strategy)

    def require_target(self, strategy: str) -> None:
        """Raises InputError where nothing can be adapted to a new domain without labels."""
        if self.info.adapts_by is None:
            raise InputError(Problem("--target", self.info.no_target, _("accepted here: no target")))
        if strategy == Strategy.ZERO_SHOT:
            found = _("with zero-shot nothing is learnt that could be adapted")
            raise InputError(Problem("--target", found, _("accepted: another strategy, or no target")))

    def lacks(self, strategy: Strategy, card: ModelCard) -> str:
        """Why this model cannot be used by that strategy, in words; '' where it can."""
        return ""

    def source_labels(self, card: ModelCard) -> frozenset[str] | None:
        """The classes that a model came with, by all of their names; None where nobody has listed them."""
        return None

    def rank(self, recipe: Recipe, run: Run, models: Sequence[str] = ()) -> dict[str, Any]:
        """Which of the models that are here fits the recipe's data, asked on a few training examples: rank.py.

        Answers `models` (name, depth, score, low, high, rank, told_apart, best first), `expected`, `gain`, `mismatch`,
        n, unit, sha256: see docs/evidence/transferability.md. `models` names those to order. How far it is is told by
        progress of the phase 'ranking'. Raises InputError where these data, or this task, cannot be ranked; Cancelled.
        """
        try:
            verb = self.verb("rank")
        except NotImplementedError:
            found = _("its models can neither be compared by frozen features nor be measured before they learn")
            raise InputError(Problem(self.info.name, found, _("accepted: another task"))) from None
        answer: dict[str, Any] = verb.rank(self, recipe, list(models), run)
        return answer

    def open(self, recipe: Recipe, run: Run) -> Study:
        """The recipe's data, read, split and encoded. Raises InputError for bad input and Cancelled."""
        study: Study = self.verb("fit").open_study(self, recipe, self.settings.parse(recipe.settings), run)
        return study

    def load(self, run: Path) -> Predictor:
        """The model of a finished run, ready to predict."""
        predictor: Predictor = self.verb("predict").load(self, run)
        return predictor

    @property
    def holds_out(self) -> bool:
        """Whether a part of labelled data can be kept aside, that finished models are asked about."""
        return self._folder_of("hold_out") is not None

    def hold_out(self, data: Path, out: Path, *, most: int, seed: int) -> dict[str, Any]:
        """Keeps about `most` examples of labelled data aside, some of each class, and never one whose copy is learnt
        from: hold_out.py. Below `out`: 'learn', data to learn from; 'ask', new data without classes; key.json, what is
        right of them. Returns both paths, relative to `out`, and how many: 'n' aside, 'left' to learn from. Raises
        InputError, and NotImplementedError without `holds_out`."""
        divided: dict[str, Any] = self.verb("hold_out").hold_out(self, data, out, most, seed)
        return divided

    def score_held_out(self, rows: Iterable[dict[str, Any]], key: Path) -> Estimate:
        """How well a model did whose answers about 'ask' are these rows of `predict`. Raises InputError."""
        estimate: Estimate = self.verb("hold_out").score(rows, key)
        return estimate

    def embedder(self) -> Embedder:
        """What the default model sees of single examples, with no head and no run: embed.py. Raises InputError where
        the task has no such thing, or the weights are not to be had."""
        try:
            verb = self.verb("embed")
        except NotImplementedError:
            found = _("nothing can be shown to it")
            raise InputError(Problem(self.info.name, found, _("accepted: a task that tells classes apart"))) from None
        embedder: Embedder = verb.load(self)
        return embedder

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        """Writes a picture an example below `out`; returns {'file', 'label', 'method', 'picture'} rows.

        `method` is one that the task knows, None the one that suits the model. With `example`, `data` are those that
        the run was tested on, and only the one of that name in predictions.parquet is explained. Raises InputError.
        """
        rows: list[dict[str, Any]] = self.verb("explain").explain(self, run, data, out, method=method, example=example)
        return rows

    def layers(self, run: Path, progress: Progress | None = None) -> dict[str, Any]:
        """What fine-tuning changed inside a finished run's network, stage by stage: layers.py; kept in the run as
        layers.json, see docs/evidence/why.md. Raises InputError where it cannot be told."""
        try:
            verb = self.verb("layers")
        except NotImplementedError:
            found = _("what changed inside is told of classifiers")
            raise InputError(Problem(self.info.name, found, _("accepted: a run of a classifier"))) from None
        answer: dict[str, Any] = verb.layers(self, run, progress)
        return answer

    def check_target(
        self,
        data: Path,
        target: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """Reads data of a new domain as a run that learns from `data` will: n, found, labelled, judged, method, title,
        why, notes, skipped. Raises InputError where nothing could be adapted to them."""
        report: dict[str, Any] = self.verb("check_target").report(
            self, data, target, self.own(settings), seed=seed, progress=progress
        )
        return report

    @property
    def formats(self) -> tuple[str, ...]:
        """How a finished run may be taken home: as `info.exports` has it, and as every task makes of those (ALIKE)."""
        return (*self.info.exports, *(name for name, of in ALIKE.items() if of in {"", *self.info.exports}))

    def export(self, run: Path, format: str, out: Path) -> Path:
        """The model of a finished run in one of `formats`. Raises InputError for another one."""
        if format not in self.formats:
            accepted = _("accepted: {exports}", exports=", ".join(self.formats))
            raise InputError(Problem("format", _("{format} is not offered here", format=format), accepted))
        path: Path = self.verb(f"export_{format}").export(self, run, out)
        return path

    def own(self, settings: Settings | None) -> Any:
        """`settings`, which have to be this task's; its defaults where there are none."""
        if settings is None:
            return self.settings()
        if not isinstance(settings, self.settings):
            raise TypeError(f"{self.info.name} has {self.settings.__name__}, not {type(settings).__name__}")
        return settings

    def verb(self, name: str) -> ModuleType:
        """The file of that verb: in the task's folder, else in that of a class it is built on."""
        if folder := self._folder_of(name):
            return importlib.import_module(f"{folder}.{name}")
        if name.removeprefix("export_") in ALIKE:
            return importlib.import_module(f"{EXPORTS}.{name}")
        raise NotImplementedError(f"{self.info.name} has no {name}.py")

    def _folder_of(self, verb: str) -> str | None:
        """The package that has the file of that verb."""
        folders = (kind.__module__.rpartition(".")[0] for kind in type(self).__mro__)
        return next((folder for folder in folders if folder and importlib.util.find_spec(f"{folder}.{verb}")), None)
