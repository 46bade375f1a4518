"""Ways in which corpora lay out what is said without a table: LibriSpeech, Kaldi, and a text file for each sound."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from engines.contract import InputError, Problem, ReadAs, Skipped
from engines.data.class_names import clean
from engines.data.table_files import TELLING
from engines.data.tables import decode
from engines.messages import _, _n
from engines.speech.audio import folder_names
from engines.speech.audio.recordings import Listing, Reading, Recording, Sounds, folded, folder_of, listed

LIBRISPEECH_ID = re.compile(r"(\d+)-\d+-\d+")
TIMIT_TEXT = re.compile(r"\d+ \d+ (.+)")
"""First sample, last sample, and what is said between them."""
MICROPHONE = re.compile(r"_mic\d$")
"""VCTK's endings of the same sentence through several microphones."""
MOST_TEXT = 1 << 16  # bytes of a transcript
TEXT_ENDINGS = (".txt", ".normalized.txt", ".lab")
UNUSED = {".phn", ".wrd", ".textgrid", ".ctm", ".stm", ".eaf", ".srt", ".vtt"}
"""Endings of files that say when sounds and words are spoken."""

Files = dict[str, Path]
"""Relative name -> path."""


def present(files: Files, sounds: Sounds, reading: Reading) -> dict[str, Callable[[], Listing]]:
    """Layout -> its reader, for each that is found in the files and says what is needed: names of the setting
    `layout`."""
    names = {PurePosixPath(name).name for name in files}
    found: dict[str, Callable[[], Listing]] = {}
    if {"wav.scp", "text" if reading.needs == "transcription" else "utt2spk"} <= names:
        found["kaldi"] = partial(kaldi, files, sounds, reading)
    if reading.needs == "speaker":
        return found
    if any(name.endswith(".trans.txt") for name in names):
        found["librispeech"] = partial(librispeech, files, sounds)
    if 2 * len(transcripts(files, sounds)) >= len(sounds.paths):
        found["text-files"] = partial(text_files, files, sounds, reading)
    return found


def librispeech(files: Files, sounds: Sounds) -> Listing:
    """`84-121123.trans.txt`: an id and what is said a line; the id begins with the speaker."""
    found, taken = Listing(source=_("the .trans.txt files")), set[str]()
    for name, path in files.items():
        if not name.endswith(".trans.txt"):
            continue
        for number, line in _lines(path):
            written, _unused, text = line.partition(" ")
            names = sounds.find(written, folder_of(name))
            if len(names) != 1 or names[0] in taken:
                found.skipped.append(
                    Skipped(_("{name}, line {number}", name=name, number=number), _unfound(written, names))
                )
                continue
            told = LIBRISPEECH_ID.fullmatch(PurePosixPath(names[0]).stem)
            taken.add(names[0])
            found.recordings.append(Recording(sounds.paths[names[0]], names[0], clean(text), told[1] if told else None))
    found.skipped += [Skipped(sound, _("is in no .trans.txt file")) for sound in sounds.paths if sound not in taken]
    return found


def kaldi(files: Files, sounds: Sounds, reading: Reading) -> Listing:
    """`wav.scp` (an id and a file a line), `text` (an id and what is said) and perhaps `utt2spk` beside it.

    A command in place of a file is never run. Raises InputError for a folder with a `segments` file, whose utterances
    are stretches of longer recordings.
    """
    found, taken = Listing(source=_("wav.scp and the files beside it")), set[str]()
    lists = [name for name in files if PurePosixPath(name).name == "wav.scp"]
    parts, found.read_as = folder_names.parts_by_names(lists, reading)
    for scp in lists:
        below = folder_of(scp)
        if f"{below}segments" in files:
            what = _("it cuts the recordings into utterances, which is not read")
            raise InputError(Problem(f"{below}segments", what, _("accepted: one sound file for each utterance")))
        said, speakers = (_by_id(files.get(f"{below}{name}")) for name in ("text", "utt2spk"))
        for number, line in _lines(files[scp]):
            utterance, _unused, written = line.partition(" ")
            where, text = _("{scp}, line {number}", scp=scp, number=number), said.pop(utterance, None)
            if written.rstrip().endswith("|") or written.lstrip().startswith("|"):
                found.skipped.append(Skipped(where, _("has a command in place of a file: commands are never run")))
                continue
            names = sounds.find(written, below)
            if len(names) != 1 or names[0] in taken:
                found.skipped.append(Skipped(where, _unfound(written, names)))
                continue
            taken.add(names[0])
            speaker, part = speakers.get(utterance), parts.get(scp)
            found.recordings.append(Recording(sounds.paths[names[0]], names[0], text, speaker, split=part))
        if said:
            found.skipped.append(Skipped(f"{below}text", _("tells of {said}, which wav.scp lacks", said=listed(said))))
    found.skipped += [Skipped(sound, _("is in no wav.scp")) for sound in sounds.paths if sound not in taken]
    return found


