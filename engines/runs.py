"""A run is a folder. This is the one place that knows what lies in it.

recipe.json          everything needed to repeat the run
job.json             what is to be done with it, where that is more than a plain fit
events.jsonl         append-only progress
worker.json          process id, creation time and host of the worker that has the run, while it has it
worker.log           what the worker printed, and the traceback of a defect
cached.txt           which arrays of the cache it used, so that they go when it is deleted for good
heartbeat            a number, another one every second while a worker has the run
launch.json          of a run that a cluster was given: which one, as which job, on which of its machines
cancel               exists once somebody asked the run to stop
checkpoint/          the newest epoch: trainable weights, optimiser state; of a finished run only that of a baseline
                     which had not stopped improving, so that it can go on
trials/              what each training left that a comparison is made of, a file each: so it can go on, or begin with a
                     finished run; and the checkpoint of the one in progress
model/               the best epoch, in the task's own portable format, and what a script that repeats the run needs
predictions.parquet  one row a test example
scratch.parquet      what the same network from scratch answers of each test example (classifiers)
target.parquet       one row an example of a new domain, before and after adapting to it (runs with a target)
learnt_from.parquet  one row an example that was learnt from (classifiers)
videos/              the policy at work before and after, as GIFs (control)
corrections.json     labels that a person put right on the page, for the next run
result.json          exists once the model is tested; its `comparison` says whether training from scratch still goes on
comparison.json      exists once a comparison is done
forecast.json        what was foretold of the run before it trained, where somebody asked
answers.parquet      every answer to data that the model of another run was asked about; answers.json sums them up
sweep.json           exists once a sweep over the blocks that learn is done (classifiers)
search.json          exists once a search is done; each trial is a run folder below trials/, best/ is the winner's run
federation.json      what came of data divided among several sites (see `federated.simulate`)
layers.json          what changed inside the network, once somebody asked (classifiers)
README.md            model card
report.html          the result on one page, no network needed
tensorboard/         the curves as TensorBoard event files
mlflow.json          which MLflow run has the curves, where MLFLOW_TRACKING_URI was set
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from engines import messages, paths, shown_ids
from engines.contract import Cancelled, Event, InputError, Job, Json, Problem, Recipe, Result, State
from engines.contract.results import Comparison
from engines.messages import _

ID = re.compile(r"[A-Za-z0-9_-]{22}")
TRIALS = "trials"
"""Below the run of a comparison: what each trial left, so that a stopped one goes on where it was."""
BASELINE = "checkpoint/scratch"
"""Of a finished run: training from scratch where it stopped, as long as more passes may help it."""
RIVAL = "scratch.parquet"
LAYERS = "layers.json"
CACHED = "cached.txt"
OUTCOMES = {"compare": "comparison.json", "sweep": "sweep.json", "search": "search.json", "federate": "federation.json"}
"""What a verb leaves that is done when this is there, by the verb."""
HEARTBEAT_SECONDS = 1.0
MOST_TOLD = 64 << 20
"""Bytes of events, which every page that shows the run reads: a run that goes on telling fills disk and memory."""


def new_id() -> str:
    """An unguessable name: whoever knows it owns the run, and nobody else may cancel, change or delete it."""
    return secrets.token_urlsafe(16)


class RunFolder:
    """One run on disk. Any process may read it; one worker at a time writes it."""

    def __init__(self, path: Path, listeners: Iterable[Callable[[Event], None]] = (), shown_as: str = ""):
        """`listeners` are told each event that is emitted here, once it is written. `shown_as`: the id that only shows
        the run, where it was found by that one; then whatever would change the run raises InputError."""
        self.path = Path(path)
        self._listeners = tuple(listeners)
        self._shown_as = shown_as

    @property
    def id(self) -> str:
        """The id by which it was found: a page that somebody is shown must not tell them the run's own."""
        return self._shown_as or self.path.name

    @property
    def only_shown(self) -> bool:
        """Whether it was found by the id that only shows it (`shown_ids`)."""
        return bool(self._shown_as)

    @property
    def address(self) -> str:
        """What the warm server is asked for it by: its id where that finds it, else its path."""
        return self.id if self.path.parent in (paths.runs(), paths.showcase()) else str(self.path)

    def require_owner(self) -> None:
        """Raises InputError where the run is only shown: the doors of whatever changes it or takes it away."""
        if self.only_shown:
            accepted = _("whoever has its own link can do that")
            raise InputError(Problem("run", _("this link only shows the run"), accepted))

    @classmethod
    def create(cls, job: Job | Recipe, path: Path | None = None) -> RunFolder:
        """A new run folder (default: below `paths.runs()`, under a fresh id) that holds the job; a recipe alone is to
        be fitted."""
        job = job if isinstance(job, Job) else Job(job)
        run = cls(path or paths.runs() / new_id())
        run.path.mkdir(parents=True, exist_ok=True)
        try:
            if job != Job(job.recipe):
                run.write("job.json", job.to_json())
            run.write("recipe.json", job.recipe.to_json())
        except OSError:  # a full disk: what there is of it must not make the folder unusable
            for name in ("job.json", "recipe.json"):
                (run.path / name).unlink(missing_ok=True)
            if path is None:
                run.path.rmdir()
            raise
        return run

    @classmethod
    def find(cls, run_id: str) -> RunFolder:
        """The run of that id, its own or the one that shows it. Raises InputError when there is none; an id is never
        used as a path unchecked."""
        if ID.fullmatch(run_id):
            for root in (paths.runs(), paths.showcase()):
                if (root / run_id / "recipe.json").is_file():
                    return cls(root / run_id)
            own = shown_ids.run_of(run_id)
            if own and ID.fullmatch(own) and (paths.runs() / own / "recipe.json").is_file():
                return cls(paths.runs() / own, shown_as=run_id)
        raise InputError(Problem("run", _("there is no run at this address"), _("check the link, or start a new run")))

    # -- reading

    def file(self, name: object) -> Path | None:
        """The file of that relative path, as its tables name pictures and sounds; None where it does not lie in here:
        a run may have come from somebody else."""
        found = self.path / str(name or "")
        return found if found.is_file() and found.resolve().is_relative_to(self.path.resolve()) else None

    @property
    def exists(self) -> bool:
        """False once somebody moved or deleted the folder."""
        return (self.path / "recipe.json").is_file()

    @property
    def recipe(self) -> Recipe:
        """Of a run that is only shown, without where its data lie: that path is the key to them."""
        recipe = Recipe.from_json((self.path / "recipe.json").read_text(encoding="utf-8"))
        secret = self.only_shown and not Path(recipe.data).is_relative_to(paths.samples())
        return recipe.without_data() if secret else recipe

    @property
    def job(self) -> Job:
        """What is to be done here. Raises InputError where a newer version has written it."""
        try:
            return Job.from_json((self.path / "job.json").read_text(encoding="utf-8"), self.recipe)
        except FileNotFoundError:
            return Job(self.recipe)

    @property
    def result(self) -> Result | None:
        try:
            result = Result.from_json((self.path / "result.json").read_text(encoding="utf-8"))
            return replace(result, run=self.id) if self.only_shown else result
        except FileNotFoundError:
            return None

    @property
    def comparison(self) -> dict[str, Any] | None:
        """See `evidence.learning_curve.answer`."""
        return self._told("comparison.json")

    @property
    def layers(self) -> dict[str, Any] | None:
        """What changed inside the network: see `contract.Task.layers`; None until somebody has asked."""
        return self._told(LAYERS)

    @property
    def sweep(self) -> dict[str, Any] | None:
        """See `classification.sweep`; None until it is done."""
        return self._told("sweep.json")

    @property
    def search(self) -> dict[str, Any] | None:
        """See `search.search.run_search`; None until it is done."""
        return self._told("search.json")

    @property
    def federation(self) -> dict[str, Any] | None:
        """See `federated.simulate`; None until it is done."""
        return self._told("federation.json")

    def _told(self, name: str) -> dict[str, Any] | None:
        """What a file of the run says; None where it is not there (yet)."""
        try:
            found = messages.read(json.loads((self.path / name).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError):  # not there, or cut short by a crash: it can be made again
            return None
        return found if isinstance(found, dict) else None

    @property
    def done(self) -> bool:
        """Whether all that the job asks for lies here, whatever was said of it last."""
        if (name := OUTCOMES.get(self.job.verb)) is not None:
            return self._told(name) is not None
        if self.job.verb == "predict":
            return bool((self._told("answers.json") or {}).get("complete"))
        return self.result is not None and self.result.comparison != "running"

    @property
    def trials_done(self) -> int:
        """How many trainings of a comparison that goes on have ended."""
        return len(list((self.path / TRIALS).glob("[!.]*.json")))

    def events(self, after: int = -1) -> list[Event]:
        """Events whose number is above `after`. A line still being written is left for the next call."""
        return [event for event in self._read_events() if event.number > after]

    def _read_events(self) -> Iterator[Event]:
        try:
            text = (self.path / "events.jsonl").read_bytes()
        except FileNotFoundError:
            return
        for number, line in enumerate(text.split(b"\n")[:-1]):
            try:
                values = messages.read(json.loads(line))
            except ValueError:  # a worker was killed in mid-line; the next one began a new line
                continue
            yield Event(number=number, time=values.pop("time"), kind=values.pop("kind"), data=values)

    @property
    def state(self) -> tuple[State, str]:
        """The last state that was written, and the sentence that came with it."""
        for event in reversed(list(self._read_events())):
            if event.kind == "status":
                return State(event.data["state"]), event.data.get("message", "")
        return State.QUEUED, ""

    def seconds_since_heartbeat(self) -> float:
        try:
            return time.time() - (self.path / "heartbeat").stat().st_mtime
        except FileNotFoundError:
            return float("inf")

    # -- writing

    def emit(self, kind: str, **data: Json) -> None:
        """Append one event. A whole line goes out in one write, so that readers never see half of one."""
        self.require_owner()
        now = round(time.time(), 3)
        line = json.dumps(messages.kept({"time": now, "kind": kind, **data}), ensure_ascii=False)
        path = self.path / "events.jsonl"
        with path.open("ab+") as file:
            if file.tell() > MOST_TOLD and kind != "status":
                found = _("it has told more than {most:,} MiB of itself", most=MOST_TOLD >> 20)
                raise InputError(Problem("run", found, _("accepted: data or settings of which less is to be told")))
            if file.tell() and not _ends_with_newline(file):
                line = "\n" + line
            file.write(line.encode() + b"\n")
        if self._listeners:
            event = Event(path.read_bytes().count(b"\n") - 1, now, kind, data)
            for listener in self._listeners:
                listener(event)

    def set_state(self, state: State, message: str = "") -> None:
        self.emit("status", state=state, message=message)

    def write(self, name: str, text: str) -> Path:
        """Write a file whole or not at all."""
        self.require_owner()
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    def clear_outcome(self) -> None:
        """Takes away what an earlier attempt came to: a run that goes on has not come to anything yet. One whose
        baseline alone goes on has."""
        self.require_owner()
        if self.job.verb == "longer":
            return
        for name in ("result.json", *OUTCOMES.values(), "answers.json", "answers.parquet", LAYERS):
            (self.path / name).unlink(missing_ok=True)

    def skip_comparison(self) -> None:
        """Says in result.json that training from scratch does not come any more."""
        if (found := self.result) and found.comparison == "running":
            ended: Comparison = "done" if "scratch" in found.baselines else "skipped"  # where it was to go on, it stays
            self.write("result.json", replace(found, comparison=ended).to_json())

    def give(self, job: Job) -> None:
        """From here on it is this that is to be done with the run. Where its baseline is to go on, its comparison is
        not done any more."""
        if job.verb == "longer" and (found := self.result):
            self.write("result.json", replace(found, comparison="running").to_json())
        self.write("job.json", job.to_json())
        self.write("recipe.json", job.recipe.to_json())

    def rename(self, title: str) -> None:
        self.write("recipe.json", replace(self.recipe, title=" ".join(title.split())[:80]).to_json())

    # -- stopping

    def request_cancel(self) -> None:
        self.require_owner()
        (self.path / "cancel").touch()

    def clear_cancel(self) -> None:
        self.require_owner()
        (self.path / "cancel").unlink(missing_ok=True)

    @property
    def cancel_requested(self) -> bool:
        return (self.path / "cancel").exists()

    def check_cancelled(self) -> None:
        """Raises Cancelled when somebody asked the run to stop, and FileNotFoundError when its folder is gone."""
        if self.cancel_requested:
            raise Cancelled
        if not self.exists:  # or a checkpoint would make a folder that no run lies in
            raise FileNotFoundError(self.path / "recipe.json")


def _ends_with_newline(file: BinaryIO) -> bool:
    file.seek(-1, os.SEEK_END)
    return bool(file.read(1) == b"\n")


def refusal(run: Path, found: str, accepted: str) -> InputError:
    """Why something cannot be had of a run."""
    return InputError(Problem(called(run), found, accepted))


def called(run: Path) -> str:
    """What a sentence calls a run: by its folder's name, unless that is its key."""
    return _("this run") if ID.fullmatch(run.name) else _("run {name}", name=run.name)


def no_model(run: Path) -> InputError:
    return refusal(run, _("there is no trained model in it"), _("accepted: a run that is done"))
