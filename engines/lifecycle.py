"""One life of a run, the same for every task: data opened, a model adapted, tested, kept, compared, reported.

What only a task knows is its `Study` (see `contract.study`); this file drives it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from engines import versions, weights
from engines.contract import (
    Cancelled,
    Estimate,
    InputError,
    Problem,
    Recipe,
    Result,
    Run,
    Scores,
    Skipped,
    Strategy,
    Study,
    Task,
    Trial,
)
from engines.contract.results import Comparison
from engines.cost.meter import Meter
from engines.evidence import learning_curve, side_by_side, trial_files
from engines.evidence.learning_curve import Comparison as Compared
from engines.evidence.verdict import compared
from engines.hosting import admission, limits
from engines.messages import _
from engines.reporting import html, model_card
from engines.runs import BASELINE, TRIALS, RunFolder
from engines.training.parallel import siblings

NAMED = 3  # skipped examples that a note names
Tested = Callable[[Study, Trial], object]


def fit(
    task: Task,
    recipe: Recipe,
    run: Run,
    before_comparing: Callable[[], object] = lambda: None,
    tested: Tested = lambda *_: None,
) -> Result:
    """Adapts, tests, compares, and leaves model, predictions, model card and report in `run.path`.

    result.json is there as soon as the model is tested, and complete once its comparison has ended. Continues from a
    checkpoint found in the folder. Raises InputError for bad input and Cancelled when asked to stop before the model is
    tested; afterwards only the comparison is skipped. `tested` is told of the model once it is. `before_comparing` is
    called in between, and what it raises leaves the run to be continued.
    """
    began, meter = time.monotonic(), Meter(run)
    study = opened(task, recipe, meter.watch)
    with siblings.beside(task, study):
        return _fitted(task, study, meter, began, before_comparing, tested)


def _fitted(
    task: Task, study: Study, meter: Meter, began: float, before_comparing: Callable[[], object], tested: Tested
) -> Result:
    run = watch = meter.watch
    strategy, series = study.recipe.strategy, siblings.series(study.recipe.strategy)
    with siblings.joint():
        watch.enter("testing")
        before = study.before()
        watch.enter("training")
        trial = study.trial(strategy, series=series)
    value = trial.scores.estimate()
    emit_result(run, series, task.info.metric.name, value)
    tested(study, trial)
    watch.enter("keeping")
    study.keep(trial, value)
    trial_files.remember(run, strategy, study.recipe.seed, trial)
    baselines = {**before, **study.baselines(trial)}

    def result(rival: Trial | None, comparison: Comparison) -> Result:
        found = outcome(study, trial, value, before, baselines, rival, comparison, time.monotonic() - began)
        cost = meter.bill(task, study, trial, compared=rival is not None)
        return replace(found, details={**found.details, "cost": cost})

    def tell(found: Result) -> Result:
        told = found, study.recipe, study.card, task.info
        run.write("README.md", model_card.write(*told, run.path))
        run.write("report.html", html.write(*told, trial.progress.history, run.path))
        return found

    found = tell(result(None, "running" if study.compares else "skipped"))
    if study.compares:
        run.write("result.json", found.to_json())
        before_comparing()
        watch.enter("baseline")
        rival = _compared(study, run)
        watch.enter("keeping")
        found = tell(result(rival, "done") if rival else replace(found, comparison="skipped"))
    run.write("result.json", found.to_json())
    if (found.comparison == "done" or not study.compares) and siblings.wanted() == 1:
        meter.learn(task, study, trial)
    _let_go(study, found)
    return found


def longer(task: Task, recipe: Recipe, run: RunFolder) -> Result:
    """A finished run whose baseline is trained on from its checkpoint, for as many passes in all as the recipe's
    `baseline_epochs`; the verdict is told anew. Cancelled, or interrupted, what was known before stays. Raises
    InputError where there is nothing to go on from.
    """
    began, known = time.monotonic(), run.result
    if known is None or not (run.path / BASELINE).is_dir():
        raise InputError(Problem("run", _("its baseline cannot go on: it is not kept"), _("accepted: train anew")))
    study = opened(task, recipe, run)
    left = trial_files.remembered(run, recipe.strategy, recipe.seed)
    if left is None:
        raise InputError(Problem("data", _("they have changed since this run"), _("accepted: train anew")))
    found = replace(known, comparison="done")
    try:
        rival = study.trial(Strategy.SCRATCH, series="scratch")
    except Cancelled:
        run.write("recipe.json", replace(recipe, settings=_as_it_was(recipe, known)).to_json())
        return found
    value, metric = rival.scores.estimate(), task.info.metric
    emit_result(run, "scratch", metric.name, value)
    study.keep_rival(rival)
    trial_files.remember(run, Strategy.SCRATCH, recipe.seed, rival)
    before = float(known.baseline_details["scratch"].get("seconds") or 0.0)
    trained = {"low": value.low, "high": value.high} | Study.baseline_details(study, rival, rival)
    trained |= {"seconds": round(before + rival.seconds, 1)}
    found = replace(
        found,
        baselines=known.baselines | {"scratch": value.value},
        baseline_details=known.baseline_details | {"scratch": trained},
        verdict=compared(study.scores([left.outcome]), rival.scores, "scratch", metric, learnt_from=known.n_train),
        seconds=round(known.seconds + time.monotonic() - began, 2),
    )
    history = [event.data for event in run.events() if event.kind == "epoch" and event.data["series"] == "transfer"]
    run.write("README.md", model_card.write(found, study.recipe, study.card, task.info, run.path))
    run.write("report.html", html.write(found, study.recipe, study.card, task.info, history, run.path))
    run.write("result.json", found.to_json())
    _let_go(study, found)
    return found


def _as_it_was(recipe: Recipe, known: Result) -> dict[str, Any]:
    """The settings with the passes that the baseline was trained for."""
    return recipe.settings | {"baseline_epochs": known.baseline_details["scratch"]["epochs"]}


def _let_go(study: Study, found: Result) -> None:
    """Takes the checkpoints of a finished run away: nothing is left to continue, but for a baseline that may go on. Its
    result lies on the disk by then, or a kill or a full disk in between would cost the whole training."""
    folder, kept = study.run.path / "checkpoint", study.run.path / BASELINE
    goes_on = found.comparison == "done" and found.baseline_may_improve and not getattr(study, "folds", ())
    for path in folder.glob("*"):
        if not (goes_on and path == kept):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    if not (goes_on and kept.is_dir()):
        shutil.rmtree(folder, ignore_errors=True)


def compare(
    task: Task, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int, first: RunFolder | None = None
) -> dict[str, Any]:
    """The recipe's strategy against its rival at each budget, see `learning_curve.compare`: comparison.json. Continues
    where a stopped comparison was, from what its trials left in `run.path`. Raises InputError and Cancelled."""
    study = opened(task, recipe, run)
    found: Compared = learning_curve.compare(task.info, study, run, budgets, seeds, first, _at_once(task, study))
    return found.answer(task.info, study)


def _at_once(task: Task, study: Study) -> learning_curve.Ahead | None:
    """Does trainings side by side where the machine has room for that; of robots each learns on one thread as it is."""
    count = side_by_side.workers()
    if count < 2:
        return None

    def train(wanted: Sequence[side_by_side.Training], one: side_by_side.Train, look: Callable[[], None]) -> None:
        side_by_side.train(task, study.recipe, study.run, wanted, one, count, look)

    return train


def sweep(task: Task, recipe: Recipe, run: Run, seeds: int, blocks: Sequence[int] = ()) -> dict[str, Any]:
    """How many blocks should learn: the task's sweep.py. Continues where a stopped sweep was. Raises InputError and
    Cancelled."""
    try:
        verb = task.verb("sweep")
    except NotImplementedError:
        found = _("how many blocks should learn is asked of classifiers")
        raise InputError(Problem(task.info.name, found, _("accepted: a classifier"))) from None
    answer: dict[str, Any] = verb.sweep(opened(task, recipe, run), run, seeds, blocks)
    return answer


def opened(task: Task, recipe: Recipe, run: Run, *, hold_back_test: bool = False) -> Study:
    """The recipe's study, its digest written down, and what is good to know of the data said; with `hold_back_test`,
    its test put away. Raises InputError."""
    card = task.describe(recipe.model)
    task.require_offered(recipe)
    if recipe.strategy is not Strategy.SCRATCH:
        weights.fetch(card)  # before anything that takes long
    study = task.open(recipe, run)
    _require_few(study)
    if hold_back_test:
        study.hold_back_test()
    study.compute()
    if recipe.data_sha256 not in {None, study.sha256}:
        start_over(run)
    study.recipe = replace(recipe, data_sha256=study.sha256, versions=versions.installed())
    run.write("recipe.json", study.recipe.to_json())
    for note in study.notes:
        run.emit("note", message=note)
    if study.skipped:
        run.emit("note", message=skipped_sentence(study.skipped))
    return study


def rehearse(task: Task, recipe: Recipe, run: Run) -> None:
    """Goes the way of `fit` as far as its first step, so that what it would refuse is refused here. Of weights that the
    hub would have to give first, only what can be said without them.

    Raises InputError and Cancelled.
    """
    card = task.describe(recipe.model)
    task.require_offered(recipe)
    if recipe.strategy is not Strategy.SCRATCH:
        weights.require(card)
        if weights.find(card) is None:
            return
    task.open(recipe, run).require()


def _require_few(study: Study) -> None:
    """Raises InputError where a public host lets nobody learn from so many examples."""
    if not limits.public():
        return
    try:
        budgets = study.budgets
    except InputError:  # a model that is compared with nothing has none
        return
    if budgets.counts_examples:
        admission.require_few(budgets.high, budgets.unit)


def start_over(run: Run) -> None:
    """Takes away what was learnt from other data: it may have learnt what is tested on now."""
    for name in ("checkpoint", TRIALS):
        if (run.path / name).exists():
            shutil.rmtree(run.path / name)
            run.emit("note", message=_("The data have changed since this run stopped: it starts over."))


def _compared(study: Study, run: Run) -> Trial | None:
    """The same from scratch; None where it was cancelled: the model is there and tested, so the run is done without."""
    try:
        with siblings.joint():
            rival = study.trial(Strategy.SCRATCH, series="scratch")
    except Cancelled:
        return None
    emit_result(run, "scratch", study.info.metric.name, rival.scores.estimate())
    study.keep_rival(rival)
    trial_files.remember(run, Strategy.SCRATCH, study.recipe.seed, rival)
    return rival


def outcome(
    study: Study,
    trial: Trial,
    value: Estimate,
    before: Mapping[str, Scores],
    baselines: Mapping[str, Scores | float],
    rival: Trial | None,
    comparison: Comparison,
    seconds: float,
) -> Result:
    """All that a run came to."""
    recipe, metric = study.recipe, study.info.metric
    n_train, n_validation, n_test = study.counts(trial)
    values, bounds = _told(baselines)
    for name, scores in baselines.items():
        if not isinstance(scores, float):
            bounds[name]["difference"] = asdict(trial.scores.minus(scores))
    verdict = None
    if "zero_shot" in before and recipe.strategy is not Strategy.ZERO_SHOT:
        verdict = compared(trial.scores, before["zero_shot"], "zero_shot", metric, learnt_from=n_train)
    if rival:
        own_values, own_bounds = _told({"scratch": rival.scores})
        values |= own_values
        bounds["scratch"] = own_bounds["scratch"] | study.baseline_details(trial, rival)
        verdict = compared(trial.scores, rival.scores, "scratch", metric, learnt_from=n_train)
    details = study.details(trial, before, rival)  # may still add a note
    return Result(
        run=study.run.path.name,
        task=study.info.name,
        model=study.card.name,
        strategy=recipe.strategy,
        metric=metric.name,
        value=value.value,
        low=value.low,
        high=value.high,
        higher_is_better=metric.higher_is_better,
        n_train=n_train,
        n_validation=n_validation,
        n_test=n_test,
        seconds=round(seconds, 2),
        trainable_parameters=trial.trainable,
        parameters=trial.parameters,
        seed=recipe.seed,
        baselines=values,
        baseline_details=bounds,
        verdict=verdict,
        comparison=comparison,
        metrics=study.metrics(trial),
        device=study.device,
        precision=study.precision,
        best_epoch=trial.progress.best_epoch,
        epochs=trial.progress.epoch,
        skipped=study.skipped,
        notes=study.notes,
        details=details,
    )


def _told(baselines: Mapping[str, Scores | float]) -> tuple[dict[str, float], dict[str, dict[str, Any]]]:
    """Value and interval of each, by name; a number alone has no interval."""
    known = {name: found if isinstance(found, float) else found.estimate() for name, found in baselines.items()}
    values = {name: found if isinstance(found, float) else found.value for name, found in known.items()}
    bounds = {
        name: {"low": found.low, "high": found.high} for name, found in known.items() if isinstance(found, Estimate)
    }
    return values, bounds


def emit_result(run: Run, series: str, metric: str, estimate: Estimate) -> None:
    bounds = {name: number for name, number in asdict(estimate).items() if name in {"value", "low", "high"}}
    run.emit("result", series=series, metric=metric, **bounds)


def skipped_sentence(skipped: list[Skipped]) -> str:
    named = "; ".join(f"{entry.where} {entry.reason}" for entry in skipped[:NAMED])
    more = _(", and {skipped:,} more", skipped=len(skipped) - NAMED) if len(skipped) > NAMED else ""
    return _("{skipped:,} left out: {named}{more}.", skipped=len(skipped), named=named, more=more)
