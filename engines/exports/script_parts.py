"""What the exported scripts share. The export puts in the place of a template's import of it what that script needs."""

import copy
import csv
import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

RUN: dict[str, Any] = {}  # filled in by the export
HERE = Path(__file__).parent


def paths_given(usage: str, fewest: int) -> list[Path]:
    """The paths behind the script's name. Where they are too few, or one is not there, it says so and ends."""
    given = [Path(word) for word in sys.argv[1:]]
    missing = [path for path in given if not path.exists()]
    if missing or len(given) < fewest:
        said = f"there is no {missing[0]}" if missing else f"usage: python {Path(sys.argv[0]).name} {usage}"
        print(said, file=sys.stderr)
        sys.exit(2)
    return given


def as_in_the_run() -> None:
    torch.set_num_threads(RUN["threads"])
    if RUN["matmul"] != "highest":
        torch.set_float32_matmul_precision(RUN["matmul"])


def seeded(*parts: object) -> Generator:
    """Seeds torch from `parts`, the same on every computer; returns a generator for what is drawn in between."""
    seed = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")
    torch.manual_seed(seed)
    return Generator().manual_seed(seed)


def table(path: Path) -> list[dict[str, str]]:
    """Its rows. An apostrophe before a cell keeps spreadsheets from computing it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def like_lengths(lengths: Tensor, size: int, dice: Generator | None = None) -> list[Tensor]:
    """Batches of positions, those of like length together: little is padded."""
    if dice is None:
        return list(torch.argsort(lengths, descending=True, stable=True).split(size))
    pools = torch.randperm(len(lengths), generator=dice).split(size * 50)
    found = [batch for pool in pools for batch in pool[torch.argsort(lengths[pool], stable=True)].split(size)]
    return [found[i] for i in torch.randperm(len(found), generator=dice).tolist()]


class Reached(Exception):
    """Carries what the first block was called with."""


def entering(model: Any, decoder: Any, ids: Tensor, mask: Tensor | None) -> tuple[Any, Any]:
    """What the network itself calls its first block with: the embedded tokens, then masks and positions."""

    def catch(_: nn.Module, args: Any, kwargs: Any) -> None:
        raise Reached(args, kwargs)

    handle = model.get_submodule(RUN["blocks"])[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        decoder(input_ids=ids, attention_mask=mask)
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


def adapters(model: Any, targets: list[str], **more: Any) -> Any:
    """`model` with LoRA's small matrices beside the layers called so."""
    from peft import LoraConfig, get_peft_model

    rank = RUN["lora_rank"]
    return get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets, **more))


