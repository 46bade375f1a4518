"""The knobs of control. Light: pages read it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from engines.contract import Range, Settings, Strategy, Tried, setting
from engines.control.logs.how import ACTION_ROWS, ANGLES, COMMANDS, How
from engines.control.policy.guard import Guard
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.simulation.robots import ROBOTS
from engines.messages import _

MOST_STEPS = 10_000_000


@dataclass(frozen=True)
class ControlSettings(Settings):
    """How much of the real robot may be used, and how the policy learns. What is None follows robot and strategy."""

    default_real_steps: ClassVar[Mapping[str, int]] = {
        "pendulum": 1_000,
        "cartpole": 1_000,
        "lunarlander": 10_000,
        "bipedalwalker": 20_000,
        "invertedpendulum": 1_000,
        "hopper": 2_000,
        "halfcheetah": 2_000,
        "reacher": 1_000,
    }
    default_sim_steps: ClassVar[Mapping[str, int]] = {
        "pendulum": 40_000,
        "cartpole": 24_000,
        "lunarlander": 60_000,
        "bipedalwalker": 60_000,
        "invertedpendulum": 12_000,
        "hopper": 40_000,
        "halfcheetah": 40_000,
        "reacher": 24_000,
    }
    default_epochs: ClassVar[Mapping[Strategy, int]] = {
        IDENTIFIED: 2,
        RANDOMISED: 4,
        Strategy.FEATURES: 4,
        Strategy.FULL: 4,
        Strategy.SCRATCH: 8,
    }

    searched: ClassVar[Mapping[str, Tried]] = {"learning_rate": Range(1e-4, 1e-3, log=True)}

    robot: str | None = setting(
        None, _("The robot that logs come from; by default it is guessed"), choices=tuple(ROBOTS), reads=True
    )
    sensors: str | None = setting(
        None,
        _("What the numbers of a log's observation are: the robot's sensors, in their order, separated by commas"),
        reads=True,
    )
    observation_columns: str | None = setting(
        None, _("The columns of the observation in a log, in their order, separated by commas"), reads=True
    )
    next_observation_columns: str | None = setting(
        None, _("The columns of the next observation in a log; without them the next row's is taken"), reads=True
    )
    action_columns: str | None = setting(
        None, _("The columns of the command in a log, separated by commas"), reads=True
    )
    reward_column: str | None = setting(None, _("The column of the reward in a log"), reads=True)
    end_column: str | None = setting(None, _("The column that says where an episode ends in a log"), reads=True)
    time_column: str | None = setting(None, _("The column of the time, or of the step's number, in a log"), reads=True)
    commands: str = setting(
        "auto",
        _("How a log's commands are to be taken: in the robot's unit, or scaled to one"),
        choices=COMMANDS,
        reads=True,
    )
    angles: str = setting("auto", _("The unit of a log's angles"), choices=ANGLES, reads=True)
    action_row: str = setting(
        "auto", _("Where the command that follows an observation stands in a log"), choices=ACTION_ROWS, reads=True
    )
    real_steps: int | None = setting(
        None,
        _("Steps of the real robot that may be used; by default what suits the robot"),
        title=_("Real steps"),
        group="often",
        low=1,
        high=MOST_STEPS,
    )
    sim_steps: int | None = setting(
        None,
        _("Steps in the simulator, which cost nothing real; by default what suits the robot"),
        title=_("Steps in the simulator"),
        group="often",
        low=1,
        high=MOST_STEPS,
    )
    episodes: int = setting(
        20,
        _("Episodes that each policy is judged on at the end"),
        title=_("Episodes to judge by"),
        group="often",
        low=2,
        high=1_000,
    )
    repeats: int = setting(
        3,
        _("How often all is learnt, from different seeds; the result is their mean"),
        title=_("Repeats"),
        group="often",
        low=1,
        high=20,
    )
    epochs: int | None = setting(
        None,
        _("Parts that the steps are used in; after each the policy is looked at"),
        title=_("Parts of the training"),
        low=1,
        high=1_000,
    )
    max_seconds: float | None = setting(
        None, _("Stop learning after this many seconds"), title=_("Stop after seconds"), group="often", low=1
    )
    learning_rate: float | None = setting(
        None,
        _("Step size; by default the source's own, and a third of it on real steps"),
        title=_("Learning rate"),
        low=1e-7,
        high=1.0,
    )
    updates: float | None = setting(
        None,
        _("Gradient steps for each step of the robot; by default what suits strategy and robot"),
        title=_("Updates for each step"),
        low=0.01,
        high=50.0,
    )
    spread: float = setting(
        0.3,
        _("With 'randomised': how far the physics are redrawn, as a share of their values"),
        title=_("How far physics are redrawn"),
        low=0.0,
        high=0.9,
    )
    exploration: float = setting(
        0.3,
        _("With 'identified': random part of the actions that the logs are made with"),
        title=_("Random part of the actions"),
        low=0.0,
        high=1.0,
    )
    limit: float = setting(
        0.5,
        _("With 'features': the largest correction of an action, as a share of the largest action"),
        title=_("Largest correction"),
        low=0.01,
        high=2.0,
    )
    source_share: float = setting(
        0.5,
        _("With 'full': share of the source's own experience in what is learnt from"),
        title=_("Share of old experience"),
        low=0.0,
        high=0.95,
    )
    check_share: float = setting(
        0.25,
        _("With 'full' and 'features': share of the real steps that goes into checking for a dip"),
        title=_("Share of steps for checks"),
        low=0.0,
        high=0.9,
    )
    baseline: str = setting("none", _("Also train a policy from random weights"), choices=("none", "scratch"))
    scratch_times: int = setting(
        4,
        _("How many times the budget the baseline may use, to see when it gets as far"),
        title=_("Budget of the baseline, in times"),
        low=1,
        high=100,
    )
    pictures: bool = setting(
        True, _("Also record videos and how the return depends on the physics"), title=_("Record videos")
    )
    device: str = setting(
        "auto",
        _("Where to train; small networks learn fastest on the processor"),
        title=_("Where it trains"),
        choices=("auto", "cpu"),
    )

    def how(self) -> How:
        """How logs are to be read."""
        return How(**{field.name: getattr(self, field.name) for field in dataclasses.fields(How)})

    def real_steps_for(self, robot: str, strategy: Strategy | None = None) -> int:
        """The budget; what learns on the robot itself needs at least four episodes of it, see `guard.Guard`."""
        default = self.default_real_steps[robot]
        if strategy in {Strategy.FULL, Strategy.FEATURES} and self.check_share:
            default = max(default, Guard.least(ROBOTS[robot].steps))
        return self.real_steps or default

    def sim_steps_for(self, robot: str) -> int:
        return self.sim_steps or self.default_sim_steps[robot]

    def epochs_for(self, strategy: Strategy) -> int:
        return self.epochs or self.default_epochs[strategy]

    def splits(self, robot: str, strategy: Strategy | None = None) -> dict[str, int]:
        """What a run uses: real steps to learn from, and episodes that it is judged on, over all repeats."""
        return {"train": self.real_steps_for(robot, strategy), "validation": 0, "test": self.episodes * self.repeats}
