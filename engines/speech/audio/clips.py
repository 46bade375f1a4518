"""Clips that are ready to learn from: found, decoded, trimmed, split where long, and what is odd about them."""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engines.contract import InputError, Problem, Progress, Run, Skipped
from engines.data.foreign import kinds
from engines.data.labelled import STRENGTH, clean, first
from engines.data.several_labels import joined
from engines.messages import _, _n
from engines.speech.audio import decode_cache, folders
from engines.speech.audio.clip import Clip, Clips
from engines.speech.audio.decode_cache import Checked
from engines.speech.audio.files import ACCEPTED as ACCEPTED_SOUND
from engines.speech.audio.recordings import Reading, Recording

UNIT = "clips"
FEWEST = 4
LOWEST_RATE = 16_000
FASTEST = 7.0  # words a second; nobody speaks faster


def open_clips(
    data: Path,
    work: Path,
    reading: Reading,
    *,
    accent: str = "",
    edits: str = "",
    progress: Progress | None = None,
    to_train: bool = True,
) -> Clips:
    """The usable clips in `data`, read as `reading` says; `accent` is that of clips without one; `edits` are
    transcripts put right (see `corrected`).

    What can't be used is skipped and named. Raises InputError when fewer than FEWEST clips are left (one, where they
    are only to test on: `to_train=False`), or, of speakers, fewer than two with two clips.
    """
    needs = reading.needs
    listing = folders.listing(data, work, reading)
    listing.recordings = corrected(listing.recordings, edits)
    outcomes = decode_cache.check_all([recording.path for recording in listing.recordings], work, progress)
    found: list[Clip] = []
    skipped = list(listing.skipped)
    for recording, outcome in zip(listing.recordings, outcomes, strict=True):
        if reason := outcome.reason or _unsaid(recording, needs):
            skipped.append(Skipped(recording.name, reason))
            continue
        if accent and not recording.accent:
            recording = replace(recording, accent=clean(accent))
        found += cut(recording, outcome)
    _require_enough(data.name, found, skipped, needs, to_train)
    notes = [*listing.notes, *kinds.notes(skipped), *_notes(found, needs)]
    return Clips(found, skipped, notes, digest(found), work, read_as=listing.read_as)


def with_test(found: Clips, test: Clips) -> Clips:
    """`found` with its test part replaced by the clips of `test`."""
    learning = [clip for clip in found.clips if clip.source.split != "test"]
    tested = [replace(clip, source=replace(clip.source, split="test")) for clip in test.clips]
    sha256 = hashlib.sha256((found.sha256 + test.sha256).encode()).hexdigest()
    notes = list(dict.fromkeys([*found.notes, *test.notes]))
    elsewhere = {clip.checked.sha256: test.work for clip in tested}
    return Clips(
        [*learning, *tested], found.skipped + test.skipped, notes, sha256, found.work, elsewhere, found.read_as
    )


def without_leaks(found: Clips, same: Callable[[Clip], str], told: str) -> Clips:
    """`found` without clips that are the `same` as one of a later part (train, validation, test), where the data say
    what is for what. A note says how many, in the words `told`, in which {} is that part."""
    later: dict[str, int] = {}
    for clip in found.clips:
        later[same(clip)] = max(later.get(same(clip), 0), STRENGTH[clip.source.split or "train"])
    kept = [clip for clip in found.clips if STRENGTH[clip.source.split or "train"] == later[same(clip)]]
    if n := len(found.clips) - len(kept):
        parts = "test" if max(later.values()) == STRENGTH["test"] else "validation"
        notes = [
            *found.notes,
            _("{n:,} {unit} {parts}: left out of training.", n=n, unit=UNIT, parts=told.format(parts)),
        ]
        return replace(found, clips=kept, notes=notes)
    return found


def corrected(recordings: Sequence[Recording], edits: str) -> list[Recording]:
    """The recordings with other transcripts for some: `edits` is JSON {"file": "text"}, or empty.

    Raises InputError for anything else.
    """
    if not edits:
        return list(recordings)
    accepted = _('accepted: JSON {"file": "what is said in it"}')
    try:
        known = json.loads(edits)
    except ValueError:
        raise InputError(Problem(_("setting transcripts"), _("this is no JSON"), accepted)) from None
    if not isinstance(known, dict) or not all(isinstance(text, str) for text in known.values()):
        raise InputError(Problem(_("setting transcripts"), _("this names no files and texts"), accepted))
    return [replace(r, text=clean(known[r.name])) if r.name in known else r for r in recordings]


