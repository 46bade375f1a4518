"""The warm server's questions and their answers: plain dictionaries in and out, one case a verb."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines import api
from engines.contract import Chatty, InputError, Predictor, Problem, Progress, Recipe
from engines.datasets.exporting import TASKS
from engines.datasets.folder import DatasetFolder
from engines.hosting import limits
from engines.jobs import offered, run_file
from engines.jobs.serving import cards
from engines.jobs.serving.wire import Question
from engines.messages import _
from engines.runs import ID, RunFolder, called

if TYPE_CHECKING:
    from engines.classification.few_labels.showing import Shown

KEEP_LOADED = 3


class LoadedModels:
    """The models used last, ready to predict. A run trained again is another model."""

    def __init__(self, keep: int = KEEP_LOADED):
        self._keep = keep
        self._models: OrderedDict[tuple[str, int], Predictor] = OrderedDict()
        self._lock = threading.Lock()

    @functools.cached_property
    def shown(self) -> Shown:
        """What is being shown to the app, and the encoders that look at it."""
        from engines.classification.few_labels.showing import Shown

        return Shown(lambda kind: api.task(TASKS[kind]).embedder())

    def get(self, run: RunFolder) -> Predictor:
        """The predictor of a finished run. Raises InputError for one that isn't."""
        try:
            key = str(run.path.resolve()), (run.path / "result.json").stat().st_mtime_ns
        except FileNotFoundError:
            raise InputError(
                Problem(
                    called(run.path), _("it has no trained model"), _("wait until it is done, or choose another run")
                )
            ) from None
        with self._lock:
            if key not in self._models:
                self._models[key] = api.load(run.path)
            self._models.move_to_end(key)
            while len(self._models) > self._keep:
                self._models.popitem(last=False)
            return self._models[key]


def answer(question: Question, models: LoadedModels, progress: Progress) -> dict[str, Any]:
    """The answer to one question. Raises InputError, and KeyError for a question that lacks a part."""
    if named := [name for name in (question.get("model"), *(question.get("models") or ())) if name]:
        offered.require_listed(question["task"], named)
    match question["verb"]:
        case "check":
            return _check(question, progress)
        case "rehearse":
            return _rehearse(question, progress)
        case "check_target":
            return _check_target(question, progress)
        case "rank":
            return _rank(question, progress)
        case "explore":
            return _explore(question, progress)
        case "suggest":
            return _suggest(question)
        case "sample":
            return {"path": str(api.make_sample(question["task"], question["name"], Path(question["out"])))}
        case "hold_out":
            most, seed = int(question["most"]), int(question["seed"])
            return api.hold_out(question["task"], question["data"], question["out"], most=most, seed=seed)
        case "bring":
            model, told = api.bring(question["task"], question["file"], question.get("architecture", ""))
            return {"model": model, "told": told}
        case "describe":
            return dataclasses.asdict(api.task(question["task"]).describe(question["model"]))
        case "predict":
            run = _run(question)
            predictor = models.get(run)
            start = time.perf_counter()
            rows = predictor.predict(_data(question, run))
            return {"rows": rows, "milliseconds": 1000 * (time.perf_counter() - start)}
        case "picture":
            from engines.vision.detection.annotations import drawn

            return drawn.view(DatasetFolder.find(question["dataset"]), question["item"])
        case "show":
            return models.shown.answer(question, progress)
        case "chat":
            return _chat(models.get(_run(question)), question, progress)
        case "explain":
            chosen = {"method": question.get("method"), "example": question.get("example")}
            run = _run(question)
            return {"rows": api.explain(run.path, _data(question, run), question["out"], **chosen)}
        case "layers":
            return api.layers(_own(question).path, progress)
        case "export":
            return {"path": str(api.export(_own(question).path, question["out"], question["format"]))}
        case "open_run":
            return _open(question)
        case "pack":
            return {"path": str(run_file.pack(_own(question), Path(question["out"])))}
        case "steps":
            return {"ratios": _steps(question, progress)}
        case "machine":
            from engines.jobs.serving import machine

            return machine.measure()
        case verb:
            raise InputError(
                Problem("question", _("there is no verb {verb!r}", verb=verb), _("docs/architecture.md lists them"))
            )


