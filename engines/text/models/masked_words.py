"""Continued pretraining: an encoder goes on with what it once learnt by, on somebody's own texts without their labels.

Words are masked, and the network learns to say which they were (Devlin et al. 2019; on the texts of one's own task:
Gururangan et al. 2020, "Don't Stop Pretraining"). Sentence encoders come without the head that says words, so that one
is fitted first, over the network as it came: a random one would wreck it. Experimental: docs/few_labels/pretraining.md
says what it gained.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence

from engines.contract import InputError, Problem, Run
from engines.messages import _
from engines.text.duplicates import group_of
from engines.text.models.encoders import is_causal
from engines.text.models.pooled import PooledForSequenceClassification
from engines.text.models.tokenising import Reader, TokenReader, read_all
from engines.training import devices
from engines.training.array_cache import key
from engines.training.staged import Staged
from engines.training.transfer import TrainSpec

FEWEST = 30
MOST = 2000
"""Texts that are read; of more, so many are drawn by the seed."""
SHARE, BECOME_MASK, BECOME_OTHER = 0.15, 0.8, 0.1
"""Of the tokens so many are asked for; of these so many are masked, and so many become another word."""
RATE, HEAD_RATE = 5e-5, 1e-3
BATCH = 16
"""Windows a step."""


@dataclass
class ContinuedPretraining:
    """Somebody's texts, and how an encoder goes on with them."""

    reader: Reader
    texts: Sequence[str]
    passes: int
    seed: int
    run: Run
    """In whose folder the weights are kept until it ends."""

    def behind(self, spec: TrainSpec) -> TrainSpec:
        """The spec with what comes of it in the place of the weights that the model came with; it is learnt when they
        are first asked for. Raises Cancelled, then."""
        name = key("masked words", spec.weights, self.reader.identity, list(self.texts), self.passes, self.seed)

        def build(pretrained: bool) -> Staged:
            network = spec.build(pretrained)
            if pretrained:
                model: Any = network.model
                model.backbone.load_state_dict(self.learnt(spec, name), strict=False)  # one that ends early has fewer
            return network

        return replace(spec, build=build, weights=name)

    def learnt(self, spec: TrainSpec, name: str) -> dict[str, Tensor]:
        """The backbone's weights, by the names they have in it. What a stopped run had come to is not learnt again."""
        file = self.run.path / "checkpoint" / f"masked-words-{name}.safetensors"
        if not file.is_file():
            network: Any = spec.build(True).to(spec.on.device)
            self.learn(network.model, spec.on)
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_suffix(f".{os.getpid()}")
            state = {name: tensor.detach().cpu() for name, tensor in network.model.backbone.state_dict().items()}
            save_file({name: tensor.contiguous() for name, tensor in state.items()}, partial)
            partial.replace(file)
        return load_file(file)

    def learn(self, model: PooledForSequenceClassification, on: Accelerator) -> list[float]:
        """The mean loss of each pass, the first of which is the new head's alone. Raises Cancelled."""
        run, reader = self.run, self.reader
        assert isinstance(reader, TokenReader)  # `require` has seen it
        title = _("Going on with masked words: {n:,} texts", n=len(self.texts))
        run.emit("phase", name="masked words", title=title, series="aside")
        read = read_all(reader, self.texts, lambda *_: run.check_cancelled())
        windows = [window for own in read for window in own.windows]
        devices.seed_everything(self.seed, "masked words")
        words, generator = MaskedWords(model.backbone, reader).to(on.device), torch.Generator().manual_seed(self.seed)
        steps = math.ceil(len(windows) / BATCH)
        passes, losses = 1 + self.passes, list[float]()
        for number in range(passes):
            if number < 2:
                model.requires_grad_(number > 0)
                words.train(number > 0)
                learning = [p for p in words.parameters() if p.requires_grad]
                optimiser = torch.optim.AdamW(learning, lr=RATE if number else HEAD_RATE)
            told = list[Tensor]()
            for at, (ids, mask) in enumerate(batches(windows, reader.padding, generator), start=1):
                run.check_cancelled()
                with on.autocast():
                    loss = words.loss(ids, mask, generator)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                told.append(loss.detach())  # read once a pass: each look would wait for the card
                done = number * steps + at
                run.emit("progress", phase="masked words", done=done, total=passes * steps, unit=_("steps"))
            losses.append(sum(torch.stack(told).tolist()) / steps)
        return losses


