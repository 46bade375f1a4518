"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py

Beside this file lie texts.csv, what the run learnt from and was tested on, and the network it started from.
This folder holds your data: share it with those who may read them.
"""

import csv
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModel, AutoTokenizer

from engines.exports.script_parts import (
    HERE,
    RUN,
    adapters,
    as_in_the_run,
    at_own_rates,
    average_classes,
    entering,
    fit_head,
    judge,
    like_lengths,
    logits_of,
    seeded,
    table,
    through,
    train_classes,
)

# --- Texts become tokens, those of a long text several windows of them; a batch holds texts of like length ---


class Tokens(NamedTuple):
    values: Tensor  # int64 (W, T) as the network reads them, or float32 (W, T, D) behind what is frozen
    mask: Tensor  # int64 (W, T): 1 for what is there, 0 for padding
    owner: Tensor  # int64 (W,): the window's text, by its position in the batch

    def to(self, device: str) -> "Tokens":
        return Tokens(*(each.to(device) for each in self))


class Data(NamedTuple):
    held: Any  # of each text its windows, (T, ...) each; or float32 (N, D), a vector for each text
    labels: Tensor  # int64 (N,)

    def inputs(self, chosen: Tensor, _: Generator | None = None) -> Any:
        return self.held[chosen] if isinstance(self.held, Tensor) else padded([self.held[i] for i in chosen.tolist()])

    def batches(self, size: int, dice: Generator | None = None) -> list[Tensor]:
        if isinstance(self.held, Tensor):
            order = torch.randperm(len(self.labels), generator=dice) if dice else torch.arange(len(self.labels))
            return list(order.split(size))
        return like_lengths(torch.tensor([sum(map(len, windows)) for windows in self.held]), size, dice)


def padded(texts: list[list[Tensor]]) -> Tokens:
    windows = [window for text in texts for window in text]
    lengths = torch.tensor([len(window) for window in windows])
    padding = 0 if windows[0].is_floating_point() else RUN["padding"]
    values = pad_sequence(windows, batch_first=True, padding_value=padding)
    owner = torch.repeat_interleave(torch.arange(len(texts)), torch.tensor([len(text) for text in texts]))
    mask = (torch.arange(values.shape[1]) < lengths[:, None]).long()
    return Tokens(values, mask, owner)


def windows_of(tokenizer: Any, texts: list[str]) -> list[list[Tensor]]:
    found = tokenizer(texts, truncation=True, max_length=RUN["longest"], return_overflowing_tokens=True)
    windows: list[list[Tensor]] = [[] for _ in texts]
    for text, ids in zip(found["overflow_to_sample_mapping"], found["input_ids"], strict=True):
        if len(windows[text]) < RUN["most_windows"]:
            windows[text].append(torch.tensor(ids or [RUN["padding"]]))
    return windows


# --- The network: a transformer, one vector a text, and a linear layer on it ---


class Classifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        config = AutoConfig.from_pretrained(HERE)
        self.backbone = AutoModel.from_config(config, attn_implementation=RUN["attention"])
        if getattr(self.backbone, "pooler", None) is not None:
            self.backbone.pooler = None  # BERT's own, made for another task
        if RUN["left_out"]:
            for name in RUN["left_out"]:  # the network ends early: what stands behind its last block
                self.backbone.set_submodule(name, nn.Identity())
        self.classifier = nn.Linear(config.hidden_size, len(RUN["classes"]))
        if RUN["strategy"] == "scratch":
            nn.init.normal_(self.classifier.weight, std=getattr(config, "initializer_range", 0.02))
            nn.init.zeros_(self.classifier.bias)

    def forward(self, tokens: Tokens) -> Tensor:
        logits: Tensor = self.classifier(self.vectors(tokens))
        return logits

    def vectors(self, tokens: Tokens) -> Tensor:
        """float32 (B, D): what the network has read of each text."""
        hidden = self.backbone(input_ids=tokens.values, attention_mask=tokens.mask).last_hidden_state
        return pooled(hidden, tokens)


def pooled(hidden: Tensor, tokens: Tokens) -> Tensor:
    """float32 (B, D) from a vector for each token (W, T, D)."""
    if RUN["pooling"] == "mean":
        present = tokens.mask.to(hidden.dtype).unsqueeze(-1)
        windows = (hidden * present).sum(1) / present.sum(1).clamp_min(1)
    else:  # the last token has seen all others
        last = (torch.arange(tokens.mask.shape[1], device=hidden.device) * tokens.mask).argmax(1)
        windows = hidden[torch.arange(len(hidden), device=hidden.device), last]
    n = int(tokens.owner[-1]) + 1
    if n == len(windows):
        return windows
    sums = windows.new_zeros(n, windows.shape[1]).index_add(0, tokens.owner, windows)
    return sums / torch.bincount(tokens.owner)[:, None]  # a long text is the mean of its windows


def name_the_classes(model: Any, tokenizer: Any, training: Data) -> None:
    """Sets the head so that a text's logits are its cosines with sentences about the classes; nothing is learnt."""
    sentences = [RUN["hypothesis"].replace("{label}", name.replace("_", " ")) for name in RUN["classes"]]
    model.eval()
    with torch.no_grad():
        names = model.vectors(padded(windows_of(tokenizer, sentences)).to(RUN["device"]))
        some = torch.arange(min(64, len(training.labels)))
        length = model.vectors(training.inputs(some).to(RUN["device"])).norm(dim=1).mean()
        model.classifier.weight.copy_(RUN["sharpness"] * names / names.norm(dim=1, keepdim=True) / length)
        model.classifier.bias.zero_()


