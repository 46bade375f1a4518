"""The one speaker encoder that comes with Headstart, and its sizes. Light: pages read it."""

from __future__ import annotations

from engines.contract import InputError, ModelCard, Problem, Stage
from engines.messages import _

NAME = "ge2e"
BANDS, FRAMES, WIDTH, LAYERS = 40, 160, 256, 3
"""Mel bands, frames of one look (1.6 s), width of the embedding, LSTM layers."""
LOOKS = 5
"""Looks at each clip, spread evenly over it; a shorter clip is looked at over and over."""


def card() -> ModelCard:
    """Every number follows from the sizes."""
    stages = []
    for number in range(LAYERS):
        reads = BANDS if number == 0 else WIDTH
        own, cost = 4 * WIDTH * (reads + WIDTH + 2), LOOKS * FRAMES * 4 * WIDTH * (reads + WIDTH)
        if number == LAYERS - 1:  # and the projection
            own, cost = own + (WIDTH + 1) * WIDTH, cost + LOOKS * WIDTH * WIDTH
        stages.append(Stage(str(number + 1), own, cost))
    return ModelCard(
        name=NAME,
        title=_("GE2E speaker encoder"),
        family="LSTM",
        parameters=sum(stage.parameters for stage in stages) + 2,  # two that only its own training used
        download_bytes=17_090_379,
        licence="Apache-2.0",
        source=_("Resemble AI, in the package resemblyzer"),
        source_task=_("telling thousands of speakers apart (LibriSpeech, VoxCeleb)"),
        input=_("1.6 s of speech, several times over, 16 kHz"),
        stages=tuple(stages),
        head_inputs=WIDTH,
        package="resemblyzer",
        sha256="39373b86598fa3da9fcddee6142382efe09777e8d37dc9c0561f41f0070f134e",
    )


def find(name: str) -> ModelCard:
    """Raises InputError for any other name."""
    if name != NAME:
        raise InputError(
            Problem(
                _("model {name}", name=name),
                _("there is no speaker encoder of that name"),
                _("accepted: {name}", name=NAME),
            )
        )
    return card()
