"""What lies in a folder or zip of speech: sound files, and whatever says what is spoken in them.

The usual layout is the Hugging Face audiofolder convention: a metadata.csv with file_name and transcription. Other
tables, separators and column names are recognised too, and the layouts of Common Voice, LJSpeech, NeMo, LibriSpeech,
Kaldi, VCTK and TIMIT.
"""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engines.contract import InputError, Problem, ReadAs, Skipped
from engines.data.archive import unpack
from engines.data.class_names import clean
from engines.data.labelled import first
from engines.data.tables import read_table
from engines.data.unpacked import files_below, prepared
from engines.messages import _
from engines.speech.audio import folder_names, layouts, sound_tables
from engines.speech.audio.recordings import SOUNDS, Listing, Reading, Recording, Sounds
from engines.speech.audio.sound_tables import DESCRIBING
from engines.speech.audio.table_columns import accepted, file_column, headed

ACCEPTED = _("accepted: a zip or folder with WAV, FLAC, OGG or MP3 files and a metadata.csv (file_name,transcription)")
ACCEPTED_SOUNDS = _("accepted: a WAV, FLAC, OGG or MP3 file, or a folder or zip of them")


def listing(data: Path, work: Path, reading: Reading) -> Listing:
    """The recordings in `data`: a zip, a folder, or the table in it.

    Without a table that names speakers, a folder a speaker will do. A row whose file is missing is skipped and named,
    and so is a sound file that no row names. Raises InputError when there is nothing to go on, or when two readings are
    as likely.
    """
    root, skipped = folder(data, work)
    files = walk(root)
    sounds = _sounds(files)
    if not sounds.paths:
        raise InputError(Problem(data.name, _("no sound file in it{skipped}", skipped=first(skipped)), ACCEPTED))
    is_table = data.suffix.lower() in DESCRIBING and data.is_file()
    tables = {data.name: data} if is_table else sound_tables.candidates(files, sounds)
    found = _read(data.name, tables, {} if is_table else files, sounds, reading)
    found = folder_names.with_parts(found, reading)
    found.recordings.sort(key=lambda recording: recording.name)
    found.skipped = [*skipped, *found.skipped, *layouts.unused(files)]
    return found


def _read(name: str, tables: dict[str, Path], files: dict[str, Path], sounds: Sounds, reading: Reading) -> Listing:
    """By the layout that a person names, else by the first of `_ways`."""
    readable = sound_tables.readable(tables, sounds, reading)
    ways = _ways(readable, tables, files, sounds, reading)
    layout = next(iter(ways), "") if reading.layout == "auto" else reading.layout
    if layout in ways:
        found = ways[layout]()
        if layout != "table":
            found.skipped += readable.skipped
        others = [other for other in ways if other != layout]
        found.read_as.insert(
            0, ReadAs(_("layout"), layout, others, "layout" if others else None, _("By {source}.", source=found.source))
        )
        return found
    if reading.layout != "auto":
        unlike = _("{name} is not laid out as {layout}", name=name, layout=reading.layout)
        raise InputError(Problem(_("setting layout"), unlike, accepted(reading.needs), tuple(ways)))
    if readable.problem is not None:
        raise readable.problem
    kind = _("neither a table of speakers nor a folder a speaker")
    kind = _("no metadata.csv in it") if reading.needs == "transcription" else kind
    raise InputError(
        Problem(
            name, _("{paths:,} sound files, but {kind}", paths=len(sounds.paths), kind=kind), accepted(reading.needs)
        )
    )


def _ways(
    readable: sound_tables.Readable, tables: dict[str, Path], files: dict[str, Path], sounds: Sounds, reading: Reading
) -> dict[str, Callable[[], Listing]]:
    """Layouts that the data can be read by, the likeliest first: tables, then what `layouts` knows; of speakers,
    folders before a column whose heading says nothing."""
    found: dict[str, Callable[[], Listing]] = {}
    if readable.tables:
        found["table"] = partial(_by_tables, readable, sounds, reading)
    found |= layouts.present(files, sounds, reading)
    if reading.needs != "speaker":
        return found
    speakers = folder_names.speakers(sounds.paths, reading)
    if len(set(speakers.values())) < 2 and not found:
        guessed = sound_tables.readable(tables, sounds, reading, guess=True)
        if guessed.tables:
            found["table"] = partial(_by_tables, guessed, sounds, reading)
    if speakers:
        found["folders"] = partial(_by_folder, speakers, sounds)
    return found


