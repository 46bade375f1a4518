"""Repeats one run of Headstart without Headstart. Read it from top to bottom: it is the whole recipe.

    pip install -r requirements.txt
    python train.py DATA [TEST]

DATA is the folder of pictures that the run learnt from (a zip: unpack it first), TEST that of its separate test
pictures, if any. Beside this file lie detector.py and config.json, which make the network, and split.json: what each
picture is for, and the boxes on it as the run read them. It names your files: share this folder with those who may know
these names.
"""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file
from torch import Generator, Tensor, nn
from torchvision.transforms import v2

from engines.exports.script_parts import HERE, RUN, adapters, as_in_the_run, at_own_rates, fit, paths_given, seeded
from engines.vision.detection.networks.decode import (
    MOST,
    boxes_of,
    boxes_of_candidates,
    on_picture,
    on_square,
    overlaps,
)
from engines.vision.detection.networks.loss import Boxes, Cost, mean_places
from engines.vision.images.reading import read

sys.path.insert(0, str(HERE))  # detector.py lies beside this file

# --- Pictures become squares, and their boxes go along ---


def square(path: Path) -> Tensor:
    """uint8 (3, size, size): the whole picture, on the mean colour of its own edge."""
    side, image = RUN["size"], read(path, RUN["size"])
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    scale = side / max(image.size)
    width, height = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    left, top = (side - width) // 2, (side - height) // 2
    edge = torch.cat([pixels[:, 0], pixels[:, -1], pixels[:, :, 0], pixels[:, :, -1]], dim=1)
    canvas = edge.double().mean(1).round().to(torch.uint8)[:, None, None].repeat(1, side, side)
    bicubic = v2.InterpolationMode.BICUBIC
    canvas[:, top : top + height, left : left + width] = v2.functional.resize(
        pixels, [height, width], bicubic, antialias=True
    )
    return canvas


def normalised(pixels: Tensor) -> Tensor:
    """uint8 (B, 3, size, size) -> float32, as the network expects its input."""
    mean, std = torch.tensor(RUN["mean"]).view(1, 3, 1, 1), torch.tensor(RUN["std"]).view(1, 3, 1, 1)
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


class Part(NamedTuple):
    """Pictures that are learnt from, choose, or are tested on."""

    rows: list[dict[str, Any]]  # of split.json
    squares: Tensor  # uint8 (N, 3, size, size)
    boxes: Boxes  # on the squares


def part(folder: Path, rows: list[dict[str, Any]], most: int) -> Part:
    """These pictures; room for `most` boxes on each."""
    boxes, labels = torch.zeros(len(rows), most, 4), torch.full((len(rows), most), -1)
    for number, row in enumerate(rows):
        there = np.array(row["boxes"], dtype=float).reshape(-1, 4)
        own = on_square(there, row["width"], row["height"], RUN["size"])
        boxes[number, : len(own)] = torch.from_numpy(own).float()
        labels[number, : len(own)] = torch.tensor([RUN["classes"].index(label) for label in row["labels"]])
    squares = torch.stack([square(folder / row["file"]) for row in rows])
    return Part(rows, squares, Boxes(boxes, labels))


# --- The network in stages, which hand on the maps of the picture that the head reads ---


def network() -> Any:
    """With the weights that it starts from."""
    config = json.loads((HERE / "config.json").read_text(encoding="utf-8"))
    seeded(RUN["seed"], "weights")
    if RUN["family"] == "pyramid":
        from detector import Detector, stages_of  # type: ignore[import-not-found]

        own = config["detector"]
        backbone = timm.create_model(config["architecture"], num_classes=1)
        seeded(RUN["seed"], "head")
        body = stages_of(backbone, own["stages"])
        model: Any = Detector(body, own["taps"], own["widths"], len(RUN["classes"]))
    else:
        from detector import from_config

        model = from_config(config)
    if RUN["strategy"] == "scratch":
        if RUN["family"] != "transformers":
            for norm in batch_norms(model):
                norm.momentum = 0.1
    else:
        model.load_state_dict(load_file(HERE / "pretrained.safetensors"), strict=False)
    return model.to(RUN["device"])


