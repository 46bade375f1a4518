"""What a run of control came to, as the page reads it and in plain sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engines.contract import Estimate, Run, Strategy
from engines.control import card_words, catalogue, keeping
from engines.control.acting import Policy
from engines.control.lesson import Lesson
from engines.control.logs import Logs
from engines.control.target import Target

if TYPE_CHECKING:
    from engines.control.learner import Learnt
    from engines.control.outcome import Brought
    from engines.control.world import Episodes

NO_REAL_STEP = (Strategy.ZERO_SHOT, Strategy.RANDOMISED)


def notes(target: Target, real: bool, logs: Logs | None, strategy: Strategy) -> list[str]:
    """What is good to know of the robot, before anything learns."""
    found = list(logs.notes) if logs is not None else []
    if not real:
        found.append(
            f"There are only logs of the robot: all returns are those in a simulator fitted to {len(logs or ()):,} "
            "transitions, not on the robot itself."
        )
    if not target.differences() and target.mjcf is None:
        found.append("This robot is as its simulator has it: there is no gap to cross.")
    if strategy in NO_REAL_STEP:
        found.append("This strategy uses no step of the real robot, other than to be judged there.")
    return found


def details(
    lesson: Lesson, brought: Brought, learnt: Learnt, before: list[Episodes], after: list[Episodes],
    zero_shot: Estimate, value: Estimate, compared: dict[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """`Result.details`: the keys are listed in docs/control.md."""
    robot, strategy = lesson.target.robot, lesson.strategy
    own = "scratch" if strategy is Strategy.SCRATCH else "transfer"
    start = {
        "series": own, "real_steps": 0, "sim_steps": 0, "mean": zero_shot.value, "low": zero_shot.low,
        "high": zero_shot.high, "episodes": zero_shot.n, "seeds": zero_shot.seeds,
    }  # fmt: skip
    known = catalogue.details(lesson.kept.folder.name)["return"]
    pupil = learnt.pupils[0]
    found: dict[str, Any] = {
        "robot": robot.name,
        "robot_title": robot.title,
        "target": lesson.target.to_dict(),
        "kind": brought.kind,
        "real": brought.real,
        "source": {"value": known["value"], "low": known["low"], "high": known["high"], "episodes": 100},
        "real_steps": {
            "budget": lesson.real_steps,
            "learning": max(int(p.count("learning")) for p in learnt.pupils),
            "checking": max(int(p.count("checking")) for p in learnt.pupils),
            "judging": sum(e.steps for e in (*before, *after)) + learnt.judging,
        },
        "sim_steps": max(int(p.count("simulated")) for p in learnt.pupils),
        "curve": ([] if own == "scratch" else [start]) + points(own, learnt.progress.history),
        "returns": {
            "before": [e.returns.tolist() for e in before],
            "after": [e.returns.tolist() for e in after],
            "scratch": None if compared["returns"] is None else [each.tolist() for each in compared["returns"]],
        },
        "gap_closed": gap_closed(known["value"], zero_shot.value, value.value),
        "scratch_needs": compared["needs"],
        "identified": brought.identified.to_dict() if brought.identified else pupil.identified,
        "kept_source": [p.numbers["best_epoch"] == 0 for p in learnt.pupils],
        "stopped_at_leg": [int(p.numbers["stopped"]) if p.numbers.get("stopped") else None for p in learnt.pupils],
        "diverged": int(sum(e.diverged.sum() for e in after)),
        "stages": drawn(lesson),
        "head_parameters": head(lesson),
        "head_name": "correction" if corrects(lesson) else "action",
        "input": f"{robot.width} numbers: {', '.join(name for name, _ in robot.observations)}",
        "load_snippet": keeping.snippet(lesson.source.algorithm),
        "card": card_words.words(
            lesson.target,
            real=brought.real,
            real_steps=real_steps(lesson, learnt),
            checking=max(int(p.count("checking")) for p in learnt.pupils),
            sim_steps=max(int(p.count("simulated")) for p in learnt.pupils),
            episodes=lesson.settings.episodes,
            repeats=lesson.settings.repeats,
            logged=lesson.logs is not None,
        ),
        "headline": headline(lesson, brought.real, zero_shot, value, learnt),
        "next": what_next(lesson, zero_shot, value, known["value"]),
    }
    found["curve"] += points("scratch", compared["curve"])
    return found


def real_steps(lesson: Lesson, learnt: Learnt) -> int:
    """What a repeat used of the robot, or the length of the logs."""
    return len(lesson.logs) if lesson.logs is not None else max(pupil.real_steps for pupil in learnt.pupils)


def points(series: str, history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The curve's points of one series."""
    names = ("real_steps", "sim_steps", "mean", "low", "high", "episodes", "seeds", "by_seed")
    return [{"series": series, **{name: row[name] for name in names}} for row in history]