def open_unlabelled(data: Path, work: Path, reading: Reading) -> tuple[list[list[Clip]], list[Skipped]]:
    """The parts of each sound file in `data`, file by file, and what could not be read. Raises InputError for none."""
    recordings, skipped = folders.unlabelled(data, work, reading)
    outcomes = decode_cache.check_all([recording.path for recording in recordings], work)
    found = []
    for recording, outcome in zip(recordings, outcomes, strict=True):
        if outcome.reason:
            skipped.append(Skipped(recording.name, outcome.reason))
        else:
            found.append(cut(recording, outcome))
    if not found:
        raise InputError(
            *(
                Problem(
                    s.where,
                    _("the file {reason}", reason=s.reason),
                    _("accepted: {accepted_sound}", accepted_sound=ACCEPTED_SOUND),
                )
                for s in skipped[:20]
            )
        )
    return found, skipped


def clips_to_explain(data: Path, work: Path, example: str | None, reading: Reading) -> tuple[list[Clip], list[Skipped]]:
    """The first part of each sound file in `data`, and what could not be read; with `example`, that test clip alone.

    Raises InputError when nothing can be read, and when the data are gone or hold no such clip any more.
    """
    if example is None:
        files, skipped = open_unlabelled(data, work, reading)
        return [parts[0] for parts in files], skipped
    for clip in open_clips(data, work, reading, to_train=False).clips:
        if clip.name == example:
            return [clip], []
    raise InputError(
        Problem(example, _("this clip is no longer in {name}", name=data.name), _("accepted: the data of the run"))
    )


def cut(recording: Recording, outcome: Checked) -> list[Clip]:
    """The recording as one clip, or as several where it is longer than a model hears at once."""
    n = len(outcome.spans)
    return [
        Clip(
            recording.name if n == 1 else _("{name}, part {i}", name=recording.name, i=i + 1),
            recording,
            outcome,
            span,
            i,
            n,
        )
        for i, span in enumerate(outcome.spans)
    ]


def digest(clips: Sequence[Clip]) -> str:
    """SHA-256 over bytes and labels, whatever the order and the file names."""
    lines = sorted(f"{c.checked.sha256} {c.part} {c.text}\t{c.speaker}\t{c.accent}" for c in clips)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def script(text: str) -> str:
    """The script that most letters of `text` belong to: 'Latin', 'Cyrillic', 'CJK', …; empty where there is none."""
    counts = Counter(unicodedata.name(c, "?").split()[0] for c in text if c.isalpha())
    if not counts:
        return ""
    name = counts.most_common(1)[0][0]
    return name if name == "CJK" else name.capitalize()


def _unsaid(recording: Recording, needs: str) -> str | None:
    if needs == "transcription" and not any(c.isalnum() for c in recording.text or ""):
        return _("has an empty transcript")
    if needs == "speaker" and not recording.speaker:
        return _("has no speaker")
    return None


def _require_enough(where: str, clips: list[Clip], skipped: list[Skipped], needs: str, to_train: bool) -> None:
    if not clips:
        raise InputError(
            Problem(where, _("no clip in it can be used{skipped}", skipped=first(skipped)), folders.ACCEPTED)
        )
    if not to_train:
        return
    learning = [clip for clip in clips if clip.source.split in (None, "train")]
    if not learning:
        found = _("all {clips:,} clips are for validation and test: there are none to learn from", clips=len(clips))
        raise InputError(Problem(where, found, _("accepted: data with clips to learn from")))
    if len(learning) < FEWEST:
        accepted = _("at least {fewest} clips are needed, one or more of them to test on", fewest=FEWEST)
        raise InputError(
            Problem(
                where,
                _("{learning} usable clips to learn from{skipped}", learning=len(learning), skipped=first(skipped)),
                accepted,
            )
        )
    if needs == "speaker":
        voices = Counter(clip.speaker for clip in learning)
        if sum(count >= 2 for count in voices.values()) < 2:
            found = _n(
                "{n} speaker with {learning} clips{skipped}",
                "{n} speakers with {learning} clips{skipped}",
                len(voices),
                learning=len(learning),
                skipped=first(skipped),
            )
            raise InputError(Problem(where, found, _("at least two speakers with two clips each are needed")))


