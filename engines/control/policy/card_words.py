"""What a control run's model card says in words of its own: learnt from what, tested on what, what is unknown."""

from __future__ import annotations

from dataclasses import dataclass

from engines.control.policy.check import difference
from engines.control.simulation.target import Target
from engines.messages import _

UNTRIED = _(
    "Nobody has tried this policy on the robot: the return is that of a simulator fitted to the "
    "robot's logs, and says as much about the robot as that simulator does."
)
SIMULATED = _(
    "The robot here is a simulator with other physics. A machine differs in more than that: try the "
    "policy on it slowly and within safe limits first. The return holds for this robot alone; for "
    "another one it has to be measured again."
)


@dataclass(frozen=True)
class Steps:
    """Those of one repeat."""

    real: int
    """On the robot, or logged."""
    checking: int
    """The real ones that nothing was learnt from."""
    simulated: int


def words(
    target: Target, steps: Steps, *, episodes: int, repeats: int, real: bool, logged: bool = False
) -> dict[str, str]:
    """For `Result.details["card"]`. `real` is False where the robot that was judged on is a simulator fitted to
    logs."""
    learnt = f"{steps.real:,} {'logged steps of the robot' if logged else 'real steps'}"
    learnt += _(" and {simulated:,} simulated ones", simulated=steps.simulated) if steps.simulated else ""
    times = _(", {repeats} times from different seeds", repeats=repeats) if repeats > 1 else ""
    of_each = _(", {episodes} for each of {repeats} seeds", episodes=episodes, repeats=repeats) if repeats > 1 else ""
    checked = _("{checking:,} of the real steps checked how it was doing.", checking=steps.checking)
    return {
        "learnt_from": learnt + times,
        "tested_on": _("episodes of {described}{of_each}", described=described(target), of_each=of_each),
        "chosen_by": checked if steps.checking else _("No real step was spent on checking."),
        "limits": SIMULATED if real else UNTRIED,
    }


def described(target: Target) -> str:
    """'Pendulum with mass 1.4 kg instead of 1', or 'Pendulum as it is simulated'."""
    changes = [difference(parameter, value) for parameter, value in target.differences()]
    if target.mjcf is not None:
        changes.insert(0, _("a MuJoCo model of its own"))
    return (
        _("{title} with {changes}", title=target.robot.title, changes=", ".join(changes))
        if changes
        else _("{title} as it is simulated", title=target.robot.title)
    )
