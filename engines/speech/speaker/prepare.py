"""Clips of speakers as examples of a classifier, and what the encoder's embeddings say besides the class."""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engines import paths
from engines.classification import prepared as classification
from engines.contract import InputError, Problem, Progress, Recipe, Run
from engines.data.class_names import shown_names
from engines.data.splits import complete
from engines.messages import _
from engines.speech.audio.clips import UNIT, Clip, Clips, checking, open_clips, with_test, without_leaks
from engines.speech.audio.recordings import Reading
from engines.speech.models.augmentation import spoken_faster
from engines.speech.models.ge2e_network import looks
from engines.speech.settings import SpeakerSettings
from engines.training.examples import Labelled
from engines.training.staged import Staged
from engines.unlabelled.projection import plane

MOST_MAPPED = 400
DET_POINTS = 60
DRAWS = 300


class Voices(Labelled):
    """Clips of one speaker each. See `training.examples.LabelledExamples`."""

    def __init__(self, samples: list[np.ndarray], labels: Tensor, augment: str):
        self.samples, self.labels, self.augment = samples, labels, augment
        digest = hashlib.sha256()
        for own in samples:
            digest.update(hashlib.sha256(own.tobytes()).digest())
        self.identity = digest.hexdigest()
        self.variation = "" if augment == "none" else augment

    def plain(self, indices: Tensor) -> Tensor:
        return torch.stack([looks(self.samples[i]) for i in indices.tolist()])

    def varied(self, indices: Tensor, generator: torch.Generator) -> Tensor:
        """Said slower or faster, or with noise 20 dB below the voice."""
        if self.augment == "none":
            return self.plain(indices)
        varied = []
        for i in indices.tolist():
            samples = spoken_faster(self.samples[i], generator)
            noise = torch.randn(len(samples), generator=generator).numpy() * float(np.sqrt(np.mean(samples**2))) * 0.1
            varied.append(looks(samples + noise))
        return torch.stack(varied)

    def subset(self, chosen: Tensor) -> Voices:
        return Voices([self.samples[i] for i in chosen.tolist()], self.labels[chosen], self.augment)


@dataclass
class Prepared(classification.Prepared):
    """Clips that are ready to learn from, and what was found out about their voices."""

    clips: list[Clip] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)
    """Filled when the model is kept: `Result.details` of this task."""

    @property
    def voices(self) -> Voices:
        assert isinstance(self.examples, Voices)
        return self.examples

    @property
    def groups(self) -> list[str]:
        return [clip.checked.sha256 for clip in self.clips]

    @property
    def owners(self) -> list[str]:
        return [clip.speaker for clip in self.clips]

    @property
    def has_own_test(self) -> bool:
        return any(clip.source.split == "test" for clip in self.clips)

    @property
    def has_own_parts(self) -> bool:
        return any(clip.source.split in {"test", "validation"} for clip in self.clips)

    def original(self, number: int) -> Path | str:
        return self.clips[number].source.path

    def own_part(self, number: int) -> str | None:
        return self.clips[number].source.split


def split(clips: Sequence[Clip], settings: SpeakerSettings, *, seed: int) -> list[str]:
    """A part for each clip, speaker by speaker; the parts of one file stay together."""
    return list(
        complete(
            [clip.source.split for clip in clips],
            [clip.speaker for clip in clips],
            [clip.checked.sha256 for clip in clips],
            validation=settings.validation_fraction,
            test=settings.test_fraction,
            seed=seed,
        )
    )


def prepare(recipe: Recipe, settings: SpeakerSettings, run: Run) -> Prepared:
    """Reads, checks and splits the recipe's data. Raises InputError and Cancelled."""
    test = Path(recipe.test) if recipe.test is not None else None
    found, parts = opened(Path(recipe.data), test, settings, seed=recipe.seed, progress=checking(run))
    return prepared(found, parts, settings)


