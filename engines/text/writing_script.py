"""A run of a writing model as a script that repeats it: what the run notes for that, and what is made of it later."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from engines import weights
from engines.contract import ModelCard, Strategy
from engines.export.parcel import parcel
from engines.export.specialise import specialised
from engines.runs import RunFolder, no_model, refusal
from engines.text import chat_craft, writer_files, writers
from engines.text.adapting import Adapted
from engines.text.blocks import blocks_of, last_norm
from engines.training.devices import precision

NEEDS = ("torch", "transformers", "safetensors", "numpy")


# --- while it trains ------------------------------------------------------------------------------


def record(folder: Path, desk: Any, adapted: Adapted, value: float) -> None:
    """Writes lesson.json, all that the script's RUN holds, and examples.jsonl, the data by part, into `folder`."""
    recipe, settings, network = desk.recipe, desk.settings, adapted.network
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
        "metric": desk.info.metric,
        "whole": not translates and len(network.stages) == 1,
        "batch_size": settings.batch_size,
        "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay,
        "label_smoothing": settings.label_smoothing,
        "checked": bool(len(desk.sequences["validation"])),
        "device": desk.on.device.type,
        "threads": torch.get_num_threads(),
        "bf16": precision(desk.on) == "bf16",
        "longest": chat_craft.readable(config, settings),
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
        lesson |= {"prefix": settings.prefix or "", "start": start, "max_tokens": settings.max_tokens}
    else:
        positions = getattr(config, "max_position_embeddings", None) or settings.max_tokens + chat_craft.MOST_NEW
        longest = max(1, min(settings.max_tokens, positions - chat_craft.MOST_NEW))
        lesson |= {"longest_prompt": longest, "shown": chat_craft.SHOWN, "most_new": chat_craft.MOST_NEW}
    path = None if strategy is Strategy.SCRATCH else weights.find(desk.card)
    kept = {
        "script": lesson, "weights": path and weights.sha256(path), "max_seconds": settings.max_seconds,
        "layer_decay": settings.layer_decay, "precision": precision(desk.on),
    }  # fmt: skip
    (folder / "lesson.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    with (folder / "examples.jsonl").open("w", encoding="utf-8") as file:
        for part in ("train", "validation", "test"):
            for one in desk.prepared.examples(part):
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
    """Epochs, learning rate and patience (see `adapting.learn`)."""
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


def export(run: Path, out: Path, describe: Callable[[str], ModelCard]) -> Path:
    """train.py, the data, the model that the run started from, and the versions it ran with, as a folder or a zip.

    Raises InputError with one sentence where the run cannot be repeated by a script.
    """
    model = run / "model"
    if not (model / "headstart.json").is_file():
        raise no_model(run)
    if not (model / "lesson.json").is_file():
        raise refusal(run, "it does not hold what a script needs", "train it again to get one")
    kept = json.loads((model / "lesson.json").read_text(encoding="utf-8"))
    lesson = kept["script"]
    if kept["precision"] == "fp16":
        raise refusal(run, "it was trained in fp16, which the script cannot", "accepted: mixed_precision no or bf16")
    if kept["layer_decay"] != 1.0 and lesson["strategy"] in {"full", "partial"}:
        raise refusal(run, "its blocks learnt at different rates", "accepted: layer_decay 1")
    if kept["max_seconds"]:  # no script can repeat a clock, but it can stop after as many epochs
        for event in RunFolder(run).events():
            if event.kind == "epoch" and event.data["phase"] == lesson["plan"]["phase"]:
                lesson["plan"]["stop"] = event.data["epoch"]
    scratch = lesson["strategy"] == Strategy.SCRATCH
    card = describe(RunFolder(run).recipe.model)
    base = writer_files.folder(card, with_weights=not scratch)
    if not scratch and kept["weights"]:
        path = weights.find(card)
        if path is None or weights.sha256(path) != kept["weights"]:
            found = f"the pretrained weights of {card.name} on this machine are not those it started from"
            raise refusal(run, found, f"accepted: the file with SHA-256 {kept['weights'][:8]}…")
    source = Path(__file__).with_name("writing_standalone.py").read_text(encoding="utf-8")
    needs = [*NEEDS, *(["peft"] if lesson["strategy"] == "lora" else [])]
    needs += ["sacrebleu", "sentencepiece"] if lesson["translates"] else []
    with parcel(out) as folder:
        (folder / "train.py").write_text(specialised(source, lesson), encoding="utf-8")
        shutil.copyfile(model / "examples.jsonl", folder / "examples.jsonl")
        known = RunFolder(run).recipe.versions
        lines = [f"{name}=={(known.get(name) or version(name)).split('+')[0]}\n" for name in needs]
        (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")
        for file in sorted(base.iterdir()):
            wanted = (
                not scratch if file.suffix in {".safetensors", ".bin"} else file.suffix in {".json", ".txt", ".spm"}
            )
            if file.is_file() and wanted and file.name != "source.json":
                shutil.copyfile(file, folder / file.name)
        writers.tokenizer(base).save_pretrained(folder)
    return out
