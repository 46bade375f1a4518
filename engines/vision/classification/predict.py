"""Use a trained image classifier: keep it, load it, ask it, carry it home."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import timm
import torch
from safetensors.torch import save_file
from torch import nn

from engines import paths
from engines.cancellation import counted
from engines.contract import ModelCard, Predictor, Progress, Task
from engines.messages import _
from engines.runs import no_model
from engines.training import devices, learnt_weights
from engines.training.staged import Staged
from engines.vision.classification.dataset import open_unlabelled
from engines.vision.classification.settings import VisionSettings
from engines.vision.images import foreign, reading
from engines.vision.images.transforms import LOOKS, InputFormat, look
from engines.vision.models import backbones, catalogue, checkpoints, image_text, shallow, tower
from engines.vision.models import network as networks
from engines.vision.models.shallow import Shallow
from engines.vision.models.tower import Tower

SNIPPET = """\
import json, safetensors.torch, timm
from PIL import Image, ImageOps
config = json.load(open("config.json", encoding="utf-8"))
model = timm.create_model(config["architecture"], num_classes=config["num_classes"]).eval()
model.load_state_dict(safetensors.torch.load_file("model.safetensors"))
transform = timm.data.create_transform(**timm.data.resolve_data_config(pretrained_cfg=config["pretrained_cfg"]))
picture = ImageOps.exif_transpose(Image.open("picture.jpg")).convert("RGB")
print(config["label_names"][model(transform(picture)[None]).argmax()])"""
"""Loads the exported model back, in the folder it was unpacked to, and asks it what is in a picture."""
OF_SOME_BLOCKS = """\
from shallow import Shallow  # shallow.py lies beside the weights
backbone = timm.create_model(config["architecture"], num_classes=0)
model = Shallow(backbone, classes=config["num_classes"], **config["shallow"]).eval()"""
"""In the place of the line that makes a whole network."""
OF_TOWER = "from tower import from_config  # tower.py lies beside the weights\n"
MAKES = 'timm.create_model(config["architecture"], num_classes='


def snippet(*, ends_early: bool, of_tower: bool = False) -> str:
    """The lines that load a model of all the network's blocks, or of the first ones; or of an image–text network."""
    whole = next(line for line in SNIPPET.splitlines() if line.startswith("model = "))
    lines = SNIPPET.replace(whole, OF_SOME_BLOCKS) if ends_early else SNIPPET
    return OF_TOWER + lines.replace(MAKES, 'from_config(config["tower"], classes=') if of_tower else lines


