"""How control crosses the gap between simulation and reality: two ways of its own, and its words for the others."""

from __future__ import annotations

from engines.contract import Strategy, StrategyInfo
from engines.messages import _

RANDOMISED = Strategy("randomised")
"""Tuned in a simulator whose physics are redrawn; no real step."""
IDENTIFIED = Strategy("identified")
"""Physics identified from real steps, then tuned in the calibrated simulator."""

OFFERS = (
    StrategyInfo(
        Strategy.ZERO_SHOT,
        _("As it came"),
        _("The policy from the simulator plays on your robot; nothing learns."),
        _("To see how wide the gap is."),
    ),
    StrategyInfo(
        RANDOMISED,
        _("Vary the simulator"),
        _("The policy is tuned in a simulator whose physics are drawn anew in every episode. It takes no real step."),
        _("No real step is to be had, and you can say how far off the physics may be."),
    ),
    StrategyInfo(
        IDENTIFIED,
        _("Measure, then tune"),
        _("A few real steps tell which physics your robot has; then the policy is tuned in a simulator that has them."),
        _("Real steps are dear: most of the learning happens in the simulator."),
    ),
    StrategyInfo(
        Strategy.FEATURES,
        _("Small correction"),
        _("The policy stays as it came; a small correction is learnt on top of it, on the robot."),
        _("The policy nearly works, and must not lose what it can."),
    ),
    StrategyInfo(
        Strategy.FULL,
        _("Tune on the robot"),
        _(
            "All of the policy goes on learning on the robot, in small steps, with its experience from the "
            "simulator mixed in. It stops and goes back when it gets worse."
        ),
        _("A few thousand real steps, and a robot that no simulator describes."),
    ),
    StrategyInfo(
        Strategy.SCRATCH,
        _("From scratch"),
        _("A policy learns on the robot, starting from random numbers."),
        _("The comparison: what the real steps alone can teach."),
    ),
)
