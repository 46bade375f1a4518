"""wav2vec 2.0, HuBERT and WavLM with a CTC head as stages. Baevski et al. 2020; Hsu et al. 2021; Chen et al. 2022.

Clips run through the convolutions one by one, without padding: their group norm would hear the padding, and an answer
would depend on the neighbours in its batch. Behind them a card gets all clips at once, padded and masked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import HubertForCTC, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC, WavLMForCTC

from engines.messages import _
from engines.speech.audio.files import RATE
from engines.speech.models.states import Answers, EncoderStates, Transcript
from engines.training.staged import Staged, StageModule

CtcModel = Wav2Vec2ForCTC | HubertForCTC | WavLMForCTC
KINDS: dict[str, type[CtcModel]] = {"wav2vec2": Wav2Vec2ForCTC, "hubert": HubertForCTC, "wavlm": WavLMForCTC}


class Emitting(nn.Module):
    """The head: logits (B, T, V) over letters for each state, padded, and how many each clip has."""

    def __init__(self, head: nn.Linear):
        super().__init__()
        self.lm_head = head

    def forward(self, x: EncoderStates) -> tuple[Tensor, Tensor]:
        lengths = torch.tensor([len(state) for state in x.states])
        return pad_sequence([self.lm_head(state) for state in x.states], batch_first=True), lengths


class Ctc:
    """See `recogniser.Recogniser`."""

    decodes = False
    languages = _("the letters it was trained with")

    def __init__(self, model: CtcModel, tokenizer: Wav2Vec2CTCTokenizer, extractor: Wav2Vec2FeatureExtractor):
        model.config.mask_time_prob = model.config.mask_feature_prob = model.config.layerdrop = 0.0
        self.model, self.tokenizer, self.extractor = model.eval(), tokenizer, extractor
        self.head = Emitting(model.lm_head)
        self.network = Staged(model, stages(model), lambda: self.head)  # its head is no linear layer, and stays
        letters = [token for token in tokenizer.get_vocab() if len(token) == 1 and token.isalpha()]
        self.upper = sum(letter.isupper() for letter in letters) > len(letters) / 2

    def hear(self, samples: np.ndarray) -> Tensor:
        values = self.extractor(samples, sampling_rate=RATE, return_tensors="pt").input_values[0]
        return values[:, None]  # (N, 1)

    def frames(self, samples: int) -> int:
        return int(self.model._get_feat_extract_output_lengths(samples))

    @property
    def width(self) -> int:
        return int(self.model.config.hidden_size)

    def spell(self, text: str) -> tuple[list[int], list[int]]:
        known = self.tokenizer.get_vocab()
        written = " ".join(text.split())
        written = written.upper() if self.upper else written.lower()
        letters = "".join(c for c in written if c == " " or c in known)
        answer = [int(i) for i in self.tokenizer(letters.strip()).input_ids]
        if not letters.strip() or len(letters) < 0.5 * len(written):
            raise ValueError(_("has a transcript in letters that this model does not know"))
        return [], answer

    def loss(self, outputs: tuple[Tensor, Tensor], targets: Answers, smoothing: float) -> Tensor:
        logits, lengths = outputs
        ids, probabilities = targets.ids, F.log_softmax(logits.float(), dim=-1).transpose(0, 1)  # (T, B, V)
        if logits.device.type == "mps":  # for which PyTorch has no such loss
            ids, probabilities = ids.cpu(), probabilities.cpu()
        summed = F.ctc_loss(
            probabilities,
            ids.clamp_min(0),
            lengths,
            targets.lengths,
            blank=self.tokenizer.pad_token_id,
            reduction="sum",
            zero_infinity=True,
        )
        return summed / int(targets.lengths.sum())

    def write(self, heard: EncoderStates, start: int, seconds: Sequence[float]) -> list[Transcript]:
        with torch.no_grad():
            logits, lengths = self.head(self.network.run(heard, start, len(self.network.stages)))
        found = []
        for row, length in zip(logits.float().log_softmax(-1), lengths.tolist(), strict=True):
            likeliest, letters = row[:length].max(-1)
            found.append(Transcript(self.tokenizer.decode(letters.tolist()).strip(), float(likeliest.mean())))
        return found

    def fixed(self) -> list[nn.Parameter]:
        """Its mask is used where it was pretrained, not here."""
        base = getattr(self.model, self.model.base_model_prefix)
        return [base.masked_spec_embed] if getattr(base, "masked_spec_embed", None) is not None else []

    def adaptable(self) -> list[str]:
        return [
            name
            for name, module in self.model.named_modules()
            if isinstance(module, nn.Linear) and ".layers." in name and not name.endswith("gru_rel_pos_linear")
        ]

    def save(self, folder: Path) -> None:
        for part in (self.model, self.tokenizer, self.extractor):
            part.save_pretrained(folder)


def kind(folder: Path) -> type[CtcModel] | None:
    """Which of KINDS the config.json in `folder` names; None for another or none."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return KINDS.get(config.get("model_type", ""))