def text_files(files: Files, sounds: Sounds, reading: Reading) -> Listing:
    """A .txt (or .lab) of each sound's name, beside it or in a folder of its own, as VCTK and TIMIT have it. Where the
    sounds lie in several folders, each is a speaker's."""
    found, known = Listing(source=_("the text files of the sounds' names")), transcripts(files, sounds)
    used = set(known.values())
    texts: dict[str, str] = {}
    for name, text in known.items():
        if files[text].stat().st_size > MOST_TEXT:
            found.skipped.append(
                Skipped(text, _("is longer than {most_text} KiB: no transcript of one clip", most_text=MOST_TEXT >> 10))
            )
        else:
            texts[name] = clean(decode(files[text].read_bytes()))
    timed = {name: match[1] for name, text in texts.items() if (match := TIMIT_TEXT.fullmatch(text))}
    if texts and len(timed) == len(texts):
        texts = timed
        found.notes.append(_("Each text begins with its first and last sample, as in TIMIT: these are left out."))
    speakers = folder_names.speakers(texts, reading)
    several = len(set(speakers.values())) > 1
    for name, text in texts.items():
        found.recordings.append(Recording(sounds.paths[name], name, text, speakers.get(name) if several else None))
    found.skipped += [Skipped(name, _("has no text file of its name")) for name in sounds.paths if name not in known]
    found.skipped += [Skipped(name, _("has no sound file of its name")) for name in _texts(files) if name not in used]
    if several:
        why = _("The sounds of each speaker lie in a folder of their own.")
        found.read_as.append(ReadAs(_("speakers"), _("the folders"), why=why))
    return found


def transcripts(files: Files, sounds: Sounds) -> dict[str, str]:
    """Sound -> the text file of its name: the one beside it, else the only one anywhere."""
    by_stem: dict[str, list[str]] = {}
    beside: dict[str, str] = {}
    for name, whole in _texts(files).items():
        beside.setdefault(whole, name)
        by_stem.setdefault(PurePosixPath(whole).name, []).append(name)
    found = {}
    for sound in sounds.paths:
        whole = folded(sound).removesuffix(PurePosixPath(folded(sound)).suffix)
        alike = by_stem.get(PurePosixPath(whole).name) or by_stem.get(MICROPHONE.sub("", PurePosixPath(whole).name), [])
        if text := beside.get(whole) or (alike[0] if len(alike) == 1 else None):
            found[sound] = text
    return found


def _texts(files: Files) -> dict[str, str]:
    """Files that may be the transcript of one sound -> their name without ending, folded."""
    found = {}
    for name in files:
        ending = next((ending for ending in reversed(TEXT_ENDINGS) if folded(name).endswith(ending)), None)
        if ending and not folded(name).endswith(".trans.txt") and PurePosixPath(folded(name)).stem not in TELLING:
            found[name] = folded(name).removesuffix(ending)
    return found


def unused(files: Files) -> list[Skipped]:
    """Files that say when something is spoken, which nothing is made of: one entry for each ending."""
    endings = Counter(ending for name in files if (ending := PurePosixPath(folded(name)).suffix) in UNUSED)
    return [
        Skipped(
            _n("{n:,} {ending} file", "{n:,} {ending} files", n, ending=ending),
            _("left out: when each sound or word is spoken is not used"),
        )
        for ending, n in sorted(endings.items())
    ]


def _unfound(written: str, names: Sequence[str]) -> str:
    """Why a line is left out whose file is not there, or not one that is still free."""
    return _(
        "names '{written}', which {was_named_before}",
        written=written,
        was_named_before=_("was named before") if len(names) == 1 else _("is not there, or there twice"),
    )


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """(line number, line) of each that is not blank, with single spaces."""
    for number, line in enumerate(decode(path.read_bytes()).splitlines(), 1):
        if stripped := clean(line):
            yield number, stripped


def _by_id(path: Path | None) -> dict[str, str]:
    """Id -> the rest of its line; nothing where there is no such file."""
    if path is None:
        return {}
    return {key: rest for _, line in _lines(path) for key, _, rest in [line.partition(" ")]}
