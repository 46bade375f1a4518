"""Use a trained image classifier: keep it, load it, ask it, carry it home."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import save_file

from engines import places
from engines.classifying import heads
from engines.contract import InputError, ModelCard, Problem
from engines.export.parcel import parcel
from engines.runs import no_model
from engines.training.staged import Staged
from engines.vision import catalogue, images, networks
from engines.vision.datasets import open_unlabelled
from engines.vision.pixels import LOOKS, InputFormat, look

SNIPPET = """\
import timm, json, safetensors.torch
config = json.load(open("config.json"))
model = timm.create_model(config["architecture"], num_classes=config["num_classes"]).eval()
model.load_state_dict(safetensors.torch.load_file("model.safetensors"))"""
"""Loads the exported model back, in the folder it was unpacked to."""


def save(
    folder: Path,
    network: Staged,
    card: ModelCard,
    classes: list[str],
    format: InputFormat,
    *,
    temperature: float,
    test_time: str = "none",
) -> None:
    """Writes model.safetensors and config.json: timm's own names and keys, and what the input must look like.

    Probabilities are softmax(logits / temperature): see `evidence.calibration`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in network.model.state_dict().items()}
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architecture": card.name.split(".")[0],
        "num_classes": len(classes),
        "label_names": classes,
        "pretrained_cfg": {
            "input_size": [3, format.size, format.size],
            "mean": format.mean,
            "std": format.std,
            "interpolation": "bicubic",
            "crop_pct": 1.0 if format.framing == "pad" else format.crop,
        },
        "headstart": {
            "framing": format.framing,
            "stored": format.stored,
            "crop": format.crop,
            "temperature": temperature,
            "test_time": test_time,
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")


def keep_head_only(folder: Path) -> None:
    """See `classifying.heads.keep_alone`."""
    heads.keep_alone(folder, pretrained(json.loads((folder / "config.json").read_text(encoding="utf-8"))))


def weights_of(folder: Path, config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """See `classifying.heads.whole`. Raises InputError when the backbone is not to be had."""
    return heads.whole(folder, lambda: pretrained(config))


def pretrained(config: dict[str, Any]) -> dict[str, torch.Tensor]:
    """The weights that a model with this configuration started from."""
    card = catalogue.find(config["architecture"]) or networks.describe(config["architecture"])
    return networks.build(card, config["num_classes"], pretrained=True, seed=0).model.state_dict()


class Classifier:
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, run: Path):
        """Raises InputError when the run holds no model (yet)."""
        folder = run / "model"
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            state = weights_of(folder, config)
        except FileNotFoundError:
            raise no_model(run) from None
        shape, own = config["pretrained_cfg"], config["headstart"]
        self.classes: list[str] = config["label_names"]
        self.format = InputFormat(
            shape["input_size"][-1], tuple(shape["mean"]), tuple(shape["std"]), own["framing"], own["crop"]
        )
        self.temperature: float = own.get("temperature", 1.0)  # of a run from before it was fitted
        self.looks = LOOKS[own.get("test_time", "none")]
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model = timm.create_model(config["architecture"], num_classes=config["num_classes"])
        self.model.load_state_dict(state)
        self.model.eval().to(self.device)

    def inputs(self, path: Path) -> torch.Tensor:
        """float32 (1, 3, size, size). Raises images.UnreadableImage."""
        square = torch.from_numpy(self.format.read(path).copy())
        return self.format.plain(square.permute(2, 0, 1)[None]).to(self.device)

    def seen(self, path: Path) -> list[torch.Tensor]:
        """The picture in each of the ways that its answers are averaged over: float32 (1, 3, size, size)."""
        square = torch.from_numpy(self.format.read(path).copy()).permute(2, 0, 1)[None]
        return [look(square, self.format, kind).to(self.device) for kind in self.looks]

    def predict(self, data: Path) -> list[dict[str, Any]]:
        pictures, skipped = open_unlabelled(data, places.work(data))
        rows: list[dict[str, Any]] = [{"file": entry.where, "error": entry.reason} for entry in skipped]
        for name, path in pictures:
            try:
                seen = self.seen(path)
            except images.UnreadableImage as error:
                rows.append({"file": name, "error": str(error)})
                continue
            with torch.no_grad():
                logits = torch.stack([self.model(inputs)[0].cpu() for inputs in seen]).mean(0)
            probabilities = (logits.double() / self.temperature).softmax(0)
            best = int(probabilities.argmax())
            rows.append(
                {
                    "file": name,
                    "label": self.classes[best],
                    "confidence": float(probabilities[best]),
                    "probabilities": {c: float(p) for c, p in zip(self.classes, probabilities, strict=True)},
                }
            )
        if rows and all("error" in row for row in rows):
            raise InputError(
                *(Problem(row["file"], f"the file {row['error']}", f"accepted: {images.ACCEPTED}") for row in rows[:20])
            )
        return rows


def export(run: Path, out: Path) -> Path:
    """Model, config, model card and recipe, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError when the run holds no model.
    """
    model = run / "model"
    try:
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
        state = weights_of(model, config)
    except FileNotFoundError:
        raise no_model(run) from None
    with parcel(out) as folder:
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        for file in (model / "config.json", run / "README.md", run / "recipe.json"):
            shutil.copyfile(file, folder / file.name)
    return out
