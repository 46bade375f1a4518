"""The words every part of Headstart shares: plain dataclasses and the `Task` a domain fills in.

Nothing here imports torch, so the page's process, the queue and the command line can all hold these values.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import time
import types
import typing
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, Self

Progress = Callable[[int, int], None]
"""Called with (done, total); `total` is 0 while it is unknown."""


# --- errors a person can act on -------------------------------------------------------------------


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what a person gave: where it is, what was found there, what is accepted."""

    where: str
    found: str
    accepted: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; {self.accepted}."


class InputError(ValueError):
    """The input is wrong. Carries one plain sentence a problem; the command line exits 2 on it."""

    def __init__(self, *problems: Problem):
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

    def __reduce__(self) -> tuple[type, tuple[Problem, ...]]:
        return (type(self), self.problems)


class Cancelled(Exception):
    """Somebody asked this run to stop. What was learnt so far is in the checkpoint."""


# --- what a person chooses ------------------------------------------------------------------------


class Strategy(StrEnum):
    """How much of the network learns."""

    SCRATCH = "scratch"  # random weights, everything learns: the baseline
    FEATURES = "features"  # the backbone is frozen, only a new head learns
    PARTIAL = "partial"  # the last `blocks` blocks and the head learn
    FULL = "full"  # everything learns, early layers more slowly
    LORA = "lora"  # low-rank adapters and the head learn
    ZERO_SHOT = "zero-shot"  # nothing learns
    RANDOMISED = "randomised"  # control: tuned in a simulator whose physics are redrawn; no real step
    IDENTIFIED = "identified"  # control: physics identified from real steps, then tuned in the calibrated simulator

    def boundary(self, stages: int, blocks: int) -> int:
        """How many of the network's stages, from the input, are frozen whole."""
        match self:
            case Strategy.FEATURES | Strategy.ZERO_SHOT:
                return stages
            case Strategy.PARTIAL:
                return stages - blocks
        return 0


@dataclass(frozen=True)
class Settings:
    """The knobs of one run that have a sensible default. A task subclasses it with its own.

    Each field's text is its metadata `help`; bounds are its metadata `low` and `high` (inclusive) or `choices`.
    """

    hidden: ClassVar[frozenset[str]] = frozenset()
    """Inherited settings that mean nothing to this task: no page shows them, and another value than the default is
    refused."""

    @classmethod
    def parse(cls, given: Mapping[str, Any]) -> Self:
        """Settings from `given` (values may be text, as on the command line).

        Raises InputError naming every unknown name and every value out of range.
        """
        fields = {f.name: f for f in dataclasses.fields(cls)}
        known = [name for name in fields if name not in cls.hidden]
        hints = typing.get_type_hints(cls)
        values: dict[str, Any] = {}
        problems = []
        for name, raw in given.items():
            if name not in fields:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]}? Known" if near else "known"
                problems.append(Problem(f"setting {name}", "there is no such setting", f"{hint}: {', '.join(known)}"))
                continue
            try:
                values[name] = _convert(raw, hints[name])
                _check_bounds(values[name], fields[name].metadata)
                if name in cls.hidden and values[name] != fields[name].default:
                    problems.append(
                        Problem(f"setting {name}", "this task does not use it", f"known: {', '.join(known)}")
                    )
            except ValueError as error:
                problems.append(Problem(f"setting {name}", f"found {raw!r}", str(error)))
        if problems:
            raise InputError(*problems)
        return cls(**values)

    @classmethod
    def reading(cls) -> tuple[str, ...]:
        """The names of the settings that say how the data are read: the Data step asks for them."""
        return tuple(f.name for f in dataclasses.fields(cls) if f.metadata.get("reads"))

    def changed(self) -> dict[str, Any]:
        """Only what differs from the defaults: this is what a recipe keeps."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if getattr(self, f.name) != f.default}


def setting(
    default: Any,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] | None = None,
    reads: bool = False,
) -> Any:
    """One field of a `Settings` class; `reads` where it says how the data are read, e.g. which column is the label."""
    return field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices, "reads": reads})


def _convert(raw: Any, hint: Any) -> Any:
    """`raw` as the annotated type `hint` (bool, int, float, str or an optional one of these)."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if raw is None or (isinstance(raw, str) and raw.lower() in {"none", ""} and type(None) in options):
        if type(None) in options:
            return None
        raise ValueError("accepted: a value")
    kind = next(option for option in options if option is not type(None))
    if kind is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if isinstance(raw, bool):
            return raw
        if str(raw).lower() not in words:
            raise ValueError("accepted: true or false")
        return words[str(raw).lower()]
    if kind is int:
        try:
            number = float(raw)
        except ValueError:
            raise ValueError("accepted: a whole number") from None
        if isinstance(raw, bool) or not number.is_integer():
            raise ValueError("accepted: a whole number")
        return int(number)
    if kind is float:
        try:
            number = float(raw)
        except ValueError:
            raise ValueError("accepted: a number") from None
        if not math.isfinite(number):
            raise ValueError("accepted: a finite number")
        return number
    return str(raw)