def judge(names: Iterable[str], predicted: np.ndarray, labels: np.ndarray, what: str) -> None:
    value = float(np.mean([(predicted == labels)[labels == label].mean() for label in np.unique(labels)]))
    answers = {name: RUN["classes"][answer] for name, answer in zip(names, predicted, strict=True)}
    (HERE / "predictions.json").write_text(json.dumps(answers, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"balanced accuracy {value} on {len(labels)} test {what}; in the run it was {RUN['value']}")


def logits_of(model: Any, learner: Any, data: Any) -> Tensor:
    model.eval()
    drawn = data.batches(64)
    with torch.no_grad():
        found = torch.cat([learner(data.inputs(chosen).to(RUN["device"])).float().cpu() for chosen in drawn])
    return found[torch.argsort(torch.cat(drawn))]


# --- Averaging: nothing is trained ---


def average_classes(head: Any, features: list[tuple[Tensor, Tensor]]) -> None:
    """The head of class means. Each example counts by its direction alone, whatever its length."""
    if RUN["refit"]:
        used = features
    else:
        used = features[:1]
    seen = torch.cat([inputs.flatten(0, -2) for inputs, _ in used]).double()
    labels = torch.cat([labels for _, labels in used])
    directions = seen / seen.norm(dim=1, keepdim=True).clamp_min(1e-12)
    sums = torch.eye(len(RUN["classes"]), dtype=torch.float64)[labels].T @ directions
    means = sums / sums.norm(dim=1, keepdim=True).clamp_min(1e-12)
    with torch.no_grad():
        head.weight.copy_(RUN["mean_length"] * means)
        head.bias.zero_()


# --- Learning: AdamW, a short warm-up and half a cosine; the epoch with the least validation loss is kept ---


def schedule(step: int, steps: int) -> float:
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def fit(model: Any, phase: str, draw: Callable[..., Any], loss: Callable[..., Tensor], check: Any, **given: Any) -> int:
    """Trains what requires gradients; leaves the best epoch's weights in `model` and returns its number.

    `draw` makes an epoch's batches, `loss` what each adds to that of its step, `check` the validation loss. Given may
    be `epochs`, where it stops early, `rates` by parameter, `still`, layers that are as in use, and `said` of an epoch.
    """
    plan, together, rates = RUN["plans"][phase], RUN["gradient_accumulation"], given.get("rates", {})
    learning = [p for p in model.parameters() if p.requires_grad]
    pulled = [{"params": [p], "weight_decay": RUN["weight_decay"] * (p.ndim > 1)} for p in learning]
    optimiser = torch.optim.AdamW(pulled, fused=True)  # biases and norms are not pulled towards zero
    fixed = {name for name, p in model.named_parameters(remove_duplicate=False) if not p.requires_grad}
    best, least, weights = 0, math.inf, {}
    for epoch in range(min(plan["stop"], given.get("epochs", plan["stop"]))):
        if epoch - best >= plan["patience"]:
            break
        dice = seeded(RUN["seed"], phase, epoch)
        drawn = draw(dice)
        groups = [drawn[first : first + together] for first in range(0, len(drawn), together)]
        model.train()
        if RUN["strategy"] in ("partial", "full", "lora"):
            for layer in given.get("still", ()):
                layer.eval()
        for number, group in enumerate(groups):
            for chosen in group:
                loss(chosen, group, dice).backward()
            if RUN["gradual"]:
                # the last stage learns from the first epoch on, and more of the earlier ones in every further epoch
                at_once = math.ceil(len(RUN["stages"]) / max(1, plan["epochs"] // 2))
                lowest = len(RUN["stages"]) - (epoch + 1) * at_once
                for p in learning:
                    if given.get("order", {}).get(id(p), len(RUN["stages"])) < lowest:
                        p.grad = None
            pace = schedule(epoch * len(groups) + number, plan["epochs"] * len(groups))
            for settings, p in zip(optimiser.param_groups, learning, strict=True):
                settings["lr"] = rates.get(id(p), plan["rate"]) * pace
            nn.utils.clip_grad_norm_(learning, 5.0)
            optimiser.step()
            optimiser.zero_grad()
        now = -float(epoch)  # with nothing to check on, the last epoch is the best
        if check is not None:
            now = check()
            print(f"{given.get('said', '')}epoch {epoch + 1}: validation loss {now:.4f}")
        if now < least:
            state = {name: value for name, value in model.state_dict().items() if name not in fixed}
            best, least, weights = epoch + 1, now, copy.deepcopy(state)
    model.load_state_dict(weights, strict=False)
    return best


def train_classes(model: Any, phase: str, learner: Any, data: Any, checks: Any, **given: Any) -> int:
    """Trains `learner`, the part of `model` that reads `data`, to tell the classes apart; returns the best epoch."""
    if RUN["balance"]:
        # every class has the same say, however many examples it has
        counts = torch.bincount(data.labels, minlength=len(RUN["classes"])).float()
        fair = len(data.labels) / (counts.clamp_min(1) * (counts > 0).sum())
        weight = torch.where(counts > 0, fair, 0.0).to(RUN["device"])
    else:
        weight = None
    if RUN["bf16"]:
        learner = torch.autocast(RUN["device"], torch.bfloat16)(learner)

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        logits, labels, smooth = logits.to(RUN["device"]), labels.to(RUN["device"]), RUN["label_smoothing"]
        return F.cross_entropy(logits, labels, weight, label_smoothing=smooth, reduction="sum") / len(labels)

    def share(chosen: Tensor, group: Sequence[Tensor], dice: Generator) -> Tensor:
        inputs, labels = data.inputs(chosen, dice), data.labels[chosen]
        if RUN["mix"] in ("mixup", "cutmix"):
            inputs, labels = given["mixed"](inputs, labels, dice) if phase != "head" else (inputs, labels)
        return loss(learner(inputs.to(RUN["device"])).float(), labels) * len(chosen) / sum(map(len, group))

    check = None if checks is None else lambda: float(loss(logits_of(model, learner, checks), checks.labels))
    return fit(model, phase, lambda d: data.batches(RUN["batch_size"], d), share, check, said=f"{phase}, ", **given)


def fit_head(model: Any, head: Any, features: list[tuple[Tensor, Tensor]], data: Callable[..., Any]) -> None:
    """The new head learns first, alone, from zeros: a random one would wreck the features of what is pretrained."""
    model.requires_grad_(False)
    head.requires_grad_(True)
    zeros = {name: torch.zeros_like(value) for name, value in head.state_dict().items()}
    head.load_state_dict(zeros)
    seen = features[0][0].flatten(0, -2)
    shift, scale = seen.mean(0), seen.std(0).clamp_min(1e-3)
    if torch.bincount(features[0][1]).max() <= 5:  # of so few a standard deviation is mostly noise
        scale = ((seen - shift).norm(dim=1).mean() / seen.shape[1] ** 0.5).clamp_min(1e-6).repeat(seen.shape[1])
    scaled = [((inputs - shift) / scale, labels) for inputs, labels in features]
    training, *checks = [data(*pair) for pair in scaled]  # checks: one or none
    best = train_classes(model, "head", head, training, checks[0] if checks else None)
    print(f"head: epoch {best} was the best")
    if RUN["refit"]:
        # the number of epochs is known now: once more, from zeros, on the held-out part too
        head.load_state_dict(zeros)
        both = data(*map(torch.cat, zip(*scaled, strict=True)))
        train_classes(model, "refit", head, both, None, epochs=best)
    with torch.no_grad():  # from here on the head reads features as they are
        head.weight.div_(scale.to(head.weight.device))
        head.bias.sub_(head.weight @ shift.to(head.weight.device))


def at_own_rates(model: Any, head: Any, cut: bool) -> dict[str, dict[int, Any]]:
    """Each stage learns more slowly than the one above it, and all more slowly than the head. What is cut off rests."""
    rates = {id(p): RUN["stages"][0]["rate"] for p in model.parameters()}
    order = dict.fromkeys(rates, 0)
    model.requires_grad_(not cut)
    for number, stage in enumerate(RUN["stages"]):
        for layer in map(model.get_submodule, stage["layers"]):
            layer.requires_grad_(True)
            rates |= {id(p): stage["rate"] for p in layer.parameters()}
            order |= {id(p): number for p in layer.parameters()}
    head.requires_grad_(True)
    rates |= {id(p): RUN["plans"]["fine-tuning"]["rate"] for p in head.parameters()}
    order |= {id(p): len(RUN["stages"]) for p in head.parameters()}
    return {"rates": rates, "order": order}
