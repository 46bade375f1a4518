"""Plays what one run of Headstart learnt, without Headstart. Read it from top to bottom: it is all there is.

    pip install -r requirements.txt
    python play.py [TARGET.json]

TARGET.json says how the robot differs from its simulator; without it the target.json beside this file is taken.
policy_0.npz is the policy; where the run learnt it several times, policy_1.npz and so on are the others. target.json
says what your robot is like: share this folder with those who may know.
"""

import json
import sys
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np

from engines.exports.script_parts import HERE, RUN, paths_given

# --- The policy: a few matrices ---


def perceptron(weights: dict[str, np.ndarray], x: np.ndarray, of: str = "") -> np.ndarray:
    """Linear layers with an activation between them. x: float64 (inputs,)."""
    count = sum(name.startswith(f"{of}weight_") for name in weights)
    for layer in range(count):
        x = weights[f"{of}weight_{layer}"].astype(np.float64) @ x + weights[f"{of}bias_{layer}"]
        if layer + 1 < count:
            x = np.maximum(x, 0) if RUN["activation"] == "relu" else np.tanh(x)
    return x


def act(weights: dict[str, np.ndarray], seen: np.ndarray) -> Any:
    """What the policy does when the robot sees `seen`. float64 and six decimals make it the same on every computer."""
    x = seen.astype(np.float32).astype(np.float64)
    if RUN["discrete"]:
        return int(perceptron(weights, x).argmax())  # DQN: the choice of the highest value
    if RUN["correction"]:
        base = np.round(np.tanh(perceptron(weights, x, "source_")), 6)
        if weights["weight_0"].shape[1] > len(x):
            x = np.concatenate([x, base])
        action = np.clip(base + weights["limit"] * np.tanh(perceptron(weights, x)), -1, 1)
    else:
        action = np.tanh(perceptron(weights, x))  # SAC without its noise
    low, high = weights["low"].astype(np.float64), weights["high"].astype(np.float64)
    return (low + 0.5 * (np.round(action, 6) + 1) * (high - low)).astype(np.float32)


# --- The robot: Gymnasium's simulator with other physics ---


def robot(target: dict[str, Any]) -> Any:
    kwargs: dict[str, Any] = dict(RUN["make_kwargs"])
    if RUN["mjcf"]:  # a model of somebody's own
        (HERE / "robot.xml").write_text(target["mjcf"], encoding="utf-8")
        kwargs["xml_file"] = str(HERE / "robot.xml")
    env = gymnasium.make(RUN["env"], max_episode_steps=RUN["steps"], disable_env_checker=True, **kwargs)
    inner: Any = env.unwrapped
    physics = RUN["nominal"] | target["physics"]
    if RUN["robot"] == "pendulum":
        inner.m, inner.l, inner.g = physics["m"], physics["l"], physics["g"]
    if RUN["robot"] == "cartpole":
        inner.masscart, inner.masspole, inner.length = physics["masscart"], physics["masspole"], physics["length"]
        inner.total_mass = inner.masscart + inner.masspole
        inner.polemass_length = inner.masspole * inner.length
        inner.gravity = physics["gravity"]
        inner.force_mag *= target["action_gain"]
    if RUN["robot"] == "lunarlander":
        from gymnasium.envs.box2d import lunar_lander

        inner.gravity = -physics["gravity"]
        inner.enable_wind = physics["wind"] > 0 or physics["turbulence"] > 0
        inner.wind_power, inner.turbulence_power = physics["wind"], physics["turbulence"]
        lunar_lander.MAIN_ENGINE_POWER *= physics["main_engine"]
        lunar_lander.SIDE_ENGINE_POWER *= physics["side_engines"]
    if RUN["robot"] == "bipedalwalker":
        from gymnasium.envs.box2d import bipedal_walker

        bipedal_walker.MOTORS_TORQUE *= physics["motor_torque"]
        bipedal_walker.HULL_FD.density *= physics["hull_mass"]
        for leg in (bipedal_walker.LEG_FD, bipedal_walker.LOWER_FD):
            leg.density *= physics["leg_mass"]
        inner.fd_edge.friction *= physics["friction"]
    if RUN["mujoco"]:
        import mujoco

        for name, value in target["physics"].items():
            if value != RUN["nominal"][name]:
                change(inner.model, name, value)
        if target["physics"]:
            mujoco.mj_setConst(inner.model, inner.data)  # what follows from masses and lengths
    return env


