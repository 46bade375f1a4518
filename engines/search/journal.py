"""What Optuna knows of a search: its journal in the run folder, the sampler that asks and the pruner that halves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.pruners import SuccessiveHalvingPruner
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from engines.search.plan import Space

FILE = "journal.log"
STUDY = "search"
STARTING = 8
"""Trials, those with default settings among them, before what was found steers what is tried."""
ENOUGH = 8
"""Finished trials below which nothing is said of what mattered."""


def opened(folder: Path, space: Space, *, higher_is_better: bool, seed: int) -> optuna.Study:
    """The search's study, as a stopped one has left it. A new one begins with `space.usual`."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    file = folder / FILE
    _mend(file)
    known = file.is_file() and file.stat().st_size > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        storage = JournalStorage(JournalFileBackend(str(file)))
        study = optuna.create_study(
            storage=storage,
            study_name=STUDY,
            direction="maximize" if higher_is_better else "minimize",
            pruner=SuccessiveHalvingPruner(min_resource=1, reduction_factor=2, min_early_stopping_rate=0),
            load_if_exists=True,
        )
        drawn = seed + 1_000 * len(study.trials) if known else seed
        study.sampler = TPESampler(seed=drawn, n_startup_trials=STARTING, multivariate=True, group=True)
    if not study.trials:
        for number, candidate in enumerate(space.usual()):
            study.enqueue_trial(space.as_parameters(candidate), user_attrs={"usual": number})
    return study


def _mend(file: Path) -> None:
    """Takes away a last line that a kill cut short: the next one would be written behind it."""
    if not file.is_file():
        return
    text = file.read_bytes()
    if text and not text.endswith(b"\n"):
        file.write_bytes(text[: text.rfind(b"\n") + 1])
    for lock in file.parent.glob(f"{FILE}.lock*"):
        lock.unlink(missing_ok=True)


def left_over(study: optuna.Study) -> list[optuna.Trial]:
    """The trials that were going on when the search was stopped."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [optuna.Trial(study, trial._trial_id) for trial in running]


def importance(study: optuna.Study, params: Sequence[str]) -> dict[str, float]:
    """How much each of these parameters set the best quarter of trials apart, from 0 to 1 (Watanabe et al. 2023,
    'PED-ANOVA: efficiently quantifying hyperparameter importance in arbitrary subspaces'); empty of few trials, or
    where they hardly differ."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    known = [trial for trial in done if set(params) <= set(trial.params)]
    varied = [name for name in params if len({str(trial.params[name]) for trial in known}) > 1]
    if len(known) < ENOUGH or len(varied) < 2:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found: dict[str, Any] = get_param_importances(
                study, evaluator=PedAnovaImportanceEvaluator(target_quantile=0.25), params=varied
            )
        except (RuntimeError, ValueError):  # all alike: nothing mattered
            return {}
    return {name: round(float(share), 4) for name, share in found.items()}
