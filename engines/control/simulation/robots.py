"""The robots that there are: what each sees and does, and which of its physics a person may change.

Plain values, no simulator: pages draw sliders from them. Ids, action limits and step limits are Gymnasium's.
"""

from __future__ import annotations

import difflib

from engines.contract import InputError, Problem
from engines.control.simulation.robot_spec import (
    ACTION_GAIN,
    COMMON,
    DELAY,
    OBSERVATION_NOISE,
    Parameter,
    Robot,
    unknown_parameter,
)
from engines.messages import _

__all__ = [
    "ACTION_GAIN",
    "COMMON",
    "DELAY",
    "OBSERVATION_NOISE",
    "ROBOTS",
    "Parameter",
    "Robot",
    "find",
    "unknown_parameter",
]


def _times(name: str, title: str, help: str, low: float = 0.3, high: float = 3.0) -> Parameter:
    return Parameter(name, title, "×", help, 1.0, low, high)


def _gravity(nominal: float, low: float = 1.0, high: float = 25.0, name: str = "gravity") -> Parameter:
    return Parameter(name, "Gravity", "m/s²", "How strongly everything is pulled down.", nominal, low, high)


PENDULUM = Robot(
    name="pendulum",
    title=_("Pendulum"),
    env_id="Pendulum-v1",
    make_kwargs={},
    observations=(("cosine of the angle", ""), ("sine of the angle", ""), ("angular velocity", "rad/s")),
    spreads=(0.66, 0.66, 3.6),
    actions=("torque",),
    action_limit=2.0,
    discrete=False,
    physics=(
        Parameter("m", "Mass", "kg", "How heavy the rod is.", 1.0, 0.2, 5.0),
        Parameter("l", "Length", "m", "How long the rod is.", 1.0, 0.3, 3.0),
        Parameter("friction", "Friction", "N m s", "Torque in the joint against the motion, per rad/s.", 0.0, 0.0, 0.5),
        _gravity(10.0, name="g"),
    ),
    goal=_("Swing the rod up and hold it upright with little torque; every step costs by its angle, speed and torque."),
    steps=200,
    worst=-16.27,
    mujoco=False,
    settable=True,
)

CARTPOLE = Robot(
    name="cartpole",
    title=_("CartPole"),
    env_id="CartPole-v1",
    make_kwargs={},
    observations=(
        ("cart position", "m"),
        ("cart velocity", "m/s"),
        ("pole angle", "rad"),
        ("pole angular velocity", "rad/s"),
    ),
    spreads=(0.07, 0.51, 0.094, 0.79),
    actions=("push left", "push right"),
    action_limit=1.0,
    discrete=True,
    physics=(
        Parameter("masscart", "Cart's mass", "kg", "How heavy the cart is.", 1.0, 0.2, 5.0),
        Parameter("length", "Half the pole's length", "m", "From the hinge to the pole's middle.", 0.5, 0.1, 3.0),
        Parameter("masspole", "Pole's mass", "kg", "How heavy the pole is.", 0.1, 0.02, 2.0),
        _gravity(9.8),
    ),
    goal=_("Keep the pole upright and the cart on its track; one point a step, at most 500."),
    steps=500,
    worst=0.0,
    mujoco=False,
    settable=True,
)

LUNARLANDER = Robot(
    name="lunarlander",
    title=_("LunarLander"),
    env_id="LunarLander-v3",
    make_kwargs={"continuous": True},
    observations=(
        ("horizontal position", ""),
        ("height", ""),
        ("horizontal velocity", ""),
        ("vertical velocity", ""),
        ("angle", "rad"),
        ("angular velocity", ""),
        ("left leg touches", "0 or 1"),
        ("right leg touches", "0 or 1"),
    ),
    spreads=(0.31, 0.46, 0.63, 0.43, 0.5, 0.5, 0.11, 0.12),
    actions=("main engine", "side engines"),
    action_limit=1.0,
    discrete=False,
    physics=(
        Parameter("wind", "Wind", "N", "The largest sideways force of a wind that keeps changing.", 0.0, 0.0, 20.0),
        Parameter("turbulence", "Turbulence", "N m", "The largest twist that the wind gives.", 0.0, 0.0, 2.0),
        _times("main_engine", "Main engine", "How strong the main engine is.", 0.5, 2.0),
        _times("side_engines", "Side engines", "How strong the side engines are.", 0.5, 3.0),
        _gravity(10.0, high=11.9),
    ),
    goal=_("Land softly between the flags with little fuel; a crash costs 100, resting on the ground gives 100."),
    steps=1000,
    worst=-100.0,
    mujoco=False,
    settable=False,
)

