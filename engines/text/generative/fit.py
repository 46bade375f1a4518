"""The study of a model that writes: its data as tokens, measured before it learns and after, and kept."""

from __future__ import annotations

import gc
import hashlib
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import Tensor

from engines import hub_files, starts, weights
from engines.contract import Budgets, Estimate, Items, Recipe, Run, Scores, Strategy, Study, Trial
from engines.contract.study import Describes
from engines.evidence import bootstrap
from engines.evidence.bootstrap import Value
from engines.evidence.budgets import within
from engines.evidence.scores import Sums
from engines.evidence.verdict import compared
from engines.lifecycle import emit_result
from engines.messages import _
from engines.text.generative import card_words, check, examples, export_script, model_files, networks, train
from engines.text.generative.conversations import Written
from engines.text.generative.examples import Sequences
from engines.text.generative.prepare import Prepared, Way, prepare
from engines.text.generative.settings import WritingSettings
from engines.text.generative.train import TrainOutcome, TrainSpec
from engines.training import checkpoint, devices, overfitting, transfer
from engines.training.settings import require_blocks
from engines.training.staged import Staged

S = TypeVar("S", bound=WritingSettings)
FEWEST = 2
"""Examples that a comparison lets a model learn from at the least."""


@dataclass
class Measured:
    """How well a network writes on the test examples."""

    statistics: np.ndarray
    """float (N, K): what the metric is a function of, added up over examples."""
    columns: dict[str, list[Any]]
    """What predictions.parquet says of each test example."""
    further: dict[str, tuple[np.ndarray, Value]] = field(default_factory=dict)
    """Further metrics, each with statistics of its own."""
    aside: dict[str, np.ndarray] = field(default_factory=dict)
    """Statistics of other texts, for the task's own details."""


@dataclass
class GenerativeTrial:
    """One strategy, trained and measured."""

    network: Staged | None
    """None once it is kept, or measured only: two language models need not be in memory at once."""
    measured: Measured
    scores: Sums
    progress: checkpoint.Progress
    trainable: int
    parameters: int
    seconds: float

    def state(self) -> dict[str, Tensor]:
        assert self.network is not None, "its network is gone"
        learnt = self.network.trainable() if self.trainable else {}
        return {name: p.detach().cpu() for name, p in learnt.items()}


