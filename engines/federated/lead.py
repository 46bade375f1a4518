"""Leads a federation of sites on other machines, in rounds. Who carries orders and answers between them is not its
affair (deploy/flower does): it says on a line which order goes to whom, and is told which answers came."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from engines import versions
from engines.classification.trial import ClassificationTrial
from engines.contract import InputError, Problem, Recipe, Result, Run, Task
from engines.data.class_names import as_known
from engines.federated import merge, opening, rounds, wire
from engines.federated.learner import Learner, Moments, Terms
from engines.federated.rounds import Dropped, Server, State
from engines.messages import _
from engines.training.loop import predict

EXCHANGE = "exchange"
"""Below the run folder, while it goes on: orders, and copies of answers."""


@dataclass(frozen=True)
class Heard:
    """What came of an order."""

    answers: list[tuple[str, Path]]
    """The site that it came from, and its answer; of a round that is summed in secret one, of nobody's."""
    lost: list[tuple[str, str]] = field(default_factory=list)
    """Who gave none, and why."""
    late: list[str] = field(default_factory=list)


class Line(Protocol):
    """Who carries orders out and answers in."""

    def ask(self, run: Run, order: Path, sites: Mapping[str, int], *, patience: float, secure: bool) -> Heard:
        """Of these sites (name -> examples); of all that are there where none is named. `patience`: seconds, 0 for no
        end; `secure`: only the sum of the answers, weighed by examples. Raises InputError and Cancelled."""
        ...


@dataclass(frozen=True)
class Led:
    """A job's arguments, see `api.federating.lead_job`."""

    rounds: int
    algorithm: str
    patience: float
    sites: int
    secure: bool

    @classmethod
    def read(cls, given: dict[str, Any]) -> Led:
        """Raises InputError."""
        try:
            return cls(
                int(given["rounds"]),
                str(given["algorithm"]),
                float(given["patience"]),
                int(given["sites"]),
                bool(given["secure"]),
            )
        except (KeyError, TypeError, ValueError):
            accepted = _("accepted: rounds, algorithm, patience, sites, secure")
            raise InputError(Problem(_("arguments of 'lead'"), _("found {given}", given=given), accepted)) from None


@dataclass
class Known:
    """What a site has told of itself."""

    name: str
    n: int
    counts: dict[str, int]
    moments: Moments | None


