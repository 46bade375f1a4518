"""What the names of folders say of the sound files in them: which part of the data they are, and who speaks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from engines.contract import ReadAs, Skipped
from engines.data.class_names import clean
from engines.data.parts import among, part_of, part_of_path
from engines.data.splits import Part
from engines.messages import _
from engines.speech.audio.recordings import Listing, Reading, Recording, folder_of, listed

Folders = tuple[str, ...]
_NOWHERE = Path()


def folders_of(names: Iterable[str]) -> dict[str, Folders]:
    """Name -> the folders that it lies in, without those that are around all of the files."""
    found: dict[str, Folders] = {name: tuple(folder_of(name).split("/")[:-1]) for name in names}
    while len({own[0] for own in found.values() if own}) == 1 and any(len(own) > 1 for own in found.values()):
        found = {name: own[1:] for name, own in found.items()}
    return found


def with_parts(found: Listing, reading: Reading) -> Listing:
    """`found` with the part of each recording that its folder is named for, at whatever level those folders stand.

    Nothing changes where a column or a table's name says so already, or a person says that folders are no parts. What
    lies beside the parts is left out and named.
    """
    if any(recording.split for recording in found.recordings):
        return found
    folders = folders_of(recording.name for recording in found.recordings)
    level, parts = _level(found.recordings, folders, reading)
    if not parts:
        return found
    names = listed(sorted(parts), 6)
    if reading.parts == "classes":
        why = _("The folders {names} are taken for folders like any other.", names=names)
        found.read_as.append(ReadAs(_("parts"), "classes", ["parts"], "parts", why))
        return found
    kept = []
    for recording in found.recordings:
        own = folders[recording.name]
        part = parts.get(own[level]) if len(own) > level else None
        if part is None:
            found.skipped.append(
                Skipped(recording.name, _("lies beside the folders {names}, which are the parts", names=names))
            )
        else:
            kept.append(replace(recording, split=part))
    found.recordings = kept
    told = "; ".join(_("{folder} is for {part}", folder=folder, part=part) for folder, part in sorted(parts.items()))
    found.read_as.append(
        ReadAs(_("parts"), "parts", ["classes"], "parts", _("By the folders' names: {told}.", told=told))
    )
    return found


def parts_by_names(tables: Sequence[str], reading: Reading) -> tuple[dict[str, Part], list[ReadAs]]:
    """Table -> its part, by its own name or that of its folder, and the guess; none where the tables are no parts, or a
    person says so."""
    named = {name: part for name in tables if (part := part_of_path(name))}
    kinds = set(named.values())
    if len(kinds) < 2 or not ("train" in kinds or len(named) == len(tables)):
        return {}, []
    if reading.parts == "classes":
        why = _("Tables called train and test are read as one.")
        return {}, [ReadAs(_("parts"), "classes", ["parts"], "parts", why)]
    told = "; ".join(_("{name} is for {part}", name=name, part=part) for name, part in named.items())
    return named, [ReadAs(_("parts"), "parts", ["classes"], "parts", _("By the tables' names: {told}.", told=told))]


def speakers(names: Iterable[str], reading: Reading) -> dict[str, str]:
    """Name -> the folder that is a speaker's: the first that is no part and is not around everything."""
    folders = folders_of(names)
    plain = [Recording(path=_NOWHERE, name=name) for name in folders]
    level, parts = _level(plain, folders, replace(reading, needs=_("speaker")))
    if parts and reading.parts != "classes":
        folders = {name: (*own[:level], *own[level + 1 :]) for name, own in folders.items()}
    return {name: clean(own[0]) for name, own in folders.items() if own and clean(own[0])}


def _level(
    recordings: Iterable[Recording], folders: Mapping[str, Folders], reading: Reading
) -> tuple[int, dict[str, Part]]:
    """The first level at which folders are parts, and the part of each; no part where there is no such level."""
    known = list(recordings)
    for level in range(max(map(len, folders.values()), default=0)):
        holds: dict[str, set[str]] = {}
        for recording in known:
            own = folders[recording.name]
            if len(own) > level:
                rest = (*own[:level], *own[level + 1 :])
                holds.setdefault(own[level], set()).update(filter(None, [recording.speaker or (rest or ("",))[0]]))
        if parts := _parts(holds, reading):
            return level, parts
    return 0, {}


def _parts(holds: Mapping[str, Collection[str]], reading: Reading) -> dict[str, Part]:
    """Folder -> its part, where they are parts: of speakers only where they hold the same ones (see `parts.among`)."""
    named = {folder: part for folder in holds if (part := part_of(folder))}
    only = len(named) == len(holds)
    if reading.parts != "parts" and len(set(named.values())) < 2:
        return {}
    if reading.needs == "speaker" and not only and reading.parts != "parts":
        return among(holds)
    return named if only or "train" in named.values() else {}
