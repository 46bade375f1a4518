"""Draws films of policies, one after the other: python -m engines.control.simulation.video_worker JOB.json.

The job is written by `video.record`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from engines.control.agents.numpy_policy import Policy, from_arrays
from engines.control.simulation import environment
from engines.control.simulation.target import Target

FRAMES_A_SECOND = 12
PIXELS = 240 * 240
MOST_BYTES = 400_000
SMALLER = ((1.0, 64), (0.8, 32), (0.6, 24), (0.45, 16), (0.3, 12))
"""Tried one after the other until a film is small enough: scale, and colours."""


def filmed(policy: Policy, target: Target, seed: int, seconds: float) -> tuple[list[Image.Image], float]:
    """`seconds` of that policy in that world in real time, the return so far written on it, and the frames a second; an
    episode that ends starts again from another state."""
    env: Any = environment.make(target, seed=seed, render=True)
    if target.robot.mujoco:  # shadows and smoothing are most of the work where no graphics card does it
        env.unwrapped.model.vis.quality.shadowsize = env.unwrapped.model.vis.quality.offsamples = 0
    if target.robot.name == "invertedpendulum":  # its camera stands so near that a longer pole is cut off
        renderer = env.unwrapped.mujoco_renderer
        renderer.default_cam_config = renderer.default_cam_config | {"distance": 3.5}
    inner = env.unwrapped
    step_seconds = getattr(inner, "dt", None) or getattr(inner, "tau", None) or 1 / env.metadata["render_fps"]
    rate = 1 / float(step_seconds)
    stride = max(1, round(rate / FRAMES_A_SECOND))
    frames: list[Image.Image] = []
    total = 0.0
    try:
        seen, _ = env.reset(seed=seed)
        for step in range(int(seconds * rate)):
            if step % stride == 0:
                frames.append(_written(_small(env.render()), f"return {total:.0f}"))
            action = policy(np.asarray(seen)[None])[0]
            seen, reward, terminated, truncated, _ = env.step(action)
            total += float(reward)
            if terminated or truncated:
                seed, total = seed + 1, 0.0
                seen, _ = env.reset(seed=seed)
    finally:
        env.close()
    return frames, rate / stride


def _small(pixels: np.ndarray) -> Image.Image:
    picture = Image.fromarray(np.asarray(pixels, dtype=np.uint8))
    scale = min(1.0, (PIXELS / (picture.width * picture.height)) ** 0.5)
    return picture.resize((round(picture.width * scale), round(picture.height * scale)), Image.Resampling.BOX)


def _written(picture: Image.Image, text: str) -> Image.Image:
    """`text` in the lower left corner, to be read on dark and on light."""
    font = ImageFont.load_default(size=15)
    ImageDraw.Draw(picture).text((6, picture.height - 23), text, "white", font, stroke_width=2, stroke_fill="black")
    return picture


def write(path: Path, frames: Sequence[Image.Image], rate: float) -> None:
    """An endless animated GIF of at most MOST_BYTES, or as small as it gets."""
    whole = path.with_name(f".{path.name}.partial")
    for scale, colours in SMALLER:
        size = (round(frames[0].width * scale), round(frames[0].height * scale))
        resized = [frame.resize(size, Image.Resampling.BOX) if scale < 1 else frame for frame in frames]
        palette = _together(resized).quantize(colours, method=Image.Quantize.MEDIANCUT)
        indexed = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in resized]
        indexed[0].save(
            whole,
            format="GIF",
            save_all=True,
            append_images=indexed[1:],
            duration=10 * round(100 / rate),
            loop=0,
            optimize=True,
        )
        if whole.stat().st_size <= MOST_BYTES:
            break
    whole.replace(path)


def _together(frames: Sequence[Image.Image]) -> Image.Image:
    """A few frames side by side, for the colours that all share."""
    few = frames[:: max(1, len(frames) // 8)]
    sheet = Image.new("RGB", (sum(frame.width for frame in few), few[0].height))
    for number, frame in enumerate(few):
        sheet.paste(frame, (number * few[0].width, 0))
    return sheet


def main(job: Path) -> None:
    order = json.loads(job.read_text(encoding="utf-8"))
    for film in order["films"]:
        with np.load(job.parent / film["policy"], allow_pickle=False) as arrays:
            policy = from_arrays(dict(arrays))
        frames, rate = filmed(policy, Target.parse(film["target"]), order["seed"], order["seconds"])
        write(Path(order["out"]) / f"{film['name']}.gif", frames, rate)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