def change(model: Any, name: str, value: float) -> None:
    """Changes one value of a MuJoCo model. Body 1 is the torso or cart; what follows are legs or a pole."""
    if name == "gravity":
        model.opt.gravity[:] = 0, 0, -value
    if name == "damping":
        model.dof_damping[:] *= value
    if RUN["robot"] == "reacher":
        if name == "inertia":
            model.dof_armature[: model.nu] *= value
        if name == "friction":
            model.dof_frictionloss[: model.nu] = value
    if RUN["robot"] != "reacher":
        if name == "friction":
            model.geom_friction[:, 0] *= value
        if name == "stiffness":
            model.jnt_stiffness[:] *= value
        if name in {"torso_mass", "cart_mass", "leg_mass", "pole_mass"}:
            bodies = slice(1, 2) if name in {"torso_mass", "cart_mass"} else slice(2, None)
            model.body_mass[bodies] *= value
            model.body_inertia[bodies] *= value
    if RUN["robot"] == "invertedpendulum":
        body = model.nbody - 1
        if name == "pole_length":  # the same mass, further out
            own = model.geom_bodyid == body
            model.geom_size[own, 1] *= value
            model.geom_pos[own] *= value
            model.body_ipos[body] *= value
            along = int(np.argmin(model.body_inertia[body]))
            model.body_inertia[body, [axis for axis in range(3) if axis != along]] *= value**2


# --- An episode: commands arrive late and scaled, and what is seen is blurred ---


def episode(env: Any, target: dict[str, Any], weights: dict[str, np.ndarray], seed: int) -> float:
    """The return: the sum of the rewards until the robot falls, arrives or runs out of time."""
    noise = np.random.default_rng([seed, 1])
    spreads = np.array(RUN["spreads"])  # how much each sensor usually varies
    waiting: list[Any] = []  # commands on their way to the motors
    if RUN["robot"] == "bipedalwalker":
        inner, gravity = env.unwrapped, target["physics"].get("gravity", RUN["nominal"]["gravity"])
        inner._destroy()
        inner.world = type(inner.world)(gravity=(0, -gravity))  # a used world's contacts echo in the next episode
    seen, _ = env.reset(seed=seed)
    total, late = 0.0, 0
    while True:
        blur = noise.standard_normal(len(spreads)) * spreads * target["observation_noise"]
        waiting.append(act(weights, (seen + blur).astype(seen.dtype)))
        if len(waiting) > target["delay"]:
            command = waiting.pop(0)
        elif RUN["discrete"]:
            command, late = late % 2, late + 1  # nothing has arrived yet: once each way
        else:
            command = np.zeros(len(RUN["actions"]), np.float32)
        if not RUN["discrete"]:
            command = (np.clip(command, -RUN["limit"], RUN["limit"]) * target["action_gain"]).astype(np.float32)
        try:
            seen, reward, terminated, truncated = step(env, target, command)
            wild = not (np.abs(seen).max() < 1e6 and np.isfinite(reward))
        except (ArithmeticError, ValueError, RuntimeError, AssertionError):  # the simulator's, on numbers gone wild
            wild = True
        if RUN["mujoco"]:
            wild = wild or bool(np.any(env.unwrapped.data.warning.number))
        if wild:  # the simulator has diverged: the worst reward, and the end
            return total + RUN["worst"]
        total += float(reward)
        if terminated or truncated:
            return total


def step(env: Any, target: dict[str, Any], command: Any) -> tuple[np.ndarray, float, bool, bool]:
    if RUN["robot"] == "pendulum":
        inner, friction = env.unwrapped, target["physics"].get("friction", 0.0)  # Gymnasium's pendulum has none
        angle, speed = inner.state
        slowed = speed / (1 + 3 * friction * inner.dt / (inner.m * inner.l**2))
        inner.state = np.array([angle, slowed])
    seen, reward, terminated, truncated, _ = env.step(command)
    if RUN["robot"] == "pendulum":
        reward -= 0.1 * (speed**2 - slowed**2)
    return seen, reward, terminated, truncated


# --- The run ---


def main(path: Path) -> None:
    target = json.loads(path.read_text(encoding="utf-8-sig"))
    physics = target.get("physics", {}) | ({"friction": target["friction"]} if "friction" in target else {})
    if unknown := sorted(physics.keys() - RUN["nominal"].keys()):
        sys.exit(f"{path.name}: {RUN['env']} has no {', '.join(unknown)}")
    target = {"delay": 0, "action_gain": 1.0, "observation_noise": 0.0} | target | {"physics": physics}
    env = robot(target)
    returns: dict[str, float] = {}
    for repeat, seed in enumerate(RUN["seeds"]):
        weights = dict(np.load(HERE / f"policy_{repeat}.npz"))
        for number in range(RUN["episodes"]):
            own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
            returns[f"seed {repeat}, episode {number}"] = episode(env, target, weights, own)
    print(f"return {float(np.mean(list(returns.values())))} over {len(returns)} episodes")
    (HERE / "predictions.json").write_text(json.dumps(returns, indent=0), encoding="utf-8")


if __name__ == "__main__":
    main(*paths_given("[TARGET.json]", 0)[:1] or [HERE / "target.json"])
