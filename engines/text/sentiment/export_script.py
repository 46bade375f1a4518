"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from engines.classification import export_script
from engines.classification.fit import ClassificationStudy
from engines.contract import ModelCard, Strategy, Task
from engines.exports import bundle, script
from engines.exports.spreadsheet_escape import harmless
from engines.messages import _
from engines.runs import RunFolder, refusal
from engines.text.models import encoders, entailment
from engines.text.models.blocks import blocks_of, last_norm
from engines.text.models.nli_classifier import EntailmentForSequenceClassification
from engines.text.models.pooled import PooledForSequenceClassification
from engines.text.models.tokenising import TokenReader
from engines.text.sentiment import zero_shot
from engines.text.sentiment.prepare import Prepared
from engines.text.settings import TextSettings
from engines.training.staged import Staged
from engines.training.strategies import GRADUAL
from engines.training.transfer import TrainOutcome

NEEDS = ("torch", "transformers", "tokenizers", "numpy", "safetensors")
OF_THE_MODEL = bundle.FOR_SCRIPTS | {
    "model.safetensors",
    "head.safetensors",
    "pooled.py",
    "nli_classifier.py",
    "entailing.py",  # its name in runs before version 0.2
    "config.json",
}
"""What lies in a run's model folder beside the tokenizer."""


# --- while it trains ------------------------------------------------------------------------------


def record(study: ClassificationStudy[Prepared, TextSettings], learnt: TrainOutcome, value: float) -> None:
    """Writes lesson.json, all that the script's RUN holds, and texts.csv, what it reads, beside the model.

    Of ELMo, for which there is no script, nothing.
    """
    prepared, settings = study.prepared, study.settings
    model, reader = learnt.network.model, getattr(prepared.examples, "reader", None)
    if not isinstance(reader, TokenReader):
        return
    lesson = export_script.lesson(study, learnt, value)
    lesson |= {
        "model": study.card.name,
        "checked": len(prepared.parts["validation"]) > 0,
        "longest": reader.length,
        "most_windows": reader.max_windows,
        "padding": reader.padding,
        "hypothesis": settings.hypothesis,
        "entailment": None,
    }
    if isinstance(model, EntailmentForSequenceClassification):
        lesson["entailment"] = model.config.entailment["label"]
    if isinstance(model, PooledForSequenceClassification):
        lesson |= {
            "pooling": model.config.pooling,
            "attention": model.backbone.config._attn_implementation,
            "conv1d": any(type(layer).__name__ == "Conv1D" for layer in model.modules()),
            "sharpness": zero_shot.SHARPNESS,
            "depth": len(learnt.network.stages) if learnt.network.ends_early else 0,
            "left_out": getattr(model.config, "left_out", []),
            **cut(learnt.network, study.recipe.strategy, settings),
        }
    export_script.keep(lesson, study, learnt, folds=len(prepared.folds))
    write_texts(study.run.path / "model" / "texts.csv", prepared)


def cut(network: Staged, strategy: Strategy, settings: TextSettings) -> dict[str, Any]:
    """Where the frozen part ends, where some blocks learn and others do not, by the model's own names."""
    boundary = strategy.boundary(len(network.stages), settings.blocks)
    if strategy not in GRADUAL or boundary == 0:
        return {"cut": False, "norm": None}
    model: Any = network.model
    names: dict[nn.Module, str] = {module: name for name, module in model.named_modules()}
    blocks = blocks_of(model.backbone)
    norm = last_norm(model.backbone, blocks)
    return {"cut": True, "blocks": names[blocks], "frozen_blocks": boundary - 1, "norm": norm and names[norm]}


def write_texts(out: Path, prepared: Prepared) -> None:
    """A row a text, in the order in which the run has them. Every cell comes back as it was; none is a formula."""
    part_of = {int(row): part for part, rows in prepared.parts.items() for row in rows}
    with out.open("w", encoding="utf-8-sig", newline="") as file:  # marked as UTF-8, for spreadsheets
        table = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        table.writerow(["name", "text", "label", "part"])
        for row in sorted(part_of):
            cells = prepared.names[row], prepared.texts[row].text, prepared.texts[row].label
            table.writerow([*map(harmless, cells), part_of[row]])


# --- when it is taken home ------------------------------------------------------------------------


def export(task: Task, run: Path, out: Path) -> Path:
    """train.py, the texts, the network that the run started from and the versions it ran with, as a folder or a zip.

    Raises InputError with one sentence where the run cannot be repeated by a script: it is an ELMo's, its pretrained
    weights are no longer to be had, or it came from a Headstart that did not note what a script needs.
    """
    model = run / "model"
    config: dict[str, Any] = {}
    if (model / "config.json").is_file():
        config = json.loads((model / "config.json").read_text(encoding="utf-8"))
    if config.get("model_type") == "elmo":
        raise refusal(
            run,
            _("an ELMo is built from Headstart's own code, which a script cannot do without"),
            _("accepted: the format safetensors, or a run of a transformer such as BERT"),
        )
    lesson, known = export_script.lesson_of(run)
    if RunFolder(run).recipe.settings.get("masked_words"):
        found = _("it went on with masked words before it learnt, which the script does not")
        raise refusal(run, found, _("accepted: the format safetensors, or a run with masked_words=0"))
    state, program = None, "script_template.py"
    if lesson.get("entailment") is not None:
        card, program = task.describe(lesson["model"]), "script_template_entailment.py"
        script.require_same_weights(run, card, known)
        config, state = entailment.original(card)
    elif lesson["strategy"] != Strategy.SCRATCH:
        state = pretrained(run, task.describe(lesson["model"]), known, lesson.get("depth", 0))
    needs = (*NEEDS, "peft") if lesson["strategy"] == Strategy.LORA else NEEDS
    with bundle.parcel(out) as folder:
        script.write(folder, Path(__file__).with_name(program), lesson, run, needs)
        bundle.copied([model / "texts.csv"], folder)
        for name in ("auto_map", "architectures", "headstart"):
            config.pop(name, None)
        (folder / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
        bundle.copied([f for f in model.iterdir() if f.is_file() and f.name not in OF_THE_MODEL], folder)
        if state is not None:
            save_file(state, folder / "pretrained.safetensors", metadata={"format": "pt"})
    return out


def pretrained(run: Path, card: ModelCard, known: str | None, depth: int) -> dict[str, torch.Tensor]:
    """The backbone that the run started from. Raises InputError when it is another one now."""
    script.require_same_weights(run, card, known)
    backbone: Any = encoders.build(card, 2, pretrained=True, seed=0, depth=depth).model.backbone
    return {name: tensor.contiguous() for name, tensor in backbone.state_dict().items()}
