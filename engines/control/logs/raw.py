"""What a file of logged transitions holds, before anybody says which robot's they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.control.logs.ends import settled
from engines.messages import _

MOST_ROWS = 200_000
MOST_UNPACKED = 512 << 20  # bytes of arrays
ACCEPTED = _(
    "accepted: observation_0 …, action_0 …, reward, next_observation_0 … and terminated as a table's "
    "columns or an NPZ's arrays, or a Minari, D4RL or d3rlpy dataset (HDF5)"
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
    seconds: float | None = None
    """How long a step takes, where `step` is a time."""
    where: list[str] = field(default_factory=list)
    """How people find each row again: 'line 17'."""
    env: str | None = None
    """The environment that the file names."""
    columns: dict[str, str] = field(default_factory=dict)
    """What each column or array was taken for."""
    unused: list[str] = field(default_factory=list)
    """Columns or arrays that were taken for nothing."""
    tabular: bool = False
    """Whether it is a table, whose columns a person may name."""
    sensors: str | None = None
    """The robot whose sensors the columns are named for: then each number is where it belongs."""
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def require(name: str, found: Iterable[str], holds: str) -> None:
    """Raises InputError where observations or actions are not among the parts that were found."""
    missing = [part for part in ("observations", "actions") if part not in set(found)]
    if missing:
        raise InputError(
            Problem(
                name,
                _("there are no {missing} in it: {holds}", missing=_(" and no ").join(missing), holds=holds),
                ACCEPTED,
            )
        )


def from_arrays(name: str, found: Mapping[str, np.ndarray], columns: dict[str, str]) -> Raw:
    """The log in plain arrays, a row a transition. Raises InputError for arrays that are not numbers, or not as many
    rows each."""
    rows = len(found["observations"]) if found["observations"].ndim else 0
    problems = []
    parts: dict[str, np.ndarray] = {}
    for part, array in found.items():
        wide = part in {"observations", "actions", "next_observations"}
        if array.dtype.kind not in "fiub":
            problems.append(
                Problem(f"{name}, {part}", _("it holds {name}", name=array.dtype.name), _("accepted: numbers"))
            )
        elif not array.ndim or len(array) != rows:
            found_rows = _("it has {array:,} rows", array=len(array)) if array.ndim else _("it is a single number")
            problems.append(
                Problem(f"{name}, {part}", found_rows, _("accepted: {rows:,}, as many as observations", rows=rows))
            )
        elif array.ndim > 2 or (not wide and array.size != rows):
            shape = " × ".join(map(str, array.shape))
            problems.append(
                Problem(f"{name}, {part}", _("its shape is {shape}", shape=shape), _("accepted: a row a transition"))
            )
        else:
            parts[part] = array.astype(float).reshape(rows, -1) if wide else array.reshape(rows).astype(float)
    if problems:
        raise InputError(*problems)
    notes = settled(parts)
    flags: dict[str, Any] = {part: parts.pop(part) == 1 for part in ("terminated", "truncated") if part in parts}
    where = [_("transition {number}", number=number) for number in range(rows)]
    fields: dict[str, Any] = {**parts, **flags}
    return Raw(name, where=where, columns=columns, notes=notes, **fields)
