"""From a recipe's data to clips that a recogniser can learn from, and what it made of them before."""

from __future__ import annotations

import functools
import hashlib
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engines import paths
from engines.contract import InputError, Problem, Progress, Recipe, Run, Skipped
from engines.data.splits import complete
from engines.messages import _
from engines.speech import samples
from engines.speech.audio.clip_notes import script
from engines.speech.audio.clips import UNIT, Clip, Clips, checking, open_clips, with_test, without_leaks
from engines.speech.audio.files import RATE
from engines.speech.audio.recordings import Reading
from engines.speech.models.augmentation import variation
from engines.speech.models.recogniser import Recogniser
from engines.speech.models.states import PLAIN, Spelt, Spoken
from engines.speech.settings import TranscriptionSettings
from engines.speech.transcription.train import TrainSpec, transcripts
from engines.speech.transcription.word_errors import plain_words, shares
from engines.training import array_cache, devices


@dataclass
class Prepared:
    """Clips that are ready to learn from: read, split, spelt."""

    clips: list[Clip]
    texts: list[str]
    """What is said in each clip."""
    samples: list[np.ndarray]
    parts: dict[str, list[int]]
    """'train', 'validation', 'test' -> positions in `clips`."""
    skipped: list[Skipped]
    notes: list[str]
    sha256: str

    def of(self, part: str) -> Selection:
        accents = [clip.accent for clip in self.clips]
        return Selection([clip.name for clip in self.clips], self.texts, self.samples, accents).at(self.parts[part])


@dataclass
class Selection:
    """Some clips and what is said in them."""

    names: list[str]
    texts: list[str]
    samples: list[np.ndarray]
    accents: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> list[float]:
        return [len(own) / RATE for own in self.samples]

    @classmethod
    def none(cls) -> Selection:
        return cls([], [], [])

    def __len__(self) -> int:
        return len(self.names)

    def at(self, positions: Sequence[int]) -> Selection:
        """Those at these positions."""
        names, texts, accents = (
            [column[i] for i in positions if column] for column in (self.names, self.texts, self.accents)
        )
        return Selection(names, texts, [self.samples[i] for i in positions], accents)

    def beside(self, other: Selection) -> Selection:
        """These and then the others."""
        return Selection(
            self.names + other.names,
            self.texts + other.texts,
            self.samples + other.samples,
            self.accents + other.accents,
        )

    @property
    def digest(self) -> str:
        """Over the samples alone, whatever is said to be spoken in them."""
        return hashlib.sha256(b"".join(hashlib.sha256(own.tobytes()).digest() for own in self.samples)).hexdigest()

    def unspelt(self, recogniser: Recogniser) -> Spoken:
        """As clips of which nobody says what is spoken in them."""
        spelt = Spelt([[] for _ in self.names], [[] for _ in self.names])
        return Spoken(self.samples, spelt, recogniser.hear, recogniser.frames, recogniser.width, self.digest)

    def spoken(self, recogniser: Recogniser, settings: TranscriptionSettings | None = None) -> Spoken:
        """As training examples; varied by the settings where some are given."""
        spelt = [recogniser.spell(text) for text in self.texts]
        vary = PLAIN
        if settings is not None:
            spectrogram = recogniser.frames(RATE) == recogniser.frames(2 * RATE)  # Whisper: 30 s, whatever there is
            vary = variation(settings.augment, spectrogram=spectrogram, keeps_length=settings.views > 1)
        digest = hashlib.sha256()
        for own, text in zip(self.samples, self.texts, strict=True):
            digest.update(hashlib.sha256(own.tobytes()).digest() + text.encode())
        return Spoken(
            self.samples,
            Spelt([reads for reads, _ in spelt], [answers for _, answers in spelt]),
            recogniser.hear,
            recogniser.frames,
            recogniser.width,
            digest.hexdigest(),
            vary,
        )


