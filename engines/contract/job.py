"""One kind of job, whatever is to be done: a fit, a comparison, and what later floors add."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

from engines.contract.files import SCHEMA, fields_of
from engines.contract.recipe import Recipe


@dataclass(frozen=True)
class Resources:
    """What a job asks of the machine that it is given."""

    gpus: int = 1
    """Graphics cards, where the machine has any."""
    memory_bytes: int = 0
    """0 where it is not known."""


@dataclass(frozen=True)
class Job:
    """What a worker is asked to do with a recipe."""

    recipe: Recipe
    verb: str = "fit"
    """'fit', 'compare', 'sweep', 'search', 'merge', 'federate', 'lead', or of a finished run 'longer': its baseline
    goes on."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """What the verb asks besides: of 'compare', budgets and seeds; of 'sweep', seeds and perhaps blocks; of 'search',
    see `search.plan.Plan`."""
    resources: Resources = Resources()
    owner: str = ""
    """Who asked for it: a fair queue goes round by it."""
    priority: int = 0
    """A higher one goes first."""

    def to_json(self) -> str:
        """job.json: all but the recipe, which has a file of its own."""
        values = dataclasses.asdict(self)
        del values["recipe"]
        return json.dumps({"schema": SCHEMA, **values}, indent=2, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str, recipe: Recipe) -> Job:
        """The job that `to_json` wrote. Raises InputError for one of a newer version."""
        values = fields_of(cls, text, "job.json")
        resources = fields_of(Resources, json.dumps(values["resources"]), "job.json")
        return cls(recipe, **{**values, "resources": Resources(**resources)})
