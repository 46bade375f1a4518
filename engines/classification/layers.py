"""What fine-tuning changed inside a classifier: the network of a finished run beside the one that it began as."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from engines import messages
from engines.classification import depths
from engines.classification.fit import ClassificationStudy
from engines.contract import Estimate, Json, Progress, Strategy, Task
from engines.evidence import budgets
from engines.evidence import layers as measures
from engines.evidence.intervals import balanced_accuracy
from engines.evidence.scores import Accuracies
from engines.messages import _
from engines.runs import LAYERS, RunFolder, no_model, refusal
from engines.training.examples import LabelledExamples, batches
from engines.training.staged import Staged, StageModule
from engines.trial_runs import TrialRun

MOST = 200
"""Held-out examples that are looked at, and as many of those that were learnt from, for the probes to learn from."""
FEWEST = 10
"""Held-out examples below which nothing could be read off."""
BATCH = 16
OF_A_HEAD = {Strategy.FEATURES, Strategy.PROTOTYPES, Strategy.ZERO_SHOT}
"""Strategies by which no stage learns."""


class InStages(Protocol):
    """What is asked of a classifier's predictor."""

    @property
    def network(self) -> Staged: ...


class Reopened(TrialRun):
    """A finished run whose data are read once more: nothing happens in it, and nobody can stop it any more."""

    def emit(self, kind: str, **data: Json) -> None:
        pass

    def check_cancelled(self) -> None:
        pass


@dataclass(frozen=True)
class Looked:
    """The examples that both networks are shown: first those that probes learn from, then the held-out ones."""

    examples: LabelledExamples
    labels: np.ndarray
    learn: np.ndarray
    read: np.ndarray


def layers(task: Task, run: Path, progress: Progress | None = None) -> dict[str, Any]:
    """See `contract.Task.layers`: {'changed', 'stages', 'n', …}, computed once and kept in the run.

    Of each stage its name; 'similarity', how alike it sees the held-out examples before and after (`evidence.layers`);
    'moved', how far its weights are from where they began, as a share of their size; and the balanced accuracy of a
    probe 'before' and 'after', with its interval. 'difference' is what the probe behind the last stage gained.
    """
    folder = RunFolder(run)
    if folder.result is None:
        raise no_model(run)
    if (known := folder.layers) is not None:
        return known
    found = _measured(task, folder, progress)
    with contextlib.suppress(OSError):  # a recording may lie where nobody may write
        folder.write(LAYERS, json.dumps(messages.kept(found), indent=1))
    return found


def _measured(task: Task, run: RunFolder, progress: Progress | None) -> dict[str, Any]:
    began, recipe = time.monotonic(), run.recipe
    if recipe.strategy in OF_A_HEAD:
        return {"changed": False, "stages": []}
    after = cast(InStages, task.load(run.path)).network
    study = task.open(recipe, Reopened(run, "layers"))
    assert isinstance(study, ClassificationStudy)
    if recipe.data_sha256 not in {None, study.sha256}:
        raise refusal(run.path, _("its data have changed since"), _("accepted: the data that it learnt from"))
    looked = held_out(study, run.path)
    came = recipe.strategy is not Strategy.SCRATCH
    before = study.begun(pretrained=came, seed=recipe.seed, depth=study.settings.depth)
    both = seen(before, after, looked.examples, study.on.device, progress or (lambda _done, _total: None))
    truth, stages = looked.labels[looked.read], []
    for pair, views in zip(zip(before.stages, after.stages, strict=True), both, strict=True):
        right = [measures.probe(view, looked.labels, looked.learn, looked.read) for view in views]
        weights = zip(*(map(_array, stage.parameters()) for stage in pair), strict=True)
        stages.append(
            {
                "name": pair[0].name,
                "similarity": measures.cka(*(view[looked.read] for view in views)),
                "moved": measures.moved(weights),
                "before": _short(balanced_accuracy(truth, right[0])),
                "after": _short(balanced_accuracy(truth, right[1])),
            }
        )
    last_before, last_after = (Accuracies(truth, [answers.astype(float)]) for answers in right)
    return {
        "changed": any(stage["moved"] for stage in stages),
        "stages": stages,
        "difference": _short(last_after.minus(last_before)),
        "n": len(looked.read),
        "n_learn": len(looked.learn),
        "began": "random" if recipe.strategy is Strategy.SCRATCH else "pretrained",
        "seed": recipe.seed,
        "seconds": round(time.monotonic() - began, 1),
    }


