"""What is odd about clips of speech, one sentence each."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Sequence

from engines.data.several_labels import joined
from engines.messages import _, _n
from engines.speech.audio.clip import Clip

LOWEST_RATE = 16_000
FASTEST = 7.0  # words a second; nobody speaks faster


def notes(clips: list[Clip], needs: str) -> list[str]:
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


def script(text: str) -> str:
    """The script that most letters of `text` belong to: 'Latin', 'Cyrillic', 'CJK', …; empty where there is none."""
    counts = Counter(unicodedata.name(c, "?").split()[0] for c in text if c.isalpha())
    if not counts:
        return ""
    name = counts.most_common(1)[0][0]
    return name if name == "CJK" else name.capitalize()
