"""Whisper as stages: its encoder's layers, and its decoder as the head. Radford et al. 2022, 'Robust speech
recognition via large-scale weak supervision'. It always hears 30 seconds: shorter windows make it invent words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    AddedToken,
    Cache,
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)

from engines import weights
from engines.speech.audio.files import RATE
from engines.speech.models import ctranslate2
from engines.speech.models.states import IGNORED, Answers, EncoderStates, Transcript
from engines.training.staged import Staged, StageModule

MOST_TOKENS = 224
"""As in the original: half of what the decoder remembers."""
TOKENS_A_SECOND, TOKENS_AT_LEAST = 10, 12
"""Nobody speaks faster. A decoder that goes round in circles stops there."""


class Decoder(nn.Module):
    """The head: reads the encoder's states and the words so far, answers with the next token's logits (B, L, V)."""

    def __init__(self, model: WhisperForConditionalGeneration):
        super().__init__()
        self._model = (model,)  # in a tuple: the vocabulary's weights are not the head's own
        self.layers, self.layer_norm = model.model.decoder.layers, model.model.decoder.layer_norm

    def forward(self, x: EncoderStates) -> Tensor:
        (model,) = self._model
        states = torch.stack(x.states)  # (B, T, D)
        read = model.model.decoder(input_ids=x.spelt, encoder_hidden_states=states, use_cache=False)
        logits: Tensor = model.proj_out(read.last_hidden_state)
        return logits


class Whisper:
    """See `recogniser.Recogniser`."""

    decodes = True

    def __init__(
        self,
        model: WhisperForConditionalGeneration,
        tokenizer: WhisperTokenizer,
        extractor: WhisperFeatureExtractor,
        language: str = "en",
    ):
        self.model, self.tokenizer, self.extractor, self.language = model.eval(), tokenizer, extractor, language
        self.head = Decoder(model)
        self.network = Staged(model, stages(model), lambda: self.head)  # its head is no linear layer, and stays

    @property
    def is_multilingual(self) -> bool:
        return bool(self.model.config.vocab_size >= 51865)

    @property
    def languages(self) -> str:
        return "many languages" if self.is_multilingual else "English"

    @property
    def prompt(self) -> list[int]:
        """What the decoder is told first: the language, and that no times are wanted."""
        told = ["<|startoftranscript|>"]
        if self.is_multilingual:
            told += [f"<|{self.language}|>", "<|transcribe|>"]
        return [_id(self.tokenizer, token) for token in (*told, "<|notimestamps|>")]

    def hear(self, samples: np.ndarray) -> Tensor:
        features = self.extractor(samples, sampling_rate=RATE, return_tensors="pt").input_features[0]  # (mel, 3000)
        return features.T.contiguous()

    def frames(self, samples: int) -> int:
        del samples  # 30 s, whatever there is
        return int(self.model.config.max_source_positions)

    @property
    def width(self) -> int:
        return int(self.model.config.d_model)

    def spell(self, text: str) -> tuple[list[int], list[int]]:
        written = self.tokenizer(" " + text.strip(), add_special_tokens=False).input_ids
        if len(written) > MOST_TOKENS:
            raise ValueError(f"has a transcript of {len(written)} tokens, accepted: {MOST_TOKENS}")
        told = self.prompt
        return told + written, [IGNORED] * (len(told) - 1) + written + [self.tokenizer.eos_token_id]

    def loss(self, outputs: Tensor, targets: Answers, smoothing: float) -> Tensor:
        return F.cross_entropy(outputs.transpose(1, 2), targets.ids, ignore_index=IGNORED, label_smoothing=smoothing)

    def write(self, heard: EncoderStates, start: int, seconds: Sequence[float]) -> list[Transcript]:
        with torch.no_grad():
            states = torch.stack(self.network.run(heard, start, len(self.network.stages)).states)
            limits = [min(MOST_TOKENS, TOKENS_AT_LEAST + round(TOKENS_A_SECOND * s)) for s in seconds]
            written, sure = surely(self.model, states, self.prompt, limits)
        texts = [self.tokenizer.decode(tokens, skip_special_tokens=True).strip() for tokens in written]
        return [Transcript(*own) for own in zip(texts, sure, strict=True)]

    def fixed(self) -> list[nn.Parameter]:
        decoder, encoder = self.model.model.decoder, self.model.model.encoder
        return [decoder.embed_tokens.weight, decoder.embed_positions.weight, encoder.embed_positions.weight]

    def adaptable(self) -> list[str]:
        return [
            name for name, module in self.model.named_modules() if isinstance(module, nn.Linear) and ".layers." in name
        ]

    def save(self, folder: Path) -> None:
        for part in (self.model, self.tokenizer, self.extractor):
            part.save_pretrained(folder)


def greedy(
    model: WhisperForConditionalGeneration, states: Tensor, prompt: list[int], limits: Sequence[int]
) -> list[list[int]]:
    """The likeliest token, one after another, for encoder states (B, T, D); at most so many tokens for each.

    What `generate` does with one beam, without starting the encoder anew.
    """
    return surely(model, states, prompt, limits)[0]


def surely(
    model: WhisperForConditionalGeneration, states: Tensor, prompt: list[int], limits: Sequence[int]
) -> tuple[list[list[int]], list[float]]:
    """As `greedy`, and of each the mean log-probability of its tokens, the one that ends it among them."""
    config = model.generation_config
    suppressed, first = list(config.suppress_tokens or []), list(config.begin_suppress_tokens or [])
    end, batch = model.config.eos_token_id, len(states)
    tokens = torch.tensor([prompt] * batch, device=states.device)  # (B, L)
    written: list[list[int]] = [[] for _ in range(batch)]
    sure: list[list[float]] = [[] for _ in range(batch)]
    open_ = set(range(batch))
    remembered: Cache | None = None
    for step in range(max(limits)):
        read = model.model.decoder(
            input_ids=tokens, encoder_hidden_states=states, past_key_values=remembered, use_cache=True
        )
        remembered = read.past_key_values
        logits = model.proj_out(read.last_hidden_state[:, -1]).float()  # (B, V)
        logits[:, suppressed] = -torch.inf
        if step == 0:
            logits[:, first] = -torch.inf
        likeliest, chosen = logits.log_softmax(1).max(1)
        for i, (token, likely) in enumerate(zip(chosen.tolist(), likeliest.tolist(), strict=True)):
            if i not in open_:
                continue
            sure[i].append(likely)
            if token != end:
                written[i].append(token)
            if token == end or len(written[i]) >= limits[i]:
                open_.discard(i)
        if not open_:
            break
        tokens = chosen[:, None]
    return written, [sum(own) / len(own) for own in sure]


def stages(model: WhisperForConditionalGeneration) -> list[StageModule]:
    encoder = model.model.encoder

    def stem(x: EncoderStates) -> EncoderStates:
        def run(mel: Tensor) -> Tensor:  # (B, 3000, mel) -> (B, 1500, D)
            waves = F.gelu(encoder.conv2(F.gelu(encoder.conv1(mel.transpose(1, 2)))))
            return waves.transpose(1, 2) + encoder.embed_positions.weight

        return x.together(run)

    def layer(number: int) -> StageModule:
        last = number == len(encoder.layers) - 1

        def run(states: Tensor) -> Tensor:
            states = encoder.layers[number](states, None)
            return encoder.layer_norm(states) if last else states

        modules = (encoder.layers[number], encoder.layer_norm) if last else (encoder.layers[number],)
        return StageModule(str(number + 1), lambda x: x.together(run), lambda: modules)

    return [
        StageModule("ear", stem, lambda: (encoder.conv1, encoder.conv2)),
        *(layer(number) for number in range(len(encoder.layers))),
    ]


# --- where it comes from --------------------------------------------------------------------------


def is_ctranslate2(path: Path) -> bool:
    """By its first bytes: version 6, then the name of the kind of model."""
    with path.open("rb") as file:
        start = file.read(20)
    return start[:4] == b"\6\0\0\0" and b"WhisperSpec" in start


def from_ctranslate2(path: Path) -> Whisper:
    """The model in a CTranslate2 file, whole or in parts; its tokenizer.json and config.json lie beside it.

    Raises OSError, ValueError or RuntimeError unless every weight finds its place.
    """
    state = ctranslate2.whisper(ctranslate2.read(weights.parts(path)))
    vocabulary, width = state["proj_out.weight"].shape
    layers = 1 + max(int(name.split(".")[3]) for name in state if name.startswith("model.encoder.layers."))
    known = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
    tokenizer = tokenizer_from(path.parent / "tokenizer.json")
    end, begin = tokenizer.eos_token_id, _id(tokenizer, "<|startoftranscript|>")
    config = WhisperConfig(
        vocab_size=vocabulary,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=width // 64,
        decoder_attention_heads=width // 64,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        num_mel_bins=state["model.encoder.conv1.weight"].shape[1],
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=begin,
        begin_suppress_tokens=None,
    )
    with torch.device("meta"):
        model = WhisperForConditionalGeneration(config)
    model.load_state_dict(state, strict=True, assign=True)
    model.tie_weights()
    model.generation_config = GenerationConfig(
        bos_token_id=end,
        eos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=begin,
        max_length=448,
        suppress_tokens=known["suppress_ids"],
        begin_suppress_tokens=known["suppress_ids_begin"],
        alignment_heads=known.get("alignment_heads"),
        is_multilingual=vocabulary >= 51865,
        no_timestamps_token_id=tokenizer.convert_tokens_to_ids("<|notimestamps|>"),
        return_timestamps=False,
        prev_sot_token_id=tokenizer.convert_tokens_to_ids("<|startofprev|>"),
        max_initial_timestamp_index=50,
    )
    if vocabulary >= 51865:
        languages = [token for token in tokenizer.get_vocab() if token.startswith("<|") and len(token) in {6, 7}]
        tasks = {task: _id(tokenizer, f"<|{task}|>") for task in ("transcribe", "translate")}
        settings: Any = model.generation_config
        settings.lang_to_id, settings.task_to_id = {t: _id(tokenizer, t) for t in languages}, tasks
    return Whisper(model, tokenizer, WhisperFeatureExtractor(feature_size=config.num_mel_bins))


def _id(tokenizer: WhisperTokenizer, token: str) -> int:
    found = tokenizer.convert_tokens_to_ids(token)
    assert isinstance(found, int)
    return found


def tokenizer_from(file: Path) -> WhisperTokenizer:
    """Whisper's tokenizer out of the tokenizer.json that the tokenizers library wrote."""
    known = json.loads(file.read_text(encoding="utf-8"))
    merges = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in known["model"]["merges"]]
    tokenizer = WhisperTokenizer(vocab=known["model"]["vocab"], merges=merges)
    tokenizer.add_tokens(
        [AddedToken(t["content"], special=True, normalized=False) for t in known["added_tokens"]], special_tokens=True
    )
    if any(tokenizer.convert_tokens_to_ids(t["content"]) != t["id"] for t in known["added_tokens"]):
        raise ValueError("the special tokens do not get their numbers")
    return tokenizer


def from_folder(folder: Path) -> Whisper:
    """A checkpoint in Transformers' own files. Raises OSError or ValueError."""
    model = WhisperForConditionalGeneration.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    tokenizer = WhisperTokenizer.from_pretrained(folder, local_files_only=True)
    extractor = WhisperFeatureExtractor.from_pretrained(folder, local_files_only=True)
    return Whisper(model, tokenizer, extractor)
