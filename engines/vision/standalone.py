"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py DATA [TEST]

DATA is the folder that the run learnt from (a zip: unpack it first; a table or an .npz: the folder it lies in), TEST
that of its separate test pictures, if any. Beside this file lies split.csv: what each picture shows and is for.
"""

import contextlib
import copy
import csv
import functools
import hashlib
import json
import math
import sys
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torch.nn import functional as F
from torchvision.transforms import v2

RUN: dict[str, Any] = {}  # filled in by the export
HERE = Path(__file__).parent


def seeded(*parts: object) -> Generator:
    """Seeds torch from `parts`, the same on every computer; returns a generator for what is drawn in between."""
    seed = int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")
    torch.manual_seed(seed)
    return Generator().manual_seed(seed)


# --- Pictures become squares, and squares become inputs: as they are, or varied anew each time they are seen ---


class Data(NamedTuple):
    inputs: Callable[..., Tensor]  # (positions (B,), dice) -> float32 (B, ...), varied where dice are given
    labels: Tensor  # int64 (N,)


def square(path: Path) -> np.ndarray:
    """The picture, upright, as uint8 (stored, stored, 3)."""
    side = RUN["stored"]
    if RUN["npz"]:
        image = Image.fromarray(archived(path.parents[2], path.parts[-3])[int(path.stem)]).convert("RGB")
    else:
        with Image.open(path) as file:
            file.draft(None, (side, side))  # a large JPEG is read at a fraction of its size
            file.load()
            with contextlib.suppress(Exception):  # a picture whose EXIF is broken is still a picture
                ImageOps.exif_transpose(file, in_place=True)
            image = file.convert("RGB")
            if RUN["not_only_jpeg"]:
                if file.mode[0] in "IF":  # grey of more than 8 bits is scaled, not clipped
                    grey = np.nan_to_num(np.asarray(file, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
                    tops = [1.0, 255.0, 65535.0, float(grey.max())] if file.mode == "F" else [65535.0]
                    top = next((top for top in tops if grey.max() <= top), tops[-1])
                    image = Image.fromarray((grey / top * 255).round().clip(0, 255).astype(np.uint8)).convert("RGB")
                elif file.has_transparency_data:  # it lies on white
                    image, seen = Image.new("RGB", file.size, "white"), file.convert("RGBA")
                    image.paste(seen, mask=seen.getchannel("A"))
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    if RUN["framing"] == "crop":
        short = min(image.size)  # the middle square
        left, top = (image.width - short) // 2, (image.height - short) // 2
        return shrunk(pixels[:, top : top + short, left : left + short], side, side)
    else:
        scale = side / max(image.size)  # the whole picture, on the mean colour of its own edge
        width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        left, top = (side - width) // 2, (side - height) // 2
        edge = torch.cat([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], dim=1)
        canvas = np.empty((side, side, 3), np.uint8)
        canvas[:] = edge.double().mean(1).round().to(torch.uint8)
        canvas[top : top + height, left : left + width] = shrunk(pixels, height, width)
        return canvas


@functools.cache
def archived(folder: Path, part: str) -> np.ndarray:
    """All pictures of one part of the MedMNIST archive in this folder: uint8 (N, height, width) or (…, 3)."""
    with np.load(folder if folder.is_file() else next(folder.glob("*.npz"))) as arrays:
        pictures: np.ndarray = arrays["val_images" if part == "validation" else f"{part}_images"]
    return pictures


def shrunk(pixels: Tensor, height: int, width: int) -> np.ndarray:
    bicubic = v2.InterpolationMode.BICUBIC
    return v2.functional.resize(pixels, [height, width], bicubic, antialias=True).permute(1, 2, 0).numpy()


def normalised(pixels: Tensor) -> Tensor:
    """uint8 (B, 3, H, W) -> float32, as the network expects its input."""
    mean, std = torch.tensor(RUN["mean"]).view(1, 3, 1, 1), torch.tensor(RUN["std"]).view(1, 3, 1, 1)
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def read(folder: Path, rows: list[dict[str, str]]) -> Data:
    squares = np.stack([square(folder / row["file"].removeprefix("'")) for row in rows])
    size = [RUN["size"], RUN["size"]]
    if RUN["augment"] == "none":
        steps: list[v2.Transform] = [
            v2.CenterCrop(size) if RUN["framing"] == "crop" else v2.Resize(size, antialias=True)
        ]
    else:
        steps = [v2.RandomResizedCrop(size, (RUN["smallest"], 1.0), (0.9, 1.11), antialias=True)]
        if RUN["flip"]:
            steps += [v2.RandomHorizontalFlip()]
        if RUN["augment"] == "strong":
            steps += [v2.ColorJitter(0.3, 0.3, 0.3), v2.RandomErasing(0.25, scale=(0.02, 0.15))]
        if RUN["augment"] == "randaugment":
            steps += [v2.RandAugment()]
    vary = v2.Compose(steps)

    def inputs(chosen: Tensor, dice: Generator | None = None) -> Tensor:
        pixels = torch.from_numpy(squares[chosen.numpy()]).permute(0, 3, 1, 2)
        if dice is not None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(torch.randint(2**62, (1,), generator=dice)))
                pixels = torch.stack([vary(one) for one in pixels])
        elif RUN["framing"] == "crop":
            pixels = v2.functional.center_crop(pixels, size)
        else:
            pixels = v2.functional.resize(pixels, size, antialias=True)
        return normalised(pixels)

    return Data(inputs, torch.tensor([RUN["classes"].index(row["label"].removeprefix("'")) for row in rows]))


def looks(folder: Path, rows: list[dict[str, str]], plain: Data) -> list[Data]:
    """The pictures in all the ways in which they are looked at: answers are averaged over them."""
    if RUN["test_time"] == "flip":
        return [plain, Data(lambda chosen, _=None: plain.inputs(chosen).flip(3), plain.labels)]
    else:
        squares = torch.stack([torch.from_numpy(square(folder / row["file"].removeprefix("'"))) for row in rows])

        def cropped(number: int) -> Data:
            def inputs(chosen: Tensor, _: Generator | None = None) -> Tensor:
                crops = v2.functional.five_crop(squares[chosen].permute(0, 3, 1, 2), [RUN["size"]] * 2)
                return normalised(crops[number])

            return Data(inputs, plain.labels)

        return [plain, *map(cropped, range(5))]


class Part(NamedTuple):
    """Some of the pictures, as data: those of one fold."""

    inputs: Callable[..., Tensor]
    labels: Tensor
    whole: Data
    chosen: Tensor  # int64 (M,), positions in `whole`
    known: dict[str, Tensor]  # what is frozen in the network -> what it makes of all of `whole`


def some_of(whole: Data, positions: list[int], known: dict[str, Tensor]) -> Part:
    chosen = torch.tensor(positions)
    return Part(lambda at, dice=None: whole.inputs(chosen[at], dice), whole.labels[chosen], whole, chosen, known)


# --- What is frozen answers the same every time: it runs once over a few views of each picture, not every epoch ---


def behind(model: Any, frozen: Callable[[Tensor], Tensor], data: Any, views: int) -> Tensor:
    """float32 (N, views, ...): what `frozen` makes of each picture as it is, and of some variations of it."""
    if RUN["folds"]:  # noqa: SIM102
        if isinstance(data, Part):  # once for all folds
            if frozen.__name__ not in data.known:
                data.known[frozen.__name__] = behind(model, frozen, data.whole, views)
            return data.known[frozen.__name__][data.chosen]
    model.eval()
    dice, outputs = seeded("views", RUN["variation"]), []
    for view in range(views):
        for chosen in torch.arange(len(data.labels)).split(32):
            with torch.no_grad():
                outputs.append(frozen(data.inputs(chosen, dice if view else None).to(RUN["device"])).float().cpu())
    return torch.cat(outputs).unflatten(0, (views, -1)).transpose(0, 1).contiguous()


def from_views(seen: Tensor, labels: Tensor) -> Data:
    def inputs(chosen: Tensor, dice: Generator | None = None) -> Tensor:
        found = seen[chosen, torch.randint(seen.shape[1], chosen.shape, generator=dice) if dice else 0]
        return found.contiguous(memory_format=torch.channels_last) if found.ndim == 4 else found

    return Data(inputs, labels)


# --- Learning: AdamW, a short warm-up and half a cosine; the epoch with the least validation loss is kept ---


def schedule(step: int, steps: int) -> float:
    warm_up = max(1, steps // 10)
    if step < warm_up:
        return (step + 1) / warm_up
    return 0.5 * (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up)))


def mixed(inputs: Tensor, labels: Tensor, dice: Generator) -> Any:
    """Each picture mixed with the one before it, and for each the share of every class, float32 (B, C)."""
    mix = (v2.MixUp if RUN["mix"] == "mixup" else v2.CutMix)(alpha=RUN["alpha"], num_classes=len(RUN["classes"]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=dice)))
        return mix(inputs, labels)


def train(model: Any, phase: str, learner: Any, data: Data, checks: Data | None, **given: Any) -> int:
    """Trains what requires gradients; leaves the best epoch's weights in `model` and returns its number.

    `learner` is the part of `model` that reads `data`. Given may be `epochs`, where it stops before all are done, and
    `rates`, learning rates by parameter.
    """
    plan, device, n = RUN["plans"][phase], RUN["device"], len(data.labels)
    together = RUN["batch_size"] * RUN["gradient_accumulation"]
    steps = math.ceil(n / together) * plan["epochs"]
    learning, rates = [p for p in model.parameters() if p.requires_grad], given.get("rates", {})
    optimiser = torch.optim.AdamW([  # biases and norms are not pulled towards zero
        {"params": [p], "lr": rates.get(id(p), plan["rate"]), "weight_decay": RUN["weight_decay"] * (p.ndim > 1)}
        for p in learning
    ], fused=True)  # fmt: skip
    rate = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: schedule(step, steps))
    weight = None
    if RUN["balance"]:
        # every class has the same say, however many pictures it has
        counts = torch.bincount(data.labels, minlength=len(RUN["classes"])).float()
        weight = torch.where(counts > 0, n / (counts.clamp_min(1) * (counts > 0).sum()), 0.0).to(device)
    if RUN["faster"]:
        learner = merged_convolutions(model, learner, data) if phase != "head" else learner
    if RUN["bf16"]:
        learner = torch.autocast(device, torch.bfloat16)(learner)

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        smooth = RUN["label_smoothing"]
        return F.cross_entropy(logits, labels.to(device), weight, label_smoothing=smooth, reduction="sum") / len(labels)

    best, least, weights = 0, math.inf, {}
    for epoch in range(min(plan["stop"], given.get("epochs", plan["stop"]))):
        if epoch - best >= plan["patience"]:
            break
        dice = seeded(RUN["seed"], phase, epoch)
        model.train()
        if RUN["strategy"] != "scratch":
            for norm in batch_norms(model):  # a few small batches know the statistics worse than ImageNet did
                norm.eval()
        for group in torch.randperm(n, generator=dice).split(together):
            for chosen in group.split(RUN["batch_size"]):
                inputs, labels = data.inputs(chosen, dice), data.labels[chosen]
                if RUN["mix"] != "none":
                    inputs, labels = mixed(inputs, labels, dice) if phase != "head" else (inputs, labels)
                logits = learner(inputs.to(device)).float()
                (loss(logits, labels) * len(chosen) / len(group)).backward()
            if RUN["gradual"]:
                # the last stage learns from the first epoch on, and more of the earlier ones in every further epoch
                at_once = math.ceil(len(RUN["stages"]) / max(1, plan["epochs"] // 2))
                first = len(RUN["stages"]) - (epoch + 1) * at_once
                for p in learning:
                    if given.get("order", {}).get(id(p), len(RUN["stages"])) < first:
                        p.grad = None
            nn.utils.clip_grad_norm_(learning, 5.0)
            optimiser.step()
            optimiser.zero_grad()
            rate.step()
        now = -float(epoch)  # with nothing to check on, the last epoch is the best
        if checks is not None:
            now = float(loss(logits_of(model, learner, checks), checks.labels))
            print(f"{phase}, epoch {epoch + 1}: validation loss {now:.4f}")
        if now < least:
            best, least, weights = epoch + 1, now, copy.deepcopy(model.state_dict())
    model.load_state_dict(weights)
    return best


def merged_convolutions(model: Any, learner: Any, data: Data) -> Any:
    """`learner`, computed by convolutions.py, which lies beside this file: the same function, learnt twice as fast."""
    sys.path.insert(0, str(HERE))
    from convolutions import Merged, merged  # type: ignore[import-not-found]

    model.eval()
    mode = Merged({}) if RUN["strategy"] == "scratch" else merged(learner, data.inputs(torch.arange(1)))

    def faster(x: Tensor) -> Tensor:
        with mode:
            return learner(x)

    return faster


def logits_of(model: Any, learner: Any, data: Data) -> Tensor:
    model.eval()
    with torch.no_grad():
        batches = torch.arange(len(data.labels)).split(64)
        return torch.cat([learner(data.inputs(chosen).to(RUN["device"])).float() for chosen in batches])


def batch_norms(model: Any) -> list[nn.modules.batchnorm._BatchNorm]:
    return [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


def fit_head(model: Any, features: Callable[[Tensor], Tensor], training: Data, checks: Any) -> None:
    """The new head learns first, alone, from zeros: a random one would wreck the features of what is pretrained."""
    head = model.get_classifier()
    model.requires_grad_(False)
    head.requires_grad_(True)
    head.load_state_dict({name: torch.zeros_like(value) for name, value in head.state_dict().items()})
    seen = behind(model, features, training, RUN["views"])
    shift, scale = seen.flatten(0, 1).mean(0), seen.flatten(0, 1).std(0).clamp_min(1e-3)
    learnt_from, checked = from_views((seen - shift) / scale, training.labels), None
    if checks is not None:
        held_out = (behind(model, features, checks, RUN["checked_views"]) - shift) / scale
        checked = from_views(held_out, checks.labels)
    best = train(model, "head", head, learnt_from, checked)
    print(f"head: epoch {best} was the best")
    if RUN["refit"]:
        # the number of epochs is known now: once more, from zeros, on the held-out part too
        head.load_state_dict({name: torch.zeros_like(value) for name, value in head.state_dict().items()})
        both = torch.cat([(seen - shift) / scale, held_out])
        data = from_views(both, torch.cat([training.labels, checks.labels]))
        train(model, "refit", head, data, None, epochs=best)
    with torch.no_grad():  # from here on the head reads features as they are
        head.weight.div_(scale.to(head.weight.device))
        head.bias.sub_(head.weight @ shift.to(head.weight.device))


# --- The run ---


def learn(training: Any, checks: Any) -> tuple[Any, Callable[[Any], Tensor]]:
    """The network, and what it answers: data -> logits float32 (N, classes)."""
    seeded(RUN["seed"], "weights")
    model: Any = timm.create_model(RUN["architecture"], num_classes=len(RUN["classes"]))
    if RUN["strategy"] == "scratch":
        for norm in batch_norms(model):
            norm.momentum = 0.1
        learner = model.to(RUN["device"])
        train(model, "scratch", learner, training, checks)
    else:
        model.load_state_dict(load_file(HERE / "pretrained.safetensors"), strict=False)
        head = model.to(RUN["device"]).get_classifier()

        def features(x: Tensor) -> Tensor:
            return model.forward_head(model.forward_features(x), pre_logits=True)

        fit_head(model, features, training, checks)
    if RUN["strategy"] == "lora":
        from peft import LoraConfig, get_peft_model

        seeded(RUN["seed"], "adapters")
        targets = [
            name for name, layer in model.named_modules()
            if isinstance(layer, nn.Linear) or isinstance(layer, nn.Conv2d) and layer.groups == 1
            if layer is not head
        ]  # fmt: skip
        rank = RUN["lora_rank"]
        adapted = get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets))
        head.requires_grad_(True)
        train(model, "fine-tuning", model, training, checks)
        learner = model = adapted.merge_and_unload()
    if RUN["strategy"] in ("partial", "full"):
        # each stage learns more slowly than the one above it, and all more slowly than the head
        rates = {id(p): RUN["stages"][0]["rate"] for p in model.parameters()}
        order = dict.fromkeys(rates, 0)
        model.requires_grad_(not RUN["frozen"])
        for number, stage in enumerate(RUN["stages"]):
            for layer in map(model.get_submodule, stage["layers"]):
                layer.requires_grad_(True)
                rates |= {id(p): stage["rate"] for p in layer.parameters()}
                order |= {id(p): number for p in layer.parameters()}
        head.requires_grad_(True)
        rates |= {id(p): RUN["plans"]["fine-tuning"]["rate"] for p in head.parameters()}
        order |= {id(p): len(RUN["stages"]) for p in head.parameters()}
        if not RUN["frozen"]:
            learner = model
        else:

            def frozen(x: Tensor) -> Tensor:
                for layer in RUN["frozen"]:
                    x = attrgetter(layer)(model)(x)
                return x

            def learner(x: Tensor) -> Tensor:
                for layer in RUN["learning"]:
                    x = attrgetter(layer)(model)(x)
                return head(model.forward_head(x, pre_logits=True))

            training = from_views(behind(model, frozen, training, RUN["views"]), training.labels)
            checks = checks and from_views(behind(model, frozen, checks, 1), checks.labels)
        train(model, "fine-tuning", learner, training, checks, rates=rates, order=order)

    if RUN["strategy"] == "features":
        return model, lambda data: logits_of(model, head, from_views(behind(model, features, data, 1), data.labels))
    elif RUN["frozen"]:
        return model, lambda data: logits_of(model, learner, from_views(behind(model, frozen, data, 1), data.labels))
    else:
        return model, lambda data: logits_of(model, learner, data)


def in_folds(data: Path, rows: list[dict[str, str]]) -> tuple[Any, Tensor]:
    """A network that learns from all pictures, and what others say of each, which have not seen it: (N, classes).

    NaN for a picture that is alone in its class: all of them have seen it.
    """
    pictures = read(data, rows)
    if RUN["test_time"] == "none":
        ways: list[Data] = [pictures]
    else:
        ways = looks(data, rows, pictures)
    known: list[dict[str, Tensor]] = [{} for _ in ways]
    logits = torch.full((len(rows), len(RUN["classes"])), torch.nan, device=RUN["device"])
    for fold in [*RUN["folds"], "part"]:  # the last one is the model that is kept: it tests nothing
        at = {name: [i for i, row in enumerate(rows) if row[fold] == name] for name in ("train", "validation", "test")}
        print(f"{fold}: {len(at['train'])} pictures to learn from, {len(at['test'])} to test on")
        if RUN["rates"]:
            use_rate(RUN["rates"][fold])
        checks = some_of(pictures, at["validation"], known[0]) if at["validation"] else None
        model, answers = learn(some_of(pictures, at["train"], known[0]), checks)
        if at["test"]:
            said = [answers(some_of(way, at["test"], seen)) for way, seen in zip(ways, known, strict=True)]
            logits[at["test"]] = torch.stack(said).mean(0)
    return model, logits


def use_rate(rate: float) -> None:
    """Trains with the learning rate that was found for this fold."""
    for phase, plan in RUN["plans"].items():
        if RUN["strategy"] == "features" or phase != "head":
            plan["rate"] = rate
    for number, stage in enumerate(RUN["stages"]):
        stage["rate"] = rate * RUN["layer_decay"] ** (len(RUN["stages"]) - number)


def main(data: Path, test: Path) -> None:
    torch.set_num_threads(RUN["threads"])
    if RUN["matmul"] != "highest":
        torch.set_float32_matmul_precision(RUN["matmul"])
    with (HERE / "split.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if RUN["folds"]:
        model, logits = in_folds(data, rows)
        asked = ~logits.isnan().any(1)
        tested, logits = [row for row, known in zip(rows, asked, strict=True) if known], logits[asked]
    else:
        parts = {part: [row for row in rows if row["part"] == part] for part in ("train", "validation", "test")}
        training, testing = read(data, parts["train"]), read(test, parts["test"])
        checks = read(data, parts["validation"]) if parts["validation"] else None
        model, answers = learn(training, checks)
        tested, logits = parts["test"], answers(testing)
        if RUN["test_time"] != "none":
            logits = torch.stack([answers(way) for way in looks(test, tested, testing)]).mean(0)
    labels = np.array([RUN["classes"].index(row["label"].removeprefix("'")) for row in tested])
    predicted = logits.argmax(1).cpu().numpy()
    value = float(np.mean([(predicted == labels)[labels == label].mean() for label in np.unique(labels)]))
    save_file(model.state_dict(), HERE / "model.safetensors")
    said = {row["file"]: RUN["classes"][answer] for row, answer in zip(tested, predicted, strict=True)}
    (HERE / "predictions.json").write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")
    print(f"balanced accuracy {value} on {len(labels)} test pictures; in the run it was {RUN['value']}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[-1]))