def _check_bounds(value: Any, metadata: Mapping[str, Any]) -> None:
    if value is None:
        return
    choices, low, high = metadata.get("choices"), metadata.get("low"), metadata.get("high")
    if choices and value not in choices:
        raise ValueError(f"accepted: {', '.join(choices)}")
    if low is not None and value < low or high is not None and value > high:
        if high is None:
            raise ValueError(f"accepted: {low:g} or more")
        raise ValueError(f"accepted: {low if low is not None else '-inf'} to {high:g}")


@dataclass(frozen=True)
class Recipe:
    """Everything needed to repeat a run: it is written to the run folder before anything trains."""

    task: str
    data: str
    """Absolute path of a folder, a zip or a file."""
    model: str
    strategy: Strategy
    test: str | None = None
    """Absolute path of separate test data; None splits `data`."""
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    """Only what differs from the task's defaults."""
    title: str = ""
    """What a person calls this run; renaming changes nothing else."""
    data_sha256: str | None = None
    """Filled when the data are read: a hash over every example's bytes and label."""
    versions: dict[str, str] = field(default_factory=dict)
    """Library versions at the time of the run."""
    created: float = field(default_factory=time.time)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        values = json.loads(text)
        return cls(**{**values, "strategy": Strategy(values["strategy"])})


# --- what a task declares -------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """A block of a network, as it is drawn: its name, its size, its cost."""

    name: str
    parameters: int
    macs: int
    """Multiply-accumulates of one forward pass of one example."""


@dataclass(frozen=True)
class ModelCard:
    """A pretrained model in the catalogue."""

    name: str
    title: str
    family: str
    parameters: int
    download_bytes: int
    licence: str
    source: str
    """Who trained it and where the weights come from, in words."""
    source_task: str
    """What it was trained on, e.g. 'ImageNet-1k, 1.28 M photographs, 1,000 classes'."""
    input: str
    """What goes in, e.g. '224 × 224 pixels, RGB'."""
    stages: tuple[Stage, ...]
    """From the input to the last block before the head."""
    head_inputs: int
    """Width of the vector that the new head reads."""
    head_parameters: int | None = None
    """Of a head that comes with the model, as a decoder does; None where a run makes a new one of `head_inputs`."""
    correction_parameters: int | None = None
    """Of what 'features' puts beside the network, which then stays as it came with its head too; None where the head is
    what learns."""
    head_stays: bool = False
    """With 'partial' the head that came with the model stays as it is, unless a setting says otherwise."""
    hub: str | None = None
    """Repository on the Hugging Face hub."""
    package: str | None = None
    """Package of the offline pack that carries the weights."""
    torch_file: str | None = None
    """Weight file in torch's own cache, where torchaudio's pipelines keep theirs."""
    sha256: str | None = None
    """Of the weight file. None: the hub's own digest is checked when the file is fetched."""

    @classmethod
    def catalogue(cls, file: Path) -> tuple[ModelCard, ...]:
        """The cards in a JSON file; a stage is written [name, parameters, macs]."""
        entries = json.loads(file.read_text(encoding="utf-8"))
        return tuple(cls(**{**entry, "stages": tuple(Stage(*stage) for stage in entry["stages"])}) for entry in entries)

    def drawn(self, strategy: Strategy, blocks: int) -> list[dict[str, Any]]:
        """What a page draws of the network: each stage, and whether it learns."""
        boundary = strategy.boundary(len(self.stages), blocks)
        return [
            {"name": stage.name, "parameters": stage.parameters, "trainable": number >= boundary}
            for number, stage in enumerate(self.stages)
        ]

    def trainable(self, strategy: Strategy, blocks: int, outputs: int) -> int | None:
        """Parameters that would learn, the new head included; None where only building the network tells (LoRA)."""
        own = self.head_parameters
        head = (self.head_inputs + 1) * outputs if own is None else own
        backbone = sum(stage.parameters for stage in self.stages)
        match strategy:
            case Strategy.ZERO_SHOT:
                return 0
            case Strategy.FEATURES:
                return head if self.correction_parameters is None else self.correction_parameters
            case Strategy.PARTIAL:
                return head * (not self.head_stays) + sum(stage.parameters for stage in self.stages[-blocks:])
            case Strategy.LORA:
                return None
        return head + backbone


