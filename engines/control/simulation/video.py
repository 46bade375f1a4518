"""Films of a policy at work: animated GIFs, drawn in a process of their own that may fail without anybody's harm."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engines import paths
from engines.control.agents.numpy_policy import Policy
from engines.control.simulation import environment
from engines.control.simulation.target import Target
from engines.messages import _

SECONDS = 10.0
"""How long a film is; what ends earlier starts again."""
PATIENCE = 90.0
"""Seconds after which the drawing process is ended."""
STARTS = 5
"""Episodes from which one is chosen: the one on which the films' returns together are the middle ones."""


def record(
    folder: Path,
    films: Mapping[str, tuple[Policy, Target]],
    *,
    seed: int,
    seconds: float = SECONDS,
    patience: float = PATIENCE,
) -> dict[str, Any]:
    """`filming` for who has nothing else to do meanwhile."""
    with filming(folder, films, seed=seed, seconds=seconds, patience=patience) as made:
        return made()


@contextmanager
def filming(
    folder: Path,
    films: Mapping[str, tuple[Policy, Target]],
    *,
    seed: int,
    seconds: float = SECONDS,
    patience: float = PATIENCE,
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Films each policy in its world, all from the same start, as NAME.gif (at most 400 kB) in `folder`, while the body
    of the `with` goes on. Of STARTS starts it is the usual one: neither the easiest nor the hardest.

    What it gives waits, `patience` seconds from then at most, and answers {'videos': {name: file name}, 'video_note':
    None, or one sentence where a film could not be had}. Never raises on account of drawing: MuJoCo without EGL ends
    its process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in films:
        (folder / f"{name}.gif").unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="headstart-film-") as kept:
        job = []
        for name, (policy, target) in films.items():
            np.savez(Path(kept) / f"{name}.npz", **policy.arrays())
            job.append({"policy": f"{name}.npz", "target": target.to_dict(), "name": name})
        order = {"films": job, "seed": usual_start(films, seed), "seconds": seconds, "out": str(folder.resolve())}
        (Path(kept) / "job.json").write_text(json.dumps(order), encoding="utf-8")
        process = _start(Path(kept) / "job.json")

        def made() -> dict[str, Any]:
            trouble = _wait(process, patience)
            done = {name: f"{name}.gif" for name in films if (folder / f"{name}.gif").is_file()}
            return {"videos": done, "video_note": _note(films, trouble) if len(done) < len(films) else None}

        try:
            yield made
        finally:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


def usual_start(films: Mapping[str, tuple[Policy, Target]], seed: int) -> int:
    """The seed of the episode on which the returns of all films together are the middle ones."""
    returns = np.sum(
        [environment.play(policy, target, STARTS, seed).returns for policy, target in films.values()], axis=0
    )
    return environment.episode_seed(seed, int(np.argsort(returns, kind="stable")[STARTS // 2]))


def _start(job: Path) -> subprocess.Popen[bytes] | None:
    """Runs engines.control.simulation.video_worker; None where no process can be started."""
    surroundings = {
        **os.environ,
        "MUJOCO_GL": os.environ.get("MUJOCO_GL", "egl"),
        "SDL_VIDEODRIVER": "dummy",
        "SDL_AUDIODRIVER": "dummy",
        "OMP_NUM_THREADS": "1",
        "LP_NUM_THREADS": "1",
        "PYGAME_HIDE_SUPPORT_PROMPT": "1",
    }
    command = [sys.executable, "-W", "ignore", "-m", "engines.control.simulation.video_worker", str(job)]
    nothing = subprocess.DEVNULL
    with contextlib.suppress(OSError):
        return subprocess.Popen(
            command, cwd=paths.PROJECT, env=surroundings, stdin=nothing, stdout=nothing, stderr=nothing
        )
    return None


def _wait(process: subprocess.Popen[bytes] | None, patience: float) -> str:
    """What went wrong, in words."""
    if process is None:
        return _("the drawing process could not be started")
    try:
        return "" if process.wait(patience) == 0 else _("the drawing process failed")
    except subprocess.TimeoutExpired:
        return _("drawing took longer than {patience:g} s", patience=patience)


def _note(films: Mapping[str, tuple[Policy, Target]], trouble: str) -> str:
    robot = next(iter(films.values()))[1].robot
    why = trouble or _("the drawing process failed")
    if robot.mujoco and "longer" not in why:
        why += _("; MuJoCo draws with EGL, which needs a graphics driver (Debian: libegl1 and libegl-mesa0)")
    return _("There is no film of {title} on this machine: {why}.", title=robot.title, why=why)