def gap_closed(in_simulation: float, before: float, after: float) -> float | None:
    """The share of what the source loses on the robot that was won back; None where it loses nothing."""
    return (after - before) / (in_simulation - before) if in_simulation > before else None


def headline(lesson: Lesson, real: bool, before: Estimate, after: Estimate, learnt: Learnt) -> str:
    """One sentence: the return before and after, and what it cost."""
    where = "on the robot" if real else "in the simulator fitted to the logs"
    if lesson.strategy is Strategy.ZERO_SHOT:
        return f"As it came, the policy gets {before.value:.0f} {where}."
    if lesson.strategy is Strategy.SCRATCH:
        return (
            f"From random weights the policy gets {after.value:.0f} {where}; the source policy gets {before.value:.0f}."
        )
    steps = real_steps(lesson, learnt)
    words = f"with {steps:,} real steps" if steps else "without a real step"
    return f"From {before.value:.0f} to {after.value:.0f} {where}, {words}."


def what_next(lesson: Lesson, before: Estimate, after: Estimate, in_simulation: float) -> dict[str, Any] | None:
    """What to try now, or None."""
    strategy, settable = lesson.strategy, lesson.target.robot.settable
    if strategy in {Strategy.ZERO_SHOT, Strategy.SCRATCH}:
        if settable:
            text = (
                "Identify the robot's physics from a few real steps, and tune the policy in the calibrated simulator."
            )
            return {"text": text, "strategy": "identified", "settings": {}}
        text = "Tune the policy in a simulator whose physics keep changing: that takes no real step."
        return {"text": text, "strategy": "randomised", "settings": {}}
    if lesson.logs is None and after.value <= before.high and in_simulation > before.high:
        if strategy is not Strategy.IDENTIFIED and settable:
            text = (
                "It gained little here: identify the robot's physics, and tune the policy in the calibrated simulator."
            )
            return {"text": text, "strategy": "identified", "settings": {}}
        text = "It gained little here: allow more real steps."
        return {"text": text, "strategy": str(strategy), "settings": {"real_steps": 2 * lesson.real_steps}}
    return None


def drawn(lesson: Lesson) -> list[dict[str, Any]]:
    """The layers of the policy, and whether each learns; of a residual policy the source's are all frozen."""
    card = catalogue.find(lesson.kept.folder.name)
    assert card is not None
    found = card.drawn(lesson.strategy, 1)
    if corrects(lesson):  # the correction stands beside the whole policy, its last layer included
        found.append({"name": "action", "parameters": card.head_parameters, "trainable": False})
    return found


def corrects(lesson: Lesson) -> bool:
    """Whether what learns is a correction of a policy that stays as it came."""
    return lesson.strategy is Strategy.FEATURES and not lesson.target.robot.discrete


def head(lesson: Lesson) -> int:
    """Parameters behind the frozen ones: the action's layer, or the correction."""
    card = catalogue.find(lesson.kept.folder.name)
    assert card is not None
    return (card.correction_parameters if corrects(lesson) else card.head_parameters) or 0


def learning_parameters(lesson: Lesson, learnt: Learnt) -> int:
    """Of what plays, how much learnt."""
    if lesson.strategy is Strategy.ZERO_SHOT:
        return 0
    policy: Any = learnt.pupils[0].algorithm.policy
    own = policy.q_net if lesson.target.robot.discrete else policy.actor
    return sum(parameter.numel() for parameter in own.parameters() if parameter.requires_grad)


def parameters(lesson: Lesson) -> int:
    """Of the policy, as its card counts them, and of the correction beside it."""
    card = catalogue.find(lesson.kept.folder.name)
    assert card is not None
    return card.parameters + (card.correction_parameters or 0) * corrects(lesson)


def pictures(lesson: Lesson, run: Run, source: Policy, act: Policy) -> dict[str, Any]:
    """Films, the return over two physical values, and which sensors count: nice to have, never fatal."""
    from engines.control import explaining, sensitivity, video

    target, seed = lesson.target, lesson.judged_by(0)
    run.emit("phase", name="picturing", title="Filming both worlds, and trying other physics")
    films = {
        "source_nominal": (source, lesson.simulator),
        "source_target": (source, target),
        "tuned_target": (act, target),
    }
    if lesson.strategy is Strategy.ZERO_SHOT:
        del films["tuned_target"]
    with video.filming(run.path / "videos", films, seed=seed) as filmed:  # meanwhile:
        told: dict[str, Any] = {"saliency": explaining.saliency(act, target, seed=seed)}
        run.check_cancelled()
        told["sensitivity"] = sensitivity.table(act, target, seed=seed, before=source)
        run.check_cancelled()
        return told | filmed()