def require(network: Staged, reader: Reader, name: str) -> None:
    """Raises InputError for a network that was not made to read with words masked."""
    model = network.model
    masks = isinstance(reader, TokenReader) and reader.tokenizer.mask_token_id is not None
    if not masks or not isinstance(model, PooledForSequenceClassification) or is_causal(model.backbone.config):
        found = _("{name} does not read texts in which words are masked", name=name)
        raise InputError(Problem(_("setting masked_words"), found, _("accepted: 0, or an encoder such as BERT")))


def some(texts: Sequence[str], tested: Collection[str], seed: int) -> list[str]:
    """At most MOST of the texts, each once, and none of those that are tested on. Raises InputError where that leaves
    fewer than FEWEST."""
    apart = {group_of(text) for text in tested}
    known = [text for text in dict.fromkeys(texts) if group_of(text) not in apart]
    if len(known) < FEWEST:
        found = _("only {n} texts to go on with that are not tested on", n=len(known))
        accepted = _("accepted: 0, or {fewest} texts, with or without a class", fewest=FEWEST)
        raise InputError(Problem(_("setting masked_words"), found, accepted))
    return random.Random(seed).sample(known, min(MOST, len(known)))


class MaskedWords(nn.Module):
    """An encoder with a head that says which word stood in a place: BERT's own, whose last layer is the words."""

    def __init__(self, backbone: Any, reader: TokenReader):
        super().__init__()
        words: nn.Embedding = backbone.get_input_embeddings()
        width = words.embedding_dim
        self.backbone, self.words = backbone, words
        self.head = nn.Sequential(nn.Linear(backbone.config.hidden_size, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(words.num_embeddings))
        tokenizer = reader.tokenizer
        self.mask_id = int(tokenizer.mask_token_id)  # `require` has seen it
        self.special = torch.tensor(sorted(tokenizer.all_special_ids))

    def masked(self, ids: Tensor, mask: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """ids int64 (B, T) with some replaced, and bool (B, T): which are asked for. Marks and padding never are."""
        drawn = torch.rand(ids.shape, generator=generator)
        how = torch.rand(ids.shape, generator=generator)
        other = torch.randint(self.words.num_embeddings, ids.shape, generator=generator)
        asked = (drawn < SHARE) & mask & ~torch.isin(ids, self.special)
        seen = torch.where(asked & (how < BECOME_MASK), self.mask_id, ids)
        return torch.where(asked & (how >= 1 - BECOME_OTHER), other, seen), asked

    def loss(self, ids: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """Cross-entropy of the words that were asked for, drawn anew; 0 where none was."""
        device = self.bias.device
        seen, asked = self.masked(ids, mask, generator)
        places = asked.flatten().nonzero().squeeze(1)  # (N,), found before they are on a card
        padded = None if bool(mask.all()) else mask.to(device).long()  # without a mask nothing is asked
        hidden = self.backbone(input_ids=seen.to(device), attention_mask=padded).last_hidden_state  # (B, T, D)
        logits = F.linear(self.head(hidden.flatten(0, 1)[places.to(device)]), self.words.weight, self.bias)  # (N, V)
        summed = F.cross_entropy(logits.float(), ids.flatten()[places].to(device), reduction="sum")
        return summed / max(1, len(places))


def batches(windows: Sequence[Tensor], padding: int, generator: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """ids int64 (B, T) and what of them is there, bool (B, T), in an order drawn anew."""
    order = torch.randperm(len(windows), generator=generator).tolist()
    for start in range(0, len(order), BATCH):
        own = [windows[i] for i in order[start : start + BATCH]]
        ids = pad_sequence(own, batch_first=True, padding_value=padding)
        lengths = torch.tensor([len(window) for window in own])
        yield ids, torch.arange(ids.shape[1]) < lengths[:, None]
