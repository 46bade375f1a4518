"""Use a trained detector: keep it, load it, ask it."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from engines import paths
from engines.cancellation import counted
from engines.contract import Catalogue, InputError, ModelCard, Predictor, Problem, Progress, Skipped, Task
from engines.data.archive import unpack
from engines.data.unpacked import files_below, prepared
from engines.messages import _
from engines.runs import no_model
from engines.training import devices, learnt_weights
from engines.training.staged import Staged
from engines.vision.detection.evaluation.metrics import Found
from engines.vision.detection.networks import families
from engines.vision.detection.predictions import boxes_of
from engines.vision.detection.train import answered
from engines.vision.images import foreign, reading
from engines.vision.images.transforms import InputFormat

DETECTORS = Catalogue(Path(__file__).with_name("catalogue.json"))
USUAL_THRESHOLD = 0.3
"""From which score on a box is told, where no validation pictures could choose it."""
ACCEPTED = _("accepted: a picture, or a folder or zip of pictures")
SNIPPET = """\
import json, torch, safetensors.torch
from detector import from_config  # detector.py lies beside the weights; usage.py shows how boxes come of its answers
config = json.load(open("config.json", encoding="utf-8"))
model = from_config(config).eval()
model.load_state_dict(safetensors.torch.load_file("model.safetensors"))"""


def save(
    folder: Path, network: Staged, card: ModelCard, classes: list[str], format: InputFormat, *, threshold: float
) -> None:
    """Writes model.safetensors, config.json and detector.py, the network's own code."""
    folder.mkdir(parents=True, exist_ok=True)
    model, family = network.model, families.of(card.name)
    state = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architecture": card.name if "/" in card.name else card.name.split(".")[0],
        "num_classes": len(classes),
        "label_names": classes,
        "family": family.NAME,
        "detector": family.configuration(model, card),
        "size": format.size,
        "mean": list(format.mean),
        "std": list(format.std),
        "threshold": threshold,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
    shutil.copyfile(family.SOURCE, folder / "detector.py")


def keep_learnt_only(folder: Path) -> None:
    """See `training.learnt_weights.keep_alone`."""
    learnt_weights.keep_alone(folder, pretrained(json.loads((folder / "config.json").read_text(encoding="utf-8"))))


def pretrained(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights that a model with this configuration started from; those of its head are new ones."""
    family, name = families.of_config(config), config["architecture"]
    card = DETECTORS.find(name) or family.describe(name, config["size"])
    return family.build(card, config["num_classes"], pretrained=True, seed=0, size=config["size"]).model.state_dict()


def load(task: Task, run: Path) -> Finder:
    """See `contract.Task.load`."""
    return Finder(run)


class Finder(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        folder = run / "model"
        try:
            config: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            state = learnt_weights.whole(folder, lambda: pretrained(config))
        except FileNotFoundError:
            raise no_model(run) from None
        self.config, self.classes = config, list(config["label_names"])
        self.format = InputFormat(config["size"], tuple(config["mean"]), tuple(config["std"]), "pad", crop=1.0)
        self.threshold: float = config["threshold"]
        self.device = devices.answers()
        self.family = families.of_config(config)
        self.model = self.family.loaded(config)
        self.model.load_state_dict(state)
        self.model.eval().to(self.device)

    def inputs(self, path: Path) -> tuple[torch.Tensor, int, int]:
        """float32 (1, 3, size, size), and the picture's own width and height. Raises images.UnreadableImage."""
        size = reading.size(path)
        square = torch.from_numpy(self.format.read(path).copy())
        return self.format.plain(square.permute(2, 0, 1)[None]).to(self.device), size.width, size.height

    def find(self, path: Path) -> tuple[Found, int, int]:
        """What is on a picture, in its own pixels, and its width and height. Raises images.UnreadableImage."""
        inputs, width, height = self.inputs(path)
        with torch.no_grad():
            said = self.model(inputs)[0].float().cpu().numpy()
        read = self.family.boxes_of(self.model, said, self.format.size)
        return answered(read, self.format.size, width, height), width, height

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """A row a picture: file, boxes (label, score, box: x0, y0, x1, y1 in its pixels, the surest first, from the
        threshold on), unsure (those below it), threshold, width, height."""
        named, skipped = pictures_in(data)
        yield from foreign.some_read(skipped, (self._row(*one) for one in counted(named, progress)))

    def _row(self, name: str, path: Path) -> dict[str, Any]:
        try:
            found, width, height = self.find(path)
        except reading.UnreadableImage as error:
            return {"file": name, "error": foreign.reason(path, error)}
        boxes = boxes_of(found, self.classes)
        sure = int((found.scores >= self.threshold).sum())
        return {
            "file": name,
            "boxes": boxes[:sure],
            "unsure": boxes[sure:],
            "threshold": round(self.threshold, 4),
            "width": width,
            "height": height,
        }


def pictures_in(data: Path) -> tuple[list[tuple[str, Path]], list[Skipped]]:
    """(name, path) of the pictures in `data`: one, or those of a folder or zip, sorted by name; and what is none.
    Raises InputError when there is none."""
    if not data.exists():
        raise InputError(Problem(str(data), _("there is no such file or folder"), ACCEPTED))
    is_picture = data.suffix.lower() in reading.EXTENSIONS
    if data.is_file() and (is_picture or not zipfile.is_zipfile(data)):
        return [(data.name, data)], []
    root, skipped = (data, []) if data.is_dir() else prepared(data, paths.work(data), lambda out: unpack(data, out))
    found = []
    for file in files_below(root):
        name = file.relative_to(root).as_posix()
        if file.suffix.lower() in reading.EXTENSIONS:
            found.append((name, file))
        else:
            skipped.append(Skipped(name, _("is no image")))
    if not found:
        raise InputError(Problem(data.name, _("no image in it"), ACCEPTED))
    return sorted(found), skipped
