"""How control learns: guarded, mixed, corrected, tuned; what it says of it; and the policies that come along."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engines import lifecycle, registry, weights
from engines.contract import InputError, Recipe, Strategy
from engines.control import catalogue
from engines.control.agents import model_files, pretrained, pretraining
from engines.control.agents.sb3_training import Watch
from engines.control.logs import logs
from engines.control.policy import prepare, summary
from engines.control.policy.guard import Guard
from engines.control.policy.settings import ControlSettings
from engines.control.policy.strategies import IDENTIFIED
from engines.control.policy.training import adaptation, train
from engines.control.policy.training.replicate import Replicate, TrainSpec, restore, state
from engines.control.policy.training.train import PolicyTrial
from engines.control.simulation import environment
from engines.control.simulation.robots import ROBOTS
from engines.control.simulation.target import Target
from engines.evidence.scores import Returns
from engines.evidence.verdict import judge
from engines.runs import RunFolder
from tests import tiny_control

HEAVY = Target.parse(tiny_control.TARGET)
TASK = registry.task("control.policy")


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def spec(tmp_path: Path, strategy: Strategy, target: Target = HEAVY, **settings: Any) -> TrainSpec:
    chosen = ControlSettings.parse({**tiny_control.SETTINGS, **settings})
    name = target.robot.name
    run = RunFolder.create(Recipe("control.policy", "", name, strategy), tmp_path / f"run-{strategy}")
    kept, source = pretrained.find(name), pretraining.of_robot(name)
    assert kept is not None
    assert source is not None
    budget, repeats = chosen.real_steps_for(name), tuple(range(chosen.repeats))
    return TrainSpec(target, strategy, source, kept, chosen, 0, run, budget, repeats)


# --- the guard ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("longest", "budget", "legs", "share", "expected"),
    [
        (200, 10_000, 4, 0.25, Guard(2, (1, 2, 3, 4), 2_000, 200)),  # 12 episodes affordable, 5 looks
        (200, 2_500, 4, 0.25, Guard(1, (4,), 400, 200)),  # 3 affordable: before the first leg and after the last
        (200, 1_000, 4, 0.25, Guard(1, (4,), 400, 200)),  # one each time, as long as half is left to learn from
        (200, 799, 4, 0.25, Guard(0, (), 0)),
        (200, 10_000, 4, 0.0, Guard(0, (), 0)),
    ],
)
def test_what_checking_on_the_robot_costs(longest: int, budget: int, legs: int, share: float, expected: Guard) -> None:
    assert Guard.of(longest, budget, legs, share) == expected


@pytest.mark.parametrize(
    ("leg", "spent", "before", "expected"),
    [
        (1, 1_000, 1, False),  # the first look took a whole episode: the other is for the last leg
        (4, 1_000, 1, True),
        (1, 10, 1, True),  # the source fell at once: 1,990 are left
        (2, 700, 2, False),  # 1,300 are left, but not 1,000 and another 350
        (4, 1_001, 2, False),  # whatever is learnt after that look is not used
    ],
)
def test_what_checks_left_unspent_goes_into_further_ones(leg: int, spent: int, before: int, expected: bool) -> None:
    guard = Guard.of(1_000, 4_000, 4, 0.25)
    assert guard == Guard(1, (4,), 2_000, 1_000)
    assert guard.looks(leg, spent, before) == expected


def test_a_dip_is_more_than_the_noise_of_both_means() -> None:
    guard = Guard(2, (1,), 800)  # two standard errors of a difference of two means of two episodes: 2 × spread
    assert not guard.dips(-300.0, first=-100.0, spread=100.0)
    assert guard.dips(-300.1, first=-100.0, spread=100.0)


def test_a_gain_is_more_than_luck() -> None:
    """One-sided 95 %: 6.31 standard errors with one or two episodes a look, 2.02 with six."""
    assert not Guard(1, (1,), 400).helps(631.0, best=0.0, spread=100.0)
    assert Guard(1, (1,), 400).helps(632.0, best=0.0, spread=100.0)
    assert not Guard(6, (1,), 400).helps(82.0, best=0.0, spread=100.0)
    assert Guard(6, (1,), 400).helps(83.0, best=0.0, spread=100.0)


@pytest.mark.parametrize(
    ("checks", "kept", "stopped"),
    [
        ([-400.0, 240.0, 880.0], 2, None),  # better each time by more than 6.3 times a quarter of the first
        ([-400.0, 240.0, 800.0], 1, None),  # the newest is hardly better than the best before it
        ([-200.0, -900.0, 0.0], 0, 1),  # a dip: nothing more is learnt or tried on the robot
    ],
)
def test_what_real_episodes_say_decides(
    checks: list[float], kept: int, stopped: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = spec(tmp_path, Strategy.FULL, real_steps=1_200, epochs=2, check_share=0.5, repeats=1)
    assert adaptation.guard_of(given) == Guard(1, (1, 2), 600, 200)
    replicate, answers = adaptation.begin(given, 0), iter(checks)

    def play(*_: object, **__: object) -> environment.Episodes:
        return environment.Episodes(np.array([next(answers)]), np.array([150]), np.array([False]))

    monkeypatch.setattr(adaptation.environment, "play", play)
    watch = Watch(given.run, "fine-tuning", 1_200)
    for leg in (1, 2):
        adaptation.real(given, replicate, leg, 2, watch)
    assert replicate.numbers["best_epoch"] == kept
    assert replicate.numbers.get("stopped") == stopped
    assert replicate.real_steps == (300 + 2 * 150 if stopped else 600 + 3 * 150)
    if not kept:
        seen = np.array(tiny_control.OBSERVATIONS)
        np.testing.assert_array_equal(adaptation.policy(given, replicate)(seen), given.source_policy()(seen))


def test_what_cannot_be_checked_is_not_learnt_unasked(tmp_path: Path) -> None:
    given = spec(tmp_path, Strategy.FULL, real_steps=799, check_share=0.25)
    with pytest.raises(
        InputError, match=r"^setting real_steps: found 799; accepted with full: 800 or more, or check_s"
    ):
        adaptation.guard_of(given)
    assert ControlSettings().real_steps_for("cartpole") == 1_000
    assert ControlSettings().real_steps_for("cartpole", Strategy.FULL) == 2_000
    assert ControlSettings().real_steps_for("invertedpendulum", Strategy.FEATURES) == 4_000


def test_networks_that_diverge_are_told_as_a_setting(tmp_path: Path) -> None:
    given = spec(tmp_path, Strategy.SCRATCH, real_steps=400, learning_rate=1.0, updates=1, repeats=1, epochs=1)
    with pytest.raises(InputError, match=r"^setting learning_rate: with 1 what is learnt is no longer a number"):
        train.learn(given, "scratch")


def test_that_all_steps_are_done_is_said_once(tmp_path: Path) -> None:
    run = RunFolder.create(Recipe("control.policy", "", "pendulum", Strategy.FULL), tmp_path / "run")
    watch = Watch(run, "fine-tuning", 10)
    watch.EVERY = 0.0
    for steps in (4, 5, 3, 3, 0):  # environments side by side make a few steps more than were asked for
        watch.more(steps)
    assert [event.data["done"] for event in run.events() if event.kind == "progress"] == [4, 9, 10]


# --- what is learnt from --------------------------------------------------------------------------


def test_a_batch_holds_its_share_of_the_source_experience() -> None:
    kept, source = pretrained.find("pendulum"), pretraining.of_robot("pendulum")
    assert kept is not None
    assert source is not None
    older = {name: values * 0 + 7 for name, values in kept.transitions().items()}
    made: Any = pretrained.learner(
        source, environment.many(HEAVY, 1, 0), buffer_size=50, seed=0, older=older, share=0.25
    )
    assert float(made.replay_buffer.sample(8).rewards.min()) == 7  # nothing real yet
    for _ in range(3):
        made.replay_buffer.add(np.ones((1, 3)), np.ones((1, 3)), np.ones((1, 1)), np.ones(1), np.zeros(1), [{}])
    batch = made.replay_buffer.sample(256)
    assert sorted(set(batch.rewards.flatten().tolist())) == [1, 7]
    assert int((batch.rewards == 7).sum()) == 64
    assert all(len(column) == 256 for column in batch[:5])


@pytest.mark.parametrize("robot", ["pendulum", "invertedpendulum"])  # sees float32, float64
def test_quick_sac_learns_exactly_what_sac_learns(robot: str) -> None:
    from stable_baselines3 import SAC

    from engines.control.agents.fast_sac import QuickSAC

    states = []
    for kind in (SAC, QuickSAC):
        env = environment.many(Target(ROBOTS[robot]), 2, 0)
        made = kind(
            "MlpPolicy",
            env,
            seed=3,
            learning_starts=20,
            batch_size=32,
            gradient_steps=2,
            device="cpu",
            policy_kwargs={"net_arch": [16, 16]},
        )
        made.learn(60)
        states.append(made.policy.state_dict() | {"temperature": made.log_ent_coef.detach()})
    for name, value in states[0].items():
        torch.testing.assert_close(states[1][name], value, rtol=1e-3, atol=1e-5, msg=name)


def test_a_correction_of_nothing_is_the_source(tmp_path: Path) -> None:
    given = spec(tmp_path, Strategy.FEATURES, limit=0.5)
    replicate = adaptation.begin(given, 0)
    seen = np.array(tiny_control.OBSERVATIONS)
    np.testing.assert_allclose(adaptation.policy(given, replicate)(seen), given.source_policy()(seen), atol=1e-6)


def test_a_correction_reaches_the_robot_in_its_own_units(tmp_path: Path) -> None:
    given = spec(tmp_path, Strategy.FEATURES, limit=0.25)
    plain = environment.many(HEAVY, 1, 5)
    env = adaptation.corrected(given, environment.many(HEAVY, 1, 5))
    seen = env.reset()
    start = plain.reset()
    base = given.source_policy().outputs(start)
    np.testing.assert_allclose(seen, np.concatenate([start, base], axis=1), atol=1e-6)
    after, reward, *_ = env.step(np.array([[-1.0]], np.float32))
    expected, plain_reward, *_ = plain.step(2.0 * np.clip(base - 0.25, -1, 1).astype(np.float32))
    np.testing.assert_allclose(after[:, :3], expected, atol=1e-6)
    np.testing.assert_allclose(reward, plain_reward, atol=1e-6)


def test_only_the_last_layer_of_choices_learns(tmp_path: Path) -> None:
    target = Target(ROBOTS["cartpole"]).changed(length=1.0)
    given = spec(tmp_path, Strategy.FEATURES, target, real_steps=200, epochs=1, repeats=1, check_share=0, updates=1)
    source = model_files.load(given.kept.folder).layers
    learnt = train.learn(given, "transfer")
    (act,) = train.policies(given, learnt)
    same = [bool(np.array_equal(a, b)) for (a, _), (b, _) in zip(source, act.layers, strict=True)]
    assert same == [True, True, False]
    assert PolicyTrial(given, learnt, []).trainable == 129 * 2


# --- the ways -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("updates", "environments", "expected"), [(1, 4, (1, 4)), (0.25, 8, (1, 2)), (0.25, 1, (4, 1))]
)
def test_rhythm(updates: float, environments: int, expected: tuple[int, int]) -> None:
    assert pretrained.rhythm(updates, environments) == expected


@pytest.mark.parametrize(("total", "legs"), [(1_000, 3), (7, 4), (2, 5)])
def test_the_parts_of_a_budget_add_up(total: int, legs: int) -> None:
    parts = [adaptation.part(total, leg, legs) for leg in range(1, legs + 1)]
    assert sum(parts) == total
    assert max(parts) - min(parts) <= 1


def test_physics_are_redrawn_within_what_is_accepted() -> None:
    for robot in ROBOTS.values():
        found = adaptation.ranges_around(Target(robot), 0.9)
        assert found.keys() == {*(parameter.name for parameter in robot.physics), "action_gain"}
        for parameter in robot.physics:
            low, high = found[parameter.name]
            assert parameter.low <= low <= parameter.nominal <= high <= parameter.high
    assert adaptation.ranges_around(Target(ROBOTS["pendulum"]), 0.3)["m"] == pytest.approx((0.7, 1.3))


def test_the_calibrated_simulator_is_as_uncertain_as_the_logs_left_it() -> None:
    found = {"values": {"m": [1.4, 1.3, 1.5], "l": [2.9, 2.8, 4.0], "delay": [1, 1, 1]}}
    assert adaptation.ranges_of(found, HEAVY) == {"m": (1.3, 1.5), "l": (2.8, 3.0)}


def test_identified_counts_its_real_steps_and_finds_the_rod(tmp_path: Path) -> None:
    given = spec(tmp_path, IDENTIFIED, real_steps=300, sim_steps=80, repeats=1, epochs=2)
    learnt = train.learn(given, "transfer")
    (replicate,) = learnt.replicates
    assert [row["real_steps"] for row in learnt.progress.history] == [150, 300]
    assert (replicate.real_steps, replicate.numbers["simulated"]) == (300, 80)
    assert replicate.identified is not None
    assert replicate.identified["values"]["m"][0] == pytest.approx(1.4, rel=0.02)
    assert replicate.identified["values"]["l"][0] == pytest.approx(1.3, rel=0.02)


def test_strategies_that_the_robot_or_the_data_do_not_allow() -> None:
    with pytest.raises(InputError, match=r"^strategy: identified needs a simulator that can be set"):
        adaptation.require(IDENTIFIED, Target(ROBOTS["lunarlander"]), has_logs=False)
    with pytest.raises(InputError, match=r"^strategy: full needs the robot, and there are only logs of it"):
        adaptation.require(Strategy.FULL, HEAVY, has_logs=True)


def test_too_few_real_steps_to_identify_anything(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^setting real_steps: found 30; accepted with identified: 50 or more"):
        adaptation.legs_of(spec(tmp_path, IDENTIFIED, real_steps=30))
    assert adaptation.legs_of(spec(tmp_path / "b", IDENTIFIED, real_steps=120, epochs=3)) == 2


def test_a_repeat_goes_on_where_it_was_kept(tmp_path: Path) -> None:
    given = spec(tmp_path, IDENTIFIED, repeats=1)
    replicate = adaptation.begin(given, 0)
    replicate.logs = logs.record(None, HEAVY, 60, seed=1)
    replicate.count("learning", 60)
    replicate.calibrated, replicate.identified = HEAVY, {"values": {"m": [1.4, 1.4, 1.4]}}
    with torch.no_grad():
        for value in replicate.algorithm.policy.parameters():
            value.add_(0.25)
    torch.save(state(replicate), tmp_path / "kept.pt")
    fresh: Replicate = adaptation.begin(given, 0)
    restore(fresh, torch.load(tmp_path / "kept.pt", weights_only=True), HEAVY)
    for name, value in replicate.algorithm.policy.state_dict().items():
        assert torch.equal(fresh.algorithm.policy.state_dict()[name], value), name
    assert (fresh.numbers, fresh.calibrated, fresh.identified) == (replicate.numbers, HEAVY, replicate.identified)
    assert fresh.logs is not None
    assert fresh.logs.sha256() == replicate.logs.sha256()


# --- intervals ------------------------------------------------------------------------------------


def test_seeds_that_are_alike_have_no_width() -> None:
    same = Returns([np.full(5, -3.0)] * 3).estimate()
    assert (same.value, same.low, same.high, same.n, same.seeds) == pytest.approx((-3.0, -3.0, -3.0, 15, 3))


def test_differences_are_paired() -> None:
    worlds = np.linspace(-1000, 0, 20)
    source = Returns([worlds] * 3)
    found = judge(Returns([worlds + 5.0] * 3).minus(source), "zero_shot", higher_is_better=True)
    assert (found.verdict, found.difference.value, found.difference.low) == ("pays", pytest.approx(5), pytest.approx(5))
    assert judge(source.minus(source), "zero_shot", higher_is_better=True).verdict == "undecided"


def test_what_the_process_did_before_changes_nothing(tmp_path: Path) -> None:
    """Vision leaves another way of multiplying matrices behind; a last digit is another policy a few steps later."""
    data, returns = tiny_control.write_target(tmp_path / "data"), []
    for precision in ("highest", "medium"):
        torch.set_float32_matmul_precision(precision)
        recipe = Recipe("control.policy", str(data), "pendulum", Strategy.FULL, settings=tiny_control.SETTINGS)
        run = RunFolder.create(recipe, tmp_path / precision)
        returns.append(lifecycle.fit(TASK, recipe, run).details["returns"]["after"])
        assert torch.get_float32_matmul_precision() == precision
    torch.set_float32_matmul_precision("highest")
    assert returns[0] == returns[1]


# --- what is carried and chosen -------------------------------------------------------------------


def test_every_carried_policy_does_what_its_card_says() -> None:
    assert {catalogue.details(card.name)["robot"] for card in catalogue.cards()} == set(ROBOTS)
    for card in catalogue.cards():
        known = catalogue.details(card.name)
        robot = ROBOTS[known["robot"]]
        assert weights.where(card) == "here"
        weights.fetch(card)  # and the digest is right
        episodes = 12 if robot.steps <= 500 else 2
        played = environment.play(model_files.load(pretrained.FOLDER / card.name), Target(robot), episodes, 77)
        noise = 4 * known["return"]["sd"] / np.sqrt(episodes) + 1e-6
        assert abs(played.mean - known["return"]["value"]) <= noise, card.name
        kept = pretrained.find(card.name)
        assert kept is not None
        assert {len(values) for values in kept.transitions().values()} == {4_000}


def test_the_model_follows_the_data(tmp_path: Path) -> None:
    data = tmp_path / "long.json"
    data.write_text(Target(ROBOTS["cartpole"]).changed(length=1.0).to_json(), encoding="utf-8")
    assert TASK.model_for(data) == "cartpole"
    recipe = Recipe("control.policy", str(data), "pendulum", Strategy.ZERO_SHOT)
    with pytest.raises(InputError, match=r"^model pendulum: it is no policy for CartPole; accepted: cartpole"):
        lifecycle.fit(TASK, recipe, RunFolder.create(recipe, tmp_path / "run"))


def test_the_same_target_has_one_digest_however_it_is_written(tmp_path: Path) -> None:
    texts = ('{"env": "Pendulum-v1", "physics": {"m": 1.4}}', '{"physics":{"m":1.4,"l":1},"env":"pendulum","delay":0}')
    digests = set()
    for number, text in enumerate(texts):
        (tmp_path / f"{number}.json").write_text(text, encoding="utf-8")
        digests.add(prepare.digest(prepare.opened(tmp_path / f"{number}.json")))
    assert len(digests) == 1


# --- logs only ------------------------------------------------------------------------------------


def test_where_only_logs_exist_nothing_claims_a_real_return(tmp_path: Path) -> None:
    data = logs.write_csv(logs.record(None, HEAVY, 250, seed=1), tmp_path / "log.csv")
    recipe = Recipe(
        "control.policy",
        str(data),
        "pendulum",
        IDENTIFIED,
        settings={**tiny_control.SETTINGS, "epochs": 1, "sim_steps": 40, "repeats": 1},
    )
    result = lifecycle.fit(TASK, recipe, RunFolder.create(recipe, tmp_path / "run"))
    assert (result.details["kind"], result.details["real"]) == ("logs", False)
    assert any("There are only logs of the robot" in note for note in result.notes)
    assert "in the simulator fitted to the logs" in result.details["headline"]
    assert result.n_train == 250
    assert result.details["target"]["physics"]["m"] == pytest.approx(1.4, rel=0.05)
    told = json.dumps(result.details["next"]) + result.details["headline"]
    assert "on the robot" not in told

    (tmp_path / "real.json").write_text(HEAVY.to_json(), encoding="utf-8")
    judged = replace(recipe, test=str(tmp_path / "real.json"))
    known = lifecycle.fit(TASK, judged, RunFolder.create(judged, tmp_path / "judged"))
    assert known.details["real"] is True
    assert known.details["target"] == HEAVY.to_dict()


def test_from_scratch_on_logs_is_refused(tmp_path: Path) -> None:
    data = logs.write_csv(logs.record(None, HEAVY, 60, seed=1), tmp_path / "log.csv")
    recipe = Recipe("control.policy", str(data), "pendulum", Strategy.SCRATCH)
    with pytest.raises(InputError, match=r"^strategy: scratch needs the robot"):
        lifecycle.fit(TASK, recipe, RunFolder.create(recipe, tmp_path / "run"))


# --- from scratch, for longer ---------------------------------------------------------------------


def test_how_many_steps_from_scratch_would_take_is_looked_for_beyond_the_budget(tmp_path: Path) -> None:
    data = tiny_control.write_target(tmp_path / "data")
    settings = {**tiny_control.SETTINGS, "real_steps": 60, "repeats": 1, "baseline": "scratch", "scratch_times": 2}
    recipe = Recipe("control.policy", str(data), "pendulum", Strategy.FULL, settings=settings)
    run = RunFolder.create(recipe, tmp_path / "run")
    result = lifecycle.fit(TASK, recipe, run)
    assert result.details["scratch_needs"] == {"steps": None, "within": 120}
    curve = [point["real_steps"] for point in result.details["curve"] if point["series"] == "scratch"]
    assert curve == [60, 120]
    phases = {(event.data["phase"], event.data["series"]) for event in run.events() if event.kind == "epoch"}
    assert phases == {("fine-tuning", "transfer"), ("scratch", "scratch"), ("longer", "aside")}
    assert result.verdict is not None
    assert result.verdict.against == "scratch"


# --- what is told ---------------------------------------------------------------------------------


def test_the_share_of_the_gap_that_is_closed() -> None:
    assert summary.gap_closed(-150.0, -450.0, -300.0) == pytest.approx(0.5)
    assert summary.gap_closed(-150.0, -100.0, -90.0) is None