def save(
    folder: Path,
    network: Staged,
    card: ModelCard,
    classes: list[str],
    format: InputFormat,
    *,
    temperature: float,
    test_time: str = "none",
    further: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Writes model.safetensors and config.json: timm's own names and keys, and what the input must look like.

    Probabilities are softmax(logits / temperature): see `evidence.calibration`. `further`: what else is to be known of
    it, such as how scans are read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config: dict[str, Any] = {
        "architecture": checkpoints.architecture(card.name).split(".")[0],
        "num_classes": len(classes),
        "label_names": classes,
        "pretrained_cfg": {
            "input_size": [3, format.size, format.size],
            "mean": format.mean,
            "std": format.std,
            "interpolation": "bicubic",
            "crop_pct": 1.0 if format.framing == "pad" else format.crop,
            "crop_mode": "border" if format.framing == "pad" else "center",
        },
        "headstart": {
            "framing": format.framing,
            "stored": format.stored,
            "crop": format.crop,
            "white": format.white,
            "temperature": temperature,
            "test_time": test_time,
            **further,
        },
    }
    if isinstance(own := getattr(network.model, "backbone", network.model), Tower):
        config["tower"] = own.config
        config["architecture"] = card.name
        shutil.copyfile(tower.__file__, folder / "tower.py")
    if isinstance(model := network.model, Shallow):
        config["shallow"] = {"steps": model.steps, "width": model.classifier.in_features}
        config["headstart"]["depth"] = len(network.stages)
        shutil.copyfile(shallow.__file__, folder / "shallow.py")
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")


def keep_learnt_only(folder: Path) -> None:
    """See `training.learnt_weights.keep_alone`."""
    learnt_weights.keep_alone(folder, pretrained(json.loads((folder / "config.json").read_text(encoding="utf-8"))))


def weights_of(folder: Path, config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """See `training.learnt_weights.whole`. Raises InputError when the backbone is not to be had."""
    return learnt_weights.whole(folder, lambda: pretrained(config))


def pretrained(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights that a model with this configuration started from."""
    name, depth = config["architecture"], config["headstart"].get("depth", 0)
    card = catalogue.find(name) or (image_text.describe if "tower" in config else backbones.describe)(name)
    return networks.build(card, config["num_classes"], pretrained=True, seed=0, depth=depth).model.state_dict()


def network_of(config: dict[str, Any]) -> nn.Module:
    """The network with this configuration, its weights still random."""
    classes = config["num_classes"]
    whole: nn.Module = (
        tower.from_config(config["tower"], classes)
        if "tower" in config
        else timm.create_model(config["architecture"], num_classes=classes)
    )
    return Shallow(whole, classes=classes, **config["shallow"]) if "shallow" in config else whole


def format_of(config: dict[str, Any]) -> InputFormat:
    """How the model with this configuration wants its pictures."""
    shape, own = config["pretrained_cfg"], config["headstart"]
    return InputFormat(
        shape["input_size"][-1],
        tuple(shape["mean"]),
        tuple(shape["std"]),
        own["framing"],
        own["crop"],
        own.get("white"),  # of a run from before it was found
    )


def load(task: Task, run: Path) -> Classifier:
    """See `contract.Task.load`."""
    return Classifier(run)


class Classifier(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        folder = run / "model"
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            state = weights_of(folder, config)
        except FileNotFoundError:
            raise no_model(run) from None
        own = config["headstart"]
        self.classes: list[str] = config["label_names"]
        self.format = format_of(config)
        self.temperature: float = own.get("temperature", 1.0)  # of a run from before it was fitted
        self.reading = VisionSettings.parse(own.get("scans", {}))
        """How new scans are read: as those that it learnt from."""
        self.looks = LOOKS[own.get("test_time", "none")]
        self.device = devices.answers()
        self.model = network_of(config)
        self.model.load_state_dict(state)
        self.model.eval().to(self.device)

    @property
    def network(self) -> Staged:
        """The same model in its stages."""
        network = backbones.staged(backbones.typed(self.model.cpu()))
        self.model.to(self.device)
        return network

    def inputs(self, path: Path) -> torch.Tensor:
        """float32 (1, 3, size, size). Raises images.UnreadableImage."""
        square = torch.from_numpy(self.format.read(path).copy())
        return self.format.plain(square.permute(2, 0, 1)[None]).to(self.device)

    def seen(self, path: Path) -> list[torch.Tensor]:
        """The picture in each of the ways that its answers are averaged over: float32 (1, 3, size, size)."""
        square = torch.from_numpy(self.format.read(path).copy()).permute(2, 0, 1)[None]
        return [look(square, self.format, kind).to(self.device) for kind in self.looks]

    def note(self, path: Path) -> str:
        """What to know of how this picture is read, as a phrase; '' for most."""
        pages, white = reading.pages(path), self.format.white
        said = [_("the first of {pages:,} pictures in it", pages=pages)] if pages > 1 else []
        brightest = reading.facts(path).brightest if white else None
        if white and brightest and brightest > white:
            said.append(
                _(
                    "its grey reaches {brightest:.0f}, and all above {white:.0f} is white",
                    brightest=brightest,
                    white=white,
                )
            )
        return "; ".join(said)

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """See `contract.Predictor`; 'note' says what is to be known of how a picture was read."""
        pictures, skipped = open_unlabelled(data, paths.work(data), self.reading)
        yield from foreign.some_read(skipped, (self._row(*one) for one in counted(pictures, progress)))

    def _row(self, name: str, path: Path) -> dict[str, Any]:
        try:
            seen = self.seen(path)
        except reading.UnreadableImage as error:
            return {"file": name, "error": foreign.reason(path, error)}
        with torch.no_grad():
            logits = torch.stack([self.model(inputs)[0].cpu() for inputs in seen]).mean(0)
        probabilities = (logits.double() / self.temperature).softmax(0)
        best = int(probabilities.argmax())
        row = {
            "file": name,
            "label": self.classes[best],
            "confidence": float(probabilities[best]),
            "probabilities": {c: float(p) for c, p in zip(self.classes, probabilities, strict=True)},
        }
        return row | ({"note": note} if (note := self.note(path)) else {})
