"""Datasets in HDF5: Minari's (a group an episode), D4RL's and d3rlpy's first (arrays at the root), d3rlpy's second
(arrays numbered by episode).

They are read without following links out of the file, and nothing in them is run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from engines.cancellation import cancellation_point
from engines.contract import InputError, Problem
from engines.control.logs.columns import ARRAYS, plain
from engines.control.logs.raw import ACCEPTED, MOST_ROWS, MOST_UNPACKED, Raw, from_arrays, require
from engines.messages import _

EPISODE = re.compile(r"episode_(\d+)")
NUMBERED = re.compile(r"observations_(\d+)")
Episode = dict[str, np.ndarray]


def read(path: Path) -> Raw:
    """The log in an HDF5 file. Raises InputError."""
    import h5py

    title = path.parent.name if path.name == "main_data.hdf5" else path.name
    try:
        with h5py.File(path, "r") as file:
            names = list(file)
            if any(EPISODE.fullmatch(name) for name in names):
                raw = _of_episodes(title, _minari(file, names))
            elif any(NUMBERED.fullmatch(name) for name in names):
                raw = _of_episodes(title, _d3rlpy(file, names))
            else:
                raw = _flat(title, file, names)
    except InputError:
        raise
    except Exception as error:  # whatever the bytes provoke
        words = str(error) if type(error) is ValueError else _("it is damaged")
        found = _("it is no Minari dataset that can be read, and no D4RL or d3rlpy one ({words})", words=words)
        raise InputError(Problem(title, found, ACCEPTED)) from None
    raw.env = _env_of(path.parent / "metadata.json")
    return raw


def _of_episodes(title: str, episodes: Iterable[tuple[str, Episode]]) -> Raw:
    """Episodes one after the other, as many as there is room for."""
    rows: dict[str, list[np.ndarray]] = {}
    total, short, left_out = 0, [], 0
    for number, (name, episode) in enumerate(episodes):
        cancellation_point()
        seen, actions = episode.pop("observations"), episode["actions"]
        count = min(len(actions), len(seen) - 1)
        if len(seen) not in {len(actions), len(actions) + 1}:
            raise ValueError(
                _(
                    "{name} has {seen} observations and {actions} actions",
                    name=name,
                    seen=len(seen),
                    actions=len(actions),
                )
            )
        if total + count > MOST_ROWS:
            left_out += 1
            continue
        if len(seen) == len(actions):
            short.append(name)
        total += count
        parts = {
            "observations": seen[:-1],
            "next_observations": seen[1:],
            "episode": np.full(count, number),
            "step": np.arange(count),
            **{part: array[:count] for part, array in episode.items()},
        }
        for part, array in parts.items():
            rows.setdefault(part, []).append(array)
    require(title, rows, _("there is no episode"))
    raw = from_arrays(title, {part: np.concatenate(arrays) for part, arrays in rows.items()}, {p: p for p in rows})
    if short:
        raw.notes.append(
            _(
                "The last observation is not kept in {short:,} of the episodes (the first: "
                "{short2}): the last action of each is not used.",
                short=len(short),
                short2=short[0],
            )
        )
    if left_out:
        raw.notes.append(
            _(
                "The dataset is long: its first {observations:,} transitions are used, and "
                "{left_out:,} episodes are not.",
                observations=len(raw.observations),
                left_out=left_out,
            )
        )
    return raw


def _minari(file: Any, names: list[str]) -> Iterable[tuple[str, Episode]]:
    """A group an episode, with observations (T + 1, width), actions (T, …), rewards, terminations, truncations."""
    for group in sorted((n for n in names if EPISODE.fullmatch(n)), key=lambda n: int(n[8:])):
        parts = {"actions": "actions", "rewards": "rewards", "terminated": "terminations", "truncated": "truncations"}
        yield (
            group,
            {
                "observations": array(file, group, "observations"),
                **{part: array(file, group, name) for part, name in parts.items()},
            },
        )


def _d3rlpy(file: Any, names: list[str]) -> Iterable[tuple[str, Episode]]:
    """observations_0, actions_0, rewards_0, terminated_0, observations_1, …"""
    for name in sorted((n for n in names if NUMBERED.fullmatch(n)), key=lambda n: int(n[13:])):
        number = name[13:]
        actions = array(file, f"actions_{number}")
        ended = np.zeros(len(actions))
        if f"terminated_{number}" in names:
            ended[-1:] = np.asarray(array(file, f"terminated_{number}"), dtype=float).reshape(-1)[:1]
        yield (
            _("episode {number}", number=number),
            {
                "observations": array(file, name),
                "actions": actions,
                "rewards": array(file, f"rewards_{number}"),
                "terminated": ended,
            },
        )


def _flat(title: str, file: Any, names: list[str]) -> Raw:
    """observations, actions, rewards, terminals and perhaps timeouts and next_observations at the root."""
    import h5py

    taken = _parts(names)
    shown = {name: f"{name}/…" if file.get(name, getclass=True) is h5py.Group else name for name in names}
    require(
        title,
        taken,
        _("it holds {values}, and there is no episode", values=", ".join(sorted(shown.values())[:8]) or "nothing"),
    )
    found = {part: array(file, name) for part, name in taken.items()}
    n = min(len(found["observations"]), MOST_ROWS) if found["observations"].ndim else 0
    whole = len(found["observations"]) if n else 0
    found = {part: a[:n] if a.ndim and len(a) == whole else a for part, a in found.items()}
    raw = from_arrays(title, found, {name: part for part, name in taken.items()})
    raw.unused = sorted(shown[name] for name in names if name not in taken.values())
    if whole > n:
        raw.notes.append(_("The dataset is long: its first {n:,} of {whole:,} transitions are used.", n=n, whole=whole))
    return raw


def _parts(names: Iterable[str]) -> dict[str, str]:
    """Part of a transition -> the array that holds it."""
    every = sorted(names)
    found = {part: next((name for name in every if plain(name) in known), None) for part, known in ARRAYS.items()}
    return {part: name for part, name in found.items() if name is not None}


def array(file: Any, *path: str) -> np.ndarray:
    """An array that lies in the file itself. Raises ValueError for a link, data that lie elsewhere or too many."""
    import h5py

    parent: Any = file
    for key in path:
        if not isinstance(parent.get(key, getlink=True), h5py.HardLink):
            raise ValueError(_("{key} is {a_link}", key=key, a_link=_("a link") if key in parent else "missing"))
        parent = parent[key]
    name = path[-1]
    if not isinstance(parent, h5py.Dataset) or parent.is_virtual or parent.external:
        raise ValueError(_("{name} is not kept in the file, or is no array", name=name))
    if parent.nbytes > MOST_UNPACKED:
        raise ValueError(_("{name} is larger than 512 MB", name=name))
    return np.asarray(parent[()])


def _env_of(metadata: Path) -> str | None:
    """The environment's id in Minari's metadata."""
    try:
        spec = json.loads(metadata.read_text(encoding="utf-8")).get("env_spec")
        found = json.loads(spec).get("id") if isinstance(spec, str) else None
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, str) else None