def _chat(bot: Predictor, question: Question, progress: Any) -> dict[str, Any]:
    """Streams an answer through `progress.piece`, where the caller listens. Ends early when the caller has left."""
    if not isinstance(bot, Chatty):
        raise InputError(
            Problem("run", _("its model does not answer questions"), _("accepted: a run of text.generation"))
        )
    say = getattr(progress, "piece", lambda _: None)
    chosen = {name: question[name] for name in ("who", "most", "temperature", "seed") if name in question}
    start, pieces = time.perf_counter(), []
    with contextlib.closing(bot.answer(question["messages"], **chosen)) as written:
        for piece in written:
            pieces.append(piece)
            say(piece)
    return {"text": "".join(pieces), "seconds": time.perf_counter() - start}


def _check(question: Question, progress: Progress) -> dict[str, Any]:
    report = api.check(
        question["task"],
        question["data"],
        test=_path(question.get("test")),
        model=question.get("model"),
        strategy=question.get("strategy"),
        seed=int(question.get("seed") or 0),
        settings=question.get("settings"),
        gallery=_path(question.get("gallery")),
        progress=progress,
    )
    return dataclasses.asdict(report)


def _rehearse(question: Question, progress: Progress) -> dict[str, Any]:
    api.rehearse(_recipe(question), progress)
    return {}


def _check_target(question: Question, progress: Progress) -> dict[str, Any]:
    return api.check_target(
        question["task"],
        question["data"],
        question["target"],
        seed=int(question.get("seed") or 0),
        settings=question.get("settings"),
        progress=progress,
    )


def _rank(question: Question, progress: Progress) -> dict[str, Any]:
    return api.rank(
        question["task"],
        question["data"],
        test=_path(question.get("test")),
        models=question.get("models") or (),
        seed=int(question.get("seed") or 0),
        settings=question.get("settings"),
        progress=progress,
    )


def _steps(question: Question, progress: Progress) -> dict[str, float]:
    if cards.hidden():  # steps on the processor say nothing of those on a card
        return {}
    return dict(api.time_steps(_recipe(question), question["report"], progress=progress))


def _recipe(question: Question) -> Recipe:
    """The run that is asked about."""
    return api.recipe(
        question["task"],
        question["data"],
        test=_path(question.get("test")),
        model=question.get("model"),
        strategy=question.get("strategy"),
        seed=int(question.get("seed") or 0),
        settings=question.get("settings"),
    )


def _explore(question: Question, progress: Progress) -> dict[str, Any]:
    return api.explore(
        question["task"],
        question["data"],
        question["out"],
        clusters=question.get("clusters"),
        seed=int(question.get("seed") or 0),
        settings=question.get("settings"),
        progress=progress,
    )


def _suggest(question: Question) -> dict[str, Any]:
    from engines.unlabelled import labelling

    so_far = labelling.Progress(
        [(name, label) for name, label in question["labels"]],
        question.get("passed_over") or (),
        question.get("left_out") or (),
    )
    wanted, a_round = int(question.get("wanted", 20)), int(question["a_round"])
    return labelling.suggest(Path(question["folder"]), so_far, a_round=a_round, wanted=wanted)


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _open(question: Question) -> dict[str, Any]:
    """A run of a file. Not on a host for strangers: it would load a network that one of them has made."""
    if limits.public():
        raise InputError(Problem("run", _("this host opens no runs from files"), _("open it on a machine of your own")))
    return dataclasses.asdict(run_file.open_file(Path(question["file"]), question["owner"]))


def _run(question: Question) -> RunFolder:
    """The question's run: an id, or the path of a run folder anywhere."""
    name = str(question["run"])
    if ID.fullmatch(name):
        return RunFolder.find(name)
    run = RunFolder(Path(name))
    if not (run.path / "recipe.json").is_file():
        raise InputError(
            Problem("run", _("{name} is no run folder", name=name), _("a folder with a recipe.json is accepted"))
        )
    return run


def _own(question: Question) -> RunFolder:
    """The same, of whoever has its own id. Raises InputError where the run is only shown."""
    run = _run(question)
    run.require_owner()
    return run


def _data(question: Question, run: RunFolder) -> Path:
    """What is asked about; '' is what the run was tested on, for whom it is shown does not know where that lies."""
    recipe = RunFolder(run.path).recipe
    if found := question["data"] or recipe.test or recipe.data:
        return Path(found)
    raise InputError(Problem("run", _("its data are not here: it came from a file"), _("bring new inputs")))
