"""The task control.policy: a policy from the simulator meets the real robot, and the gap is crossed."""

from __future__ import annotations

from pathlib import Path

from engines.contract import InputError, Metric, ModelCard, Problem, Sample, Settings, Task, TaskInfo, Words
from engines.control import catalogue, samples
from engines.control.policy.settings import ControlSettings
from engines.control.policy.strategies import IDENTIFIED, OFFERS
from engines.messages import _


class ControlPolicy(Task):
    """Crossing the gap between simulation and reality, with every real step counted."""

    info = TaskInfo(
        name="control.policy",
        title=_("Control"),
        unit=_("episodes"),
        metric=Metric(
            "return",
            _("Return"),
            _("The sum of the rewards of an episode on the robot, as a mean over episodes and seeds."),
            higher_is_better=True,
        ),
        offers=OFFERS,
        usual=IDENTIFIED,
        formats=(
            _("a description of the real robot (JSON: env, physics, delay, action_gain, observation_noise)"),
            _("the robot's MuJoCo model (XML), for MuJoCo robots"),
            _("logged transitions of the real robot (CSV, JSONL, NPZ, or a Minari or D4RL dataset)"),
        ),
        accepts=("json", "xml", "csv", "tsv", "jsonl", "xlsx", "parquet", "npz", "hdf5", "h5", "zip"),
        exports=("sb3", "onnx", "script"),
        default_model=catalogue.DEFAULT,
        pipeline_tag="reinforcement-learning",
        library="stable-baselines3",
        no_target=_(
            "control has its own form of this, domain randomisation: "
            "the policy learns in many simulated worlds, so that a new one is among them"
        ),
        rival="zero_shot",
        learning="steps",
        words=Words(
            question=_("How should it cross the gap?"),
            next_question=_("how to cross the gap?"),
            compare=_("Also train a policy from scratch on the robot"),
            compare_help=_(
                "From random numbers, with more real steps than yours may use: only then can the result say how "
                "many it takes to get as far."
            ),
            brought=_("its description, its model or its logs"),
            head="action",
        ),
        on_card=False,
    )
    settings = ControlSettings

    def models(self) -> list[ModelCard]:
        return list(catalogue.cards())

    def describe(self, model: str) -> ModelCard:
        if (known := catalogue.find(model)) is not None:
            return known
        listed = ", ".join(card.name for card in catalogue.cards())
        raise InputError(
            Problem(_("model {model}", model=model), _("there is no such policy"), _("known: {listed}", listed=listed))
        )

    def model_for(self, data: Path, settings: Settings | None = None) -> str:
        """The policy for the robot that the data are of."""
        from engines.control.policy import prepare

        found = prepare.opened(data, self.own(settings).how())
        robot = found.robot
        names = catalogue.suggested(robot.name)
        if not names:
            listed = ", ".join(dict.fromkeys(card.title.partition(",")[0] for card in catalogue.cards()))
            raise InputError(
                Problem(
                    data.name,
                    _("there is no policy for {title} yet", title=robot.title),
                    _("known: {listed}", listed=listed),
                )
            )
        return names[0]

    def samples(self) -> list[Sample]:
        return samples.samples()

    def make_sample(self, name: str, out: Path) -> Path:
        return samples.make_sample(name, out)
