"""Other physics in Gymnasium's own simulators: values set in one environment, and in no other.

`physics_of(env, robot)` answers with a function that sets them. It may be called before every reset, always starts from
the values that the environment was made with, and where nothing differs leaves the simulator exactly as it is.
"""

from __future__ import annotations

import math
import types
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from engines.control.simulation.robots import Robot

Setter = Callable[[Mapping[str, float], float], None]
"""Called with the values that differ from the nominal ones, by name, and the action gain, which only a discrete robot's
simulator needs to know: elsewhere the command itself is multiplied."""
Values = Mapping[str, float]


def physics_of(env: Any, robot: Robot) -> Setter:
    """How to set the physics of `env`, the innermost environment (`unwrapped`)."""
    if robot.mujoco:
        mujoco = _mujoco(env, robot)
        return lambda values, _: mujoco(values)
    setters = {"pendulum": _pendulum, "cartpole": _cartpole, "lunarlander": _lander, "bipedalwalker": _walker}
    nominal = {parameter.name: parameter.nominal for parameter in robot.physics}
    complete = setters[robot.name](env)
    return lambda values, gain: complete({**nominal, **values, "action_gain": gain})


# --- classic control ------------------------------------------------------------------------------


def _pendulum(env: Any) -> Callable[[Values], None]:
    plain = env.step

    def set_physics(values: Values) -> None:
        env.m, env.l, env.g = values["m"], values["l"], values["g"]
        friction = values["friction"]

        def step(u: Any) -> Any:
            """Viscous friction, taken off the angular velocity implicitly so that no value of it is unstable."""
            angle, speed = env.state
            slowed = speed / (1 + 3 * friction * env.dt / (env.m * env.l**2))  # a rod's inertia: m l² / 3
            env.state = np.array([angle, slowed])
            seen, reward, *ended = plain(u)
            return seen, reward - 0.1 * (speed**2 - slowed**2), *ended

        env.step = step if friction else plain

    return set_physics


def _cartpole(env: Any) -> Callable[[Values], None]:
    force = env.force_mag

    def set_physics(values: Values) -> None:
        env.masscart, env.masspole, env.length = values["masscart"], values["masspole"], values["length"]
        env.total_mass = env.masspole + env.masscart
        env.polemass_length = env.masspole * env.length
        env.gravity = values["gravity"]
        env.force_mag = force * values["action_gain"]

    return set_physics


# --- Box2D ----------------------------------------------------------------------------------------


def own_constants(env: Any, *methods: str) -> dict[str, Any]:
    """Gives `env` its own copy of the constants of its module, which `methods` read instead of the module's."""
    constants: dict[str, Any] = {}
    for name in methods:
        plain = getattr(type(env), name)
        if not constants:
            constants = dict(plain.__globals__)
        own = types.FunctionType(plain.__code__, constants, name, plain.__defaults__, plain.__closure__)
        own.__kwdefaults__ = plain.__kwdefaults__
        setattr(env, name, types.MethodType(own, env))
    return constants


def _lander(env: Any) -> Callable[[Values], None]:
    constants = own_constants(env, "step")
    main, side = constants["MAIN_ENGINE_POWER"], constants["SIDE_ENGINE_POWER"]

    def set_physics(values: Values) -> None:
        env.gravity = -values["gravity"]  # the world is made anew with it at every reset
        env.enable_wind = values["wind"] > 0 or values["turbulence"] > 0
        env.wind_power, env.turbulence_power = values["wind"], values["turbulence"]
        constants["MAIN_ENGINE_POWER"] = main * values["main_engine"]
        constants["SIDE_ENGINE_POWER"] = side * values["side_engines"]

    return set_physics


def _walker(env: Any) -> Callable[[Values], None]:
    constants = own_constants(env, "step", "reset")
    torque, hull, legs = constants["MOTORS_TORQUE"], constants["HULL_FD"], (constants["LEG_FD"], constants["LOWER_FD"])
    ground = env.fd_edge.friction

    def set_physics(values: Values) -> None:
        constants["MOTORS_TORQUE"] = torque * values["motor_torque"]
        constants["HULL_FD"] = _denser(hull, values["hull_mass"])
        constants["LEG_FD"], constants["LOWER_FD"] = (_denser(leg, values["leg_mass"]) for leg in legs)
        env.fd_edge.friction = ground * values["friction"]
        env._destroy()
        env.world = type(env.world)(gravity=(0, -values["gravity"]))  # a used world's contacts echo in the next episode

    return set_physics


