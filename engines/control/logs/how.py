"""What a person may say of how their log is to be read. Light: the settings are made of it."""

from __future__ import annotations

from dataclasses import dataclass

from engines.messages import _

AS_THEY_ARE, SCALED, MIRRORED = _("as they are"), _("scaled to one"), _("other sign")
COMMANDS = ("auto", AS_THEY_ARE, SCALED, MIRRORED)
ANGLES = ("auto", "radians", "degrees")
THIS_ROW, NEXT_ROW = _("this row"), _("next row")
ACTION_ROWS = ("auto", THIS_ROW, NEXT_ROW)


@dataclass(frozen=True)
class How:
    """How a log is read; None and 'auto' where nobody said anything."""

    robot: str | None = None
    sensors: str | None = None
    """What the observation's numbers are, in their order: the robot's sensors, separated by commas."""
    observation_columns: str | None = None
    """Columns (or an array), separated by commas; so are the further ones."""
    next_observation_columns: str | None = None
    action_columns: str | None = None
    reward_column: str | None = None
    end_column: str | None = None
    """The column that is true where an episode ended."""
    time_column: str | None = None
    commands: str = "auto"
    """One of COMMANDS."""
    angles: str = "auto"
    """One of ANGLES."""
    action_row: str = "auto"
    """One of ACTION_ROWS: where the command that was given at a row's observation stands."""
    accept_guesses: bool = False

    def named(self, part: str) -> list[str]:
        """The columns that a person named for one part of a transition ('observations', 'rewards', …); empty for
        none."""
        given: str | None = getattr(self, SETTINGS[part]) if part in SETTINGS else None
        return [name.strip() for name in given.split(",") if name.strip()] if given else []

    def of_observations(self) -> dict[str, str]:
        """What another file of observations is to be read by, where a person (or a guess) said anything."""
        said = {"sensors": self.sensors, "observation_columns": self.observation_columns, "angles": self.angles}
        return {name: value for name, value in said.items() if value is not None and value != "auto"}


AS_FOUND = How()

SETTINGS = {
    "observations": "observation_columns",
    "next_observations": "next_observation_columns",
    "actions": "action_columns",
    "rewards": "reward_column",
    "terminated": "end_column",
    "step": "time_column",
}
"""Part of a transition -> the setting that names its columns."""
