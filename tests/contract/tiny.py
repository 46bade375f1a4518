"""For each registered task: a model of under a million parameters, data it can learn in seconds, and new data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engines import registry
from engines.contract import Predictor, Strategy
from engines.control.policy.strategies import RANDOMISED
from templates.task import samples as signals
from tests import (
    alone,
    tiny_boxes,
    tiny_clip,
    tiny_control,
    tiny_detectors,
    tiny_series,
    tiny_speech,
    tiny_text,
    tiny_writers,
)
from tests.contract import odd_inputs


@dataclass(frozen=True)
class Tiny:
    """What the suite needs to know of a task beyond the contract."""

    model: str
    strategies: Mapping[Strategy, dict[str, Any]]
    """Settings that make a run of each declared strategy short."""
    bad_settings: Mapping[str, Any]
    """Setting -> a value that must be refused."""
    write_weights: Callable[[Path], None]
    """Puts the model's weights where HEADSTART_MODELS is looked in."""
    write_data: Callable[[Path], Path]
    """Labelled data of `examples` examples below a folder."""
    examples: int
    classes: Mapping[str, int]
    budgets: tuple[int, ...]
    write_new: Callable[[Path], tuple[Path, str]]
    """New data, and the name of the one bad example in them."""
    good_new: int
    """How many good examples are in the new data."""
    loads_back: Mapping[str, Callable[[Path, str, Predictor, Path], None]]
    """Export format -> asserts that (exported path, the snippet shown, the run's predictor, new data) agree.
    All formats but 'script', which is run on the training data, and 'web', which a browser runs."""
    write_odd: Callable[[Path], Path]
    """New data below a folder that are hard to read: what an exported model is asked about, as predict is."""
    write_bad: Callable[[Path], Path] | None = None
    """New data of which nothing can be read; by default the bad file among the new data."""
    first_strategy: Strategy | None = None
    """The one that is compared with others and run again; by default the first declared."""
    predictions: int | None = None
    """Rows of predictions.parquet; by default one a test example."""
    not_learnt_from: frozenset[Strategy] = frozenset()
    """Strategies that use none of the training examples: their n_train is 0."""
    may_keep_what_came: bool = False
    """Whether the best epoch may be 0: nothing that was learnt was better than the model as it came."""
    accumulating: Mapping[str, Any] = field(default_factory=lambda: {"batch_size": 8, "gradient_accumulation": 2})
    """Settings with which the last step of an epoch is unlike the others."""
    long: Mapping[str, Any] = field(default_factory=lambda: {"epochs": 8, "patience": 8})
    """Settings of a run that is long enough to be killed in its middle."""
    change_data: Callable[[Path], None] | None = None
    """Puts other data in the same place; by default the last line or the first file goes."""
    models: Mapping[Strategy, str] = field(default_factory=dict)
    """Strategies that take another model than `model`."""
    of_one_class: bool = True
    """Whether an example of a task with classes is of one of them, and answers say how likely each is."""
    close: float = 1e-4
    """How near the numbers come that an exported model answers; those of boxes are rounded to hundredths of a pixel."""
    script: str = "train.py"
    """What the exported script is called: one that plays a policy does not train."""


# --- vision.classification ------------------------------------------------------------------------

COLOURS = {"amber": (214, 137, 16), "blue": (40, 90, 200), "green": (60, 150, 70), "red": (190, 40, 50)}
EACH = 12