_LEG = ("hip angle", "hip speed", "knee angle", "knee speed", "foot touches")
# fmt: off
_WALKER_SPREADS = (
    0.48, 0.05, 0.091, 0.062, 0.62, 0.6, 0.62, 0.74, 0.5, 0.61, 0.54, 0.41, 0.7, 0.5,
    0.071, 0.072, 0.075, 0.079, 0.087, 0.098, 0.12, 0.14, 0.13, 0.024,
)
# fmt: on
BIPEDALWALKER = Robot(
    name="bipedalwalker",
    title=_("BipedalWalker"),
    env_id="BipedalWalker-v3",
    make_kwargs={},
    observations=(
        ("hull angle", "rad"),
        ("hull angular velocity", ""),
        ("forward velocity", ""),
        ("vertical velocity", ""),
        *((f"{side} {name}", "0 or 1" if "touches" in name else "") for side in ("first", "second") for name in _LEG),
        *((f"lidar {number}", "share of its range") for number in range(10)),
    ),
    spreads=_WALKER_SPREADS,
    actions=("first hip", "first knee", "second hip", "second knee"),
    action_limit=1.0,
    discrete=False,
    physics=(
        _times("motor_torque", "Motor torque", "How strong the joints' motors are.", 0.3, 2.0),
        _times("hull_mass", "Body's mass", "How heavy the body is."),
        _times("leg_mass", "Legs' mass", "How heavy the legs are."),
        _times("friction", "Friction", "How well the ground holds the feet.", 0.05, 3.0),
        _gravity(10.0),
    ),
    goal=_("Walk to the far end without falling; about 300 points for all of it, a fall costs 100."),
    steps=1600,
    worst=-100.0,
    mujoco=False,
    settable=False,
)

INVERTEDPENDULUM = Robot(
    name="invertedpendulum",
    title=_("InvertedPendulum"),
    env_id="InvertedPendulum-v5",
    make_kwargs={},
    observations=(
        ("cart position", "m"),
        ("pole angle", "rad"),
        ("cart velocity", "m/s"),
        ("pole angular velocity", "rad/s"),
    ),
    spreads=(0.059, 0.13, 0.83, 1.9),
    actions=("force on the cart",),
    action_limit=3.0,
    discrete=False,
    physics=(
        _times("pole_length", "Pole's length", "How long the pole is; its mass stays."),
        _times("cart_mass", "Cart's mass", "How heavy the cart is."),
        _times("pole_mass", "Pole's mass", "How heavy the pole is."),
        _times("damping", "Friction", "How much the rail and the hinge slow the motion down.", 0.1, 20.0),
        _gravity(9.81),
    ),
    goal=_("Keep the pole upright; one point a step, at most 1,000."),
    steps=1000,
    worst=0.0,
    mujoco=True,
    settable=True,
)

HOPPER = Robot(
    name="hopper",
    title=_("Hopper"),
    env_id="Hopper-v5",
    make_kwargs={},
    observations=(
        ("height", "m"),
        ("body angle", "rad"),
        ("thigh angle", "rad"),
        ("knee angle", "rad"),
        ("foot angle", "rad"),
        ("forward velocity", "m/s"),
        ("vertical velocity", "m/s"),
        ("body angular velocity", "rad/s"),
        ("thigh angular velocity", "rad/s"),
        ("knee angular velocity", "rad/s"),
        ("foot angular velocity", "rad/s"),
    ),
    spreads=(0.019, 0.072, 0.07, 0.087, 0.12, 0.48, 0.28, 1.6, 1.7, 1.6, 1.5),
    actions=("thigh torque", "knee torque", "foot torque"),
    action_limit=1.0,
    discrete=False,
    physics=(
        _times("torso_mass", "Body's mass", "How heavy the body is."),
        _times("leg_mass", "Leg's mass", "How heavy thigh, shin and foot are."),
        _times("damping", "Friction in the joints", "How much the joints slow their motion down.", 0.1, 5.0),
        _times("friction", "Friction on the ground", "How well the ground holds the foot.", 0.1, 3.0),
        _gravity(9.81),
    ),
    goal=_("Hop forward without falling; a point a step for standing, and the forward speed."),
    steps=1000,
    worst=0.0,
    mujoco=True,
    settable=True,
)

