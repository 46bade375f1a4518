"""The task control.policy: a policy from the simulator meets the real robot, and the gap is crossed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from engines.contract import (
    DataReport,
    InputError,
    ModelCard,
    Predictor,
    Problem,
    Progress,
    Recipe,
    Result,
    Run,
    Sample,
    Settings,
    Strategy,
    Task,
    TaskInfo,
    Verdict,
)
from engines.control import catalogue
from engines.control.settings import ControlSettings


class ControlPolicy(Task):
    """Crossing the gap between simulation and reality, with every real step counted."""

    info = TaskInfo(
        name="control.policy",
        title="Control",
        unit="episodes",
        metric="return",
        metric_title="Return",
        metric_help="The sum of the rewards of an episode on the robot, as a mean over episodes and seeds.",
        higher_is_better=True,
        strategies=(
            Strategy.IDENTIFIED,
            Strategy.RANDOMISED,
            Strategy.FEATURES,
            Strategy.FULL,
            Strategy.SCRATCH,
            Strategy.ZERO_SHOT,
        ),
        formats=(
            "a description of the real robot (JSON: env, physics, delay, action_gain, observation_noise)",
            "the robot's MuJoCo model (XML), for MuJoCo robots",
            "logged transitions of the real robot (CSV, NPZ or a Minari dataset)",
        ),
        exports=("sb3", "onnx", "script"),
        default_model=catalogue.DEFAULT,
        rival="zero_shot",
        suggested=Strategy.IDENTIFIED,
    )
    settings = ControlSettings

    def models(self) -> list[ModelCard]:
        return list(catalogue.cards())

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        listed = ", ".join(card.name for card in catalogue.cards())
        raise InputError(Problem(f"model {model}", "there is no such policy", f"known: {listed}"))

    def model_for(self, data: Path, settings: Settings | None = None) -> str:
        """The policy for the robot that the data are of."""
        from engines.control import bringing

        chosen = settings if isinstance(settings, ControlSettings) else ControlSettings()
        found = bringing.read(data, chosen.robot)
        robot = found.robot
        names = catalogue.suggested(robot.name)
        if not names:
            listed = ", ".join(dict.fromkeys(card.title.partition(",")[0] for card in catalogue.cards()))
            raise InputError(Problem(data.name, f"there is no policy for {robot.title} yet", f"known: {listed}"))
        return names[0]

    def samples(self) -> list[Sample]:
        from engines.control import samples

        return samples.samples()

    def make_sample(self, name: str, out: Path) -> Path:
        from engines.control import samples

        return samples.make_sample(name, out)

    def check(
        self,
        data: Path,
        *,
        seed: int = 0,
        settings: Settings | None = None,
        gallery: Path | None = None,
        test: Path | None = None,
        progress: Progress | None = None,
    ) -> DataReport:
        from engines.control import checking

        chosen = settings if isinstance(settings, ControlSettings) else ControlSettings()
        return checking.report(self.info, data, chosen, gallery=gallery, test=test, progress=progress)

    def fit(self, recipe: Recipe, run: Run) -> Result:
        from engines.control import outcome

        return outcome.fit(self.info, recipe, self.describe(recipe.model), run)

    def compare(
        self, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int
    ) -> tuple[list[dict[str, Any]], Verdict]:
        from engines.control import comparison

        return comparison.compare(self.info, recipe, run, list(budgets), seeds)

    def load(self, run: Path) -> Predictor:
        from engines.control import predicting

        return predicting.Controller(run)

    def explain(
        self, run: Path, data: Path, out: Path, *, method: str | None = None, example: str | None = None
    ) -> list[dict[str, Any]]:
        from engines.control import explaining

        return explaining.explain(run, data, out, method=method, example=example)

    def export(self, run: Path, format: str, out: Path) -> Path:
        self.require_offered(format)
        if format == "script":
            from engines.control import to_script

            return to_script.export(run, out)
        if format == "onnx":
            from engines.control import to_onnx

            return to_onnx.export(run, out)
        from engines.control import to_sb3

        return to_sb3.export(run, out)