def _picture(colour: tuple[int, int, int], stripes: int, rng: np.random.Generator) -> Image.Image:
    """40 × 40 pixels of a colour with stripes and noise."""
    bright = np.sin(np.arange(40) * stripes / 40 * 2 * np.pi) * 30
    pixels = np.array(colour) + bright[None, :, None] + rng.normal(0, 45, (40, 40, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _write_pictures(folder: Path) -> Path:
    rng = np.random.default_rng(7)
    for label, colour in COLOURS.items():
        (folder / label).mkdir(parents=True)
        for number in range(EACH):
            _picture(colour, 2, rng).save(folder / label / f"{number:02d}.png")
    (folder / "grey").mkdir()
    for number in range(EACH):
        _picture((120, 120, 120), 8, rng).save(folder / "grey" / f"{number:02d}.png")
    return folder


def _write_new_pictures(folder: Path) -> tuple[Path, str]:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(8)
    for label, colour in COLOURS.items():
        _picture(colour, 2, rng).save(folder / f"{label}.png")
    whole = (folder / "red.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    return folder, "cut.png"


def _write_test_resnet(models: Path) -> None:
    """Random weights, always the same."""
    import timm
    import torch
    from safetensors.torch import save_file

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = timm.create_model("test_resnet")
    (models / "test_resnet").mkdir(parents=True, exist_ok=True)
    save_file(model.state_dict(), models / "test_resnet" / "model.safetensors")


def _write_detectors(models: Path) -> None:
    _write_test_resnet(models)
    tiny_detectors.write_detr(models)
    tiny_detectors.write_detr(models, tiny_detectors.DETR_OF_TWO, {0: "Amber", 1: "blue"})


def _write_image_models(models: Path) -> None:
    _write_test_resnet(models)
    tiny_clip.write(models, "tiny-clip")


def _safetensors_load_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The lines shown on screen, run in a fresh process that knows nothing of Headstart, give the same logits."""
    import torch

    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    picture = next(path for path in sorted(new.iterdir()) if path.name != "cut.png")
    inputs = predictor.inputs(picture)  # type: ignore[attr-defined]
    np.save(exported / "inputs.npy", inputs.cpu().numpy())
    shutil.copyfile(picture, exported / "picture.jpg")
    lines = f"{snippet}\nimport numpy, torch\nwith torch.no_grad():\n"
    lines += "    logits = model(torch.from_numpy(numpy.load('inputs.npy')))\n"
    lines += "numpy.save('logits.npy', logits.numpy())\nprint(*config['label_names'])"
    said, names = alone.printed(lines, exported).splitlines()
    assert said in names.split() == sorted([*COLOURS, "grey"])
    with torch.no_grad():
        expected = predictor.model(inputs).cpu().numpy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.load(exported / "logits.npy"), expected, atol=1e-5)


def _onnx_loads_back(exported: Path, _snippet: str, predictor: Predictor, new: Path) -> None:
    """usage.py that lies beside the file, run where there is no torch, names what the predictor names."""
    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    assert {path.name for path in exported.iterdir()} == {
        "model.onnx",
        "config.json",
        "labels.txt",
        "usage.py",
        "requirements.txt",
        "README.md",
        "recipe.json",
    }
    pictures = [path for path in sorted(new.iterdir()) if path.name != "cut.png"]
    lines = "import sys, runpy\nsys.modules['torch'] = None\nrunpy.run_path('usage.py', run_name='__main__')"
    command = [sys.executable, "-c", lines, *map(str, pictures)]
    ended = subprocess.run(command, cwd=exported, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    labels = {row["file"]: row["label"] for row in predictor.predict(new) if "label" in row}
    answers = [json.loads(line) for line in ended.stdout.splitlines()]
    assert {answer["file"]: answer["label"] for answer in answers} == labels


# --- text.sentiment -------------------------------------------------------------------------------


def _write_bad_texts(folder: Path) -> Path:
    (folder / "nothing.csv").write_text('text,number\n"",1\n"",2\n', encoding="utf-8")
    return folder / "nothing.csv"


def _text_model_loads_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The three lines shown on screen, run in a fresh process that knows nothing of Headstart, give the same logits."""
    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    texts = [row["text"] for row in predictor.predict(new) if "text" in row]
    (exported / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    lines = "import transformers.dynamic_module_utils as dynamic\ndynamic.HF_MODULES_CACHE = 'modules'\n"
    lines += f"{snippet}\nimport json, numpy, torch\ntexts = json.load(open('texts.json'))\n"
    lines += "inputs = tokenizer(texts, padding=True, return_tensors='pt')\n"
    lines += "names = {k: inputs[k] for k in ('input_ids', 'attention_mask')}\n"
    lines += "with torch.no_grad():\n    numpy.save('logits.npy', model(**names).logits.numpy())\n"
    lines += "print(*model.config.id2label.values())"
    assert alone.printed(lines, exported).split() == sorted(tiny_text.CLASSES)
    logits = predictor.logits(texts).numpy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(np.load(exported / "logits.npy"), logits, atol=1e-5)


# --- text.generation, text.translation ------------------------------------------------------------


def _write_no_questions(folder: Path) -> Path:
    (folder / "nothing.csv").write_text('prompt,number\n"",1\n"",2\n', encoding="utf-8")
    return folder / "nothing.csv"


def _writing_model_loads_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The three lines shown on screen, run in a fresh process that knows nothing of Headstart, write the same."""
    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    row = next(row for row in predictor.predict(new) if "error" not in row)
    ids = predictor.prompt(row["text"])  # type: ignore[attr-defined]
    limit = predictor.limit(ids)  # type: ignore[attr-defined]
    lines = f"{snippet}\nimport torch\nids = torch.tensor([{ids}])\nwith torch.no_grad():\n"
    lines += f"    new = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens={limit + 1}, "
    lines += "do_sample=False, num_beams=1, pad_token_id=tokenizer.pad_token_id)[0]\n"
    lines += f"new = (new[1:] if model.config.is_encoder_decoder else new[ids.shape[1]:])[:{limit}]\n"
    lines += "open('written.txt', 'w', encoding='utf-8').write(tokenizer.decode(new, skip_special_tokens=True).strip())"
    alone.printed(lines, exported)
    assert (exported / "written.txt").read_text(encoding="utf-8") == row["label"]


WRITING = {
    Strategy.LORA: {"epochs": 3, "lora_rank": 2},
    Strategy.PARTIAL: {"epochs": 3, "blocks": 1},
    Strategy.FULL: {"epochs": 3},
    Strategy.ZERO_SHOT: {},
    Strategy.SCRATCH: {"epochs": 3},
}
# --- speech ---------------------------------------------------------------------------------------


def _recogniser_loads_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The three lines shown on screen, run in a fresh process that knows nothing of Headstart, write the same words."""
    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    import soundfile

    from engines.speech.models import whisper

    lines = f"{snippet}\nimport soundfile\nsound = soundfile.read('clip.wav', dtype='float32')[0]\n"
    lines += "features = processor(sound, sampling_rate=16000, return_tensors='pt').input_features\n"
    lines += "written = model.generate(features, max_new_tokens=8)\n"
    lines += "open('heard.txt', 'w').write(processor.batch_decode(written, skip_special_tokens=True)[0])"
    soundfile.write(exported / "clip.wav", tiny_speech.tone(1.0), 16_000)
    alone.printed(lines, exported)
    model = predictor.recogniser  # type: ignore[attr-defined]
    features = model.hear(soundfile.read(exported / "clip.wav", dtype="float32")[0])
    states = model.model.model.encoder(features.T[None]).last_hidden_state
    (tokens,) = whisper.greedy(model.model, states, model.prompt, [8])
    expected = model.tokenizer.decode(tokens, skip_special_tokens=True)
    assert (exported / "heard.txt").read_text(encoding="utf-8") == expected
    assert predictor.predict(new)


def _voices_load_back(exported: Path, snippet: str, predictor: Predictor, _new: Path) -> None:
    """The lines shown on screen, run where there is no Headstart, name the same voices."""
    if exported.suffix == ".zip":
        zipfile.ZipFile(exported).extractall(exported.with_suffix(""))
        exported = exported.with_suffix("")
    np.save(exported / "sound.npy", tiny_speech.tone(2.0)[:, 0])
    lines = f"import numpy, sys\nsys.path.insert(0, '.')\n{snippet}\nwith torch.no_grad():\n"
    lines += "    numpy.save('logits.npy', model(looks(numpy.load('sound.npy'))[None])[0].numpy())\n"
    lines += "print('|'.join(config['label_names']))"
    assert alone.printed(lines, exported).strip().split("|") == sorted(tiny_speech.VOICES)
    logits = np.load(exported / "logits.npy").astype(float)
    probabilities, _ = predictor.ask(np.load(exported / "sound.npy"))  # type: ignore[attr-defined]
    cooled = np.exp(logits / predictor.temperature)  # type: ignore[attr-defined]
    np.testing.assert_allclose(cooled / cooled.sum(), probabilities, atol=1e-5)


# --- templates/task -------------------------------------------------------------------------------


def _write_new_signals(folder: Path) -> tuple[Path, str]:
    """Four signals, and one with a hole in it."""
    header, *rows = signals.make(folder).read_text(encoding="utf-8-sig").splitlines()
    bad = rows[5].replace(rows[5].split(",")[7], "n/a", 1)
    (folder / "new.csv").write_text("\n".join([header, *rows[:: signals.A_CLASS], bad]), encoding="utf-8")
    return folder / "new.csv", "line 6"


def _write_bad_signals(folder: Path) -> Path:
    (folder / "nothing.csv").write_text(f"{','.join(f'v{n}' for n in range(64))}\n{',' * 62}7\n", encoding="utf-8")
    return folder / "nothing.csv"


def _signals_load_back(exported: Path, snippet: str, predictor: Predictor, new: Path) -> None:
    """The lines shown on screen, run where there is no Headstart, name the same classes."""
    lines = new.read_text(encoding="utf-8").splitlines()[1:-1]
    np.save(exported / "signals.npy", np.array([line.split(",")[:64] for line in lines], dtype=np.float32))
    program = f"import numpy, sys, torch\nsys.path.insert(0, '.')\n{snippet}\nwith torch.no_grad():\n"
    program += "    logits = model(standardised(torch.from_numpy(numpy.load('signals.npy'))))\n"
    program += "print(*(config['label_names'][answer] for answer in logits.argmax(1)))"
    assert alone.printed(program, exported).split() == [
        row["label"] for row in predictor.predict(new) if "label" in row
    ]


SMALL = {"image_size": 64, "views": 2}
HEARD = {"epochs": 2, "batch_size": 8, "learning_rate": 1e-2, "forgetting": False, "rehearse": False, "curve": 0}
SHORT = {"epochs": 3}
FOUND = {"image_size": 64, "epochs": 3, "blocks": 2, "learning_rate": 5e-3}
NOTHING = {"image_size": 64}
TINY = {
    "vision.classification": Tiny(
        model="test_resnet",
        strategies={
            Strategy.FEATURES: SMALL | {"epochs": 3},
            Strategy.PROTOTYPES: SMALL,
            Strategy.PARTIAL: SMALL | {"epochs": 3, "blocks": 2, "folds": 0},
            Strategy.FULL: SMALL | {"epochs": 3},
            Strategy.LORA: SMALL | {"epochs": 3, "lora_rank": 2},
            Strategy.ZERO_SHOT: {},
            Strategy.SCRATCH: SMALL | {"epochs": 3},
        },
        models={Strategy.ZERO_SHOT: "tiny-clip"},
        bad_settings={"image_size": 7, "augment": "wild", "epochs": "many", "blocks": 0, "flip": "perhaps"},
        write_weights=_write_image_models,
        write_data=_write_pictures,
        examples=5 * EACH,
        classes=dict.fromkeys([*COLOURS, "grey"], EACH),
        budgets=(5, 20),
        write_new=_write_new_pictures,
        good_new=len(COLOURS),
        loads_back={"safetensors": _safetensors_load_back, "onnx": _onnx_loads_back},
        write_odd=odd_inputs.pictures,
    ),
    "vision.detection": Tiny(
        model="test_resnet",
        strategies=dict.fromkeys(registry.task("vision.detection").info.strategies, FOUND)
        | {Strategy.ZERO_SHOT: NOTHING},
        models={Strategy.LORA: tiny_detectors.DETR, Strategy.ZERO_SHOT: tiny_detectors.DETR_OF_TWO},
        bad_settings={"image_size": 7, "epochs": "many", "blocks": 0, "flip": "perhaps", "boxes": "round"},
        write_weights=_write_detectors,
        write_data=tiny_boxes.write_data,
        examples=tiny_boxes.PICTURES,
        classes=tiny_boxes.counts(),
        budgets=(6, 20),
        write_new=tiny_boxes.write_new,
        good_new=4,
        loads_back={"safetensors": tiny_boxes.snippet_loads_back, "onnx": tiny_boxes.onnx_loads_back},
        write_odd=odd_inputs.pictures,
        of_one_class=False,
        close=0.02,
    ),
    "text.sentiment": Tiny(
        model="tiny-bert",
        strategies={
            Strategy.FEATURES: SHORT,
            Strategy.PROTOTYPES: {},
            Strategy.PARTIAL: SHORT | {"blocks": 1},
            Strategy.FULL: SHORT,
            Strategy.LORA: SHORT | {"lora_rank": 2},
            Strategy.ZERO_SHOT: {},
            Strategy.SCRATCH: SHORT,
        },
        bad_settings={"max_tokens": 3, "epochs": "many", "blocks": 0, "learning_rate": "fast"},
        write_weights=tiny_text.write_bert,
        write_data=tiny_text.write_reviews,
        examples=len(tiny_text.CLASSES) * tiny_text.EACH,
        classes=dict.fromkeys(tiny_text.CLASSES, tiny_text.EACH),
        budgets=(5, 20),
        write_new=tiny_text.write_new_reviews,
        good_new=5,
        loads_back={"safetensors": _text_model_loads_back, "onnx": tiny_text.onnx_loads_back},
        write_odd=odd_inputs.texts,
        write_bad=_write_bad_texts,
    ),
    "text.generation": Tiny(
        model="tiny-gpt",
        strategies=WRITING,
        bad_settings={"max_tokens": 3, "epochs": "many", "blocks": 0, "learning_rate": "fast", "forgetting": "perhaps"},
        write_weights=tiny_text.write_gpt,
        write_data=tiny_writers.write_chats,
        examples=len(tiny_writers.SUMS),
        classes={},
        budgets=(4, 12),
        write_new=tiny_writers.write_new_questions,
        good_new=2,
        loads_back={"safetensors": _writing_model_loads_back},
        write_odd=odd_inputs.questions,
        write_bad=_write_no_questions,
    ),
    "text.translation": Tiny(
        model="tiny-marian",
        strategies=WRITING,
        bad_settings={"max_tokens": 3, "epochs": "many", "blocks": 0, "learning_rate": "fast", "beams": 0},
        write_weights=tiny_writers.write_marian,
        write_data=tiny_writers.write_pairs,
        examples=len(tiny_writers.SENTENCES),
        classes={},
        budgets=(4, 12),
        write_new=tiny_writers.write_new_sentences,
        good_new=2,
        loads_back={"safetensors": _writing_model_loads_back},
        write_odd=odd_inputs.sentences,
        write_bad=_write_no_questions,
    ),
    "forecasting.forecast": Tiny(
        model="fracast",
        strategies=dict.fromkeys(registry.strategies(), tiny_series.SETTINGS),
        bad_settings={"horizon": 0, "origins": "many", "frequency": "often", "arima": "perhaps", "inputs": "tea"},
        write_weights=lambda models: None,  # noqa: ARG005  (they come with the offline pack, and are small)
        write_data=tiny_series.write_series,
        examples=len(tiny_series.NAMES) * tiny_series.MONTHS,
        classes={},
        budgets=(32, 51),
        write_new=tiny_series.write_new_series,
        good_new=len(tiny_series.NAMES) * tiny_series.HORIZON,
        loads_back={"safetensors": tiny_series.loads_back},
        write_odd=odd_inputs.series,
        write_bad=tiny_series.write_bad_series,
        first_strategy=Strategy.FULL,
        predictions=tiny_series.FORECASTS,
    ),
    "speech.transcription": Tiny(
        model="tiny-whisper",
        strategies={
            Strategy.PARTIAL: HEARD | {"blocks": 1, "forgetting": True, "rehearse": True, "curve": 1},
            Strategy.FEATURES: HEARD,
            Strategy.FULL: HEARD | {"augment": "both"},
            Strategy.LORA: HEARD | {"lora_rank": 2},
            Strategy.ZERO_SHOT: {"forgetting": False},
        },
        bad_settings={"augment": "wild", "epochs": "many", "blocks": 0, "mix": 2, "curve": -1},
        write_weights=tiny_speech.write_models,
        write_data=lambda folder: tiny_speech.write_clips(folder, 24),
        examples=24,
        classes={},
        budgets=(12, 40),
        write_new=tiny_speech.write_new,
        good_new=2,
        loads_back={"safetensors": _recogniser_loads_back},
        write_odd=odd_inputs.sounds,
    ),
    "speech.speaker": Tiny(
        model="ge2e",
        strategies={
            Strategy.FEATURES: {"epochs": 3},
            Strategy.PROTOTYPES: {},
            Strategy.PARTIAL: {"epochs": 3, "blocks": 1},
            Strategy.FULL: {"epochs": 3},
            Strategy.SCRATCH: {"epochs": 3},
        },
        bad_settings={"augment": "wild", "epochs": "many", "blocks": 0, "learning_rate": "fast"},
        write_weights=tiny_speech.write_models,
        write_data=lambda folder: tiny_speech.write_voices(folder),
        examples=len(tiny_speech.VOICES) * tiny_speech.A_VOICE,
        classes=dict.fromkeys(tiny_speech.VOICES, tiny_speech.A_VOICE),
        budgets=(12, 45),
        write_new=tiny_speech.write_new,
        good_new=2,
        loads_back={"safetensors": _voices_load_back},
        write_odd=odd_inputs.sounds,
    ),
    "control.policy": Tiny(
        model="pendulum",
        strategies=dict.fromkeys(registry.task("control.policy").info.strategies, tiny_control.SETTINGS),
        bad_settings={"real_steps": 0, "episodes": "many", "spread": 2, "learning_rate": "fast", "robot": "toaster"},
        write_weights=lambda models: None,  # noqa: ARG005  (they come with the project, and are small)
        write_data=tiny_control.write_target,
        examples=tiny_control.REAL_STEPS + tiny_control.EPISODES * tiny_control.REPEATS,
        classes={},
        budgets=(60, 120),
        write_new=tiny_control.write_observations,
        good_new=len(tiny_control.OBSERVATIONS),
        loads_back={"sb3": tiny_control.sb3_loads_back, "onnx": tiny_control.onnx_loads_back},
        write_odd=odd_inputs.observations,
        write_bad=tiny_control.write_bad_observations,
        not_learnt_from=frozenset({Strategy.ZERO_SHOT, RANDOMISED}),
        may_keep_what_came=True,
        accumulating={},
        long={"epochs": 8},
        change_data=tiny_control.change_target,
        script="play.py",
    ),
    "example.shapes": Tiny(
        model="waves",
        strategies={
            Strategy.FEATURES: SHORT,
            Strategy.PARTIAL: SHORT | {"blocks": 2},
            Strategy.FULL: SHORT,
            Strategy.SCRATCH: SHORT,
        },
        bad_settings={"batch_size": 0, "epochs": "many", "blocks": 0, "learning_rate": "fast", "baseline": "perhaps"},
        write_weights=lambda models: None,  # noqa: ARG005  (they come with the template, and are small)
        write_data=signals.make,
        examples=4 * signals.A_CLASS,
        classes=dict.fromkeys(("beating", "fading", "knocking", "rising"), signals.A_CLASS),
        budgets=(8, 40),
        write_new=_write_new_signals,
        good_new=4,
        loads_back={"safetensors": _signals_load_back},
        write_odd=lambda folder: _write_new_signals(folder)[0],
        write_bad=_write_bad_signals,
    ),
}