@dataclass
class Leader:
    """A federation that goes on."""

    study: Any
    line: Line
    asked: Led
    folder: Path
    sites: list[Known] = field(default_factory=list)
    """Sorted by name; from the first round on, numbered from 1."""
    whys: list[dict[str, Any]] = field(default_factory=list)
    """Answers that never came: round (0: before the first), site, why."""

    def order(self, kind: str, number: int, tensors: State, classes: Sequence[str] = ()) -> Path:
        recipe, path = self.study.recipe, self.folder / f"{number}.safetensors"
        told = {
            "kind": kind,
            "task": recipe.task,
            "model": recipe.model,
            "strategy": str(recipe.strategy),
            "seed": recipe.seed,
            "settings": recipe.settings,
            "sites": [one.name for one in self.sites],
            "round": number,
            "algorithm": self.asked.algorithm,
            "classes": list(classes),
        }
        wire.write(path, told, tensors)
        return path

    def heard(self, order: Path, number: int) -> Heard:
        """Before the first round (0) nobody is too late: a site looks at its data for the first time."""
        sites = {one.name: one.n for one in self.sites}
        patience, secure = (self.asked.patience, self.asked.secure) if number else (0.0, False)
        found = self.line.ask(self.study.run, order, sites, patience=patience, secure=secure)
        for name, why in found.lost:
            self.whys.append({"round": number, "site": name, "why": why})
            self.study.run.emit("note", message=_("{name} gave no answer: {why}", name=name, why=why))
        return found

    def gather(self) -> None:
        """Learns who is there. Raises InputError where too few are, or where they do not go together."""
        found = self.heard(self.order("summary", 0, {}), 0)
        here = {"backbone": opening.backbone(self.study.card), "input": self.study.input()}
        what = {"backbone": _("the backbone's weights"), "input": _("how examples become inputs")}
        problems: list[Problem] = []
        for name, path in found.answers:
            told, tensors = wire.read(path, "summed", ("site", "n", "counts", *here))
            site = _known(name, told, tensors)
            problems += [
                Problem(
                    site.name,
                    _("{what} of {model} are others there", what=what[key], model=self.study.card.name),
                    _("accepted: the same weights and settings as with whoever leads"),
                )
                for key, own in here.items()
                if told[key] != own
            ]
            if any(site.name == other.name for other in self.sites):
                problems.append(Problem(site.name, _("two sites have this name"), _("accepted: each site once")))
            self.sites.append(site)
        self.sites.sort(key=lambda one: one.name)
        if len(self.sites) < self.asked.sites:
            why = "; ".join(f"{row['site']}: {row['why']}" for row in self.whys) or _("no answer")
            problems.append(
                Problem(
                    _("the sites"),
                    _("{n} of {sites} answered ({why})", n=len(self.sites), sites=self.asked.sites, why=why),
                    _("accepted: all that are waited for (--sites)"),
                )
            )
        widths = {None if one.moments is None else len(one.moments.mean) for one in self.sites}
        if len(widths) > 1:
            problems.append(Problem(_("the sites"), _("their features differ in number"), _("accepted: one model")))
        if problems:
            raise InputError(*problems)
        self.name_alike()

    def name_alike(self) -> None:
        """Gives classes that mean the same one name. Raises InputError for names that differ in capitals alone."""
        first_of: dict[str, str] = {}
        for site in self.sites:
            ways = as_known(site.counts, list(first_of.values()))
            counts: dict[str, int] = {}
            for name, n in site.counts.items():
                counts[ways.get(name, name)] = counts.get(ways.get(name, name), 0) + n
            site.counts = counts
            for name in site.counts:
                if (other := first_of.setdefault(name.casefold(), name)) != name:
                    found = _("its class {name!r} is {other!r} elsewhere", name=name, other=other)
                    raise InputError(Problem(site.name, found, _("accepted: one name for one class at every site")))

    @property
    def classes(self) -> list[str]:
        return sorted({name for site in self.sites for name in site.counts})

    def ask(self, server: Server, number: int, terms: Terms) -> tuple[list[tuple[int, State]], Dropped]:
        """A round, see `rounds.run_rounds`."""
        tensors = wire.named("state", server.state) | {"weights": terms.weights}
        if terms.shift is not None and terms.scale is not None:
            tensors |= {"shift": terms.shift, "scale": terms.scale}
        names = [one.name for one in self.sites]
        order = self.order("learn", number, tensors, self.classes)
        found = self.heard(order, number)
        order.unlink(missing_ok=True)
        if self.asked.secure:
            return self.in_secret(found, server, names)
        answers: dict[int, tuple[int, State]] = {}
        refused = []
        for name, path in found.answers:
            told, tensors = wire.read(path, "learnt", ("site", "round"))
            state = wire.below(tensors, "state")
            if told["site"] != name or name not in names or told["round"] != number:
                continue
            site = names.index(name)
            if wire.fits(state, server.state) and rounds.is_finite(state):
                answers[site] = self.sites[site].n, state
            else:
                refused.append(site + 1)
        late = sorted(names.index(name) + 1 for name in found.late if name in names)
        gone = {site + 1 for site in range(len(names))} - {site + 1 for site in answers} - {*refused, *late}
        return [answers[site] for site in sorted(answers)], {"lost": sorted(gone), "late": late, "refused": refused}

    def in_secret(self, found: Heard, server: Server, names: Sequence[str]) -> tuple[list[tuple[int, State]], Dropped]:
        """Of the answers only their average change is known, and who is in it."""
        late = sorted(names.index(name) + 1 for name in found.late if name in names)
        nobody: Dropped = {"lost": [], "late": late, "refused": []}
        if not found.answers:
            nobody["lost"] = [site for site in range(1, len(names) + 1) if site not in late]
            return [], nobody
        told, change = wire.read(found.answers[0][1], "together", ("sites",))
        in_it = [site for site, name in enumerate(names, 1) if name in told["sites"]]
        nobody["lost"] = [site for site in range(1, len(names) + 1) if site not in {*late, *in_it}]
        if not wire.fits(change, server.state) or not rounds.is_finite(change):
            raise InputError(Problem(_("the sum"), _("it is none of this network"), _("accepted: finite numbers")))
        together = {name: value + change[name] for name, value in server.state.items()}
        return [(sum(self.sites[site - 1].n for site in in_it), together)], nobody


