"""Which column of a table names the sound files, which says what is spoken in them, and which who speaks."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass

from engines.contract import InputError, Problem
from engines.data import parts
from engines.data.class_names import clean
from engines.data.row_sampling import Table
from engines.messages import _, told
from engines.speech.audio.recordings import Reading, Sounds, folded, listed

KNOWN: dict[str, tuple[str, ...]] = {
    "file": (
        *("file_name", "filename", "file", "path", "audio", "audio_file", "clip", "wav", "name"),
        *("audio_filepath", "audio_path", "audio_file_path", "audio_filename", "wav_filename", "wav_path", "wav_file"),
        *("filepath", "file_path", "mp3", "flac", "recording", "sound", "sound_file", "clip_name", "clip_path"),
        *("audio.path", "utterance_id", "utt_id", "id"),
    ),
    "text": (
        *("transcription", "transcript", "text", "sentence", "utterance", "words", "raw_text", "normalized_text"),
        *("transcripts", "transcriptions", "normalized_transcript", "normalized_transcription", "raw_transcription"),
        *("target_text", "said", "spoken", "spoken_text", "caption", "prompt"),
    ),
    "speaker": (
        *("speaker", "speaker_id", "client_id", "voice", "who", "speaker_name", "speakerid", "speaker_code"),
        *("spk", "spk_id", "spkid", "talker", "talker_id", "reader", "reader_id", "voice_id", "person", "user_id"),
    ),
    "accent": ("accent", "accents", "dialect", "variety", "variant", "region"),
    "split": parts.COLUMNS,
}
"""A role -> what such columns are called, the likeliest first."""
TOLD = {"text": _("what is said"), "speaker": _("who speaks")}
SAMPLE = 300
"""Rows looked at where a heading says nothing."""
VARIED = 0.3
"""Share of distinct cells from which a column holds sentences rather than a few kinds of something."""
UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u9fff\uac00-\ud7ff]")
"""Letters of scripts that write without spaces, or with few."""


class Unclear(InputError):
    """Two columns may be meant: a person is asked which."""


@dataclass(frozen=True)
class Columns:
    """Where the columns stand."""

    file: int
    text: int | None
    speaker: int | None
    accent: int | None
    split: int | None

    @property
    def used(self) -> set[int | None]:
        return set(dataclasses.astuple(self))


def headed(table: Table, sounds: Sounds, below: str) -> Table:
    """`table`; where what was taken for its heading names a sound file, that is its first row, and is put back."""
    header = [_plain(name) for name in table.columns]
    if any(name in names for names in KNOWN.values() for name in header):
        return table
    if not any(len(sounds.find(name, below)) == 1 for name in table.columns):
        return table
    columns = [f"column_{n}" for n in range(1, len(header) + 1)]
    note = _("The first line is no header: the columns are called column_1 to column_{columns}.", columns=len(columns))
    return dataclasses.replace(
        table,
        columns=columns,
        rows=[table.columns, *table.rows],
        positions=[max(1, table.positions[0] - 1) if table.positions else 1, *table.positions],
        notes=[*table.notes, note],
    )


def columns(table: Table, name: str, below: str, sounds: Sounds, reading: Reading, *, guess: bool = False) -> Columns:
    """Where the columns of a table called `name` stand, which lies `below` the top.

    By what a person says, else by their headings, else by what is in them; who speaks is told from the cells only with
    `guess`, since many a column has a few kinds of cells. Raises InputError when one that is needed is not there,
    and Unclear where two may be meant.
    """
    file = file_column(table, name, sounds, reading, below)
    at = {role: _by_name(table, name, reading, role) for role in KNOWN if role != "file"}
    known = {place for place in at.values() if place is not None}
    text, speaker = at["text"], at["speaker"]
    if reading.needs == "transcription" and text is None:
        text = _asked(table, name, "text", sentences(table, known | {file}), reading)
    if reading.needs == "speaker" and speaker is None and guess:
        speaker = _asked(table, name, "speaker", _voices(table, known | {file}), reading)
    if (text if reading.needs == "transcription" else speaker) is None:
        role = "text" if reading.needs == "transcription" else "speaker"
        others = tuple(column for place, column in enumerate(table.columns) if place not in known | {file})
        where = _("setting {role}_column", role=role) if others else name
        found = (
            _(
                "{name} tells by no heading {told}: its columns are {quoted}",
                name=name,
                told=told(TOLD)[role],
                quoted=_quoted(table),
            )
            if others
            else None
        )
        raise InputError(
            Problem(
                where, found or _("its columns are {quoted}", quoted=_quoted(table)), accepted(reading.needs), others
            )
        )
    return Columns(file, text, speaker, at["accent"], at["split"])


def file_column(table: Table, name: str, sounds: Sounds, reading: Reading, below: str = "") -> int:
    """Where the files are named. Raises InputError for a table that names none."""
    named = _by_name(table, name, reading, "file")
    said = reading.file_column is not None
    if (place := _file(table, named, _hits(table, sounds, below), said=said)) is None:
        raise InputError(Problem(name, _("its columns are {quoted}", quoted=_quoted(table)), accepted(reading.needs)))
    return place


def sentences(table: Table, taken: set[int]) -> list[int]:
    """Columns that may hold what is said, the likeliest first: those of several words a cell, and where two agree for
    the most part (as LJSpeech gives each text twice, the second with its numbers written out) the last of them."""
    found: list[tuple[bool, float, int]] = []
    for place in range(len(table.columns)):
        cells = [cell for row in table.rows[:SAMPLE] if (cell := row[place].strip())]
        lettered = [cell for cell in cells if any(c.isalpha() for c in cell)]
        if place in taken or not cells or len(lettered) < 0.8 * len(cells):
            continue
        words = sum(max(len(cell.split()), len(UNSPACED.findall(cell))) for cell in lettered) / len(lettered)
        if words >= 2:
            found.append((len(set(cells)) >= VARIED * len(cells), words, place))
    varied = [place for is_varied, _, place in sorted(found, key=lambda f: (-f[1], f[2])) if is_varied]
    likely = varied or [place for _, _, place in sorted(found, key=lambda f: (-f[1], f[2]))]
    if len(likely) == 2 and _agree(table, *likely):
        return [max(likely)]
    return likely


def accepted(needs: str) -> str:
    if needs == "transcription":
        return _("accepted: a metadata.csv beside the sound files with the columns file_name and transcription")
    return _(
        "accepted: a folder of sound files for each speaker, or a metadata.csv with the columns file_name and speaker"
    )


# --- each of them ---------------------------------------------------------------------------------


def _by_name(table: Table, name: str, reading: Reading, role: str) -> int | None:
    """By what a person says, else by its heading. Raises InputError where the table lacks what they say."""
    if said := reading.column(role):
        wanted = folded(said.strip())
        at = next((place for place, column in enumerate(table.columns) if folded(column) == wanted), None)
        if at is None:
            accepted = _("its columns are {quoted}", quoted=_quoted(table))
            raise InputError(
                Problem(
                    _("setting {role}_column", role=role),
                    _("{name} has no column '{said}'", name=name, said=said),
                    accepted,
                    tuple(table.columns),
                )
            )
        return at
    header = [_plain(column) for column in table.columns]
    return next((header.index(column) for column in KNOWN[role] if column in header), None)


def _hits(table: Table, sounds: Sounds, below: str) -> list[int]:
    """How many of the first cells of each column name a sound file."""
    rows = table.rows[:SAMPLE]
    return [sum(bool(sounds.find(clean(row[place]), below)) for row in rows) for place in range(len(table.columns))]


def _file(table: Table, named: int | None, hits: Sequence[int], *, said: bool) -> int | None:
    """The column that names most files: by its heading among about equals, since ids and texts may be names too."""
    most = max(hits, default=0)
    if said or not most:
        return named
    if named is not None and hits[named] >= most / 2:
        return named
    header = [_plain(name) for name in table.columns]
    likely = [place for place, n in enumerate(hits) if n >= most / 2]
    by_heading = [header.index(name) for name in KNOWN["file"] if name in header]
    return next((place for place in by_heading if place in likely), likely[0])


def _voices(table: Table, taken: set[int]) -> list[int]:
    """Columns that may say who speaks: the same few cells again and again."""
    found = []
    for place in range(len(table.columns)):
        cells = [cell for row in table.rows[:SAMPLE] if (cell := row[place].strip())]
        if place not in taken and 2 <= len(set(cells)) <= len(cells) / 2:
            found.append(place)
    return found


def _asked(table: Table, name: str, role: str, likely: Sequence[int], reading: Reading) -> int | None:
    """The only likely one, or the likeliest where a person accepts guesses. Raises Unclear for several."""
    if len(likely) < 2 or reading.accept_guesses:
        return next(iter(likely), None)
    names = tuple(table.columns[place] for place in likely)
    quoted = listed((f"'{column}'" for column in names), 6)
    found = _("{name}: the columns {quoted} may each tell {told}", name=name, quoted=quoted, told=told(TOLD)[role])
    raise Unclear(Problem(_("setting {role}_column", role=role), found, _("accepted: one of them"), names))


def _agree(table: Table, one: int, other: int) -> bool:
    """Whether two columns say the same in most of the rows: half of their words or more."""
    rows = table.rows[:SAMPLE]

    def same(row: Sequence[str]) -> bool:
        first, second = (set(folded(row[place]).split()) for place in (one, other))
        return 2 * len(first & second) >= max(len(first), len(second))

    return 2 * sum(map(same, rows)) > len(rows)


def _plain(name: str) -> str:
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _quoted(table: Table) -> str:
    return ", ".join(f"'{name}'" for name in table.columns[:8])