def batch_norms(model: Any) -> list[nn.modules.batchnorm._BatchNorm]:
    return [layer for layer in model.modules() if isinstance(layer, nn.modules.batchnorm._BatchNorm)]


def through(model: Any, maps: tuple[Tensor, ...], first: int, last: int) -> tuple[Tensor, ...]:
    """The maps that are kept, and the newest, after these stages; what a network of queries has seen."""
    if RUN["family"] == "transformers":
        return tuple(model.seen(maps[0], last)) if first < last else maps
    for number in range(first, last):
        if RUN["family"] == "torchvision":
            maps = model.through(number, maps)
        else:
            kept = maps if number - 1 in model.taps else maps[:-1]
            maps = (*kept, model.body[number](maps[-1]))
    return maps


def answers(model: Any, maps: tuple[Tensor, ...]) -> Tensor:
    """What the network says at each place, or by each of its queries."""
    said: Tensor
    if RUN["family"] == "pyramid":
        said = model.head(maps)
    if RUN["family"] == "torchvision":
        said = model.candidates(maps)
    if RUN["family"] == "transformers":
        said = model.candidates(maps if RUN["boundary"] else maps[0])
    return said


Draw = Callable[..., tuple[tuple[Tensor, ...], Boxes]]


def behind(model: Any, data: Part, *, vary: bool = False) -> Draw:
    """Positions (B,), and with `vary` dice by which half of the pictures are mirrored -> what the learning stages read,
    and the boxes. What is frozen answers the same every time: it runs once over each picture, and once in the mirror.
    """

    def frozen(mirror: bool) -> list[Tensor]:
        model.eval()
        found = []
        for some in torch.arange(len(data.rows)).split(8):
            x = normalised(data.squares[some])
            with torch.no_grad():
                maps = through(model, ((x.flip(3) if mirror else x).to(RUN["device"]),), 0, RUN["boundary"])
            found.append([each.float().cpu() for each in maps])
        return [torch.cat(each) for each in zip(*found, strict=True)]

    if RUN["boundary"]:
        ways = [frozen(mirror) for mirror in ([False, True] if vary and RUN["flip"] else [False])]

    def draw(chosen: Tensor, dice: Generator | None = None) -> tuple[tuple[Tensor, ...], Boxes]:
        which = torch.zeros(len(chosen), dtype=torch.bool)
        if dice is not None:
            tossed = torch.rand(len(chosen), generator=dice) < 0.5
            which = tossed if RUN["flip"] else which
        boxes = data.boxes[chosen].mirrored(which, RUN["size"])
        if RUN["boundary"]:
            maps = [each[chosen] for each in ways[0]]
            for own, mirrored in zip(maps, ways[-1], strict=True):
                own[which] = mirrored[chosen[which]]
            given = tuple(own.contiguous(memory_format=torch.channels_last) for own in maps)
        else:
            x = normalised(data.squares[chosen])
            x[which] = x[which].flip(3)
            given = (x,)
        return tuple(each.to(RUN["device"]) for each in given), boxes.to(RUN["device"])

    return draw


# --- Learning ---