_CHEETAH_JOINTS = ("back thigh", "back shin", "back foot", "front thigh", "front shin", "front foot")
# fmt: off
_CHEETAH_SPREADS = (
    0.073, 0.27, 0.26, 0.27, 0.26, 0.32, 0.3, 0.29,
    0.74, 0.76, 1.6, 5.6, 6.8, 7.0, 6.3, 6.6, 6.0,
)
# fmt: on
HALFCHEETAH = Robot(
    name="halfcheetah",
    title=_("HalfCheetah"),
    env_id="HalfCheetah-v5",
    make_kwargs={},
    observations=(
        ("height", "m"),
        ("body angle", "rad"),
        *((f"{joint} angle", "rad") for joint in _CHEETAH_JOINTS),
        ("forward velocity", "m/s"),
        ("vertical velocity", "m/s"),
        ("body angular velocity", "rad/s"),
        *((f"{joint} angular velocity", "rad/s") for joint in _CHEETAH_JOINTS),
    ),
    spreads=_CHEETAH_SPREADS,
    actions=tuple(f"{joint} torque" for joint in _CHEETAH_JOINTS),
    action_limit=1.0,
    discrete=False,
    physics=(
        _times("torso_mass", "Body's mass", "How heavy the body is."),
        _times("leg_mass", "Legs' mass", "How heavy the legs are."),
        _times("damping", "Friction in the joints", "How much the joints slow their motion down.", 0.1, 5.0),
        _times("stiffness", "Springs in the joints", "How strongly the joints spring back.", 0.1, 5.0),
        _times("friction", "Friction on the ground", "How well the ground holds the feet.", 0.1, 3.0),
        _gravity(9.81),
    ),
    goal=_("Run forward as fast as possible with little torque."),
    steps=1000,
    worst=-10.0,
    mujoco=True,
    settable=True,
)

REACHER = Robot(
    name="reacher",
    title=_("Reacher"),
    env_id="Reacher-v5",
    make_kwargs={},
    observations=(
        ("cosine of the shoulder", ""),
        ("cosine of the elbow", ""),
        ("sine of the shoulder", ""),
        ("sine of the elbow", ""),
        ("target across", "m"),
        ("target along", "m"),
        ("shoulder angular velocity", "rad/s"),
        ("elbow angular velocity", "rad/s"),
        ("fingertip to target across", "m"),
        ("fingertip to target along", "m"),
    ),
    spreads=(0.7, 0.8, 0.66, 0.56, 0.1, 0.086, 7.6, 7.3, 0.15, 0.13),
    actions=("shoulder torque", "elbow torque"),
    action_limit=1.0,
    discrete=False,
    physics=(
        _times("inertia", "Inertia of the motors", "How hard it is to set the joints in motion."),
        _times("damping", "Damping in the joints", "How much the joints slow their motion down.", 0.1, 5.0),
        Parameter(
            "friction", "Dry friction", "N m", "Torque that a joint needs before it moves at all.", 0.0, 0.0, 50.0
        ),
    ),
    goal=_("Bring the fingertip to the target quickly with little torque."),
    steps=50,
    worst=-3.0,
    mujoco=True,
    settable=True,
)

ROBOTS: dict[str, Robot] = {
    robot.name: robot
    for robot in (PENDULUM, CARTPOLE, LUNARLANDER, BIPEDALWALKER, INVERTEDPENDULUM, HOPPER, HALFCHEETAH, REACHER)
}


def find(name: str) -> Robot:
    """The robot of that name or Gymnasium id, whatever its version ('pendulum', 'Pendulum-v1'). Raises InputError."""
    wanted = name.strip().lower().partition("-v")[0].replace(" ", "").replace("_", "").removesuffix("continuous")
    if wanted in ROBOTS:
        return ROBOTS[wanted]
    near = difflib.get_close_matches(wanted, ROBOTS, n=1)
    hint = f"did you mean {near[0]}? Known" if near else "known"
    known = ", ".join(robot.env_id for robot in ROBOTS.values())
    raise InputError(Problem("env", _("there is no robot named {name!r}", name=name[:60]), f"{hint}: {known}"))