def lead(task: Task, recipe: Recipe, run: Run, given: dict[str, Any], line: Line) -> Result:
    """The model that the sites have learnt together, as an ordinary run; tested on the recipe's `test`, where it has
    one, else its value is not a number and n_test 0. `details["federated"]`: kind 'rounds', sites (name, n, classes),
    rounds, algorithm, curve, gone, bytes, secure. Raises InputError and Cancelled."""
    began, asked = time.monotonic(), Led.read(given)
    if recipe.start is not None:
        found = _("a finished run is on this machine alone")
        raise InputError(Problem("--model", found, _("accepted: a model that every site has")))
    study = opening.opened(task, recipe, run, None if recipe.test is None else Path(recipe.test))
    folder = Path(run.path) / EXCHANGE
    folder.mkdir(exist_ok=True)
    leader = Leader(study, line, asked, folder)
    run.emit("phase", name="sites", title=_("Asking the sites what they have"))
    leader.gather()
    classes, sites = leader.classes, leader.sites
    if len(classes) < 2:
        found = _("all sites together have one class, {name!r}", name=classes[0])
        raise InputError(
            Problem(_("the sites"), found, _("accepted: sites that have two classes or more between them"))
        )
    opening.renumber(study, classes, _("the test data"))
    study.recipe = replace(recipe, versions=versions.installed(), data_sha256=study.sha256 or None)
    run.write("recipe.json", study.recipe.to_json())
    learner = Learner(study, recipe.strategy)
    counts = torch.tensor([[site.counts.get(name, 0) for name in classes] for site in sites])
    terms = Terms.of(counts, [site.moments for site in sites], balance=study.settings.balance)
    network, on, tested = learner.network, learner.spec.on.device, None
    if recipe.test is not None:
        tested = terms.scaled(learner.seen(study.prepared.part("test")))

    def logits() -> np.ndarray:
        assert tested is not None  # nobody asks without a test
        found: np.ndarray = predict(network, network.boundary, tested, on).numpy()
        return found

    def score() -> dict[str, Any]:
        if tested is None:
            return {"value": None, "low": None, "high": None}
        value = merge.Accuracies(
            study.labels, [(logits().argmax(1) == study.labels).astype(float)], study.items().groups
        ).estimate()
        return {"value": value.value, "low": value.low, "high": value.high}

    server = rounds.run_rounds(
        network,
        len(sites),
        learner.plan(asked.rounds, asked.algorithm),
        lambda server, number: leader.ask(server, number, terms),
        score,
        run,
    )
    for note in rounds.about_dropped(server.curve):
        study.tell(note)
    answers = None if tested is None else logits()
    outcome = learner.outcome(terms, time.monotonic() - began)
    federated = {
        "kind": "rounds",
        "sites": [{"name": one.name, "n": one.n, "classes": one.counts, "alone": None} for one in sites],
        "rounds": asked.rounds,
        "algorithm": asked.algorithm,
        "curve": server.curve,
        "gone": leader.whys,
        "bytes": sum(row["bytes"] for row in server.curve),
        "secure": asked.secure,
    }
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(Path(run.path) / "checkpoint", ignore_errors=True)
    n_train = sum(site.n for site in sites)
    if answers is None:
        return merge.untested_result(study, outcome, n_train, federated, began)
    trial = ClassificationTrial(
        learner.spec, outcome, answers, study.labels, outcome.progress, outcome.seconds, groups=study.items().groups
    )
    return merge.tested_result(study, trial, n_train, {"federated": federated}, began)


def _known(name: str, told: dict[str, Any], tensors: State) -> Known:
    """What a site's summary tells. Raises InputError for numbers that cannot be."""
    counts = told["counts"]
    moments = None
    right = isinstance(counts, dict) and all(isinstance(n, int) and n > 0 for n in counts.values())
    right = right and sum(counts.values()) == told["n"] > 0 and told["site"] == name
    if tensors:
        mean = wire.vector(tensors, "mean", None, torch.float64)
        spread = None if mean is None else wire.vector(tensors, "spread", len(mean), torch.float64)
        right = right and mean is not None and spread is not None and bool((spread >= 0).all())
        moments = Moments(told["n"], mean, spread) if mean is not None and spread is not None else None
    if not right:
        found = _("its numbers do not fit each other")
        raise InputError(Problem(name[:80], found, _("accepted: counts above 0, and finite sums")))
    return Known(name, told["n"], {str(label): n for label, n in counts.items()}, moments)