def split(clips: Sequence[Clip], settings: TranscriptionSettings, *, seed: int) -> list[str]:
    """A part for each clip, accent by accent. Clips that say the same stay together: no test sentence was learnt."""
    return list(
        complete(
            [clip.source.split for clip in clips],
            [clip.accent for clip in clips],
            [plain_words(clip.text) for clip in clips],
            validation=settings.validation_fraction,
            test=settings.test_fraction,
            seed=seed,
        )
    )


def prepare(recipe: Recipe, settings: TranscriptionSettings, run: Run) -> tuple[Clips, list[str]]:
    """Reads, checks and splits the recipe's data: the clips, and each one's part. Raises InputError and Cancelled."""
    test = Path(recipe.test) if recipe.test is not None else None
    return opened(Path(recipe.data), test, settings, seed=recipe.seed, progress=checking(run))


def opened(
    data: Path, test: Path | None, settings: TranscriptionSettings, *, seed: int, progress: Progress | None
) -> tuple[Clips, list[str]]:
    """The clips that are learnt from and tested on, and each one's part, as both `check` and `fit` see them.

    What is said in the test is not learnt from. Raises InputError where nothing could be learnt, or tested.
    """
    open_ = functools.partial(
        open_clips,
        reading=Reading.by(settings, "transcription"),
        accent=settings.accent,
        edits=settings.transcripts,
        progress=progress,
    )
    found = open_(data, paths.work(data))
    if test is not None:
        found = with_test(found, open_(test, paths.work(test), to_train=False))
    found = without_leaks(found, lambda clip: plain_words(clip.text), _("say what the {} data say"))
    found.notes += _shared_voices(found.clips)
    parts = split(found.clips, settings, seed=seed)
    if "test" not in parts:
        raise InputError(
            Problem(data.name, _("no {unit} are left to test on", unit=UNIT), _("accepted: more clips, or test data"))
        )
    if "train" not in parts:
        raise InputError(
            Problem(data.name, _("no {unit} are left to learn from", unit=UNIT), _("accepted: more clips"))
        )
    return found, parts


def _shared_voices(clips: Sequence[Clip]) -> list[str]:
    """A note where the data say what is for the test, and some of its several speakers are learnt from too."""
    testing = [clip for clip in clips if clip.source.split == "test"]
    learnt = {clip.speaker for clip in clips if clip.source.split != "test" and clip.speaker}
    n = sum(clip.speaker in learnt for clip in testing)
    if n and len(learnt | {clip.speaker for clip in testing}) > 1:
        told = _("of speakers who are learnt from too: the result is about these voices, not about new ones.")
        return [_("{n:,} of {testing:,} test {unit} are {told}", n=n, testing=len(testing), unit=UNIT, told=told)]
    return []


def spelt(found: Clips, parts: list[str], spec: TrainSpec) -> Prepared:
    """The clips with what is said in each, without those that the model could not write.

    Clips that were split get the words that the pretrained model hears in them. Raises InputError when nothing is
    left, or when the model writes another script than the transcripts are in.
    """
    recogniser = spec.recogniser
    whole = [found.samples(clip) for clip in found.clips]
    texts = _texts(found.clips, whole, spec)
    _same_script(spec, texts)
    kept: list[int] = []
    skipped = list(found.skipped)
    for i, text in enumerate(texts):
        try:
            if not plain_words(text):
                raise ValueError(_("got no words of the transcript: the pretrained model hears none of them in it"))
            recogniser.spell(text)
        except ValueError as error:
            skipped.append(Skipped(found.clips[i].name, str(error)))
            continue
        kept.append(i)
    own = {part: [k for k, i in enumerate(kept) if parts[i] == part] for part in ("train", "validation", "test")}
    for part in ("train", "test"):
        if not own[part]:
            where = skipped[-1].where if skipped else "data"
            why = skipped[-1].reason if skipped else _("nothing is left")
            raise InputError(Problem(where, why, _("accepted: transcripts of what is said, in the model's language")))
    return Prepared(
        [found.clips[i] for i in kept],
        [texts[i] for i in kept],
        [whole[i] for i in kept],
        own,
        skipped,
        found.notes,
        found.sha256,
    )