def opened(
    data: Path, test: Path | None, settings: SpeakerSettings, *, seed: int, progress: Progress | None
) -> tuple[Clips, list[str]]:
    """The clips that are learnt from and tested on, and each one's part, as both `check` and `fit` see them.

    A file that is in the test is not learnt from. Raises InputError where nothing could be learnt, or tested, and when
    separate test data have a speaker who cannot be learnt.
    """
    open_ = functools.partial(open_clips, reading=Reading.by(settings, "speaker"), progress=progress)
    found = open_(data, paths.work(data))
    if test is not None:
        extra = open_(test, paths.work(test), to_train=False)
        _require_known(found, extra, test.name)
        found = with_test(found, extra)
    found = without_leaks(found, lambda clip: clip.checked.sha256, _("are in the {} data too"))
    found.notes += _notes(found.clips)
    parts = split(found.clips, settings, seed=seed)
    if "test" not in parts:
        accepted = _("accepted: more {unit} a speaker, or separate test data", unit=UNIT)
        raise InputError(Problem(data.name, _("no {unit} are left to test on", unit=UNIT), accepted))
    if "train" not in parts:
        raise InputError(
            Problem(data.name, _("no {unit} are left to learn from", unit=UNIT), _("accepted: more {unit}", unit=UNIT))
        )
    return found, parts


def _require_known(found: Clips, test: Clips, name: str) -> None:
    """Raises InputError when `test` has a speaker who cannot be learnt."""
    known, own = {clip.speaker for clip in found.clips}, {clip.speaker for clip in test.clips}
    if unknown := sorted(own - known):
        accepted = _("accepted: {known}", known=", ".join(sorted(known)[:20]))
        raise InputError(
            Problem(
                _("test data {name}", name=name),
                _("speaker {unknown!r} is not in the training data", unknown=unknown[0]),
                accepted,
            )
        )


def _notes(clips: Sequence[Clip]) -> list[str]:
    """What to know about speakers with hardly a clip, one sentence each."""
    counts = Counter(clip.speaker for clip in clips)
    learnt = {clip.speaker for clip in clips if clip.source.split in (None, "train")}
    found = []
    if single := {name for name in learnt if counts[name] == 1}:
        found.append(
            _(
                "{shown_names}: one clip only. It trains; how well it is recognised cannot be tested.",
                shown_names=shown_names(single),
            )
        )
    if untaught := counts.keys() - learnt:
        found.append(
            _(
                "{shown_names}: no clip to learn from, only to test. These can't be recognised.",
                shown_names=shown_names(untaught),
            )
        )
    return found


def prepared(found: Clips, parts: list[str], settings: SpeakerSettings) -> Prepared:
    classes = sorted({clip.speaker for clip in found.clips})
    labels = torch.tensor([classes.index(clip.speaker) for clip in found.clips])
    where = np.array(parts)
    return Prepared(
        classes,
        [clip.name for clip in found.clips],
        Voices([found.samples(clip) for clip in found.clips], labels, settings.augment),
        {part: np.flatnonzero(where == part) for part in ("train", "validation", "test")},
        found.skipped,
        found.notes,
        found.sha256,
        found.clips,
    )


# --- what the embeddings say ----------------------------------------------------------------------


def embeddings(network: Staged, examples: Voices, batch: int = 32) -> np.ndarray:
    """float32 (N, WIDTH), each of length 1."""
    network.eval()
    device = next(network.model.parameters()).device
    with torch.no_grad():
        found = [
            network.run(examples.plain(indices).to(device), 0, len(network.stages)).float().cpu()
            for indices in torch.arange(len(examples.labels)).split(batch)
        ]
    stacked: np.ndarray = torch.cat(found).numpy()
    return stacked


