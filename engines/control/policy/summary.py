"""What a run of control came to, as the page reads it and in plain sentences."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from engines.contract import Estimate, Run, Strategy
from engines.control import catalogue
from engines.control.agents import model_files
from engines.control.agents.numpy_policy import Policy
from engines.control.logs.logs import Logs
from engines.control.policy import card_words, explain
from engines.control.policy.prepare import Brought
from engines.control.policy.strategies import IDENTIFIED, RANDOMISED
from engines.control.policy.training.replicate import TrainSpec
from engines.control.policy.training.train import PolicyTrial, TrainOutcome, returns
from engines.control.simulation import sensitivity, video
from engines.control.simulation.environment import Episodes
from engines.control.simulation.target import Target
from engines.evidence.verdict import judge, margin
from engines.messages import _

NO_REAL_STEP = (Strategy.ZERO_SHOT, RANDOMISED)


def notes(target: Target, real: bool, logs: Logs | None, strategy: Strategy) -> list[str]:
    """What is good to know of the robot, before anything learns."""
    found = list(logs.notes) if logs is not None else []
    if not real:
        found.append(
            _(
                "There are only logs of the robot: all returns are those in a simulator fitted to "
                "{logs:,} transitions, not on the robot itself.",
                logs=len(logs or ()),
            )
        )
    if not target.differences() and target.mjcf is None:
        found.append(_("This robot is as its simulator has it: there is no gap to cross."))
    if strategy in NO_REAL_STEP:
        found.append(_("This strategy uses no step of the real robot, other than to be judged there."))
    return found


def details(trial: PolicyTrial, brought: Brought, before: list[Episodes], rival: PolicyTrial | None) -> dict[str, Any]:
    """`Result.details`: the keys are listed in docs/control.md. `before` are the source policy's episodes."""
    spec, learnt, after = trial.spec, trial.outcome, trial.episodes
    robot, replicates = spec.target.robot, learnt.replicates
    source = returns(before)
    zero_shot, value = source.estimate(), trial.scores.estimate()
    worth = margin(is_share=False, rival=zero_shot.value)
    apart = judge(trial.scores.minus(source), "zero_shot", higher_is_better=True, worth=worth)
    known = catalogue.details(spec.kept.folder.name)["return"]
    steps = card_words.Steps(
        real=real_steps(spec, learnt),
        checking=max(int(one.count("checking")) for one in replicates),
        simulated=max(int(one.count("simulated")) for one in replicates),
    )
    return {
        "robot": robot.name,
        "robot_title": robot.title,
        "target": spec.target.to_dict(),
        "kind": brought.kind,
        "real": brought.real,
        "source": {"value": known["value"], "low": known["low"], "high": known["high"], "episodes": 100},
        "real_steps": {
            "budget": spec.real_steps,
            "learning": max(int(one.count("learning")) for one in replicates),
            "checking": steps.checking,
            "judging": sum(each.steps for each in (*before, *after)) + learnt.judging,
        },
        "sim_steps": steps.simulated,
        "curve": own_curve(trial, zero_shot) + ([] if rival is None else points("scratch", rival.curve)),
        "returns": {
            "before": [each.returns.tolist() for each in before],
            "after": [each.returns.tolist() for each in after],
            "scratch": None if rival is None else [each.returns.tolist() for each in rival.episodes],
        },
        "gap_closed": gap_closed(known["value"], zero_shot.value, value.value),
        "against_zero_shot": None if spec.strategy is Strategy.ZERO_SHOT else asdict(apart),
        "scratch_needs": None if rival is None else needs(rival.curve, value.value),
        "identified": brought.identified.to_dict() if brought.identified else replicates[0].identified,
        "kept_source": [one.numbers["best_epoch"] == 0 for one in replicates],
        "stopped_at_leg": [int(one.numbers["stopped"]) if one.numbers.get("stopped") else None for one in replicates],
        "diverged": int(sum(each.diverged.sum() for each in after)),
        "stages": stage_view(spec),
        "head_parameters": (spec.model.correction_parameters if spec.corrects else spec.model.head_parameters) or 0,
        "head_name": "correction" if spec.corrects else "action",
        "input": _(
            "{width} numbers: {name}", width=robot.width, name=", ".join((name for name, _ in robot.observations))
        ),
        "load_snippet": model_files.snippet(spec.source.algorithm),
        "card": card_words.words(
            spec.target,
            steps,
            episodes=spec.settings.episodes,
            repeats=len(spec.repeats),
            real=brought.real,
            logged=spec.logs is not None,
        ),
        "headline": headline(trial, brought.real, zero_shot, value),
        "next": advise(spec, zero_shot, value, known["value"]),
    }


def real_steps(spec: TrainSpec, learnt: TrainOutcome) -> int:
    """What a repeat used of the robot, or the length of the logs."""
    return len(spec.logs) if spec.logs is not None else max(replicate.real_steps for replicate in learnt.replicates)


