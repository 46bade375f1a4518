"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import torch
from safetensors.torch import save_file

from engines import paths
from engines.classification import export_script
from engines.classification.fit import ClassificationStudy
from engines.contract import ModelCard, Recipe, Strategy, Task
from engines.exports import script
from engines.exports.bundle import parcel
from engines.exports.spreadsheet_escape import harmless
from engines.messages import _
from engines.runs import RunFolder, refusal
from engines.training import convolutions
from engines.training.staged import Staged
from engines.training.transfer import TrainOutcome
from engines.vision.classification import predict
from engines.vision.classification.dataset import names_on_disk
from engines.vision.classification.prepare import Prepared
from engines.vision.classification.settings import VisionSettings
from engines.vision.images.batch_mixing import ALPHA
from engines.vision.images.transforms import SMALLEST_CROP
from engines.vision.models import checkpoints, shallow, tower
from engines.vision.models import network as networks
from engines.vision.models.shallow import Shallow
from engines.vision.models.tower import Tower

NEEDS = ("torch", "torchvision", "numpy", "pillow", "safetensors")


# --- while it trains ------------------------------------------------------------------------------


def record(study: ClassificationStudy[Prepared, VisionSettings], learnt: TrainOutcome, value: float) -> None:
    """Writes lesson.json, all that the script's RUN holds, and split.csv (file, label, part, and in folds the part in
    each of them) beside the model.

    There is no split.csv where some pictures are files and others lie in an archive.
    """
    prepared, recipe, settings = study.prepared, study.recipe, study.settings
    format, photos = prepared.photos.format, prepared.photographs
    names, in_archives = found_by(prepared, recipe)
    views = settings.views if prepared.photos.variation else 1
    lesson = export_script.lesson(study, learnt, value)
    learns = recipe.strategy is not Strategy.ZERO_SHOT  # else nothing has to be seen twice
    boundary = recipe.strategy.boundary(len(learnt.network.stages), settings.blocks) if learns else 0
    cut = learnt.network.model
    lesson |= {
        "architecture": checkpoints.architecture(study.card.name),
        "depth": len(learnt.network.stages) if isinstance(cut, Shallow) else 0,
        "shallow": {"steps": cut.steps, "width": cut.classifier.in_features} if isinstance(cut, Shallow) else None,
        "tower": own.config if isinstance(own := getattr(cut, "backbone", cut), Tower) else None,
        "size": format.size,
        "stored": format.stored,
        "test_time": settings.test_time,
        "npz": in_archives,
        "framing": format.framing,
        "white": format.white or 65535.0,
        "not_only_jpeg": not all(is_jpeg(photo.path) for photo in photos),
        "mean": format.mean,
        "std": format.std,
        "augment": settings.augment,
        "smallest": SMALLEST_CROP[settings.augment],
        "flip": settings.flip,
        "variation": prepared.photos.variation,
        "views": views,
        "checked_views": views if lesson["refit"] else 1,
        "mix": settings.mix,
        "alpha": ALPHA.get(settings.mix),
        "faster": recipe.strategy is not Strategy.FEATURES and study.on.device.type == "cpu" and gain(learnt.network),
        **steps(learnt.network, boundary),
    }
    unchecked = lesson["refit"] and any(len(fold["validation"]) == 0 for fold in prepared.folds)
    export_script.keep(lesson, study, learnt, unchecked=int(unchecked))
    if names:
        write_split(study.run.path / "model" / "split.csv", prepared, names)


def gain(network: Staged) -> bool:
    return convolutions.gain([network.model])


