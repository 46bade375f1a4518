"""A run on scans from end to end: what a clinic asks is told, it is no medical device, and no name is in it."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from engines import paths
from engines.contract import InputError, Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from engines.vision.classification import clinic, predict
from engines.vision.classification.task import Classification
from tests.vision.medical.test_scans import SECRET, below, pictures, planted, slice_of, written, zipped

TASK = Classification()


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    torch.manual_seed(0)
    (folder / "test_resnet").mkdir()
    save_file(timm.create_model("test_resnet").state_dict(), folder / "test_resnet" / "model.safetensors")
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        yield
    torch.set_num_threads(threads)


def trained(path: Path, data: Path, **settings: object) -> RunFolder:
    given = {"epochs": 3, "views": 1, "image_size": 64, **settings}
    run = RunFolder.create(Recipe(TASK.info.name, str(data), "test_resnet", Strategy.FEATURES, settings=given), path)
    assert worker.execute(run) == worker.DONE, run.state
    return run


def exported(run: RunFolder, format: str, out: Path) -> Path:
    TASK.export(run.path, format, out)
    return out


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_a_run_on_scans_tells_what_a_clinic_asks_and_names_nobody(tmp_path: Path) -> None:
    brought = tmp_path / "brought"
    for number in range(20):
        made = planted(slice_of("", number, PixelData=bright(number)))
        made.PatientID, made.Modality = f"{SECRET}{number}", "CT"
        written(brought / f"{'healthy' if number % 2 else 'lesion'}/{SECRET}_{number}/{SECRET}.dcm", made)
    archive = zipped(brought, paths.uploads() / "somebody" / "upload.zip")
    run = trained(tmp_path / "run", archive)
    assert run.result is not None
    details = run.result.details
    found = details["clinic"]
    assert (found["positive"], found["n"], found["patients"]) == ("lesion", 20, 20)
    assert (found["operating"]["on"], details["folds"]) == ("out-of-fold", 5)
    assert 0 <= found["auroc"]["low"] <= found["auroc"]["value"] <= found["auroc"]["high"] <= 1
    notice = str(clinic.NOTICE)
    for file in ("README.md", "report.html"):
        text = (run.path / file).read_text(encoding="utf-8")
        assert "Not a medical device" in text, file
        assert "area under the ROC curve" in text, file
    for format in ("safetensors", "onnx"):
        out = exported(run, format, tmp_path / "exports" / f"{format}.zip")
        with zipfile.ZipFile(out) as opened:
            assert "Not a medical device" in opened.read("README.md").decode()
            assert json.loads(opened.read("config.json"))["headstart"]["notice"] == notice
    with pytest.raises(InputError, match="it learnt from scans, which the script does not read"):
        exported(run, "script", tmp_path / "exports" / "script.zip")
    rows = predict.load(TASK, run.path).predict(next(brought.rglob("*.dcm")))
    assert [row["file"] for row in rows] == ["00001.png"]
    for place in (run.path, tmp_path / "exports", paths.home()):
        assert SECRET.lower().encode() not in below(place), place


def bright(number: int) -> bytes:
    """A slice of noise, brighter in the middle where it is of a lesion."""
    values = np.random.default_rng(number).integers(0, 900, (24, 24)).astype(np.int16)
    if number % 2 == 0:
        values[6:18, 6:18] += 900
    return values.tobytes()


def test_pictures_of_patients_come_with_the_notice_in_the_script_too(tmp_path: Path) -> None:
    names = [
        f"{label}/patient-{2 * n + (label == 'ill')}_{at}.png"
        for label in ("ill", "well")
        for n in range(6)
        for at in (1, 2)
    ]
    run = trained(tmp_path / "run", pictures(tmp_path / "data", names), folds=0, positive_class="ill", sensitivity=0.8)
    assert run.result is not None
    found = run.result.details["clinic"]
    assert (found["operating"]["on"], found["operating"]["wanted"]) == ("validation", 0.8)
    assert found["patients"] < found["n"]
    with zipfile.ZipFile(exported(run, "script", tmp_path / "script.zip")) as opened:
        assert "Not a medical device" in opened.read("NOTICE.txt").decode()


def test_what_is_looked_for_is_guessed_by_its_name() -> None:
    names = ["a"] * 3
    assert clinic.positive_class(["healthy", "tumour"], names, None) == "tumour"
    assert clinic.positive_class(["Malignant", "benign"], names, None) == "Malignant"
    assert clinic.positive_class(["0", "1"], names, None) == "1"
    assert clinic.positive_class(["a", "b"], ["a", "a", "b"], None) == "b"
    with pytest.raises(InputError, match="accepted: a, b"):
        clinic.positive_class(["a", "b"], names, "c")
