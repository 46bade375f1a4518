"""A run of a writing model as a script that repeats it: what the run notes for that, and what is made of it later."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import Accelerator

from engines import hub_files, weights
from engines.contract import ModelCard, Recipe, Strategy, Task, TaskInfo
from engines.exports import bundle, script
from engines.messages import _
from engines.runs import RunFolder, refusal
from engines.text.generative import networks
from engines.text.generative.examples import MOST_NEW, SHOWN, readable, writable
from engines.text.generative.prepare import Prepared
from engines.text.models.blocks import blocks_of, last_norm
from engines.training.devices import precision
from engines.training.staged import Staged

NEEDS = ("torch", "transformers", "safetensors", "numpy")


# --- while it trains ------------------------------------------------------------------------------


class Opened(Protocol):
    """What is noted of a study."""

    info: TaskInfo
    recipe: Recipe
    card: ModelCard
    settings: Any
    prepared: Prepared
    on: Accelerator


def record(folder: Path, study: Opened, network: Staged, value: float) -> None:
    """Writes lesson.json, all that the script's RUN holds, and examples.jsonl, the data by part, into `folder`."""
    recipe, settings = study.recipe, study.settings
    config: Any = network.model.config
    translates, strategy = bool(config.is_encoder_decoder), recipe.strategy
    boundary = strategy.boundary(len(network.stages), settings.blocks)
    if strategy is Strategy.PARTIAL and boundary == 0:
        strategy = Strategy.FULL  # all of its blocks, and the word table
    names = {id(module): name for name, module in network.model.named_modules()}
    blocks, norm = _blocks(network.model)
    lesson: dict[str, Any] = {
        "translates": translates,
        "strategy": str(strategy),
        "seed": recipe.seed,
        "value": value,
        "metric": study.info.metric.name,
        "whole": not translates and len(network.stages) == 1,
        "batch_size": settings.batch_size,
        "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay,
        "label_smoothing": settings.label_smoothing,
        "checked": bool(len(study.prepared.parts["validation"])),
        "device": study.on.device.type,
        "threads": torch.get_num_threads(),
        "bf16": precision(study.on) == "bf16",
        "longest": readable(config, settings),
        "blocks": names.get(id(blocks)),
        "norm": names.get(id(norm)),
        "frozen": max(0, boundary - 1),
        "beams": getattr(settings, "beams", 1),
        "lora_rank": settings.lora_rank,
        "plan": plan(strategy, settings),
    }
    if strategy is Strategy.PARTIAL:
        owned = [module for stage in network.stages[boundary:] for module in stage.modules()]
        lesson["learning"] = [names[id(module)] for module in owned if id(module) in names]
    if strategy is Strategy.LORA:
        found = network.adapters[0].peft_config["default"]
        lesson |= {"adapted": sorted(found.target_modules), "fan_in_fan_out": bool(found.fan_in_fan_out)}
    if translates:
        start = config.decoder_start_token_id if config.decoder_start_token_id is not None else config.pad_token_id
        lesson |= {"prefix": settings.prefix or "", "start": start, "max_tokens": writable(config, settings)}
    else:
        positions = getattr(config, "max_position_embeddings", None) or settings.max_tokens + MOST_NEW
        longest = max(1, min(settings.max_tokens, positions - MOST_NEW))
        lesson |= {"longest_prompt": longest, "shown": SHOWN, "most_new": MOST_NEW}
    path = None if strategy is Strategy.SCRATCH else weights.find(study.card)
    script.keep(
        folder,
        lesson,
        weights=path and weights.sha256(path),
        max_seconds=settings.max_seconds,
        layer_decay=settings.layer_decay,
        precision=precision(study.on),
        eight_bits=settings.eight_bits,
    )
    with (folder / "examples.jsonl").open("w", encoding="utf-8") as file:
        for part in ("train", "validation", "test"):
            for one in study.prepared.examples(part):
                row: dict[str, Any] = {"file": one.name, "part": part}
                if translates:
                    row |= {"source": one.question, "target": one.answer}
                else:
                    row["messages"] = [{"role": role, "content": content} for role, content in one.messages]
                file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _blocks(model: Any) -> tuple[Any, Any]:
    """The decoder's blocks and the normalisation behind them; None where they cannot be told."""
    try:
        blocks = blocks_of(model.get_decoder())
    except ValueError:
        return None, None
    return blocks, last_norm(model.get_decoder(), blocks)


def plan(strategy: Strategy, settings: Any) -> dict[str, Any]:
    """Epochs, learning rate and patience (see `train.learn`)."""
    if strategy is Strategy.ZERO_SHOT:
        return {}
    epochs = settings.epochs_for(strategy)
    return {
        "phase": "scratch" if strategy is Strategy.SCRATCH else "fine-tuning",
        "epochs": epochs,
        "rate": settings.learning_rate_for(strategy),
        "patience": settings.patience_for(epochs),
        "stop": epochs,
    }


# --- when it is taken home ------------------------------------------------------------------------


def export(task: Task, run: Path, out: Path) -> Path:
    """train.py, the data, the model that the run started from, and the versions it ran with, as a folder or a zip.

    Raises InputError with one sentence where the run cannot be repeated by a script.
    """
    model = run / "model"
    kept = script.kept_of(run, _("it does not hold what a script needs"), config="headstart.json")
    own = kept["script"]["plan"]
    lesson = kept["script"] = {"matmul": "highest", "plans": {own["phase"]: own} if own else {}} | kept["script"]
    script.require_no_fp16(run, kept)
    if kept["layer_decay"] != 1.0 and lesson["strategy"] in {"full", "partial"}:
        raise refusal(run, _("its blocks learnt at different rates"), _("accepted: layer_decay 1"))
    if kept.get("eight_bits"):
        found = _("its frozen weights were held in 8 bits, which the script does not")
        raise refusal(run, found, _("accepted: the format safetensors, or eight_bits false"))
    script.stop_as_the_run(run, kept)
    scratch = lesson["strategy"] == Strategy.SCRATCH
    card = task.describe(RunFolder(run).recipe.model)
    base = hub_files.folder(card, with_weights=not scratch)
    if not scratch:
        script.require_same_weights(run, card, kept["weights"])
    needs = [*NEEDS, *(["peft"] if lesson["strategy"] == "lora" else [])]
    needs += ["sacrebleu", "sentencepiece"] if lesson["translates"] else []
    with bundle.parcel(out) as folder:
        script.write(folder, Path(__file__).with_name("script_template.py"), lesson, run, needs)
        bundle.copied([model / "examples.jsonl"], folder)
        for file in sorted(base.iterdir()):
            wanted = (
                not scratch if file.suffix in {".safetensors", ".bin"} else file.suffix in {".json", ".txt", ".spm"}
            )
            if file.is_file() and wanted and file.name != "source.json":
                shutil.copyfile(file, folder / file.name)
        networks.tokenizer(base).save_pretrained(folder)
    return out
