"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py

Beside this file lie texts.csv, what the run learnt from and was tested on, and the network it started from.
"""

import copy
import csv
import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoConfig, AutoModel, AutoTokenizer

RUN: dict[str, Any] = {}  # filled in by the export
HERE = Path(__file__).parent


def seeded(*parts: object) -> Generator:
    """Seeds torch from `parts`, the same on every computer; returns a generator for what is drawn in between."""
    seed = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")
    torch.manual_seed(seed)
    return Generator().manual_seed(seed)


# --- Texts become tokens, those of a long text several windows of them; a batch holds texts of like length ---


class Tokens(NamedTuple):
    values: Tensor  # int64 (W, T) as the network reads them, or float32 (W, T, D) behind what is frozen
    mask: Tensor  # int64 (W, T): 1 for what is there, 0 for padding
    owner: Tensor  # int64 (W,): the window's text, by its position in the batch


class Data(NamedTuple):
    inputs: Any  # of each text its windows, (T, ...) each; or float32 (N, D), a vector for each text
    labels: Tensor  # int64 (N,)

    def batch(self, chosen: Tensor) -> Any:
        if isinstance(self.inputs, Tensor):
            return self.inputs[chosen].to(RUN["device"])
        return padded([self.inputs[i] for i in chosen.tolist()])

    def batches(self, size: int, dice: Generator | None = None) -> list[Tensor]:
        if isinstance(self.inputs, Tensor):
            order = torch.randperm(len(self.labels), generator=dice) if dice else torch.arange(len(self.labels))
            return list(order.split(size))
        lengths = torch.tensor([sum(map(len, windows)) for windows in self.inputs])
        if dice is None:
            return list(torch.argsort(lengths, descending=True, stable=True).split(size))
        pools = torch.randperm(len(lengths), generator=dice).split(size * 50)
        found = [batch for pool in pools for batch in pool[torch.argsort(lengths[pool], stable=True)].split(size)]
        return [found[i] for i in torch.randperm(len(found), generator=dice).tolist()]


def padded(texts: list[list[Tensor]]) -> Tokens:
    windows = [window for text in texts for window in text]
    lengths = torch.tensor([len(window) for window in windows])
    padding = 0 if windows[0].is_floating_point() else RUN["padding"]
    values = pad_sequence(windows, batch_first=True, padding_value=padding)
    owner = torch.repeat_interleave(torch.arange(len(texts)), torch.tensor([len(text) for text in texts]))
    mask = (torch.arange(values.shape[1]) < lengths[:, None]).long()
    return Tokens(*(each.to(RUN["device"]) for each in (values, mask, owner)))


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


def logits_of(model: Any, learner: Any, data: Data) -> Tensor:
    model.eval()
    drawn = data.batches(64)
    with torch.no_grad():
        found = torch.cat([learner(data.batch(chosen)).float().cpu() for chosen in drawn])
    return found[torch.argsort(torch.cat(drawn))]


def name_the_classes(model: Any, tokenizer: Any, training: Data) -> None:
    """Sets the head so that a text's logits are its cosines with sentences about the classes; nothing is learnt."""
    sentences = [RUN["hypothesis"].replace("{label}", name.replace("_", " ")) for name in RUN["classes"]]
    model.eval()
    with torch.no_grad():
        names = model.vectors(padded(windows_of(tokenizer, sentences)))
        some = torch.arange(min(64, len(training.labels)))
        length = model.vectors(training.batch(some)).norm(dim=1).mean()
        model.classifier.weight.copy_(RUN["sharpness"] * names / names.norm(dim=1, keepdim=True) / length)
        model.classifier.bias.zero_()


# --- What is frozen answers the same every time: it runs once over each text, not every epoch ---


def frozen(model: Any, run: Callable[[Tokens], Any], data: Data) -> Data:
    """The texts as `run`, the part of the model that does not learn, hands them on."""
    model.eval()
    seen: list[Any] = [None] * len(data.labels)
    for chosen in data.batches(32):
        with torch.no_grad():
            found = run(data.batch(chosen))
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


class Reached(Exception):
    """Carries what the first block was called with."""