@dataclass(frozen=True)
class Sample:
    """Data that a person without any can start from."""

    name: str
    title: str
    description: str
    origin: str
    licence: str
    real: bool
    """False where the data are synthetic: then every number of theirs says so."""
    needs: str | None = None
    """What must be installed first, in words; None where it is always here."""


@dataclass(frozen=True)
class TaskInfo:
    """What a task can do: the page, the command line and the contract suite read it."""

    name: str
    """domain.task, e.g. 'vision.classification'."""
    title: str
    """A verb for the page's switch, e.g. 'Classify'."""
    unit: str
    """What one example is called, in the plural: 'photographs', 'texts', 'clips'."""
    metric: str
    metric_title: str
    metric_help: str
    """One sentence a workshop attendee understands."""
    higher_is_better: bool
    strategies: tuple[Strategy, ...]
    formats: tuple[str, ...]
    """Accepted data, one phrase each."""
    exports: tuple[str, ...]
    """Among 'safetensors', 'onnx', 'sb3' (a zip of Stable-Baselines3), 'script'."""
    default_model: str
    rival: str = "scratch"
    """What a page compares a run with, beside its free baselines: 'scratch', or 'zero_shot' where that says more."""
    suggested: Strategy | None = None
    """The strategy for whoever has not chosen one. None: only the head learns, or else the first that is offered."""

    @property
    def usual(self) -> Strategy:
        """The strategy for whoever has not chosen one."""
        first = Strategy.FEATURES if Strategy.FEATURES in self.strategies else self.strategies[0]
        return self.suggested or first

    @property
    def domain(self) -> str:
        return self.name.split(".")[0]


# --- what comes back ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Skipped:
    """A file or row that was left out, and why."""

    where: str
    reason: str


