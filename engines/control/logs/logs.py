"""Logs that a person brings, to transitions: whose they may be, in which order, which rows can be used."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from engines.contract import InputError, Problem, Skipped
from engines.control.logs.how import How
from engines.control.logs.log_files import read_raw
from engines.control.logs.meant import as_meant, scaled_by, two_forces
from engines.control.logs.order import chained, in_time, without_repeats
from engines.control.logs.raw import Raw
from engines.control.logs.recording import record, write_csv, write_npz
from engines.control.logs.transitions import Logs
from engines.control.simulation.robots import ROBOTS, Robot, find
from engines.data.row_sampling import listed
from engines.messages import _, _n

__all__ = ["FEWEST", "Logs", "candidates", "of", "read", "record", "write_csv", "write_npz"]

FEWEST = 50
"""Transitions without which nothing is identified."""
LARGEST = 1e6
MOST_NAMED = 100
SAME = 1e-3
"""Two observations are one when they differ by less than this share of how much each number varies (rounding)."""


def read(path: Path, robot: str | None = None) -> Logs:
    """The transitions in a table, an NPZ file or a dataset in HDF5 (file, folder or zip), of the first robot that they
    may be of. Raises InputError."""
    how = How(robot=robot)
    raw = read_raw(path, how)
    return of(raw, candidates(raw, how)[0], how)


def of(raw: Raw, robot: Robot, how: How) -> Logs:
    """The transitions, taken for those of `robot`. Rows with missing or impossible numbers are skipped and named.

    Raises InputError where too little of it can be used, or what `how` says does not fit.
    """
    raw, breaks = in_time(raw)
    scale = scaled_by(raw.actions, robot, how)
    raw = as_meant(raw, robot, how, breaks)
    raw, breaks = without_repeats(raw, breaks)
    if raw.unused:
        raw.notes.append(_("Not used: {unused}.", unused=listed(raw.unused, 8)))
    good = _good_rows(raw, robot)
    if raw.next_observations is None:
        raw.next_observations = np.roll(raw.observations, -1, axis=0)
        cut = np.append(breaks[1:], True)
        good &= ~cut & np.append(good[1:], False)
        raw.notes.append(_following(raw, int(cut.sum())))
    logs = _assembled(raw, robot, good, breaks)
    if len(logs) < FEWEST:
        first = (
            _("; the first left out: {where} {reason}", where=logs.skipped[0].where, reason=logs.skipped[0].reason)
            if logs.skipped
            else ""
        )
        found_rows = _(
            "{logs} transitions of {observations:,} rows can be used{first}",
            logs=len(logs),
            observations=len(raw.observations),
            first=first,
        )
        raise InputError(Problem(raw.name, found_rows, _("accepted: {fewest} or more, better 1,000", fewest=FEWEST)))
    return dataclasses.replace(logs, scaled_by=scale, seconds=raw.seconds, how=how)


def _following(raw: Raw, episodes: int) -> str:
    """That the next row is the next observation, and by what an episode's end is known."""
    said = _("There is no next observation: the following row's is taken; the last row of each episode is not used.")
    known = {
        "an episode's number": raw.episode,
        "the time": raw.step,
        "ends of episodes": raw.terminated if raw.terminated is not None else raw.truncated,
    }
    by = [name for name, there in known.items() if there is not None]
    if not by:
        return _("{said} Nothing says where an episode ends: all rows count as one.", said=said)
    count = _n("1 episode", "{n:,} episodes", episodes)
    return _n(
        "{said} By {by} there is {count}.",
        "{said} By {by} there are {count}.",
        episodes,
        said=said,
        by=_(" and ").join(by),
        count=count,
    )


def candidates(raw: Raw, how: How) -> list[Robot]:
    """The robots that the log may be of, the likeliest by its look first; a robot that was named is the only one.

    Raises InputError where the robot that was named does not fit, or none does.
    """
    width, actions = raw.observations.shape[1], raw.actions.shape[1]
    given = raw.actions[np.isfinite(raw.actions).all(axis=1)]
    choices = actions == 1 and len(given) > 0 and bool(np.all((given >= 0) & (given % 1 == 0)))
    choices = choices and len(np.unique(given)) > 1
    name = how.robot
    if name is not None or raw.env is not None:
        try:
            robot = find(name if name is not None else str(raw.env))
        except InputError as error:
            if name is not None:
                raise
            raise InputError(Problem(raw.name, error.problems[0].found, error.problems[0].accepted)) from None
        if raw.env is not None and find_or_none(raw.env) not in (robot, None):
            raise InputError(
                Problem(
                    raw.name,
                    _("it is of {env}", env=raw.env[:60]),
                    _("accepted here: logs of {title}", title=robot.title),
                )
            )
        if misfits := _misfits(raw, robot, given, choices):
            raise InputError(*misfits)
        return [robot]
    fitting = [r for r in ROBOTS.values() if (r.width, r.action_width) == (width, actions)]
    named = [r for r in fitting if r.name == raw.sensors]
    fitting = named or fitting
    if len(fitting) > 1 and len(given) and two_forces(given) is None:  # CartPole and InvertedPendulum are as wide
        fitting = [r for r in fitting if r.discrete == (choices and set(np.unique(given)) == {0.0, 1.0})]
    if not fitting:
        known = "; ".join(
            _("{title} {width} and {action_width}", title=r.title, width=r.width, action_width=r.action_width)
            for r in ROBOTS.values()
        )
        found = _(
            "observations have {width} numbers and actions {actions}, as no known robot's", width=width, actions=actions
        )
        raise InputError(Problem(raw.name, found, _("accepted: {known}", known=known)))
    wrong = {r.name: problems for r in fitting if (problems := _misfits(raw, r, given, choices))}
    if len(wrong) == len(fitting):
        raise InputError(*wrong[fitting[0].name])
    return [r for r in fitting if r.name not in wrong]