def held_out(study: ClassificationStudy[Any, Any], run: Path) -> Looked:
    """Examples that the kept network chose its epoch by and did not learn from; and some that it did learn from.

    Raises InputError where too few were held out: what a network has learnt by heart can be read off any of its layers.
    """
    study.before()  # takes the run's folds, where it had some
    if study.whole is not None:
        pool, own = study.everything.part("test"), study.whole
        learn = own.chosen.numpy()
        read = np.arange(0) if own.checked is None else own.checked.numpy()
    else:
        pool, parts = study.prepared.examples, study.prepared.parts
        learn, read = parts["train"], parts["validation"]
    labels = pool.labels.numpy()
    read = read[np.isin(labels[read], labels[learn])]
    if len(read) < FEWEST:
        found = _(
            "{read} examples were held out to choose by, and others would show what was learnt by heart", read=len(read)
        )
        raise refusal(run, found, _("accepted: a run with {fewest} or more of them", fewest=FEWEST))
    chosen = np.concatenate([_some(labels, learn, study.recipe.seed), _some(labels, read, study.recipe.seed)])
    first = min(MOST, len(learn))
    return Looked(
        pool.subset(torch.from_numpy(chosen)), labels[chosen], np.arange(first), np.arange(first, len(chosen))
    )


def _some(labels: np.ndarray, positions: np.ndarray, seed: int) -> np.ndarray:
    """At most MOST of these positions, one of each class first."""
    if len(positions) <= MOST:
        return positions
    own = labels[positions]
    if len(np.unique(own)) > MOST:
        return positions[:MOST]
    return positions[budgets.drawn(own.tolist(), MOST, seed)]


def seen(
    before: Staged, after: Staged, examples: LabelledExamples, device: torch.device, progress: Progress
) -> list[tuple[np.ndarray, np.ndarray]]:
    """What both networks see behind each stage, float32 (N, D) each: means over places, moments or tokens.

    What no stage so far has changed is computed once.
    """
    pairs = list(zip(before.to(device).eval().stages, after.to(device).eval().stages, strict=True))
    apart = next((number for number, pair in enumerate(pairs) if not _same(*pair)), len(pairs))
    maps = depths.makes_maps(before)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    done = 0
    for indices in batches(examples, BATCH):
        x = twin = examples.plain(indices).to(device)
        for number, (one, other) in enumerate(pairs):
            with torch.no_grad():
                x, twin = one.run(x), (other.run(twin) if number >= apart else None)
            twin = x if twin is None else twin
            own, theirs = (depths.pooled(each, maps).float().cpu().numpy() for each in (x, twin))
            if number == len(found):
                empty = np.empty((len(examples), own.shape[1]), np.float32)
                found.append((empty, empty.copy()))
            found[number][0][indices], found[number][1][indices] = own, theirs
        done += len(indices)
        progress(done, len(examples))
    return found


def _same(one: StageModule, other: StageModule) -> bool:
    """Whether two stages compute the same: their weights, and the statistics of their batch norms."""
    states = [[t for module in stage.modules() for t in module.state_dict().values()] for stage in (one, other)]
    return all(torch.equal(a, b) for a, b in zip(*states, strict=True))


def _array(parameter: Tensor) -> np.ndarray:
    array: np.ndarray = parameter.detach().float().cpu().numpy()
    return array


def _short(estimate: Estimate) -> dict[str, float]:
    """What is kept of it: without its numbers of examples and seeds."""
    return {name: value for name, value in asdict(estimate).items() if name in {"value", "low", "high"}}
