"""Robots in MuJoCo's XML that name other files, stand for more than they say, or fall apart."""

from __future__ import annotations

import functools
from itertools import pairwise
from random import Random

from engines.control.simulation import mjcf
from engines.control.simulation.robots import ROBOTS
from tests.hostile.kinds import cut, kind

CONTROL = "control.policy"


@functools.cache
def pendulum() -> str:
    """A robot that is read: what follows changes one thing of it."""
    return mjcf.own_model(ROBOTS["invertedpendulum"])


def changed(old: str, new: str) -> bytes:
    assert old in pendulum()
    return pendulum().replace(old, new, 1).encode()


@kind(".xml", CONTROL, whole=True, plain="reads")
def robot_of_a_billion_laughs(rng: Random) -> bytes:
    names = [f"x{n}" for n in range(rng.randrange(8, 12))]
    lines = [f'<!ENTITY {names[0]} "geom">']
    lines += [f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise(names)]
    return f"<?xml version='1.0'?><!DOCTYPE m [{''.join(lines)}]><mujoco>&{names[-1]};</mujoco>".encode()


@kind(".xml", CONTROL, whole=True)
def robot_that_reads_a_file(rng: Random) -> bytes:
    way = rng.choice(['<include file="/etc/passwd"/>', '<asset><mesh file="/etc/passwd"/></asset>'])
    return f"<mujoco>{way}<worldbody/></mujoco>".encode()


@kind(".xml", CONTROL, whole=True)
def robot_whose_mesh_leads_out(rng: Random) -> bytes:
    file = "../" * rng.randrange(1, 9) + "etc/hosts.stl"
    mesh = f'<asset><mesh name="m" file="{file}"/></asset>'
    return changed("<worldbody>", f'<compiler meshdir="../../.."/>{mesh}<worldbody>')


@kind(".xml", CONTROL, whole=True, slow=True, plain="time")
def robot_of_a_million_copies(rng: Random) -> bytes:
    many = f'<replicate count="{rng.randrange(900, 1000)}" offset=".1 0 0">'
    return changed("<worldbody>", f"<worldbody>{many}{many}<geom size='.01'/></replicate></replicate>")


@kind(".xml", CONTROL, whole=True, slow=True)
def robot_of_a_billion_texels(rng: Random) -> bytes:
    side = rng.randrange(20_000, 30_000)
    texture = f'<asset><texture name="t" type="2d" builtin="flat" width="{side}" height="{side}"/></asset>'
    return changed("<worldbody>", f"{texture}<worldbody>")


@kind(".xml", CONTROL, whole=True)
def robot_in_two_thousand_bodies_inside_one_another(rng: Random) -> bytes:
    deep = rng.randrange(1_500, 4_000)
    nested = '<body><geom size=".1"/>' * deep + "</body>" * deep
    return changed("<worldbody>", f"<worldbody>{nested}")


@kind(".xml", CONTROL, whole=True, plain="wrong")
def robot_that_weighs_nothing_or_everything(rng: Random) -> bytes:
    value = rng.choice(["1e308", "nan", "inf", "-1"])
    return changed("<worldbody>", f'<option timestep="{value}" gravity="0 0 {value}"/><worldbody>')


@kind(".xml", CONTROL, whole=True)
def robot_with_a_plugin(rng: Random) -> bytes:
    name = f"of.{rng.randrange(9)}"
    return changed("<worldbody>", f'<extension><plugin plugin="{name}"/></extension><worldbody>')


@kind(".xml", CONTROL, whole=True)
def robot_cut_short(rng: Random) -> bytes:
    return cut(pendulum().encode(), rng)


@kind(".xml", CONTROL, whole=True, plain="wrong")
def robot_named_in_markup(rng: Random) -> bytes:
    body = f'<body name="&lt;img src=x onerror=alert({rng.randrange(9)})&gt;"/>'
    return changed("<worldbody>", f"<worldbody>{body}")