def own_curve(trial: PolicyTrial, zero_shot: Estimate) -> list[dict[str, Any]]:
    """The points of a run's own series; but from scratch it begins with the source policy."""
    if trial.spec.strategy is Strategy.SCRATCH:
        return points("scratch", trial.curve)
    known = {"mean": zero_shot.value, "low": zero_shot.low, "high": zero_shot.high}
    known |= {"episodes": zero_shot.n, "seeds": zero_shot.seeds}
    return [{"series": "transfer", "real_steps": 0, "sim_steps": 0, **known}, *points("transfer", trial.curve)]


def points(series: str, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The curve's points of one series."""
    names = ("real_steps", "sim_steps", "mean", "low", "high", "episodes", "seeds", "by_seed")
    return [{"series": series, **{name: row[name] for name in names}} for row in history]


def reached(curve: list[dict[str, Any]], wanted: float) -> int | None:
    """After how many real steps the mean return was `wanted` or more."""
    return next((point["real_steps"] for point in curve if point["mean"] >= wanted), None)


def needs(curve: list[dict[str, Any]], wanted: float) -> dict[str, int | None]:
    """How many real steps a policy from scratch needed, of those that it could use."""
    return {"steps": reached(curve, wanted), "within": curve[-1]["real_steps"] if curve else 0}


def gap_closed(in_simulation: float, before: float, after: float) -> float | None:
    """The share of what the source loses on the robot that was won back; None where it loses nothing."""
    return (after - before) / (in_simulation - before) if in_simulation > before else None


def headline(trial: PolicyTrial, real: bool, before: Estimate, after: Estimate) -> str:
    """One sentence: the return before and after, and what it cost."""
    spec = trial.spec
    where = _("on the robot") if real else _("in the simulator fitted to the logs")
    if spec.strategy is Strategy.ZERO_SHOT:
        return _("As it came, the policy gets {value:.0f} {where}.", value=before.value, where=where)
    if spec.strategy is Strategy.SCRATCH:
        return _(
            "From random weights the policy gets {value:.0f} {where}; the source policy gets {before_value:.0f}.",
            value=after.value,
            where=where,
            before_value=before.value,
        )
    steps = real_steps(spec, trial.outcome)
    words = _("with {steps:,} real steps", steps=steps) if steps else _("without a real step")
    return _(
        "From {value:.0f} to {after_value:.0f} {where}, {words}.",
        value=before.value,
        after_value=after.value,
        where=where,
        words=words,
    )


def advise(spec: TrainSpec, before: Estimate, after: Estimate, in_simulation: float) -> dict[str, Any] | None:
    """What to try now, or None."""
    strategy, settable = spec.strategy, spec.target.robot.settable
    if strategy in {Strategy.ZERO_SHOT, Strategy.SCRATCH}:
        if settable:
            text = _(
                "Identify the robot's physics from a few real steps, and tune the policy in the calibrated simulator."
            )
            return {"text": text, "strategy": "identified", "settings": {}}
        text = _("Tune the policy in a simulator whose physics keep changing: that takes no real step.")
        return {"text": text, "strategy": "randomised", "settings": {}}
    if spec.logs is None and after.value <= before.high and in_simulation > before.high:
        if strategy is not IDENTIFIED and settable:
            text = _(
                "It gained little here: identify the robot's physics, and tune the policy in the calibrated simulator."
            )
            return {"text": text, "strategy": "identified", "settings": {}}
        text = _("It gained little here: allow more real steps.")
        return {"text": text, "strategy": str(strategy), "settings": {"real_steps": 2 * spec.real_steps}}
    return None


def stage_view(spec: TrainSpec) -> list[dict[str, Any]]:
    """The layers of the policy, and whether each learns; of a residual policy the source's are all frozen."""
    found = spec.model.stage_view(spec.strategy, 1)
    if spec.corrects:  # the correction stands beside the whole policy, its last layer included
        found.append({"name": "action", "parameters": spec.model.head_parameters, "trainable": False})
    return found


def pictures(spec: TrainSpec, run: Run, act: Policy) -> dict[str, Any]:
    """Films, the return over two physical values, and which sensors count: nice to have, never fatal."""
    source, target, seed = spec.source_policy(), spec.target, spec.judged_by(0)
    run.emit("phase", name="picturing", title=_("Filming both worlds, and trying other physics"))
    films = {
        "source_nominal": (source, spec.simulator),
        "source_target": (source, target),
        "tuned_target": (act, target),
    }
    if spec.strategy is Strategy.ZERO_SHOT:
        del films["tuned_target"]
    with video.filming(run.path / "videos", films, seed=seed) as filmed:  # meanwhile:
        told: dict[str, Any] = {"saliency": explain.saliency(act, target, seed=seed)}
        run.check_cancelled()
        told["sensitivity"] = sensitivity.table(act, target, seed=seed, before=source)
        run.check_cancelled()
        return told | filmed()