def learn(model: Any, training: Part, checks: Part | None) -> Any:
    """The network of the epoch with the least validation loss."""
    head = model.head if RUN["family"] == "pyramid" else nn.ModuleList(model.head())
    if RUN["strategy"] == "features":
        model.requires_grad_(False)
        head.requires_grad_(True)
        own: dict[str, Any] = {}
    if RUN["strategy"] in ("partial", "full"):
        own = at_own_rates(model, head, bool(RUN["cut"]))
    if RUN["strategy"] == "lora":
        seeded(RUN["seed"], "adapters")
        targets = [
            name
            for name, layer in model.named_modules()
            if isinstance(layer, nn.Linear) or isinstance(layer, nn.Conv2d) and layer.groups == 1
            if not isinstance(layer, nn.modules.linear.NonDynamicallyQuantizableLinear)
        ]
        adapted = adapters(model, targets)
        nn.ModuleList(model.head()).requires_grad_(True)
        own = {}
    if RUN["strategy"] == "scratch":
        own = {}
        still: list[Any] = []
    else:  # a few small batches know the statistics worse than those who trained it; and what is frozen is as in use
        resting = [layer for name in RUN["resting"] for layer in model.get_submodule(name).modules()]
        still = [*batch_norms(model), *resting]
    data, n = behind(model, training, vary=True), len(training.rows)
    checked = None if checks is None else behind(model, checks)
    if RUN["faster"]:
        mode = merged_convolutions(model, data)
    if RUN["family"] == "pyramid":
        cost: Any = Cost(RUN["size"], mean_places(training.boxes, RUN["size"]), torch.device(RUN["device"]))

    def loss(maps: tuple[Tensor, ...], targets: Boxes) -> Tensor:
        found: Tensor
        if RUN["family"] == "pyramid":
            if RUN["faster"]:
                with mode:
                    said = model.head(through(model, maps, RUN["boundary"], RUN["stages_there"]))
            else:
                said = model.head(through(model, maps, RUN["boundary"], RUN["stages_there"]))
            found = cost(said, targets)
        if RUN["family"] == "torchvision":
            if RUN["faster"]:
                with mode:
                    maps = through(model, maps, RUN["boundary"], RUN["stages_there"])
            else:
                maps = through(model, maps, RUN["boundary"], RUN["stages_there"])
            found = model.losses(maps, targets.apart())
        if RUN["family"] == "transformers":
            found = model.losses(maps if RUN["boundary"] else maps[0], targets.apart())
        return found

    def share(chosen: Tensor, group: Sequence[Tensor], dice: Generator) -> Tensor:
        for layer in still:
            layer.eval()
        return loss(*data(chosen, dice)) * len(chosen) / sum(map(len, group))

    def check() -> float:
        assert checks is not None
        assert checked is not None
        model.eval()
        with torch.no_grad():
            some = torch.arange(len(checks.rows)).split(16)
            return sum(float(loss(*checked(chosen))) * len(chosen) for chosen in some) / len(checks.rows)

    def batches(dice: Generator) -> Sequence[Tensor]:
        return torch.randperm(n, generator=dice).split(RUN["batch_size"])

    fit(model, RUN["phase"], batches, share, None if checks is None else check, **own)
    if RUN["strategy"] == "lora":
        return adapted.merge_and_unload()
    else:
        return model


def merged_convolutions(model: Any, data: Draw) -> Any:
    """Within it convolutions.py, which lies beside this file, computes: the same function, learnt twice as fast."""
    from convolutions import Merged, merged  # type: ignore[import-not-found]  # it lies beside

    if RUN["strategy"] == "scratch":
        return Merged({})
    else:

        def values(maps: tuple[Tensor, ...]) -> Tensor:
            made = through(model, maps, RUN["boundary"], RUN["stages_there"])
            return torch.cat([each.flatten(1) for each in made], dim=1)

        model.eval()
        return merged(values, data(torch.arange(1))[0])


# --- What is found, and how good that is ---


class Found(NamedTuple):
    """On one picture, in its own pixels, the surest first."""

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray


def find(model: Any, data: Part) -> list[Found]:
    found, draw, stages = [], behind(model, data), (RUN["boundary"], RUN["stages_there"])
    model.eval()
    for some in torch.arange(len(data.rows)).split(16):
        with torch.no_grad():
            said = answers(model, through(model, draw(some)[0], *stages)).float().cpu().numpy()
        for i, own in zip(some.tolist(), said, strict=True):
            if RUN["family"] == "pyramid":
                boxes, scores, labels, _broken = boxes_of(own, RUN["size"])
            else:
                boxes, scores, labels, _broken = boxes_of_candidates(own, RUN["size"], float(model.same))
            back = on_picture(boxes, data.rows[i]["width"], data.rows[i]["height"], RUN["size"])
            real = (back[:, :2] < back[:, 2:]).all(1)
            found.append(Found(back[real], scores[real], labels[real]))
    return found


class Judged(NamedTuple):
    """All boxes found on some pictures."""

    labels: np.ndarray
    scores: np.ndarray
    right: np.ndarray  # whether it covers at least half of a thing of its class that no surer box has taken
    there: np.ndarray  # things of each class