# --- What is frozen answers the same every time: it runs once over each text, not every epoch ---


def frozen(model: Any, run: Callable[[Tokens], Any], data: Data) -> Data:
    """The texts as `run`, the part of the model that does not learn, hands them on."""
    model.eval()
    seen: list[Any] = [None] * len(data.labels)
    for chosen in data.batches(32):
        with torch.no_grad():
            found = run(data.inputs(chosen).to(RUN["device"]))
        if RUN["cut"]:
            found = unpadded(found) if isinstance(found, Tokens) else found
        for i, own in zip(chosen.tolist(), found, strict=True):
            seen[i] = own
    return Data(torch.stack(seen).float().cpu() if isinstance(seen[0], Tensor) else seen, data.labels)


def unpadded(tokens: Tokens) -> list[list[Tensor]]:
    """Of each text its windows, (T, D) each."""
    texts: list[list[Tensor]] = [[] for _ in range(int(tokens.owner[-1]) + 1)]
    for text, own, length in zip(tokens.owner, tokens.values.float().cpu(), tokens.mask.sum(1), strict=True):
        texts[text].append(own[:length])
    return texts


def lower_blocks(model: Any, tokens: Tokens) -> Tokens:
    (values, *rest), kwargs = entering(model, model.backbone, tokens.values, tokens.mask)
    blocks = model.get_submodule(RUN["blocks"])[: RUN["frozen_blocks"]]
    return tokens._replace(values=through(blocks, values, rest, kwargs))


def upper_blocks(model: Any, tokens: Tokens) -> Tensor:
    """Logits, from what the lower blocks handed on."""
    (_, *rest), kwargs = entering(model, model.backbone, torch.zeros_like(tokens.mask), tokens.mask)
    hidden = through(model.get_submodule(RUN["blocks"])[RUN["frozen_blocks"] :], tokens.values, rest, kwargs)
    if RUN["norm"]:
        hidden = model.get_submodule(RUN["norm"])(hidden)
    logits: Tensor = model.classifier(pooled(hidden, tokens))
    return logits


# --- The run ---


def main() -> None:
    as_in_the_run()
    csv.field_size_limit(1 << 30)
    rows = [{name: cell.removeprefix("'") for name, cell in row.items()} for row in table(HERE / "texts.csv")]
    tokenizer = AutoTokenizer.from_pretrained(HERE)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token

    def part(name: str) -> Data:
        own = [row for row in rows if row["part"] == name]
        labels = torch.tensor([RUN["classes"].index(row["label"]) for row in own])
        return Data(windows_of(tokenizer, [row["text"] for row in own]), labels)

    training, testing, checks = part("train"), part("test"), None
    if RUN["checked"]:
        checks = part("validation")
    seeded(RUN["seed"], "weights")
    model: Any = Classifier()
    learner = model
    if RUN["strategy"] == "scratch":
        train_classes(model.to(RUN["device"]), "scratch", model, training, checks)
    else:
        model.backbone.load_state_dict(load_file(HERE / "pretrained.safetensors"), strict=False)
        model.to(RUN["device"])
    if RUN["strategy"] == "zero-shot":
        name_the_classes(model, tokenizer, training)
    if RUN["strategy"] in ("features", "partial", "full", "lora"):
        seen = [frozen(model, model.vectors, part) for part in (training, checks) if part is not None]
        fit_head(model, model.classifier, [(part.held, part.labels) for part in seen], Data)
    if RUN["strategy"] == "prototypes":
        seen = [frozen(model, model.vectors, part) for part in (training, checks) if part is not None]
        average_classes(model.classifier, [(part.held, part.labels) for part in seen])
    if RUN["strategy"] in ("features", "prototypes", "zero-shot"):
        learner, testing = model.classifier, frozen(model, model.vectors, testing)
    if RUN["strategy"] == "lora":
        seeded(RUN["seed"], "adapters")
        kind: Any = nn.Linear
        if RUN["conv1d"]:
            from transformers.pytorch_utils import Conv1D

            kind = Conv1D  # what GPT-2 calls its linear layers
        targets = [
            name for name, layer in model.named_modules() if isinstance(layer, kind) and layer is not model.classifier
        ]
        adapted = adapters(model, targets, fan_in_fan_out=RUN["conv1d"])
        model.classifier.requires_grad_(True)
        train_classes(model, "fine-tuning", model, training, checks)
        learner = model = adapted.merge_and_unload()
    if RUN["strategy"] in ("partial", "full"):
        own = at_own_rates(model, model.classifier, RUN["cut"])
        if RUN["cut"]:

            def lower(tokens: Tokens) -> Tokens:
                return lower_blocks(model, tokens)

            def learner(tokens: Tokens) -> Tensor:
                return upper_blocks(model, tokens)

            training, testing = frozen(model, lower, training), frozen(model, lower, testing)
            checks = checks and frozen(model, lower, checks)
        train_classes(model, "fine-tuning", learner, training, checks, **own)

    predicted, labels = logits_of(model, learner, testing).argmax(1).numpy(), testing.labels.numpy()
    save_file({name: each.contiguous() for name, each in model.state_dict().items()}, HERE / "model.safetensors")
    judge([row["name"] for row in rows if row["part"] == "test"], predicted, labels, "texts")


if __name__ == "__main__":
    main()
