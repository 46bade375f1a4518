"""A run taken home: as a script that repeats it without Headstart, and as an ONNX file that answers as it does."""

from __future__ import annotations

import ast
import csv
import json
import re
import shutil
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engines import paths
from engines.contract import InputError, Recipe, Strategy
from engines.exports.specialise import PLACE, specialised
from engines.jobs import worker
from engines.runs import RunFolder
from engines.training import convolutions
from engines.training.devices import has_bf16
from engines.vision.classification import export_onnx, export_script, predict
from engines.vision.classification.task import Classification
from tests import alone

TASK = Classification()
EACH = 10
COLOURS = {"=amber": (214, 137, 16), "blue": (40, 90, 200), "vert é": (60, 150, 70)}
"""One class has a name that a spreadsheet would compute."""


# --- pictures of every kind, and tiny networks ----------------------------------------------------


def picture(colour: tuple[int, int, int], rng: np.random.Generator) -> Image.Image:
    """Wide or high, about 60 pixels, of a colour that noise half hides."""
    height, width = rng.integers(40, 80, size=2)
    return Image.fromarray((np.array(colour) + rng.normal(0, 130, (height, width, 3))).clip(0, 255).astype(np.uint8))


def write_pictures(folder: Path, *, each: int = EACH, seed: int = 7, jpeg: bool = False) -> Path:
    """A folder a class; the first classes have more. Some are turned by EXIF, transparent, or 16-bit grey."""
    rng = np.random.default_rng(seed)
    for more, (label, colour) in zip((6, 3, 0), COLOURS.items(), strict=True):
        (folder / label).mkdir(parents=True)
        for number in range(each + more):
            image, path = picture(colour, rng), folder / label / f"{number:02d}"
            exif = Image.Exif()
            exif[0x0112] = 1 + number % 8
            if jpeg or number % 4 == 0:
                image.save(path.with_suffix(".jpg"), exif=exif)
            elif number % 4 == 1:
                image.putalpha(Image.fromarray(rng.integers(0, 256, image.size[::-1], dtype=np.uint8)))
                image.save(path.with_suffix(".png"))
            elif number % 4 == 2:
                Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 250).save(path.with_suffix(".png"))
            else:
                image.save(path.with_suffix(".webp"), lossless=True)
    return folder


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Random weights for timm's tiny networks, where they are looked for; one thread, which is enough for them."""
    folder, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    for name in ("test_resnet", "test_efficientnet", "test_vit"):
        torch.manual_seed(0)
        (folder / name).mkdir()
        save_file(timm.create_model(name).state_dict(), folder / name / "model.safetensors")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield folder
    torch.set_num_threads(threads)