def judged(found: list[Found], data: Part) -> Judged:
    rows, there = [], np.zeros(len(RUN["classes"]))
    for own, row in zip(found, data.rows, strict=True):
        truth = np.array(row["boxes"], dtype=float).reshape(-1, 4)
        names = np.array([RUN["classes"].index(label) for label in row["labels"]], dtype=int)
        for label in np.union1d(own.labels, names):
            wanted, mine = truth[names == label], own.labels == label
            free = np.ones(len(wanted), dtype=bool)
            there[label] += len(wanted)
            order = np.argsort(-own.scores[mine], kind="stable")[:MOST]
            for box, score in zip(own.boxes[mine][order], own.scores[mine][order], strict=True):
                shared = overlaps(box[None], wanted)[0]
                fits = free & (shared >= 0.5)
                if fits.any():  # of equal overlaps the last
                    free[len(wanted) - 1 - int(np.where(fits, shared, -1.0)[::-1].argmax())] = False
                rows.append((label, score, bool(fits.any())))
    labels, scores, right = zip(*rows, strict=True) if rows else ((), (), ())
    return Judged(np.array(labels, dtype=int), np.array(scores), np.array(right, dtype=bool), there)


def mean_average_precision(found: Judged) -> float:
    """At overlap .5, as COCO defines it: precision at 101 recalls, averaged over the classes that are there."""
    each = []
    for label in np.flatnonzero(found.there):
        own = found.labels == label
        right = np.cumsum(found.right[own][np.argsort(-found.scores[own], kind="stable")].astype(float))
        recall, precision = right / found.there[label], right / np.arange(1, len(right) + 1)
        best = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
        at = np.searchsorted(recall, np.linspace(0.0, 1.0, 101), side="left")
        each.append(best[np.minimum(at, len(right))].mean())
    return float(np.mean(each)) if each else 0.0


def best_threshold(found: Judged) -> float:
    """The score from which on boxes are best told: the largest F1."""
    if not found.right.any():
        return float(RUN["usual_threshold"])
    order = np.argsort(-found.scores, kind="stable")
    scores, right = found.scores[order], np.cumsum(found.right[order])
    last = np.append(scores[1:] != scores[:-1], True)  # a threshold takes all of one score
    f1 = np.where(last, 2 * right / (np.arange(1, len(order) + 1) + found.there.sum()), -1.0)
    return float(scores[int(f1.argmax())])


def in_words(labels: list[str]) -> str:
    counts = {label: labels.count(label) for label in dict.fromkeys(labels)}
    return ", ".join(f"{n} {label}" if n > 1 else label for label, n in counts.items()) or "nothing"


# --- The run ---


def main(data: Path, test: Path) -> None:
    as_in_the_run()
    rows = json.loads((HERE / "split.json").read_text(encoding="utf-8"))
    most = max(1, *(len(row["labels"]) for row in rows))
    parts = {
        name: part(test if name == "test" else data, own, most)
        for name in ("train", "validation", "test")
        if (own := [row for row in rows if row["part"] == name])
    }
    checks, testing, model = parts.get("validation"), parts["test"], network()
    if RUN["strategy"] != "zero-shot":
        model = learn(model, parts["train"], checks)
    threshold = best_threshold(judged(find(model, checks), checks)) if checks else RUN["usual_threshold"]
    found = find(model, testing)
    said = {}
    for row, answer in zip(testing.rows, found, strict=True):
        sure = answer.labels[answer.scores >= threshold]
        said[row["name"]] = in_words([RUN["classes"][label] for label in sure])
    (HERE / "predictions.json").write_text(json.dumps(said, indent=1, ensure_ascii=False), encoding="utf-8")
    save_file({name: own.contiguous() for name, own in model.state_dict().items()}, HERE / "model.safetensors")
    value = mean_average_precision(judged(found, testing))
    print(f"map50 {value} on {len(found)} test pictures; in the run it was {RUN['value']}")
    print(f"predictions.json says what is told from a score of {threshold:.3f} on")


if __name__ == "__main__":
    given = paths_given("DATA [TEST]", 1)
    main(given[0], given[-1])
