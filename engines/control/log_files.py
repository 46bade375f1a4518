"""Logged transitions as they come: a table, an NPZ file or a Minari dataset, to arrays row by row.

Nothing in an upload is run: arrays are read without pickle, and Minari's HDF5 without following links out of the file
(Minari's own reader would build the environment that the dataset names).
"""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines import places
from engines.contract import InputError, Problem, Skipped
from engines.control.robots import ROBOTS, find
from engines.data.archive import is_clutter, unpack
from engines.data.collecting import Table, listed
from engines.data.prepared import prepared
from engines.data.tables import EXTENSIONS, read_table

MOST_ROWS = 200_000
MOST_UNPACKED = 512 << 20  # bytes of arrays
ACCEPTED = (
    "accepted: observation_0 …, action_0 …, reward, next_observation_0 … and terminated as a table's columns or an "
    "NPZ's arrays, or a Minari dataset"
)


@dataclass
class Raw:
    """What a file holds, in its order; every array has a row a transition. Numbers that are none are NaN."""

    name: str
    observations: np.ndarray
    """float64 (N, width)"""
    actions: np.ndarray
    """float64 (N, actions)"""
    rewards: np.ndarray | None = None
    next_observations: np.ndarray | None = None
    terminated: np.ndarray | None = None
    """bool (N,)"""
    truncated: np.ndarray | None = None
    episode: np.ndarray | None = None
    """Some number that is the same all along an episode."""
    step: np.ndarray | None = None
    """Some number that grows along an episode."""
    where: list[str] = field(default_factory=list)
    """How people find each row again: 'line 17'."""
    env: str | None = None
    """The environment that the file names."""
    columns: dict[str, str] = field(default_factory=dict)
    """What each column or array was taken for."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def read_raw(data: Path, robot: str | None = None) -> Raw:
    """What is in a file, a folder or a zip. Raises InputError for what is no log of transitions."""
    if not data.exists():
        raise InputError(Problem(data.name, "there is no such file", ACCEPTED))
    if data.is_file() and data.suffix.lower() == ".npz":
        return _npz(data)
    if data.is_file() and zipfile.is_zipfile(data) and data.suffix.lower() != ".xlsx":
        data, _ = prepared(data, places.work(data), lambda folder: unpack(data, folder))
    if data.is_dir():
        inside = [p for p in sorted(data.rglob("*")) if p.is_file() and not is_clutter(str(p.relative_to(data)))]
        if hdf5 := [path for path in inside if path.name == "main_data.hdf5"]:
            return _minari(hdf5[0])
        logs = [path for path in inside if path.suffix.lower() in EXTENSIONS - {".txt", ".json"} | {".npz"}]
        if len(logs) != 1:
            found = f"it holds {len(logs)} tables" if logs else "there is no log in it"
            raise InputError(Problem(data.name, found, ACCEPTED))
        return read_raw(logs[0], robot)
    return _minari(data) if data.suffix.lower() in {".hdf5", ".h5"} else _table(data, robot)


# --- tables ---------------------------------------------------------------------------------------

_NUMBERED = {
    "next_observations": r"(?:next_?(?:observations?|obs|states?|o|s)|(?:observations?|obs|states?)_?next)_?(\d+)",
    "observations": r"(?:observations?|obs|states?|o|s)_?(\d+)",
    "actions": r"(?:actions?|act|a|u)_?(\d*)",
}
_SINGLE = {
    "rewards": {"reward", "rewards", "rew", "r"},
    "terminated": {"terminated", "terminal", "terminals", "terminations", "done", "dones"},
    "truncated": {"truncated", "truncations", "timeout", "timeouts"},
    "episode": {"episode", "episodes", "episode_id", "trajectory", "run"},
    "step": {"step", "steps", "timestep", "time", "t"},
}


def _table(path: Path, robot: str | None) -> Raw:
    table = read_table(path, most_rows=MOST_ROWS)
    found = _columns(table, robot)
    _require(path.name, found, f"its columns are {listed(table.columns, 8)}")
    numbers = {name: _numbers(table, places_) for name, places_ in found.items()}  # each (N, columns of it)
    flags: dict[str, Any] = {name: numbers[name][:, 0] == 1 for name in ("terminated", "truncated") if name in numbers}
    plain: dict[str, Any] = {name: numbers[name][:, 0] for name in ("rewards", "step") if name in numbers}
    if "episode" in found:  # any text
        cells = [row[found["episode"][0]] for row in table.rows]
        numbered = {cell: number for number, cell in enumerate(dict.fromkeys(cells))}  # as they appear
        plain["episode"] = np.array([numbered[cell] for cell in cells], dtype=float)
    taken = {table.columns[place]: name for name, places_ in found.items() for place in places_}
    return Raw(
        path.name,
        numbers["observations"],
        numbers["actions"],
        next_observations=numbers.get("next_observations"),
        where=[table.where(index) for index in range(len(table.rows))],
        columns=taken,
        skipped=list(table.skipped),
        notes=list(table.notes),
        **plain,
        **flags,
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _columns(table: Table, robot: str | None) -> dict[str, list[int]]:
    """Positions of the columns for each part of a transition, numbered ones in their order."""
    names = [_plain(column) for column in table.columns]
    found: dict[str, list[int]] = {}
    for part, pattern in _NUMBERED.items():
        hits = [(int(match[1] or 0), at) for at, name in enumerate(names) if (match := re.fullmatch(pattern, name))]
        if hits:
            found[part] = [at for _, at in sorted(hits)]
    for part, known in _SINGLE.items():
        hit = next((at for at, name in enumerate(names) if name in known), None)
        if hit is not None:
            found[part] = [hit]
    for candidate in [find(robot)] if robot else ROBOTS.values():  # columns that bear the sensors' names
        sensors = [_plain(name) for name, _ in candidate.observations]
        if "observations" not in found and all(sensor in names for sensor in sensors):
            found["observations"] = [names.index(sensor) for sensor in sensors]
            after = [f"next_{sensor}" for sensor in sensors]
            if all(name in names for name in after):
                found["next_observations"] = [names.index(name) for name in after]
            moves = [_plain(name) for name in candidate.actions]
            if "actions" not in found and all(move in names for move in moves):
                found["actions"] = [names.index(move) for move in moves]
    return found


_WORDS = {"true": 1.0, "yes": 1.0, "false": 0.0, "no": 0.0}


def _numbers(table: Table, columns: list[int]) -> np.ndarray:
    """float64 (rows, columns); what is no number is NaN."""
    return np.array([[_number(row[column]) for column in columns] for row in table.rows], dtype=float)


def _number(cell: str) -> float:
    text = cell.strip().lower()
    if text in _WORDS:
        return _WORDS[text]
    try:
        return float(text)
    except ValueError:
        return np.nan


# --- arrays ---------------------------------------------------------------------------------------

_ARRAYS = {
    "observations": {"observations", "observation", "obs", "states", "state"},
    "actions": {"actions", "action", "act"},
    "rewards": _SINGLE["rewards"],
    "next_observations": {"next_observations", "next_observation", "next_obs", "next_states", "next_state"},
    "terminated": _SINGLE["terminated"],
    "truncated": _SINGLE["truncated"],
    "episode": _SINGLE["episode"],
    "step": _SINGLE["step"],
}


def _npz(path: Path) -> Raw:
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise InputError(Problem(path.name, "its arrays are larger than 512 MB", ACCEPTED))
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except InputError:
        raise
    except Exception:  # whatever the bytes provoke
        raise InputError(Problem(path.name, "it is damaged, or no NPZ file of plain arrays", ACCEPTED)) from None
    names = {part: next((n for n in arrays if _plain(n) in known), None) for part, known in _ARRAYS.items()}
    found = {part: arrays[name] for part, name in names.items() if name is not None}
    _require(path.name, found, f"its arrays are {listed(sorted(arrays), 8) if arrays else 'none'}")
    return _from_arrays(path.name, found, {str(name): part for part, name in names.items() if name is not None})


def _from_arrays(name: str, found: dict[str, np.ndarray], columns: dict[str, str]) -> Raw:
    """Raises InputError for arrays that are not numbers, or not as many rows each."""
    rows = len(found["observations"]) if found["observations"].ndim else 0
    problems = []
    parts: dict[str, np.ndarray] = {}
    for part, array in found.items():
        wide = part in {"observations", "actions", "next_observations"}
        if array.dtype.kind not in "fiub":
            problems.append(Problem(f"{name}, {part}", f"it holds {array.dtype.name}", "accepted: numbers"))
        elif not array.ndim or len(array) != rows:
            found_rows = f"it has {len(array):,} rows" if array.ndim else "it is a single number"
            problems.append(Problem(f"{name}, {part}", found_rows, f"accepted: {rows:,}, as many as observations"))
        elif array.ndim > 2 or (not wide and array.size != rows):
            shape = " × ".join(map(str, array.shape))
            problems.append(Problem(f"{name}, {part}", f"its shape is {shape}", "accepted: a row a transition"))
        else:
            parts[part] = array.astype(float).reshape(rows, -1) if wide else array.reshape(rows).astype(float)
    if problems:
        raise InputError(*problems)
    for part in {"terminated", "truncated"} & set(parts):
        parts[part] = parts[part] == 1
    where = [f"transition {number}" for number in range(rows)]
    fields: dict[str, Any] = parts
    return Raw(name, where=where, columns=columns, **fields)


def _require(name: str, found: dict[str, Any], holds: str) -> None:
    missing = [part for part in ("observations", "actions") if part not in found]
    if missing:
        raise InputError(Problem(name, f"there are no {' and no '.join(missing)} in it: {holds}", ACCEPTED))


# --- Minari ---------------------------------------------------------------------------------------


def _minari(path: Path) -> Raw:
    """Minari's HDF5: a group an episode, with observations (T + 1, width), actions (T, …), rewards, terminations."""
    import h5py

    title = path.parent.name if path.name == "main_data.hdf5" else path.name
    rows: dict[str, list[np.ndarray]] = {}
    try:
        with h5py.File(path, "r") as file:
            groups = sorted((n for n in file if re.fullmatch(r"episode_\d+", n)), key=lambda n: int(n[8:]))
            total = 0
            for number, group in enumerate(groups):
                seen = _dataset(file, group, "observations")
                actions = _dataset(file, group, "actions")
                count = len(actions)
                if len(seen) != count + 1:
                    raise ValueError("an episode has not one observation more than actions")
                total += count
                if total > MOST_ROWS:
                    break
                parts = {
                    "observations": seen[:-1],
                    "next_observations": seen[1:],
                    "actions": actions,
                    "rewards": _dataset(file, group, "rewards"),
                    "terminated": _dataset(file, group, "terminations"),
                    "truncated": _dataset(file, group, "truncations"),
                    "episode": np.full(count, number),
                    "step": np.arange(count),
                }
                for part, array in parts.items():
                    rows.setdefault(part, []).append(array)
        found = {part: np.concatenate(arrays) for part, arrays in rows.items()}
    except Exception as error:  # whatever the bytes provoke
        words = str(error) if type(error) is ValueError else "it is damaged"
        raise InputError(Problem(title, f"it is no Minari dataset that can be read ({words})", ACCEPTED)) from None
    _require(title, found, "there is no episode")
    raw = _from_arrays(title, found, {part: part for part in found})
    raw.env = _env_of(path.parent / "metadata.json")
    if total > MOST_ROWS:
        raw.notes.append(f"The dataset is long: its first {len(raw.observations):,} transitions are used.")
    return raw


def _dataset(file: Any, group: str, name: str) -> np.ndarray:
    """An array that lies in the file itself. Raises ValueError for a link, data that lie elsewhere or too many."""
    import h5py

    for parent, key in ((file, group), (file[group], name)):
        if not isinstance(parent.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"{key} is a link")
    array = file[group][name]
    if not isinstance(array, h5py.Dataset) or array.is_virtual or array.external:
        raise ValueError(f"{name} is not kept in the file, or is no array")
    if array.nbytes > MOST_UNPACKED:
        raise ValueError(f"{name} is larger than 512 MB")
    return np.asarray(array[()])


def _env_of(metadata: Path) -> str | None:
    """The environment's id in Minari's metadata."""
    try:
        spec = json.loads(metadata.read_text(encoding="utf-8")).get("env_spec")
        found = json.loads(spec).get("id") if isinstance(spec, str) else None
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
