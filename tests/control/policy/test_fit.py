"""A study of control: what a trial is, alone or with its repeats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import lifecycle, registry
from engines.contract import InputError, Recipe, Strategy
from engines.control.logs import logs
from engines.control.policy.fit import PolicyStudy
from engines.control.policy.strategies import IDENTIFIED
from engines.control.simulation.target import Target
from engines.runs import RunFolder
from engines.trial_runs import TrialRun
from tests import tiny_control

pytestmark = pytest.mark.usefixtures("one_thread")
TASK = registry.task("control.policy")


def study(folder: Path, strategy: Strategy, data: Path | None = None, **settings: Any) -> PolicyStudy:
    data = data or tiny_control.write_target(folder / "data")
    chosen = {**tiny_control.SETTINGS, **settings}
    recipe = Recipe("control.policy", str(data), "pendulum", strategy, seed=4, settings=chosen)
    found = TASK.open(recipe, RunFolder.create(recipe, folder / "run"))
    assert isinstance(found, PolicyStudy)
    return found


def test_a_seed_alone_is_one_of_the_repeats_of_a_run(tmp_path: Path) -> None:
    found = study(tmp_path, Strategy.FULL)
    together = found.trial(Strategy.FULL)
    for number, outcome in enumerate(together.scores.outcomes):
        own = TrialRun(found.run, f"seed-{number}")
        (alone,) = found.trial(Strategy.FULL, seed=4 + number, budget=tiny_control.REAL_STEPS, run=own).scores.outcomes
        assert alone.tolist() == outcome.tolist()
    state = together.state()
    assert sum(value.numel() for value in state.values()) == together.trainable
    assert all(name.startswith("actor.") for name in state)
    items = found.items()
    assert items.groups.tolist() == [0, 0, 1, 1]
    assert len(items.weights) == len(items.strata) == together.scores.n == 4


def test_as_it_came_a_policy_is_judged_in_each_seeds_own_worlds(tmp_path: Path) -> None:
    """Nothing learns, but a comparison is only paired where both played in the same worlds."""
    found = study(tmp_path, Strategy.ZERO_SHOT, epochs=1)
    before = found.before()["zero_shot"].outcomes
    compared = lifecycle.compare(TASK, found.recipe, RunFolder.create(found.recipe, tmp_path / "compare"), [60], 2)
    assert not np.array_equal(before[0], before[1])
    assert compared["points"][0]["mean"] == pytest.approx(np.mean(before))


def test_logs_alone_allow_no_comparison(tmp_path: Path) -> None:
    data = logs.write_csv(logs.record(None, Target.parse(tiny_control.TARGET), 60, seed=1), tmp_path / "log.csv")
    found = study(tmp_path, IDENTIFIED, data, baseline="scratch")
    assert not found.compares
    with pytest.raises(InputError, match=r"^data: there are only logs of the robot; accepted here: a target descr"):
        assert found.budgets
