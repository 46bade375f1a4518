"""Clips that are ready to learn from: found, decoded, trimmed, split where long, and what is odd about them."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from engines.contract import InputError, Problem, Progress, Run, Skipped
from engines.data.class_names import clean
from engines.data.foreign import kinds
from engines.data.labelled import STRENGTH, first
from engines.messages import _, _n
from engines.speech.audio import clip_notes, decode_cache, folders
from engines.speech.audio.clip import Clip, Clips
from engines.speech.audio.decode_cache import Checked
from engines.speech.audio.files import ACCEPTED as ACCEPTED_SOUND
from engines.speech.audio.recordings import Reading, Recording

UNIT = "clips"
FEWEST = 4


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
    notes = [*listing.notes, *kinds.notes(skipped), *clip_notes.notes(found, needs)]
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


def checking(run: Run) -> Progress:
    """Says that the clips are being checked. What it returns says how far that is, and raises Cancelled."""

    def progress(done: int, total: int) -> None:
        run.check_cancelled()
        if done % 20 == 0 or done == total:
            run.emit("progress", phase="checking", done=done, total=total, unit=UNIT)

    run.emit("phase", name="checking", title=_("Checking {unit}", unit=UNIT))
    return progress