def trained(path: Path, data: Path, strategy: Strategy, *, model: str = "test_resnet", **more: object) -> RunFolder:
    recipe = {name: more.pop(name) for name in ("test", "seed") if name in more}
    settings = {"epochs": 4, "views": 2, "folds": 0, **({"image_size": 64} if model == "test_resnet" else {}), **more}
    run = RunFolder.create(Recipe(TASK.info.name, str(data), model, strategy, settings=settings, **recipe), path)
    assert worker.execute(run) == worker.DONE, run.state
    return run


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run on features. Nobody writes into it."""
    folder = tmp_path_factory.mktemp("run")
    return trained(folder / "run", write_pictures(folder / "data"), Strategy.FEATURES)


@pytest.fixture
def copied(run: RunFolder, tmp_path: Path) -> Path:
    return Path(shutil.copytree(run.path, tmp_path / "copied"))


# --- the script -----------------------------------------------------------------------------------


def repeat(run: RunFolder, out: Path, *folders: Path) -> str:
    """Runs the exported script on its own; asserts that it ends where the run did. Returns the script."""
    folder = TASK.export(run.path, "script", out)
    ended = alone.run(folder / "train.py", *folders, cwd=folder)
    assert ended.returncode == 0, ended.stderr
    assert run.result is not None
    value = float(re.findall(r"balanced accuracy (\S+)", ended.stdout)[-1])
    assert value == pytest.approx(run.result.value, abs=1e-12)
    rows = pq.read_table(run.path / "predictions.parquet").to_pylist()
    answers = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    assert list(answers.values()) == [row["predicted"] for row in rows]
    ours, theirs = load_file(folder / "model.safetensors"), load_file(run.path / "model" / "model.safetensors")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, atol=1e-4, rtol=1e-4)
    return (folder / "train.py").read_text(encoding="utf-8")


def test_a_zip_seen_through_its_middle_and_varied_strongly(tmp_path: Path) -> None:
    """Pictures of every kind in uneven classes; another seed; the zip is unpacked for the script."""
    data = write_pictures(tmp_path / "data" / "wrapped")
    archive = Path(shutil.make_archive(str(tmp_path / "pictures"), "zip", data.parent))
    settings = {"framing": "crop", "augment": "strong", "flip": False, "label_smoothing": 0.0, "seed": 5}
    run = trained(tmp_path / "run", archive, Strategy.FEATURES, epochs=30, **settings)
    assert run.result is not None
    assert run.result.value < 1, "a perfect run could be repeated by luck"
    script = repeat(run, tmp_path / "out", data.parent)
    assert "fork_rng" in script
    assert [
        word for word in ("lora", "scratch", "fine-tuning", "edge", "Flip", "import copy\nimport csv") if word in script
    ] == ["import copy\nimport csv"]


@pytest.mark.parametrize("settings", [{}, {"shots": 2}, {"folds": 0, "refit": False}])
def test_averages_of_classes(settings: dict[str, object], tmp_path: Path) -> None:
    """In folds, of a few examples each, and without the held-out part: a script trains nothing either."""
    data = write_pictures(tmp_path / "data")
    run = trained(tmp_path / "run", data, Strategy.PROTOTYPES, **settings)
    script = repeat(run, tmp_path / "out", data)
    assert not [word for word in ("AdamW", "train_classes", "standard deviation") if word in script]


def test_a_head_on_a_few_examples_of_each_class(tmp_path: Path) -> None:
    data = write_pictures(tmp_path / "data")
    run = trained(tmp_path / "run", data, Strategy.FEATURES, shots=3, epochs=5)
    assert run.result is not None
    assert (run.result.n_train, run.result.n_validation) == (9, 0)
    assert any("3 photographs of each class are learnt from" in note for note in run.result.notes)
    repeat(run, tmp_path / "out", data)


def test_from_scratch_with_test_pictures_apart(tmp_path: Path) -> None:
    data, test = write_pictures(tmp_path / "data", jpeg=True), write_pictures(tmp_path / "test", each=4, seed=8)
    settings = {"augment": "none", "gradient_accumulation": 3, "balance": False, "batch_size": 4}
    run = trained(tmp_path / "run", data, Strategy.SCRATCH, test=str(test), epochs=6, **settings)
    script = repeat(run, tmp_path / "out", data, test)
    assert not (tmp_path / "out" / "pretrained.safetensors").exists()
    assert "load_file" not in script


def test_the_last_blocks_of_a_transformer_on_pictures_with_a_table(tmp_path: Path) -> None:
    """No validation, no variation; its stem is no plain row of layers."""
    pictures = write_pictures(tmp_path / "folders", each=5)
    (tmp_path / "data" / "images").mkdir(parents=True)
    rows = ["file_name,label"]
    for number, path in enumerate(sorted(path for path in pictures.rglob("*") if path.is_file())):
        shutil.copyfile(path, tmp_path / "data" / "images" / f"{number:03d}{path.suffix}")
        rows.append(f"images/{number:03d}{path.suffix},{path.parent.name}")
    table = tmp_path / "data" / "labels.csv"
    table.write_text("\n".join(rows), encoding="utf-8")
    settings = {"augment": "none", "validation_fraction": 0.0, "blocks": 3}
    run = trained(tmp_path / "run", table, Strategy.PARTIAL, model="test_vit", **settings)
    assert "_pos_embed" in repeat(run, tmp_path / "out", table.parent)


def test_the_last_blocks_of_a_convolutional_network(tmp_path: Path) -> None:
    """Its convolutions learn as the run's did, in the precision that the run chose."""
    data = write_pictures(tmp_path / "data", each=5)
    settings = {"model": "test_efficientnet", "image_size": 64, "blocks": 3}
    run = trained(tmp_path / "run", data, Strategy.PARTIAL, epochs=3, **settings)
    assert run.result is not None
    assert run.result.precision == ("bf16" if has_bf16() else "fp32")
    script = repeat(run, tmp_path / "out", data)
    assert "merged_convolutions" in script
    own = Path(convolutions.__file__).read_text(encoding="utf-8")
    assert (tmp_path / "out" / "convolutions.py").read_text(encoding="utf-8") == own


