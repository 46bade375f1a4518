"""Logged transitions as they come: a table, an NPZ file or a dataset in HDF5, to arrays row by row.

Nothing in an upload is run: arrays are read without pickle, and HDF5 without following links out of the file (Minari's
own reader would build the environment that the dataset names).
"""

from __future__ import annotations

import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from engines import paths
from engines.contract import InputError, Problem
from engines.control.logs import cells, columns, hdf5
from engines.control.logs.ends import settled
from engines.control.logs.how import How
from engines.control.logs.raw import ACCEPTED, MOST_ROWS, MOST_UNPACKED, Raw, from_arrays, require
from engines.control.simulation.robots import ROBOTS
from engines.data.archive import unpack
from engines.data.row_sampling import Table, listed
from engines.data.tables import EXTENSIONS, read_table
from engines.data.unpacked import files_below, prepared
from engines.messages import _

HDF5 = {".hdf5", ".h5"}
WIDE = {"observations", "next_observations", "actions"}


def read_raw(data: Path, how: How) -> Raw:
    """What is in a file, a folder or a zip. Raises InputError for what is no log of transitions."""
    if not data.exists():
        raise InputError(Problem(data.name, _("there is no such file"), ACCEPTED))
    if data.is_file() and data.suffix.lower() == ".npz":
        return one_choice(_npz(data))
    if data.is_file() and zipfile.is_zipfile(data) and data.suffix.lower() != ".xlsx":
        data, _unused = prepared(data, paths.work(data), lambda folder: unpack(data, folder))
    if data.is_dir():
        inside = files_below(data)
        logs = [path for path in inside if path.suffix.lower() in EXTENSIONS - {".txt", ".json"} | {".npz"} | HDF5]
        minari = [path for path in logs if path.name == "main_data.hdf5"]
        if len(minari or logs) != 1:
            found = (
                _("it holds {logs} logs: {name}", logs=len(logs), name=listed([p.name for p in logs], 4))
                if logs
                else _("there is no log in it")
            )
            raise InputError(Problem(data.name, found, _("one at a time; {accepted}", accepted=ACCEPTED)))
        return read_raw((minari or logs)[0], how)
    return one_choice(hdf5.read(data) if data.suffix.lower() in HDF5 else _table(data, how))


def one_choice(raw: Raw) -> Raw:
    """The log with one number for the choice that a 1 among several numbers marks, of a robot that takes one of so
    many; any other as it is."""
    n, width = raw.actions.shape[1], raw.observations.shape[1]
    fits = {(robot.width, robot.action_width) for robot in ROBOTS.values()}
    takes_one = any(robot.discrete and robot.width == width for robot in ROBOTS.values())
    marked = np.isin(raw.actions, (0, 1)).all() and bool((raw.actions.sum(axis=1) == 1).all())
    if n < 2 or (width, n) in fits or not takes_one or not marked or len(raw.actions) == 0:
        return raw
    note = _(
        "Of {n} numbers of each action one is 1 and the others 0: which one it is, counted from 0, is the choice.", n=n
    )
    return replace(raw, actions=raw.actions.argmax(axis=1)[:, None].astype(float), notes=[*raw.notes, note])


# --- tables ---------------------------------------------------------------------------------------


def _table(path: Path, how: How) -> Raw:
    table = read_table(path, most_rows=MOST_ROWS)
    found, robot = columns.chosen(path.name, table.columns, how)
    require(path.name, found, _("its columns are {columns}", columns=listed(table.columns, 8)))
    parts = {
        part: _numbers(table, places) if part in WIDE else _numbers(table, places)[:, 0]
        for part, places in found.items()
        if part not in {"episode", "step"}
    }
    notes = [*table.notes, *_commas(table, [at for places in found.values() for at in places])]
    seconds = None
    if "step" in found:
        parts["step"], timed = cells.times([row[found["step"][0]] for row in table.rows])
        seconds = step_length(parts["step"]) if timed else None
    if "episode" in found:  # any text
        named = [row[found["episode"][0]] for row in table.rows]
        numbered = {cell: number for number, cell in enumerate(dict.fromkeys(named))}  # as they appear
        parts["episode"] = np.array([numbered[cell] for cell in named], dtype=float)
    notes += settled(parts)
    flags: dict[str, Any] = {p: parts.pop(p) == 1 for p in ("terminated", "truncated") if p in parts}
    fields: dict[str, Any] = {**parts, **flags}
    taken = {table.columns[place]: name for name, places in found.items() for place in places}
    return Raw(
        path.name,
        where=[table.where(index) for index in range(len(table.rows))],
        columns=taken,
        unused=[column for column in table.columns if column not in taken],
        seconds=seconds,
        tabular=True,
        sensors=robot,
        skipped=list(table.skipped),
        notes=notes,
        **fields,
    )


def _numbers(table: Table, places: list[int]) -> np.ndarray:
    """float64 (rows, columns); (rows,) of what is one number. What is no number is NaN."""
    if len(places) == 1 and table.rows and cells.is_list(table.rows[0][places[0]]):
        return cells.lists([row[places[0]] for row in table.rows])
    found = np.array([[cells.number(row[place]) for place in places] for row in table.rows], dtype=float)
    return found.reshape(-1, len(places))


def _commas(table: Table, places: list[int]) -> list[str]:
    """A sentence where numbers have a decimal comma."""
    n = sum(cells.has_comma(row[place]) for row in table.rows for place in places)
    return [_("In {n:,} numbers the comma is the decimal sign.", n=n)] if n else []


def step_length(times: np.ndarray) -> float | None:
    """The usual time from one row to the next; None where there is none."""
    steps = np.diff(times)
    forward = steps[np.isfinite(steps) & (steps > 0)]
    return float(np.median(forward)) if len(forward) else None


# --- arrays ---------------------------------------------------------------------------------------


def _npz(path: Path) -> Raw:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise InputError(Problem(path.name, _("its arrays are larger than 512 MB"), ACCEPTED))
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except InputError:
        raise
    except Exception as error:  # whatever the bytes provoke
        objects = "Object arrays cannot be loaded" in str(error)
        found = (
            _("it holds Python objects, which are not opened, and so is no NPZ file of plain arrays")
            if objects
            else _("it is damaged, or no NPZ file of plain arrays")
        )
        raise InputError(Problem(path.name, found, ACCEPTED)) from None
    names = {
        part: next((n for n in arrays if columns.plain(n) in known), None) for part, known in columns.ARRAYS.items()
    }
    taken = {part: name for part, name in names.items() if name is not None}
    require(path.name, taken, _("its arrays are {arrays}", arrays=listed(sorted(arrays), 8) if arrays else "none"))
    raw = from_arrays(path.name, {p: arrays[n] for p, n in taken.items()}, {name: part for part, name in taken.items()})
    raw.unused = [name for name in arrays if name not in taken.values()]
    return raw
