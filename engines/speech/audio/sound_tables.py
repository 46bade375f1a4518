"""Tables beside sound files: which of them are read, what each is for, and all of their rows together."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from engines import messages
from engines.contract import InputError, ReadAs, Skipped
from engines.data.class_names import clean
from engines.data.parts import part_of
from engines.data.row_sampling import Table
from engines.data.splits import Part
from engines.data.table_files import TELLING
from engines.data.tables import EXTENSIONS, read_table
from engines.messages import _, _n
from engines.speech.audio.folder_names import parts_by_names
from engines.speech.audio.recordings import Listing, Reading, Recording, Sounds, folded, folder_of, listed
from engines.speech.audio.table_columns import Columns, Unclear, columns, headed, sentences

DESCRIBING = {".csv", ".tsv", ".jsonl", ".parquet", ".xlsx", ".json", ".txt"} & EXTENSIONS
TELLS = {"transcription": _("what is said in them"), "speaker": _("who speaks in them")}
COMMON_VOICE = {"other.tsv", "invalidated.tsv", "reported.tsv"}
"""Tables of a Common Voice download whose clips nobody vouches for."""


@dataclass(frozen=True)
class SoundTable:
    """A table that names sound files, and where its columns stand."""

    table: Table
    name: str
    """As it is shown: relative where there are several."""
    below: str
    """The folder that it lies in: '' or 'a/b/'."""
    columns: Columns
    part: Part | None = None
    """That its name says, where the tables are parts."""


@dataclass
class Readable:
    """The tables that can be read, those that cannot and why, and the first problem."""

    tables: list[SoundTable] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    problem: InputError | None = None


def candidates(files: dict[str, Path], sounds: Sounds) -> dict[str, Path]:
    """Tables that may describe the sounds, the likeliest first: metadata.*, then what lies higher up.

    A text file beside a sound of its name is that sound's transcript, and no table.
    """
    found = {}
    for name, path in files.items():
        stem = PurePosixPath(folded(name)).stem
        is_text = path.suffix.lower() == ".txt"
        if path.suffix.lower() in DESCRIBING and not (is_text and (stem in sounds.by_stem or stem.endswith(".trans"))):
            found[name] = path
    order = sorted(found, key=lambda name: (PurePosixPath(name).stem.lower() != "metadata", name.count("/")))
    return {name: found[name] for name in order}


def readable(files: dict[str, Path], sounds: Sounds, reading: Reading, *, guess: bool = False) -> Readable:
    """Those of the tables that name sound files and say what the task needs of them. Raises Unclear."""
    found = Readable()
    short = len(files) == 1
    for name, path in files.items():
        shown = path.name if short else name
        try:
            table = headed(read_table(path), sounds, folder_of(name))
            own = columns(table, shown, folder_of(name), sounds, reading, guess=guess)
        except Unclear:
            raise
        except InputError as error:
            found.problem = found.problem or error
            if path.suffix.lower() not in {".txt", ".json"} and path.stem.lower() not in TELLING:
                found.skipped.append(
                    Skipped(
                        name,
                        _(
                            "is left out: it names no sound files and {tells}",
                            tells=messages.told(TELLS)[reading.needs],
                        ),
                    )
                )
            continue
        found.tables.append(SoundTable(table, shown, folder_of(name), own))
    return found


def for_parts(found: Readable, reading: Reading) -> tuple[list[SoundTable], list[Skipped], list[ReadAs]]:
    """The tables to read, each with the part that its name says where they are parts; what is left out; the guess.

    train.tsv, dev.tsv and test.tsv are parts, and so are train/metadata.csv and test/metadata.csv. What stands beside
    them (Common Voice's validated.tsv holds all of them once more) is left out.
    """
    tables = [table for table in found.tables if PurePosixPath(table.name).name.lower() not in COMMON_VOICE]
    skipped = [Skipped(t.name, _("is left out: its clips are not validated")) for t in found.tables if t not in tables]
    if not tables:
        return found.tables, [], []
    parts, guesses = parts_by_names([table.name for table in tables], reading)
    if not parts:
        return tables, skipped, guesses
    named = [replace(table, part=parts[table.name]) for table in tables if table.name in parts]
    beside = [table.name for table in tables if table.name not in parts]
    skipped += [
        Skipped(name, _("is left out: the parts are in {parts}", parts=listed(parts, 6))) for name in sorted(beside)
    ]
    return named, skipped, guesses


def merged(tables: Sequence[SoundTable], sounds: Sounds, reading: Reading) -> Listing:
    """The rows of all tables. A row whose file is missing is skipped and named; so are a file that was named before,
    and a sound that no row names."""
    found = Listing(source=listed((table.name for table in tables), 6))
    taken: dict[str, Taken] = {}
    for table in tables:
        _add(found, table, sounds, taken)
    where = _("is not in {name}", name=listed(table.name for table in tables))
    found.skipped += [Skipped(sound, where) for sound in sounds.paths if sound not in taken]
    found.notes += _unused(tables)
    found.read_as += _read_as(tables[0], reading)
    return found


@dataclass(frozen=True)
class Taken:
    """Where a sound was named first, and what was said of it."""

    where: str
    said: tuple[str | None, str | None]
    """The words, and who speaks."""


def _add(found: Listing, own: SoundTable, sounds: Sounds, taken: dict[str, Taken]) -> None:
    """Adds one table's rows; `taken` says where each sound was named."""
    table, at = own.table, own.columns
    found.skipped += [Skipped(f"{own.name}, {s.where}", s.reason) for s in table.skipped]
    again: Counter[str] = Counter()
    otherwise = 0
    unlike: list[str] = []
    for number, cells in enumerate(table.rows):
        where, written = f"{own.name}, {table.where(number)}", clean(cells[at.file])
        names = sounds.find(written, own.below)
        if len(names) != 1:
            found.skipped.append(Skipped(where, unfound(written, names)))
            continue
        (name,) = names
        text, speaker, accent, split = (
            (clean(cells[place]) or None) if place is not None else None
            for place in (at.text, at.speaker, at.accent, at.split)
        )
        if name in taken:
            other = taken[name].where.rpartition(", ")[0]
            again[other] += 1
            differs = taken[name].said != (text, speaker)
            if differs:
                unlike.append(_("{name} in {where}", name=name, where=where))
            if other == own.name:
                told = _(", but with something else said of it") if differs else ""
                found.skipped.append(
                    Skipped(
                        where, _("names {name}, as {where} did{told}", name=name, where=taken[name].where, told=told)
                    )
                )
            continue
        taken[name] = Taken(where, (text, speaker))
        otherwise += PurePosixPath(folded(written)).suffix != PurePosixPath(folded(name)).suffix
        found.recordings.append(
            Recording(sounds.paths[name], name, text, speaker, accent, part_of(split or "") or own.part)
        )
    del again[own.name]
    for other, n in again.items():
        files = _n("{n:,} file", "{n:,} files", n)
        found.skipped.append(
            Skipped(
                own.name, _("names {files} again that {other} names: these rows are left out", files=files, other=other)
            )
        )
    found.notes += _notes(own, otherwise)
    if unlike:
        told = _n("1 row of {name} names", "{n:,} rows of {name} name", len(unlike), name=own.name)
        told += _(
            " a sound again with something else said of it (such as {unlike}): what was said first counts.",
            unlike=unlike[0],
        )
        found.notes.append(_("{told} Leave out the row that is wrong.", told=told))


def _notes(own: SoundTable, otherwise: int) -> list[str]:
    """What to know of how a table was read; `otherwise` of its files are not called as it says."""
    found = []
    if otherwise:
        files = _n("a file without its", "{n:,} files without their", otherwise)
        found.append(_("{name} names {files} ending, or with another one.", name=own.name, files=files))
    place = own.columns.split
    words = Counter(clean(row[place]) for row in own.table.rows) if place is not None else Counter[str]()
    odd = {word: n for word, n in words.items() if word and not part_of(word)}
    if odd and any(map(part_of, words)):
        named = ", ".join(f"'{word}'" for word in list(odd)[:4])
        told = _("is not train, validation or test: they are drawn into these.")
        found.append(
            _(
                "In {name}, what {values:,} of the rows are for ({named}) {told}",
                name=own.name,
                values=sum(odd.values()),
                named=named,
                told=told,
            )
        )
    return found + [f"{own.name}: {note}" for note in own.table.notes if "drawn" in note or "header" in note]


def with_folders_as_speakers(found: Listing, tables: Sequence[SoundTable]) -> Listing:
    """`found`; where several folders have a table each, none of them a part, and none says who speaks, each folder is a
    speaker."""
    folders = {table.below for table in tables}
    if len(folders) < 2 or any(t.part or t.columns.speaker is not None for t in tables):
        return found
    of_table = sorted(folders, key=len, reverse=True)  # the innermost first
    with_speaker = []
    for recording in found.recordings:
        own = next((folder for folder in of_table if folder and recording.name.startswith(folder)), "")
        with_speaker.append(replace(recording, speaker=clean(PurePosixPath(own).name) or None))
    found.recordings = with_speaker
    names = listed(sorted({r.speaker for r in with_speaker if r.speaker}), 6)
    why = _("No column says who speaks, and each folder has a table: {names}.", names=names)
    found.read_as = [guess for guess in found.read_as if guess.what != "speakers"]
    alternatives = _others(tables[0], tables[0].columns.used)
    setting = "speaker_column" if alternatives else None
    found.read_as.append(ReadAs(_("speakers"), _("the folders"), alternatives, setting, why))
    return found


def unfound(written: str, names: Sequence[str]) -> str:
    """Why a row is left out whose file was looked for: none is called so, or several."""
    if not written:
        return _("names no file")
    if not names:
        return _("names '{written}', which is not there", written=written)
    return _(
        "names '{written}', as {names} files are called: {names2}",
        written=written,
        names=len(names),
        names2=listed(names),
    )


def _unused(tables: Sequence[SoundTable]) -> list[str]:
    """A note for tables with columns that nothing is made of; those with the same ones share it."""
    names: defaultdict[str, list[str]] = defaultdict(list)
    for own in tables:
        if more := _others(own, own.columns.used):
            names[", ".join(more[:6])].append(own.name)
    return [
        _n(
            "{own} has more columns, which are not used: {more}.",
            "{own} have more columns, which are not used: {more}.",
            len(own),
            own=listed(own),
            more=more,
        )
        for more, own in names.items()
    ]


def _others(own: SoundTable, used: Iterable[int | None]) -> list[str]:
    taken = set(used)
    return [name for place, name in enumerate(own.table.columns) if place not in taken]


def _read_as(own: SoundTable, reading: Reading) -> list[ReadAs]:
    """What was taken for what in a table, and what else it may be."""

    table, at = own.table, own.columns
    found = []
    roles = (("files", "file", at.file), ("transcripts", "text", at.text), ("speakers", "speaker", at.speaker))
    for what, role, place in roles:
        if role == "text" and (place is None or reading.needs == "speaker"):
            continue
        fixed = {other for other in (at.file, at.text, at.accent, at.split) if other is not None} - {place}
        likely = sentences(table, fixed | {place}) if role == "text" and place is not None else []
        others = [table.columns[other] for other in likely]
        others += [name for name in _others(own, {*fixed, place}) if name not in others]
        value = "" if place is None else table.columns[place]
        found.append(ReadAs(what, value, others, f"{role}_column" if others else None))
    for what, place in (("accents", at.accent), ("parts", at.split)):
        if place is not None and (what == "accents" or any(part_of(row[place]) for row in table.rows)):
            found.append(ReadAs(what, _("column {columns}", columns=table.columns[place])))
    return found