@dataclass
class DataReport:
    """What was found in somebody's data, before anything trains."""

    task: str
    data: str
    n_examples: int
    classes: dict[str, int]
    """Name -> examples; empty where the task has no classes."""
    splits: dict[str, int]
    """How many examples would train, validate and test, by the seed in the recipe."""
    skipped: list[Skipped]
    notes: list[str]
    """Things to know that are not wrong: small classes, duplicates, imbalance."""
    sha256: str
    gallery: list[dict[str, Any]] = field(default_factory=list)
    """A few examples to look at: {'label', 'name', and 'thumbnail': path or 'text'}. Empty unless asked for."""
    details: dict[str, Any] = field(default_factory=dict)
    """What only this task's page reads, e.g. the columns of a table and what each was taken for."""


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval and what it rests on."""

    value: float
    low: float
    high: float
    n: int
    """Test examples."""
    seeds: int = 1


@dataclass(frozen=True)
class Verdict:
    """Does transfer pay here? `difference` is transfer minus baseline, in the metric's own unit."""

    verdict: Literal["pays", "hurts", "undecided"]
    difference: Estimate
    against: str


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
    """Name -> {'low', 'high', 'seconds', …} for each baseline. One that was tested on some of the examples, in some of
    a run's folds, has their number 'n', and in 'there' the run's own value on these."""
    verdict: Verdict | None = None
    """Against the from-scratch baseline, when one was trained."""
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

    def to_json(self, indent: int | None = 2) -> str:
        return json.dumps(dataclasses.asdict(self), indent=indent, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Result:
        values = json.loads(text)
        if values.get("verdict"):
            verdict = values["verdict"]
            values["verdict"] = Verdict(**{**verdict, "difference": Estimate(**verdict["difference"])})
        values["metrics"] = {name: Estimate(**estimate) for name, estimate in values["metrics"].items()}
        values["skipped"] = [Skipped(**entry) for entry in values["skipped"]]
        return cls(**values)


class State(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"  # the worker died; Resume continues from the checkpoint

    @property
    def finished(self) -> bool:
        return self not in {State.QUEUED, State.RUNNING}


@dataclass(frozen=True)
class Event:
    """One line of events.jsonl: what happened, as plain data.

    kind       data
    status     state, message
    phase      name, title (what is going on now, in words), series
    progress   phase, done, total, unit, and once they are known rate (per second), seconds_left
    epoch      phase, series ('transfer', 'scratch', or 'aside' for what no curve shows), epoch, epochs,
               train_loss, train_metric (where it is measured while learning),
               validation_loss, validation_metric (where a part validates), best_epoch, rate, unit, seconds_left,
               learning_rate; of control real_steps, sim_steps, zero_shot, low, high (of validation_metric)
    search     phase, learning_rate (what was chosen), points ([[learning rate, loss], …] of the test for it)
    note       message (one plain sentence)
    result     series, metric, value, low, high
    """

    number: int
    """Counts from 0 within a run."""
    time: float
    """Seconds since the epoch."""
    kind: str
    data: dict[str, Any]


class Run(Protocol):
    """What a task sees of the run it works in."""

    path: Path

    def emit(self, kind: str, **data: Any) -> None:
        """Append an event."""

    def write(self, name: str, text: str) -> Path:
        """Write the file `name` below `path` whole or not at all."""

    def check_cancelled(self) -> None:
        """Raises Cancelled when somebody asked the run to stop."""


class Predictor(Protocol):
    """A loaded model, kept warm."""

    def predict(self, data: Path) -> list[dict[str, Any]]:
        """One row an example: {'file', 'label', 'probabilities': {class: p}} for a classifier.

        Raises InputError when nothing in `data` can be read; one bad file among good ones becomes
        a row {'file', 'error'}.
        """


class Task(ABC):
    """One thing Headstart can teach a model. A subclass sets `info` and `settings` and fills in the methods.

    The module that defines it imports torch inside methods only: pages read `info`, `models` and `samples`.
    """

    info: TaskInfo
    settings: type[Settings]

    @abstractmethod
    def models(self) -> list[ModelCard]:
        """The catalogue, default first."""

    @abstractmethod
    def describe(self, model: str) -> ModelCard:
        """The card of any model name the task can build, in the catalogue or not. Raises InputError."""

    def model_for(self, data: Path, settings: Settings | None = None) -> str:
        """The name of the model that suits these data, for whoever has not chosen one.

        Raises InputError where the data cannot be read, or nothing suits them.
        """
        return self.info.default_model

    @abstractmethod
    def samples(self) -> list[Sample]:
        """What a person can start from, the best first."""

    @abstractmethod
    def make_sample(self, name: str, out: Path) -> Path:
        """Writes the sample below `out` in one of the task's formats and returns its path. Raises InputError."""

    @abstractmethod
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

    @abstractmethod
    def fit(self, recipe: Recipe, run: Run) -> Result:
        """Trains, tests, and leaves model and predictions in `run.path`. Continues from a checkpoint found there.

        Raises InputError for bad input and Cancelled when asked to stop.
        """

    @abstractmethod
    def compare(
        self, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int
    ) -> tuple[list[dict[str, Any]], Verdict]:
        """The recipe's strategy against `scratch` at each budget of training examples, on one fixed test set.

        Returns points {budget, strategy, mean, low, high, seeds} and the verdict at the largest budget.
        """

    @abstractmethod
    def load(self, run: Path) -> Predictor:
        """The model of a finished run, ready to predict."""

    @abstractmethod
    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        """Writes a picture an example below `out`; returns {'file', 'label', 'method', 'picture'} rows.

        `method` is one that the task knows, None the one that suits the model. With `example`, `data` are those that
        the run was tested on, and only the one of that name in predictions.parquet is explained. Raises InputError.
        """

    @abstractmethod
    def export(self, run: Path, format: str, out: Path) -> Path:
        """The model of a finished run in one of `info.exports`. Raises InputError for another format."""

    def require_offered(self, format: str) -> None:
        """Raises InputError for a format that is not among `info.exports`."""
        if format not in self.info.exports:
            accepted = f"accepted: {', '.join(self.info.exports)}"
            raise InputError(Problem("format", f"{format} is not offered here", accepted))
