"""Features from an earlier block, with every classifier: the depth is followed from the card to every export."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from engines import registry
from engines.contract import InputError, Settings, Strategy
from engines.runs import RunFolder
from tests import alone
from tests.contract.conftest import Subject

DEPTH = 2


def offers(settings: type[Settings], name: str) -> bool:
    return name in settings.__dataclass_fields__ and name not in settings.hidden


ENDING = [name for name in registry.names() if offers(registry.task(name).settings, "depth")]
pytestmark = pytest.mark.parametrize("subject", ENDING, indirect=True, scope="package")


def test_every_classifier_can_end_early(subject: Subject) -> None:
    del subject
    assert ENDING == ["vision.classification", "text.sentiment", "speech.speaker"]


@pytest.fixture(scope="module")
def early(subject: Subject, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run on what the first `DEPTH` blocks see. Nobody writes into it."""
    return subject.run(tmp_path_factory.mktemp("runs") / "early", subject.recipe(Strategy.FEATURES, depth=DEPTH))


def test_what_is_left_out_is_not_there(early: RunFolder, subject: Subject) -> None:
    result, card = early.result, subject.task.describe(subject.tiny.model)
    assert result is not None
    drawn = card.network(Strategy.FEATURES, 1, len(subject.tiny.classes), depth=DEPTH)
    states = [block.state for block in drawn.blocks]
    assert states == ["frozen"] * DEPTH + ["left out"] * (len(card.stages) - DEPTH) + ["learns"]
    assert (result.parameters, result.trainable_parameters) == (drawn.parameters, drawn.learning)
    assert result.details["depth"] == DEPTH
    assert [bool(stage.get("left_out")) for stage in result.details["stages"]] == [s == "left out" for s in states[:-1]]
    assert f"the first {DEPTH} of its {len(card.stages)} blocks see" in (early.path / "README.md").read_text("utf-8")
    kept = load_file(early.path / "model" / "model.safetensors")
    buffers = ("running_mean", "running_var", "num_batches_tracked", "position_ids")
    assert sum(tensor.numel() for name, tensor in kept.items() if not name.endswith(buffers)) == result.parameters


def test_the_head_reads_what_the_study_calls_features(early: RunFolder, subject: Subject) -> None:
    """The network that is kept makes the test's logits of `Study.features` at its depth, by its last layer."""
    study = subject.task.open(early.recipe, early)
    features = study.features("test", depth=DEPTH)
    assert features is not None
    kept = load_file(early.path / "model" / "model.safetensors")
    head = next(name for name in kept if name in {"classifier.weight", "head.weight"}).removesuffix(".weight")
    logits = features.values @ kept[f"{head}.weight"].numpy().T + kept[f"{head}.bias"].numpy()
    rows = pq.read_table(early.path / "predictions.parquet").to_pylist()
    classes = study.prepared.classes  # type: ignore[attr-defined]
    if not early.result.details.get("folds"):  # type: ignore[union-attr]
        assert [classes[best] for best in logits.argmax(1)] == [row["predicted"] for row in rows]
    whole = study.features("test")
    assert whole is not None
    assert len(whole.values) == len(features.values)
    assert whole.values.shape != features.values.shape or not np.allclose(whole.values, features.values)


def test_the_same_seed_gives_the_same_number(early: RunFolder, subject: Subject, tmp_path: Path) -> None:
    again = subject.run(tmp_path / "again", replace(early.recipe, data_sha256=""))
    assert again.result is not None
    assert early.result is not None
    assert again.result.value == early.result.value
    for name in ("model.safetensors",):
        assert (again.path / "model" / name).read_bytes() == (early.path / "model" / name).read_bytes()


def test_every_export_answers_as_the_run(early: RunFolder, subject: Subject, tmp_path: Path) -> None:
    result, predictor = early.result, subject.task.load(early.path)
    assert result is not None
    for format, loads_back in subject.tiny.loads_back.items():
        exported = subject.task.export(early.path, format, tmp_path / format)
        loads_back(exported, result.details["load_snippet"], predictor, subject.new)
        new = (
            [path for path in sorted(subject.new.iterdir()) if path.name != subject.bad_file]
            if subject.new.is_dir()
            else [subject.new]
        )
        asked = alone.run(exported / "usage.py", *new, cwd=exported)
        assert asked.returncode == 0, asked.stderr
        said = {row["file"]: row["label"] for row in map(json.loads, asked.stdout.splitlines()) if "label" in row}
        assert said == {row["file"]: row["label"] for row in predictor.predict(subject.new) if "label" in row}


def test_its_script_repeats_it(early: RunFolder, subject: Subject, tmp_path: Path) -> None:
    if "script" not in subject.task.info.exports:
        pytest.skip(f"{subject.task.info.name} exports no script")
    folder = subject.task.export(early.path, "script", tmp_path / "script")
    ended = alone.run(folder / subject.tiny.script, subject.data, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert early.result is not None
    value = re.findall(r"balanced accuracy (\S+)", ended.stdout)[-1]
    assert float(value) == pytest.approx(early.result.value, abs=1e-12)
    answers = json.loads((folder / "predictions.json").read_text(encoding="utf-8"))
    rows = pq.read_table(early.path / "predictions.parquet").to_pylist()
    assert answers == {row["file"]: row["predicted"] for row in rows}


def test_an_explanation_at_a_depth(early: RunFolder, subject: Subject, tmp_path: Path) -> None:
    rows = subject.task.explain(early.path, subject.new, tmp_path / "explained")
    good = [row for row in rows if "error" not in row]
    assert len(good) == subject.tiny.good_new
    assert all("label" in row for row in good)


@pytest.mark.parametrize(
    ("strategy", "depth", "said"),
    [
        (Strategy.FULL, 1, "setting depth: found 1, but with 'full' the head reads what the whole network sees; "),
        (Strategy.FEATURES, 99, "setting depth: found 99; this network has .* blocks, accepted: 1 to .*, or 0 for all"),
    ],
)
def test_a_depth_that_makes_no_sense(
    subject: Subject, strategy: Strategy, depth: int, said: str, tmp_path: Path
) -> None:
    recipe = subject.recipe(strategy, depth=depth)
    with pytest.raises(InputError, match=said):
        subject.task.open(recipe, RunFolder.create(recipe, tmp_path / "run"))