def verification(vectors: np.ndarray, labels: np.ndarray) -> dict[str, Any] | None:
    """Are two clips of one voice? Over all pairs, by cosine: the equal error rate with its interval, the threshold, and
    the curve of both kinds of error (Martin et al. 1997, 'The DET curve'). None where one kind of pair is missing.

    vectors: float (N, D) of length 1; labels: int (N,). The interval is a bootstrap over clips: a clip that is drawn
    brings all of its pairs.
    """
    first, second = np.triu_indices(len(labels), 1)
    scores, same = (vectors[first] * vectors[second]).sum(1), labels[first] == labels[second]
    if not same.any() or same.all():
        return None
    value, threshold = equal_error(scores, same, np.ones(len(scores)))
    drawn = np.random.default_rng(0).multinomial(len(labels), np.full(len(labels), 1 / len(labels)), size=DRAWS)
    again = []
    for counts in drawn:
        weight = (counts[first] * counts[second]).astype(float)
        if weight[same].any() and weight[~same].any():
            again.append(equal_error(scores, same, weight)[0])
    low, high = np.quantile(again, [0.025, 0.975])
    alarms, misses = both_errors(scores, same, np.ones(len(scores)))
    shown = np.unique(np.linspace(0, len(alarms) - 1, min(DET_POINTS, len(alarms))).round().astype(int))
    return {
        "eer": value,
        "low": min(float(low), value),
        "high": max(float(high), value),
        "threshold": threshold,
        "n_same": int(same.sum()),
        "n_other": int((~same).sum()),
        "det": [[float(alarms[i]), float(misses[i])] for i in shown],
    }


def both_errors(scores: np.ndarray, same: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Shares of other voices accepted and of same voices refused, at each threshold from high to low: (P + 1,) each."""
    order = np.argsort(-scores, kind="stable")
    same, weight = same[order], weight[order]
    alarms = np.concatenate([[0.0], np.cumsum(weight * ~same) / (weight * ~same).sum()])
    misses = 1 - np.concatenate([[0.0], np.cumsum(weight * same) / (weight * same).sum()])
    return alarms, misses


def equal_error(scores: np.ndarray, same: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Where both kinds of error are equally large: how large, and at which cosine."""
    alarms, misses = both_errors(scores, same, weight)
    place = int(np.argmax(alarms >= misses))
    ordered = np.sort(scores)[::-1]
    last = ordered[min(place, len(ordered) - 1)]
    before = ordered[max(place - 1, 0)]
    return float((alarms[place] + misses[place]) / 2), float((last + before) / 2)


def mapped(vectors: np.ndarray, seed: int) -> np.ndarray:
    """float (N, 2): where clips lie when like voices lie together (t-SNE, van der Maaten & Hinton 2008)."""
    if len(vectors) < 4:
        return np.pad(vectors[:, :2], ((0, 0), (0, max(0, 2 - vectors.shape[1]))))
    return plane(vectors, seed)


def findings(prepared: Prepared, came_with: Staged, learnt: Staged, seed: int) -> dict[str, Any]:
    """`Result.details` of this task: verification before and after, and the map of the voices; nothing without any."""
    if not prepared.clips:
        return {"verification": {"before": None, "after": None}, "map": [], "centres": {}, "speakers": {}}
    testing = prepared.part("test")
    assert isinstance(testing, Voices)
    labels = testing.labels.numpy()
    before, after = embeddings(came_with, testing), embeddings(learnt, testing)
    chosen = torch.arange(len(prepared.clips))[:MOST_MAPPED]
    every = embeddings(learnt, prepared.voices.subset(chosen))
    part_of = {int(i): part for part, own in prepared.parts.items() for i in own}
    centres = {
        name: unit(every[[i for i in chosen.tolist() if prepared.clips[i].speaker == name]].mean(0)).round(5).tolist()
        for name in prepared.classes
        if any(prepared.clips[i].speaker == name for i in chosen.tolist())
    }
    return {
        "verification": {"before": verification(before, labels), "after": verification(after, labels)},
        "map": [
            {
                "x": round(float(x), 3),
                "y": round(float(y), 3),
                "speaker": prepared.clips[i].speaker,
                "file": prepared.clips[i].name,
                "part": part_of.get(i, ""),
            }
            for i, (x, y) in zip(chosen.tolist(), mapped(every, seed), strict=True)
        ],
        "centres": centres,
        "speakers": dict(Counter(clip.speaker for clip in prepared.clips)),
    }


def unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vector / max(float(np.linalg.norm(vector)), 1e-9)
    return unit