def test_a_whole_transformer_in_bf16(tmp_path: Path) -> None:
    """Its position codes belong to no stage; they learn as slowly as the first."""
    data = write_pictures(tmp_path / "data", each=5)
    run = trained(
        tmp_path / "run", data, Strategy.FULL, model="test_vit", mixed_precision="bf16", epochs=2, batch_size=16
    )
    assert "bfloat16" in repeat(run, tmp_path / "out", data)


def test_a_run_that_the_clock_stopped(tmp_path: Path) -> None:
    """The script makes as many epochs, however long they take."""
    data = write_pictures(tmp_path / "data", jpeg=True)
    run = trained(tmp_path / "run", data, Strategy.FEATURES, epochs=10_000, max_seconds=1, augment="none")
    assert run.result is not None
    assert run.result.epochs < 10_000
    script = repeat(run, tmp_path / "out", data)
    assert f"'stop': {run.result.epochs}" in script
    assert "65535" not in script, "JPEGs have no 16-bit grey"


def test_what_lies_beside_the_script(run: RunFolder, tmp_path: Path) -> None:
    with zipfile.ZipFile(TASK.export(run.path, "script", tmp_path / "script.zip")) as archive:
        archive.extractall(tmp_path / "script")
    folder = tmp_path / "script"
    assert {path.name for path in folder.iterdir()} == {
        "train.py",
        "split.csv",
        "requirements.txt",
        "pretrained.safetensors",
    }
    with (folder / "split.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    result = run.result
    assert result is not None
    parts = [row["part"] for row in rows]
    assert (parts.count("train"), parts.count("validation"), parts.count("test")) == (
        result.n_train,
        result.n_validation,
        result.n_test,
    )
    assert {row["label"] for row in rows} == {"'=amber", "blue", "vert é"}, "no cell is a formula"
    assert all((Path(run.recipe.data) / row["file"].removeprefix("'")).is_file() for row in rows)
    assert load_file(folder / "pretrained.safetensors").keys() == {
        name for name in timm.create_model("test_resnet").state_dict() if not name.startswith("fc.")
    }
    assert re.search(r"^timm==\d", (folder / "requirements.txt").read_text(), re.MULTILINE)
    lines = (folder / "train.py").read_text(encoding="utf-8").splitlines()
    assert max(map(len, lines)) <= 120
    assert len([line for line in lines if line.strip()]) < 245
    assert not [line for line in lines if str(tmp_path.parent) in line or str(Path.home()) in line]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda model: shutil.rmtree(model), "there is no trained model in it; accepted: a run that is done."),
        (
            lambda model: (model / "lesson.json").unlink(),
            "it was trained before scripts could be made of runs; train it again",
        ),
        (lambda model: alter(model, precision="fp16"), "it was trained in fp16, which the script cannot; accepted: "),
        (lambda model: alter(model, weights="0" * 64), "the pretrained weights of test_resnet on this machine are not"),
    ],
)
def test_what_cannot_be_repeated(copied: Path, tmp_path: Path, change, sentence: str) -> None:  # type: ignore[no-untyped-def]
    change(copied / "model")
    with pytest.raises(InputError) as caught:
        TASK.export(copied, "script", tmp_path / "script.zip")
    assert str(caught.value).startswith(f"run copied: {sentence}")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "script.zip").exists()


def alter(model: Path, **changes: str) -> None:
    lesson = json.loads((model / "lesson.json").read_text(encoding="utf-8"))
    (model / "lesson.json").write_text(json.dumps(lesson | changes), encoding="utf-8")


def write_archive(path: Path, parts: dict[str, int], *, channels: tuple[int, ...] = ()) -> Path:
    """A MedMNIST archive with so many pictures of two classes in each part."""
    rng, arrays = np.random.default_rng(0), {}
    for part, n in parts.items():
        labels = np.arange(n)[:, None] % 2
        shown = labels.reshape(n, *[1] * (2 + len(channels))) * 120
        arrays[f"{part}_images"] = (shown + rng.integers(0, 100, (n, 28, 28, *channels))).astype(np.uint8)
        arrays[f"{part}_labels"] = labels
    np.savez(path, **arrays)
    return path


