"""The knobs of the vision tasks. Light: pages read it."""

from __future__ import annotations

from dataclasses import dataclass

from engines.contract import setting
from engines.training.settings import TrainSettings


@dataclass(frozen=True)
class VisionSettings(TrainSettings):
    """How pictures become inputs, beside how the network learns."""

    augment: str = setting("light", "How much training pictures are varied", choices=("none", "light", "strong"))
    flip: bool = setting(True, "Also show mirror images; turn off where left and right matter, as in writing")
    framing: str = setting("pad", "Keep the whole picture (pad) or its middle square (crop)", choices=("pad", "crop"))
    image_size: int | None = setting(
        None, "Side of the input in pixels; by default what the model saw", low=32, high=1024
    )