def _notes(clips: list[Clip], needs: str) -> list[str]:
    """What to know about the clips, one sentence each."""
    found = []
    wholes = {clip.source.name: clip for clip in clips}.values()
    if long := [clip for clip in wholes if clip.parts > 1]:
        named = ", ".join(
            _("{name} ({seconds:.1f} min)", name=clip.source.name, seconds=clip.checked.seconds / 60)
            for clip in long[:4]
        )
        found.append(_("{count} longer than 30 s, split in the pauses: {named}.", count=_count(long), named=named))
        if needs == "transcription":
            found.append(_("Each part gets the words of the transcript that the pretrained model hears in it."))
    if clipped := [clip for clip in wholes if clip.is_clipped]:
        found.append(
            _(
                "{count} clipped: recorded too loud, which cannot be mended. {named}",
                count=_count(clipped),
                named=_named(clipped),
            )
        )
    if broken := [clip for clip in wholes if clip.checked.broken]:
        found.append(
            _("{count} damaged; what could be decoded is used. {named}", count=_count(broken), named=_named(broken))
        )
    if cancelled := [clip for clip in wholes if clip.checked.cancelled]:
        told = _("recorded in opposite phase, so that its channels cancel each other: the loudest of them is used.")
        found.append(f"{_count(cancelled)} {told} {_named(cancelled)}")
    if silent := [clip for clip in wholes if not clip.checked.spoken]:
        found.append(
            _(
                "{count} without speech that could be found: kept whole. {named}",
                count=_count(silent),
                named=_named(silent),
            )
        )
    if low := [clip for clip in wholes if clip.checked.rate < LOWEST_RATE]:
        rates = sorted({clip.checked.rate for clip in low})
        span = _(" to ").join(f"{rate / 1000:g}" for rate in dict.fromkeys([rates[0], rates[-1]]))
        found.append(
            _("{count} recorded with {span} kHz: hissing sounds above are lost.", count=_count(low), span=span)
        )
    if needs == "transcription":
        found += _notes_on_text(list(wholes))
    else:
        found += _notes_on_voices(list(wholes))
    copies = Counter(clip.checked.sha256 for clip in wholes)
    if n := sum(count - 1 for count in copies.values()):
        together = _("They stay together, to learn from or to test on.")
        found.append(_("Exact copies of another clip: {n:,} of the clips. {together}", n=n, together=together))
    return found


def _notes_on_voices(clips: list[Clip]) -> list[str]:
    """Clips of several speakers, by their names or because several have the same clip."""
    counts, found = Counter(clip.speaker for clip in clips), []
    if together := joined(counts):
        n, example = sum(counts[name] for name in together.labels), min(together.labels)
        told = _(
            "{n:,} of {clips:,} clips have a speaker such as '{example}': this looks like several voices at once",
            n=n,
            clips=len(clips),
            example=example,
        )
        found.append(
            _(
                "{told}. Each such name is learnt as a speaker of its own: leave these out, or cut them apart.",
                told=told,
            )
        )
    speakers: dict[str, dict[str, Clip]] = {}
    for clip in clips:
        speakers.setdefault(clip.checked.sha256, {}).setdefault(clip.speaker, clip)
    if shared := [own for own in speakers.values() if len(own) > 1]:
        shown = " = ".join(f"{clip.source.name} ('{name}')" for name, clip in list(shared[0].items())[:3])
        clips_stand = _n("1 clip stands", "{n:,} clips stand", len(shared))
        found.append(
            _(
                "{clips_stand} under several speakers at once, such as {shown}: each counts for all. "
                "Leave out those that are wrong.",
                clips_stand=clips_stand,
                shown=shown,
            )
        )
    return found


def _notes_on_text(clips: list[Clip]) -> list[str]:
    found = []
    scripts = Counter(script(clip.text) for clip in clips)
    scripts.pop("", None)
    if len(scripts) > 1:
        usual = scripts.most_common(1)[0][0]
        others = [clip for clip in clips if script(clip.text) not in {usual, ""}]
        named = ", ".join(name for name in scripts if name != usual)
        found.append(
            _(
                "{count} written in another script ({named}) than the others ({usual}). {named_others}",
                count=_count(others),
                named=named,
                usual=usual,
                named_others=_named(others),
            )
        )
    cased = [clip.text for clip in clips if clip.text.upper() != clip.text.lower()]
    if cased and all(text == text.upper() for text in cased):
        found.append(
            _("The transcripts are in capital letters: a Whisper learns to write so. Case counts as no error.")
        )
    if fast := [clip for clip in clips if len(clip.text.split()) > FASTEST * max(clip.seconds * clip.parts, 1)]:
        found.append(
            _("{count} too short for the words in the transcript. {named}", count=_count(fast), named=_named(fast))
        )
    return found


def _count(clips: Sequence[Clip]) -> str:
    return _n("{n:,} clip is", "{n:,} clips are", len(clips))


def _named(clips: Sequence[Clip]) -> str:
    more = _(", and {clips:,} more", clips=len(clips) - 3) if len(clips) > 3 else ""
    return ", ".join(clip.source.name for clip in clips[:3]) + more + "."


def checking(run: Run) -> Progress:
    """Says that the clips are being checked. What it returns says how far that is, and raises Cancelled."""

    def progress(done: int, total: int) -> None:
        run.check_cancelled()
        if done % 20 == 0 or done == total:
            run.emit("progress", phase="checking", done=done, total=total, unit=UNIT)

    run.emit("phase", name="checking", title=_("Checking {unit}", unit=UNIT))
    return progress