def test_pictures_in_an_archive_in_a_zip(tmp_path: Path) -> None:
    """The script finds in a MedMNIST archive what the run found there; the zip is unpacked for it."""
    (tmp_path / "data").mkdir()
    data = write_archive(tmp_path / "data" / "tiny.npz", {"train": 16, "val": 6, "test": 8}, channels=(3,))
    with zipfile.ZipFile(tmp_path / "tiny.zip", "w") as archive:
        archive.write(data, data.name)
    run = trained(tmp_path / "run", tmp_path / "tiny.zip", Strategy.FEATURES, epochs=2)
    script = repeat(run, tmp_path / "out", data.parent)
    assert "np.load" in script
    assert "Image.open" not in script


def test_an_archive_beside_files_is_refused(tmp_path: Path) -> None:
    data, test = write_archive(tmp_path / "tiny.npz", {"train": 16}), tmp_path / "test"
    for label in ("0", "1"):
        (test / label).mkdir(parents=True)
        Image.new("L", (28, 28), 60 + 100 * int(label)).save(test / label / "0.png")
    run = trained(tmp_path / "run", data, Strategy.FEATURES, test=str(test), epochs=1)
    with pytest.raises(InputError, match=r"^run run: some of its pictures are files and others lie in a MedMNIST"):
        TASK.export(run.path, "script", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_recorded_run_keeps_its_head_alone_and_is_exported_all_the_same(copied: Path, tmp_path: Path) -> None:
    whole = load_file(copied / "model" / "model.safetensors")
    predict.keep_learnt_only(copied / "model")
    assert (TASK.export(copied, "script", tmp_path / "script") / "train.py").is_file()
    assert (TASK.export(copied, "onnx", tmp_path / "onnx") / "model.onnx").is_file()
    again = load_file(TASK.export(copied, "safetensors", tmp_path / "safetensors") / "model.safetensors")
    assert all(torch.equal(again[name], tensor) for name, tensor in whole.items())


def test_a_recorded_run_where_its_backbone_is_not(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict.keep_learnt_only(copied / "model")
    monkeypatch.setenv("HEADSTART_MODELS", str(tmp_path / "nowhere"))
    for format in TASK.info.exports:
        with pytest.raises(InputError, match=r"^model test_resnet: its weights are not on this machine"):
            TASK.export(copied, format, tmp_path / format)


# --- what is left of a script ---------------------------------------------------------------------


def left(script: str, **run: object) -> str:
    """What is left of the script, without the constants, which go once nothing asks for them."""
    return specialised(PLACE + textwrap.dedent(script), run).rpartition("\n}\n")[2].lstrip()


def test_a_script_keeps_what_its_constants_reach() -> None:
    script = """
    if RUN["kind"] == "a":
        # said of a
        first()
        while True:
            second()
    else:
        third()
    if not RUN["on"]:
        fourth()
    """
    assert left(script, kind="a", on=True) == "# said of a\nfirst()\nwhile True:\n    second()\n"
    assert left(script, kind="b", on=False) == "third()\nfourth()\n"


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("a", "if x:\n    one()\nelse:\n    two()\n"),
        ("b", "if x:\n    one()\nelif y:\n    three()\nelse:\n    four()\n"),
    ],
)
def test_a_decided_branch_between_others(kind: str, kept: str) -> None:
    script = """\
    if x:
        one()
    elif RUN["kind"] == "a":
        two()
    elif y:
        three()
    else:
        four()
    """
    assert left(script, kind=kind) == kept


def test_an_else_if_after_a_decided_branch() -> None:
    script = 'if RUN["kind"] in ("a", "b"):\n    one()\nelif y:\n    two()\n'
    assert left(script, kind="b") == "one()\n"
    assert left(script, kind="c") == "if y:\n    two()\n"


def test_what_nothing_uses_is_gone_and_so_are_its_own_needs() -> None:
    script = """\
    import math
    from os import path, sep


    @decorated
    def unused():
        return math.pi + needed()


    def needed():
        return sep


    print(path)
    """
    assert left(script) == "from os import path\n\n\nprint(path)\n"


def test_what_scripts_share_stands_in_them_as_far_as_they_ask_for_it() -> None:
    template = 'from engines.exports.script_parts import RUN, schedule\n\nprint(schedule(1, RUN["n"]))\n'
    script = specialised(template, {"n": 9})
    assert script.startswith("import math\nfrom typing import Any\n\nRUN: dict")
    assert re.findall(r"^def (\w+)", script, re.MULTILINE) == ["schedule"]
    assert script.endswith('print(schedule(1, RUN["n"]))\n')