def _denser(part: Any, times: float) -> Any:
    """A copy of a Box2D fixture definition with another density."""
    return type(part)(
        shape=part.shape,
        density=part.density * times,
        friction=part.friction,
        restitution=part.restitution,
        categoryBits=part.categoryBits,
        maskBits=part.maskBits,
    )


# --- MuJoCo ---------------------------------------------------------------------------------------

_ARRAYS = (
    "body_mass",
    "body_inertia",
    "body_ipos",
    "geom_size",
    "geom_pos",
    "geom_friction",
    "dof_damping",
    "dof_armature",
    "dof_frictionloss",
    "jnt_stiffness",
)
Change = Callable[[Any, float], None]
"""Changes a model (first) by a value (second)."""
ROOT = 1
"""The robot's first body: torso or cart. 0 is the world."""


def _mujoco(env: Any, robot: Robot) -> Callable[[Values], None]:
    model, data = env.model, env.data
    made = {name: getattr(model, name).copy() for name in _ARRAYS}
    made_gravity = model.opt.gravity.copy()
    differs = False

    def set_physics(values: Values) -> None:
        import mujoco

        nonlocal differs
        if not values and not differs:
            return
        for name, array in made.items():
            getattr(model, name)[:] = array
        model.opt.gravity[:] = made_gravity
        for name, value in values.items():
            (REACHER if robot.name == "reacher" else MUJOCO)[name](model, value)
        mujoco.mj_setConst(model, data)  # what MuJoCo derives from masses and lengths
        differs = bool(values)

    return set_physics


def _scale_mass(model: Any, bodies: slice, times: float) -> None:
    model.body_mass[bodies] *= times
    model.body_inertia[bodies] *= times


def _scale_array(array: np.ndarray, times: float) -> None:
    array *= times


def _set_array(array: np.ndarray, value: Any) -> None:
    array[:] = value


def _scale_pole(model: Any, times: float) -> None:
    """A longer or shorter last body of the same mass, as a rod: inertia across it grows with the square."""
    body = model.nbody - 1
    geoms = [geom for geom in range(model.ngeom) if model.geom_bodyid[geom] == body]
    for geom in geoms:
        model.geom_size[geom, 1] *= times  # a capsule's half length
        model.geom_pos[geom] *= times
    model.body_ipos[body] *= times
    along = int(np.argmin(model.body_inertia[body]))
    model.body_inertia[body, [axis for axis in range(3) if axis != along]] *= math.pow(times, 2)


MUJOCO: dict[str, Change] = {
    "gravity": lambda model, value: _set_array(model.opt.gravity, (0, 0, -value)),
    "torso_mass": lambda model, times: _scale_mass(model, slice(ROOT, ROOT + 1), times),
    "leg_mass": lambda model, times: _scale_mass(model, slice(ROOT + 1, None), times),
    "cart_mass": lambda model, times: _scale_mass(model, slice(ROOT, ROOT + 1), times),
    "pole_mass": lambda model, times: _scale_mass(model, slice(ROOT + 1, None), times),
    "pole_length": _scale_pole,
    "damping": lambda model, times: _scale_array(model.dof_damping, times),
    "stiffness": lambda model, times: _scale_array(model.jnt_stiffness, times),
    "friction": lambda model, times: _scale_array(
        model.geom_friction[:, 0], times
    ),  # the larger of two surfaces' counts
}
"""What each name does to a MuJoCo model."""
REACHER: dict[str, Change] = {
    "inertia": lambda model, times: _scale_array(model.dof_armature[: model.nu], times),
    "damping": lambda model, times: _scale_array(model.dof_damping, times),
    "friction": lambda model, value: _set_array(model.dof_frictionloss[: model.nu], value),
}
"""The arm hangs in the air: its friction is in the driven joints, and it has little mass but that of its motors."""