class GenerativeStudy(Study, Generic[S]):
    """A writing model's study. A task says how its data are read and encoded, and how its answers are measured."""

    way: ClassVar[Way]

    def __init__(self, task: Describes, recipe: Recipe, settings: S, run: Run):
        """Reads, splits and encodes the data. Raises InputError and Cancelled."""
        super().__init__(task, recipe, settings, run)
        self.settings: S = settings
        require_blocks(recipe.strategy, settings, len(self.card.stages))
        networks.require_eight_bits(recipe.strategy, settings)
        self.start = starts.folder(recipe)
        folder = hub_files.folder(self.card, with_weights=recipe.strategy is not Strategy.SCRATCH)
        run.emit("phase", name="reading", title=_("Reading the {unit}", unit=self.info.unit))
        self.prepared: Prepared = prepare(self.way, recipe, settings, self._reading)
        run.check_cancelled()
        found = self.prepared.found
        self.sha256, self.notes, self.skipped = found.sha256, [found.guess.reason, *found.notes], found.skipped
        self.tokenizer, self.config = networks.tokenizer(folder), networks.config(folder)
        self.sequences = self._all_encoded()
        if self.start:
            self.notes.append(starts.told())
        if cut := sum(one.cut for part in self.sequences.values() for one in part.sequences):
            read = _("read in part (setting max_tokens)")
            self.notes.append(
                _(
                    "{cut:,} {unit} have more than {max_tokens} tokens: {read}.",
                    cut=cut,
                    unit=self.info.unit,
                    max_tokens=settings.max_tokens,
                    read=read,
                )
            )
        self.on = devices.start(settings, run, recipe.strategy)
        self.device, self.precision = devices.name(self.on.device), devices.precision(self.on)
        self.came: Measured | None = None
        """How the model wrote before it learnt."""

    # --- what a task says -----------------------------------------------------------------------------

    @staticmethod
    @abstractmethod
    def value(sums: np.ndarray) -> float:
        """The metric, from its statistics float (K,), added up over examples."""

    @abstractmethod
    def encode(self, written: Written) -> examples.Sequence:
        """The example as tokens. Raises InputError where it cannot be written down for this model."""

    @abstractmethod
    def measure(self, network: Staged, run: Run) -> Measured:
        """How well it writes on the test examples. Raises Cancelled."""

    def metric_of_loss(self) -> Callable[[float], float] | None:
        """What makes the metric of a mean loss a token, where something does."""
        return None

    def own_details(self, after: Measured) -> dict[str, Any]:
        """What only this task's page reads of `Result.details`."""
        return {}

    # --- what follows from it -------------------------------------------------------------------------

    def _reading(self, done: int, total: int) -> None:
        self.run.check_cancelled()
        total = max(1, total or done)
        self.run.emit("progress", phase="reading", done=max(1, min(done, total)), total=total, unit="bytes")

    def _all_encoded(self) -> dict[str, Sequences]:
        """By part; of a part without examples only the one that validates."""
        parts = [part for part, rows in self.prepared.parts.items() if len(rows) or part == "validation"]
        return {part: self._encoded(part) for part in parts}

    def hold_back_test(self) -> None:
        parts, said = self.prepared.parts, [one.sha256 for one in self.prepared.examples("train")]
        self.require_held_out(len(parts["validation"]))
        learning = parts["train"]
        chosen, checked = within([0] * len(learning), said, len(learning), self.recipe.seed)
        own = {"train": learning[chosen], "validation": learning[np.array(checked, dtype=np.int64)]}
        self.prepared = replace(self.prepared, parts={**own, "test": parts["validation"]})
        self.sequences = self._all_encoded()

    def _encoded(self, part: str) -> Sequences:
        written = self.prepared.examples(part)
        how = repr((self.settings.max_tokens, getattr(self.settings, "prefix", None)))
        identity = "".join(one.digest for one in written) + how + self.card.name
        return Sequences([self.encode(one) for one in written], hashlib.sha256(identity.encode()).hexdigest())

    def build(self, *, pretrained: bool, seed: int) -> Staged:
        """The network; what is pretrained is what the run goes on from, where there is one. Raises InputError."""
        network = networks.build(self.card, pretrained=pretrained, seed=seed)
        return model_files.begun(network, self.start) if pretrained and self.start else network

    def train_spec(self, settings: S, seed: int, run: Run) -> TrainSpec:
        path = weights.find(self.card)
        return TrainSpec(
            build=lambda pretrained: self.build(pretrained=pretrained, seed=seed),
            weights=starts.filed_under(weights.sha256(path) if path else self.card.name, self.start),
            training=self.sequences["train"],
            validation=self.sequences["validation"] if len(self.sequences["validation"]) else None,
            settings=settings,
            seed=seed,
            metric_of_loss=self.metric_of_loss(),
            unit=self.info.unit,
            run=run,
            on=self.on,
        )

    # --- trained and tested ---------------------------------------------------------------------------

    @property
    def rival(self) -> Strategy:
        """A pretrained language model does the task before it has seen an example: it is that which has to be beaten,
        unless the settings ask for training from scratch."""
        return Strategy.SCRATCH if self.settings.baseline == "scratch" else Strategy.ZERO_SHOT

    @property
    def budgets(self) -> Budgets:
        parts = self.prepared.parts
        high = len(parts["train"]) + len(parts["validation"])
        return Budgets(FEWEST, high, self.info.unit, high_reason=_("(all that are not tested on)"))

    def before(self) -> dict[str, Scores]:
        if self.recipe.strategy in {Strategy.SCRATCH, Strategy.ZERO_SHOT}:
            return {}
        trial = self.trial(Strategy.ZERO_SHOT, series="zero_shot")
        self.came = trial.measured
        emit_result(self.run, "zero_shot", self.info.metric.name, trial.scores.estimate())
        return {"zero_shot": trial.scores}

    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> GenerativeTrial:
        gc.collect()  # the last trial's network, even where its parts refer to each other
        own = strategy is self.recipe.strategy
        settings = self.settings if own else transfer.scratch_settings(self.settings)
        seed = self.recipe.seed if seed is None else seed
        spec = self.train_spec(settings, seed, run or self.run)
        chosen = checked = None
        if budget is not None:
            spec, chosen, checked = self._within(spec, budget, seed)
        outcome = train.learn(spec, strategy, series=series, chosen=chosen, checked=checked)
        if budget is None:
            who = _("the model as it comes") if strategy is Strategy.ZERO_SHOT else _("what it learnt")
            title = _(
                "Testing {who} on {test:,} {unit} never seen",
                who=who,
                test=len(self.sequences["test"]),
                unit=self.info.unit,
            )
            spec.run.emit("phase", name="testing", title=title, series=series)
        return self._trial(outcome, self.measure(outcome.network, spec.run))

    def _within(self, spec: TrainSpec, budget: int, seed: int) -> tuple[TrainSpec, Tensor, Tensor | None]:
        """With all that is not tested on as training examples; and of these, `budget` positions: what is learnt from,
        and what decides when to stop."""
        training, validation = self.sequences["train"], self.sequences["validation"]
        identity = _(
            "{identity} and {validation_identity}", identity=training.identity, validation_identity=validation.identity
        )
        every = Sequences([*training.sequences, *validation.sequences], identity)
        said = [one.sha256 for part in ("train", "validation") for one in self.prepared.examples(part)]
        chosen, checked = (torch.tensor(own) for own in within([0] * len(every), said, budget, seed))
        return replace(spec, training=every, validation=None), chosen, checked if len(checked) else None

    def _trial(self, outcome: TrainOutcome, measured: Measured) -> GenerativeTrial:
        return GenerativeTrial(
            network=outcome.network,
            measured=measured,
            scores=self.scores([measured.statistics]),
            progress=outcome.progress,
            trainable=outcome.trainable,
            parameters=sum(p.numel() for n, p in outcome.network.model.named_parameters() if "lora_" not in n),
            seconds=outcome.seconds,
        )

    def scores(self, outcomes: Sequence[np.ndarray]) -> Sums:
        return Sums(outcomes, self.value)

    def items(self) -> Items:
        groups = np.unique([one.sha256 for one in self.prepared.examples("test")], return_inverse=True)[1]
        return Items(np.ones(len(groups)), np.zeros(len(groups), dtype=np.int64), groups)

    # --- kept and told --------------------------------------------------------------------------------

    def keep(self, trial: Trial, value: Estimate) -> None:
        assert isinstance(trial, GenerativeTrial)
        assert trial.network is not None
        folder = self.run.path / "model"
        folder.mkdir(parents=True, exist_ok=True)
        export_script.record(folder, self, trial.network, value.value)
        model_files.save(folder, trial.network, self.tokenizer, self.card, self.recipe, self.prepared.found.guess.roles)
        write_predictions(self.run.path, self.prepared, trial.measured, self.came)
        trial.network = None

    def workload(self) -> dict[str, Any]:
        return {"words": check.words(self.prepared)}

    def counts(self, trial: Trial) -> tuple[int, int, int]:
        n_train, n_validation, n_test = (len(self.prepared.parts[part]) for part in ("train", "validation", "test"))
        return n_train, n_validation, n_test

    def metrics(self, trial: Trial) -> dict[str, Estimate]:
        assert isinstance(trial, GenerativeTrial)
        return {name: bootstrap.estimate(*each) for name, each in trial.measured.further.items()}

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        assert isinstance(trial, GenerativeTrial)
        scores: dict[str, Scores] = {**before, **({"scratch": rival.scores} if rival else {})}
        ours: Scores = trial.scores
        fit = overfitting.read(trial.progress.history, trial.progress.best_epoch, self.info.metric, self.info.unit)
        verdicts = {name: compared(ours, theirs, name, self.info.metric) for name, theirs in scores.items()}
        last = verdicts[list(verdicts)[-1]] if verdicts else None
        return {
            "stages": self.card.stage_view(self.recipe.strategy, self.settings.blocks),
            "head_parameters": 0,
            **self.own_details(trial.measured),
            "against_zero_shot": asdict(verdicts["zero_shot"]) if "zero_shot" in verdicts else None,
            "load_snippet": model_files.snippet(encoder_decoder=self.config.is_encoder_decoder),
            "card": card_words.words(self.info, last, trial.measured.further),
            **overfitting.details(fit),
            "next": advise(self.recipe, self.settings, fit, self.info.unit),
        }