@pytest.mark.parametrize("template", sorted(paths.PROJECT.glob("engines/*/*/script_template*.py")), ids=str)
def test_no_script_needs_headstart_or_says_a_name_twice(template: Path) -> None:
    script = specialised(template.read_text(encoding="utf-8"), {})
    assert "engines.exports" not in script
    names = [node.name for node in ast.parse(script).body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    assert len(set(names)) == len(names)


def test_the_constants_that_are_left_are_filled_in() -> None:
    filled = specialised(PLACE + 'print(RUN["b"], RUN["c"])\n', {"a": 1, "b": ["x" * 80] * 3, "c": None})
    values: dict[str, object] = {}
    exec(filled.replace("print", "values.update(found=RUN) or print"), {"values": values, "Any": object})  # noqa: S102
    assert values == {"found": {"b": ["x" * 80] * 3, "c": None}}
    assert max(map(len, filled.splitlines())) <= 120


@pytest.mark.parametrize("text", ["plain", "=1+1", "-1", "'quoted", "'=both"])
def test_no_cell_is_a_formula_and_every_cell_comes_back(text: str) -> None:
    cell = export_script.harmless(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell.removeprefix("'") == text


# --- ONNX -----------------------------------------------------------------------------------------


def test_an_onnx_file_says_what_goes_in_and_how_well_it_was_checked(run: RunFolder, tmp_path: Path) -> None:
    folder = TASK.export(run.path, "onnx", tmp_path / "onnx")
    assert (folder / "labels.txt").read_text(encoding="utf-8").split("\n") == [*COLOURS, ""]
    text = (folder / "README.md").read_text(encoding="utf-8")
    card = (run.path / "README.md").read_text(encoding="utf-8")
    assert text.startswith(card.partition("## Load it")[0])
    assert "timm.create_model" not in text
    assert "float32 `input` (N, 3, 64, 64)" in text
    assert "pictures of the test" in text
    held = (folder / "model.onnx").read_bytes()
    assert b"site-packages" not in held, "it tells nobody where our folders lie"
    assert str(Path(torch.__file__).parents[1]).encode() not in held


def test_an_onnx_file_takes_any_number_of_pictures(run: RunFolder, tmp_path: Path) -> None:
    import onnxruntime

    predictor = predict.Classifier(run.path)
    folder = TASK.export(run.path, "onnx", tmp_path / "onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    for n in (1, 3):
        inputs = torch.randn(n, 3, 64, 64, generator=torch.Generator().manual_seed(n))
        with torch.no_grad():
            expected = predictor.model(inputs).numpy()
        np.testing.assert_allclose(session.run(None, {"input": inputs.numpy()})[0], expected, atol=1e-5)


def test_an_onnx_file_that_answers_otherwise_is_not_handed_out(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = export_onnx.write

    def of_another_model(model: torch.nn.Module, *rest: object) -> None:
        write(model, *rest)  # type: ignore[arg-type]
        with torch.no_grad():
            model.fc.bias[1] += 2e-3  # type: ignore[union-attr, operator, index]

    monkeypatch.setattr(export_onnx, "write", of_another_model)
    with pytest.raises(
        InputError, match=r"^run run: its ONNX version answers otherwise than the model \(a logit differs"
    ):
        TASK.export(run.path, "onnx", tmp_path / "model.zip")
    assert not (tmp_path / "model.zip").exists()


def test_a_network_that_cannot_be_written(run: RunFolder, tmp_path: Path) -> None:
    class Undecided(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3)) if x.sum() > 0 else x.amax((2, 3))

    with pytest.raises(InputError, match=r"^run run: its layers cannot be written as ONNX; accepted: the format safe"):
        export_onnx.write(Undecided(), torch.zeros(2, 3, 8, 8), tmp_path / "model.onnx", run.path)
    assert not (tmp_path / "model.onnx").exists()


def test_without_pictures_of_its_own_the_check_is_on_random_ones(copied: Path) -> None:
    shutil.rmtree(copied / "thumbnails")
    inputs, what = export_onnx.probe(copied, predict.Classifier(copied))
    assert inputs.shape == (8, 3, 64, 64)
    assert "random pixels" in what
