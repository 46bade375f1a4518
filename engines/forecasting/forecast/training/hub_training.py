"""Fine-tune a forecaster of the hub where sktime offers it: TinyTimeMixer, all of its weights, by `pretrain`."""

from __future__ import annotations

import contextlib
import io
import math
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from engines.contract import InputError, ModelCard, Problem
from engines.forecasting.models import hub_models, rollout
from engines.forecasting.models.fracast import QUANTILES
from engines.forecasting.models.hub_models import Borrowed
from engines.forecasting.models.points import filled
from engines.forecasting.models.stages import blended
from engines.messages import _
from engines.training.examples import Pace

if TYPE_CHECKING:
    import pandas as pd
    from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

    from engines.forecasting.forecast.prepare import Prepared
    from engines.forecasting.forecast.training.train_spec import TrainSpec

SHARES = (0.0, 0.5, 1.0)
"""How much of the way from the weights of the hub to the trained ones may be gone."""
LEAST_PAST = 8
MOST_CHECKS = 64
MEDIAN = len(QUANTILES) // 2


def tune(lesson: TrainSpec, epochs: int, learning_rate: float) -> tuple[Borrowed, float, int]:
    """The model fine-tuned on windows of the training parts, how far towards the trained weights it ended (chosen on
    the validation part), and how many weights there are. They are kept in `borrowed.folder_of(lesson.run.path)`.

    sktime trains with the Trainer of transformers. Each series is divided by its seasonal naive's error, so that none
    counts for more than the others. Raises InputError where no series is long enough, and Cancelled.
    """
    p = lesson.prepared
    horizon = range(1, p.horizon + 1)
    with hub_models.explained(lesson.card):
        whole = _as_it_comes(p, lesson.card)
        before = {name: tensor.detach().clone() for name, tensor in whole.model_.state_dict().items()}
        config = whole.model_.config
        panel = windows(lesson, config.context_length, config.prediction_length)
        steps = math.ceil(len(panel.index.unique(0)) / lesson.settings.batch_size) * epochs
        learner = hub_models.estimator_of(
            lesson.card,
            fit_strategy="full",
            callbacks=[_watch(lesson, before, steps)],
            training_args={
                "output_dir": str(lesson.run.path / "checkpoint" / "hub"),
                "max_steps": steps,
                "learning_rate": learning_rate,
                "per_device_train_batch_size": lesson.settings.batch_size,
                "lr_scheduler_type": "cosine",
                "warmup_steps": max(1, steps // 10),
                "seed": lesson.seed,
                "use_cpu": True,
                "report_to": "none",
                "save_strategy": "no",
                "logging_strategy": "no",
                "disable_tqdm": True,
                "dataloader_pin_memory": False,
            },
        )
        with contextlib.redirect_stdout(io.StringIO()):
            learner.pretrain(panel, fh=horizon)
    after = {name: tensor.detach().cpu().clone() for name, tensor in learner.model_.state_dict().items()}
    folder = hub_models.folder_of(lesson.run.path)

    def kept(share: float) -> Borrowed:
        """The blend, in the hub's format: sktime holds on to what it has read from a folder, so each has its own."""
        own = folder.with_name(f"{folder.name}-{share:g}")
        learner.model_.load_state_dict(blended(before, after, share))
        learner.model_.save_pretrained(own)
        return Borrowed(lesson.card, p.season, own)

    errors = {share: _error(kept(share), lesson) for share in SHARES}
    best = min(errors, key=errors.__getitem__)
    shutil.rmtree(folder, ignore_errors=True)
    folder.with_name(f"{folder.name}-{best:g}").replace(folder)
    for share in SHARES:
        shutil.rmtree(folder.with_name(f"{folder.name}-{share:g}"), ignore_errors=True)
    return Borrowed(lesson.card, p.season, folder), best, sum(tensor.numel() for tensor in after.values())


def require(p: Prepared, card: ModelCard) -> None:
    """Raises InputError where no series is long enough for the model to learn from."""
    with hub_models.explained(card):
        ahead = _as_it_comes(p, card).model_.config.prediction_length
    long_enough(p, card, ahead)


def long_enough(p: Prepared, card: ModelCard, ahead: int) -> dict[int, int]:
    """Series -> values to learn from, where those hold `ahead` steps and a past. Raises InputError where none do."""
    lengths = {series: split.validation for series in p.usable if (split := p.splits[series]) is not None}
    able = {series: length for series, length in lengths.items() if length >= ahead + LEAST_PAST}
    if not able:
        found = _("{values} values at most to learn from", values=max(lengths.values()))
        accepted = _(
            "{title} needs {ahead} or more; accepted: zero-shot, or the model fracast",
            title=card.title,
            ahead=ahead + LEAST_PAST,
        )
        raise InputError(Problem(_("strategy full"), found, accepted))
    return able


def _as_it_comes(p: Prepared, card: ModelCard) -> Any:
    """The sktime estimator, its weights read."""
    estimator = hub_models.estimator_of(card)
    estimator.fit(_series(filled(p.read.at(p.usable[0]).values)), fh=range(1, p.horizon + 1))
    return estimator


def windows(lesson: TrainSpec, context: int, ahead: int) -> pd.DataFrame:
    """A panel of sktime (a frame indexed by window and step): stretches of context and what came, of one length."""
    import pandas as pd

    p = lesson.prepared
    lengths = long_enough(p, lesson.card, ahead)
    able = list(lengths)
    shortest = min(lengths.values())
    if shortest < context + ahead:  # half of what there is, so that windows differ
        context = max(LEAST_PAST, (shortest - ahead) // 2)
    length = context + ahead
    each = max(1, lesson.settings.windows // len(able))
    rows = []
    for series in able:
        values = filled(p.read.at(series).values[: lengths[series]]) / p.scales[series]
        starts = np.unique(np.linspace(0, max(0, len(values) - length), each).round().astype(int))
        rows += [values[start : start + length] for start in starts.tolist() if start + length <= len(values)]
    drawn = np.random.default_rng(lesson.seed).permutation(len(rows))[: lesson.settings.windows]
    days = pd.period_range("1900-01-01", periods=length, freq="D")
    index = pd.MultiIndex.from_product([range(len(drawn)), days], names=["window", "step"])
    return pd.DataFrame({"y": np.concatenate([rows[i] for i in drawn])}, index=index)


def _series(values: np.ndarray) -> pd.Series:
    import pandas as pd

    return pd.Series(values, index=pd.period_range("1900-01-01", periods=len(values), freq="D"))


def _error(model: Borrowed, lesson: TrainSpec) -> float:
    """The mean absolute error on the validation part, in units of the seasonal naive's."""
    p = lesson.prepared
    cases = [(series, origin) for series in p.usable for origin in p.splits[series].checks(p.horizon)]  # type: ignore[union-attr]  # usable: it has a split
    picked = np.unique(np.linspace(0, len(cases) - 1, min(len(cases), MOST_CHECKS)).round().astype(int))
    off = []
    for series, origin in (cases[i] for i in picked):
        values = p.read.at(series).values
        median = rollout.pooled(model, [values[:origin]], [{}], p.horizon, 0)[0, :, MEDIAN]
        truth = values[origin : origin + p.horizon]
        if np.isfinite(truth).any():
            off.append(float(np.nanmean(np.abs(median - truth))) / p.scales[series])
    return float(np.mean(off))


def _watch(lesson: TrainSpec, before: dict[str, torch.Tensor], steps: int) -> TrainerCallback:
    """Starts from the weights as they came (sktime holds on to a model that it trained once in this process), tells how
    far it is, and stops when the run is cancelled."""
    from transformers import TrainerCallback

    clock = Pace(steps, "steps")

    class Watch(TrainerCallback):
        def on_train_begin(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
        ) -> None:
            given["model"].load_state_dict(before)

        def on_step_end(
            self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **given: Any
        ) -> None:
            lesson.run.check_cancelled()
            clock.step(1, lambda **numbers: lesson.run.emit("progress", phase="fine-tuning", **numbers))

    return Watch()
