"""Logs that a person brings, to transitions: whose they are, in which order, which rows can be used."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.control.log_files import Raw, read_raw
from engines.control.recording import record, write_csv, write_npz
from engines.control.robots import ROBOTS, Robot, find
from engines.control.transitions import Logs

__all__ = ["FEWEST", "Logs", "read", "record", "write_csv", "write_npz"]

FEWEST = 50
"""Transitions without which nothing is identified."""
LARGEST = 1e6
MOST_NAMED = 100
SAME = 1e-3
"""Two observations are one when they differ by less than this share of how much each number varies (rounding)."""


def read(path: Path, robot: str | None = None) -> Logs:
    """The transitions in a table, an NPZ file or a Minari dataset (file, folder or zip).

    Without `robot` it is told by the width of observations and actions. Rows with missing or impossible numbers are
    skipped and named. Raises InputError when it is no log of a robot that is known, or too little of it can be used.
    """
    raw = read_raw(path, robot)
    found = _robot(raw, robot)
    raw = _sorted(raw)
    good = _good_rows(raw, found)
    breaks = _breaks_before(raw)
    if raw.next_observations is None:
        raw.next_observations = np.roll(raw.observations, -1, axis=0)
        cut = np.append(breaks[1:], True)
        good &= ~cut & np.append(good[1:], False)
        raw.notes.append(
            "There is no next observation: the following row's is taken; the last row of each episode is not used."
        )
    logs = _assembled(raw, found, good, breaks)
    if len(logs) < FEWEST:
        first = f"; the first left out: {logs.skipped[0].where} {logs.skipped[0].reason}" if logs.skipped else ""
        found_rows = f"{len(logs)} transitions can be used{first}"
        raise InputError(Problem(raw.name, found_rows, f"accepted: {FEWEST} or more, better 1,000"))
    return logs


def _robot(raw: Raw, name: str | None) -> Robot:
    """Raises InputError where the robot that was named does not fit, or none or several do."""
    width, actions = raw.observations.shape[1], raw.actions.shape[1]
    given = raw.actions[np.isfinite(raw.actions).all(axis=1)]
    choices = actions == 1 and len(given) > 0 and bool(np.all((given >= 0) & (given % 1 == 0)))
    choices = choices and len(np.unique(given)) > 1
    if name is not None or raw.env is not None:
        try:
            robot = find(name if name is not None else str(raw.env))
        except InputError as error:
            if name is not None:
                raise
            raise InputError(Problem(raw.name, error.problems[0].found, error.problems[0].accepted)) from None
        if raw.env is not None and find_or_none(raw.env) not in (robot, None):
            raise InputError(Problem(raw.name, f"it is of {raw.env[:60]}", f"accepted here: logs of {robot.title}"))
        _fits(raw, robot, given, choices)
        return robot
    fitting = [r for r in ROBOTS.values() if (r.width, r.action_width) == (width, actions)]
    if len(fitting) > 1 and len(given):  # CartPole and InvertedPendulum are as wide
        fitting = [r for r in fitting if r.discrete == (choices and set(np.unique(given)) == {0.0, 1.0})]
    if not fitting:
        known = "; ".join(f"{r.title} {r.width} and {r.action_width}" for r in ROBOTS.values())
        found = f"observations have {width} numbers and actions {actions}, as no known robot's"
        raise InputError(Problem(raw.name, found, f"accepted: {known}"))
    _fits(raw, fitting[0], given, choices)
    return fitting[0]


def find_or_none(name: str) -> Robot | None:
    try:
        return find(name)
    except InputError:
        return None


def _fits(raw: Raw, robot: Robot, given: np.ndarray, choices: bool) -> None:
    width, actions = raw.observations.shape[1], raw.actions.shape[1]
    problems = []
    if width != robot.width:
        found = f"observations have {width} numbers"
        problems.append(Problem(raw.name, found, f"accepted for {robot.title}: {robot.width}"))
    if raw.next_observations is not None and raw.next_observations.shape[1] != width:
        found = f"next observations have {raw.next_observations.shape[1]} numbers and observations {width}"
        problems.append(Problem(raw.name, found, "accepted: as many"))
    if actions != robot.action_width:
        found = f"actions have {actions} numbers"
        problems.append(Problem(raw.name, found, f"accepted for {robot.title}: {robot.action_width}"))
    elif choices and not robot.discrete:
        found = f"actions are choices (whole numbers from {given.min():.0f} to {given.max():.0f})"
        limit = f"{robot.actions[0]} between {-robot.action_limit:g} and {robot.action_limit:g}"
        problems.append(Problem(raw.name, found, f"accepted for {robot.title}: {limit}"))
    elif robot.discrete and not np.isin(raw.actions, range(len(robot.actions))).any():
        listed = ", ".join(f"{number} ({word})" for number, word in enumerate(robot.actions))
        problems.append(
            Problem(raw.name, "no action is one of the robot's choices", f"accepted for {robot.title}: {listed}")
        )
    if problems:
        raise InputError(*problems)


def _sorted(raw: Raw) -> Raw:
    """In the order of (episode, step), where the file says so."""
    if raw.step is None:
        return raw
    episode = raw.episode if raw.episode is not None else np.zeros(len(raw.observations))
    if raw.episode is None and len(np.unique(raw.step)) < len(raw.step):
        return raw  # steps start anew with each episode
    order = np.lexsort((raw.step, episode))
    if np.array_equal(order, np.arange(len(order))):
        return raw
    return _taken(raw, order, "The rows were out of order and are sorted by episode and step.")


def _taken(raw: Raw, order: np.ndarray, note: str) -> Raw:
    arrays = {f.name: getattr(raw, f.name) for f in dataclasses.fields(raw)}
    moved = {name: value[order] for name, value in arrays.items() if isinstance(value, np.ndarray)}
    return dataclasses.replace(raw, **moved, where=[raw.where[i] for i in order], notes=[*raw.notes, note])


def _good_rows(raw: Raw, robot: Robot) -> np.ndarray:
    """True where every number of the transition can be used; the others are named."""
    reasons = [
        (~_usable(raw.observations), "has no usable number in its observation"),
        (~_usable(raw.actions), "has no usable number in its action"),
    ]
    if raw.next_observations is not None:
        reasons.append((~_usable(raw.next_observations), "has no usable number in its next observation"))
    if robot.discrete:
        reasons.append((~np.isin(raw.actions[:, 0], range(len(robot.actions))), "has an action that is no choice"))
    good = np.ones(len(raw.observations), bool)
    n = 0
    for wrong, reason in reasons:
        rows = np.flatnonzero(wrong & good)
        good &= ~wrong
        n += len(rows)
        room = max(0, MOST_NAMED - len(raw.skipped))
        raw.skipped += [Skipped(raw.where[row], reason) for row in rows[:room]]
    if n > MOST_NAMED:
        raw.skipped.append(Skipped(raw.name, f"has {n - MOST_NAMED:,} more rows that could not be used"))
    if not robot.discrete:
        beyond = int(np.sum(np.abs(raw.actions[good]).max(axis=1, initial=0) > robot.action_limit * 1.001))
        if beyond:
            words = "1 command is" if beyond == 1 else f"{beyond:,} commands are"
            raw.notes.append(f"{words} beyond ±{robot.action_limit:g} and count as that much.")
    return good


def _usable(values: np.ndarray) -> np.ndarray:
    """True (N,) where all numbers of a row are finite and of a size that a robot can have."""
    return np.asarray((np.abs(values) < LARGEST).all(axis=1))  # NaN compares false


def _breaks_before(raw: Raw) -> np.ndarray:
    """True (N,) where a row does not follow the one before it, as far as the file says so."""
    breaks = np.zeros(len(raw.observations), bool)
    breaks[:1] = True
    if raw.episode is not None:
        breaks[1:] |= np.diff(raw.episode) != 0
    if raw.step is not None:
        breaks[1:] |= ~(np.diff(raw.step) > 0)
    for ended in (raw.terminated, raw.truncated):
        if ended is not None:
            breaks[1:] |= ended[:-1]
    return breaks


def _assembled(raw: Raw, robot: Robot, good: np.ndarray, breaks: np.ndarray) -> Logs:
    """The good rows, numbered by stretches without a gap; rows in disorder are put back where they tell how."""
    assert raw.next_observations is not None
    kept = np.flatnonzero(good)
    limit = np.inf if robot.discrete else robot.action_limit
    seen, after = raw.observations[kept], raw.next_observations[kept]
    tolerance = SAME * np.maximum(np.std(seen, axis=0), 1e-9) if len(kept) else np.zeros(robot.width)
    follows = np.zeros(len(kept), bool)
    follows[1:] = (np.abs(after[:-1] - seen[1:]) <= tolerance).all(axis=1)
    declared = breaks[kept]
    notes, in_order = list(raw.notes), True
    if np.sum(~follows & ~declared) > 0.3 * len(kept):
        order, starts = _chained(seen, after, tolerance)
        if len(starts) < 0.3 * len(kept):
            notes.append("The rows were out of order: they are put back by where each next observation is seen again.")
            kept, declared, follows = kept[order], np.isin(np.arange(len(kept)), starts), np.ones(len(kept), bool)
        else:
            notes.append("The rows do not follow each other: each is used alone, and nothing can be said of a delay.")
            in_order = False
    episodes = np.cumsum(declared | ~follows) - 1
    rewards = raw.rewards[kept] if raw.rewards is not None else np.full(len(kept), np.nan)
    ended = raw.terminated[kept] if raw.terminated is not None else np.zeros(len(kept), bool)
    return Logs(
        robot,
        raw.observations[kept],
        np.clip(raw.actions[kept], -limit, limit),
        rewards,
        raw.next_observations[kept],
        ended,
        episodes,
        raw.skipped,
        notes,
        raw.columns,
        in_order,
    )


def _chained(seen: np.ndarray, after: np.ndarray, tolerance: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """An order in which rows follow each other, and at which places of it a new chain starts."""
    from scipy.spatial import cKDTree

    distance, nearest = cKDTree(seen / tolerance).query(after / tolerance, p=np.inf, distance_upper_bound=1.0)
    following = {
        int(row): int(to) for row, (d, to) in enumerate(zip(distance, nearest, strict=True)) if d <= 1 and to != row
    }
    led_to = set(following.values())
    order: list[int] = []
    starts: list[int] = []
    placed = np.zeros(len(seen), bool)
    for first in [*(row for row in range(len(seen)) if row not in led_to), *range(len(seen))]:
        row: int | None = first
        if placed[first]:
            continue
        starts.append(len(order))
        while row is not None and not placed[row]:
            placed[row] = True
            order.append(row)
            row = following.get(row)
    return np.array(order, int), starts
