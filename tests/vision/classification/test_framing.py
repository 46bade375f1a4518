"""Wide pictures whose class shows at both ends: what is exported frames them as the run did."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from engines.contract import Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from engines.vision.classification import predict
from engines.vision.classification.task import Classification

TASK = Classification()
WIDE = Path(__file__).parents[2] / "cases" / "vision-ends-of-wide-pictures.zip"
DARK = WIDE.with_name("vision-eight-bits-in-sixteen.zip")


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A tiny network with random weights; one thread."""
    folder, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    torch.manual_seed(0)
    (folder / "test_efficientnet").mkdir()
    save_file(timm.create_model("test_efficientnet").state_dict(), folder / "test_efficientnet" / "model.safetensors")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        yield
    torch.set_num_threads(threads)


def trained(path: Path, data: Path, **settings: object) -> RunFolder:
    given = {"folds": 0, "image_size": 128, "augment": "none", "views": 1, "learning_rate": 0.01, **settings}
    run = RunFolder.create(
        Recipe(TASK.info.name, str(data), "test_efficientnet", Strategy.FEATURES, settings=given), path
    )
    assert worker.execute(run) == worker.DONE, run.state
    return run


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, Path]:
    folder = tmp_path_factory.mktemp("wide")
    run = trained(folder / "run", WIDE, epochs=300)
    return run, TASK.export(run.path, "safetensors", folder / "exported")


def test_timms_own_transform_frames_pictures_as_the_run_did(exported: tuple[RunFolder, Path], tmp_path: Path) -> None:
    run, folder = exported
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["pretrained_cfg"]["crop_mode"] == "border"
    model = timm.create_model(config["architecture"], num_classes=2).eval()
    model.load_state_dict(load_file(folder / "model.safetensors"))
    transform = timm.data.create_transform(**timm.data.resolve_data_config(pretrained_cfg=config["pretrained_cfg"]))
    zipfile.ZipFile(WIDE).extractall(tmp_path)
    rows = TASK.load(run.path).predict(tmp_path)
    assert [row["label"] for row in rows] == [row["file"].split("/")[0] for row in rows]
    assert len(rows) == 20
    for row in rows:
        with torch.no_grad(), Image.open(tmp_path / row["file"]) as picture:
            logits = model(transform(picture.convert("RGB"))[None])[0]
        assert config["label_names"][logits.argmax()] == row["label"], row["file"]


def test_the_lines_go_from_a_picture_to_its_class(exported: tuple[RunFolder, Path]) -> None:
    run, folder = exported
    Image.new("RGB", (192, 48), "gray").save(folder / "picture.jpg")
    command = [sys.executable, "-W", "ignore", "-c", predict.SNIPPET]
    alone = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert alone.returncode == 0, alone.stderr
    [row] = TASK.load(run.path).predict(folder / "picture.jpg")
    assert alone.stdout.strip() == row["label"]


def test_a_run_reads_new_pictures_in_the_bits_of_its_own(tmp_path: Path) -> None:
    """Eight bits in sixteen: neither what was learnt from nor what is asked later is black."""
    run = trained(tmp_path / "run", DARK, epochs=2)
    zipfile.ZipFile(DARK).extractall(tmp_path / "new")
    predictor = TASK.load(run.path)
    assert predictor.format.white == 255
    assert predictor.format.read(tmp_path / "new/stripes/4.png").max() > 200
    Image.fromarray(np.full((32, 32), 4000, np.uint16)).save(tmp_path / "bright.png")
    [row] = predictor.predict(tmp_path / "bright.png")
    assert row["note"] == "its grey reaches 4000, and all above 255 is white"
    thumbnails = sorted((run.path / "thumbnails").glob("*.jpg"))
    assert max(np.asarray(Image.open(path)).max() for path in thumbnails) > 150
    script = TASK.export(run.path, "script", tmp_path / "script")
    command = [sys.executable, "-I", "-W", "ignore", str(script / "train.py"), str(tmp_path / "new")]
    alone = subprocess.run(command, cwd=script, capture_output=True, text=True, timeout=120)
    assert alone.returncode == 0, alone.stderr
    ours, theirs = (load_file(folder / "model.safetensors") for folder in (run.path / "model", script))
    for name, tensor in ours.items():
        torch.testing.assert_close(theirs[name], tensor, atol=1e-4, rtol=1e-4)


def test_what_is_asked_of_several_pages_is_answered_of_the_first(
    exported: tuple[RunFolder, Path], tmp_path: Path
) -> None:
    pages = [Image.new("RGB", (192, 48), colour) for colour in ("gray", "white", "black")]
    pages[0].save(tmp_path / "three.tif", save_all=True, append_images=pages[1:])
    pages[0].save(tmp_path / "one.tif")
    one, three = TASK.load(exported[0].path).predict(tmp_path)
    assert three["note"] == "the first of 3 pictures in it"
    assert "note" not in one
    assert three["probabilities"] == pytest.approx(one["probabilities"])
