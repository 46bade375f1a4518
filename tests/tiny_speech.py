"""Speech models of a few thousand parameters in the hub's own files, and clips, all made here."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from engines.speech import samples

WINDOW = 4  # seconds that the tiny Whisper hears; the real ones hear 30
LETTERS = "abcdefghijklmnopqrstuvwxyz'"
VOICES = ("espeak Scotland", "flite awb", "flite slt")
A_VOICE = 8  # clips


def write_whisper(folder: Path, *, layers: int = 2, width: int = 16, vocabulary: int | None = None) -> Path:
    """A Whisper of random weights, always the same, that spells byte by byte."""
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import (
        AddedToken,
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    letters = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = WhisperTokenizer(vocab=letters, merges=[])
    special = [
        "<|endoftext|>",
        "<|startoftranscript|>",
        "<|en|>",
        "<|transcribe|>",
        "<|startofprev|>",
        "<|notimestamps|>",
    ]
    tokenizer.add_tokens([AddedToken(t, special=True, normalized=False) for t in special], special_tokens=True)
    end, begin = (tokenizer.convert_tokens_to_ids(t) for t in special[:2])
    config = WhisperConfig(
        vocab_size=vocabulary or len(tokenizer),
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=2 * width,
        decoder_ffn_dim=2 * width,
        num_mel_bins=16,
        max_source_positions=50 * WINDOW,
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=begin,
        begin_suppress_tokens=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=begin,
        suppress_tokens=[begin],
        begin_suppress_tokens=[end],
        is_multilingual=False,
        return_timestamps=False,
        no_timestamps_token_id=tokenizer.convert_tokens_to_ids("<|notimestamps|>"),
    )
    for part in (model, tokenizer, WhisperFeatureExtractor(feature_size=16, chunk_length=WINDOW)):
        part.save_pretrained(folder)
    return folder


def write_ctc(folder: Path, kind: str, **changes: Any) -> Path:
    """A wav2vec 2.0, HuBERT or WavLM of random weights, always the same, with a head for LETTERS."""
    import torch
    from transformers import (
        HubertConfig,
        HubertForCTC,
        Wav2Vec2Config,
        Wav2Vec2CTCTokenizer,
        Wav2Vec2FeatureExtractor,
        Wav2Vec2ForCTC,
        WavLMConfig,
        WavLMForCTC,
    )

    configs: dict[str, Any] = {"wav2vec2": Wav2Vec2Config, "hubert": HubertConfig, "wavlm": WavLMConfig}
    models: dict[str, Any] = {"wav2vec2": Wav2Vec2ForCTC, "hubert": HubertForCTC, "wavlm": WavLMForCTC}
    vocabulary = {token: number for number, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *LETTERS])}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    tokenizer = Wav2Vec2CTCTokenizer(str(folder / "vocab.json"))
    config = configs[kind](
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        conv_dim=(8,) * 7,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        pad_token_id=0,
        **changes,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = models[kind](config)
    for part in (model, tokenizer, Wav2Vec2FeatureExtractor()):
        part.save_pretrained(folder)
    return folder


def write_bundle(cache: Path, *, large: bool) -> Any:
    """A bundle of torchaudio's of random weights, in torch's cache as torchaudio's download leaves it: with the rows of
    fairseq's dictionary that no letter has."""
    import torch
    from torchaudio.models import wav2vec2_model
    from torchaudio.pipelines import WAV2VEC2_ASR_BASE_960H, WAV2VEC2_ASR_LARGE_LV60K_960H, Wav2Vec2ASRBundle

    known = WAV2VEC2_ASR_LARGE_LV60K_960H if large else WAV2VEC2_ASR_BASE_960H
    convolutions = [(8, kernel, stride) for _, kernel, stride in known._params["extractor_conv_layer_config"]]
    shape = {
        **known._params,
        "extractor_conv_layer_config": convolutions,
        "encoder_embed_dim": 16,
        "encoder_num_layers": 2,
        "encoder_num_heads": 2,
        "encoder_ff_interm_features": 32,
        "encoder_pos_conv_kernel": 4,
        "encoder_pos_conv_groups": 2,
    }
    bundle = Wav2Vec2ASRBundle("tiny_asr.pth", shape, 16_000, large, "Wav2Vec2", _labels=known._labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = wav2vec2_model(**shape).state_dict()
    for name in ("aux.weight", "aux.bias"):
        state[name] = torch.cat([state[name][:1], torch.full_like(state[name][:3], 99.0), state[name][1:]])
    (cache / "hub" / "checkpoints").mkdir(parents=True, exist_ok=True)
    torch.save(state, cache / "hub" / "checkpoints" / "tiny_asr.pth")
    return bundle


def write_models(models: Path) -> None:
    """The tiny Whisper and a speaker encoder of random weights, where HEADSTART_MODELS is looked in."""
    import torch
    from safetensors.torch import save_file

    from engines.speech.models.ge2e_network import Encoder

    write_whisper(models / "tiny-whisper")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = {n: t for n, t in Encoder(1).state_dict().items() if not n.startswith("head")}
    (models / "ge2e").mkdir(parents=True, exist_ok=True)
    save_file(state, models / "ge2e" / "model.safetensors")


def write_clips(folder: Path, n: int) -> Path:
    """Clips of the Scottish sample that comes with Headstart, with their metadata.csv, not split."""
    return _written(folder, _known("scottish")[20 : 20 + n])


def write_voices(folder: Path) -> Path:
    """A_VOICE clips of each of VOICES, of the sample that comes with Headstart."""
    rows = _known("voices")
    chosen = [row for voice in VOICES for row in [r for r in rows if r["speaker"] == voice][:A_VOICE]]
    return _written(folder, chosen)


def _known(sample: str) -> list[dict[str, str]]:
    with (samples.SHIPPED / sample / "metadata.csv").open(encoding="utf-8", newline="") as file:
        return [{**row, "path": str(samples.SHIPPED / sample / row["file_name"])} for row in csv.DictReader(file)]


def _written(folder: Path, rows: list[dict[str, str]]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    kept = []
    for number, row in enumerate(rows):
        name = f"clip-{number:02d}.ogg"
        shutil.copyfile(row["path"], folder / name)
        own = {column: row[column] for column in ("transcription", "speaker", "accent")}
        kept.append({"file_name": name, **own})
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(kept[0]))
        table.writeheader()
        table.writerows(kept)
    return folder


def tone(seconds: float, rate: int = 16_000, channels: int = 1, loud: float = 0.3) -> np.ndarray:
    """float32 (N, channels): a tone that comes and goes, as syllables do."""
    time = np.arange(round(seconds * rate)) / rate
    wave = loud * np.sin(2 * np.pi * 220 * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    return np.repeat(wave[:, None], channels, axis=1).astype(np.float32)


def write_new(folder: Path) -> tuple[Path, str]:
    """Two clips that can be read and one that cannot."""
    folder.mkdir(parents=True)
    source = samples.SHIPPED / "scottish" / "scottish"
    for number in (0, 1):
        shutil.copyfile(source / f"test-{number:02d}.ogg", folder / f"new-{number}.ogg")
    (folder / "notes.wav").write_text("this is no sound")
    return folder, "notes.wav"
