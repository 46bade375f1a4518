"""A run as a script that repeats it: what the run notes for that while it trains, and what is made of it later."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import torch

from engines import paths
from engines.contract import Recipe, Strategy, Task
from engines.exports import script
from engines.exports.bundle import parcel
from engines.exports.spreadsheet_escape import harmless
from engines.messages import _
from engines.runs import refusal
from engines.speech import samples
from engines.speech.audio import files, folders, resampling, sound_parts
from engines.speech.models import recogniser
from engines.speech.models.augmentation import variation
from engines.speech.models.whisper import Whisper
from engines.speech.transcription import predict
from engines.speech.transcription.prepare import Prepared, source_found
from engines.speech.transcription.train import decoder_stays
from engines.speech.transcription.trial import TranscriptionTrial
from engines.training.devices import precision

NEEDS = ("torch", "torchaudio", "transformers", "numpy", "soundfile", "safetensors")


# --- while it trains ------------------------------------------------------------------------------


def record(folder: Path, prepared: Prepared, recipe: Recipe, trial: TranscriptionTrial, value: float) -> None:
    """Writes lesson.json, all that the script's RUN holds, and split.csv (file, name, start, stop, text, part).

    Nothing is written for a model that is no Whisper: the script knows no other.
    """
    spec = trial.spec
    model, settings = spec.recogniser, spec.settings
    if not isinstance(model, Whisper):
        return
    network, strategy = model.network, spec.strategy
    vary = variation(settings.augment, spectrogram=True, keeps_length=settings.views > 1)
    views = settings.views if vary.name and network.boundary else 1
    is_varied = bool(vary.name) and (views > 1 or not network.boundary)
    learns = strategy is not Strategy.ZERO_SHOT
    epochs = settings.epochs_for(strategy) if learns else 0
    rate = settings.learning_rate_for(strategy) if learns else 0.0
    decay = settings.layer_decay if strategy in {Strategy.PARTIAL, Strategy.FULL} else 1.0
    n = len(network.stages)
    lesson = {
        "model": recipe.model,
        "strategy": str(strategy),
        "seed": recipe.seed,
        "value": value,
        "prompt": model.prompt,
        "suppressed": list(model.model.generation_config.suppress_tokens or []),
        "suppressed_first": list(model.model.generation_config.begin_suppress_tokens or []),
        "frozen": network.boundary if learns else 0,
        "decoder_learns": learns and not decoder_stays(spec),
        "epochs": epochs,
        "stop": trial.progress.epoch,
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
        "share": trial.chosen["share"],
        "rehearses": bool(trial.rehearsed),
        "device": spec.on.device.type,
        "threads": torch.get_num_threads(),
        "matmul": torch.get_float32_matmul_precision(),
    }
    unlike = {
        "was trained in half precision": precision(spec.on) != "fp32",
        "counted words by Whisper's English normaliser": settings.normaliser != "plain",
        "ran out of memory and went on with smaller batches": bool(trial.progress.halved),
        "let its layers join in one by one": settings.gradual,
    }
    refused = next((what for what, is_so in unlike.items() if is_so), None)
    script.keep(folder, lesson, weights=spec.weights, refused=refused)
    write_split(folder / "split.csv", prepared, recipe, trial.rehearsed)


def write_split(out: Path, prepared: Prepared, recipe: Recipe, rehearsed: list[str]) -> None:
    """One row a clip, part by part, in the order in which the run has them. Clips that were `rehearsed` go with the
    script; the others lie in the data."""
    roots = [
        folders.folder(Path(data), paths.work(Path(data)))[0] for data in (recipe.data, recipe.test or recipe.data)
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


# --- when it is taken home ------------------------------------------------------------------------


def export(task: Task, run: Path, out: Path) -> Path:
    """train.py, the pretrained model, the split, and the versions it ran with; a zip when `out` ends in .zip.

    Raises InputError with one sentence where the run cannot be repeated by a script.
    """
    model = predict.model_folder(run)
    missing = _("its model is no Whisper, and scripts are made of runs of Whisper")
    kept = script.kept_of(run, missing, _("accepted: such a run"), config=predict.OWN)
    if kept["refused"]:
        raise refusal(
            run, _("it {refused}, which the script cannot", refused=kept["refused"]), _("train it again without")
        )
    lesson = kept["script"]
    lesson["plans"] = {"fine-tuning": {name: lesson[name] for name in ("epochs", "stop", "patience", "rate")}}
    card = task.describe(lesson["model"])
    script.require_same_weights(run, card, kept["weights"])
    needs = (*NEEDS, "peft") if lesson["strategy"] == Strategy.LORA else NEEDS
    with parcel(out) as folder:
        recogniser.build(card).save(folder)
        template = Path(__file__).with_name("script_template.py")
        script.write(folder, template, lesson, run, needs, parts=[m.__name__ for m in (sound_parts, files, resampling)])
        (folder / "split.csv").write_bytes((model / "split.csv").read_bytes())
        with (model / "split.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if row["part"] == "rehearsed":
                    shutil.copyfile(samples.SHIPPED / "source" / row["file"], folder / row["file"])
    return out