def entering(model: Any, ids: Tensor, mask: Tensor) -> tuple[Any, Any]:
    """What the network itself calls its first block with: the embedded tokens, then masks and positions."""

    def catch(_: nn.Module, args: Any, kwargs: Any) -> None:
        raise Reached(args, kwargs)

    handle = model.get_submodule(RUN["blocks"])[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model.backbone(input_ids=ids, attention_mask=mask)
    except Reached as reached:
        args, kwargs = reached.args
        return args, kwargs
    finally:
        handle.remove()
    raise RuntimeError("the first block was never reached")


def through(blocks: Any, values: Tensor, rest: Any, kwargs: Any) -> Tensor:
    for block in blocks:
        output = block(values, *rest, **kwargs)
        values = output[0] if isinstance(output, tuple) else output
    return values


def lower_blocks(model: Any, tokens: Tokens) -> Tokens:
    (values, *rest), kwargs = entering(model, tokens.values, tokens.mask)
    blocks = model.get_submodule(RUN["blocks"])[: RUN["frozen_blocks"]]
    return tokens._replace(values=through(blocks, values, rest, kwargs))


def upper_blocks(model: Any, tokens: Tokens) -> Tensor:
    """Logits, from what the lower blocks handed on."""
    (_, *rest), kwargs = entering(model, torch.zeros_like(tokens.mask), tokens.mask)
    hidden = through(model.get_submodule(RUN["blocks"])[RUN["frozen_blocks"] :], tokens.values, rest, kwargs)
    if RUN["norm"]:
        hidden = model.get_submodule(RUN["norm"])(hidden)
    logits: Tensor = model.classifier(pooled(hidden, tokens))
    return logits


# --- Learning: AdamW, a short warm-up and half a cosine; the epoch with the least validation loss is kept ---


def schedule(step: int, steps: int) -> float:
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def train(model: Any, phase: str, learner: Any, data: Data, checks: Data | None, **given: Any) -> int:
    """Trains what requires gradients; leaves the best epoch's weights in `model` and returns its number.

    `learner` is the part of `model` that reads `data`. Given may be `epochs`, where it stops before all are done, and
    `rates`, learning rates by parameter.
    """
    plan, n, together = RUN["plans"][phase], len(data.labels), RUN["gradient_accumulation"]
    steps = math.ceil(math.ceil(n / RUN["batch_size"]) / together) * plan["epochs"]
    learning, rates = [p for p in model.parameters() if p.requires_grad], given.get("rates", {})
    optimiser = torch.optim.AdamW([  # biases and norms are not pulled towards zero
        {"params": [p], "lr": rates.get(id(p), plan["rate"]), "weight_decay": RUN["weight_decay"] * (p.ndim > 1)}
        for p in learning
    ], fused=True)  # fmt: skip
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: schedule(step, steps))
    weight = None
    if RUN["balance"]:
        # every class has the same say, however many texts it has
        counts = torch.bincount(data.labels, minlength=len(RUN["classes"])).float()
        weight = torch.where(counts > 0, n / (counts.clamp_min(1) * (counts > 0).sum()), 0.0).to(RUN["device"])
    if RUN["bf16"]:
        learner = torch.autocast(RUN["device"], torch.bfloat16)(learner)

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        labels, smooth = labels.to(logits.device), RUN["label_smoothing"]
        return F.cross_entropy(logits, labels, weight, label_smoothing=smooth, reduction="sum") / len(labels)

    best, least, weights = 0, math.inf, {}
    for epoch in range(min(plan["stop"], given.get("epochs", plan["stop"]))):
        if epoch - best >= plan["patience"]:
            break
        drawn = data.batches(RUN["batch_size"], seeded(RUN["seed"], phase, epoch))
        model.train()
        for number, chosen in enumerate(drawn):
            first = number - number % together
            group = sum(map(len, drawn[first : first + together]))
            logits = learner(data.batch(chosen)).float()
            (loss(logits, data.labels[chosen]) * len(chosen) / group).backward()
            if (number + 1) % together and number + 1 < len(drawn):
                continue
            if RUN["gradual"]:
                # the last stage learns from the first epoch on, and more of the earlier ones in every further epoch
                at_once = math.ceil(len(RUN["stages"]) / max(1, plan["epochs"] // 2))
                lowest = len(RUN["stages"]) - (epoch + 1) * at_once
                for p in learning:
                    if given.get("order", {}).get(id(p), len(RUN["stages"])) < lowest:
                        p.grad = None
            nn.utils.clip_grad_norm_(learning, 5.0)
            optimiser.step()
            optimiser.zero_grad()
            rate.step()
        now = -float(epoch)  # with nothing to check on, the last epoch is the best
        if checks is not None:
            now = float(loss(logits_of(model, learner, checks).to(RUN["device"]), checks.labels))
            print(f"{phase}, epoch {epoch + 1}: validation loss {now:.4f}")
        if now < least:
            best, least, weights = epoch + 1, now, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return best


def fit_head(model: Any, training: Data, checks: Data | None) -> None:
    """The new head learns first, alone, from zeros: a random one would wreck the features of what is pretrained."""
    head = model.classifier
    model.requires_grad_(False)
    head.requires_grad_(True)
    head.load_state_dict({name: torch.zeros_like(value) for name, value in head.state_dict().items()})
    seen: Any = frozen(model, model.vectors, training)
    held_out: Any = None
    shift, scale = seen.inputs.mean(0), seen.inputs.std(0).clamp_min(1e-3)
    seen = Data((seen.inputs - shift) / scale, seen.labels)
    if checks is not None:
        held_out = frozen(model, model.vectors, checks)
        held_out = Data((held_out.inputs - shift) / scale, held_out.labels)
    best = train(model, "head", head, seen, held_out)
    print(f"head: epoch {best} was the best")
    if RUN["refit"]:
        # the number of epochs is known now: once more, from zeros, on the held-out part too
        head.load_state_dict({name: torch.zeros_like(value) for name, value in head.state_dict().items()})
        both = Data(*(torch.cat(pair) for pair in zip(seen, held_out, strict=True)))
        train(model, "refit", head, both, None, epochs=best)
    with torch.no_grad():  # from here on the head reads features as they are
        head.weight.div_(scale.to(head.weight.device))
        head.bias.sub_(head.weight @ shift.to(head.weight.device))


# --- The run ---


def main() -> None:
    torch.set_num_threads(RUN["threads"])
    if RUN["matmul"] != "highest":
        torch.set_float32_matmul_precision(RUN["matmul"])
    csv.field_size_limit(1 << 30)
    with (HERE / "texts.csv").open(encoding="utf-8-sig", newline="") as file:
        # an apostrophe before a cell keeps spreadsheets from computing it
        rows = [{name: cell.removeprefix("'") for name, cell in row.items()} for row in csv.DictReader(file)]
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
        train(model.to(RUN["device"]), "scratch", model, training, checks)
    else:
        model.backbone.load_state_dict(load_file(HERE / "pretrained.safetensors"), strict=False)
        model.to(RUN["device"])
    if RUN["strategy"] == "zero-shot":
        name_the_classes(model, tokenizer, training)
    if RUN["strategy"] in ("features", "partial", "full", "lora"):
        fit_head(model, training, checks)
    if RUN["strategy"] in ("features", "zero-shot"):
        learner, testing = model.classifier, frozen(model, model.vectors, testing)
    if RUN["strategy"] == "lora":
        from peft import LoraConfig, get_peft_model

        seeded(RUN["seed"], "adapters")
        kind: Any = nn.Linear
        if RUN["conv1d"]:
            from transformers.pytorch_utils import Conv1D

            kind = Conv1D  # what GPT-2 calls its linear layers
        targets = [
            name for name, layer in model.named_modules()
            if isinstance(layer, kind) and layer is not model.classifier
        ]  # fmt: skip
        rank = RUN["lora_rank"]
        config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, fan_in_fan_out=RUN["conv1d"])
        adapted = get_peft_model(model, config)
        model.classifier.requires_grad_(True)
        train(model, "fine-tuning", model, training, checks)
        learner = model = adapted.merge_and_unload()
    if RUN["strategy"] in ("partial", "full"):
        # each stage learns more slowly than the one above it, and all more slowly than the head
        rates = {id(p): RUN["stages"][0]["rate"] for p in model.parameters()}
        order = dict.fromkeys(rates, 0)
        model.requires_grad_(not RUN["cut"])
        for number, stage in enumerate(RUN["stages"]):
            for layer in map(model.get_submodule, stage["layers"]):
                layer.requires_grad_(True)
                rates |= {id(p): stage["rate"] for p in layer.parameters()}
                order |= {id(p): number for p in layer.parameters()}
        model.classifier.requires_grad_(True)
        rates |= {id(p): RUN["plans"]["fine-tuning"]["rate"] for p in model.classifier.parameters()}
        order |= {id(p): len(RUN["stages"]) for p in model.classifier.parameters()}
        if RUN["cut"]:

            def lower(tokens: Tokens) -> Tokens:
                return lower_blocks(model, tokens)

            def learner(tokens: Tokens) -> Tensor:
                return upper_blocks(model, tokens)

            training, testing = frozen(model, lower, training), frozen(model, lower, testing)
            checks = checks and frozen(model, lower, checks)
        train(model, "fine-tuning", learner, training, checks, rates=rates, order=order)

    predicted, labels = logits_of(model, learner, testing).argmax(1).numpy(), testing.labels.numpy()
    value = float(np.mean([(predicted == labels)[labels == label].mean() for label in np.unique(labels)]))
    save_file({name: each.contiguous() for name, each in model.state_dict().items()}, HERE / "model.safetensors")
    names = [row["name"] for row in rows if row["part"] == "test"]
    answers = {name: RUN["classes"][answer] for name, answer in zip(names, predicted, strict=True)}
    (HERE / "predictions.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"balanced accuracy {value} on {len(labels)} test texts; in the run it was {RUN['value']}")


if __name__ == "__main__":
    main()
