"""What a speech model is made of, read off its configuration: no weights are needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, WhisperForConditionalGeneration

from engines.contract import ModelCard, Stage
from engines.speech import ctc, whisper
from engines.speech.audio import RATE
from engines.speech.heard import Heard
from engines.training.staged import StageModule, count

SECONDS = 10
"""A CTC model's cost grows with the clip: its numbers are those of ten seconds. Whisper always hears thirty."""


def card_of(name: str, folder: Path, **more: Any) -> ModelCard:
    """The card of the model that config.json in `folder` describes. Raises ValueError for another kind of model."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    return described(name, config, kind, **more)


def described(name: str, config: Any, kind: str, **more: Any) -> ModelCard:
    """A card whose sizes are measured on a network without weights; `more` overrides what is said in words."""
    with torch.device("meta"):
        if kind == "whisper":
            model: Any = WhisperForConditionalGeneration(config)
            states = torch.empty(2 * config.max_source_positions, config.num_mel_bins)
            stages, head = whisper._stages(model), whisper.Decoder(model)
            said = "up to 30 s of speech, 16 kHz"
        elif kind in ctc.KINDS:
            model = ctc.KINDS[kind](config)
            states = torch.empty(SECONDS * RATE, 1)
            stages, head = ctc._stages(model), ctc.Emitting(model.lm_head)  # type: ignore[assignment]
            said = "speech, 16 kHz"
        else:
            raise ValueError(f"{kind} writes down no speech")
    model.eval()
    parameters = count(model.parameters())
    words = {
        "title": name.split("/")[-1].replace("-", " "),
        "family": {"whisper": "Whisper", "wav2vec2": "wav2vec 2.0", "hubert": "HuBERT", "wavlm": "WavLM"}[kind],
        "download_bytes": 4 * parameters + 1,
        "licence": "not stated",
        "source": f"{name} on the Hugging Face hub",
        "source_task": "speech recognition",
        "input": said,
    }
    return ModelCard(
        name=name,
        parameters=parameters,
        stages=tuple(_measured(stages, Heard([states], torch.empty(1, 0, dtype=torch.int64, device="meta")))),
        head_inputs=config.d_model if kind == "whisper" else config.hidden_size,
        head_parameters=count(head.parameters()),
        head_stays=kind == "whisper",
        **{**words, **more},
    )


def _measured(stages: list[StageModule], x: Heard) -> list[Stage]:
    measured = []
    for stage in stages:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            x = stage.run(x)
        measured.append(Stage(stage.name, count(stage.parameters()), counter.get_total_flops() // 2))
    return measured