def advise(recipe: Recipe, settings: WritingSettings, fit: overfitting.Fit | None, unit: str) -> dict[str, Any] | None:
    """The one change that the curves suggest: text, strategy, settings."""
    if recipe.strategy in {Strategy.ZERO_SHOT, Strategy.SCRATCH}:
        text = _("Let adapters learn from your {unit}: the model keeps all that it knows of language.", unit=unit)
        return {"text": text, "strategy": str(Strategy.LORA), "settings": {}}
    if fit and fit.reading == "still improving":
        return overfitting.longer(fit, recipe.strategy, settings)
    if fit and fit.reading == "by heart":
        ways: list[overfitting.Way] = [(_("adapters change less of the model"), Strategy.LORA, {})]
        if settings.lora_rank > 1:
            smaller = {"lora_rank": settings.lora_rank // 2}
            ways.append((_("smaller adapters leave it less room"), Strategy.LORA, smaller))
        return overfitting.held_back(fit, recipe.strategy, settings, unit, ways)
    return None


def write_predictions(folder: Path, prepared: Prepared, after: Measured, before: Measured | None) -> None:
    """predictions.parquet: a row a test example; what the model said before it learnt is in columns base_…"""
    tested = prepared.examples("test")
    columns: dict[str, Any] = {
        "file": [one.name for one in tested],
        "question": [one.question for one in tested],
        "label": [one.answer for one in tested],
        **after.columns,
        **({f"base_{name}": values for name, values in before.columns.items()} if before else {}),
    }
    pq.write_table(pa.table(columns), folder / "predictions.parquet")
