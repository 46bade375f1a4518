"""What may be chosen beside a strategy: resumed exactly, and repeated by the script or refused."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from engines.contract import Recipe, Strategy
from engines.data import folds
from engines.jobs import worker
from engines.runs import RIVAL, RunFolder
from engines.training import strategies
from engines.vision.classification.task import Classification
from engines.vision.images.batch_mixing import mixing
from engines.vision.images.transforms import LOOKS, InputFormat, look
from tests import alone
from tests.contract.test_resume import Disturbed, assert_same, killed
from tests.contract.test_runs import same_predictions
from tests.training import toys

TASK = Classification()
SMALL = {"image_size": 64, "views": 2, "epochs": 4, "folds": 0}


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


def repeated(whole: RunFolder, data: Path, out: Path) -> str:
    """Runs the exported script on its own; asserts that it ends where the run did. Returns the script."""
    folder = TASK.export(whole.path, "script", out)
    ended = alone.run(folder / "train.py", data, cwd=out)
    assert ended.returncode == 0, ended.stderr
    assert whole.result is not None
    value = re.findall(r"balanced accuracy (\S+)", ended.stdout)[-1]
    assert float(value) == pytest.approx(whole.result.value, abs=1e-12)
    answers = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    rows = pq.read_table(whole.path / "predictions.parquet").to_pylist()
    assert answers == {row["file"]: row["predicted"] for row in rows}
    ours, theirs = load_file(folder / "model.safetensors"), load_file(whole.path / "model" / "model.safetensors")
    assert ours.keys() == theirs.keys()
    for name, tensor in theirs.items():
        torch.testing.assert_close(ours[name], tensor, atol=1e-5, rtol=1e-5)
    return (folder / "train.py").read_text(encoding="utf-8")


CHOICES = {
    "features, its own rate, two looks": (Strategy.FEATURES, {"find_learning_rate": True, "test_time": "flip"}),
    "full, mixed and bit by bit": (
        Strategy.FULL,
        {"mix": "mixup", "augment": "randaugment", "gradual": True, "find_learning_rate": True, "batch_size": 16},
    ),
    "partial, bit by bit, in folds": (
        Strategy.PARTIAL,
        {"gradual": True, "blocks": 3, "folds": 2, "epochs": 2, "find_learning_rate": True},
    ),
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
    repeated(whole, tiny_photographs, tmp_path / "script")
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

BY_ITSELF = {"folds": None}


class DisturbedInFolds(Disturbed):
    """Is stopped when each phase begins, after the first epoch of each, and after each fold."""

    def emit(self, kind: str, **data: Any) -> None:
        super().emit(kind, **data)
        moment = (kind, f"fold {data.get('done')}")
        if data.get("phase") == "folds" and moment not in self.moments:
            self.moments.append(moment)
            self.request_cancel()


def test_few_pictures_are_tested_in_five_folds_by_themselves(tiny_photographs: Path, tmp_path: Path) -> None:
    of = recipe(tiny_photographs, Strategy.FEATURES, **BY_ITSELF, baseline="scratch")
    whole = run(tmp_path / "whole", of)
    result = whole.result
    assert result is not None
    rows = pq.read_table(whole.path / "predictions.parquet").to_pylist()
    assert len({row["file"] for row in rows}) == result.n_test == 60
    assert result.n_train + result.n_validation == 60
    assert result.details["folds"] == 5
    assert result.notes[0].startswith(
        "Tested in 5 folds: each of the 60 photographs by a network that had not seen it."
    )
    for file in ("README.md", "report.html"):
        assert "(each by a network that had not seen it, in 5 folds; this model has seen all)" in (
            whole.path / file
        ).read_text(encoding="utf-8")
    assert not (whole.path / "checkpoint").exists()
    assert not (whole.path / "learnt_from.parquet").exists(), "all of them are tested"
    caching = [event for event in whole.events() if event.kind == "phase" and event.data["name"] == "caching"]
    assert len([event for event in caching if "known" not in event.data["title"]]) == 1, "the frozen part ran once"
    one = run(tmp_path / "one", recipe(tiny_photographs, Strategy.FEATURES)).result
    assert one is not None
    assert one.n_test == 15
    assert "with folds=5 each of the 60 is tested." in one.notes[0]
    assert result.high - result.low < one.high - one.low

    # the baseline costs no more than one fold of 200 pictures would
    assert result.verdict is not None
    details = result.baseline_details["scratch"]
    assert result.verdict.difference.n == details["n"] == 37
    assert result.verdict.difference.value == pytest.approx(details["there"] - result.baselines["scratch"])
    assert any("compared on 37 of the 60 photographs" in note for note in result.notes)
    answers = {row["file"]: row["predicted"] for row in pq.read_table(whole.path / RIVAL).to_pylist()}
    assert len(answers) == 37
    asked = [row for row in rows if row["file"] in answers]
    classes = result.details["classes"]
    right = [[answers[row["file"]] == label for row in asked if row["label"] == label] for label in classes]
    assert np.mean([np.mean(own) for own in right]) == pytest.approx(result.baselines["scratch"])
    scratch = [event.data for event in whole.events() if event.kind == "epoch" and event.data["series"] == "scratch"]
    assert [row["epoch"] for row in scratch] == list(range(1, 21)), "one of its networks is shown while it learns"

    table = (whole.path / "model" / "split.csv").read_text(encoding="utf-8").splitlines()
    assert table[0] == "file,label,part,fold_1,fold_2,fold_3,fold_4,fold_5"
    assert sum(row.split(",")[3] == "test" for row in table[1:]) == 13


def test_tiny_data_get_as_many_folds_as_they_carry(tiny_photographs: Path, tmp_path: Path) -> None:
    """Three pictures of a class, and one of another, which trains and is never tested; stopped wherever it may be."""
    data = tmp_path / "data"
    for label, n in (("red", 3), ("blue", 3), ("green", 3), ("grey", 1)):
        (data / label).mkdir(parents=True)
        for number in range(n):
            shutil.copy(tiny_photographs / label / f"{number:02d}.png", data / label)
    of = recipe(data, Strategy.FEATURES, **BY_ITSELF, test_time="five-crop", refit=False, find_learning_rate=True)
    whole = run(tmp_path / "whole", of)
    assert whole.result is not None
    assert (whole.result.details["folds"], whole.result.n_test) == (3, 9)
    assert whole.result.n_train + whole.result.n_validation == 10
    assert "grey/00.png" not in pq.read_table(whole.path / "predictions.parquet")["file"].to_pylist()
    stopped = DisturbedInFolds(RunFolder.create(of, tmp_path / "stopped").path)
    for _ in range(30):
        stopped.clear_cancel()
        if worker.execute(stopped) == worker.DONE:
            break
    assert ("progress", "fold 2") in stopped.moments
    assert_same(stopped, whole)
    script = repeated(whole, data, tmp_path / "script")
    assert "five_crop" in script
    assert "use_rate" in script, "each fold has found its own"
    assert [word for word in ("read(test", "fine-tuning") if word in script] == []


def test_the_script_repeats_folds_in_which_the_whole_network_learns(tiny_photographs: Path, tmp_path: Path) -> None:
    of = recipe(tiny_photographs, Strategy.SCRATCH, folds=2, epochs=1, mix="cutmix")
    assert "CutMix" in repeated(run(tmp_path / "run", of), tiny_photographs, tmp_path / "script")


def test_killed_in_a_fold(tiny_photographs: Path, tmp_path: Path) -> None:
    """SIGKILL while the second of five networks learns: the first is not trained again."""
    of = recipe(tiny_photographs, Strategy.PARTIAL, **BY_ITSELF, blocks=2, epochs=3)
    made = RunFolder.create(of, tmp_path / "run")
    before = killed(made, when=lambda event: event.data.get("phase") == "folds")
    assert worker.execute(made) == worker.DONE
    assert any("Resumed fine-tuning after epoch 3" in e.data.get("message", "") for e in made.events(after=before - 1))
    assert_same(made, run(tmp_path / "undisturbed", of))


def test_what_is_not_tested_in_folds_by_itself(tiny_photographs: Path, tmp_path: Path) -> None:
    """A whole network, what the clock ends, and data that say themselves what decides."""
    full = run(tmp_path / "full", recipe(tiny_photographs, Strategy.FULL, **BY_ITSELF, epochs=1)).result
    clock = run(tmp_path / "clock", recipe(tiny_photographs, Strategy.FEATURES, **BY_ITSELF, max_seconds=60)).result
    parted = tmp_path / "parted"
    for number, path in enumerate(sorted(tiny_photographs.rglob("*.png"))):
        target = parted / ("validation" if number % 4 == 0 else "train") / path.parent.name / path.name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    own = run(tmp_path / "own", recipe(parted, Strategy.FEATURES, **BY_ITSELF)).result
    for result in (full, clock, own):
        assert result is not None
        assert "folds" not in result.details
        assert result.n_test < 20
        assert any("with folds=5 each of the 60 is tested." in note for note in result.notes)


def test_what_a_person_puts_right_moves_nothing_to_another_fold(tiny_photographs: Path, tmp_path: Path) -> None:
    right = json.dumps({"red/00.png": "blue", "red/01.png": None, "green/07.png": "grey"})
    tables = []
    for name, settings in (("before", {}), ("after", {"corrections": right})):
        made = run(tmp_path / name, recipe(tiny_photographs, Strategy.FEATURES, **BY_ITSELF, **settings))
        rows = (made.path / "model" / "split.csv").read_text(encoding="utf-8").splitlines()
        tables.append({row.split(",")[0]: row.split(",")[2:] for row in rows})
    before, after = tables
    assert before.pop("red/01.png")
    assert after == before


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=40), st.integers(0, 9))
def test_folds_test_each_example_once(examples: list[tuple[int, int]], seed: int) -> None:
    labels, groups = map(list, zip(*examples, strict=True))
    count = folds.by_itself(labels, groups)
    assert count == 0 or 2 <= count <= 5
    if count:
        drawn = folds.draw(labels, groups, count, seed)
        assert sorted(np.concatenate(drawn).tolist()) == list(range(len(labels)))
        assert len(drawn) > 1
        of_fold = {i: number for number, tested in enumerate(drawn) for i in tested.tolist()}
        for group in set(groups):
            assert len({of_fold[i] for i, other in enumerate(groups) if other == group}) == 1
    assert folds.by_itself(labels * 40, groups * 40) == (count if len(labels) * 40 < 200 else 0)


def test_folds_of_classes_that_are_smaller_than_their_number() -> None:
    """As they are drawn where somebody has made one class of several."""
    drawn = folds.draw(list("aabbcc"), list("uvwxyz"), 5, seed=0)
    assert sorted(map(len, drawn)) == [1, 1, 1, 1, 2]


@pytest.mark.parametrize(("n", "times"), [(10, 5), (40, 5), (60, 3), (100, 2), (101, 1), (180, 1), (900, 1)])
def test_the_baseline_of_few_pictures_gets_more_folds(n: int, times: int) -> None:
    assert folds.of_baseline(5, n) == times


def test_the_copies_of_a_picture_stay_in_one_fold(tiny_photographs: Path, tmp_path: Path) -> None:
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
        network,
        plan,
        toys.rows(40),
        None,
        settings,
        loss=F.cross_entropy,
        metric=toys.accuracy,
        run=toys.Notebook(tmp_path),
        accelerator=toys.on_cpu(),
        seed=5,
        unit="rows",
    )
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
