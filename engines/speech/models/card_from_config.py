"""What a speech model is made of, read off its configuration: no weights are needed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, WhisperForConditionalGeneration

from engines.contract import ModelCard
from engines.messages import _
from engines.speech.audio.files import RATE
from engines.speech.models import ctc, whisper
from engines.speech.models.states import EncoderStates
from engines.training.staged import count, measured

SECONDS = 10
"""A CTC model's cost grows with the clip: its numbers are those of ten seconds. Whisper always hears thirty."""


def card_of(name: str, folder: Path, **more: str | None) -> ModelCard:
    """The card of the model that config.json in `folder` describes. Raises ValueError for another kind of model."""
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    return described(name, config, kind, **more)


def described(name: str, config: Any, kind: str, **more: str | None) -> ModelCard:
    """A card whose sizes are measured on a network without weights; `more` overrides what is said in words."""
    with torch.device("meta"):
        if kind == "whisper":
            model: Any = WhisperForConditionalGeneration(config)
            states = torch.empty(2 * config.max_source_positions, config.num_mel_bins)
            stages, head = whisper.stages(model), whisper.Decoder(model)
            said = _("up to 30 s of speech, 16 kHz")
        elif kind in ctc.KINDS:
            model = ctc.KINDS[kind](config)
            states = torch.empty(SECONDS * RATE, 1)
            stages, head = ctc.stages(model), ctc.Emitting(model.lm_head)  # type: ignore[assignment]  # another kind of head
            said = _("speech, 16 kHz")
        else:
            raise ValueError(_("{kind} writes down no speech", kind=kind))
    model.eval()
    parameters = count(model.parameters())
    words: dict[str, Any] = {
        "title": name.split("/")[-1].replace("-", " "),
        "family": {"whisper": "Whisper", "wav2vec2": _("wav2vec 2.0"), "hubert": "HuBERT", "wavlm": "WavLM"}[kind],
        "download_bytes": 4 * parameters + 1,
        "licence": _("not stated"),
        "source": _("{name} on the Hugging Face hub", name=name),
        "source_task": _("speech recognition"),
        "input": said,
    }
    return ModelCard(
        name=name,
        parameters=parameters,
        stages=tuple(measured(stages, EncoderStates([states], torch.empty(1, 0, dtype=torch.int64, device="meta")))),
        head_inputs=config.d_model if kind == "whisper" else config.hidden_size,
        head_parameters=count(head.parameters()),
        head_stays=kind == "whisper",
        **{**words, **more},
    )
