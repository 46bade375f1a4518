"""Sites' files become one head, and that an ordinary run: asked, exported and told of as any other."""

from __future__ import annotations

import json
import math
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from engines import lifecycle, versions
from engines.classification.trial import ClassificationTrial
from engines.contract import Estimate, Features, InputError, Problem, Recipe, Result, Run, Task
from engines.data import archive
from engines.evidence import trial_files
from engines.evidence.scores import Accuracies
from engines.federated import opening, ridge, several
from engines.federated.masking import masks
from engines.federated.ridge import Chosen, Head
from engines.federated.site_file import Site
from engines.federated.statistics import Statistics, union
from engines.messages import _, _n
from engines.reporting import html, model_card


def merge(task: Task, recipe: Recipe, run: Run, paths: Sequence[Path], *, means_alone: bool = False) -> Result:
    """Unites the sites in the files `paths` in the run's folder; tested on the recipe's `test`, where it has one.

    Without a test the result's value is not a number, and n_test 0. `details["federated"]` holds sites (name, n,
    classes, alone: value, low, high, or None), strength (λ), errors, left_out, noise, kind, masked (whether the sites'
    sums were: n of each is None then, and λ is by generalised cross-validation). Raises InputError and Cancelled.
    """
    began = time.monotonic()
    run.emit("phase", name="reading", title=_("Reading the sites' files"))
    paths = _unpacked(paths, run)
    sites, notes = several.read_all(paths)
    masked = [site.masked for site in sites if site.masked is not None]
    manifest = sites[0].manifest
    known = [site.known for site in sites]
    if masked:
        everything = masks.united(masked, sites[0].classes, manifest.width, manifest.kind)
    else:
        everything = union(known)
    if len(everything) < 2:
        found = _("all sites together have one class, {name!r}", name=next(iter(everything), ""))
        raise InputError(
            Problem(_("the sites"), found, _("accepted: sites that have two classes or more between them"))
        )
    if means_alone or manifest.kind == "means":
        head, how = ridge.class_means(everything), Chosen(0.0, [], 0.05, 0)
    elif masked:
        run.emit("phase", name="head", title=_("Cross-validating the sum, to choose how simple the head stays"))
        how = ridge.cross_validated(everything)
        head = ridge.solver(everything)(how.value)
    else:
        run.emit("phase", name="head", title=_("Leaving one site out at a time, to choose how simple the head stays"))
        how = ridge.chosen(known)
        head = ridge.solver(everything)(how.value)
    run.check_cancelled()
    study = opening.opened(task, recipe, run, None if recipe.test is None else Path(recipe.test))
    _require_same(study, sites[0])
    opening.renumber(study, head.classes, _("the test data"))
    study.recipe = replace(recipe, versions=versions.installed(), data_sha256=study.sha256 or None)
    run.write("recipe.json", study.recipe.to_json())
    for note in (*notes, *(about_masked(sites) if masked else about(sites, how))):
        study.tell(note)
    outcome = opening.with_head(study, head, how.variance, time.monotonic() - began)
    federated: dict[str, Any] = {
        "kind": "means" if not how.errors and how.value == 0 else "scatter",
        "strength": how.value,
        "errors": how.errors,
        "left_out": {key: sum(site.manifest.left_out.get(key, 0) for site in sites) for key in ("classes", "examples")},
        "noise": [site.manifest.noise for site in sites],
        "masked": bool(masked),
        "bytes": sum(path.stat().st_size for path in paths),
    }
    n_train = sum(own.n for own in everything.values())
    if recipe.test is None:
        federated["sites"] = [_row(site, None) for site in sites]
        return untested_result(study, outcome, n_train, federated, began)
    tested = opening.seen(study)
    logits = head.answers(tested.values) / how.variance
    spec = study.train_spec(study.settings, recipe.seed, run)
    trial = ClassificationTrial(
        spec,
        outcome,
        logits.astype(np.float32),
        study.labels,
        outcome.progress,
        outcome.seconds,
        groups=study.items().groups,
    )
    groups = study.items().groups
    federated["sites"] = [
        _row(site, None if masked else alone(site.known, head.classes, tested, groups)) for site in sites
    ]
    return tested_result(study, trial, n_train, {"federated": federated}, began)


def _unpacked(paths: Sequence[Path], run: Run) -> Sequence[Path]:
    """The files themselves, where a page has put them into one zip. Raises InputError for one that cannot be read."""
    if [path.suffix for path in paths] != [".zip"]:
        return paths
    into = run.path / "sites"
    shutil.rmtree(into, ignore_errors=True)
    archive.unpack(paths[0], into)
    return sorted(into.rglob("*.npz"))


def tested_result(
    study: Any, trial: ClassificationTrial, n_train: int, details: dict[str, Any], began: float
) -> Result:
    """Keeps a head that was put together elsewhere as `lifecycle.fit` keeps what it has trained."""
    run, info = study.run, study.info
    value = trial.scores.estimate()
    lifecycle.emit_result(run, "transfer", info.metric.name, value)
    study.keep(trial, value)
    say_no_script(run)
    trial_files.remember(run, study.recipe.strategy, study.recipe.seed, trial)
    baselines = {"majority": 1 / len(np.unique(study.labels))}
    found = lifecycle.outcome(study, trial, value, {}, baselines, None, "skipped", time.monotonic() - began)
    return _written(
        study, replace(found, n_train=n_train, details={**found.details, **details}), trial.progress.history
    )