def from_folder(folder: Path) -> Ctc:
    """A checkpoint in Transformers' own files. Raises OSError or ValueError."""
    known = kind(folder)
    if known is None:
        raise ValueError(_("config.json names no CTC model"))
    model = known.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder, local_files_only=True)
    return Ctc(model, tokenizer, Wav2Vec2FeatureExtractor.from_pretrained(folder, local_files_only=True))


def at_once(layer: Callable[[Tensor, Tensor | None], Tensor], x: EncoderStates) -> EncoderStates:
    """All clips through a layer of attention in one call, which takes (B, T, D) and what is added to its scores,
    (B, 1, T, T) or None: padded to the longest, the padding out of sight. The lengths are known without asking."""
    lengths, states = [len(state) for state in x.states], pad_sequence(x.states, batch_first=True)
    mask = None
    if min(lengths) < max(lengths):
        there = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
        hidden = torch.zeros(there.shape).masked_fill_(~there, torch.finfo(states.dtype).min)
        mask = hidden.to(states.device, states.dtype)[:, None, None].expand(-1, 1, max(lengths), -1)
    made = layer(states, mask)
    return EncoderStates([row[:length] for row, length in zip(made, lengths, strict=True)], x.spelt)


def stages(model: CtcModel) -> list[StageModule]:
    base = getattr(model, model.base_model_prefix)
    encoder = base.encoder
    layers, norm_first = encoder.layers, not model.config.do_stable_layer_norm

    def ear(x: EncoderStates) -> EncoderStates:
        def run(samples: Tensor) -> Tensor:  # (B, N, 1) -> (B, T, D)
            features = base.feature_extractor(samples[:, :, 0]).transpose(1, 2)
            projected = base.feature_projection(features)
            states = projected[0] if isinstance(projected, tuple) else projected
            states = states + encoder.pos_conv_embed(states)
            return encoder.layer_norm(states) if norm_first else states

        return EncoderStates([run(state[None])[0] for state in x.states], x.spelt)

    def layer(number: int) -> StageModule:
        last = number == len(layers) - 1

        def run(states: Tensor, mask: Tensor | None = None) -> Tensor:  # (B, T, D), of attention (B, 1, T, T)
            if model.config.model_type == "wavlm":
                bias = layers[0].attention.compute_bias(states.shape[1], states.shape[1])
                bias = bias.unsqueeze(0).view(-1, *bias.shape[-2:])
                states = layers[number](states, attention_mask=None, position_bias=bias, index=number)[0]
            else:
                states = layers[number](states, attention_mask=mask)
            if isinstance(states, tuple):
                states = states[0]
            return states if norm_first or not last else encoder.layer_norm(states)

        modules = (layers[number],) if norm_first or not last else (layers[number], encoder.layer_norm)

        def through(x: EncoderStates) -> EncoderStates:
            if x.states[0].device.type == "cpu" or model.config.model_type == "wavlm":  # whose mask is of another kind
                return EncoderStates([run(state[None])[0] for state in x.states], x.spelt)
            return at_once(run, x)

        return StageModule(str(number + 1), through, lambda: modules)

    below = [base.feature_extractor, base.feature_projection, encoder.pos_conv_embed]
    ears = (*below, encoder.layer_norm) if norm_first else tuple(below)
    return [StageModule("ear", ear, lambda: ears), *(layer(number) for number in range(len(layers)))]