def find_or_none(name: str) -> Robot | None:
    try:
        return find(name)
    except InputError:
        return None


def _misfits(raw: Raw, robot: Robot, given: np.ndarray, choices: bool) -> list[Problem]:
    """In what the log cannot be of that robot."""
    width, actions = raw.observations.shape[1], raw.actions.shape[1]
    problems = []
    if width != robot.width:
        found = _("observations have {width} numbers", width=width)
        problems.append(
            Problem(raw.name, found, _("accepted for {title}: {width}", title=robot.title, width=robot.width))
        )
    if raw.next_observations is not None and raw.next_observations.shape[1] != width:
        found = _(
            "next observations have {shape} numbers and observations {width}",
            shape=raw.next_observations.shape[1],
            width=width,
        )
        problems.append(Problem(raw.name, found, _("accepted: as many")))
    if actions != robot.action_width:
        found = _("actions have {actions} numbers", actions=actions)
        problems.append(
            Problem(
                raw.name,
                found,
                _("accepted for {title}: {action_width}", title=robot.title, action_width=robot.action_width),
            )
        )
    elif choices and not robot.discrete:
        found = _("actions are choices (whole numbers from {min:.0f} to {max:.0f})", min=given.min(), max=given.max())
        limit = _(
            "{actions} between {action_limit:g} and {robot_action_limit:g}",
            actions=robot.actions[0],
            action_limit=-robot.action_limit,
            robot_action_limit=robot.action_limit,
        )
        problems.append(Problem(raw.name, found, _("accepted for {title}: {limit}", title=robot.title, limit=limit)))
    elif robot.discrete and two_forces(given) is None and not np.isin(raw.actions, range(len(robot.actions))).any():
        listed = ", ".join(f"{number} ({word})" for number, word in enumerate(robot.actions))
        problems.append(
            Problem(
                raw.name,
                _("no action is one of the robot's choices"),
                _("accepted for {title}: {listed}", title=robot.title, listed=listed),
            )
        )
    return problems


def _good_rows(raw: Raw, robot: Robot) -> np.ndarray:
    """True where every number of the transition can be used; the others are named."""
    reasons = [
        (~_usable(raw.observations), _("has no usable number in its observation")),
        (~_usable(raw.actions), _("has no usable number in its action")),
    ]
    if raw.next_observations is not None:
        reasons.append((~_usable(raw.next_observations), _("has no usable number in its next observation")))
    if robot.discrete:
        reasons.append((~np.isin(raw.actions[:, 0], range(len(robot.actions))), _("has an action that is no choice")))
    good = np.ones(len(raw.observations), bool)
    n = 0
    for wrong, reason in reasons:
        rows = np.flatnonzero(wrong & good)
        good &= ~wrong
        n += len(rows)
        room = max(0, MOST_NAMED - len(raw.skipped))
        raw.skipped += [Skipped(raw.where[row], reason) for row in rows[:room]]
    if n > MOST_NAMED:
        raw.skipped.append(Skipped(raw.name, _("has {n:,} more rows that could not be used", n=n - MOST_NAMED)))
    if not robot.discrete:
        beyond = int(np.sum(np.abs(raw.actions[good]).max(axis=1, initial=0) > robot.action_limit * 1.001))
        if beyond:
            of = _("{beyond:,} of {sum:,} commands", beyond=beyond, sum=int(good.sum()))
            words = _("1 command is") if beyond == 1 else _("{of} are", of=of)
            raw.notes.append(
                _(
                    "{words} beyond ±{action_limit:g} and count as that much.",
                    words=words,
                    action_limit=robot.action_limit,
                )
            )
    return good


def _usable(values: np.ndarray) -> np.ndarray:
    """True (N,) where all numbers of a row are finite and of a size that a robot can have."""
    return np.asarray((np.abs(values) < LARGEST).all(axis=1))  # NaN compares false


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
        order, starts = chained(seen, after, tolerance)
        if len(starts) < 0.3 * len(kept):
            notes.append(
                _("The rows were out of order: they are put back by where each next observation is seen again.")
            )
            kept, declared, follows = kept[order], np.isin(np.arange(len(kept)), starts), np.ones(len(kept), bool)
        else:
            notes.append(
                _("The rows do not follow each other: each is used alone, and nothing can be said of a delay.")
            )
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