def untested_result(study: Any, outcome: Any, n_train: int, federated: dict[str, Any], began: float) -> Result:
    study.tell(_("Nothing was tested: bring data with --test, or ask it about yours at each site."))
    study.keep_model(outcome, temperature=1.0, value=math.nan)
    say_no_script(study.run)
    result = Result(
        run=study.run.path.name,
        task=study.info.name,
        model=study.card.name,
        strategy=study.recipe.strategy,
        metric=study.info.metric.name,
        value=math.nan,
        low=math.nan,
        high=math.nan,
        higher_is_better=study.info.metric.higher_is_better,
        n_train=n_train,
        n_validation=0,
        n_test=0,
        seconds=round(time.monotonic() - began, 2),
        trainable_parameters=outcome.trainable,
        parameters=sum(p.numel() for p in outcome.network.model.parameters()),
        seed=study.recipe.seed,
        baselines={},
        comparison="skipped",
        device=study.device,
        precision=study.precision,
        notes=study.notes,
        details={"classes": study.prepared.classes, "federated": federated, **study.own_details()},
    )
    return _written(study, result, [])


def _written(study: Any, found: Result, history: list[dict[str, Any]]) -> Result:
    run = study.run
    run.write("README.md", model_card.write(found, study.recipe, study.card, study.info, run.path))
    run.write("report.html", html.write(found, study.recipe, study.card, study.info, history, run.path))
    run.write("result.json", found.to_json())
    return found


def say_no_script(run: Run) -> None:
    """Notes beside the model that no script repeats its training: the examples are elsewhere."""
    lesson = run.path / "model/lesson.json"
    kept = json.loads(lesson.read_text(encoding="utf-8")) if lesson.is_file() else {"script": {}}
    run.write("model/lesson.json", json.dumps(kept | {"federated": True}, indent=1, ensure_ascii=False))


def alone(known: Statistics, classes: Sequence[str], tested: Features, groups: np.ndarray | None) -> Estimate:
    """How well a site's own head does on the same test: with what only it knows, at the usual λ, for a single site has
    nobody to choose one by."""
    only = next(iter(known))  # a site of one class always answers that one
    return Accuracies(tested.targets, [right(own_head(known), classes, tested, only)], groups).estimate()


def own_head(known: Statistics) -> Head | None:
    """None of a site with one class."""
    if len(known) < 2:
        return None
    return (
        ridge.solver(known)(ridge.USUAL) if all(own.has_scatter for own in known.values()) else ridge.class_means(known)
    )


def right(head: Head | None, classes: Sequence[str], tested: Features, only: str = "") -> np.ndarray:
    """float (N,): 1 where that head is right, 0 where it is wrong; `only` is answered where there is none."""
    if head is None:
        answers = np.full(len(tested.targets), list(classes).index(only) if only else -1)
    else:
        answers = opening.within(head, classes)[head.answers(tested.values).argmax(1)]
    return (answers == tested.targets).astype(float)


def _row(site: Site, value: Estimate | None) -> dict[str, Any]:
    if site.masked is not None:
        return {"name": site.name, "n": None, "classes": {}, "alone": None}
    return {"name": site.name, "n": site.n, "classes": site.counts, "alone": asdict(value) if value else None}


def _require_same(study: Any, site: Site) -> None:
    """Raises InputError where the sites' numbers are of another backbone or transform than those here."""
    problems = []
    here = {
        "task": (study.info.name, _("the task")),
        "model": (study.card.name, _("the model")),
        "backbone": (opening.backbone(study.card), _("the backbone's weights")),
        "input": (study.input(), _("how examples become inputs")),
    }
    for key, (own, what) in here.items():
        if getattr(site.manifest, key) != own:
            found = _("{what} of {model} are others on this machine", what=what, model=study.card.name)
            accepted = _("accepted: the same weights and settings as at the sites")
            problems.append(Problem(site.name, found, accepted))
    if problems:
        raise InputError(*problems)


def about_masked(sites: Sequence[Site]) -> list[str]:
    """What to say of sites whose sums were masked."""
    names = ", ".join((sites[0].manifest.masks or {}).get("sites", [])[:10])
    total = _("The sums of {n} sites came masked, and only their total was seen: {names}.", n=len(sites), names=names)
    return [total, *masks.impossible(), *_about_noise(sites)]


def about(sites: Sequence[Site], how: Chosen) -> list[str]:
    """What to say of sites that were united."""
    notes = about_lonely([site.known for site in sites], how)
    left = [site.manifest.left_out for site in sites if site.manifest.left_out.get("classes")]
    if left:
        notes.append(
            _(
                "Sites kept {examples} examples of small classes to themselves ({classes} times a class).",
                examples=sum(one["examples"] for one in left),
                classes=sum(one["classes"] for one in left),
            )
        )
    return notes + _about_noise(sites)


def _about_noise(sites: Sequence[Site]) -> list[str]:
    epsilons = [site.manifest.noise["epsilon"] for site in sites if site.manifest.noise]
    if not epsilons:
        return []
    return [
        _(
            "Noise hides single examples, at most ε = {epsilon:g} of any site; what is left of the head is not "
            "promised.",
            epsilon=max(epsilons),
        )
    ]


def about_lonely(known: Sequence[Statistics], how: Chosen) -> list[str]:
    """What to say of classes that one site alone has."""
    notes = []
    lonely = [name for name in union(known) if sum(name in own for own in known) == 1]
    if lonely:
        listed = ", ".join(lonely[:5])
        notes.append(
            _n(
                "One class is at one site alone: {listed}. Leaving that site out says nothing of it.",
                "{n} classes are at one site alone: {listed}. Leaving that site out says nothing of them.",
                len(lonely),
                listed=listed,
            )
        )
    if len(lonely) == len(union(known)) and how.value:
        notes.append(
            _(
                "No class is at two sites, so that λ could not be chosen by leaving one out: it is the usual "
                "{usual:g}.",
                usual=how.value,
            )
        )
    return notes
