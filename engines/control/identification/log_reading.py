"""A log as it is opened by everybody: whose it is, how it is read, and whether the simulator explains it at all."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from engines.contract import InputError, Problem, ReadAs
from engines.control.identification.explained import Foretold, foretold
from engines.control.identification.mistakes import Reading, better_reading, looks, other_step
from engines.control.identification.short_fit import enough
from engines.control.logs import reading
from engines.control.logs.how import How
from engines.control.logs.log_files import read_raw
from engines.control.logs.logs import Logs, candidates, of
from engines.control.logs.raw import Raw
from engines.control.simulation.robots import ROBOTS, Robot
from engines.control.simulation.rollouts import stepper
from engines.messages import _, told

NEARLY = 0.5
"""Of the next robot's error, above which a robot's is no clear sign."""


def opened(path: Path, how: How) -> Logs:
    """The transitions in a file, a folder or a zip, with what was guessed of them.

    Raises InputError for what is no log, or one of a robot whose physics no log tells; for a log that two readings
    explain alike (with the choices), and for one that no physics explain: where guesses are accepted the likelier
    reading is taken, and what is not explained is said.
    """
    raw = read_raw(path, how)
    logs, scores = _whose(raw, how)
    enough(logs, stepper(logs.robot))
    found = foretold(logs)
    better = better_reading(raw, logs, how, found) if found and (found.doubtful or found.far_off) else None
    if found is not None and better is not None:
        return _asked(raw, logs, how, scores, found, better)
    if found is None or not found.doubtful:
        return _told(raw, logs, how, scores, [f"{step[:1].upper()}{step[1:]}." for step in other_step(logs)])
    notes = [not_explained(logs, found)]
    if found.unexplained and not how.accept_guesses:
        raise InputError(Problem(raw.name, notes[0], _accepted(logs.robot)))
    return _told(raw, logs, how, scores, [f"{notes[0][:1].upper()}{notes[0][1:]}."])


def not_explained(logs: Logs, found: Foretold) -> str:
    """That the simulator lacks something, by how much, and what may be wrong by the log's look."""
    title = logs.robot.title
    begins = (
        _("no physics of {title} explain this log", title=title)
        if found.unexplained
        else _("{title}'s physics do not explain all", title=title)
    )
    said = _("{begins}: its simulator, with those that fit best, is off by {words}", begins=begins, words=found.words())
    return "; ".join([said, *looks(logs)])


def _accepted(robot: Robot) -> str:
    seen = ", ".join(f"{name} ({unit})" if unit else name for name, unit in robot.observations[:6])
    more = _(" and {width} more", width=robot.width - 6) if robot.width > 6 else ""
    return _(
        "accepted: {seen}{more}, in this order and unit, and the commands as they were "
        "given; accept_guesses goes on all the same",
        seen=seen,
        more=more,
    )


# --- whose it is ----------------------------------------------------------------------------------


def _whose(raw: Raw, how: How) -> tuple[Logs, dict[str, Foretold]]:
    """The log of the robot that explains it best; and how well each explains it, where there are several."""
    fitting = candidates(raw, how)
    if len(fitting) == 1:
        return of(raw, fitting[0], how), {}
    read = {robot.name: of(raw, robot, how) for robot in fitting}
    scores = {name: found for name, logs in read.items() if (found := foretold(logs)) is not None}
    ordered = sorted(scores, key=lambda name: scores[name].simulator)
    if len(ordered) < len(fitting) or scores[ordered[0]].simulator > NEARLY * scores[ordered[1]].simulator:
        if not how.accept_guesses:
            said = _("the log may be of ") + _(" or ").join(
                _scored(read[name].robot, scores.get(name)) for name in read
            )
            raise InputError(Problem(_("setting robot"), said, _("say which it is"), choices=tuple(ordered or read)))
        ordered = ordered or list(read)
    return read[ordered[0]], scores


def _scored(robot: Robot, found: Foretold | None) -> str:
    return (
        robot.title
        if found is None
        else _("{title} (off by {simulator:.2g} usual spreads a step)", title=robot.title, simulator=found.simulator)
    )


# --- how it is read -------------------------------------------------------------------------------


def _asked(
    raw: Raw, logs: Logs, how: How, scores: dict[str, Foretold], now: Foretold, better: tuple[Reading, Foretold]
) -> Logs:
    """With the better reading, where guesses are accepted; else InputError with both as choices."""
    other, found = better
    why = _(
        "as it stands the simulator of {title} is off by {simulator:.2g} usual spreads a "
        "step, with whatever physics, and by {found_simulator:.2g} {words}",
        title=logs.robot.title,
        simulator=now.simulator,
        found_simulator=found.simulator,
        words=other.words,
    )
    if not how.accept_guesses:
        problem = Problem(
            _("setting {setting}", setting=other.setting), why, _("say which it is"), choices=(other.value, other.usual)
        )
        raise InputError(problem)
    guess = ReadAs(
        told(_TITLES)[other.setting], other.value, [other.usual], other.setting, f"{why[:1].upper()}{why[1:]}."
    )
    return _told(raw, of(raw, logs.robot, other.of(how)), other.of(how), scores, [], [guess])


_TITLES = {
    "sensors": _("observation's numbers"),
    "angles": "angles",
    "commands": "commands",
    "action_row": _("row of the command"),
}


def _told(
    raw: Raw, logs: Logs, how: How, scores: dict[str, Foretold], notes: Sequence[str], guesses: Sequence[ReadAs] = ()
) -> Logs:
    """The log with all that was guessed of it."""
    if scores:
        others = ", ".join(_scored(ROBOTS[name], scores[name]) for name in scores if name != logs.robot.name)
        notes = [
            _(
                "It is read as a log of {scored}, not of {others}.",
                scored=_scored(logs.robot, scores.get(logs.robot.name)),
                others=others,
            ),
            *notes,
        ]
    by = [_scored(ROBOTS[name], scores[name]) for name in sorted(scores, key=lambda n: scores[n].simulator)]
    read_as = reading.read_as(
        raw, logs, how, _("By how well a step is foretold: {by}.", by=", ".join(by)) if by else ""
    )
    if logs.scaled_by != 1:
        notes = [*notes, _perhaps_scaled(logs)]
    asked = {guess.setting for guess in guesses}
    return dataclasses.replace(
        logs,
        notes=[*logs.notes, *notes],
        read_as=[*(guess for guess in read_as if guess.setting not in asked), *guesses],
    )


def _perhaps_scaled(logs: Logs) -> str:
    limit = logs.robot.action_limit
    return _(
        "No command is beyond ±1, and {title} takes up to ±{limit:g}. If they were scaled to "
        "one, say so (setting commands): a log cannot tell weaker motors from a heavier "
        "robot, and until then the intervals hold both.",
        title=logs.robot.title,
        limit=limit,
    )