def is_jpeg(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(3) == b"\xff\xd8\xff"


def steps(network: Staged, boundary: int) -> dict[str, list[str]]:
    """What runs one after another below the boundary and above it, by the model's own names."""
    each = [stage.steps for stage in network.stages]
    return {
        "frozen": [step for stage in each[:boundary] for step in stage],
        "learning": [step for stage in each[boundary:] for step in stage],
    }


def found_by(prepared: Prepared, recipe: Recipe) -> tuple[dict[int, str], bool]:
    """Position -> the name by which the script finds the picture, and whether they all lie in MedMNIST archives, where
    it is part/label/number.png. Empty where some do and others are files."""
    if prepared.scans:
        return {}, False
    data, test = Path(recipe.data), Path(recipe.test or recipe.data)
    part_of = {int(row): part for part, rows in prepared.parts.items() for row in rows}
    found: dict[int, str] = {}
    archived = set()
    for folder in {data, test}:
        rows = [row for row, part in part_of.items() if folder == (test if part == "test" else data)]
        files = [prepared.photographs[row].path for row in rows]
        names = names_on_disk(folder, paths.work(folder), files)
        archived.add(names is None)
        found |= dict(zip(rows, names or ["/".join(path.parts[-3:]) for path in files], strict=True))
    return (found, archived == {True}) if len(archived) == 1 else ({}, False)


def write_split(out: Path, prepared: Prepared, names: dict[int, str]) -> None:
    """One row a picture, in the order in which the run has them."""
    whole = prepared.parts if not prepared.folds else {part: prepared.parts[part] for part in ("train", "validation")}
    parts = [{int(row): part for part, rows in one.items() for row in rows} for one in (whole, *prepared.folds)]
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "label", "part", *(f"fold_{number}" for number, _ in enumerate(prepared.folds, 1))])
        for row, name in sorted(names.items()):
            label = prepared.photographs[row].label
            table.writerow([harmless(name), harmless(label), *(part_of[row] for part_of in parts)])


# --- when it is taken home ------------------------------------------------------------------------


def export(task: Task, run: Path, out: Path) -> Path:
    """train.py, what it reads, and the versions it ran with, as a folder, or as a zip when `out` ends in .zip.

    Raises InputError with one sentence where the run cannot be repeated by a script: its pictures are no files, its
    pretrained weights are no longer to be had, or it came from a Headstart that did not note what a script needs.
    """
    lesson, known = export_script.lesson_of(run)
    split = run / "model" / "split.csv"
    known_result = RunFolder(run).result
    details = known_result.details if known_result else {}
    if not split.is_file() and details.get("scans"):
        raise refusal(
            run, _("it learnt from scans, which the script does not read"), _("accepted: safetensors or onnx")
        )
    if not split.is_file():
        found = _(
            "some of its pictures are files and others lie in a MedMNIST archive, or it was trained before scripts"
        )
        raise refusal(
            run, _("{found} could name those", found=found), _("accepted: a run on one kind of data, or train it again")
        )
    state = None
    if lesson["strategy"] == Strategy.ZERO_SHOT:  # with its last layer, which was made of names
        config = json.loads((run / "model" / "config.json").read_text(encoding="utf-8"))
        state = predict.weights_of(run / "model", config)
    elif lesson["strategy"] != Strategy.SCRATCH:
        state = pretrained(run, task.describe(RunFolder(run).recipe.model), known, lesson.get("depth", 0))
    library = "transformers" if lesson.get("tower") else "timm"
    needs = (*NEEDS, library, *["peft"][: lesson["strategy"] == Strategy.LORA])
    with parcel(out) as folder:
        if lesson.get("faster"):
            shutil.copyfile(convolutions.__file__, folder / "convolutions.py")
        template = Path(__file__).with_name("script_template.py")
        script.write(folder, template, lesson, run, needs, parts=[shallow.__name__, tower.__name__])
        (folder / "split.csv").write_bytes(split.read_bytes())
        if notice := details.get("notice"):
            (folder / "NOTICE.txt").write_text(f"{notice}\n", encoding="utf-8")
        if state is not None:
            save_file(state, folder / "pretrained.safetensors", metadata={"format": "pt"})
    return out


def pretrained(run: Path, card: ModelCard, known: str | None, depth: int) -> dict[str, torch.Tensor]:
    """The backbone that the run started from, under its own names. Raises InputError when it is another one now."""
    script.require_same_weights(run, card, known)
    network = networks.build(card, 1, pretrained=True, seed=0, depth=depth)
    head = {id(parameter) for parameter in network.head().parameters()}
    own = {name for name, parameter in network.model.named_parameters() if id(parameter) in head}
    return {name: t.contiguous() for name, t in network.model.state_dict().items() if name not in own}
