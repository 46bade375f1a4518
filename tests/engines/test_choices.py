"""What may be chosen beside a strategy: resumed exactly, and repeated by the script or refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from engines.contract import InputError, Recipe, Strategy
from engines.jobs import worker
from engines.runs import RunFolder
from engines.training import strategies
from engines.vision.classification import Classification
from engines.vision.mixing import mixing
from engines.vision.pixels import LOOKS, InputFormat, look
from tests.contract.test_resume import Disturbed, assert_same
from tests.contract.test_runs import same_predictions
from tests.engines import toys

TASK = Classification()
SMALL = {"image_size": 64, "views": 2, "epochs": 4}


def recipe(data: Path, strategy: Strategy, **settings: Any) -> Recipe:
    return Recipe(TASK.info.name, str(data), "test_resnet", strategy, settings=SMALL | settings)


def run(path: Path, of: Recipe) -> RunFolder:
    made = RunFolder.create(of, path)
    assert worker.execute(made) == worker.DONE, made.state
    return made


def resumed(path: Path, of: Recipe) -> Disturbed:
    """Stopped when each phase begins and after the first epoch of each."""
    made = Disturbed(RunFolder.create(of, path).path)
    for _ in range(30):
        made.clear_cancel()
        if worker.execute(made) == worker.DONE:
            return made
    raise AssertionError(made.moments)


CHOICES = {
    "features, its own rate": (Strategy.FEATURES, {"find_learning_rate": True}),
    "full, mixed and bit by bit": (
        Strategy.FULL,
        {"mix": "mixup", "augment": "randaugment", "gradual": True, "find_learning_rate": True, "batch_size": 16},
    ),
    "partial, bit by bit": (Strategy.PARTIAL, {"gradual": True, "blocks": 3}),
}


@pytest.mark.parametrize("choice", CHOICES)
def test_a_choice_is_resumed_exactly_and_its_script_repeats_it(
    tiny_photographs: Path, tmp_path: Path, choice: str
) -> None:
    strategy, settings = CHOICES[choice]
    of = recipe(tiny_photographs, strategy, **settings)
    whole = run(tmp_path / "whole", of)
    assert_same(resumed(tmp_path / "stopped", of), whole)
    assert whole.result is not None
    folder = TASK.export(whole.path, "script", tmp_path / "script")
    command = [sys.executable, "-I", "-W", "ignore", str(folder / "train.py"), str(tiny_photographs)]
    alone = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert alone.returncode == 0, alone.stderr
    value = re.findall(r"balanced accuracy (\S+)", alone.stdout)[-1]
    assert float(value) == pytest.approx(whole.result.value, abs=1e-12)
    answers = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    rows = pq.read_table(whole.path / "predictions.parquet").to_pylist()
    assert answers == {row["file"]: row["predicted"] for row in rows}
    if strategy is Strategy.FULL:
        assert whole.result.details["frozen"]["n"] == whole.result.n_validation
        assert whole.result.details["frozen"]["text"] in whole.result.notes


# --- looks at test time ---------------------------------------------------------------------------


def test_several_looks_are_averaged_in_the_test_and_in_what_is_kept(tiny_photographs: Path, tmp_path: Path) -> None:
    one = run(tmp_path / "one", recipe(tiny_photographs, Strategy.FEATURES))
    several = run(tmp_path / "several", recipe(tiny_photographs, Strategy.FEATURES, test_time="five-crop"))
    assert not same_predictions(one, several)
    rows = pq.read_table(several.path / "predictions.parquet").to_pylist()
    answers = TASK.load(several.path).predict(tiny_photographs)
    told = {row["file"]: row["probabilities"] for row in answers}
    for row in rows:
        for label, p in told[row["file"]].items():
            assert row[f"p_{label}"] == pytest.approx(p, abs=1e-4)
    with pytest.raises(InputError, match="it averages several looks at each picture, which the script does not"):
        TASK.export(several.path, "script", tmp_path / "script")


def test_the_looks() -> None:
    format = InputFormat(size=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), framing="crop", crop=4 / 6)
    squares = torch.arange(36, dtype=torch.uint8).reshape(1, 1, 6, 6).expand(1, 3, 6, 6)

    def seen(kind: str) -> list[list[int]]:
        return (look(squares, format, kind)[0, 0] * 255).round().int().tolist()

    plain = seen("")
    assert plain[0] == [7, 8, 9, 10]
    assert seen("flip") == [row[::-1] for row in plain]
    corners = [(picture[0][0], picture[-1][-1]) for picture in map(seen, LOOKS["five-crop"][1:])]
    assert corners == [(0, 21), (2, 23), (12, 33), (14, 35), (7, 28)]


# --- folds ----------------------------------------------------------------------------------------


def test_folds_test_every_picture_once_and_keep_a_model_of_all(tiny_photographs: Path, tmp_path: Path) -> None:
    of = recipe(tiny_photographs, Strategy.FEATURES, folds=3, baseline="scratch")
    whole = run(tmp_path / "whole", of)
    result = whole.result
    assert result is not None
    rows = pq.read_table(whole.path / "predictions.parquet").to_pylist()
    assert len({row["file"] for row in rows}) == result.n_test == 60
    assert result.n_train + result.n_validation == 60
    assert any(note.startswith("Tested in 3 folds: each of the 60 photographs by a network") for note in result.notes)
    assert result.verdict is not None
    assert result.verdict.difference.n == 20, "the baseline is compared on the pictures of one fold"
    assert result.baseline_details["scratch"]["epochs"] == 20
    single = run(tmp_path / "single", recipe(tiny_photographs, Strategy.FEATURES)).result
    assert single is not None
    assert result.high - result.low < single.high - single.low
    of = recipe(tiny_photographs, Strategy.FEATURES, folds=3)  # a baseline's result names its seconds
    assert_same(resumed(tmp_path / "stopped", of), run(tmp_path / "undisturbed", of))
    assert not (whole.path / "checkpoint").exists()
    caching = [event for event in whole.events() if event.kind == "phase" and event.data["name"] == "caching"]
    assert len([event for event in caching if "known" not in event.data["title"]]) <= 1, "the frozen part ran once"
    with pytest.raises(InputError, match="it was tested in folds, which the script does not"):
        TASK.export(whole.path, "script", tmp_path / "script")


def test_the_copies_of_a_picture_stay_in_one_fold(tiny_photographs: Path, tmp_path: Path) -> None:
    import shutil

    data = Path(shutil.copytree(tiny_photographs, tmp_path / "data"))
    for number in range(12):
        shutil.copy(data / "red" / f"{number:02d}.png", data / "red" / f"copy-{number:02d}.png")
    rows = pq.read_table(
        run(tmp_path / "run", recipe(data, Strategy.FEATURES, folds=3)).path / "predictions.parquet"
    ).to_pylist()
    told = {row["file"]: [row["p_red"], row["p_blue"]] for row in rows}
    for number in range(12):
        np.testing.assert_allclose(told[f"red/{number:02d}.png"], told[f"red/copy-{number:02d}.png"], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "test", "sentence"),
    [
        ({"folds": 13}, False, "setting folds: found 13; accepted: 0, or 2 to 12"),
        ({"folds": 3}, True, "setting folds: these data say themselves what is tested on"),
        ({"mix": "mixup"}, False, "setting mix: found 'mixup' with strategy features, whose frozen part sees every"),
    ],
)
def test_what_does_not_go_together_is_a_sentence(
    tiny_photographs: Path, tmp_path: Path, settings: dict[str, Any], test: bool, sentence: str
) -> None:
    of = recipe(tiny_photographs, Strategy.FEATURES, **settings)
    made = RunFolder.create(replace(of, test=str(tiny_photographs) if test else None), tmp_path / "run")
    assert worker.execute(made) == worker.WRONG_INPUT
    assert made.state[1].startswith(sentence)


# --- their pieces ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "boundary", "epochs", "first"),
    [
        (5, 0, 12, [4, 3, 2, 1, 0, 0]),
        (9, 0, 4, [4, 0, 0, 0]),  # all learn for half of the epochs
        (5, 3, 12, [4, 3, 3]),
        (5, 0, 1, [0]),
    ],
)
def test_stages_begin_to_learn_from_the_last(stages: int, boundary: int, epochs: int, first: list[int]) -> None:
    assert [strategies.first_learning(stages, boundary, epoch, epochs) for epoch in range(len(first))] == first


def test_a_stage_that_is_held_still_does_not_move(tmp_path: Path) -> None:
    from torch.nn import functional as F

    from engines.training.loop import train
    from engines.training.settings import TrainSettings

    settings = TrainSettings(gradual=True, device="cpu", mixed_precision="no", weight_decay=1.0)
    network = toys.staged()
    strategies.apply(network, Strategy.FULL, settings)
    before = {name: tensor.clone() for name, tensor in network.model.state_dict().items()}
    plan = toys.plan(strategy=Strategy.FULL, phase="fine-tuning", epochs=4, stop_after=1)
    train(
        network, plan, toys.rows(40), None, settings, loss=F.cross_entropy, metric=toys.accuracy,
        run=toys.Notebook(tmp_path), accelerator=toys.on_cpu(), seed=5, unit="rows",
    )  # fmt: skip
    moved = {n.split(".")[0] for n, t in network.model.state_dict().items() if not torch.equal(t, before[n])}
    assert moved == {"second", "head"}


@pytest.mark.parametrize("kind", ["mixup", "cutmix"])
def test_pictures_are_mixed_by_the_generator_alone(kind: str) -> None:
    mix = mixing(kind, 3)
    assert mix is not None
    inputs, labels = torch.rand(6, 3, 8, 8), torch.tensor([0, 1, 2, 0, 1, 2])
    first, again, other = (mix(inputs, labels, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first[0], again[0])
    assert not torch.equal(first[0], other[0])
    assert first[1].shape == (6, 3)
    assert torch.allclose(first[1].sum(1), torch.ones(6))
    share = first[1].max(1).values[0]
    assert torch.allclose(first[1].max(1).values, share.expand(6)), "one share for the batch"
    assert mixing("none", 3) is None
