"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from engines import places, weights
from engines.contract import InputError, ModelCard, Problem, Recipe, Strategy
from engines.export.parcel import parcel
from engines.export.specialise import specialised
from engines.runs import RunFolder
from engines.speech import folders, predicting, recogniser, samples
from engines.speech.adapting import Adapted, Lesson, decoder_stays
from engines.speech.preparing import Prepared, source_found
from engines.speech.varying import variation
from engines.speech.whisper import Whisper
from engines.training.devices import precision

NEEDS = ("torch", "torchaudio", "transformers", "numpy", "soundfile", "safetensors")


# --- while it trains ------------------------------------------------------------------------------


def record(
    folder: Path, prepared: Prepared, lesson: Lesson, adapted: Adapted | None, recipe: Recipe, share: float,
    *, rehearsed: list[str], value: float,
) -> None:  # fmt: skip
    """Writes lesson.json, all that the script's RUN holds, and split.csv (file, name, start, stop, text, part).

    Nothing is written for a model that is no Whisper: the script knows no other.
    """
    model, settings = lesson.recogniser, lesson.settings
    if not isinstance(model, Whisper):
        return
    network, strategy = model.network, lesson.strategy
    vary = variation(settings.augment, spectrogram=True, keeps_length=settings.views > 1)
    views = settings.views if vary.name and network.boundary else 1
    is_varied = bool(vary.name) and (views > 1 or not network.boundary)
    learns = strategy is not Strategy.ZERO_SHOT
    epochs = settings.epochs_for(strategy) if learns else 0
    rate = settings.learning_rate_for(strategy) if learns else 0.0
    decay = settings.layer_decay if strategy in {Strategy.PARTIAL, Strategy.FULL} else 1.0
    n = len(network.stages)
    script = {
        "model": recipe.model,
        "strategy": str(strategy),
        "seed": recipe.seed,
        "value": value,
        "prompt": model.prompt,
        "suppressed": list(model.model.generation_config.suppress_tokens or []),
        "suppressed_first": list(model.model.generation_config.begin_suppress_tokens or []),
        "frozen": network.boundary if learns else 0,
        "decoder_learns": learns and not decoder_stays(lesson),
        "epochs": epochs,
        "stop": adapted.progress.epoch if adapted else 0,
        "patience": settings.patience_for(epochs) if learns else 0,
        "rate": rate,
        "stage_rates": [rate * decay ** (n - stage) for stage in range(n)],
        "batch_size": settings.batch_size,
        "gradient_accumulation": settings.gradient_accumulation,
        "weight_decay": settings.weight_decay,
        "label_smoothing": settings.label_smoothing,
        "lora_rank": settings.lora_rank,
        "variation": vary.name if is_varied else "",
        "views": views,
        "speed": is_varied and vary.waveform is not None,
        "mask": is_varied and vary.features is not None,
        "share": share,
        "rehearses": bool(rehearsed),
        "device": lesson.on.device.type,
        "threads": torch.get_num_threads(),
        "matmul": torch.get_float32_matmul_precision(),
    }
    unlike = {
        "was trained in half precision": precision(lesson.on) != "fp32",
        "ran out of memory and went on with smaller batches": bool(adapted and adapted.progress.halved),
        "let its layers join in one by one": settings.gradual,
    }
    refused = next((what for what, is_so in unlike.items() if is_so), None)
    kept = {"script": script, "weights": lesson.weights, "refused": refused}
    (folder / "lesson.json").write_text(json.dumps(kept, indent=1, ensure_ascii=False), encoding="utf-8")
    write_split(folder / "split.csv", prepared, recipe, rehearsed)


def write_split(out: Path, prepared: Prepared, recipe: Recipe, rehearsed: list[str]) -> None:
    """One row a clip, part by part, in the order in which the run has them. Clips that were `rehearsed` go with the
    script; the others lie in the data."""
    roots = [
        folders.folder(Path(data), places.work(Path(data)))[0] for data in (recipe.data, recipe.test or recipe.data)
    ]
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file", "name", "start", "stop", "text", "part"])
        for part, rows in prepared.parts.items():
            for i in rows:
                clip = prepared.clips[i]
                name = clip.source.path.relative_to(roots[part == "test"]).as_posix()
                table.writerow([harmless(name), harmless(clip.name), *clip.span, harmless(prepared.texts[i]), part])
        for clip in source_found().clips if rehearsed else ():
            if clip.name in rehearsed:
                table.writerow([clip.name, clip.name, *clip.span, harmless(clip.text), "rehearsed"])


def harmless(text: str) -> str:
    """No spreadsheet takes it for a formula. One apostrophe at its start is to be taken off again."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "'")) else text


# --- when it is taken home ------------------------------------------------------------------------


def export(run: Path, out: Path, describe: Callable[[str], ModelCard]) -> Path:
    """train.py, the pretrained model, the split, and the versions it ran with; a zip when `out` ends in .zip.

    Raises InputError with one sentence where the run cannot be repeated by a script.
    """
    predicting.kept(run)
    model = run / "model"
    if not (model / "lesson.json").is_file():
        raise _refusal(run, "its model is no Whisper, and scripts are made of runs of Whisper", "accepted: such a run")
    kept: dict[str, Any] = json.loads((model / "lesson.json").read_text(encoding="utf-8"))
    if kept["refused"]:
        raise _refusal(run, f"it {kept['refused']}, which the script cannot", "train it again without")
    script = kept["script"]
    card = describe(script["model"])
    if weights.sha256(weights.fetch(card)) != kept["weights"]:
        found = f"the pretrained weights of {card.name} on this machine are not those it started from"
        raise _refusal(run, found, f"accepted: the file with SHA-256 {kept['weights'][:8]}…")
    source = Path(__file__).with_name("standalone.py").read_text(encoding="utf-8")
    needs = (*NEEDS, "peft") if script["strategy"] == Strategy.LORA else NEEDS
    with parcel(out) as folder:
        recogniser.build(card).save(folder)
        (folder / "train.py").write_text(specialised(source, script), encoding="utf-8")
        (folder / "split.csv").write_bytes((model / "split.csv").read_bytes())
        with (model / "split.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["part"] == "rehearsed":
                    shutil.copyfile(samples.SHIPPED / "source" / row["file"], folder / row["file"])
        known = RunFolder(run).recipe.versions
        lines = [f"{name}=={(known.get(name) or version(name)).split('+')[0]}\n" for name in needs]
        (folder / "requirements.txt").write_text("".join(lines), encoding="utf-8")
    return out


def _refusal(run: Path, found: str, accepted: str) -> InputError:
    return InputError(Problem(f"run {run.name}", found, accepted))
