"""What lies in a folder or zip of speech: sound files, and the table that says what is spoken in them.

The layout is the Hugging Face audiofolder convention: a metadata.csv with file_name and transcription. Other tables,
separators and column names are recognised too, Common Voice's among them.
"""

from __future__ import annotations

import os
import unicodedata
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from engines.contract import InputError, Problem, Skipped
from engines.data.archive import is_clutter, unpack
from engines.data.prepared import prepared
from engines.data.tables import EXTENSIONS as TABLES
from engines.data.tables import Table, read_table
from engines.speech.audio import EXTENSIONS

FILE_COLUMNS = ("file_name", "filename", "file", "path", "audio", "audio_file", "clip", "wav", "name")
TEXT_COLUMNS = ("transcription", "transcript", "text", "sentence", "utterance", "words", "raw_text", "normalized_text")
SPEAKER_COLUMNS = ("speaker", "speaker_id", "client_id", "voice", "who")
ACCENT_COLUMNS = ("accent", "accents", "dialect", "variety", "variant", "region")
SPLIT_COLUMNS = ("split", "part", "subset")
SPLITS = {
    "train": "train", "training": "train",
    "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
}  # fmt: skip
DESCRIBING = {".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".json", ".txt"} & TABLES
ACCEPTED = "accepted: a zip or folder with WAV, FLAC, OGG or MP3 files and a metadata.csv (file_name,transcription)"


@dataclass(frozen=True)
class Recording:
    """One sound file, and what the data say about it."""

    path: Path
    name: str
    """Relative path with forward slashes, as it is shown to people."""
    text: str | None = None
    speaker: str | None = None
    accent: str | None = None
    split: str | None = None


@dataclass
class Listing:
    """Everything found in somebody's folder."""

    recordings: list[Recording] = field(default_factory=list)
    """Sorted by name."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    table: str | None = None
    """Name of the table that was read."""


def clean(text: str) -> str:
    """NFC, without control characters, with single spaces."""
    visible = "".join(" " if unicodedata.category(c) == "Cc" else c for c in unicodedata.normalize("NFC", text))
    return " ".join(visible.split())


def listing(data: Path, work: Path, *, needs: str) -> Listing:
    """The recordings in `data`: a zip, a folder, or the table in it. `needs` is 'transcription' or 'speaker'.

    Without a table that names speakers, a folder a speaker will do. A row whose file is missing is skipped and named,
    and so is a sound file that no row names. Raises InputError when there is nothing to go on.
    """
    root, skipped = folder(data, work)
    files = walk(root)
    sounds = {name: path for name, path in files.items() if path.suffix.lower() in EXTENSIONS}
    if not sounds:
        raise InputError(Problem(data.name, f"no sound file in it{first(skipped)}", ACCEPTED))
    tables = [data] if data.suffix.lower() in DESCRIBING else _tables(files)
    problem: InputError | None = None
    for path in tables:
        try:
            table = read_table(path)
            columns = _columns(table, needs)
        except InputError as error:
            problem = problem or error
            continue
        found = _by_table(table, columns, _below(root, path), sounds)
        found.skipped = skipped + found.skipped
        return found
    if needs == "speaker" and (found := _by_folder(sounds)).recordings:
        found.skipped = skipped + found.skipped
        return found
    if problem is not None:
        raise problem
    kind = "no metadata.csv in it" if needs == "transcription" else "neither a table of speakers nor a folder a speaker"
    raise InputError(Problem(data.name, f"{len(sounds):,} sound files, but {kind}", _accepted(needs)))


def unlabelled(data: Path, work: Path) -> tuple[list[Recording], list[Skipped]]:
    """Every sound file in `data` (one file, a folder or a zip), and what was left out. Raises InputError for none."""
    accepted = "accepted: a WAV, FLAC, OGG or MP3 file, or a folder or zip of them"
    if not data.exists():
        raise InputError(Problem(str(data), "there is no such file or folder", accepted))
    if data.is_file() and data.suffix.lower() != ".zip":
        return [Recording(data, data.name)], []
    root, skipped = folder(data, work)
    found = []
    for name, path in walk(root).items():
        if path.suffix.lower() in EXTENSIONS:
            found.append(Recording(path, name))
        elif path.suffix.lower() not in DESCRIBING:
            skipped.append(Skipped(name, "is no sound file"))
    if not found:
        raise InputError(Problem(data.name, f"no sound file in it{first(skipped)}", accepted))
    return found, skipped


def folder(data: Path, work: Path) -> tuple[Path, list[Skipped]]:
    """A folder with the files of `data` in it, and what was left out on the way. Raises InputError."""
    if data.is_dir():
        return data, []
    if not data.exists():
        raise InputError(Problem(str(data), "there is no such file or folder", ACCEPTED))
    suffix = data.suffix.lower()
    if suffix in DESCRIBING:
        return data.parent, []
    if suffix in EXTENSIONS:
        raise InputError(Problem(data.name, "this is a single sound file", ACCEPTED))
    if suffix != ".zip" and not zipfile.is_zipfile(data):
        raise InputError(Problem(data.name, "the file is neither a zip nor a table", ACCEPTED))
    return prepared(data, work, lambda out: unpack(data, out))


def walk(root: Path) -> dict[str, Path]:
    """Relative name -> path of every file that a person put there, sorted. Linked folders are followed, each once."""
    seen: set[tuple[int, int]] = set()
    files = {}
    for place, folders, names in os.walk(root, followlinks=True):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if not is_clutter(name)]
        for name in names:
            if not is_clutter(name):
                path = Path(place, name)
                files[unicodedata.normalize("NFC", path.relative_to(root).as_posix())] = path
    return dict(sorted(files.items()))


def first(skipped: Sequence[Skipped]) -> str:
    """How many were skipped and why the first was, to go on with in a sentence; nothing when none was."""
    if not skipped:
        return ""
    return f" ({len(skipped):,} skipped; the first: {skipped[0].where} {skipped[0].reason})"


# --- tables ---------------------------------------------------------------------------------------


def _tables(files: dict[str, Path]) -> list[Path]:
    """Tables that may describe the sounds, the likeliest first: metadata.*, then what lies higher up."""
    found = [(name, path) for name, path in files.items() if path.suffix.lower() in DESCRIBING]
    order = sorted(found, key=lambda entry: (PurePosixPath(entry[0]).stem.lower() != "metadata", entry[0].count("/")))
    return [path for _, path in order]


@dataclass(frozen=True)
class _Columns:
    file: int
    text: int | None
    speaker: int | None
    accent: int | None
    split: int | None


def _columns(table: Table, needs: str) -> _Columns:
    """Where the columns stand. Raises InputError when one that is needed is not there."""
    header = [name.strip().lower().replace(" ", "_").replace("-", "_") for name in table.columns]

    def place(names: Sequence[str]) -> int | None:
        return next((header.index(name) for name in names if name in header), None)

    found = [place(n) for n in (FILE_COLUMNS, TEXT_COLUMNS, SPEAKER_COLUMNS, ACCENT_COLUMNS, SPLIT_COLUMNS)]
    file, text, speaker, accent, split = found
    if file is None or (text if needs == "transcription" else speaker) is None:
        named = ", ".join(f"'{name}'" for name in table.columns[:8])
        raise InputError(Problem(table.name, f"its columns are {named}", _accepted(needs)))
    return _Columns(file, text, speaker, accent, split)


def _by_table(table: Table, at: _Columns, below: str, sounds: dict[str, Path]) -> Listing:
    found = Listing(skipped=[Skipped(f"{table.name}, {s.where}", s.reason) for s in table.skipped], table=table.name)
    names = {_folded(name): name for name in sounds}
    by_last: dict[str, list[str]] = {}
    for sound in sounds:
        by_last.setdefault(_folded(PurePosixPath(sound).name), []).append(sound)
    taken: dict[str, str] = {}
    for number, cells in enumerate(table.rows):
        where, written = f"{table.name}, {table.where(number)}", clean(cells[at.file])
        wanted = _folded(written.replace("\\", "/").removeprefix("./"))
        name: str | None = names.get(_folded(f"{below}{wanted}")) or names.get(wanted)
        if name is None and len(alike := by_last.get(PurePosixPath(wanted).name, [])) == 1:
            name = alike[0]
        if name is None:
            found.skipped.append(
                Skipped(where, f"names '{written}', which is not there" if written else "names no file")
            )
        elif name in taken:
            found.skipped.append(Skipped(where, f"names {name}, as {taken[name]} did"))
        else:
            taken[name] = where

            def cell(column: int | None, row: list[str] = cells) -> str | None:
                return (clean(row[column]) or None) if column is not None else None

            split = SPLITS.get((cell(at.split) or "").lower()) or _split_of(name)
            found.recordings.append(
                Recording(sounds[name], name, cell(at.text), cell(at.speaker), cell(at.accent), split)
            )
    found.recordings.sort(key=lambda recording: recording.name)
    found.skipped += [Skipped(sound, f"is not in {table.name}") for sound in sounds if sound not in taken]
    known = {at.file, at.text, at.speaker, at.accent, at.split}
    if more := [name for place, name in enumerate(table.columns) if place not in known]:
        found.notes.append(f"{table.name} has more columns, which are not used: {', '.join(more[:6])}.")
    found.notes += [note for note in table.notes if "separator" in note.lower() or "drawn" in note]
    return found


def _by_folder(sounds: dict[str, Path]) -> Listing:
    """A folder a speaker; folders that wrap all the others are looked through, and parts (train, test) noted."""
    found = Listing()
    parts = {name: PurePosixPath(name).parts[:-1] for name in sounds}
    while len({own[0] for own in parts.values() if own}) == 1 and any(len(own) > 1 for own in parts.values()):
        parts = {name: own[1:] for name, own in parts.items()}
    splits = {own[0].lower() for own in parts.values() if own}
    has_parts = splits <= SPLITS.keys() and "train" in {SPLITS[name] for name in splits}
    for name, own in parts.items():
        split = SPLITS[own[0].lower()] if has_parts and own else None
        folders = own[1:] if has_parts else own
        if folders and clean(folders[0]):
            found.recordings.append(Recording(sounds[name], name, speaker=clean(folders[0]), split=split))
        else:
            found.skipped.append(Skipped(name, "lies in no speaker's folder"))
    return found


def _below(root: Path, table: Path) -> str:
    """'folder/' when the table lies in one below `root`: its file names start there."""
    try:
        relative = table.parent.relative_to(root).as_posix()
    except ValueError:
        return ""
    return "" if relative == "." else f"{relative}/"


def _split_of(name: str) -> str | None:
    parts = PurePosixPath(name).parts[:-1]
    return SPLITS.get(parts[0].lower()) if parts else None


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _accepted(needs: str) -> str:
    if needs == "transcription":
        return "accepted: a metadata.csv beside the sound files with the columns file_name and transcription"
    return (
        "accepted: a folder of sound files for each speaker, or a metadata.csv with the columns file_name and speaker"
    )