def _by_tables(readable: sound_tables.Readable, sounds: Sounds, reading: Reading) -> Listing:
    tables, left_out, guesses = sound_tables.for_parts(readable, reading)
    found = sound_tables.merged(tables, sounds, reading)
    found = sound_tables.with_folders_as_speakers(found, tables)
    found.read_as += guesses
    found.skipped += [*left_out, *readable.skipped]
    return found


def _by_folder(speakers: dict[str, str], sounds: Sounds) -> Listing:
    """A folder a speaker."""
    found = Listing(source=_("the folders, each a speaker's"))
    for name, path in sounds.paths.items():
        if name in speakers:
            found.recordings.append(Recording(path, name, speaker=speakers[name]))
        else:
            found.skipped.append(Skipped(name, _("lies in no speaker's folder")))
    return found


def unlabelled(data: Path, work: Path, reading: Reading) -> tuple[list[Recording], list[Skipped]]:
    """Every sound file in `data` (one file, a folder or a zip; of a table, those that it names, in the column that the
    run reads where the table has it), and what was left out. Raises InputError for none."""
    if not data.exists():
        raise InputError(Problem(str(data), _("there is no such file or folder"), ACCEPTED_SOUNDS))
    if data.is_file() and data.suffix.lower() in DESCRIBING:
        return _named_in(data, reading)
    if data.is_file() and data.suffix.lower() != ".zip":
        return [Recording(data, data.name)], []
    root, skipped = folder(data, work)
    found = []
    for name, path in walk(root).items():
        if path.suffix.lower() in SOUNDS:
            found.append(Recording(path, name))
        elif path.suffix.lower() not in DESCRIBING:
            skipped.append(Skipped(name, _("is no sound file")))
    if not found:
        raise InputError(Problem(data.name, _("no sound file in it{skipped}", skipped=first(skipped)), ACCEPTED_SOUNDS))
    return found, skipped


def _named_in(table: Path, reading: Reading) -> tuple[list[Recording], list[Skipped]]:
    """The files that a table names; nothing else in it is needed. Raises InputError."""
    sounds = _sounds(walk(table.parent))
    read = headed(read_table(table), sounds, "")
    place = file_column(read, table.name, sounds, reading)
    found, skipped = [], []
    for number, cells in enumerate(read.rows):
        names = sounds.find(clean(cells[place]))
        if len(names) == 1:
            found.append(Recording(sounds.paths[names[0]], names[0], column=read.columns[place]))
        else:
            skipped.append(Skipped(f"{table.name}, {read.where(number)}", sound_tables.unfound(cells[place], names)))
    if not found:
        raise InputError(
            Problem(
                table.name, _("it names no sound file that is there{skipped}", skipped=first(skipped)), ACCEPTED_SOUNDS
            )
        )
    return found, skipped


def folder(data: Path, work: Path) -> tuple[Path, list[Skipped]]:
    """A folder with the files of `data` in it, and what was left out on the way. Raises InputError."""
    if data.is_dir():
        return data, []
    if not data.exists():
        raise InputError(Problem(str(data), _("there is no such file or folder"), ACCEPTED))
    suffix = data.suffix.lower()
    if suffix in DESCRIBING:
        return data.parent, []
    if suffix in SOUNDS:
        raise InputError(Problem(data.name, _("this is a single sound file"), ACCEPTED))
    if suffix != ".zip" and not zipfile.is_zipfile(data):
        raise InputError(Problem(data.name, _("the file is neither a zip nor a table"), ACCEPTED))
    return prepared(data, work, lambda out: unpack(data, out))


def walk(root: Path) -> dict[str, Path]:
    """Relative name -> path of every file that a person put there, sorted. Raises InputError as `files_below` does."""
    named = {unicodedata.normalize("NFC", path.relative_to(root).as_posix()): path for path in files_below(root)}
    return dict(sorted(named.items()))


def _sounds(files: dict[str, Path]) -> Sounds:
    return Sounds({name: path for name, path in files.items() if path.suffix.lower() in SOUNDS})
