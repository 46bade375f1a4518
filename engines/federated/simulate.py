"""One's own data as if they lay at several sites: united by sums or in rounds, against each alone and all in one
place."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from engines import lifecycle
from engines.classification.trial import ClassificationTrial
from engines.contract import Features, InputError, Problem, Recipe, Run, Strategy, Task
from engines.evidence.scores import Accuracies
from engines.evidence.verdict import compared
from engines.federated import membership, merge, opening, ridge, rounds
from engines.federated.asked import NAMES, STRATEGIES, Asked
from engines.federated.learner import Learner, Terms
from engines.federated.rounds import Server
from engines.federated.statistics import Statistics, of_site, union
from engines.messages import _, _n, kept
from engines.training import transfer
from engines.training.loop import predict
from engines.training.transfer import TrainOutcome

NAME = "federation.json"


def simulate(task: Task, recipe: Recipe, run: Run, given: dict[str, Any]) -> None:
    """Leaves the federated model, result.json and federation.json in the run's folder. Raises InputError and
    Cancelled."""
    began, asked = time.monotonic(), Asked.read(given)
    opening.verb_of(task)
    if recipe.strategy not in STRATEGIES:
        found = _("with '{strategy}' nothing is learnt that could travel", strategy=recipe.strategy)
        raise InputError(Problem("strategy", found, _("accepted: {names}", names=", ".join(STRATEGIES))))
    if recipe.strategy is not Strategy.FEATURES and not asked.rounds:
        found = _("sums know the head alone, and '{strategy}' lets more learn", strategy=recipe.strategy)
        raise InputError(Problem("--rounds", found, _("accepted: rounds, or strategy features")))
    study: Any = lifecycle.opened(task, recipe, run)
    parts = study.clients(asked.sites, asked.alpha, recipe.seed, by=asked.by)
    classes = study.prepared.classes
    run.emit("phase", name="sums", title=_("Each site adds up what the network sees"))
    own = [opening.seen(part, "train") for part in parts]
    tested = opening.seen(study)
    sums: list[Statistics] = [of_site(one.values, one.targets, classes) for one in own]
    groups = study.items().groups
    how = ridge.chosen(sums)
    head = ridge.solver(union(sums))(how.value)
    once = scores(study, merge.right(head, classes, tested))
    central = ridge.solver(pooled(own, classes))(how.value)
    exact = float(np.abs(central.answers(tested.values) - head.answers(tested.values)).max())
    run.check_cancelled()
    server = None
    if asked.rounds:
        trial, server = in_rounds(study, parts, asked, recipe.strategy, "transfer")
        in_one_place = study.trial(recipe.strategy, series="aside").scores
        united = "rounds"
    else:
        outcome = opening.with_head(study, head, how.variance, time.monotonic() - began)
        logits = (head.answers(tested.values) / how.variance).astype(np.float32)
        trial = made_trial(study, outcome, logits)
        in_one_place = scores(study, merge.right(central, classes, tested))
        united = "sums"
    alone = [
        Accuracies(tested.targets, [merge.right(merge.own_head(one), classes, tested, next(iter(one)))], groups)
        for one in sums
    ]
    from_scratch = (
        in_rounds(study, parts, asked, Strategy.SCRATCH, "scratch") if asked.scratch and asked.rounds else None
    )
    known = {
        "united": united,
        "sites": [
            {
                "name": _("Site {number}", number=number),
                "n": sum(one.n for one in known.values()),
                "classes": {name: one.n for name, one in known.items()},
                "alone": asdict(score.estimate()),
                "gained": asdict(trial.scores.minus(score)),
                "bytes": sum(one.bytes for one in known.values()),
            }
            for number, (known, score) in enumerate(zip(sums, alone, strict=True), 1)
        ],
        "classes": classes,
        "federated": asdict(trial.scores.estimate()),
        "sums": asdict(once.estimate()),
        "central": asdict(in_one_place.estimate()),
        "against_central": asdict(trial.scores.minus(in_one_place)),
        "exact": exact,
        "strength": how.value,
        "scratch": asdict(from_scratch[0].scores.estimate()) if from_scratch else None,
        "against_scratch": asdict(trial.scores.minus(from_scratch[0].scores)) if from_scratch else None,
        "curve": server.curve if server else [],
        "scratch_curve": from_scratch[1].curve if from_scratch else [],
        "bytes": {
            "sums": sum(one.bytes for known in sums for one in known.values()),
            "rounds": sum(row["bytes"] for row in server.curve) if server else 0,
        },
        "rounds": asked.rounds,
        "algorithm": asked.algorithm,
        "alpha": asked.alpha,
        "by": asked.by,
        "seed": recipe.seed,
        "strategy": str(recipe.strategy),
        "n_test": len(tested.targets),
        "privacy": privacy(parts, trial, own, tested, recipe.seed),
    }
    if from_scratch:
        known["verdict"] = asdict(
            compared(
                trial.scores, from_scratch[0].scores, "scratch", study.info.metric, learnt_from=sum(map(_count, own))
            )
        )
    known["said"] = sentences(known)
    for note in merge.about_lonely(sums, how):
        study.tell(note)
    n_train = sum(map(_count, own))
    merge.tested_result(
        study, trial, n_train, {"federated": {"sites": known["sites"], "central": known["central"]}}, began
    )
    run.write(NAME, json.dumps(kept(known), indent=2, ensure_ascii=False))
    shutil.rmtree(run.path / "checkpoint", ignore_errors=True)


def _count(one: Features) -> int:
    return len(one.targets)


def pooled(own: Sequence[Features], classes: Sequence[str]) -> Statistics:
    """As one site that has everything would know it."""
    together = Features(np.concatenate([one.values for one in own]), np.concatenate([one.targets for one in own]))
    return of_site(together.values, together.targets, classes)


def scores(study: Any, right: np.ndarray) -> Accuracies:
    return Accuracies(study.labels, [right], study.items().groups)


def made_trial(study: Any, outcome: TrainOutcome, logits: np.ndarray) -> ClassificationTrial:
    spec = study.train_spec(study.settings, study.recipe.seed, study.run)
    return ClassificationTrial(
        spec, outcome, logits, study.labels, outcome.progress, outcome.seconds, groups=study.items().groups
    )


def in_rounds(
    study: Any, parts: Sequence[Any], asked: Asked, strategy: Strategy, series: str
) -> tuple[ClassificationTrial, Server]:
    """The network that the sites have learnt together, and how that went."""
    began, settings = time.monotonic(), study.settings
    learner = Learner(study, strategy)
    examples = [learner.seen(part.prepared.part("train"), settings.views) for part in parts]
    tested = learner.seen(study.prepared.part("test"))
    counts = torch.stack([torch.bincount(one.labels, minlength=len(study.prepared.classes)) for one in examples])
    moments = [learner.moments(one) for one in examples]
    terms = Terms.of(counts, moments, balance=settings.balance)
    examples, tested = [terms.scaled(one) for one in examples], terms.scaled(tested)
    plan = learner.plan(asked.rounds, asked.algorithm, asked.lose, asked.patience)
    on = learner.spec.on.device

    def score() -> dict[str, Any]:
        logits = predict(learner.network, learner.network.boundary, tested, on).numpy()
        found = scores(study, (logits.argmax(1) == study.labels).astype(float)).estimate()
        return {"value": found.value, "low": found.low, "high": found.high}

    ask = rounds.here(learner.network, examples, plan, settings, terms.weights, study.run, on)
    server = rounds.run_rounds(learner.network, len(examples), plan, ask, score, study.run, series)
    logits = predict(learner.network, learner.network.boundary, tested, on).numpy()
    outcome = learner.outcome(terms, time.monotonic() - began)
    return made_trial(study, outcome, logits), server


def privacy(
    parts: Sequence[Any], trial: ClassificationTrial, own: Sequence[Features], tested: Features, seed: int
) -> dict[str, Any]:
    """See `membership.tested`, of the model that all sites get."""
    logits = [transfer.logits(trial.spec, trial.kept, part.prepared.part("train")) for part in parts]
    learnt = Features(np.concatenate([one.values for one in own]), np.concatenate([one.targets for one in own]))
    return membership.tested(np.concatenate(logits), learnt, trial.logits, tested, seed)


def sentences(known: dict[str, Any]) -> list[str]:
    """What a trial came to."""
    n, found, central = len(known["sites"]), known["federated"], known["central"]
    alone = [row["alone"]["value"] for row in known["sites"]]
    numbers = {"sites": n, "value": found["value"], "low": found["low"], "high": found["high"], "n": known["n_test"]}
    said = [
        _(
            "{sites} sites together: {value:.3f} ({low:.3f} to {high:.3f}, {n:,} test examples). Alone they have "
            "{mean:.3f} on average, from {least:.3f} to {most:.3f}. All data in one place: {central:.3f}.",
            **numbers,
            mean=float(np.mean(alone)),
            least=min(alone),
            most=max(alone),
            central=central["value"],
        )
    ]
    if known["united"] == "sums":
        said.append(
            _(
                "The sums give what all data in one place would: the answers differ by {exact:.0e} at most.",
                exact=known["exact"],
            )
        )
    else:
        said.append(
            _n(
                "{n} round of {algorithm}; one exchange of sums has {sums:.3f}.",
                "{n} rounds of {algorithm}; one exchange of sums has {sums:.3f}.",
                known["rounds"],
                algorithm=NAMES[known["algorithm"]],
                sums=known["sums"]["value"],
            )
        )
    worse = [row["name"] for row in known["sites"] if row["gained"]["high"] < 0]
    better = [row["name"] for row in known["sites"] if row["gained"]["low"] > 0]
    if worse:
        said.append(_("Who lost by joining: {names}.", names=", ".join(worse)))
    said.append(
        _(
            "Gained by joining, beyond doubt: {better} of {sites} sites. Undecided: {undecided}.",
            better=len(better),
            sites=n,
            undecided=n - len(better) - len(worse),
        )
    )
    said += rounds.about_dropped(known["curve"])
    if known["scratch"]:
        said.append(_("The same rounds from random weights: {value:.3f}.", value=known["scratch"]["value"]))
    said.append(known["privacy"]["text"])
    return said