def _texts(clips: Sequence[Clip], whole: Sequence[np.ndarray], spec: TrainSpec) -> list[str]:
    texts = [clip.text for clip in clips]
    by_file: defaultdict[str, list[int]] = defaultdict(list)
    for i, clip in enumerate(clips):
        if clip.parts > 1:
            by_file[clip.source.name].append(i)
    if not by_file:
        return texts
    split_ = [i for own in by_file.values() for i in own]
    chosen = Selection([clips[i].name for i in split_], ["" for _ in split_], [whole[i] for i in split_])
    heard = dict(zip(split_, heard_before(spec, chosen, _("Finding the words of each part")), strict=True))
    for own in by_file.values():
        for i, text in zip(own, shares(texts[own[0]], [heard[i] for i in own]), strict=True):
            texts[i] = text
    return texts


def _same_script(spec: TrainSpec, texts: Sequence[str]) -> None:
    scripts = [script(text) for text in texts]
    other = [s for s in scripts if s not in {"Latin", ""}]
    if spec.recogniser.languages == "English" and len(other) > len(scripts) / 2:
        found = _(
            "it writes English only, and {other:,} of {scripts:,} transcripts are in {other2} letters",
            other=len(other),
            scripts=len(scripts),
            other2=other[0],
        )
        raise InputError(Problem("model", found, _("accepted: a multilingual model, such as whisper-base")))


def heard_before(spec: TrainSpec, chosen: Selection, title: str) -> list[str]:
    """What the pretrained model hears; kept on disk, because it always hears the same. Raises Cancelled.

    To be called before anything learns; where `freeze` has set a boundary, the states there are kept for later too.
    """
    if not len(chosen):
        return []
    language = spec.settings.language
    name = array_cache.key(
        "heard",
        spec.weights,
        language,
        chosen.digest,
        str(spec.on.device.type),
        spec.on.mixed_precision,
        *devices.filed_under(spec.on.device),
    )
    path = paths.cache() / f"heard-{name}.json"
    array_cache.note(name)
    try:
        known: list[str] = json.loads(path.read_text(encoding="utf-8"))
        if len(known) == len(chosen):
            spec.run.emit(
                "phase", name="listening", title=_("{title}: known from an earlier run", title=title), known=True
            )
            return known
    except (OSError, ValueError):
        pass
    recogniser = spec.recogniser
    is_cut = recogniser.network.boundary > 0
    seen = spec.seen(chosen.spoken(recogniser)) if is_cut else chosen.unspelt(recogniser)
    heard = transcripts(spec, seen, chosen.seconds, title)
    partial = path.with_suffix(f".{id(heard)}.partial")
    partial.write_text(json.dumps(heard, ensure_ascii=False), encoding="utf-8")
    partial.replace(path)
    return heard


def source_clips() -> dict[str, Selection]:
    """The accent that the models came with, from real speakers: 'train' to rehearse, 'validation' to choose by how much
    of what was learnt is kept, 'test' to tell what was forgotten."""
    found, parts = source_found(), {}
    for part in ("train", "validation", "test"):
        own = [clip for clip in found.clips if clip.source.split == part]
        parts[part] = Selection(
            [c.name for c in own], [c.text for c in own], [found.samples(c) for c in own], [c.accent for c in own]
        )
    return parts


def source_found() -> Clips:
    """What lies in engines/speech/shipped/source."""
    folder = samples.SHIPPED / "source"
    return open_clips(folder, paths.work(folder), Reading(), to_train=False)


def rehearsed(training: Selection, source: Selection) -> Selection:
    """The training clips, and after them one of the source accent for every three of them.

    Rehearsal (Robins 1995, 'Catastrophic forgetting, rehearsal and pseudorehearsal').
    """
    n = min(len(source), max(1, len(training) // 3))
    return Selection(
        training.names + source.names[:n], training.texts + source.texts[:n], training.samples + source.samples[:n]
    )
