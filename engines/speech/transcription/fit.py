"""The study of a recogniser: clips, what is said in them, and what is heard in them before it learns and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines import starts
from engines.adaptation import rule
from engines.contract import (
    Budgets,
    Estimate,
    Features,
    Items,
    ModelCard,
    Recipe,
    Run,
    Scores,
    Strategy,
    Study,
    Task,
    Trial,
)
from engines.contract.study import Describes
from engines.evidence.budgets import bounds, within
from engines.messages import _
from engines.speech.audio.clip import Clip
from engines.speech.audio.clips import checking
from engines.speech.audio.preview import SPOKEN
from engines.speech.models.states import STATE_SECONDS
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription import details, export_script, normalisers, predict, predictions, word_errors
from engines.speech.transcription.new_domain import pseudo_labels, target
from engines.speech.transcription.prepare import Selection, heard_before, prepare, rehearsed, source_clips, spelt
from engines.speech.transcription.train import TrainOutcome, TrainSpec, adapt, begin, freeze, transcripts
from engines.speech.transcription.trial import TranscriptionTrial
from engines.speech.transcription.weight_mixing import Transcripts, along, choose_share, mix
from engines.speech.transcription.word_errors import WordErrors
from engines.training import devices, overfitting
from engines.training.settings import require_blocks


def open_study(task: Task, recipe: Recipe, settings: TranscriptionSettings, run: Run) -> TranscriptionStudy:
    """See `contract.Task.open`."""
    return TranscriptionStudy(task, recipe, settings, run)


class TranscriptionStudy(Study):
    """Clips of a few accents, and a recogniser that has heard others."""

    def __init__(self, task: Describes, recipe: Recipe, settings: TranscriptionSettings, run: Run):
        """Reads, splits and spells the clips. Raises InputError and Cancelled."""
        super().__init__(task, recipe, settings, run)
        self.settings: TranscriptionSettings = settings
        self.alike = normalisers.of(settings.normaliser)
        """Makes what was said and what was heard comparable."""
        require_blocks(recipe.strategy, settings, len(self.card.stages))
        found, parts = prepare(recipe, settings, run)
        self.on = devices.start(settings, run, recipe.strategy)
        self.device, self.precision = devices.name(self.on.device), devices.precision(self.on)
        self.spec = self._begin(self.card, recipe.strategy, recipe.seed, run)
        """With the model as it came, until the run's own trial teaches it."""
        self.came_with: dict[str, Tensor] = {}
        """The weights of that model, from `before` until the trial."""
        self.prepared = spelt(found, parts, self.spec)
        self.testing = self.prepared.of("test")
        self.sha256, self.notes, self.skipped = self.prepared.sha256, self.prepared.notes, self.prepared.skipped
        self.notes += [starts.told()] if recipe.start else []
        self.adapted: pseudo_labels.Adapted | None = None
        self.target = self._opened_target(found.clips, parts)

    def _opened_target(self, clips: list[Clip], parts: list[str]) -> target.NewClips | None:
        """What the recipe names of a new domain. Raises InputError and Cancelled."""
        asked, where = self.settings.adapt, self.recipe.target
        if where is None:
            rule.require_none(asked)
            return None
        self.run.emit("phase", name="target", title=_("Reading the data of the new domain"))
        known = target.learnt_from(clips, parts)
        seed, unit = self.recipe.seed, self.info.unit
        found = target.read(Path(where), self.settings, **known, seed=seed, unit=unit, progress=checking(self.run))
        self.choice = rule.choose(asked, len(found), self.info.adapts_by or (), unit)
        self.notes += found.notes
        return found

    def _begin(self, card: ModelCard, strategy: Strategy, seed: int, run: Run) -> TrainSpec:
        start = starts.folder(self.recipe) if card.name == self.card.name else None
        return begin(card, strategy, self.settings, seed=seed, run=run, on=self.on, start=start)

    def hold_back_test(self) -> None:
        parts, clips = self.prepared.parts, self.prepared.of("train")
        self.require_held_out(len(parts["validation"]))
        drawn = within(clips.accents, clips.texts, len(clips), self.recipe.seed)
        train, validation = ([parts["train"][i] for i in own] for own in drawn)
        own = {"train": train, "validation": validation, "test": parts["validation"]}
        self.prepared = replace(self.prepared, parts=own)
        self.testing = self.prepared.of("test")

    @property
    def rival(self) -> Strategy:
        """Nothing is learnt from scratch: a few clips teach nobody to listen."""
        return Strategy.ZERO_SHOT

    # --- what is heard before it learns ---------------------------------------------------------------

    @cached_property
    def known_accent(self) -> dict[str, Selection]:
        """Clips of the accent that the model came with, by part (see `source_clips`); empty where there are none."""
        return source_clips() if self.settings.language == "en" else {}

    def forgettable(self, part: str) -> Selection:
        """Those of the known accent by which forgetting is measured; none where it is not to be."""
        return self.known_accent.get(part, Selection.none()) if self.settings.forgetting else Selection.none()

    @cached_property
    def test_before(self) -> list[str]:
        return heard_before(self.spec, self.testing, _("What the model hears in the test clips before it learns"))

    @cached_property
    def as_it_came(self) -> Transcripts:
        source = self.forgettable("test")
        return Transcripts(
            0.0, self.test_before, heard_before(self.spec, source, _("What it hears in the accent it came with"))
        )

    @cached_property
    def choosing_before(self) -> list[str]:
        title = _("What it hears in the clips that choose how much is kept")
        return heard_before(self.spec, self.forgettable("validation"), title)

    def before(self) -> dict[str, Scores]:
        self.came_with = freeze(self.spec)  # first: what is frozen is heard once for all that follows
        came, _ = self.as_it_came, self.choosing_before  # now: later the model may have learnt
        return {"zero_shot": self._counted(came.test)}

    # --- taught and tested ----------------------------------------------------------------------------

    def trial(
        self,
        strategy: Strategy,
        *,
        series: str = "transfer",
        seed: int | None = None,
        run: Run | None = None,
        budget: int | None = None,
    ) -> TranscriptionTrial:
        """See `contract.Study.trial`. With a `budget`, clips spread over the accents as in the data, all of what was
        learnt is kept, whatever it does to the accent the model came with."""
        if strategy is Strategy.ZERO_SHOT:
            came = self.as_it_came if budget is None else Transcripts(0.0, self.test_before, [])
            return self._tested(self.spec, None, [came], {"share": 0.0, "why": _("Nothing was learnt.")}, [])
        seed, run = self.recipe.seed if seed is None else seed, run or self.run
        training, checks = self.prepared.of("train"), self.prepared.of("validation")
        if budget is not None:
            every = self.learnable
            drawn = within(every.accents, every.texts, budget, seed, every.seconds)
            training, checks = (every.at(own) for own in drawn)
        n = len(training)
        training = self.with_rehearsal(training)
        more = training.names[n:]
        if more and budget is None:
            run.emit(
                "note",
                message=_("Beside yours, {more} clips of the accent it came with are rehearsed.", more=len(more)),
            )
        spec, outcome = self._taught(strategy, seed, run, training, checks)
        if budget is not None:
            all_of_it = {"share": 1.0, "why": _("A comparison keeps all of it.")}
            return self._tested(spec, outcome, [self._hears_now(spec)], all_of_it, more)
        chosen = choose_share(spec, outcome, self.forgettable("validation"), self.choosing_before)
        curve = along(spec, outcome, self.testing, self.forgettable("test"), chosen["share"])
        mix(spec, outcome, chosen["share"])
        return self._tested(spec, outcome, [self.as_it_came, *curve], chosen, more)

    def with_rehearsal(self, training: Selection) -> Selection:
        """These clips, and after them those of the accent that it came with which are gone through besides."""
        if self.settings.rehearse and self.known_accent:
            return rehearsed(training, self.known_accent["train"])
        return training

    def _taught(
        self, strategy: Strategy, seed: int, run: Run, training: Selection, checks: Selection
    ) -> tuple[TrainSpec, TrainOutcome]:
        """The study's own recogniser, taught, where `before` has frozen it for that and it has learnt nothing yet; else
        a fresh one."""
        spec, came_with = self.spec, self.came_with
        if came_with and (spec.strategy, spec.seed, spec.run) == (strategy, seed, run):
            self.came_with = {}
        else:
            spec = self._begin(self.card, strategy, seed, run)
            came_with = freeze(spec)
        spoken = training.spoken(spec.recogniser, self.settings)
        return spec, adapt(spec, spoken, checks.spoken(spec.recogniser) if len(checks) else None, came_with)

    def _hears_now(self, spec: TrainSpec) -> Transcripts:
        title = _("Testing on {testing:,} clips never learnt from", testing=len(self.testing))
        seen = spec.seen(self.testing.spoken(spec.recogniser))
        return Transcripts(1.0, transcripts(spec, seen, self.testing.seconds, title), [])

    def _tested(
        self,
        spec: TrainSpec,
        outcome: TrainOutcome | None,
        curve: list[Transcripts],
        chosen: dict[str, Any],
        more: list[str],
    ) -> TranscriptionTrial:
        after = next(heard for heard in curve if heard.share == chosen["share"])
        return TranscriptionTrial(spec, outcome, after, self._counted(after.test), curve, chosen, more)

    def _counted(self, heard: Sequence[str]) -> WordErrors:
        """Of what was heard in the test clips."""
        return self.scores([word_errors.word_counts(self.alike(self.testing.texts), self.alike(heard))[:, :2]])

    @property
    def budgets(self) -> Budgets:
        """In seconds, for a label is as long as its clip."""
        low, high = bounds(self.learnable.accents, self.learnable.seconds)
        return Budgets(low, high, SPOKEN, _("the longest clip of each accent"), _("(all that is not tested on)"))

    def learnt_from(self, budget: int) -> int:
        return max(1, round(budget / float(np.mean(self.learnable.seconds))))

    @cached_property
    def learnable(self) -> Selection:
        """All clips that a budget may be drawn from."""
        return self.prepared.of("train").beside(self.prepared.of("validation"))

    def scores(self, outcomes: Sequence[np.ndarray]) -> WordErrors:
        return WordErrors(outcomes)

    def items(self) -> Items:
        """Drawn within accents, the clips of one speaker together; who is not named speaks one clip."""
        speakers = [self.prepared.clips[i].speaker or f"\0{i}" for i in self.prepared.parts["test"]]
        strata, groups = (np.unique(each, return_inverse=True)[1] for each in (self.testing.accents, speakers))
        return Items(np.ones(len(self.testing)), strata, groups)

    def features(
        self, part: str, *, model: str | None = None, depth: int | None = None, pretrained: bool = True
    ) -> Features | None:
        """The encoder's states, averaged over the time that the clip lasts. What is said in it is no number, so there
        are no targets: float64 (N, 0). None for random weights, and before the first stage."""
        if depth == 0 or not pretrained:
            return None
        card = self.card if model is None else self.task.describe(model)
        spec = self._begin(card, Strategy.FEATURES, self.recipe.seed, self.run)
        freeze(spec)
        network, clips = spec.recogniser.network, self.prepared.of(part)
        network.boundary = len(network.stages) if depth is None else depth
        states = spec.seen(clips.unspelt(spec.recogniser)).plain(torch.arange(len(clips))).states
        last = [max(1, round(seconds / STATE_SECONDS)) for seconds in clips.seconds]  # Whisper's window is longer
        means = [state[:end].mean(0) for state, end in zip(states, last, strict=True)]
        return Features(torch.stack(means).numpy(), np.empty((len(clips), 0)))

    # --- kept and told --------------------------------------------------------------------------------

    def keep(self, trial: Trial, value: Estimate) -> None:
        assert isinstance(trial, TranscriptionTrial)
        folder = self.run.path / "model"
        if self.target is not None:
            training, unit = self.with_rehearsal(self.prepared.of("train")), self.info.unit
            checks = self.prepared.of("validation")
            self.adapted = pseudo_labels.adapt(trial.spec, self.choice, self.target, training, checks, unit)
            pseudo_labels.write(self.run.path, self.target, self.adapted)
        predict.save(folder, trial.spec, self.card)
        export_script.record(folder, self.prepared, self.recipe, trial, value.value)
        heard = self.test_before, trial.after.test
        predictions.write(self.run.path, self.prepared, self.testing, *heard, self.settings.normaliser)

    def workload(self) -> dict[str, Any]:
        return {"durations": list(self.testing.seconds)}

    def counts(self, trial: Trial) -> tuple[int, int, int]:
        n_train, n_validation, n_test = (len(self.prepared.parts[part]) for part in ("train", "validation", "test"))
        return n_train, n_validation, n_test

    def metrics(self, trial: Trial) -> dict[str, Estimate]:
        assert isinstance(trial, TranscriptionTrial)
        counts = word_errors.letter_counts(self.alike(self.testing.texts), self.alike(trial.after.test))
        return {"cer": word_errors.wer(counts)}

    def details(self, trial: Trial, before: Mapping[str, Scores], rival: Trial | None) -> dict[str, Any]:
        assert isinstance(trial, TranscriptionTrial)
        source, testing = self._alike(self.forgettable("test")), self._alike(self.testing)
        came, after, *curve = (self._heard_alike(heard) for heard in (self.as_it_came, trial.after, *trial.curve))
        share = trial.chosen["share"]
        self.notes += self._spelling(trial.after.test)
        fit = overfitting.read(trial.progress.history, trial.progress.best_epoch, self.info.metric, self.info.unit)
        gained = trial.scores.minus(self._counted(self.as_it_came.test))
        new: dict[str, Any] = {}
        if self.target is not None and self.adapted is not None:
            about = pseudo_labels.details(self.target, self.adapted, self.info, self.settings.normaliser)
            new = {"adaptation": about, "card": {"adapted": about["sentence"]}}
        return {
            **new,
            **details.findings(self.prepared, testing, came.test, after.test),
            "forgetting": details.forgetting(source, came.source, after.source),
            "curve": [details.point(heard, testing, source) for heard in curve],
            "normaliser": self.settings.normaliser,
            "mix": trial.chosen,
            **details.network_view(trial.spec, self.card),
            "input": predict.INPUT,
            "load_snippet": predict.snippet(trial.spec.recogniser),
            **overfitting.details(fit),
            "next": details.advise(self.recipe, self.settings, fit, gained, share),
        }

    def _alike(self, chosen: Selection) -> Selection:
        return replace(chosen, texts=self.alike(chosen.texts))

    def _heard_alike(self, heard: Transcripts) -> Transcripts:
        return replace(heard, test=self.alike(heard.test), source=self.alike(heard.source))

    def _spelling(self, heard: Sequence[str]) -> list[str]:
        """A note how many of the word errors are only another spelling of what was said, once for all results."""
        if self.settings.normaliser != "plain" or self.settings.language != "en":
            return []
        n, errors = normalisers.spelling_only(self.testing.texts, heard)
        told = _("only spelt otherwise, as '306' is 'three hundred and six': normaliser=english does not count them.")
        note = _("{n:,} of the {errors:,} word errors are {told}", n=n, errors=errors, told=told)
        return [note] if n and note not in self.notes else []
