"""What a trial on several sites may ask for. Light: pages read it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

from engines.contract import InputError, Problem, Strategy, Task
from engines.messages import _

STRATEGIES = (Strategy.FEATURES, Strategy.PARTIAL, Strategy.FULL, Strategy.LORA)
"""What may learn in rounds."""
BY = ("class", "group")
"""How data are divided: classes by a Dirichlet distribution, or each patient or speaker whole at one site."""
NAMES = {"fedavg": "FedAvg", "fedprox": "FedProx", "fedadam": "FedAdam"}


@dataclass(frozen=True)
class Asked:
    """A job's arguments, see `api.federating.simulate_job`."""

    sites: int
    alpha: float
    rounds: int
    algorithm: str
    scratch: bool
    lose: frozenset[tuple[int, int]]
    patience: float
    by: str = "class"

    @classmethod
    def read(cls, given: dict[str, Any]) -> Asked:
        """Raises InputError."""
        try:
            lose = frozenset((int(number), int(site)) for number, site in given.get("lose") or ())
            return cls(
                int(given["sites"]),
                float(given["alpha"]),
                int(given["rounds"]),
                str(given["algorithm"]),
                bool(given["scratch"]),
                lose,
                float(given["patience"]),
                str(given.get("by", "class")),
            )
        except (KeyError, TypeError, ValueError):
            accepted = _("accepted: sites, alpha, rounds, algorithm, scratch, lose, patience, by")
            raise InputError(Problem(_("arguments of 'federate'"), _("found {given}", given=given), accepted)) from None


def can(task: Task) -> bool:
    """Whether the task has a federate.py, without importing it."""
    folders = (kind.__module__.rpartition(".")[0] for kind in type(task).__mro__)
    return any(folder and importlib.util.find_spec(f"{folder}.federate") for folder in folders)
