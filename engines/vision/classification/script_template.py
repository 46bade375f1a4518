"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py DATA [TEST]

DATA is the folder that the run learnt from (a zip: unpack it first; a table or an .npz: the folder it lies in), TEST
that of its separate test pictures, if any. Beside this file lies split.csv: what each picture shows and is for. It
names your files: share this folder with those who may know these names.
"""

import contextlib
import functools
import sys
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torchvision.transforms import v2

from engines.exports.script_parts import (
    HERE,
    RUN,
    adapters,
    as_in_the_run,
    at_own_rates,
    average_classes,
    fit_head,
    judge,
    logits_of,
    paths_given,
    seeded,
    table,
    train_classes,
)
from engines.vision.models.shallow import Shallow

# --- Pictures become squares, and squares become inputs: as they are, or varied anew each time they are seen ---


class Data(NamedTuple):
    inputs: Callable[..., Tensor]  # (positions (B,), dice) -> float32 (B, ...), varied where dice are given
    labels: Tensor  # int64 (N,)
    whole: Any = None  # of one fold's: Data of all, these by position, and what is frozen -> what it makes of all

    def batches(self, size: int, dice: Generator | None = None) -> Sequence[Tensor]:
        order = torch.randperm(len(self.labels), generator=dice) if dice else torch.arange(len(self.labels))
        return order.split(size)


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
                    tops = [1.0, 255.0, 65535.0, float(grey.max())] if file.mode == "F" else [RUN["white"]]
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


def some_of(whole: Data, positions: list[int], known: dict[str, Tensor]) -> Data:
    chosen = torch.tensor(positions)
    return Data(lambda at, dice=None: whole.inputs(chosen[at], dice), whole.labels[chosen], (whole, chosen, known))


# --- What is frozen answers the same every time: it runs once over a few views of each picture, not every epoch ---


def behind(model: Any, frozen: Callable[[Tensor], Tensor], data: Data, views: int) -> Tensor:
    """float32 (N, views, ...): what `frozen` makes of each picture as it is, and of some variations of it."""
    if RUN["folds"]:  # noqa: SIM102 (the export decides this one alone)
        if data.whole is not None:  # once for all folds
            whole, positions, known = data.whole
            if frozen.__name__ not in known:
                known[frozen.__name__] = behind(model, frozen, whole, views)
            return known[frozen.__name__][positions]
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


# --- Learning ---


def mixed(inputs: Tensor, labels: Tensor, dice: Generator) -> Any:
    """Each picture mixed with the one before it, and for each the share of every class, float32 (B, C)."""
    mix = (v2.MixUp if RUN["mix"] == "mixup" else v2.CutMix)(alpha=RUN["alpha"], num_classes=len(RUN["classes"]))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=dice)))
        return mix(inputs, labels)


def learn_phase(model: Any, phase: str, learner: Any, data: Data, checks: Data | None, **given: Any) -> None:
    if RUN["faster"]:
        learner = merged_convolutions(model, learner, data) if phase != "head" else learner
    if RUN["strategy"] != "scratch":
        given["still"] = batch_norms(model)  # a few small batches know the statistics worse than ImageNet did
    train_classes(model, phase, learner, data, checks, mixed=mixed, **given)


def merged_convolutions(model: Any, learner: Any, data: Data) -> Any:
    """`learner`, computed by convolutions.py, which lies beside this file: the same function, learnt twice as fast."""
    sys.path.insert(0, str(HERE))
    from convolutions import Merged, merged  # type: ignore[import-not-found]  # it lies beside

    model.eval()
    mode = Merged({}) if RUN["strategy"] == "scratch" else merged(learner, data.inputs(torch.arange(1)))

    def faster(x: Tensor) -> Tensor:
        with mode:
            return learner(x)

    return faster


def batch_norms(model: Any) -> list[nn.modules.batchnorm._BatchNorm]:
    return [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


# --- The run ---


def learn(training: Any, checks: Any) -> tuple[Any, Callable[[Any], Tensor]]:
    """The network, and what it answers: data -> logits float32 (N, classes)."""
    seeded(RUN["seed"], "weights")
    model: Any = timm.create_model(RUN["architecture"], num_classes=len(RUN["classes"]))
    if RUN["shallow"]:
        model = Shallow(model, classes=len(RUN["classes"]), **RUN["shallow"])
    if RUN["strategy"] == "scratch":
        for norm in batch_norms(model):
            norm.momentum = 0.1
        learner = model.to(RUN["device"])
        learn_phase(model, "scratch", learner, training, checks)
    else:
        model.load_state_dict(load_file(HERE / "pretrained.safetensors"), strict=False)
        head = model.to(RUN["device"]).get_classifier()

        def features(x: Tensor) -> Tensor:
            return model.forward_head(model.forward_features(x), pre_logits=True)

        parts = [(training, RUN["views"]), (checks, RUN["checked_views"])]
        seen = [(behind(model, features, part, views), part.labels) for part, views in parts if part is not None]
        if RUN["strategy"] == "prototypes":
            average_classes(head, seen)
        else:
            fit_head(model, head, seen, from_views)
    if RUN["strategy"] == "lora":
        seeded(RUN["seed"], "adapters")
        targets = [
            name
            for name, layer in model.named_modules()
            if isinstance(layer, nn.Linear) or isinstance(layer, nn.Conv2d) and layer.groups == 1
            if layer is not head
        ]
        adapted = adapters(model, targets)
        head.requires_grad_(True)
        learn_phase(model, "fine-tuning", model, training, checks)
        learner = model = adapted.merge_and_unload()
    if RUN["strategy"] in ("partial", "full"):
        own = at_own_rates(model, head, bool(RUN["frozen"]))
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
        learn_phase(model, "fine-tuning", learner, training, checks, **own)

    if RUN["strategy"] in ("features", "prototypes"):
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
    logits = torch.full((len(rows), len(RUN["classes"])), torch.nan)
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
    as_in_the_run()
    rows = table(HERE / "split.csv")
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
    save_file(model.state_dict(), HERE / "model.safetensors")
    judge([row["file"] for row in tested], logits.argmax(1).numpy(), labels, "pictures")


if __name__ == "__main__":
    given = paths_given("DATA [TEST]", 1)
    main(given[0], given[-1])
