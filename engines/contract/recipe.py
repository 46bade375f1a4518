"""Everything needed to repeat a run."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Any

from engines.contract.files import fields_of, written
from engines.contract.strategies import Strategy

QUOTING = ("corrections", "transcripts")
"""Settings that quote the data: the names of examples, or what is said in them."""


@dataclass(frozen=True)
class Recipe:
    """Everything needed to repeat a run: it is written to the run folder before anything trains."""

    task: str
    data: str
    """Absolute path of a folder, a zip or a file."""
    model: str
    strategy: Strategy
    test: str | None = None
    """Absolute path of separate test data; None splits `data`."""
    seed: int = 0
    settings: dict[str, Any] = field(default_factory=dict)
    """Only what differs from the task's defaults."""
    title: str = ""
    """What a person calls this run; renaming changes nothing else."""
    data_sha256: str | None = None
    """Filled when the data are read: a hash over every example's bytes and label."""
    versions: dict[str, str] = field(default_factory=dict)
    """Library versions at the time of the run."""
    created: float = field(default_factory=time.time)
    target: str | None = None
    """Absolute path of data of a new domain, without labels, that the model is adapted to; None for none."""

    start: str | None = None
    """Absolute path of what is kept of a finished run that the model goes on from; None for the model as it comes."""

    def again(self, settings: dict[str, Any], strategy: Strategy | None = None) -> Recipe:
        """The same asked for anew, with these settings, and by `strategy` where one is named."""
        own = strategy or self.strategy
        return replace(self, settings=settings, strategy=own, data_sha256=None, versions={}, created=time.time())

    def without_data(self) -> Recipe:
        """What others may know of it: not where the data lie, for that path is the key to an upload, and no setting
        that quotes them. Their digest stays: it tells whether other data are the same."""
        settings = {name: value for name, value in self.settings.items() if name not in QUOTING}
        return replace(
            self,
            data="",
            test="" if self.test else None,
            target="" if self.target else None,
            start=None if self.start is None else "",
            settings=settings,
        )

    def to_json(self) -> str:
        return written(self, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Raises InputError for a recipe of a newer version."""
        values = fields_of(cls, text, "recipe.json")
        return cls(**{**values, "strategy": Strategy(values["strategy"])})
